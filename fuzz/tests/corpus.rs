//! Every input that was ever worth keeping, tried again, on any toolchain and without instrumentation.

use std::path::Path;

#[test]
fn nothing_in_the_corpus_breaks_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in belay_fuzz::TARGETS {
        let folder = corpus.join(name);
        let entries = std::fs::read_dir(&folder);
        let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut tried = 0;
        for entry in entries {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            target(&std::fs::read(&path).unwrap());
            tried += 1;
        }
        assert!(tried > 0, "{name} has no corpus");
        target(&[]);
    }
}

#[test]
fn every_target_has_a_program() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    for (name, _) in belay_fuzz::TARGETS {
        assert!(programs.join(format!("{name}.rs")).is_file(), "{name} has no program");
    }
    assert_eq!(std::fs::read_dir(programs).unwrap().count(), belay_fuzz::TARGETS.len());
}
