//! The playbooks that are shipped as examples load, and their editors' schemas are those of the code.

use std::path::{Path, PathBuf};

use belay_playbook::{FileKind, Playbook};

#[test]
fn the_support_desk_loads() {
    check("support-desk");
}

#[test]
fn the_retail_shop_loads() {
    check("retail");
}

#[test]
fn the_first_agent_loads() {
    check("first-agent");
}

#[test]
fn the_published_schemas_are_those_of_the_code() {
    // Run with BELAY_WRITE_SCHEMAS=1 to write them.
    let write = std::env::var_os("BELAY_WRITE_SCHEMAS").is_some();
    for kind in FileKind::ALL {
        let path = playbooks().join("schema").join(format!("{}.json", kind.name()));
        let text = serde_json::to_string_pretty(kind.schema()).expect("a schema is JSON") + "\n";
        if write {
            std::fs::write(&path, &text).expect("the schema can be written");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == text,
            "{} is out of step; run this test with BELAY_WRITE_SCHEMAS=1",
            path.display()
        );
    }
}

#[track_caller]
fn check(name: &str) {
    if let Err(problems) = Playbook::load(&playbooks().join(name)) {
        panic!("{problems}");
    }
}

fn playbooks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks")
}
