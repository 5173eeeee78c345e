//! `belay serve --hooks`, as an operator starts it: the real program takes webhooks over TLS, counts the bad ones and
//! drops them, follows its secret's file, and leaves in order while a sender still holds a connection.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Client};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything here may take, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW_SECRET: &str = "whsec_bmV3LXNlY3JldA==";

const FILES: [(&str, &str); 6] = [
    ("playbook.yaml", "name: small\n"),
    (
        "systems.yaml",
        "systems:\n  desk:\n    kind: desk\n    queues: {front: {staff: [ann]}}\n    people: {ann: {}}\n",
    ),
    ("agents.yaml", "roles: {}\nagents: {}\n"),
    ("taxonomy.yaml", "resolutions:\n  resolved: {title: Done, means: resolve}\n"),
    ("routing.yaml", "otherwise: {to: people, takeover: takeover}\n"),
    (
        "escalations/takeover.yaml",
        "name: takeover\nsteps:\n  - {queue: desk/front, acknowledge_within: 1h}\nbackoff: {first: 1m, most: 15m}\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_program_takes_good_webhooks_drops_bad_ones_and_leaves_in_order() {
    let mut house = House::build();
    house.up();
    let ticket = house.asks_people();
    let client = house.client();

    let good = Sent::of(&ticket, "1");
    assert_eq!(house.send(&client, &good).await, 202);
    assert_eq!(house.send(&client, &good).await, 202, "thanked, and not followed twice");
    let forged = Sent { secret: NEW_SECRET, ..Sent::of(&ticket, "2") };
    assert_eq!(house.send(&client, &forged).await, 401);
    let old = Sent { age: 400, ..Sent::of(&ticket, "3") };
    assert_eq!(house.send(&client, &old).await, 401);
    let long = Sent { body: format!("{:?}", "x".repeat(70_000)), ..Sent::of(&ticket, "4") };
    assert_eq!(house.send(&client, &long).await, 413);
    let malformed = Sent { body: "{ticket".to_owned(), ..Sent::of(&ticket, "5") };
    assert_eq!(house.send(&client, &malformed).await, 400);
    assert_eq!(house.send(&client, &Sent::of("desk-99", "6")).await, 202);
    let elsewhere = Sent { system: "rt", ..Sent::of(&ticket, "7") };
    assert_eq!(house.send(&client, &elsewhere).await, 404);

    // The secret is exchanged in its file, without a new playbook.
    fs::write(house.path("secret"), format!("{SECRET}\n{NEW_SECRET}\n")).unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let newer = Sent { secret: NEW_SECRET, ..Sent::of(&ticket, "8") };
    assert_eq!(house.send(&client, &newer).await, 202);

    // Nothing of this made anybody hold the case.
    assert_eq!(house.escalation()["state"], "ESCALATION_STATE_ROUTED");
    // A connection of a sender stands open meanwhile.
    let idle = tokio::net::TcpStream::connect(house.hooks.unwrap()).await.unwrap();
    let ended = house.leave().await;
    drop(idle);
    assert_eq!(ended.code(), Some(0), "{}", house.log());
    assert!(tokio::net::TcpStream::connect(house.hooks.unwrap()).await.is_err(), "still listens");
    let counted = house.counted();
    let expected = [
        ("forged", 1),
        ("late", 1),
        ("malformed", 1),
        ("oversized", 1),
        ("replayed", 1),
        ("taken", 2),
        ("unknown_system", 1),
        ("unknown_ticket", 1),
    ];
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(counted, expected, "{}", house.log());
    assert!(house.log().contains("the secrets of its webhooks were exchanged"));
}

#[test]
fn a_door_that_is_open_to_a_network_needs_a_certificate() {
    let mut house = House::build();
    house.certificate = None;
    let mut child = house.start("0.0.0.0:0");
    let ended = ends(&mut child);
    assert_ne!(ended.code(), Some(0));
    assert!(house.log().contains("need a certificate"), "{}", house.log());
}

#[test]
fn a_secret_that_is_not_there_keeps_the_program_from_starting() {
    let house = House::build();
    fs::remove_file(house.path("secret")).unwrap();
    let mut child = house.start("127.0.0.1:0");
    assert_ne!(ends(&mut child).code(), Some(0));
    assert!(house.log().contains("secret"), "{}", house.log());
}

/// A webhook.
struct Sent<'a> {
    system: &'a str,
    id: &'a str,
    secret: &'a str,
    /// How many seconds ago it says it was sent.
    age: i64,
    body: String,
}

