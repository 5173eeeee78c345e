//! Every verb of the API does something that can be seen: each method and each message of an agent has a line in one of these
//! plays, with the event that it leaves behind or the answer that only it gives. A verb that is new in the contract and that
//! nobody plays fails the test.

#[path = "verbs/callers.rs"]
mod callers;

use std::collections::BTreeSet;

use belay_api::v1::connect_request::Message as Say;
use belay_api::v1::connect_response::Message as Hear;
use belay_api::{FILE_DESCRIPTOR_SET, v1};
use prost::Message;
use prost_types::FileDescriptorSet;

use crate::stage::agents::Wish;
use crate::stage::callers::Caller;
use crate::stage::line::Line;
use crate::stage::{Stage, case_of, request, said, until};

#[tokio::test]
async fn every_verb_leaves_something_behind() {
    let mut played = BTreeSet::new();
    for part in [reviewers().await, agents().await, callers::cases().await, callers::people().await]
    {
        played.extend(part);
    }
    let verbs = verbs();
    let missing: Vec<_> = verbs.difference(&played).collect();
    let gone: Vec<_> = played.difference(&verbs).collect();
    assert_eq!((missing, gone), (vec![], vec![]), "a verb and its line come and go together");
}

/// Everything that a reviewer may say.
async fn reviewers() -> BTreeSet<String> {
    let mut play = Play::begin().await;
    let large = |charge: &str| Wish::refund(charge, 12_000);
    let mut line = Line::open(&play.stage, "billing-1").await;
    let otto = play.stage.person("otto", &["support"]);
    let [fay, finn] = ["fay", "finn"].map(|who| play.stage.person(who, &["finance"]));
    let opened = otto.open(case_of("refund")).await.unwrap().case.unwrap();
    let case = opened.summary.unwrap().id;
    let epoch = line.take_case().await.epoch;
    let first = propose(&mut line, &case, epoch, &large("ch-1")).await;
    let asked = play.asked(&fay, &first).await;
    let (id, shown) = (|| asked.id.clone(), || asked.shown_digest.clone());

    let question = |text: &str| v1::AskRequest {
        request_id: request(),
        approval_id: id(),
        shown_digest: shown(),
        question: text.to_owned(),
    };
    play.leaves("ApprovalService/Ask", &case, "approval_asked", async {
        fay.approvals().ask(question("which one?")).await.unwrap();
    })
    .await;
    let answer = v1::AnswerRequest {
        request_id: request(),
        approval_id: id(),
        question: 1,
        answer: "the second".to_owned(),
    };
    play.leaves("ApprovalService/Answer", &case, "approval_answered", async {
        otto.approvals().answer(answer).await.unwrap();
    })
    .await;
    finn.approvals().ask(question("and why?")).await.unwrap();
    let answer = v1::AnswerQuestion {
        action_id: first.clone(),
        epoch,
        question: 2,
        answer: "it was charged twice".to_owned(),
    };
    play.leaves("agent answer_question", &case, "approval_answered", async {
        line.ask(Say::AnswerQuestion(answer)).await;
    })
    .await;
    play.leaves("ApprovalService/Approve", &case, "approval_given", async {
        fay.approve(&asked).await.unwrap();
    })
    .await;
    let delegate = v1::DelegateRequest {
        request_id: request(),
        approval_id: id(),
        shown_digest: shown(),
        to: "gil".to_owned(),
        note: "on holiday".to_owned(),
    };
    play.leaves("ApprovalService/Delegate", &case, "approval_delegated", async {
        finn.approvals().delegate(delegate).await.unwrap();
    })
    .await;
    let gil = play.stage.person("gil", &["finance"]);
    let mut input: serde_json::Value = serde_json::from_str(&asked.input_json).unwrap();
    input["amount_minor"] = serde_json::json!(11_000);
    let amend = v1::AmendRequest {
        request_id: request(),
        approval_id: id(),
        shown_digest: shown(),
        input_json: input.to_string(),
        note: "less".to_owned(),
    };
    play.leaves("ApprovalService/Amend", &case, "action_amended", async {
        gil.approvals().amend(amend).await.unwrap();
    })
    .await;
    let changed = until("the amended input to be asked about", async || {
        let found = fay.asked(&case).await;
        (found.shown_digest != asked.shown_digest).then_some(found)
    })
    .await;
    let reject = v1::RejectRequest {
        request_id: request(),
        approval_id: changed.id.clone(),
        shown_digest: changed.shown_digest.clone(),
        note: "no".to_owned(),
        reason_code: "not-entitled".to_owned(),
    };
    play.leaves("ApprovalService/Reject", &case, "approval_ended", async {
        fay.approvals().reject(reject).await.unwrap();
    })
    .await;
    let second = propose(&mut line, &case, epoch, &large("ch-2")).await;
    let asked = play.asked(&fay, &second).await;
    let list = v1::ListApprovalsRequest { case_id: case.clone(), ..Default::default() };
    let listed = fay.approvals().list_approvals(list).await.unwrap().into_inner().approvals;
    play.shows("ApprovalService/ListApprovals", listed.iter().any(|one| one.id == second));
    let get = v1::GetApprovalRequest { approval_id: second.clone() };
    let found = fay.approvals().get_approval(get).await.unwrap().into_inner().approval.unwrap();
    play.shows("ApprovalService/GetApproval", found.shown_digest == asked.shown_digest);
    let over = v1::TakeOverRequest {
        request_id: request(),
        approval_id: second,
        shown_digest: asked.shown_digest,
        note: "mine".to_owned(),
    };
    play.leaves("ApprovalService/TakeOver", &case, "case_taken_over", async {
        fay.approvals().take_over(over).await.unwrap();
    })
    .await;
    play.played
}

