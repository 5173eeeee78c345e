//! A supervisor that really runs, with the example playbook and business systems that nobody answers for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use belay_api::v1::connect_request::Message as Ask;
use belay_api::v1::connect_response::Message as Told;
use belay_api::v1::{self};
use belay_domain::{
    Actor, AgentId, Case, CaseId, CaseTerms, Command, Digest, NewEntry, Open, Provenance, Source,
    Span,
};
use belay_playbook::CaseFacts;
use belay_transport::authority::DevAuthority;
use belay_transport::channel;
use futures_util::{StreamExt, stream};
use tempfile::TempDir;
use tonic::Status;

use super::envelope;
use super::line::{Line, register};
use crate::{Config, Playbooks, Running, Supervisor};

pub(super) struct Stage {
    directory: TempDir,
    running: Running,
    playbooks: Playbooks,
}

impl Stage {
    pub(super) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let playbook = directory.path().join("playbook");
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/support-desk"),
            &playbook,
        );
        Self::start_in(directory).await
    }

    async fn start_in(directory: TempDir) -> Self {
        let playbook = directory.path().join("playbook");
        let mut config = Config::development(&directory.path().join("data"), &playbook);
        config.listen.set_port(0);
        let running = Supervisor::start(config).await.unwrap();
        let playbooks = Playbooks::load(&playbook).unwrap();
        Self { directory, running, playbooks }
    }

    pub(super) async fn stop(self) {
        self.running.drain().await;
    }

    pub(super) async fn restart(self) -> Self {
        let Self { directory, running, .. } = self;
        running.drain().await;
        Self::start_in(directory).await
    }

    /// A stream of an agent, opened with this message.
    pub(super) async fn open(
        &self,
        agent: &str,
        first: v1::ConnectRequest,
    ) -> Result<Line, Status> {
        let identity = self.directory.path().join("data/identity");
        let identity = DevAuthority::open_or_create(&identity).unwrap().agent(agent).unwrap();
        let endpoint = format!("https://localhost:{}", self.running.address().port());
        let channel = channel::connect(&endpoint, identity).await.unwrap();
        Line::open(channel, first).await
    }

    pub(super) async fn connect(&self, agent: &str) -> Line {
        let first = envelope(0, Some(Ask::Register(register(4, None))));
        self.open(agent, first).await.unwrap()
    }

    /// Opens so many cases and gives them to an agent that is not there.
    pub(super) async fn held_by(&self, agent: &str, count: usize) -> BTreeSet<String> {
        let engine = self.running.engine();
        let give = async |number: usize| {
            // Long enough that none ends while all of them are opened by a slow build.
            let long = |terms: &mut CaseTerms| terms.lease = Span::from_secs(600);
            let id = self.case_opened_with(&format!("r-{number}"), long).await;
            let agent: AgentId = agent.parse().unwrap();
            let case = engine.command(&id, Command::Offer { to: agent.clone() }).await.unwrap();
            let handoff = case.case.offer.as_ref().unwrap().handoff.clone();
            let (context, key) = (case.case.context.digest(), Digest::of(b"key"));
            let accept = Command::Accept { agent, key, handoff, context };
            engine.command(&id, accept).await.unwrap();
            id.to_string()
        };
        stream::iter(0..count).map(give).buffer_unordered(64).collect().await
    }

    pub(super) async fn resume(
        &self,
        agent: &str,
        session: &str,
        last_received: u64,
        claims: &[(String, u64)],
    ) -> Line {
        let held = claims.iter().cloned();
        let resume = v1::Resume {
            session_id: session.to_owned(),
            last_received_message_id: last_received,
            held_cases: held.map(|(case_id, epoch)| v1::HeldCase { case_id, epoch }).collect(),
        };
        let first = envelope(0, Some(Ask::Register(register(4, Some(resume)))));
        self.open(agent, first).await.unwrap()
    }

    /// A new case about money, which belongs to the billing agents.
    pub(super) async fn case_opened(&self, request: &str) -> CaseId {
        self.case_opened_with(request, |_| {}).await
    }

    async fn case_opened_with(&self, request: &str, change: impl Fn(&mut CaseTerms)) -> CaseId {
        let id: CaseId = format!("c-{request}").parse().unwrap();
        let facts = CaseFacts {
            tenant: "default".parse().unwrap(),
            id: id.clone(),
            kind: "refund".to_owned(),
            severity: None,
            channel: "mail".to_owned(),
            customer: "cus-1".to_owned(),
            subject: "charged twice".to_owned(),
            labels: Vec::new(),
        };
        let mut terms = self.playbooks.current().open(&facts);
        change(&mut terms);
        let open = Open {
            tenant: facts.tenant,
            request: request.parse().unwrap(),
            subject: facts.subject,
            kind: facts.kind,
            customer: facts.customer,
            channel: facts.channel,
            fingerprint: None,
            labels: facts.labels,
            context: vec![entry("why twice?", Source::Customer)],
            by: Actor::Program("test".to_owned()),
            terms,
        };
        self.running.engine().command(&id, Command::Open(Box::new(open))).await.unwrap();
        id
    }

    /// Opens a case, and lets the agent take it.
    pub(super) async fn give(&self, line: &mut Line, request: &str) -> (String, u64) {
        self.case_opened(request).await;
        let offered = line.expect(|told| matches!(told, Told::HandoffOffer(_))).await.message;
        let Some(Told::HandoffOffer(offered)) = offered else { unreachable!() };
        let accept = v1::AcceptHandoff {
            handoff_id: offered.handoff_id,
            context_digest: offered.context_digest,
        };
        // Asked twice, as one does whose answer was lost: both times the case is assigned.
        let first = line.ask(Ask::AcceptHandoff(accept.clone())).await;
        let again = line.ask(Ask::AcceptHandoff(accept)).await;
        let (Told::CaseAssigned(first), Told::CaseAssigned(again)) = (&first, &again) else {
            panic!("{first:?} and then {again:?}")
        };
        assert_eq!(first, again);
        (first.case_id.clone(), first.epoch)
    }

    pub(super) async fn note_by_staff(&self, case: &str, body: &str) {
        let by = Actor::Person("ana".parse().unwrap());
        let command = Command::AddContext { entries: vec![entry(body, Source::Staff)], by };
        self.running.engine().command(&case.parse().unwrap(), command).await.unwrap();
    }

    pub(super) async fn case(&self, case: &str) -> Arc<Case> {
        self.running.engine().case(&case.parse().unwrap()).await.unwrap().unwrap()
    }

    /// Waits until the case is so.
    pub(super) async fn until(&self, case: &str, so: impl Fn(&Case) -> bool) {
        let mut changes = self.running.engine().changes();
        while !so(self.case(case).await.as_ref()) {
            // Whatever was missed is seen in the case itself.
            let _ = tokio::time::timeout(Duration::from_secs(20), changes.recv()).await.unwrap();
        }
    }
}

fn entry(body: &str, source: Source) -> NewEntry {
    let provenance = Provenance { source, reference: "mail-1".to_owned() };
    NewEntry { kind: "message".to_owned(), body: body.to_owned(), provenance }
}

/// Copies the playbook; its business systems are at addresses where nobody answers, and need no credentials.
fn copy(from: &PathBuf, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines =
            text.lines().filter(|line| !line.contains("credential:")).map(|line| {
                match line.split_once("${") {
                    Some((before, _)) if line.contains("base_url") => {
                        format!("{before}http://127.0.0.1:9")
                    }
                    _ => line.to_owned(),
                }
            });
        let text = if path.ends_with("systems.yaml") {
            lines.collect::<Vec<_>>().join("\n")
        } else {
            text
        };
        fs::write(copied, text).unwrap();
    }
}
