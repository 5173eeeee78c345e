//! The half of the stream that the agent reads. It takes one message at a time from the session, when the
//! connection has room for it, so that nothing piles up here.

use std::pin::Pin;

use belay_api::v1::{self, ErrorReason, GoodbyeReason, connect_response};
use futures_util::{Stream, stream};
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;

use super::to_wire;
use crate::clock::Clock;
use crate::sessions::{Attached, Farewell, Outgoing};
use crate::wire::Fault;
use crate::wire::to_wire::span;

/// What the agent reads.
pub(super) type Speech =
    Pin<Box<dyn Stream<Item = Result<v1::ConnectResponse, Status>> + Send + 'static>>;

/// How a stream begins: with whom, and the first message; or why it does not.
pub(super) type Opening = Result<(Attached, v1::Registered), Fault>;

/// How long an agent should wait after a supervisor has left: as long as one takes to start.
const RECONNECT_AFTER_DRAINING: belay_domain::Span = belay_domain::Span::from_millis(500);

/// Where a stream is in its life.
enum Speaking {
    Opening(oneshot::Receiver<Opening>),
    Serving(Attached),
    Parting(Option<Fault>),
}

/// What the agent reads, what begins it, and what is cancelled once nobody reads any more.
pub(super) fn speech(clock: Clock) -> (Speech, oneshot::Sender<Opening>, CancellationToken) {
    let gone = CancellationToken::new();
    let (begin, beginning) = oneshot::channel();
    let state = (Speaking::Opening(beginning), gone.clone().drop_guard());
    let speech = stream::unfold(state, move |state| next(clock, state));
    (Box::pin(speech), begin, gone)
}

type State = (Speaking, DropGuard);
type Item = Result<v1::ConnectResponse, Status>;

async fn next(clock: Clock, (speaking, guard): State) -> Option<(Item, State)> {
    let (item, speaking) = match speaking {
        Speaking::Opening(beginning) => match beginning.await {
            Ok(Ok((attached, registered))) => {
                let message = connect_response::Message::Registered(registered);
                (Ok(envelope(message)), Speaking::Serving(attached))
            }
            Ok(Err(fault)) => (Err(fault.into()), Speaking::Parting(None)),
            // Whoever was to begin it is gone, and there is nothing to say.
            Err(_) => return None,
        },
        Speaking::Serving(attached) => match attached.session.next(attached.stream).await {
            Outgoing::Letter { number, ack, letter } => {
                let reply = to_wire::letter(number, ack, letter, clock.now());
                (Ok(reply), Speaking::Serving(attached))
            }
            Outgoing::Ack { ack } => {
                let reply = v1::ConnectResponse { ack, ..v1::ConnectResponse::default() };
                (Ok(reply), Speaking::Serving(attached))
            }
            Outgoing::Farewell(farewell) => match parting(farewell) {
                (Some(goodbye), fault) => {
                    let message = connect_response::Message::Goodbye(goodbye);
                    (Ok(envelope(message)), Speaking::Parting(fault))
                }
                (None, fault) => (Err(fault?.into()), Speaking::Parting(None)),
            },
        },
        Speaking::Parting(fault) => (Err(fault?.into()), Speaking::Parting(None)),
    };
    Some((item, (speaking, guard)))
}

fn envelope(message: connect_response::Message) -> v1::ConnectResponse {
    v1::ConnectResponse { message: Some(message), ..v1::ConnectResponse::default() }
}

/// The last message of a stream, and with what it ends.
fn parting(farewell: Farewell) -> (Option<v1::Goodbye>, Option<Fault>) {
    let goodbye = |reason: GoodbyeReason, detail: &str, again: Option<belay_domain::Span>| {
        Some(v1::Goodbye {
            reason: reason.into(),
            detail: detail.to_owned(),
            reconnect_after: again.map(span),
        })
    };
    match farewell {
        Farewell::Done => (None, None),
        Farewell::Broken(fault) => (None, Some(fault)),
        Farewell::Draining => {
            let detail = "the supervisor is shutting down; connect again shortly";
            let again = Some(RECONNECT_AFTER_DRAINING);
            let fault = Fault::new(ErrorReason::Draining, detail);
            (goodbye(GoodbyeReason::Draining, detail, again), Some(fault))
        }
        Farewell::TooOld => {
            let detail = "the connection has reached its age; connect again now";
            (goodbye(GoodbyeReason::TooOld, detail, Some(belay_domain::Span::ZERO)), None)
        }
        Farewell::Replaced => {
            let detail = "the same agent connected again, and that stream goes on";
            let fault = Fault::new(ErrorReason::SessionReplaced, detail);
            (goodbye(GoodbyeReason::Replaced, detail, None), Some(fault))
        }
        Farewell::TooSlow => {
            let detail = "messages waited too long; read and acknowledge them within 10 seconds";
            let again = Some(belay_domain::Span::from_secs(1));
            let fault = Fault::new(ErrorReason::TooSlow, detail);
            (goodbye(GoodbyeReason::TooSlow, detail, again), Some(fault))
        }
        Farewell::Revoked => {
            let detail = "the playbook no longer knows this agent in its roles";
            let fault = Fault::new(ErrorReason::UnknownAgent, detail);
            (goodbye(GoodbyeReason::Revoked, detail, None), Some(fault))
        }
    }
}
