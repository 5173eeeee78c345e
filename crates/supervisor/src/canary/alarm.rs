//! A canary failed: the people who run Belay are asked, as its playbook says. While they work on it, further failures
//! of the same queue are the same matter.

use belay_domain::{Actor, CaseTerms, Hasher, NewEntry, Provenance, Severity, Source, Span};
use belay_playbook::Canary;
use tracing::{error, info};

use super::Canaries;
use crate::intake::OpenRequest;

/// How urgent it is that a queue reaches nobody: as urgent as the cases that will wait in it.
const SEVERITY: Severity = Severity::High;

impl Canaries {
    /// Asks people by this policy.
    pub(super) async fn raise(&self, canary: &Canary, policy: &str, why: &str) {
        match self.ask(canary, policy, why).await {
            Ok(case) => {
                info!(case, queue = %canary.queue, "operators are asked to look at the queue")
            }
            Err(failure) => {
                error!(queue = %canary.queue, error = failure, "operators could not be asked");
            }
        }
    }

    async fn ask(&self, canary: &Canary, policy: &str, why: &str) -> Result<String, String> {
        let playbook = self.playbooks.current();
        let takeover = playbook.escalation(policy, SEVERITY);
        let takeover = takeover.ok_or_else(|| format!("there is no policy {policy}"))?;
        let terms = CaseTerms {
            playbook: playbook.version(),
            severity: SEVERITY,
            route: None,
            seek_within: Span::ZERO,
            offer_within: Span::ZERO,
            lease: Span::ZERO,
            bounces_max: 0,
            takeover,
        };
        let queue = canary.queue.to_string();
        let number = uuid::Uuid::now_v7().simple().to_string();
        let request = OpenRequest {
            tenant: self.tenant.clone(),
            request: format!("alarm-{number}").parse().map_err(|error| format!("{error}"))?,
            subject: format!("Nobody may be reached in {queue}: a canary failed"),
            kind: "belay.operations".to_owned(),
            severity: Some(SEVERITY),
            customer: "belay".to_owned(),
            channel: "belay".to_owned(),
            fingerprint: Some(Hasher::new("belay canary").part(queue.as_bytes()).finish()),
            labels: vec![("queue".to_owned(), queue)],
            context: vec![NewEntry {
                kind: "fact".to_owned(),
                body: why.to_owned(),
                provenance: Provenance { source: Source::Belay, reference: "canary".to_owned() },
            }],
            by: Actor::Program("belay-canary".to_owned()),
        };
        let opened = self.intake.open_under(request, Some(terms)).await;
        opened.map(|opened| opened.case.id.to_string()).map_err(|error| error.to_string())
    }
}
