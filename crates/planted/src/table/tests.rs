use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use belay_planted::Bug;

use super::{Finder, ROWS, Target, rendered};
use crate::check::root;

#[test]
fn every_bug_has_a_row_and_something_that_finds_it() {
    let rows: Vec<Bug> = ROWS.iter().map(|row| row.bug).collect();
    assert_eq!(rows, Bug::ALL);
    assert!(ROWS.iter().all(|row| row.finders.iter().any(Finder::is_test)));
}

#[test]
fn the_page_shows_the_table() {
    let page = std::fs::read_to_string(root().join("docs/planted-bugs.md")).expect("the page");
    assert!(page.contains(&rendered()), "write it anew: cargo run -p belay-planted -- --table");
}

#[test]
fn every_bug_is_planted_where_the_table_says_and_nowhere_else() {
    for row in ROWS {
        let spelt = format!("Bug::{:?})", row.bug);
        let said: BTreeSet<PathBuf> = row.places.iter().map(|place| root().join(place)).collect();
        let found: BTreeSet<PathBuf> =
            ["domain", "journal", "playbook", "connect", "transport", "supervisor"]
                .iter()
                .flat_map(|name| sources(&root().join("crates").join(name).join("src")))
                .filter(|file| read(file).contains(&spelt))
                .collect();
        assert_eq!(said, found, "{}", row.bug.name());
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    for finder in ROWS.iter().flat_map(|row| row.finders) {
        let Finder::Test { package, target, name } = finder else { continue };
        let folder = root().join("crates").join(package.trim_start_matches("belay-"));
        let folder = match target {
            Target::Lib => folder.join("src"),
            Target::Test(_) => folder.join("tests"),
        };
        let (_, own) = name.rsplit_once("::").unwrap_or(("", name));
        let spelt = format!("fn {own}(");
        let there = sources(&folder).iter().any(|file| read(file).contains(&spelt));
        assert!(there, "{finder}");
    }
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("a source file")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of sources");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(kind) if kind == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}
