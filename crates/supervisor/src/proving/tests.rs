use belay_playbook::{Playbook, SourceFile};

use super::{RouteProof, RouteVerdict, prove_routes};

const FILES: [(&str, &str); 5] = [
    ("playbook.yaml", "name: small\n"),
    (
        "systems.yaml",
        "\
systems:
  desk:
    kind: desk
    queues:
      front: {staff: [ann]}
      back: {staff: [ann]}
    people: {ann: {}}
  rt:
    kind: request-tracker
    base_url: ${BELAY_NO_SUCH_VARIABLE}
    credential: {env: BELAY_NO_SUCH_VARIABLE}
    service_account: belay-svc
    queues: {second-level: {}}
    statuses: {new: open}
    fields: {correlation: correlation, case: case, resolution: resolution}
",
    ),
    ("agents.yaml", "roles: {}\nagents: {}\n"),
    ("routing.yaml", "rules: []\notherwise: {to: people, takeover: ask}\n"),
    ("taxonomy.yaml", "resolutions:\n  done: {title: Done, means: resolve}\n"),
];

async fn proven(steps: &str) -> Vec<RouteProof> {
    let policy = format!("name: ask\nsteps:\n{steps}backoff: {{first: 1m, most: 1h}}\n");
    let all = FILES.iter().copied().chain([("escalations/ask.yaml", policy.as_str())]);
    let files = all.map(|(path, text)| SourceFile { path: path.to_owned(), text: text.to_owned() });
    let playbook = match Playbook::from_files(files.collect()) {
        Ok(playbook) => playbook,
        Err(problems) => panic!("{problems}"),
    };
    let scratch = tempfile::tempdir().unwrap();
    prove_routes(&playbook, scratch.path()).await
}

#[tokio::test]
async fn every_queue_that_is_asked_is_looked_at_once_and_knows_where_it_is_asked() {
    let step = |queue: &str| format!("  - {{queue: {queue}, acknowledge_within: 5m}}\n");
    let steps = [step("desk/front"), step("desk/back"), step("desk/front")];
    let proofs = proven(&steps.concat()).await;
    let told: Vec<_> = proofs
        .iter()
        .map(|proof| {
            let lines: Vec<_> = proof.steps.iter().map(|(_, at)| at.line.to_string()).collect();
            format!("{} {} at {}", proof.queue, proof.holds(), lines.join(","))
        })
        .collect();
    assert_eq!(told, ["desk/back true at 4", "desk/front true at 3,5"]);
}

#[tokio::test]
async fn a_system_that_cannot_be_connected_breaks_its_own_routes_only() {
    let steps = "  - {queue: rt/second-level, acknowledge_within: 5m}\n  - {queue: desk/front, acknowledge_within: 5m}\n";
    let proofs = proven(steps).await;
    assert!(proofs[0].holds(), "{:?}", proofs[0]);
    let RouteVerdict::Broken(why) = &proofs[1].findings[0].verdict else { panic!("{proofs:?}") };
    assert!(why.contains("BELAY_NO_SUCH_VARIABLE"), "{why}");
}
