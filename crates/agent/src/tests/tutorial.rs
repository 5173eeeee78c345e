//! The agent of the tutorial does what the tutorial says, and is the one that the tutorial shows.

use belay_api::v1::connect_response::Message as Out;
use belay_api::v1::{ActionState, Ruling};
use serde_json::{Value, json};

use super::{first_agent, notes};
use crate::testbed::Bed;

#[tokio::test]
async fn the_first_agent_writes_what_it_is_permitted_to_and_resolves_the_case() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notes", listener.local_addr().unwrap());
    let serving = tokio::spawn(async { axum::serve(listener, notes::routes()).await });
    let mut bed = Bed::new();
    let agent = bed.run(first_agent::Notes { url: url.clone() }, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    let proposal = line.rules(Ruling::Authorized).await;
    assert_eq!(proposal.contract_id, "notes.add@1");
    let input: Value = serde_json::from_str(&proposal.input_json).unwrap();
    let mut claims = bed.claims("p1", 1, &proposal.input_json);
    claims.contract = proposal.contract_id;
    let permit = bed.permit_of(claims, &proposal.input_json);
    let key = permit.idempotency_key.clone();
    line.send(0, Out::Permit(permit)).await;
    let number = line.begins("p1").await;
    line.started(number, "p1", 1).await;
    assert_eq!(line.outcome().await, (1, "executed"));
    let kept: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
    let note = json!({ "id": 0, "key": key, "customer": input["customer"], "text": input["text"] });
    assert_eq!(kept, json!([note]));
    line.stands(ActionState::Verified).await;
    line.resolved().await;
    bed.stop.cancel();
    line.closed().await;
    agent.await.unwrap().unwrap();
    serving.abort();
}

#[test]
fn the_tutorial_shows_the_agent_as_it_is() {
    let tutorial = include_str!("../../../../docs/first-agent.md");
    let example = include_str!("../../examples/first_agent.rs");
    let shown = example.split_once("/// Knows the notes").unwrap().1.split_once("#[tokio::main]");
    assert!(
        tutorial.contains(shown.unwrap().0.trim_end()),
        "copy the agent into docs/first-agent.md"
    );
}
