//! Finding out for an agent whom its case is about. Only reads are done, with Belay's own credentials, in the time that the
//! playbook gives; what they show is a finding that the case keeps.

use belay_domain::{Actor, CaseId, Command, Epoch, Rejection};
use belay_playbook::{Answer, PreparedRead, Reads};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::{Answer as Reply, Carrying};
use crate::facts::case_facts;
use crate::sessions::{Notice, lease};
use crate::wire::Fault;

/// Reads that depend on reads that depend on reads: as many turns as there may be lookups.
const TURNS_MAX: usize = 20;

impl Carrying {
    pub(super) async fn identify(&self, case: &CaseId, epoch: Epoch, object: String) -> Reply {
        let found = self.case(case).await?;
        // Nothing is read for whoever does not hold the case; that they still do is decided again at the end.
        if lease(&found, self.agent(), epoch).is_none() {
            let (agent, current) = (self.agent().clone(), found.epoch);
            let stale = Rejection::StaleEpoch { given: epoch, current };
            let refused = if epoch == current { Rejection::NotOwner { agent } } else { stale };
            return Err(refused.into());
        }
        let playbook = self.house.playbooks.current();
        let Some((_, within)) = playbook.sought().find(|(known, _)| *known == object) else {
            let known: Vec<&str> = playbook.sought().map(|(known, _)| known).collect();
            let what = format!("is not looked for by this playbook; it has [{}]", known.join(", "));
            return Err(Fault::field("object", what));
        };
        let until = Instant::now() + std::time::Duration::try_from(within).unwrap_or_default();
        let (facts, context) = (case_facts(&found), found.context.entries());
        let mut reads = Reads::default();
        for _ in 0..TURNS_MAX {
            let open = playbook.lookups(&object, &facts, context, &reads);
            if open.is_empty() {
                break;
            }
            let answers = join_all(open.iter().map(|read| self.read(read, until))).await;
            for (read, answer) in open.iter().zip(answers) {
                reads.add(read, answer);
            }
        }
        let identification = playbook.identify(&object, &facts, context, &reads);
        let identification = Box::new(
            identification.ok_or_else(|| Fault::field("object", "is not looked for any more"))?,
        );
        let by = Actor::Agent { agent: self.agent().clone(), epoch };
        let found = identification.clone();
        self.command(case, Command::RecordIdentity { by, identification }).await?;
        Ok(Some(Notice::Identified { case: case.clone(), found }))
    }

    /// One read. What is not answered in time could not be read.
    async fn read(&self, read: &PreparedRead, until: Instant) -> Answer {
        let answer = timeout_at(until, self.house.governor.systems().read(read)).await;
        answer.unwrap_or_else(|_| Answer::Unreadable { detail: "no answer in time".to_owned() })
    }
}
