//! A case passes from one owner to the next without a gap, and with everything that is known of it.

use belay_agent::NewEntry;
use belay_api::v1::connect_request::Message as Say;
use belay_api::v1::connect_response::Message as Hear;
use belay_api::v1::{self, owner};

use crate::stage::Stage;
use crate::stage::agents::hear;
use crate::stage::line::Line;
use crate::stage::watching::{Watcher, agent_of};

#[tokio::test]
async fn a_handoff_takes_the_whole_context_along_and_leaves_no_gap() {
    let stage = Stage::start().await;
    let _crm = stage.agent("crm-1", |case| {
        Box::pin(async move {
            let entry = NewEntry::new("note", "the second charge is ch-2");
            Ok(case.hand_off("billing", "this is about money", vec![entry]).await?)
        })
    });
    let case = stage.open("note").await;
    let tool = stage.tool();
    tool.sees_event(&case, "handoff_accepted", 1).await;
    let watcher = Watcher::of(&tool, &case);
    let mut billing = Line::open(&stage, "billing-1").await;
    let offer = billing.offer().await;
    let bodies: Vec<_> = offer.context.iter().map(|entry| entry.body.as_str()).collect();
    let told = ["I was charged twice for charge ch-1.", "{\"charge\": \"ch-1\"}"];
    assert_eq!(bodies, [told[0], told[1], "the second charge is ch-2"]);
    assert_eq!(offer.reason, "this is about money");

    // Whoever received something else than what was sent does not get the case.
    let accept = |context_digest: String| {
        Say::AcceptHandoff(v1::AcceptHandoff {
            handoff_id: offer.handoff_id.clone(),
            context_digest,
        })
    };
    let (reason, _) = billing.refused(accept("0".repeat(64))).await;
    assert_eq!(reason, v1::ErrorReason::ContextDigestMismatch);
    let found = tool.case(&case).await;
    assert_eq!(holder(&found).as_deref(), Some("crm-1"), "the sender still has it");
    let epoch = found.summary.unwrap().epoch;

    let Hear::CaseAssigned(assigned) = billing.ask(accept(offer.context_digest.clone())).await
    else {
        panic!("not assigned")
    };
    assert_eq!(assigned.epoch, epoch + 1);
    let found = tool.case(&case).await;
    assert_eq!(holder(&found).as_deref(), Some("billing-1"));
    assert_eq!(found.context_digest, offer.context_digest);
    watcher.sees("the receiver to cover it", |one| agent_of(one) == Some("billing-1")).await;
    let seen = watcher.end();
    assert!(seen.iter().all(|one| agent_of(one).is_some()), "there was a gap: {seen:?}");
}

#[tokio::test]
async fn a_case_that_changes_while_it_is_offered_is_offered_anew() {
    let stage = Stage::start().await;
    let (case, tool) = (stage.open("refund").await, stage.tool());
    let mut billing = Line::open(&stage, "billing-1").await;
    let before = billing.offer().await;
    let more = v1::AddContextRequest {
        request_id: crate::stage::request(),
        case_id: case.clone(),
        entries: vec![crate::stage::said("and please hurry")],
    };
    let added = tool.cases().add_context(more).await.unwrap().into_inner();
    let (handoff_id, context_digest) = (before.handoff_id, before.context_digest);
    let old = Say::AcceptHandoff(v1::AcceptHandoff { handoff_id, context_digest });
    let (reason, _) = billing.refused(old).await;
    assert_eq!(reason, v1::ErrorReason::ContextDigestMismatch);
    let after = billing.offer().await;
    assert_eq!((after.context.len(), after.context_digest), (3, added.context_digest));
}

#[tokio::test]
async fn an_offer_is_for_the_one_it_was_made_to() {
    let stage = Stage::start().await;
    stage.open("refund").await;
    let mut billing = Line::open(&stage, "billing-1").await;
    let v1::HandoffOffer { handoff_id, context_digest, .. } = billing.offer().await;
    let mut other = Line::open(&stage, "billing-2").await;
    let accept = v1::AcceptHandoff { handoff_id, context_digest };
    let (reason, _) = other.refused(Say::AcceptHandoff(accept)).await;
    assert_eq!(reason, v1::ErrorReason::NotOffered);
}

#[tokio::test]
async fn an_agent_that_declines_or_says_nothing_is_passed_over() {
    let stage = Stage::with(|playbook| {
        playbook.edit("playbook.yaml", "offer_within: 5s", "offer_within: 1s");
    })
    .await;
    let case = stage.open("refund").await;
    let mut first = Line::open(&stage, "billing-1").await;
    first.offer().await;
    // It says nothing from here on.
    let (_second, mut took) = stage.agent_keeping("billing-2");
    assert_eq!(hear("the second agent to take it", &mut took).await.0, case);
    let story = stage.tool().story(&case).await;
    assert!(story.contains(&"handoff_lapsed".to_owned()), "{story:?}");
}

#[tokio::test]
async fn a_case_that_no_agent_takes_goes_to_people() {
    let stage = Stage::with(|playbook| {
        playbook.edit("playbook.yaml", "seek_within: 5s", "seek_within: 1s");
    })
    .await;
    let case = stage.open("refund").await;
    let ann = stage.person("ann", &[]);
    let ticket = ann.ticket(&case, "billing-desk").await;
    assert!(ticket.body.contains(&case), "{}", ticket.body);
    let found = ann.case(&case).await;
    assert_eq!(found.escalations[0].cause(), v1::EscalationCause::NoAgent);
}

/// The agent that holds a case.
fn holder(case: &v1::Case) -> Option<String> {
    match case.owner.clone()?.owner? {
        owner::Owner::Agent(agent) => Some(agent.agent_id),
        owner::Owner::Queue(_) | owner::Owner::Supervisor(_) => None,
    }
}
