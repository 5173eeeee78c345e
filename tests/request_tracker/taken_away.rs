//! What happens to a ticket that a person has taken, and to that person. Whatever it is, it is seen within the time that
//! evidence stays fresh, and the next desk is asked.

use reqwest::Method;
use serde_json::json;

use crate::bench::Bench;
use crate::stage::until;
use crate::stage::watching::moment;
use crate::story::Story;
use crate::{DESK, NEXT};

#[tokio::test]
async fn whose_account_is_disabled_has_nothing_any_more() {
    taken_away(DESK, async |bench, _| {
        bench.put("root", "/user/alice", json!({"Disabled": 1})).await;
        bench.undo(Method::PUT, "/user/alice", json!({"Disabled": 0}))
    })
    .await;
}

#[tokio::test]
async fn who_has_left_the_team_has_nothing_any_more() {
    taken_away(DESK, async |bench, _| {
        let queue = bench.get("root", &format!("/queue/{DESK}"), &[]).await;
        let team = queue["AdminCc"][0]["id"].as_str().unwrap().to_owned();
        let alice = bench.get("root", "/user/alice", &[]).await["id"].as_u64().unwrap();
        bench.delete(&format!("/group/{team}/member/{alice}")).await;
        bench.undo(Method::PUT, &format!("/group/{team}/members"), json!([alice]))
    })
    .await;
}

/// RT calls accounts privileged that may be granted rights. One that is not keeps those of its groups all the same: RT
/// names it among those who may own tickets, shows it the ticket, and lets it work there.
#[tokio::test]
async fn who_loses_the_privileges_and_keeps_the_rights_still_has_the_ticket() {
    let Some(bench) = Bench::start(&[DESK]).await else { return };
    let mut story = Story::begin(&bench).await;
    let ticket = story.ticket(DESK).await;
    story.takes("alice", &ticket).await;
    bench.put("root", "/user/alice", json!({"Privileged": 0})).await;
    let _undone = bench.undo(Method::PUT, "/user/alice", json!({"Privileged": 1}));
    let since = jiff::Timestamp::now();
    bench.say("alice", &format!("/ticket/{ticket}/comment"), "I am at it").await;
    until("a later look", async || {
        let cover = story.is_covered_by("alice").await.evidence.unwrap();
        (moment(cover.sent_at.as_ref()) > since).then_some(())
    })
    .await;
    story.end().await;
}

#[tokio::test]
async fn a_ticket_that_is_merged_into_an_open_one_is_nobodys() {
    taken_away(DESK, async |bench, ticket| {
        let other = other(bench).await;
        merge(bench, ticket, &other).await;
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_is_merged_into_another_of_the_same_person_is_nobodys() {
    taken_away(DESK, async |bench, ticket| {
        let other = other(bench).await;
        bench.does("alice", "take", &other).await;
        merge(bench, ticket, &other).await;
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_is_merged_into_one_that_was_resolved_resolves_nothing() {
    taken_away(DESK, async |bench, ticket| {
        let other = other(bench).await;
        bench.does("alice", "take", &other).await;
        bench.resolve("alice", &other, Some("declined")).await;
        merge(bench, ticket, &other).await;
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_is_deleted_is_nobodys() {
    taken_away(DESK, async |bench, ticket| bench.delete(&format!("/ticket/{ticket}")).await).await;
}

#[tokio::test]
async fn a_ticket_that_is_moved_to_another_queue_of_the_same_person_is_nobodys() {
    taken_away(DESK, async |bench, ticket| moved(bench, ticket, "itsm-major").await).await;
}

#[tokio::test]
async fn a_ticket_that_is_moved_to_where_we_cannot_read_is_nobodys() {
    taken_away(DESK, async |bench, ticket| moved(bench, ticket, "private-desk").await).await;
}

#[tokio::test]
async fn a_rule_that_resolves_with_a_code_resolves_nothing() {
    taken_away("ruled-desk", async |bench, ticket| {
        bench.say("alice", &format!("/ticket/{ticket}/comment"), "looking into it").await;
        let found = bench.get("root", &format!("/ticket/{ticket}"), &[]).await;
        assert_eq!(found["Status"], "resolved", "the rule was to resolve it");
    })
    .await;
}

#[tokio::test]
async fn a_machine_that_resolves_with_a_code_resolves_nothing() {
    taken_away("ruled-desk", async |bench, ticket| {
        bench.resolve("autobot", ticket, Some("declined")).await;
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_a_machine_steals_is_nobodys() {
    taken_away("ruled-desk", async |bench, ticket| bench.does("autobot", "steal", ticket).await)
        .await;
}

/// Lets alice take a ticket and then something happen, after which she does not have it. What is undone at the end is
/// returned by what happens.
async fn taken_away<U>(desk: &str, happens: impl AsyncFnOnce(&Bench, &str) -> U) {
    let Some(bench) = Bench::start(&[desk, NEXT]).await else { return };
    let mut story = Story::begin(&bench).await;
    let ticket = story.ticket(desk).await;
    story.takes("alice", &ticket).await;
    let _undone = story.loses(happens(&bench, &ticket)).await;
    story.lapses().await;
    story.moves_on(NEXT, "bob").await;
    story.end().await;
}

/// A ticket that has nothing to do with us.
async fn other(bench: &Bench) -> String {
    let body = json!({"Queue": DESK, "Subject": "the same", "Content": "I think"});
    bench.post("alice", "/ticket", body).await["id"].as_str().unwrap().to_owned()
}

async fn merge(bench: &Bench, ticket: &str, into: &str) {
    bench.put("root", &format!("/ticket/{ticket}"), json!({"MergeInto": into})).await;
}

async fn moved(bench: &Bench, ticket: &str, queue: &str) {
    bench.put("root", &format!("/ticket/{ticket}"), json!({"Queue": queue})).await;
}
