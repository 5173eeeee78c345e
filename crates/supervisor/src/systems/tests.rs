use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use belay_playbook::SourceFile;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_moved_is_read_at_its_new_address_once_that_is_in_force() {
    let (before, after) = (playbook(answering("1")), playbook(answering("2")));
    let data = tempfile::tempdir().unwrap();
    let outside = crate::Surroundings::default().outside;
    let systems = Systems::connect(&before, data.path(), Clock::start(None), outside).unwrap();
    let mut changes = systems.changes();
    let prepared = systems.prepare(&after).unwrap();
    assert_eq!(read(&systems).await, Answer::Found(1.into()), "only prepared");
    systems.replace(prepared).await.unwrap();
    changes.next().await;
    assert_eq!(read(&systems).await, Answer::Found(2.into()));
    assert!(systems.desk().is_some(), "the desk stays");
}

async fn read(systems: &Systems) -> Answer {
    let read = PreparedRead {
        name: "note".to_owned(),
        element: String::new(),
        system: "notes".parse().unwrap(),
        path: "/notes".to_owned(),
        headers: Vec::new(),
    };
    systems.read(&read).await
}

/// A server that gives one answer, whatever it is asked, and ends with the test's process.
fn answering(body: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

/// The smallest of the example playbooks, with its notes at `address`.
fn playbook(address: SocketAddr) -> Playbook {
    const FILES: [&str; 9] = [
        "agents.yaml",
        "boundaries/notes.yaml",
        "contracts/notes.add.yaml",
        "escalations/takeover.yaml",
        "playbook.yaml",
        "policies/notes.cedar",
        "routing.yaml",
        "systems.yaml",
        "taxonomy.yaml",
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/first-agent");
    let file = |path: &str| {
        let text = std::fs::read_to_string(folder.join(path)).unwrap();
        let text = text.replace("127.0.0.1:7400", &address.to_string());
        SourceFile { path: path.to_owned(), text }
    };
    Playbook::from_files(FILES.into_iter().map(file).collect()).unwrap()
}
