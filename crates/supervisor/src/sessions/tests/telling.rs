//! What the holder of a case is told about its proposals, its permits and its context.

use belay_domain::{
    Action, ActionId, Actor, ApprovalTerms, Backoff, Command, ContractTerms, Executor, Proposal,
    ReadBack, Reason, Rule, Ruling, Span, Verdict,
};

use super::stage::{Matter, Stage, entry, key};
use crate::sessions::{Notice, Ruled, ruled};

#[tokio::test(start_paused = true)]
async fn the_ruling_is_the_reply_to_the_proposal_and_comes_once() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    line.session().take(1);
    line.session().await_decision(&matter.case.id, &"p-1".parse().unwrap(), 1);
    propose(&mut matter, "p-1", "{}", Some(verdict("{}", Ruling::Allow)));
    assert_eq!(line.said(), ["1 decided c-1/a1 authorized, to 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_ruling_that_takes_its_time_is_the_reply_all_the_same() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    line.session().take(1);
    line.session().await_decision(&matter.case.id, &"p-1".parse().unwrap(), 1);
    propose(&mut matter, "p-1", "{}", None);
    assert_eq!(line.said(), [""; 0]);
    let reason = Reason {
        rule: Rule::Limit,
        name: "refunds-per-day".to_owned(),
        field: "/amount".to_owned(),
        detail: "too much".to_owned(),
    };
    assess(&mut matter, verdict("{}", Ruling::Deny(vec![reason])));
    assert_eq!(line.said(), ["1 decided c-1/a1 denied, to 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_proposal_that_loses_its_ground_before_it_is_ruled_on_is_refused() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    line.session().take(1);
    line.session().await_decision(&matter.case.id, &"p-1".parse().unwrap(), 1);
    propose(&mut matter, "p-1", "{}", None);
    let agent = "billing-1".parse().unwrap();
    let (epoch, reason) = (matter.case.epoch, String::new());
    matter.now(Command::Release { agent, epoch, reason });
    assert_eq!(line.said(), ["1 refused NotOwner, to 1", "2 result c-1/a1 withdrawn"]);
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_handed_out_once_and_again_to_an_agent_that_begins_anew() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    propose(&mut matter, "p-1", "{}", Some(verdict("{}", Ruling::Allow)));
    let action = matter.only_action();
    for _ in 0..2 {
        assert!(stage.sessions.permit(&matter.case, &action, "signed"));
    }
    assert_eq!(line.said(), ["1 decided c-1/a1 authorized", "2 permit c-1/a1"]);

    let again = stage.connect("billing-1", 4).await;
    again.grant(9);
    assert!(stage.sessions.restate(again.session(), &matter.case, matter.now));
    assert_eq!(again.said(), ["1 assigned again c-1 1", "2 permit c-1/a1"]);
    begin(&mut matter, &action);
    let third = stage.connect("billing-1", 4).await;
    third.grant(9);
    assert!(stage.sessions.restate(third.session(), &matter.case, matter.now));
    assert_eq!(third.said(), ["1 assigned again c-1 1"], "a permit that was used is over");
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_ran_out_before_it_was_sent_is_not_sent() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    propose(&mut matter, "p-1", "{}", Some(verdict("{}", Ruling::Allow)));
    let action = matter.only_action();
    assert!(stage.sessions.permit(&matter.case, &action, "signed"));
    matter.later(Span::from_secs(3));
    let agent = "billing-1".parse().unwrap();
    matter.now(Command::Progress { agent, epoch: matter.case.epoch, key: key() });
    matter.later(Span::from_secs(3));
    line.grant(9);
    assert_eq!(line.said(), ["1 decided c-1/a1 authorized"]);
}

#[tokio::test(start_paused = true)]
async fn what_became_of_an_action_is_told_to_whoever_holds_the_case() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    propose(&mut matter, "p-1", "{}", Some(verdict("{}", Ruling::Allow)));
    let action = matter.only_action();
    begin(&mut matter, &action);
    matter.now(Command::ReportOutcome {
        agent: Some("billing-1".parse().unwrap()),
        action: action.clone(),
        attempt: 1,
        outcome: belay_domain::Outcome::Executed { output: "{}".to_owned() },
    });
    let shown = ReadBack::Applied { shown: "{}".to_owned() };
    let sent_at = matter.now;
    matter.now(Command::Verify { action, attempt: 1, shown, sent_at });
    assert_eq!(line.said(), ["1 decided c-1/a1 authorized", "2 result c-1/a1 verified"]);
}

#[tokio::test(start_paused = true)]
async fn people_who_are_asked_and_say_nothing_are_a_ruling_and_then_a_result() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    let ask = matter.case.terms.as_ref().unwrap().takeover.clone();
    let terms = ApprovalTerms {
        quorum: 2,
        groups: vec!["refunds".parse().unwrap()],
        excluded: Vec::new(),
        decide_within: Span::from_secs(2),
        ask,
        in_ticket: Vec::new(),
        reasons: Vec::new(),
    };
    propose(&mut matter, "p-1", "{}", Some(verdict("{}", Ruling::Ask(Box::new(terms)))));
    assert_eq!(line.said(), ["1 decided c-1/a1 awaiting"]);
    matter.later(Span::from_secs(2));
    assert_eq!(line.said(), ["2 result c-1/a1 expired"]);
    let action = matter.case.actions.values().next().unwrap();
    assert_eq!(ruled(&matter.case, action), Some(Ruled::Awaiting { until: None }));
}

#[tokio::test(start_paused = true)]
async fn the_same_write_again_names_the_action_whose_result_counts() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    propose(&mut matter, "p-1", "{}", Some(verdict("{}", Ruling::Allow)));
    propose(&mut matter, "p-2", "{}", Some(verdict("{}", Ruling::Allow)));
    propose(&mut matter, "p-3", "[]", Some(verdict("[]", Ruling::Allow)));
    let said = line.said();
    assert_eq!(said[1], "2 decided c-1/a2 duplicate");
    assert_eq!(
        said[2], "3 decided c-1/a3 denied",
        "the same key for another input is no duplicate"
    );
}

