//! Asks for the coverage of every open case, over and over, and writes down each time it was told that somebody has it. At the
//! end every one of these answers is held against the journal and the desk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belay_domain::Timestamp;
use tokio::time::sleep;

use belay_api::v1;

use super::board::Board;
use crate::connection::Connection;
use crate::output::time;

/// How long it rests between two rounds.
const REST: Duration = Duration::from_millis(150);

/// One answer that said "covered".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The case.
    pub(crate) case: String,
    /// For which moment it was said.
    pub(crate) at: Timestamp,
    /// Who was said to have it.
    pub(crate) holder: Holder,
}

/// Who was said to have a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// An agent, under this epoch.
    Agent { agent: String, epoch: u64 },
    /// A person, by what this ticket showed at this moment.
    Person { person: String, ticket: String, sent_at: Timestamp },
}

/// All answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(Arc<Mutex<Vec<Claim>>>);

impl Claims {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Claim> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for ever.
    pub(crate) async fn gather(&self, connection: Connection, board: &Board) {
        loop {
            let open: Vec<String> = board.look(|sight| {
                let open = sight.cases.iter().filter(|(_, seen)| !seen.is_resolved());
                open.map(|(case, _)| case.clone()).collect()
            });
            for case in open {
                let request = v1::GetCoverageRequest { case_id: case };
                let call = connection.call(request);
                // While the supervisor is away it claims nothing.
                if let Ok(answer) = connection.coverage().get_coverage(call).await
                    && let Some(claim) = claim(answer.into_inner())
                {
                    self.0.lock().unwrap_or_else(PoisonError::into_inner).push(claim);
                }
            }
            sleep(REST).await;
        }
    }
}

/// What an answer claims, if it says that somebody has the case.
fn claim(answer: v1::GetCoverageResponse) -> Option<Claim> {
    let coverage = answer.coverage?;
    let at = time::moment(coverage.as_of.as_ref())?;
    let holder = match coverage.coverage? {
        v1::coverage::Coverage::CoveredByAgent(by) => {
            Holder::Agent { agent: by.agent_id, epoch: by.epoch }
        }
        v1::coverage::Coverage::CoveredByPerson(by) => {
            let evidence = by.evidence.unwrap_or_default();
            Holder::Person {
                person: by.person,
                ticket: evidence.ticket_id,
                // Without a moment there is no evidence, and the claim cannot stand.
                sent_at: time::moment(evidence.sent_at.as_ref()).unwrap_or(Timestamp::MAX),
            }
        }
        v1::coverage::Coverage::Pending(_)
        | v1::coverage::Coverage::Uncovered(_)
        | v1::coverage::Coverage::Closed(_)
        | v1::coverage::Coverage::Merged(_) => return None,
    };
    Some(Claim { case: answer.case_id, at, holder })
}
