//! A system that has moved is found again: a new playbook that says where it is now is enough, also for what was under
//! way.

use belay_agent::ActionResult;
use belay_api::v1;
use tokio::net::TcpListener;

use crate::stage::agents::{Wish, hear};
use crate::stage::{Stage, request, within};

#[tokio::test]
async fn a_read_back_follows_its_system_to_where_a_new_playbook_puts_it() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let here = "crm: {kind: http, base_url: \"http://";
    let there = format!("{here}{}/", gone.local_addr().unwrap());
    let stage = Stage::with(|playbook| playbook.edit("systems.yaml", here, &there)).await;
    let (_agent, mut said) = stage.agent_wishing("crm-1", vec![Wish::note("called back")]);
    let case = stage.open("note").await;
    // Somebody knocks where nobody lives any more, and goes on asking there.
    drop(within("a read-back at the old address", gone.accept()).await.unwrap());
    drop(within("another one", gone.accept()).await.unwrap());
    assert_eq!(stage.company.writes_to("/notes"), 1);
    assert!(!stage.tool().story(&case).await.contains(&"action_verified".to_owned()));

    let file = stage.room("playbook").join("systems.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&there, here)).unwrap();
    let olga = stage.person("olga", &["operators"]);
    let reload = v1::ReloadPlaybookRequest { request_id: request(), dry_run: false };
    assert!(olga.playbook().reload_playbook(reload).await.unwrap().into_inner().changed);

    let result = hear("what became of the note", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    assert_eq!(stage.tool().sees_resolved(&case).await, "resolved");
    assert_eq!(stage.company.writes_to("/notes"), 1);
}
