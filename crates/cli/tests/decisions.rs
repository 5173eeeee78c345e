//! Why a write was decided so, who may do one, and how two playbooks differ, as operators type it: the real program, a real
//! supervisor and a real agent.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use belay_agent::{Agent, Case, Done, Identity, Outcome, Specialist, Trouble};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// How long anything here may take, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn who_can_says_how_freely_with_whose_approval_and_within_which_limits() {
    let playbook = support_desk();
    let shown = belay(&["who-can", "billing.refund", "--playbook", &playbook]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.status.code(), Some(0), "{text}");
    for expected in [
        "contract   billing.refund@1\n",
        "mode       live: it writes\n",
        "billing-1  by itself or if people agree, as the policies say\n",
        "approvals: 2 of finance within 30m, not oscar\n",
        "permitted if small-refunds-need-nobody says so\n",
        "unless goodwill-is-for-people, refunds-have-an-end says otherwise\n",
        "at most USD 500.00 and 5 actions in 24h for each customer (customer-day)\n",
        "crm-1      no: its boundary crm does not name the contract",
    ] {
        assert!(text.contains(expected), "{expected:?} in\n{text}");
    }
}

#[test]
fn who_can_decides_on_an_input_and_names_what_it_cannot_know() {
    let (folder, playbook) = (tempfile::tempdir().unwrap(), support_desk());
    let file = folder.path().join("refund.json");
    let input = json!({"customer_id": "cust-1", "charge_id": "ch-1", "amount_minor": 6000,
        "currency": "USD", "reason": "duplicate-charge"});
    fs::write(&file, input.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let args = ["who-can", "billing.refund@1", "--playbook", &playbook, "--input", file];
    let told = json_of(&belay(&[&args[..], &["--output", "json"]].concat()));
    let outcome = |agent: &str| {
        let agents = told["agents"].as_array().unwrap();
        agents.iter().find(|one| one["agent"] == agent).unwrap()["outcome"].clone()
    };
    assert_eq!(outcome("billing-1"), "allowed with 2 approvals of finance (not of oscar)");
    assert_eq!(outcome("crm-1"), Value::Null);
    let taken = told["taken"].to_string();
    assert!(taken.contains("own-charge holds: it needs charge to be read"), "{taken}");
}

#[test]
fn a_contract_that_is_not_there_has_those_that_are() {
    let shown = belay(&["who-can", "billing.refnud", "--playbook", &support_desk()]);
    let said = String::from_utf8(shown.stderr).unwrap();
    assert_eq!(shown.status.code(), Some(2), "{said}");
    assert!(said.contains("billing.refund@1"), "{said}");
}

#[test]
fn playbooks_that_mean_the_same_end_with_0_others_with_1_and_broken_ones_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let old = support_desk();
    assert_eq!(belay(&["playbook", "diff", &old, &old]).status.code(), Some(0));
    let teams = belay(&["playbook", "diff", &old, playbooks().join("northgate").to_str().unwrap()]);
    let text = String::from_utf8(teams.stdout).unwrap();
    assert_eq!(teams.status.code(), Some(1), "{text}");
    for expected in [
        "support-desk and northgate are two teams' playbooks\n",
        "drift     billing.refund@1: they have one name, both take amount_minor, charge_id, currency, reason, but\n",
        "  stricter  executor: agent -> supervisor\n",
        "drift     erp.credit_note@1 of support-desk and erp.draft_credit_note@1 of northgate: both are about credit and note",
        "\nonly support-desk\n",
        "--all lists ",
    ] {
        assert!(text.contains(expected), "{expected:?} in\n{text}");
    }
    assert!(!text.contains("contract billing.refund@1 /"), "it is told once\n{text}");
    let new = copied(folder.path());
    let refund = Path::new(&new).join("contracts/billing.refund.yaml");
    let text = fs::read_to_string(&refund).unwrap();
    fs::write(&refund, text.replace("24h, amount: 500.00 USD", "24h, amount: 900.00 USD")).unwrap();
    let shown = belay(&["playbook", "diff", &old, &new]);
    assert_eq!(shown.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(shown.stdout).unwrap(),
        "looser    contract billing.refund@1 /limits/cumulative/customer-day/amount: 500.00 USD -> 900.00 USD\n"
    );
    let told = json_of(&belay(&["playbook", "diff", &old, &new, "--output", "json"]));
    assert_eq!(
        (&told["same"], &told["differences"][0]["effect"]),
        (&json!(false), &json!("looser"))
    );
    fs::write(&refund, text.replace("tier: 1", "tier: 7")).unwrap();
    let shown = belay(&["playbook", "diff", &old, &new]);
    let said = String::from_utf8(shown.stderr).unwrap();
    assert_eq!(shown.status.code(), Some(2), "{said}");
    assert!(said.contains("contracts/billing.refund.yaml:"), "{said}");
}

