//! Sessions, a clock, and cases that go through what the domain decides.

use std::path::Path;
use std::sync::Arc;

use belay_domain::{
    ActionId, Actor, Case, CaseId, Command, Digest, Event, HandoffId, NewEntry, Open, Provenance,
    Source, Span, Target, Timestamp, after, apply, decide,
};
use belay_playbook::CaseFacts;
use futures_util::FutureExt;

use crate::engine::Change;
use crate::playbooks::Playbooks;
use crate::sessions::{
    Attached, Farewell, Letter, Notice, Outgoing, Profile, Registration, Resumption, Ruled,
    Session, Sessions,
};

/// The playbook that the tests use.
const PLAYBOOK: &str = "../../playbooks/support-desk";

pub(super) struct Stage {
    pub(super) sessions: Sessions,
    pub(super) playbooks: Playbooks,
}

/// One stream of one agent.
pub(super) struct Line(Attached);

/// A case that the sessions are told about.
pub(super) struct Matter<'a> {
    stage: &'a Stage,
    pub(super) case: Arc<Case>,
    pub(super) now: Timestamp,
}

impl Stage {
    pub(super) fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(PLAYBOOK);
        let playbooks = Playbooks::load(&folder).unwrap();
        Self { sessions: Sessions::new(playbooks.clone()), playbooks }
    }

    pub(super) async fn connect(&self, agent: &str, capacity: u32) -> Line {
        self.register(registration(agent, capacity, None)).await
    }

    pub(super) async fn resume(&self, line: &Line, last_received: u64) -> Line {
        let session = line.session();
        let (profile, _) = session.profile();
        let resume = Resumption { session: session.id.clone(), last_received };
        let agent = session.agent.as_str();
        self.register(registration(agent, profile.capacity, Some(resume))).await
    }

    pub(super) async fn register(&self, wanted: Registration) -> Line {
        let line = Line(self.sessions.register(wanted).await.unwrap());
        line.session().set_ready();
        line
    }

    /// A case that has just been opened and is meant for whoever serves billing.
    pub(super) fn open(&self, request: &str) -> Matter<'_> {
        let id: CaseId = format!("c-{request}").parse().unwrap();
        let facts = CaseFacts {
            tenant: "acme".parse().unwrap(),
            id: id.clone(),
            kind: "billing.refund".to_owned(),
            severity: None,
            channel: String::new(),
            customer: "cus-1".to_owned(),
            subject: "charged twice".to_owned(),
            labels: Vec::new(),
        };
        let mut terms = self.playbooks.current().open(&facts);
        terms.route = Some(role("billing"));
        let open = Open {
            tenant: facts.tenant,
            request: request.parse().unwrap(),
            subject: facts.subject,
            kind: facts.kind,
            customer: facts.customer,
            channel: facts.channel,
            fingerprint: None,
            labels: facts.labels,
            context: vec![entry("message", "why twice?")],
            by: Actor::Program("test".to_owned()),
            terms,
        };
        let case = Arc::new(Case::unopened(id));
        let mut matter = Matter { stage: self, case, now: start() };
        matter.now(Command::Open(Box::new(open)));
        matter
    }
}

impl Matter<'_> {
    /// It happens, and the sessions are told.
    #[track_caller]
    pub(super) fn now(&mut self, command: Command) -> Vec<Event> {
        let events = decide(&self.case, &command, self.now).unwrap();
        let mut case = self.case.as_ref().clone();
        events.iter().for_each(|event| apply(&mut case, event));
        self.case = Arc::new(case);
        let change = Change { case: self.case.clone(), events: events.clone().into(), position: 0 };
        self.stage.sessions.tell(&change);
        events
    }

    /// Time passes.
    pub(super) fn later(&mut self, span: Span) {
        self.now = after(self.now, span);
        self.now(Command::Tick);
    }

    pub(super) fn offer(&mut self, to: &str) -> HandoffId {
        self.now(Command::Offer { to: to.parse().unwrap() });
        self.case.offer.as_ref().unwrap().handoff.clone()
    }

    pub(super) fn accept(&mut self, agent: &str) {
        let handoff = self.case.offer.as_ref().unwrap().handoff.clone();
        let context = self.case.context.digest();
        let agent = agent.parse().unwrap();
        self.now(Command::Accept { agent, key: key(), handoff, context });
    }

    /// The agent holds the case.
    pub(super) fn give_to(&mut self, agent: &str) {
        self.offer(agent);
        self.accept(agent);
    }

    pub(super) fn only_action(&self) -> ActionId {
        self.case.actions.keys().next().unwrap().clone()
    }
}

