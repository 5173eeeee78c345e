//! The playbook of the demonstration: the support-desk example as it is, at a tempo that people like to watch.

use std::fs;
use std::path::Path;

use crate::exit::{Exit, Failure};

/// The example, file by file.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/playbook.rs"));

/// What is changed for the tempo: file, text, and what stands there instead. All times are scaled down; the others are
/// so long in the example that they would still be too long to watch, or so short that a supervisor
/// that is being started again would be missed for good.
const TEMPO: &[(&str, &str, &str)] = &[
    ("playbook.yaml", "timing_scale: 1.0", "timing_scale: 0.2"),
    ("playbook.yaml", "lease: 15s", "lease: 40s"),
    ("playbook.yaml", "seek_within: 30s", "seek_within: 150s"),
    ("playbook.yaml", "freshness: 60s", "freshness: 50s"),
    ("playbook.yaml", "look_every: 20s", "look_every: 10s"),
    ("escalations/takeover.yaml", "freshness: 60s", "freshness: 50s"),
    ("escalations/takeover.yaml", "look_every: 20s", "look_every: 10s"),
    ("escalations/takeover.yaml", "acknowledge_within: 2m", "acknowledge_within: 40s"),
];

/// Writes the playbook into `folder`.
pub(crate) fn write(folder: &Path) -> Result<(), Failure> {
    for (name, text) in FILES {
        let file = folder.join(name);
        let failed = |error| Failure::of(format!("cannot write {}", file.display()), &error);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&file, at_tempo(name, text)?).map_err(failed)?;
    }
    Ok(())
}

fn at_tempo(name: &str, text: &str) -> Result<String, Failure> {
    let mut text = text.to_owned();
    for (_, before, after) in TEMPO.iter().filter(|(file, ..)| *file == name) {
        if !text.contains(before) {
            let what = format!("{name} of the example playbook does not say {before:?} any more");
            return Err(Failure::new(Exit::Failed, what));
        }
        text = text.replace(before, after);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{FILES, TEMPO, write};

    #[test]
    fn the_example_is_complete_and_takes_the_tempo() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        for (file, _, after) in TEMPO {
            let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
            assert!(text.contains(after), "{file}: {after}");
        }
        assert!(FILES.iter().any(|(name, _)| *name == "contracts/billing.refund.yaml"));
    }

    #[test]
    fn the_playbook_at_its_tempo_is_sound() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        if let Err(problems) = belay_playbook::Playbook::load(folder.path()) {
            panic!("{problems}");
        }
    }
}
