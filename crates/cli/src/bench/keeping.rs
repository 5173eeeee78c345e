//! Agents that take cases and do nothing with them, for measurements of what it costs to hold one, of what is noticed when an
//! agent is silent, and of what is there after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::connect_request::Message as Ask;
use belay_api::v1::connect_response::Message;
use jiff::Timestamp;

use super::line::{Heard, Line, Player, Say, digest_of, refused};
use super::meter::Meter;
use super::opening::Opener;
use super::playbook::KEEPER;
use super::stage::{Server, Stage};
use crate::exit::Failure;

/// The agents that keep cases.
pub(crate) struct Keeping {
    /// Who opens the cases.
    pub(crate) opener: Opener,
    /// Who hears of trouble.
    pub(crate) meter: Arc<Meter>,
    /// The end of the lease that ends last, in microseconds since 1970.
    last: Arc<AtomicU64>,
    _lines: Vec<Line>,
}

struct Keeper {
    opener: Opener,
    meter: Arc<Meter>,
    last: Arc<AtomicU64>,
}

impl Keeping {
    /// Connects the agents, for cases of this kind.
    pub(crate) async fn start(
        stage: &Stage,
        server: &Server,
        kind: &'static str,
    ) -> Result<Self, Failure> {
        let meter = Arc::new(Meter::new()?);
        let opener = Opener::new(kind, server, meter.clone()).await?;
        let last = Arc::<AtomicU64>::default();
        let mut lines = Vec::new();
        for agent in stage.staff().of(KEEPER) {
            let (opener, meter, last) = (opener.clone(), meter.clone(), last.clone());
            let player = Keeper { opener, meter: meter.clone(), last };
            let line = Line::open(&server.endpoint, stage.agent(&agent), KEEPER, player, meter);
            lines.push(line.await?);
        }
        Ok(Self { opener, meter, last, _lines: lines })
    }

    /// How long it is until all leases have ended.
    pub(crate) fn until_all_have_ended(&self) -> Duration {
        let now = u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default();
        Duration::from_micros(self.last.load(Ordering::Relaxed).saturating_sub(now))
    }
}

impl Player for Keeper {
    fn hear(&mut self, heard: Heard, say: &mut Say) {
        match heard.message {
            Message::HandoffOffer(offer) => {
                let Some(digest) = digest_of(&offer.context) else {
                    return self.meter.fail("a context arrived that cannot be read");
                };
                say.ask(Ask::AcceptHandoff(v1::AcceptHandoff {
                    handoff_id: offer.handoff_id,
                    context_digest: digest.to_string(),
                }));
            }
            // A case from before, told again to an agent that came back, is not one of those that were opened.
            Message::CaseAssigned(v1::CaseAssigned { restated: Some(_), .. }) => {}
            Message::CaseAssigned(assigned) => {
                let until = assigned.lease_until.map_or(0, |at| {
                    u64::try_from(at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000)
                        .unwrap_or_default()
                });
                self.last.fetch_max(until, Ordering::Relaxed);
                self.opener.is_ready();
            }
            Message::Rejected(rejected) => self.meter.fail(refused(&rejected)),
            _ => {}
        }
    }
}
