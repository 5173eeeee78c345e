//! Where it happens: a folder with a playbook and identities, and the real program in it, which is killed and started
//! again on the same data and the same address.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use belay_api::v1;
use belay_transport::authority::DevAuthority;
use belay_transport::issuer::DevIssuer;
use belay_transport::tls::Identity;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::caller::Caller;
use crate::company::Company;

/// How long the program may take to come up, on a machine that has other things to do.
const UP_WITHIN: Duration = Duration::from_secs(60);

/// Waiting times that suit a machine on which everything is killed all the time.
const DEFAULTS: &str = "\
defaults:
  severity: normal
  lease: 10s
  seek_within: 30s
  offer_within: 5s
  bounces_max: 3
  freshness: 10s
  look_every: 500ms
  permit_within: 30s
  outcome_within: 10s
  settle_within: 1s
  verify_within: 60s
  attempts_max: 4
  backoff: {first: 100ms, most: 1s}
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

const LADDER: &str = "\
steps:
  - {queue: desk/support-desk, place_within: 30s, reach_within: 30s, acknowledge_within: 5m}
backoff: {first: 500ms, most: 1s}
";

/// The folder, the company, and the program while it runs.
pub(crate) struct House {
    pub(crate) company: Company,
    folder: TempDir,
    data: PathBuf,
    identity: PathBuf,
    listen: SocketAddr,
    child: Option<Child>,
}

impl House {
    /// Makes the folder; nothing runs yet but the company.
    pub(crate) async fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let company = Company::start().await;
        write_playbook(&folder.path().join("playbook"), company.url());
        let data = folder.path().join("data");
        let identity = data.join("identity");
        DevAuthority::open_or_create(&identity).unwrap();
        DevIssuer::open_or_create(&identity).unwrap();
        let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        Self { company, folder, data, identity, listen, child: None }
    }

    /// The program finds its data here from now on.
    pub(crate) fn keep_in(&mut self, data: PathBuf) {
        self.data = data;
    }

    /// Callers find their certificates here from now on, and not where the program has its data.
    pub(crate) fn read_identity_in(&mut self, identity: PathBuf) {
        self.identity = identity;
    }

    /// Takes a copy of what the program keeps in `from`, kills it, and has it go on with the copy.
    pub(crate) async fn kill_and_take(&mut self, from: &Path, to: PathBuf) {
        // Stopped, so that nothing changes while it is copied.
        let stop =
            std::process::Command::new("kill").args(["-STOP", &self.pid().to_string()]).status();
        assert!(stop.unwrap().success());
        copy(from, &to);
        self.kill().await;
        self.identity = to.join("identity");
        self.data = to;
    }

    /// Where the program has its data.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The process that was started last.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).unwrap()
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.listen.port())
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.identity.clone()
    }

    /// Who an agent is.
    pub(crate) fn agent(&self, name: &str) -> Identity {
        DevAuthority::open_or_create(&self.identity()).unwrap().agent(name).unwrap()
    }

    /// The directory of the journal.
    pub(crate) fn journal(&self) -> PathBuf {
        self.data.join("journal")
    }

    /// What the program said on standard error, in all its lives.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("serve.log")).unwrap_or_default()
    }

    /// A folder that goes with the house.
    pub(crate) fn room(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the program, and comes back at once.
    pub(crate) fn start(&mut self) {
        self.start_under(std::process::Command::new(program()));
    }

    /// Starts the program by a command that ends with the name of the program.
    pub(crate) fn start_under(&mut self, command: std::process::Command) {
        assert!(self.child.is_none(), "it runs already");
        let log = File::options().create(true).append(true).open(self.room("serve.log")).unwrap();
        let child = Command::from(command)
            .arg("serve")
            .arg("--playbook")
            .arg(self.folder.path().join("playbook"))
            .arg("--data")
            .arg(&self.data)
            .arg("--listen")
            .arg(self.listen.to_string())
            .arg("--until-stdin-ends")
            .env("NO_COLOR", "1")
            .env("RUST_LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Starts the program and waits for its first answer. Says how long that took.
    pub(crate) async fn up(&mut self) -> Duration {
        self.start();
        self.answers().await
    }

    /// Waits for the first answer, and says how long that took.
    pub(crate) async fn answers(&mut self) -> Duration {
        let begun = Instant::now();
        let tool = Caller::tool(self);
        loop {
            let request = v1::ListCasesRequest { page_size: 1, ..Default::default() };
            let mut cases = tool.cases();
            let asked = tokio::time::timeout(Duration::from_secs(1), cases.list_cases(request));
            if let Ok(Ok(_)) = asked.await {
                return begun.elapsed();
            }
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("it ended by itself: {status}\n{}", self.log());
            }
            assert!(begun.elapsed() < UP_WITHIN, "no answer in {UP_WITHIN:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Kills it where it stands: SIGKILL. It must not have ended by itself before.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        if let Some(status) = child.try_wait().unwrap() {
            panic!("it ended by itself: {status}\n{}", self.log());
        }
        child.kill().await.unwrap();
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Waits until it ends by itself, and says how.
    pub(crate) async fn ended(&mut self, within: Duration) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        match tokio::time::timeout(within, child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!("it did not end within {within:?}\n{}", self.log()),
        }
    }

    /// Lets it leave in order.
    pub(crate) async fn leave(&mut self) {
        drop(self.child.as_mut().unwrap().stdin.take());
        let status = self.ended(Duration::from_secs(60)).await;
        assert!(status.success(), "{status}\n{}", self.log());
    }

    /// Has `belay audit` verify the journal that nobody has open, and hands over every event, in order.
    pub(crate) fn each_event(&self, mut hear: impl FnMut(Value)) {
        let audit = |command: &str| {
            let mut belay = std::process::Command::new(program());
            belay.args(["audit", command, "--data"]).arg(self.journal());
            belay
        };
        let verified = audit("verify").output().unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
        let mut export = audit("export").stdout(Stdio::piped()).spawn().unwrap();
        for line in BufReader::new(export.stdout.take().unwrap()).lines() {
            hear(serde_json::from_str(&line.unwrap()).unwrap());
        }
        assert!(export.wait().unwrap().success());
    }
}

/// The program itself.
pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_belay")
}

/// The support desk that users copy, with other waiting times and addresses.
fn write_playbook(folder: &Path, company: &str) {
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/support-desk");
    copy(&original, folder);
    let text = fs::read_to_string(folder.join("playbook.yaml")).unwrap();
    let (before, _) = text.split_once("defaults:").unwrap();
    fs::write(folder.join("playbook.yaml"), format!("{before}{DEFAULTS}")).unwrap();
    let systems: String = ["crm", "billing", "erp", "itsm"]
        .map(|name| format!("  {name}: {{kind: http, base_url: \"{company}\", timeout: 5s}}\n"))
        .concat();
    fs::write(folder.join("systems.yaml"), format!("systems:\n{systems}{DESK}")).unwrap();
    for ladder in ["takeover", "billing-takeover", "approval"] {
        let text = format!("name: {ladder}\n{LADDER}");
        fs::write(folder.join(format!("escalations/{ladder}.yaml")), text).unwrap();
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
