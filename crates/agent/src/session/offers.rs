//! Offers that stand, and the answers to them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use belay_api::v1;
use belay_api::v1::connect_request::Message;
use futures_util::FutureExt;
use tokio::sync::Notify;
use tracing::Instrument;

use super::{Ended, Session};
use crate::case::panic_message;
use crate::offer::Offer;
use crate::outcome::line;
use crate::shared::Shared;
use crate::specialist::{Answer, Work};
use crate::trace;

/// An offer that is being considered, or was accepted and is not assigned yet.
pub(super) struct Standing {
    pub(super) offer: Arc<Offer>,
    withdrawn: Arc<Notify>,
}

impl Standing {
    /// The offer is over; whoever considers it need not go on.
    pub(super) fn withdraw(&self) {
        self.withdrawn.notify_one();
    }
}

impl Session {
    /// An offer has come. Says whether its credit comes back only when it has been answered.
    pub(super) fn offered(
        &mut self,
        offer: v1::HandoffOffer,
        draining: bool,
        traceparent: &str,
    ) -> bool {
        let handoff = offer.handoff_id.clone();
        if self.offers.contains_key(&handoff) {
            return false;
        }
        let decline = |reason: &str| {
            self.shared.tell(decline(&handoff, reason.to_owned()));
            false
        };
        if draining {
            return decline("the agent is stopping");
        }
        let offer = match Offer::from_wire(offer, (self.shared.wall)()) {
            Ok(offer) => Arc::new(offer),
            Err(error) => {
                tracing::error!(handoff, %error, "offer declined");
                return decline("the context that arrived is not the one that was sent");
            }
        };
        let span = tracing::info_span!("offer", handoff, case = offer.about().id);
        trace::goes_on(&span, traceparent);
        let withdrawn = Arc::new(Notify::new());
        let answering = answer(
            Arc::clone(&self.work),
            Arc::clone(&self.shared),
            Arc::clone(&offer),
            Arc::clone(&withdrawn),
        );
        self.offers.insert(handoff.clone(), Standing { offer, withdrawn });
        self.tasks.spawn(
            async move {
                answering.await;
                Ended::Considered { handoff }
            }
            .instrument(span),
        );
        true
    }

    /// The offer under which a case was accepted.
    pub(super) fn accepted(&self, case: &str) -> Option<Arc<Offer>> {
        let standing = self.offers.values().find(|one| one.offer.about().id == case)?;
        Some(Arc::clone(&standing.offer))
    }
}

async fn answer(
    work: Arc<dyn Work>,
    shared: Arc<Shared>,
    offer: Arc<Offer>,
    withdrawn: Arc<Notify>,
) {
    let considering = AssertUnwindSafe(work.consider(&offer)).catch_unwind();
    let answer = tokio::select! {
        answer = tokio::time::timeout(shared.remaining(offer.deadline()), considering) => answer,
        () = withdrawn.notified() => return,
    };
    let accepted = match answer {
        // Silence counts as declined.
        Err(_) => return tracing::warn!("offer not considered in time"),
        Ok(Err(panic)) => {
            tracing::error!(panic = panic_message(&*panic), "considering an offer panicked");
            return shared.tell(decline(offer.handoff(), "the agent's program failed".to_owned()));
        }
        Ok(Ok(Answer::Decline(reason))) => {
            return shared.tell(decline(offer.handoff(), line(reason)));
        }
        Ok(Ok(Answer::Accept)) => shared.ask(Message::AcceptHandoff(v1::AcceptHandoff {
            handoff_id: offer.handoff().to_owned(),
            context_digest: offer.known().digest().to_string(),
        })),
    };
    // The session takes the case when the reply passes through it; here the offer is only kept until then.
    match accepted {
        Err(error) => tracing::warn!(%error, "offer not accepted"),
        Ok(reply) => match tokio::time::timeout(shared.patience.reply, reply).await {
            Ok(Ok(Ok(_))) => {}
            Ok(Ok(Err(refused))) => tracing::info!(%refused, "offer went to somebody else"),
            Ok(Err(_)) | Err(_) => tracing::warn!("no answer to an acceptance"),
        },
    }
}

fn decline(handoff: &str, reason: String) -> Message {
    Message::DeclineHandoff(v1::DeclineHandoff { handoff_id: handoff.to_owned(), reason })
}
