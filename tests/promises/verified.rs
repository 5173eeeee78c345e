//! A write is reported done when a read-back has shown it, and not before.

use belay_agent::ActionResult;
use belay_api::v1;
use serde_json::json;

use crate::stage::Stage;
use crate::stage::agents::{Wish, hear};

#[tokio::test]
async fn a_write_inside_the_boundary_is_verified_by_read_back() {
    let stage = Stage::start().await;
    let (_agent, mut said) = stage.agent_wishing("crm-1", vec![Wish::note("called back")]);
    let case = stage.open("note").await;
    let result = hear("what became of the note", &mut said).await;
    let ActionResult::Verified(report) = result else { panic!("{result:?}") };
    let tool = stage.tool();
    assert_eq!(tool.sees_resolved(&case).await, "resolved");

    assert_eq!(stage.company.writes_to("/notes"), 1);
    let kept = stage.company.notes();
    assert_eq!(report.shown, Some(kept[0].clone()), "what is shown is what the company holds");
    let found = tool.case(&case).await;
    let action = &found.actions[0];
    assert_eq!(action.state(), v1::ActionState::Verified);
    let sent = &stage.company.writes()[0].body;
    let wanted = json!({"customer_id": "c-1", "text": "called back", "key": sent["key"]});
    assert_eq!(*sent, wanted, "what is written is what was allowed");
    assert_eq!(kept[0]["key"], json!(action.idempotency_key));
    assert_eq!(action.boundary, "crm");
    assert!(!action.policies.is_empty(), "the policies that allowed it are named");
    assert_eq!(action.playbook_version, found.playbook_version);
    let story = tool.story(&case).await;
    let place = |name: &str| story.iter().position(|event| event == name).unwrap();
    assert!(place("action_dispatched") < place("action_executed"));
    assert!(place("action_executed") < place("action_verified"));
}

#[tokio::test]
async fn the_supervisor_writes_itself_where_the_contract_says_so() {
    let stage = Stage::start().await;
    let (_agent, mut said) = stage.agent_wishing("erp-1", vec![Wish::credit(1500)]);
    let case = stage.open("credit").await;
    let result = hear("what became of the credit note", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    assert_eq!(stage.tool().sees_resolved(&case).await, "resolved");
    assert_eq!(stage.company.writes_to("/credit-notes"), 1);
    assert_eq!(stage.company.credit_notes()[0]["amount_minor"], 1500);
}

#[tokio::test]
async fn a_contract_in_shadow_mode_writes_nothing() {
    let stage = Stage::with(|playbook| {
        playbook.edit("contracts/itsm.update_record.yaml", "mode: live", "mode: shadow");
    })
    .await;
    let input = json!({"record_id": "r-1", "field": "owner", "value": "dan"});
    let wish = Wish::new("itsm.update_record@1", input);
    let (_agent, mut said) = stage.agent_wishing("itsm-1", vec![wish]);
    stage.open("record-change").await;
    let result = hear("how it was ruled", &mut said).await;
    assert_eq!(result, ActionResult::Shadowed);
    assert!(stage.company.writes().is_empty());
}
