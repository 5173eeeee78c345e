//! What can be shown of a route before it is used, and what people write on a ticket and leave with it.

use belay_connect::{HumanQueue, QueueErrorKind, RequestTrackerConfig, RouteCheck, Verdict};
use belay_domain::ActorKind;
use serde_json::json;

use super::bench::{Bench, DESK};
use super::facts;

/// What is not as it should be about a route through this queue: check and advice, `?` for what cannot be told.
async fn wrong(bench: &Bench, queue: &str) -> Vec<String> {
    let findings = bench.rt.prove(&queue.parse().unwrap()).await.unwrap();
    let wrong = findings.iter().filter_map(|finding| match &finding.verdict {
        Verdict::Held => None,
        Verdict::Broken(what) => Some(format!("{:?}: {what}", finding.check)),
        Verdict::Untold(_) => Some(format!("{:?}?", finding.check)),
    });
    wrong.collect()
}

#[tokio::test]
async fn an_ordinary_desk_is_proven_in_everything_that_can_be_told() {
    let Some(bench) = Bench::start().await else { return };
    bench.create(DESK).await;
    assert_eq!(wrong(&bench, DESK).await, Vec::<String>::new());
    let findings = bench.rt.prove(&DESK.parse().unwrap()).await.unwrap();
    let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    assert!(checks.is_sorted() && checks.len() == 8, "{checks:?}");
    bench.create("itsm-major").await;
    assert_eq!(wrong(&bench, "itsm-major").await, Vec::<String>::new());
}

#[tokio::test]
async fn every_trap_queue_is_found_out_before_anybody_depends_on_it() {
    let Some(bench) = Bench::start().await else { return };
    for (queue, expected) in [
        ("no-such-queue", "Exists: there is no such queue"),
        ("private-desk", "Exists: there is no such queue, or our account has no right to see it"),
        ("retired-desk", "Enabled: enable the queue"),
        ("empty-queue", "Staffed: nobody is on the queue"),
        ("leavers-desk", "Staffed: nobody on the queue leavers-desk is an enabled person"),
    ] {
        let found = wrong(&bench, queue).await;
        assert!(found.iter().any(|one| one.starts_with(expected)), "{queue}: {found:?}");
    }
}

#[tokio::test]
async fn a_state_that_nobody_mapped_is_named() {
    let Some(bench) = Bench::start().await else { return };
    let rt = bench.adapter(|config| config.statuses = RequestTrackerConfig::default_statuses());
    let findings = rt.prove(&"itsm-major".parse().unwrap()).await.unwrap();
    let mapped = findings.iter().find(|one| one.check == RouteCheck::StatusesMapped).unwrap();
    let Verdict::Broken(what) = &mapped.verdict else { panic!("{mapped:?}") };
    assert!(what.contains("acknowledged, cancelled, mitigating"), "{what}");
}

#[tokio::test]
async fn an_account_that_may_do_more_than_it_needs_is_told_what() {
    let Some(bench) = Bench::start().await else { return };
    bench.create(DESK).await;
    let rt = bench.adapter(|config| {
        config.token = std::env::var("RT_ALICE_TOKEN").unwrap().into();
        config.account = "alice".parse().unwrap();
    });
    let findings = rt.prove(&DESK.parse().unwrap()).await.unwrap();
    let rights = findings.iter().find(|one| one.check == RouteCheck::RightsNotExcessive).unwrap();
    let Verdict::Broken(what) = &rights.verdict else { panic!("{rights:?}") };
    assert!(what.contains("OwnTicket, ReplyToTicket, ModifyTicket"), "{what}");
}

#[tokio::test]
async fn a_credential_that_expired_is_told_as_that() {
    let Some(bench) = Bench::start().await else { return };
    let rt = bench.adapter(|config| config.token = "1-2-wrong".into());
    let error = rt.prove(&DESK.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::Unauthorized);
}

#[tokio::test]
async fn what_people_write_is_told_with_who_wrote_it() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    assert!(bench.rt.statements(&ticket).await.unwrap().is_empty());
    bench.say("alice", &format!("/ticket/{ticket}/comment"), "approve 0123456789abcdef fine").await;
    bench.say("bob", &format!("/ticket/{ticket}/correspond"), "reject 0123 b\u{fc}t").await;
    bench.rt.withdraw(&ticket, "approve 0123456789abcdef").await.unwrap();
    let said = bench.rt.statements(&ticket).await.unwrap();
    let told: Vec<_> = said
        .iter()
        .map(|one| (one.actor.name.as_str(), one.actor.kind, one.text.as_str()))
        .collect();
    assert_eq!(told[0], ("alice", ActorKind::Person, "approve 0123456789abcdef fine"));
    assert_eq!(told[1], ("bob", ActorKind::Person, "reject 0123 b\u{fc}t"));
    // We ourselves are left out.
    assert_eq!(told.len(), 2, "{told:?}");
    let ids: Vec<u64> = said.iter().map(|one| one.id.parse().unwrap()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

#[tokio::test]
async fn what_was_left_with_a_resolution_is_told_by_its_address() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    bench.put("alice", &format!("/ticket/{ticket}/take"), json!({})).await;
    let note = json!({
        "Content": "Refunded. See https://billing.example/r/7",
        "ContentType": "text/plain",
        "Attachments": [{"FileName": "proof.txt", "FileType": "text/plain", "FileContent": "cGFpZA=="}],
    });
    bench.post("alice", &format!("/ticket/{ticket}/comment"), note).await;
    bench.put("alice", &format!("/ticket/{ticket}"), json!({"Status": "resolved"})).await;
    let resolution = facts(bench.read(&ticket, DESK).await).resolution.unwrap();
    assert_eq!(resolution.note, "Refunded. See https://billing.example/r/7");
    assert!(
        matches!(&resolution.links[..], [link] if link.ends_with("/proof.txt") && link.contains("/Ticket/Attachment/")),
        "{:?}",
        resolution.links
    );
}
