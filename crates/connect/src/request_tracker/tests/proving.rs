//! Proving a route against recorded answers that are bent in one place each.

use serde_json::{Value, json};

use super::{OWNERS, QUEUE, Recorded, TICKET};
use crate::{HumanQueue, QueueErrorKind, Verdict};

const SEARCH: &str = "/REST/2.0/tickets";
const STATES: &str = "/Search/Build.html";

/// What is found with these answers, where all would be well without the bend.
async fn check(bend: impl FnOnce(&mut Value), expected: &[&str]) {
    let rt = Recorded::start(|answers| {
        answers[QUEUE]["body"]["_hyperlinks"] = json!([{"ref": "self"}, {"ref": "create"}]);
        answers[TICKET]["body"]["_hyperlinks"] = json!([{"ref": "history"}, {"ref": "comment"}]);
        answers[SEARCH] = json!({"status": 200, "body": {"items": [{"id": 7}]}});
        let page = "<optgroup label=\"default\"><option value=\"new\" ><option value=\"open\" ></optgroup>";
        answers[STATES] = json!({"status": 200, "body": page});
        bend(answers);
    })
    .await;
    let found = rt.rt.prove(&"billing-escalations".parse().unwrap()).await.unwrap();
    let wrong: Vec<_> = found
        .iter()
        .filter_map(|one| match &one.verdict {
            Verdict::Held => None,
            Verdict::Broken(what) => Some(format!("{:?}: {what}", one.check)),
            Verdict::Untold(_) => Some(format!("{:?}?", one.check)),
        })
        .collect();
    assert_eq!(wrong, expected);
}

#[tokio::test]
async fn a_route_that_is_as_it_should_be_is_shown_to_be() {
    check(|_| {}, &[]).await;
}

#[tokio::test]
async fn what_is_missing_is_said_with_what_to_do() {
    check(
        |a| a[QUEUE]["body"]["Disabled"] = json!("1"),
        &["Enabled: enable the queue, or name another one"],
    )
    .await;
    check(
        |a| a[QUEUE]["body"]["_hyperlinks"] = json!([]),
        &["RightsSuffice: grant CreateTicket on the queue"],
    )
    .await;
    check(
        |a| a[TICKET]["body"]["_hyperlinks"] = json!([]),
        &["RightsSuffice: grant CommentOnTicket on the queue"],
    )
    .await;
    check(
        |a| a[QUEUE]["body"]["TicketCustomFields"] = json!([{"name": "belay-case-id"}]),
        &["Readable: add the custom field belay-correlation-id to the queue, or grant SeeCustomField on it"],
    )
    .await;
    check(
        |a| a[STATES]["body"] = json!("<optgroup label=\"default\"><option value=\"new\" ><option value=\"parked\" ></optgroup>"),
        &["StatusesMapped: say in statuses what parked of the lifecycle default mean"],
    )
    .await;
}

#[tokio::test]
async fn rights_that_are_not_needed_are_named() {
    check(
        |a| {
            a[TICKET]["body"]["_hyperlinks"] =
                json!([{"ref": "comment"}, {"ref": "correspond"}, {"ref": "lifecycle"}]);
            a[OWNERS]["body"].as_array_mut().unwrap().push(json!({"value": "belay-svc"}));
        },
        &["RightsNotExcessive: take OwnTicket, ReplyToTicket, ModifyTicket away from our account"],
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_told_is_not_said_to_hold() {
    check(|a| a[STATES]["status"] = json!(403), &["StatusesMapped?"]).await;
    check(|a| a[SEARCH]["body"]["items"] = json!([]), &["RightsSuffice?", "RightsNotExcessive?"])
        .await;
}

#[tokio::test]
async fn what_keeps_us_from_looking_is_an_error_and_not_a_finding() {
    let rt = Recorded::start(|answers| answers[QUEUE]["status"] = json!(500)).await;
    let error = rt.rt.prove(&"billing-escalations".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::Unavailable);
}
