//! What operators write, and the inputs that their expressions are held against.

use std::path::Path;
use std::sync::LazyLock;

use belay_domain::{Epoch, Ruling, Timestamp};
use belay_playbook::{
    CaseFacts, Payload, Playbook, ProposalFacts, Reads, SourceFile, Used, fuzzing,
};
use serde_json::{Value, json};

/// A whole playbook, small enough to be read a hundred times a second.
static FILES: LazyLock<Vec<SourceFile>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks/first-agent");
    let mut files = Vec::new();
    read(&folder, &folder, &mut files);
    files.sort();
    files
});

/// A playbook of which one file is anything at all. The first byte says which.
pub fn playbook(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut files = FILES.clone();
    let which = usize::from(*which) % files.len();
    text.clone_into(&mut files[which].text);
    match Playbook::from_files(files) {
        Ok(playbook) => {
            let _ = (playbook.version(), playbook.policies(), playbook.routes().len());
        }
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
}

/// One file, as each of the kinds there are.
pub fn playbook_file(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        fuzzing::document(text);
    }
}

/// An expression, over an input that has a bit of everything.
pub fn expression(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        fuzzing::expression(text, &everything());
    }
}

/// A text with expressions in it.
pub fn template(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        fuzzing::template(text, &everything());
    }
}

/// The input of an action, as an agent sends it.
pub fn input_json(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        fuzzing::input(text);
    }
}

/// The input of a write, as an agent proposes it: whatever it is, the request is the one of the contract with the input's
/// texts in its places, or there is none.
pub fn proposal(data: &[u8]) {
    static PLAYBOOK: LazyLock<Playbook> =
        LazyLock::new(|| Playbook::from_files(FILES.clone()).expect("the playbook is sound"));
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (contract, agent) =
        ("notes.add@1".parse().expect("an id"), "my-first-agent".parse().expect("an id"));
    let case = CaseFacts {
        tenant: "default".parse().expect("an id"),
        id: "c-1".parse().expect("an id"),
        kind: "note".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: "ada".to_owned(),
        subject: "a note".to_owned(),
        labels: Vec::new(),
    };
    let verdict = PLAYBOOK.assess(&ProposalFacts {
        case: &case,
        epoch: Epoch::default(),
        agent: &agent,
        contract: &contract,
        input: text,
        provenance: &[],
        reads: &Reads::default(),
        usage: &PLAYBOOK
            .usage_keys(&contract, text, &case, &agent)
            .into_iter()
            .map(|key| (key.key, Used::default()))
            .collect(),
        now: Timestamp::UNIX_EPOCH,
        duplicate: None,
        heard: Some(&[]),
        outside_text: false,
    });
    let write = PLAYBOOK.execution(&contract, text, &case);
    if let Ok(write) = &write {
        assert_eq!((write.method.as_str(), write.path.as_str()), ("POST", "/notes"));
        let Payload::Json(body) = &write.body else { panic!("the body is JSON") };
        let input: Value = serde_json::from_str(text).expect("it was read");
        let wanted =
            json!({"key": write.key, "customer": input["customer"], "text": input["text"]});
        assert_eq!(body, &wanted, "nothing but the values is the agent's");
    }
    if !matches!(verdict.ruling, Ruling::Deny(_)) {
        let input: Value = serde_json::from_str(text).expect("what is allowed is JSON");
        assert_eq!(input["customer"], "ada", "its condition holds");
        assert!(write.is_ok(), "what is allowed can be sent");
        assert!(PLAYBOOK.verification(&contract, text, &case).is_ok(), "and proven");
    }
}

fn everything() -> Value {
    json!({
        "amount": 47.84, "minor": 4784, "big": i64::MAX, "small": i64::MIN, "nothing": null, "yes": true,
        "text": "Grüße, 世界", "empty": "", "list": [1, 2.5, "x", [3], {"y": 4}], "object": {"a": {"b": "c"}},
    })
}

fn read(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) {
    for entry in std::fs::read_dir(folder).expect("the playbook").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            read(root, &path, files);
        } else if path.extension().is_some_and(|kind| kind == "yaml" || kind == "cedar") {
            let text = std::fs::read_to_string(&path).expect("a file");
            let path = path.strip_prefix(root).expect("a path below").display().to_string();
            files.push(SourceFile { path, text });
        }
    }
}
