//! Human decisions on actions: those that are being asked for, and how earlier ones went.

use belay_api::v1;
use belay_domain::{
    Action, ActionId, Approval, Case, Decision, Delegation, EventKind, Question, Timestamp,
    Verdict, Vote,
};

use super::{action, actor, input_provenance, money, time};

/// How one approval went so far, from the events about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) asked: Approval,
    pub(crate) requested_at: Timestamp,
    pub(crate) state: v1::ApprovalState,
    pub(crate) votes: Vec<v1::ApprovalVote>,
    /// The ruling by which people were asked.
    pub(crate) verdict: Option<Verdict>,
}

/// The approval of an action that people are being asked for; none when they are not.
pub(crate) fn approval(case: &Case, action: &Action) -> Option<v1::Approval> {
    let belay_domain::ActionStage::AwaitingApproval(asked) = &action.stage else { return None };
    let opened = case.escalations.get(&asked.escalation).map(|found| found.opened_at);
    let open = Record {
        asked: asked.as_ref().clone(),
        requested_at: opened.unwrap_or(case.updated_at),
        state: v1::ApprovalState::Requested,
        votes: asked.votes.iter().map(yes).collect(),
        verdict: action.verdict.clone(),
    };
    Some(open.on_wire(case, action))
}

/// How the latest approval of an action went; none if people were never asked.
pub(crate) fn record<'a>(
    events: impl IntoIterator<Item = &'a belay_domain::Event>,
    wanted: &ActionId,
) -> Option<Record> {
    let mut record: Option<Record> = None;
    let mut assessed: Option<&Verdict> = None;
    for event in events {
        match &event.kind {
            EventKind::ActionAssessed { action, verdict } if action == wanted => {
                assessed = Some(verdict);
            }
            EventKind::ApprovalRequested { action, approval } if action == wanted => {
                record = Some(Record {
                    asked: approval.as_ref().clone(),
                    requested_at: event.at,
                    state: v1::ApprovalState::Requested,
                    votes: Vec::new(),
                    verdict: assessed.cloned(),
                });
            }
            EventKind::ApprovalGiven { action, vote } if action == wanted => {
                if let Some(record) = &mut record {
                    record.votes.push(yes(vote));
                }
            }
            EventKind::ApprovalAsked { action, question } if action == wanted => {
                if let Some(record) = &mut record {
                    record.asked.questions.push(question.clone());
                }
            }
            EventKind::ApprovalAnswered { action, question, reply } if action == wanted => {
                let questions = record.iter_mut().flat_map(|record| &mut record.asked.questions);
                for asked in questions.filter(|asked| asked.number == *question) {
                    asked.reply = Some(reply.clone());
                }
            }
            EventKind::ApprovalDelegated { action, delegation } if action == wanted => {
                if let Some(record) = &mut record {
                    record.asked.delegations.push(delegation.clone());
                }
            }
            EventKind::ApprovalEnded { action, decision, by, code, note, .. }
                if action == wanted =>
            {
                let Some(record) = &mut record else { continue };
                record.state = state(decision);
                let verdict = match decision {
                    Decision::Rejected => v1::ApprovalVerdict::Reject,
                    Decision::Amended => v1::ApprovalVerdict::Amend,
                    // Only who takes the case over ends an approval so by name.
                    Decision::Superseded => v1::ApprovalVerdict::TakeOver,
                    Decision::Approved | Decision::Expired => continue,
                };
                if let Some(person) = by {
                    record.votes.push(v1::ApprovalVote {
                        person: person.to_string(),
                        verdict: verdict.into(),
                        note: note.clone(),
                        at: Some(time(event.at)),
                        reason_code: code.as_ref().map_or_else(String::new, ToString::to_string),
                    });
                }
            }
            _ => {}
        }
    }
    record
}

impl Record {
    /// The approval with everything that is to be shown. What was decided on stands in the ruling by which people
    /// were asked, whatever became of the action since.
    pub(crate) fn on_wire(&self, case: &Case, decided: &Action) -> v1::Approval {
        let Approval { escalation, binding, terms, until, questions, delegations, .. } =
            &self.asked;
        let verdict = self.verdict.as_ref();
        let input = verdict.map_or(&decided.input, |verdict| &verdict.input);
        let contract = verdict.and_then(|verdict| verdict.terms.as_ref());
        v1::Approval {
            id: decided.id.to_string(),
            tenant: case.tenant.as_ref().map_or_else(String::new, ToString::to_string),
            case_id: case.id.to_string(),
            case_subject: case.subject.clone(),
            state: self.state.into(),
            contract_id: decided.contract.to_string(),
            shown: verdict.map_or_else(String::new, |verdict| verdict.shown.clone()),
            shown_digest: binding.to_string(),
            input_json: input.clone(),
            input_digest: belay_domain::Digest::of(input.as_bytes()).to_string(),
            snapshot_json: action::snapshot(verdict),
            amount: contract.and_then(|contract| contract.amount).map(money),
            tier: contract.map_or(0, |contract| u32::from(contract.tier)),
            policies: action::policies(verdict),
            quorum: terms.quorum,
            groups: terms.groups.iter().map(ToString::to_string).collect(),
            excluded: excluded(case, decided, &self.asked),
            votes: self.votes.clone(),
            proposer: decided.proposer.to_string(),
            justification: decided.justification.clone(),
            provenance: decided.provenance.iter().map(input_provenance).collect(),
            escalation_id: escalation.to_string(),
            requested_at: Some(time(self.requested_at)),
            until: Some(time(*until)),
            questions: questions.iter().map(question).collect(),
            delegations: delegations.iter().map(delegation).collect(),
            reason_codes: terms.reasons.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Everybody who is involved: those the playbook excludes, and those who wrote the input as it stands.
fn excluded(case: &Case, action: &Action, asked: &Approval) -> Vec<String> {
    let opener = case.opened_by.strip_prefix("person:").map(str::to_owned);
    let named = asked.terms.excluded.iter().chain(&action.amended_by).map(ToString::to_string);
    let mut excluded: Vec<String> = named.chain(opener).collect();
    excluded.sort_unstable();
    excluded.dedup();
    excluded
}

fn yes(vote: &Vote) -> v1::ApprovalVote {
    v1::ApprovalVote {
        person: vote.person.to_string(),
        verdict: v1::ApprovalVerdict::Approve.into(),
        note: vote.note.clone(),
        at: Some(time(vote.at)),
        reason_code: String::new(),
    }
}

fn question(asked: &Question) -> v1::ApprovalQuestion {
    v1::ApprovalQuestion {
        number: asked.number,
        person: asked.person.to_string(),
        text: asked.text.clone(),
        at: Some(time(asked.at)),
        reply: asked.reply.as_ref().map(|reply| v1::ApprovalReply {
            by: Some(actor(&reply.by)),
            text: reply.text.clone(),
            at: Some(time(reply.at)),
        }),
    }
}

fn delegation(named: &Delegation) -> v1::ApprovalDelegation {
    v1::ApprovalDelegation {
        from: named.from.to_string(),
        to: named.to.to_string(),
        note: named.note.clone(),
        at: Some(time(named.at)),
    }
}

fn state(decision: &Decision) -> v1::ApprovalState {
    match decision {
        Decision::Approved => v1::ApprovalState::Approved,
        Decision::Rejected => v1::ApprovalState::Rejected,
        Decision::Amended => v1::ApprovalState::Amended,
        Decision::Expired => v1::ApprovalState::Expired,
        Decision::Superseded => v1::ApprovalState::Superseded,
    }
}
