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
fn northgate_loads() {
    check("northgate");
}

#[test]
fn a_playbook_tells_its_policies_routes_and_boundaries() {
    let playbook = Playbook::load(&playbooks().join("support-desk")).expect("it loads");
    assert!(playbook.policies().contains(&"refunds-have-an-end"));
    assert!(playbook.policies().is_sorted());
    let routes: Vec<String> = playbook
        .routes()
        .iter()
        .map(|route| {
            let to = route.to().map_or("people".to_owned(), ToString::to_string);
            format!("{} ({}) to {to} by {}", route.name(), route.condition(), route.takeover())
        })
        .collect();
    assert_eq!(
        routes[..2],
        [
            "outages go to people at once (severity: [critical]) to people by takeover",
            "money (kind: [refund, double-charge]) to role billing by billing-takeover",
        ]
    );
    assert_eq!(routes.last().map(String::as_str), Some("otherwise () to people by takeover"));
    let of_itsm = playbook.boundaries().find(|(name, _)| name.as_str() == "itsm");
    assert_eq!(of_itsm.map(|(_, contracts)| contracts.len()), Some(2));
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