#[test]
fn the_cost_of_a_decision_stands_beside_its_policies_alone() {
    let shown = belay(&["bench", "--scenario=decision", "--seconds=0.2", "--output=json"]);
    let lines = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.status.code(), Some(0), "{lines}");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [decision, cedar] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!((&decision["scenario"], &cedar["scenario"]), (&json!("decision"), &json!("cedar")));
    assert!(decision["of_cedar"].as_f64() > Some(1.0), "{decision}");
    for line in [decision, cedar] {
        assert!(line["p50_us"].as_u64() > Some(0) && line["p99_us"].as_u64() > Some(0), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_runs_knows_who_is_there_what_was_used_and_where_contracts_stand() {
    let mut house = House::build();
    house.up();
    let operator = ["--person", "kim", "--group", "operators"];
    let told = json_of(&house.belay(&["who-can", "notes.add", "--output", "json"]));
    assert_eq!((&told["mode"], &told["mode_in_force"]), (&json!("live"), &json!("live")));
    assert_eq!(told["playbook"].as_str().map(str::len), Some(64), "{told:#}");
    let agent = |told: &Value| {
        let agents = told["agents"].as_array().unwrap();
        agents.iter().find(|one| one["agent"] == "my-first-agent").unwrap().clone()
    };
    assert_eq!(agent(&told)["connected"], false, "{told:#}");
    let shown = String::from_utf8(house.belay(&["who-can", "notes.add"]).stdout).unwrap();
    assert!(shown.contains("it is not connected"), "{shown}");

    let before = used(&agent(&told));
    let case = house.opens("the customer has moved");
    let (stop, stopped) = oneshot::channel::<()>();
    let identity = Identity::in_directory(&house.data.join("identity"), "agents/my-first-agent");
    let agent_runs = Agent::builder(&house.endpoint, identity);
    let serving = tokio::spawn(async move {
        agent_runs.serve(Notes, async move { drop(stopped.await) }).await.unwrap();
    });
    house.decided(&format!("{case}/a1"));
    let told = json_of(&house.belay(&["who-can", "notes.add", "--output", "json"]));
    assert_eq!(agent(&told)["connected"], true, "{told:#}");
    assert_eq!(used(&agent(&told)), before + 1, "what was decided counts: {told:#}");
    // The same case in a file's words, and a case that is not there.
    let input = house.room("note.json");
    fs::write(&input, json!({"customer": "ada", "text": "hello"}).to_string()).unwrap();
    let on_case = ["who-can", "notes.add", "--input", &input, "--case", &case, "--output", "json"];
    let told = json_of(&house.belay(&on_case));
    assert_eq!(agent(&told)["outcome"], "automatic", "{told:#}");
    assert!(!told["taken"].to_string().contains("nothing has been used"), "{told:#}");
    let nobody = house.belay(&["who-can", "notes.add", "--case", "c-0000000000000000"]);
    assert_eq!(nobody.status.code(), Some(3), "{}", String::from_utf8_lossy(&nobody.stderr));
    let unknown = house.belay(&["who-can", "notes.ad"]);
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(unknown.status.code() == Some(2) && said.contains("notes.add@1"), "{said}");

    let graduate = |more: &[&str]| {
        let mut args = vec!["graduate", "notes.add", "--running", "--output", "json"];
        args.extend(operator);
        args.extend(more);
        house.belay(&args)
    };
    house.until(|_| json_of(&graduate(&[]))["contracts"][0]["figures"]["decided"] == 1);
    let told = json_of(&graduate(&[]));
    assert_eq!(told["contracts"][0]["mode"], "live", "{told:#}");
    let stranger = house.belay(&["graduate", "--running"]);
    assert_eq!(stranger.status.code(), Some(4), "what happened to all tenants is for operators");
    let elsewhere = graduate(&["--write", "--playbook", &support_desk()]);
    let said = String::from_utf8(elsewhere.stderr).unwrap();
    assert!(elsewhere.status.code() == Some(4) && said.contains("in force"), "{said}");

    drop(stop);
    serving.await.unwrap();
    drop(house);
}

/// How many actions count against the first limit.
fn used(agent: &Value) -> u64 {
    agent["used"][0]["used_count"].as_u64().unwrap_or_else(|| panic!("{agent:#}"))
}

#[test]
fn without_a_supervisor_it_says_how_to_ask_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let shown = Command::new(env!("CARGO_BIN_EXE_belay"))
        .args(["who-can", "notes.add", "--endpoint", "https://localhost:1", "--identity"])
        .arg(folder.path())
        .env_remove("BELAY_PLAYBOOK")
        .output()
        .unwrap();
    let said = String::from_utf8(shown.stderr).unwrap();
    assert!(!shown.status.success() && said.contains("--playbook DIR"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_tells_what_would_have_made_the_difference_and_a_changed_playbook_is_told_apart() {
    let mut house = House::build();
    house.up();
    let case = house.opens("the new password is hunter2");
    let (stop, stopped) = oneshot::channel::<()>();
    let identity = Identity::in_directory(&house.data.join("identity"), "agents/my-first-agent");
    let agent = Agent::builder(&house.endpoint, identity);
    let serving = tokio::spawn(async move {
        agent.serve(Notes, async move { drop(stopped.await) }).await.unwrap();
    });
    let action = format!("{case}/a1");
    let told = house.decided(&action);
    assert_eq!(told["ruling"], "RULING_DENIED", "{told:#}");
    assert_eq!(told["reasons"][0]["rule"], "no-passwords", "{told:#}");
    assert_eq!(told["reasons"][0]["field"], "/text", "{told:#}");
    let more = &told["more"][0];
    assert_eq!(
        (&more["steps"], &more["outcome"]),
        (&json!(["if no-passwords held"]), &json!("automatic")),
        "{told:#}"
    );
    assert_eq!(told["unknown"], json!([]), "{told:#}");
    let shown = String::from_utf8(house.belay(&["why", &action]).stdout).unwrap();
    assert!(shown.contains("because      no-passwords (precondition at /text)"), "{shown}");
    assert!(shown.contains("instead      if no-passwords held: automatic"), "{shown}");

    // Another playbook in force cannot tell; the folder of the one that decided can.
    let kept = house.room("kept");
    copy(Path::new(&house.room("playbook")), Path::new(&kept));
    let contract = Path::new(&house.room("playbook")).join("contracts/notes.add.yaml");
    let text = fs::read_to_string(&contract).unwrap();
    fs::write(&contract, format!("{text}\n# Another version.\n")).unwrap();
    assert!(
        house
            .belay(&["playbook", "reload", "--person", "kim", "--group", "operators"])
            .status
            .success()
    );
    let told = house.decided(&action);
    assert_eq!(told["more"], json!([]), "{told:#}");
    assert!(told["unknown"][0].as_str().unwrap().contains("--playbook DIR"), "{told:#}");
    let told = json_of(&house.belay(&["why", &action, "--playbook", &kept, "--output", "json"]));
    assert_eq!(told["more"][0]["outcome"], "automatic", "{told:#}");
    let other = house.belay(&["why", &action, "--playbook", &house.room("playbook")]);
    assert_eq!(other.status.code(), Some(4), "it is another version");
    let nobody = house.belay(&["why", &format!("{case}/a9")]);
    assert_eq!(nobody.status.code(), Some(3), "{}", String::from_utf8_lossy(&nobody.stderr));

    drop(stop);
    serving.await.unwrap();
}

/// Notes down what a case is about, and has people look when that is refused.
struct Notes;

impl Specialist for Notes {
    async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
        let note = json!({ "customer": case.about().customer, "text": case.about().subject });
        let result =
            case.act("notes.add@1", note, |_| async { Outcome::unknown("nobody writes here") });
        let report = result.await?.verified().map_err(|why| Trouble::for_people(why, None))?;
        Ok(case.resolve("noted", &report.id.to_string()).await?)
    }
}

struct House {
    folder: TempDir,
    data: PathBuf,
    endpoint: String,
    child: Option<Child>,
}

impl House {
    fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&playbooks().join("first-agent"), &folder.path().join("playbook"));
        let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let endpoint = format!("https://localhost:{}", listen.port());
        Self { data: folder.path().join("data"), folder, endpoint, child: None }
    }

    fn room(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn up(&mut self) {
        let listen = self.endpoint.replace("https://localhost", "127.0.0.1");
        let child = Command::new(env!("CARGO_BIN_EXE_belay"))
            .args(["serve", "--until-stdin-ends", "--playbook", &self.room("playbook")])
            .arg("--data")
            .arg(&self.data)
            .args(["--listen", &listen])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.until(|house| house.belay(&["playbook", "show"]).status.success());
        assert!(self.belay(&["dev", "agent-cert", "my-first-agent"]).status.success());
    }

    fn opens(&self, subject: &str) -> String {
        let opened = self.belay(&[
            "case",
            "open",
            subject,
            "--kind",
            "note",
            "--customer",
            "ada",
            "--output",
            "json",
        ]);
        json_of(&opened)["case"]["summary"]["id"].as_str().unwrap().to_owned()
    }

    /// What is told of an action, once it has been decided.
    fn decided(&self, action: &str) -> Value {
        let ask = |house: &Self| house.belay(&["why", action, "--output", "json"]);
        self.until(|house| {
            let shown = ask(house);
            shown.status.success() && json_of(&shown)["ruling"] != "RULING_UNSPECIFIED"
        });
        json_of(&ask(self))
    }

    fn until(&self, is: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is(self) {
            assert!(began.elapsed() < PATIENCE, "it does not come");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn belay(&self, args: &[&str]) -> Output {
        let identity = self.data.join("identity");
        Command::new(env!("CARGO_BIN_EXE_belay"))
            .args(args)
            .env("BELAY_ENDPOINT", &self.endpoint)
            .env("BELAY_IDENTITY", &identity)
            .env("NO_COLOR", "1")
            .output()
            .unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Whatever became of the test, nothing of it goes on.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn belay(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_belay")).args(args).env("NO_COLOR", "1").output().unwrap()
}

#[track_caller]
fn json_of(shown: &Output) -> Value {
    let text = String::from_utf8_lossy(&shown.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&shown.stderr)))
}

fn playbooks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks")
}

fn support_desk() -> String {
    playbooks().join("support-desk").to_str().unwrap().to_owned()
}

fn copied(folder: &Path) -> String {
    let new = folder.join("new");
    copy(&playbooks().join("support-desk"), &new);
    new.to_str().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