/// Everything else that an agent may say.
async fn agents() -> BTreeSet<String> {
    let mut play = Play::begin().await;
    // Both come with every line: without them nothing below is heard.
    let mut line = Line::open(&play.stage, "billing-1").await;
    let registry =
        play.tool.registry().list_agents(v1::ListAgentsRequest::default()).await.unwrap();
    let known = |one: &v1::Agent| one.id == "billing-1" && one.session.is_some();
    let registered = registry.into_inner().agents.iter().any(known);
    play.shows("agent register", registered);
    play.shows("AgentRegistryService/ListAgents", registered);
    let case = play.stage.open("refund").await;
    let offer = line.offer().await;
    play.shows("agent credit", case_of_offer(&offer) == case);
    let decline =
        v1::DeclineHandoff { handoff_id: offer.handoff_id.clone(), reason: "busy".to_owned() };
    play.leaves("agent decline_handoff", &case, "handoff_declined", async {
        line.ask(Say::DeclineHandoff(decline)).await;
    })
    .await;
    drop(line);
    let mut line = Line::open(&play.stage, "billing-2").await;
    let mut crm = Line::open(&play.stage, "crm-1").await;
    let case = play.stage.open("refund").await;
    let mut epoch = 0;
    play.leaves("agent accept_handoff", &case, "handoff_accepted", async {
        epoch = take(&mut line, &case).await;
    })
    .await;
    // A lease that has hardly begun is not renewed; it is in its middle.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    play.leaves("agent progress", &case, "lease_renewed", async {
        let progress = v1::Progress { case_id: case.clone(), epoch, ..Default::default() };
        line.mention(Say::Progress(progress)).await;
    })
    .await;
    play.leaves("agent add_context", &case, "context_added", async {
        let mut entry = said("more");
        entry.kind = "note".to_owned();
        let add = v1::AddContext {
            request_id: request(),
            case_id: case.clone(),
            epoch,
            entries: vec![entry],
        };
        line.ask(Say::AddContext(add)).await;
    })
    .await;
    play.leaves("agent propose", &case, "action_proposed", async {
        propose_in(&mut line, &case, epoch, &Wish::note("a"), "whole").await;
    })
    .await;
    let permit = permit(&mut line).await;
    play.leaves("agent begin_execution", &case, "action_dispatched", async {
        let begin = v1::BeginExecution {
            action_id: permit.action_id.clone(),
            permit_id: permit.permit_id.clone(),
            input_digest: permit.input_digest.clone(),
            epoch,
        };
        line.ask(Say::BeginExecution(begin)).await;
    })
    .await;
    play.leaves("agent report_outcome", &case, "action_unknown", async {
        let result = v1::report_outcome::Result::Unknown(v1::ExecutionUnknown {
            reason: "no answer".to_owned(),
        });
        let report = v1::ReportOutcome {
            action_id: permit.action_id.clone(),
            attempt: 1,
            result: Some(result),
        };
        line.ask(Say::ReportOutcome(report)).await;
    })
    .await;
    play.leaves("agent complete_plan", &case, "plan_completed", async {
        let complete = v1::CompletePlan { case_id: case.clone(), epoch, plan: "whole".to_owned() };
        line.ask(Say::CompletePlan(complete)).await;
    })
    .await;
    propose_in(&mut line, &case, epoch, &Wish::note("b"), "half").await;
    play.leaves("agent abandon_plan", &case, "plan_undoing", async {
        let abandon = v1::AbandonPlan {
            case_id: case.clone(),
            epoch,
            plan: "half".to_owned(),
            reason: "no".to_owned(),
        };
        line.ask(Say::AbandonPlan(abandon)).await;
    })
    .await;
    play.leaves("agent request_handoff", &case, "handoff_offered", async {
        let target = v1::handoff_target::Target::Role("crm".to_owned());
        let hand = v1::RequestHandoff {
            request_id: request(),
            case_id: case.clone(),
            epoch,
            target: Some(v1::HandoffTarget { target: Some(target) }),
            reason: "not mine".to_owned(),
            entries: Vec::new(),
        };
        line.ask(Say::RequestHandoff(hand)).await;
    })
    .await;
    let epoch = take(&mut crm, &case).await;
    play.leaves("agent request_escalation", &case, "escalation_opened", async {
        let ask = v1::RequestEscalation {
            request_id: request(),
            case_id: case.clone(),
            epoch,
            reason: "somebody should look".to_owned(),
            severity: 0,
        };
        crm.ask(Say::RequestEscalation(ask)).await;
    })
    .await;
    let released = play.stage.open("note").await;
    let epoch = take(&mut crm, &released).await;
    play.leaves("agent release_case", &released, "case_released", async {
        let release =
            v1::ReleaseCase { case_id: released.clone(), epoch, reason: "no time".to_owned() };
        crm.ask(Say::ReleaseCase(release)).await;
    })
    .await;
    let done = play.stage.open("note").await;
    let epoch = take(&mut crm, &done).await;
    // This playbook says of nobody how they are found; the search itself is tried where one does.
    let whom = v1::IdentifyCase { case_id: done.clone(), epoch, object: "customer".to_owned() };
    let (reason, _) = crm.refused(Say::IdentifyCase(whom)).await;
    play.shows("agent identify_case", reason == v1::ErrorReason::InvalidField);
    play.leaves("agent resolve_case", &done, "case_resolved", async {
        let resolve = v1::ResolveCase {
            case_id: done.clone(),
            epoch,
            resolution_code: "resolved".to_owned(),
            note: String::new(),
        };
        crm.ask(Say::ResolveCase(resolve)).await;
    })
    .await;
    crm.ask(Say::Drain(v1::Drain {})).await;
    let registry =
        play.tool.registry().list_agents(v1::ListAgentsRequest::default()).await.unwrap();
    let drains = |one: &v1::Agent| one.session.as_ref().is_some_and(|session| session.draining);
    play.shows("agent drain", registry.into_inner().agents.iter().any(drains));
    play.played
}