impl Line {
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.0.session
    }

    pub(super) fn stream(&self) -> u64 {
        self.0.stream
    }

    pub(super) fn resumed(&self) -> bool {
        self.0.resumed
    }

    pub(super) fn attached(&self) -> Attached {
        Attached { session: self.0.session.clone(), stream: self.0.stream, resumed: self.0.resumed }
    }

    pub(super) fn grant(&self, messages: u32) {
        self.session().grant(messages);
    }

    pub(super) fn try_next(&self) -> Option<Outgoing> {
        self.session().next(self.stream()).now_or_never()
    }

    /// Everything that leaves now, in short.
    pub(super) fn said(&self) -> Vec<String> {
        let mut said = Vec::new();
        while let Some(next) = self.try_next() {
            match next {
                Outgoing::Letter { number, letter, .. } => said.push(short(number, &letter)),
                Outgoing::Ack { .. } => {}
                Outgoing::Farewell(_) => break,
            }
        }
        said
    }

    pub(super) fn farewell(&self) -> Option<Farewell> {
        match self.try_next() {
            Some(Outgoing::Farewell(farewell)) => Some(farewell),
            _ => None,
        }
    }
}

pub(super) fn registration(agent: &str, capacity: u32, resume: Option<Resumption>) -> Registration {
    Registration {
        agent: agent.parse().unwrap(),
        identity: format!("spiffe://test/agent/{agent}"),
        profile: Profile { sdk: "test/1".to_owned(), roles: Vec::new(), capacity, key: key() },
        resume,
        now: start(),
    }
}

pub(super) fn role(name: &str) -> Target {
    Target::Role(name.parse().unwrap())
}

pub(super) fn key() -> Digest {
    Digest::of(b"a certificate")
}

pub(super) fn entry(kind: &str, body: &str) -> NewEntry {
    let provenance = Provenance { source: Source::Customer, reference: "mail-1".to_owned() };
    NewEntry { kind: kind.to_owned(), body: body.to_owned(), provenance }
}

pub(super) fn start() -> Timestamp {
    "2026-01-05T09:00:00Z".parse().unwrap()
}

/// A letter in short: its number, what it says, and which message it answers.
fn short(number: u64, letter: &Letter) -> String {
    let to = match letter.in_reply_to {
        0 => String::new(),
        message => format!(", to {message}"),
    };
    format!("{number} {}{to}", words(&letter.notice)).trim().to_owned()
}

fn words(notice: &Notice) -> String {
    match notice {
        Notice::Offered { handoff, .. } => format!("offer {handoff}"),
        Notice::Withdrawn { handoff, why, .. } => format!("withdrawn {handoff}: {why}"),
        Notice::Assigned { case, epoch, restated, .. } => {
            let again = if restated.is_some() { " again" } else { "" };
            format!("assigned{again} {case} {epoch}")
        }
        Notice::Identified { case, .. } => format!("identified {case}"),
        Notice::Renewed { case, epoch, .. } => format!("renewed {case} {epoch}"),
        Notice::Lost { case, epoch, loss } => format!("lost {case} {epoch} {loss:?}"),
        Notice::Decided { action, ruled, .. } => format!("decided {} {}", action.id, ruling(ruled)),
        Notice::Permitted { action, .. } => format!("permit {}", action.id),
        Notice::Started { action, attempt, .. } => format!("started {action} {attempt}"),
        Notice::Result { action, .. } => format!("result {} {}", action.id, action.stage_name()),
        Notice::Known { entries, .. } => {
            let known: Vec<_> =
                entries.iter().map(|(place, entry)| format!("{place}:{}", entry.body)).collect();
            format!("known {}", known.join(" "))
        }
        Notice::Closed { case } => format!("closed {}", case.id),
        Notice::Done { id } => format!("done {id}"),
        Notice::Refused(fault) => format!("refused {:?}", fault.reason()),
    }
}

fn ruling(ruled: &Ruled) -> &'static str {
    match ruled {
        Ruled::Denied { duplicate_of: None, .. } => "denied",
        Ruled::Denied { duplicate_of: Some(_), .. } => "duplicate",
        Ruled::Shadowed => "shadowed",
        Ruled::Awaiting { .. } => "awaiting",
        Ruled::Authorized => "authorized",
    }
}
