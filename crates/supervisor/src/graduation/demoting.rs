//! Taking a contract back to shadow that has left its bounds: operators are asked, and the case that asks them is what
//! keeps the contract from writing.

use belay_domain::{Actor, CaseTerms, Mode, NewEntry, Provenance, RequestId, Severity, Source};
use belay_playbook::{BoundCheck, Bounds, CaseFacts, Contract, Figures, Playbook};
use tracing::error;

use super::Graduation;
use super::demotions::{BY, CONTRACT, Demotion, KIND};
use super::tally::Tally;
use crate::intake::OpenRequest;

/// How urgent it is that work which a contract did waits for people from now on.
const SEVERITY: Severity = Severity::High;

impl Graduation {
    /// Holds every contract that writes against its bounds.
    pub(super) async fn demote_what_left_its_bounds(&self, playbook: &Playbook, tally: &Tally) {
        let now = self.engine.clock().now();
        for contract in playbook.contracts().filter(|one| one.mode() != Mode::Shadow) {
            let Some(bounds) = contract.graduation() else { continue };
            if self.playbooks.demotions().of(contract).is_some() {
                continue;
            }
            let figures = tally.figures_within(contract.id(), bounds.window, now);
            let left = bounds.left(&figures);
            if left.is_empty() {
                continue;
            }
            match self.demote(playbook, contract, bounds, (&figures, &left)).await {
                Ok(demotion) => {
                    error!(
                        contract = %demotion.contract,
                        case = %demotion.case,
                        why = demotion.why,
                        "a contract left its bounds and is in shadow until a person restores it"
                    );
                    self.playbooks.demotions().add(demotion);
                }
                Err(why) => {
                    error!(contract = %contract.id(), why, "a contract left its bounds and could not be demoted yet");
                }
            }
        }
    }

    /// Durable once it returns.
    async fn demote(
        &self,
        playbook: &Playbook,
        contract: &Contract,
        bounds: &Bounds,
        (figures, left): (&Figures, &[BoundCheck]),
    ) -> Result<Demotion, String> {
        let id = contract.id();
        let number = self.playbooks.demotions().count(id) + 1;
        // The same demotion asks once, also when this process ends before it knows that it has asked.
        let request: RequestId =
            format!("demotion-{id}-{number}").parse().map_err(|error| format!("{error}"))?;
        let why = left.iter().map(|check| check.detail.as_str()).collect::<Vec<_>>().join("; ");
        let subject = format!("{id} does not write any more: {why}");
        let entry = |kind: &str, body: String| NewEntry {
            kind: kind.to_owned(),
            body,
            provenance: Provenance { source: Source::Belay, reference: "graduation".to_owned() },
        };
        let mut open = OpenRequest {
            tenant: self.tenant.clone(),
            request,
            subject,
            kind: KIND.to_owned(),
            severity: Some(SEVERITY),
            customer: "belay".to_owned(),
            channel: "belay".to_owned(),
            fingerprint: None,
            labels: vec![(CONTRACT.to_owned(), id.to_string())],
            context: vec![
                entry("fact", told(contract, figures, left)),
                entry("fact", remedy(contract)),
            ],
            by: Actor::Program(BY.to_owned()),
        };
        const SUBJECT_MAX: usize = 500;
        if let Some((end, _)) = open.subject.char_indices().nth(SUBJECT_MAX) {
            open.subject.truncate(end);
        }
        let terms = terms(playbook, bounds, &open)?;
        let opened = self.intake.open_under(open, Some(terms)).await;
        let case = opened.map_err(|error| error.to_string())?.case;
        Ok(Demotion {
            contract: id.clone(),
            case: case.id.clone(),
            at: case.opened_at,
            why: case.subject.clone(),
        })
    }
}

/// People are asked at once, by the policy that the contract names or else by that of the routing.
fn terms(playbook: &Playbook, bounds: &Bounds, open: &OpenRequest) -> Result<CaseTerms, String> {
    let facts = CaseFacts {
        tenant: open.tenant.clone(),
        // Terms do not depend on it.
        id: open.request.as_str().parse().map_err(|error| format!("{error}"))?,
        kind: open.kind.clone(),
        severity: open.severity,
        channel: open.channel.clone(),
        customer: open.customer.clone(),
        subject: open.subject.clone(),
        labels: open.labels.clone(),
    };
    let mut terms = playbook.open(&facts);
    terms.route = None;
    let named = bounds.alarm.as_ref();
    if let Some(plan) = named.and_then(|policy| playbook.escalation(policy, terms.severity)) {
        terms.takeover = plan;
    }
    Ok(terms)
}

fn told(contract: &Contract, figures: &Figures, left: &[BoundCheck]) -> String {
    let rules: Vec<_> =
        left.iter().map(|check| format!("- {}: {}", check.name.as_str(), check.detail)).collect();
    format!(
        "{} ({}) left its bounds:\n{}\nSent {}, verified {}, diverged {}, failed {}, not found out {}; people decided on \
         {} and rejected or changed {}.",
        contract.id(),
        contract.title(),
        rules.join("\n"),
        figures.sent,
        figures.verified,
        figures.diverged,
        figures.failed,
        figures.unresolved,
        figures.asked,
        figures.overridden
    )
}

fn remedy(contract: &Contract) -> String {
    let id = contract.id();
    format!(
        "From now on {id} decides and writes nothing; agents are told so and take their cases to people. What people \
         have been asked about already is theirs to decide. To have it write again, mend what is wrong and either \
         publish another version of the contract, or run `belay graduate {id} --restore --reason WHY --write` and then \
         `belay playbook reload`. Resolving this case restores nothing."
    )
}
