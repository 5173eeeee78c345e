//! Nobody rewrites what happened without being found out.

use belay_api::v1;
use belay_api::v1::verify_journal_response::Message as Verified;
use rusqlite::Connection;
use tokio_stream::StreamExt;

use crate::stage::Stage;
use crate::stage::agents::{Wish, hear};
use crate::stage::callers::Caller;

#[tokio::test]
async fn an_untouched_journal_is_intact() {
    let (stage, _) = busy().await;
    let report = verify(&stage.person("olga", &["operators"]), Vec::new()).await;
    assert!(report.intact, "{:?}", report.breaks);
    assert!(report.events_checked > 5 && report.cases_checked == 1, "{report:?}");
}

#[tokio::test]
async fn an_edited_event_is_found_with_its_place() {
    let (stage, case) = busy().await;
    let olga = stage.person("olga", &["operators"]);
    let kept = verify(&olga, Vec::new()).await.end.unwrap();
    let story = olga.story(&case).await;
    let place = story.iter().position(|event| event == "action_proposed").unwrap() as u64 + 1;
    let journal = edit(&stage);
    let changed = journal
        .execute(
            "UPDATE events SET body = CAST(replace(body, '500', '900') AS BLOB) WHERE kind = 'action_proposed'",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    let report = verify(&olga, vec![kept]).await;
    assert!(!report.intact);
    let found = &report.breaks[0];
    assert_eq!((found.case_id.as_str(), found.sequence), (case.as_str(), place), "{found:?}");
    assert_eq!(found.fault(), v1::ChainFault::Altered);
    assert!(!found.detail.is_empty());
}

#[tokio::test]
async fn a_deleted_event_is_found() {
    let (stage, case) = busy().await;
    let journal = edit(&stage);
    journal.execute("DELETE FROM events WHERE kind = 'action_verified'", []).unwrap();
    let report = verify(&stage.person("olga", &["operators"]), Vec::new()).await;
    assert!(!report.intact);
    assert!(report.breaks.iter().any(|one| one.case_id == case), "{:?}", report.breaks);
}

#[tokio::test]
async fn a_journal_that_was_cut_back_does_not_continue_from_what_was_kept_elsewhere() {
    let (stage, _) = busy().await;
    let olga = stage.person("olga", &["operators"]);
    let kept = verify(&olga, Vec::new()).await.end.unwrap();
    let forged = v1::Checkpoint { mark: vec![7; 32], ..kept };
    let report = verify(&olga, vec![forged]).await;
    assert_eq!(report.breaks[0].fault(), v1::ChainFault::Regressed, "{report:?}");
}

#[tokio::test]
async fn an_export_holds_every_event_in_the_order_of_the_journal() {
    let (stage, case) = busy().await;
    let tool = stage.tool();
    let asked = v1::ExportEventsRequest { case_id: case.clone(), ..Default::default() };
    let stream = tool.audit().export_events(asked).await.unwrap().into_inner();
    let exported: Vec<_> = stream.map(|one| one.unwrap().event.unwrap()).collect().await;
    let listed = tool.events(&case).await;
    assert_eq!(exported, listed);
    assert!(exported.windows(2).all(|two| two[0].position < two[1].position));
    let after = exported[2].position;
    let asked = v1::ExportEventsRequest { after_position: after, ..Default::default() };
    let stream = tool.audit().export_events(asked).await.unwrap().into_inner();
    let rest: Vec<_> = stream.map(|one| one.unwrap().event.unwrap().position).collect().await;
    assert_eq!(rest.first(), Some(&(after + 1)));
    let beyond = v1::ExportEventsRequest { after_position: 1_000_000, ..Default::default() };
    let answer = tool.audit().export_events(beyond).await.map(drop);
    crate::stage::callers::refused(answer, tonic::Code::OutOfRange, "UNKNOWN_POSITION");
}

/// A stage on which one case was worked on and resolved.
async fn busy() -> (Stage, String) {
    let stage = Stage::start().await;
    let (agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", 500)]);
    let case = stage.open("refund").await;
    hear("what became of the refund", &mut said).await;
    stage.tool().sees_resolved(&case).await;
    agent.stop().await.unwrap();
    (stage, case)
}

/// The journal's file in the hands of somebody who knows their way around.
fn edit(stage: &Stage) -> Connection {
    let file = std::fs::read_dir(stage.journal())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "db"))
        .expect("the journal's file");
    let journal = Connection::open(file).unwrap();
    journal.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'events'";
    let names: Vec<String> = journal
        .prepare(sql)
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(!names.is_empty(), "changing events is not even forbidden");
    for name in names {
        journal.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    journal
}

async fn verify(caller: &Caller, known_checkpoints: Vec<v1::Checkpoint>) -> v1::VerifyReport {
    let asked = v1::VerifyJournalRequest { known_checkpoints };
    let mut stream = caller.audit().verify_journal(asked).await.unwrap().into_inner();
    while let Some(answer) = stream.message().await.unwrap() {
        if let Some(Verified::Report(report)) = answer.message {
            assert!(stream.message().await.unwrap().is_none(), "the report is the last message");
            return report;
        }
    }
    panic!("no report")
}