#[tokio::test(start_paused = true)]
async fn what_others_add_is_told_and_what_the_agent_adds_itself_is_not() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    let own = entry("note", "looked it up");
    line.session().adding(&matter.case.id, std::slice::from_ref(&own));
    let by = Actor::Agent { agent: "billing-1".parse().unwrap(), epoch: matter.case.epoch };
    matter.now(Command::AddContext { entries: vec![own.clone()], by });
    line.session().added(&matter.case.id, &[own]);
    let by = Actor::Program("mail".to_owned());
    let entries = vec![entry("message", "hello?"), entry("message", "anybody?")];
    matter.now(Command::AddContext { entries, by });
    assert_eq!(line.said(), ["1 known 3:hello? 4:anybody?"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_shows_itself_to_nobody() {
    let token = crate::sessions::Token::new("secret");
    let notice = format!("{:?}", Notice::Done { id: format!("{token:?}") });
    assert!(!notice.contains("secret"), "{notice}");
    assert_eq!(token.expose(), "secret");
}

fn propose(matter: &mut Matter<'_>, number: &str, input: &str, verdict: Option<Verdict>) {
    let proposal = Proposal {
        agent: "billing-1".parse().unwrap(),
        epoch: matter.case.epoch,
        proposal: number.parse().unwrap(),
        contract: "refund@1".parse().unwrap(),
        input: input.to_owned(),
        provenance: Vec::new(),
        plan: None,
        justification: String::new(),
        assess_until: belay_domain::after(matter.now, Span::from_secs(5)),
        verdict: verdict.map(Box::new),
    };
    matter.now(Command::Propose(Box::new(proposal)));
}

fn assess(matter: &mut Matter<'_>, verdict: Verdict) {
    let action = matter.only_action();
    matter.now(Command::Assess { action, revision: 0, verdict: Box::new(verdict) });
}

fn begin(matter: &mut Matter<'_>, id: &ActionId) {
    let action: &Action = &matter.case.actions[id];
    let belay_domain::ActionStage::Authorized { permit } = &action.stage else {
        panic!("{id} is {}", action.stage_name())
    };
    let (permit, input) = (permit.permit.clone(), permit.input_digest);
    let agent = "billing-1".parse().unwrap();
    let (epoch, action) = (matter.case.epoch, id.clone());
    matter.now(Command::BeginExecution { agent, key: key(), epoch, action, permit, input });
}

fn verdict(input: &str, ruling: Ruling) -> Verdict {
    let backoff = Backoff { first: Span::from_secs(1), most: Span::from_secs(1) };
    let terms = ContractTerms {
        contract: "refund@1".parse().unwrap(),
        live: true,
        executor: Executor::Agent,
        tier: 1,
        key: "charge-1".parse().unwrap(),
        amount: None,
        permit_within: Span::from_secs(5),
        outcome_within: Span::from_secs(5),
        settle_within: Span::from_secs(1),
        verify_within: Span::from_secs(5),
        attempts_max: 1,
        backoff,
        compensable: false,
        undo_divergence: false,
    };
    Verdict {
        playbook: key(),
        boundary: None,
        policies: Vec::new(),
        input: input.to_owned(),
        snapshot: None,
        shown: String::new(),
        terms: Some(terms),
        ruling,
        basis: None,
    }
}