/// One stage, and the verbs that were played on it.
struct Play {
    stage: Stage,
    tool: Caller,
    played: BTreeSet<String>,
}

impl Play {
    async fn begin() -> Self {
        let stage = Stage::start().await;
        let tool = stage.tool();
        Self { stage, tool, played: BTreeSet::new() }
    }

    /// Plays a verb, which has to leave one more event of this kind.
    async fn leaves(
        &mut self,
        verb: &str,
        case: &str,
        event: &str,
        doing: impl Future<Output = ()>,
    ) {
        let story = self.tool.story(case).await;
        let before = story.iter().filter(|found| *found == event).count();
        doing.await;
        self.tool.sees_event(case, event, before + 1).await;
        self.played.insert(verb.to_owned());
    }

    /// A verb that was played has to have shown what it is for.
    fn shows(&mut self, verb: &str, holds: bool) {
        assert!(holds, "{verb} does not show what it is for");
        self.played.insert(verb.to_owned());
    }

    /// The approval of this action.
    async fn asked(&self, who: &Caller, action: &str) -> v1::Approval {
        until(&format!("people to be asked about {action}"), async || {
            let get = v1::GetApprovalRequest { approval_id: action.to_owned() };
            who.approvals().get_approval(get).await.ok()?.into_inner().approval
        })
        .await
    }
}

/// Every method of the contract, and every message of an agent.
fn verbs() -> BTreeSet<String> {
    let contract = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut verbs = BTreeSet::new();
    for file in &contract.file {
        for service in &file.service {
            let named =
                service.method.iter().map(|one| format!("{}/{}", service.name(), one.name()));
            verbs.extend(named.filter(|verb| verb != "AgentService/Connect"));
        }
        let said = file.message_type.iter().filter(|one| one.name() == "ConnectRequest");
        let messages = said.flat_map(|one| &one.field).filter(|field| field.oneof_index.is_some());
        verbs.extend(messages.map(|field| format!("agent {}", field.name())));
    }
    assert!(verbs.len() > 50, "{verbs:?}");
    verbs
}

/// Takes this case, and others that are offered before it; gives its epoch.
async fn take(line: &mut Line, case: &str) -> u64 {
    loop {
        let assigned = line.take_case().await;
        if assigned.case_id == case {
            return assigned.epoch;
        }
    }
}

fn case_of_offer(offer: &v1::HandoffOffer) -> String {
    offer.case.as_ref().map(|case| case.id.clone()).unwrap_or_default()
}

async fn propose(line: &mut Line, case: &str, epoch: u64, wish: &Wish) -> String {
    propose_in(line, case, epoch, wish, "").await
}

/// Proposes a write and gives its action.
async fn propose_in(line: &mut Line, case: &str, epoch: u64, wish: &Wish, plan: &str) -> String {
    let known = v1::InputProvenance {
        pointer: String::new(),
        source: v1::ProvenanceSource::SystemOfRecord.into(),
        reference: "record".to_owned(),
    };
    let propose = v1::Propose {
        proposal_id: request(),
        case_id: case.to_owned(),
        epoch,
        contract_id: wish.contract.to_owned(),
        input_json: wish.input.to_string(),
        provenance: vec![known],
        plan: plan.to_owned(),
        ..v1::Propose::default()
    };
    match line.ask(Say::Propose(propose)).await {
        Hear::Decision(decision) => decision.action_id,
        other => panic!("no decision: {other:?}"),
    }
}

async fn permit(line: &mut Line) -> v1::Permit {
    line.next("a permit", |message| match message {
        Hear::Permit(permit) => Some(permit.clone()),
        _ => None,
    })
    .await
}