impl<'a> Sent<'a> {
    fn of(ticket: &str, id: &'a str) -> Self {
        let body = serde_json::json!({"ticket": {"id": ticket}}).to_string();
        Self { system: "desk", id, secret: SECRET, age: 0, body }
    }
}

/// A folder with a playbook, and the program in it.
struct House {
    folder: TempDir,
    certificate: Option<(PathBuf, PathBuf)>,
    child: Option<Child>,
    hooks: Option<SocketAddr>,
}

impl House {
    fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret").display().to_string();
        let operations = format!(
            "hooks:\n  desk: {{like: standard-webhooks, secrets: [{{file: '{secret}'}}], ticket: [/ticket/id]}}\n"
        );
        for (name, text) in FILES.iter().copied().chain([("operations.yaml", operations.as_str())])
        {
            let path = folder.path().join("playbook").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::write(&secret, SECRET).unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (pem, key) = (folder.path().join("hooks.pem"), folder.path().join("hooks.key"));
        fs::write(&pem, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        Self { folder, certificate: Some((pem, key)), child: None, hooks: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("serve.log")).unwrap_or_default()
    }

    /// Starts the program with its door for webhooks at this address.
    fn start(&self, hooks: &str) -> Child {
        let log = File::options().create(true).append(true).open(self.path("serve.log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_belay"));
        command.arg("serve").arg("--playbook").arg(self.path("playbook"));
        command.arg("--data").arg(self.path("data")).args(["--listen", "127.0.0.1:0"]);
        command.args(["--hooks", hooks]);
        if let Some((certificate, key)) = &self.certificate {
            command.arg("--hooks-certificate").arg(certificate).arg("--hooks-key").arg(key);
        }
        let command = command
            .env("BELAY_OUTPUT", "json")
            .env("BELAY_LOG_FORMAT", "json")
            .env("RUST_LOG", "info,belay_supervisor::hooks=debug")
            .env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap()
    }

    /// Starts the program and waits until it says where it takes webhooks.
    fn up(&mut self) {
        let mut child = self.start("127.0.0.1:0");
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        self.child = Some(child);
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{}", self.log()));
        self.hooks = Some(said["hooks"].as_str().unwrap().parse().unwrap());
    }

    /// The same program as a client.
    fn belay(&self, words: &[&str]) -> std::process::Output {
        let identity = self.path("data").join("identity");
        let mut command = Command::new(env!("CARGO_BIN_EXE_belay"));
        command.arg("--identity").arg(identity).args(words).env("BELAY_OUTPUT", "json");
        command.output().unwrap()
    }

    /// Opens a case for people and waits until its ticket is watched; which one that is.
    fn asks_people(&self) -> String {
        let opened = self.belay(&["case", "open", "charged twice"]);
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        let begun = Instant::now();
        loop {
            let shown = self.escalation();
            if shown["state"] == "ESCALATION_STATE_ROUTED" {
                return shown["ticket_id"].as_str().unwrap().to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "{shown}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The only escalation.
    fn escalation(&self) -> Value {
        let listed = self.belay(&["escalation", "list"]);
        serde_json::from_slice(&listed.stdout).unwrap_or_default()
    }

    fn client(&self) -> Client {
        let (pem, _) = self.certificate.as_ref().unwrap();
        let root = Certificate::from_pem(&fs::read(pem).unwrap()).unwrap();
        Client::builder().tls_certs_only([root]).build().unwrap()
    }

    async fn send(&self, client: &Client, sent: &Sent<'_>) -> u16 {
        let at = jiff::Timestamp::now().as_second() - sent.age;
        let key = STANDARD.decode(sent.secret.strip_prefix("whsec_").unwrap()).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signed = format!("{}.{at}.{}", sent.id, sent.body);
        let signature = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
        let port = self.hooks.unwrap().port();
        let asked = client
            .post(format!("https://localhost:{port}/hooks/{}", sent.system))
            .header("webhook-id", sent.id)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", format!("v1,{signature}"))
            .body(sent.body.clone());
        asked.send().await.unwrap().status().as_u16()
    }

    /// Asks the program to leave as a service manager does, and waits for it.
    async fn leave(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(told.unwrap().success());
        tokio::task::spawn_blocking(move || ends(&mut child)).await.unwrap()
    }

    /// What the program says became of webhooks.
    fn counted(&self) -> BTreeMap<String, u32> {
        let mut counted = BTreeMap::new();
        for line in self.log().lines() {
            let Ok(said) = serde_json::from_str::<Value>(line) else { continue };
            if said["message"] == "webhook" {
                *counted.entry(said["outcome"].as_str().unwrap().to_owned()).or_insert(0) += 1;
            }
        }
        counted
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn ends(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
