//! The playbook on the stage: the support desk that users copy, with waiting times for tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A playbook's folder that is being written.
pub(crate) struct Playbook {
    folder: PathBuf,
}

/// Waiting times that suit a busy machine; tests of a lapse shorten theirs.
const DEFAULTS: &str = "\
defaults:
  severity: normal
  lease: 5s
  seek_within: 5s
  offer_within: 5s
  bounces_max: 3
  freshness: 5s
  look_every: 250ms
  permit_within: 30s
  outcome_within: 10s
  settle_within: 1s
  verify_within: 20s
  attempts_max: 3
  backoff: {first: 100ms, most: 500ms}
";

const DESK: &str = "
  desk:
    kind: desk
    queues:
      support-desk: {description: Everything that no agent can finish, staff: [cara, dan]}
      billing-desk: {description: Money, staff: [ann, ben]}
      duty-lead: {description: When nobody else answers, staff: [lea]}
    people: {ann: {}, ben: {}, cara: {}, dan: {}, lea: {}}
";

const TAKEOVER: &str = "\
name: takeover
steps:
  - {queue: desk/support-desk, place_within: 10s, reach_within: 10s, acknowledge_within: 20s}
  - {queue: desk/duty-lead, place_within: 10s, reach_within: 10s, acknowledge_within: 20s}
backoff: {first: 500ms, most: 1s}
";

const BILLING_TAKEOVER: &str = "\
name: billing-takeover
steps:
  - {queue: desk/billing-desk, place_within: 10s, reach_within: 10s, acknowledge_within: 20s}
  - {queue: desk/duty-lead, place_within: 10s, reach_within: 10s, acknowledge_within: 20s}
backoff: {first: 500ms, most: 1s}
";

const APPROVAL: &str = "\
name: approval
steps:
  - {queue: desk/billing-desk, place_within: 10s, reach_within: 10s, acknowledge_within: 60s}
backoff: {first: 500ms, most: 1s}
";

impl Playbook {
    /// Writes the playbook into a folder, for a company that is found here.
    pub(crate) fn write(folder: &Path, company: &str) -> Self {
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/support-desk");
        copy(&original, folder);
        let playbook = Self { folder: folder.to_owned() };
        playbook.change("playbook.yaml", |text| {
            let (before, _) = text.split_once("defaults:").unwrap();
            format!("{before}{DEFAULTS}")
        });
        let systems: String = ["crm", "billing", "erp", "itsm"]
            .map(|name| format!("  {name}: {{kind: http, base_url: \"{company}\", timeout: 5s}}\n"))
            .concat();
        playbook.put("systems.yaml", &format!("systems:\n{systems}{DESK}"));
        playbook.put("escalations/takeover.yaml", TAKEOVER);
        playbook.put("escalations/billing-takeover.yaml", BILLING_TAKEOVER);
        playbook.put("escalations/approval.yaml", APPROVAL);
        playbook
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a whole file.
    pub(crate) fn put(&self, file: &str, text: &str) {
        fs::write(self.folder.join(file), text).unwrap();
    }

    /// Replaces a text that stands in a file, wherever it stands.
    #[track_caller]
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        self.change(file, |text| {
            assert!(text.contains(from), "{file} does not contain {from:?}");
            text.replace(from, to)
        });
    }

    fn change(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, change(text)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
