//! Approvals as people see them before they decide.

use belay_api::v1;

use crate::output::table::{Cell, Sheet, Table};
use crate::output::{Style, Tone, clean, time, words};

pub(super) fn table(approvals: &[v1::Approval], style: &Style) -> String {
    let mut table = Table::new([
        "APPROVAL", "STATE", "AGREED", "UNTIL", "GROUPS", "CONTRACT", "AMOUNT", "CASE",
    ]);
    for approval in approvals {
        table.row([
            Cell::id(&approval.id),
            words::approval(approval.state).cell(),
            Cell::from(format!("{} of {}", yes(approval), approval.quorum)),
            Cell::from(
                time::moment(approval.until.as_ref())
                    .map(|until| time::relative(until, style.now))
                    .unwrap_or_default(),
            ),
            Cell::from(approval.groups.join(",")),
            Cell::from(&approval.contract_id),
            Cell::from(approval.amount.as_ref().map(words::money).unwrap_or_default()),
            Cell::from(&approval.case_subject),
        ]);
    }
    table.render(style, "nothing waits for a decision")
}

pub(super) fn show(approval: &v1::Approval, style: &Style) -> String {
    let mut sheet = Sheet::default();
    let votes = approval.votes.iter().map(|vote| {
        let verdict = words::verdict(vote.verdict).paint(style);
        let code = match vote.reason_code.as_str() {
            "" => String::new(),
            code => format!(" ({})", clean(code)),
        };
        format!("{} {verdict}{code}{}", clean(&vote.person), said(&vote.note))
    });
    let questions = approval.questions.iter().flat_map(asked);
    let named = approval.delegations.iter().map(|named| {
        format!("{} by {}{}", clean(&named.to), clean(&named.from), said(&named.note))
    });
    let until = time::moment(approval.until.as_ref());
    sheet
        .line("approval", style.paint(Tone::Name, &clean(&approval.id)))
        .line("state", words::approval(approval.state).paint(style))
        .text("case", &format!("{} {}", approval.case_id, approval.case_subject))
        .text("action", &format!("{} (tier {})", approval.contract_id, approval.tier))
        .line("amount", approval.amount.as_ref().map(words::money).unwrap_or_default())
        .text("input", &approval.shown)
        .text("read before", &approval.snapshot_json)
        .text("needs", &format!("{} of {}", approval.quorum, approval.groups.join(", ")))
        .text("not", &approval.excluded.join(", "))
        .lines("votes", votes.collect())
        .lines("to look", named.collect())
        .text("a no says", &approval.reason_codes.join(", "))
        .text("policies", &approval.policies.join(", "))
        .text("proposed by", &approval.proposer)
        .text("it claims", &approval.justification)
        .lines("questions", questions.collect())
        .line("until", until.map(|at| time::both(at, style.now)).unwrap_or_default())
        .text("digest", &approval.shown_digest);
    sheet.render(style)
}

/// What somebody wanted to know, and below it what they were told.
fn asked(question: &v1::ApprovalQuestion) -> Vec<String> {
    let v1::ApprovalQuestion { number, person, text, at: _, reply } = question;
    let asked = format!("{number}. {}: {}", clean(person), clean(text));
    let told = match reply {
        Some(reply) => {
            format!("   {} says: {}", words::actor(reply.by.as_ref()), clean(&reply.text))
        }
        None => "   not answered yet".to_owned(),
    };
    vec![asked, told]
}

fn said(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(": {}", clean(note)) }
}

pub(super) fn yes(approval: &v1::Approval) -> usize {
    approval.votes.iter().filter(|vote| vote.verdict() == v1::ApprovalVerdict::Approve).count()
}

#[cfg(test)]
mod tests {
    use super::{show, table};
    use crate::output::Style;
    use belay_api::v1;
    use jiff::Timestamp;

    #[test]
    fn questions_names_and_reasons_are_shown_with_who_said_them() {
        let agent = v1::Actor {
            kind: v1::ActorKind::Agent.into(),
            id: "billing-1".into(),
            ..Default::default()
        };
        let question = |number, reply| v1::ApprovalQuestion {
            number,
            person: "dana".into(),
            text: "which invoice?".into(),
            reply,
            ..Default::default()
        };
        let reply = v1::ApprovalReply {
            by: Some(agent),
            text: "the second\u{1b}[1A".into(),
            ..Default::default()
        };
        let approval = v1::Approval {
            id: "c-1/a1".into(),
            state: v1::ApprovalState::Rejected.into(),
            votes: vec![v1::ApprovalVote {
                person: "erin".into(),
                verdict: v1::ApprovalVerdict::Reject.into(),
                note: "no receipt".into(),
                reason_code: "no-proof".into(),
                ..Default::default()
            }],
            questions: vec![question(1, Some(reply)), question(2, None)],
            delegations: vec![v1::ApprovalDelegation {
                from: "dana".into(),
                to: "erin".into(),
                note: "on holiday".into(),
                ..Default::default()
            }],
            reason_codes: vec!["goodwill".into(), "no-proof".into()],
            ..Default::default()
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            show(&approval, &style),
            "\
approval   c-1/a1
state      rejected
action      (tier 0)
needs      0 of
votes      erin no (no-proof): no receipt
to look    erin by dana: on holiday
a no says  goodwill, no-proof
questions  1. dana: which invoice?
              agent billing-1 says: the second [1A
           2. dana: which invoice?
              not answered yet
"
        );
    }

    #[test]
    fn what_the_agent_claims_stands_apart_from_what_is_decided() {
        let approval = v1::Approval {
            id: "c-1/a1".into(),
            state: v1::ApprovalState::Requested.into(),
            case_id: "c-1".into(),
            case_subject: "Refund".into(),
            contract_id: "billing.refund@1".into(),
            shown: "invoice: INV-1\namount: 400.00 EUR".into(),
            amount: Some(v1::Money { currency_code: "EUR".into(), minor_units: 40_000 }),
            tier: 2,
            quorum: 2,
            groups: vec!["finance".into()],
            votes: vec![v1::ApprovalVote {
                person: "dana".into(),
                verdict: v1::ApprovalVerdict::Approve.into(),
                ..Default::default()
            }],
            proposer: "billing-1".into(),
            justification: "already agreed\u{1b}[1A by everybody".into(),
            shown_digest: "d1".into(),
            ..Default::default()
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            show(&approval, &style),
            "\
approval     c-1/a1
state        requested
case         c-1 Refund
action       billing.refund@1 (tier 2)
amount       400.00 EUR
input        invoice: INV-1
             amount: 400.00 EUR
needs        2 of finance
votes        dana yes
proposed by  billing-1
it claims    already agreed [1A by everybody
digest       d1
"
        );
        assert_eq!(
            table(&[approval], &style),
            "\
APPROVAL  STATE      AGREED  UNTIL  GROUPS   CONTRACT          AMOUNT      CASE
c-1/a1    requested  1 of 2         finance  billing.refund@1  400.00 EUR  Refund
"
        );
    }
}
