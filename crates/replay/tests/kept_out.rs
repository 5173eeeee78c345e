//! Stand-ins are for tests: nothing that is shipped depends on them.

use std::path::Path;

/// Crates that are themselves for tests only.
const FOR_TESTS: &[&str] = &["sim"];

#[test]
fn no_shipped_crate_depends_on_the_stand_ins() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seen = 0;
    for entry in std::fs::read_dir(crates).expect("the crates") {
        let folder = entry.expect("a crate").path();
        let Ok(manifest) = std::fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        seen += 1;
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name == "replay" || FOR_TESTS.contains(&name) {
            continue;
        }
        let mut section = "";
        for line in manifest.lines() {
            section = if line.starts_with('[') { line } else { section };
            let named = line.starts_with("belay-replay");
            assert!(!named || section == "[dev-dependencies]", "{name} has {line:?} in {section}");
        }
    }
    assert!(seen > 10, "only {seen} crates were found");
}
