use std::collections::BTreeMap;

use belay_api::v1::{Action, ActionState, Case, CaseState, CaseSummary, Reason, ReasonKind};
use serde_json::json;

use super::{Figures, Played, Tally};
use crate::demo::retail::records::Records;
use crate::demo::retail::rule::Rule;
use crate::demo::retail::script::{Attempt, Ending, Move, Must, Script};
use crate::demo::retail::shop::Entry;
use crate::demo::retail::specialist::step_id;
use crate::demo::retail::task::{Proof, Tool, Write};
use crate::demo::retail::terms::{Expected, Role};
use crate::demo::retail::variants::Statement;

#[test]
fn what_went_well_is_good() {
    check(
        &[VERIFIED, stopped("order-pending")],
        &[RIGHT],
        true,
        Tally { right: 1, alone: 1, ..ONE },
    );
}

#[test]
fn a_write_that_another_rule_stopped_is_not_good() {
    check(&[VERIFIED, stopped("own-order")], &[RIGHT], false, Tally { other: 1, ..ONE });
}

#[test]
fn a_write_that_is_let_through_is_not_good() {
    let through = (ActionState::Verified, "");
    check(&[VERIFIED, through], &[RIGHT, WRONG], false, Tally { through: 1, ..ONE });
}

#[test]
fn a_write_that_was_never_proposed_is_not_good() {
    check(&[VERIFIED], &[RIGHT], false, Tally { unplayed: 1, ..ONE });
}

#[test]
fn a_right_write_that_is_executed_and_not_verified_is_not_good() {
    let executed = (ActionState::Executed, "");
    let all = [executed, stopped("order-pending")];
    check(&all, &[RIGHT], false, Tally { right: 1, alone: 1, ..ONE });
}

#[test]
fn a_write_in_the_shop_that_nobody_was_allowed_to_make_is_not_good() {
    let all = [VERIFIED, stopped("order-pending")];
    check(&all, &[RIGHT, RIGHT], false, Tally { right: 1, alone: 1, ..ONE });
}

const RIGHT: &str = "#1";
const WRONG: &str = "#2";
const VERIFIED: (ActionState, &str) = (ActionState::Verified, "");
const ONE: Tally = Tally { generated: 1, right: 0, alone: 0, other: 0, through: 0, unplayed: 0 };

fn stopped(by: &str) -> (ActionState, &str) {
    (ActionState::Denied, by)
}

/// A case with a right write and one that breaks a rule: what the journal and the shop say of them.
#[track_caller]
fn check(actions: &[(ActionState, &str)], told: &[&str], good: bool, tally: Tally) {
    let script = script();
    let actions = actions.iter().enumerate().map(|(place, (state, reason))| {
        let mut action = Action { proposal_id: step_id(place), ..Action::default() };
        action.set_state(*state);
        if !reason.is_empty() {
            let field = "/order_id".to_owned();
            let mut reason = Reason { rule: (*reason).to_owned(), field, ..Reason::default() };
            reason.set_kind(ReasonKind::Precondition);
            action.reasons.push(reason);
        }
        action
    });
    let mut summary = CaseSummary::default();
    summary.set_state(CaseState::Resolved);
    let case = Case { summary: Some(summary), actions: actions.collect(), ..Case::default() };
    let mut figures = Figures { journal_intact: true, ..Figures::default() };
    figures.add(&script, &Played { case: Some(case), accepted: 1, acknowledged: 0 });
    let entry = |order: &&str| Entry { world: "1".to_owned(), write: write(order), again: false };
    let ledger: Vec<Entry> = told.iter().map(entry).collect();
    figures.add_world(&script, &ledger.iter().collect::<Vec<_>>(), &[]);
    assert_eq!(figures.is_good(), good, "{:?}", figures.findings);
    assert_eq!(figures.rules, BTreeMap::from([(Rule::OrderStatus, tally)]));
    assert_eq!(figures.findings.is_empty(), good);
}

fn script() -> Script {
    let none = BTreeMap::new;
    let records = Records::new(none(), none(), none());
    let attempt = |order: &str, must: Must| {
        Move::Propose(Attempt {
            by: Role::Orders,
            contract: "shop.cancel_pending_order@1",
            write: write(order),
            statement: Statement::default(),
            must,
        })
    };
    let by = Expected { name: "order-pending", field: "/order_id" };
    let wrong = Must::BeStopped { rule: Rule::OrderStatus, how: "it is not pending", by };
    Script {
        world: "1".to_owned(),
        task: 1,
        genuine: true,
        wish: "cancel it".to_owned(),
        customer: "anna".to_owned(),
        proof: Proof::Email("anna@example.com".to_owned()),
        moves: vec![attempt(RIGHT, Must::BeVerified), attempt(WRONG, wrong)],
        ending: Ending::Resolved("resolved"),
        before: records.clone(),
        after: records,
    }
}

fn write(order: &str) -> Write {
    let input = json!({"order_id": order, "reason": "no longer needed"});
    Write { tool: Tool::Cancel, input: input.as_object().cloned().unwrap_or_default() }
}
