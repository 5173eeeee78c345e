//! A world around one case: three agents, two people, a target system and an ITSM that tells the truth late,
//! twice, in the wrong order, in part or not at all, and now and then what was true a while ago.

mod reviewers;

use std::collections::BTreeMap;

use belay_domain::{
    ActionId, ActionStage, Case, Coverage, Effect, EventKind, Holder, Timestamp, owed,
};

use crate::script::Story;
use crate::target::Target;
use crate::terms::{at, seconds};

/// One thing that happens, chosen by numbers so that it can be made smaller when a history fails.
pub(crate) type Step = (u8, u8, u8, u8);

/// How old the state may be that a replica shows.
const LAG: i64 = 5;
const AGENTS: [&str; 3] = ["A", "B", "C"];
pub(crate) struct World {
    pub(crate) story: Story,
    pub(crate) now: i64,
    pub(crate) told: Vec<String>,
    tickets: BTreeMap<String, Vec<Truth>>,
    target: Target,
    late: Vec<String>,
    proposals: u32,
    /// Whether the systems agree, from which moment on.
    agree: Vec<(i64, bool)>,
}

/// A ticket as it really was from a moment on.
#[derive(Clone, Default)]
struct Truth {
    since: i64,
    revision: u32,
    acts: Vec<&'static str>,
    state: &'static str,
}

impl Truth {
    fn words(&self) -> String {
        format!("rev={} {} {}", self.revision, self.acts.join(" "), self.state)
    }

    /// The person of the staff who took it by their own act and has it still.
    fn held_by(&self) -> Option<&'static str> {
        let taken = |act: &&&str| act.starts_with("taken=") || act.starts_with("then=");
        let person = self.acts.iter().rev().find(taken)?.strip_prefix("taken=")?;
        // Being made the holder of what one has taken changes nothing; making another the holder does.
        let given = self.acts.iter().rev().find_map(|act| act.strip_prefix("given="));
        let names = |act: &&&str| act.starts_with("taken=") || act.starts_with("given=");
        let last = self.acts.iter().rev().find(names)?;
        if last.starts_with("given=") && given != Some(person) {
            return None;
        }
        (self.state.is_empty() && ["ann", "bob"].contains(&person)).then_some(person)
    }
}

impl World {
    pub(crate) fn new(kind: u8) -> Self {
        let mut world = Self {
            story: Story::new(),
            now: 0,
            told: Vec::new(),
            tickets: BTreeMap::new(),
            target: Target::default(),
            late: Vec::new(),
            proposals: 0,
            agree: vec![(0, true)],
        };
        // Mostly cases for agents; those for people are shorter stories.
        let opening = [
            "open by=opal",
            "open by=opal",
            "open people one by=opal",
            "open people work=30 by=opal",
        ];
        world.tell(opening[usize::from(kind % 4)]);
        world
    }

    pub(crate) fn case(&self) -> &Case {
        &self.story.case
    }

    /// One line of the story at the present moment, and whether the world bears it out.
    fn tell(&mut self, line: &str) -> String {
        self.told.push(format!("{} {line}", self.now));
        let known = self.story.history.len();
        let outcome = self.story.tell(&format!("{} {line}", self.now));
        if let Some(told) = self.told.last_mut() {
            told.push_str(&format!(" -> {outcome}"));
        }
        if let Some((_, sent)) = line.split_once("sent=") {
            self.is_dated(known, sent.parse().expect("seconds"));
        }
        self.agreed_once(known);
        self.is_borne_out();
        outcome
    }

    /// A plan that was compared is verified only if its systems did agree since its last step was.
    fn agreed_once(&self, known: usize) {
        for event in &self.story.history[known..] {
            let EventKind::PlanVerified { plan } = &event.kind else { continue };
            let since = self.story.history.iter().rev().find_map(|event| match &event.kind {
                EventKind::PlanComparing { plan: of, .. } if of == plan => Some(seconds(event.at)),
                _ => None,
            });
            let Some(since) = since else { continue };
            let agreed = self.agree.iter().enumerate().any(|(index, (_, agrees))| {
                let until = self.agree.get(index + 1).map_or(i64::MAX, |next| next.0);
                *agrees && until >= since
            });
            assert!(agreed, "{plan} is verified and its systems never agreed");
        }
    }

    /// `COV-3`: evidence that came of a read bears the time at which that was sent.
    fn is_dated(&self, known: usize, sent: i64) {
        for event in &self.story.history[known..] {
            if let EventKind::EscalationAcknowledged { evidence, .. }
            | EventKind::EvidenceRenewed { evidence, .. }
            | EventKind::TicketRouted { evidence, .. } = &event.kind
            {
                assert_eq!(seconds(evidence.sent_at()), sent, "COV-3");
            }
        }
    }

    /// `COV-1` against what really was, and `IDM-1` and `IDM-6` against what the target did.
    fn is_borne_out(&self) {
        if let Coverage::Covered(cover) = self.case().coverage(at(self.now))
            && let Holder::Person { person, evidence, .. } = cover.holder()
        {
            let step = evidence.correlation().as_str().trim_start_matches("c/");
            let from = seconds(evidence.sent_at()) - LAG;
            assert!(self.now - from <= 20 + LAG, "COV-1: believed for too long");
            let truths = &self.tickets[step];
            let held = truths.iter().enumerate().any(|(index, truth)| {
                let until = truths.get(index + 1).map_or(i64::MAX, |next| next.since);
                truth.held_by() == Some(person.as_str()) && until >= from
            });
            assert!(held, "COV-1: {person} did not hold the ticket of {step}");
        }
        let mut writes: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for action in self.case().actions.values() {
            let short = action.id.as_str().trim_start_matches("c/");
            if let Some(terms) = action.terms() {
                writes.entry(terms.key.clone()).or_default().push(short);
            }
            if let ActionStage::Verified { .. } = action.stage {
                assert_eq!(self.target.landed(short, self.now), 1, "IDM-6: {short} is no effect");
            }
        }
        writes.values().for_each(|write| self.target.took_effect_once(write.iter().copied()));
    }

    pub(crate) fn step(&mut self, (kind, a, b, c): Step) {
        let kind = kind % 16;
        let idle = matches!(kind, 8 | 12 | 13) && self.case().owning_agent().is_none();
        if idle && !a.is_multiple_of(4) {
            return self.serve(a, b, c);
        }
        if !self.case().is_open() && !a.is_multiple_of(4) {
            return self.deliver(a);
        }
        let awaited = |stage: &ActionStage| matches!(stage, ActionStage::AwaitingApproval(_));
        if matches!(kind, 4..=6 | 15) && self.case().actions.values().any(|one| awaited(&one.stage))
        {
            return self.vote(a, b, c);
        }
        match kind {
            0 | 1 => self.wait(a, b),
            2..=6 => self.serve(a, b, c),
            7 => self.change_ticket(a, b),
            8 => self.agent(a, b),
            9 => self.vote(a, b, c),
            10 => self.deliver(a),
            11 => self.look_at_any(a, b, c),
            12 => {
                self.tell(&format!("progress {}", self.owner(a)));
            }
            13 => self.propose(a, b, c),
            14 => self.person(a, b),
            _ => self.junk(a, b, c),
        }
    }

    fn wait(&mut self, a: u8, b: u8) {
        self.now += [1, 1, 1, 2, 2, 3, 5, 9, 14, 61][usize::from(a % 10)];
        match b % 6 {
            0 => {}
            1 => drop(self.tell("tick")),
            // An agent that is alive says so.
            _ => drop(self.tell(&format!("progress {}", self.owner(b)))),
        }
    }

    /// Somebody carries out one of the effects that are owed.
    fn serve(&mut self, a: u8, b: u8, c: u8) {
        let owing: Vec<_> = owed(self.case(), at(self.now))
            .into_iter()
            .filter(|one| one.due <= at(self.now))
            .collect();
        if owing.is_empty() {
            return;
        }
        let one = owing[usize::from(a) % owing.len()].effect.clone();
        match one {
            Effect::Seek { .. } if b.is_multiple_of(8) => drop(self.tell("nobody")),
            Effect::Seek { .. } => {
                drop(self.tell(&format!("offer {}", AGENTS[usize::from(b % 3)])))
            }
            Effect::Offer { handoff, to, .. } => {
                let handoff = short(handoff.as_str());
                let answer = match c % 8 {
                    0 => format!("decline {to} {handoff}"),
                    1 => format!("accept {to} {handoff} wrong"),
                    _ => format!("accept {to} {handoff}"),
                };
                self.tell(&answer);
            }
            Effect::Assess { action, revision } => {
                let ruling = ["", "tier=2 ask=1", "ask=2", "deny"][usize::from(b % 4)];
                let line =
                    format!("assess {} r{revision} {ruling} undoable", short(action.as_str()));
                self.tell(&line);
            }
            Effect::DeliverPermit { action } => self.begin(&action, b),
            Effect::Execute { action, attempt } => {
                self.target.send(&short(action.as_str()), attempt, self.now, b);
                self.report(&short(action.as_str()), attempt, "", c);
            }
            Effect::ReadBack { action, attempt } => {
                let action = short(action.as_str());
                let shown = if c.is_multiple_of(8) {
                    "unreadable"
                } else {
                    self.target.read(&action, self.now)
                };
                let line = format!("read {action}#{attempt} {shown} sent={}", self.now);
                self.now_or_late(line, b);
            }
            Effect::Compensate { action, attempt } => {
                self.compensate(&short(action.as_str()), attempt, c)
            }
            Effect::PlaceTicket { correlation, .. } => {
                self.place(&short(correlation.as_str()), b, c)
            }
            Effect::Watch { correlation, .. } => self.look(&short(correlation.as_str()), b, c),
            Effect::CompareSystems { plan } => {
                let agrees = self.agree.last().is_some_and(|(_, agrees)| *agrees);
                let actions = self.case().comparisons(&plan).into_iter();
                let shown = actions.enumerate().map(|(index, (_, action))| {
                    let shown = match (agrees, index) {
                        _ if c.is_multiple_of(8) => "unreadable",
                        (false, 0) => "differs",
                        _ => "equal",
                    };
                    format!("{}={shown}", short(action.as_str()))
                });
                let shown: Vec<String> = shown.collect();
                let line = format!("systems {plan} {} sent={}", shown.join(" "), self.now);
                self.now_or_late(line, b);
            }
            // Nobody decides on tickets in this world.
            Effect::Listen { .. }
            | Effect::Answer { .. }
            | Effect::Unite { .. }
            | Effect::Recognise { .. }
            | Effect::NoteMerge { .. } => {}
            Effect::Withdraw { correlation, ticket, .. } => {
                self.tell(&format!("told {} {ticket}", short(correlation.as_str())));
            }
        }
    }

    fn begin(&mut self, action: &ActionId, luck: u8) {
        let known = self.case().actions[action].clone();
        let line =
            format!("begin {} {} p{}", known.proposer, short(action.as_str()), known.permits);
        if self.tell(&line).contains("action_dispatched") {
            let attempt = self.case().actions[action].attempts;
            let agent = known.proposer.to_string();
            self.target.send(&short(action.as_str()), attempt, self.now, luck);
            self.report(&short(action.as_str()), attempt, &agent, luck / 3);
        }
    }

    /// What the executor says, true or not.
    fn report(&mut self, action: &str, attempt: u32, agent: &str, luck: u8) {
        let claim = ["yes", "yes", "unknown", "busy", "never"][usize::from(luck % 5)];
        self.now_or_late(format!("outcome {action}#{attempt} {claim} {agent}"), luck / 5);
    }

    fn compensate(&mut self, action: &str, attempt: u32, luck: u8) {
        let outcome = ["done", "done", "busy", "never"][usize::from(luck % 4)];
        if outcome == "done" {
            self.target.undo(action);
        }
        self.tell(&format!("undo {action}#{attempt} {outcome}"));
    }

    /// The create works, or is lost on its way there, or on its way back.
    fn place(&mut self, step: &str, b: u8, c: u8) {
        let ticket = format!("placed {step} T1");
        match b % 6 {
            0 => drop(self.tell(&format!("impossible {step}"))),
            1 => drop(self.tell(&ticket)),
            2 => {
                self.create(step);
                self.late.push(ticket);
            }
            _ => {
                self.create(step);
                self.tell(&ticket);
                if c.is_multiple_of(4) {
                    self.tell(&format!("placed {step} T2"));
                }
            }
        }
    }

    fn create(&mut self, step: &str) {
        let first = Truth { since: self.now, revision: 1, ..Truth::default() };
        self.tickets.entry(step.to_owned()).or_insert_with(|| vec![first]);
    }

    /// Somebody or something does something to a ticket.
    fn change_ticket(&mut self, a: u8, b: u8) {
        let now = self.now;
        let count = self.tickets.len();
        // Mostly the newest one, as in life.
        let chosen = if a.is_multiple_of(3) {
            usize::from(a / 3) % count.max(1)
        } else {
            count.wrapping_sub(1)
        };
        let Some(truths) = self.tickets.values_mut().nth(chosen) else { return };
        let mut next = truths.last().cloned().unwrap_or_default();
        (next.since, next.revision) = (now, next.revision + 1 + u32::from(a % 2));
        match b % 16 {
            0..=4 => next.acts.push("taken=ann"),
            5 => next.acts.push("taken=bob"),
            6 => next.acts.push("taken=robot"),
            7 => next.acts.push("given=bob"),
            8 => next.acts.push("then=gaveback"),
            9 | 10 => next.acts.push("worked=1"),
            11 => next.state = "closed=ann:solved",
            12 => next.state = "closed=bob:back",
            13 => next.state = "closed=robot:solved",
            14 => next.state = ["odd", "deleted", "in=elsewhere", "merged"][usize::from(a % 4)],
            _ => next.state = "",
        }
        truths.push(next);
    }

    /// A read of a ticket: its truth, or a part of it, or what a replica still shows.
    fn look(&mut self, step: &str, b: u8, c: u8) {
        let blind = ["unreadable", "noqueue", "missing", "night", "facts=second"];
        let truths = self.tickets.get(step).map(Vec::as_slice).unwrap_or_default();
        let lagging = c.is_multiple_of(5);
        let from = if lagging { self.now - LAG } else { self.now };
        let shown = truths.iter().rev().find(|truth| truth.since <= from);
        let words = shown.map_or_else(|| "missing".to_owned(), Truth::words);
        let lie = if b.is_multiple_of(8) { blind[usize::from(c % 5)] } else { "" };
        let line = format!("look {step} {words} {lie} sent={}", self.now);
        self.now_or_late(line, b / 8);
    }

    fn look_at_any(&mut self, a: u8, b: u8, c: u8) {
        let steps: Vec<_> = self.tickets.keys().cloned().collect();
        if let Some(step) = steps.get(usize::from(a) % steps.len().max(1)) {
            self.look(step, b, c);
        }
    }

    fn now_or_late(&mut self, line: String, luck: u8) {
        if luck.is_multiple_of(4) {
            self.late.push(line);
        } else {
            self.tell(&line);
        }
    }

    /// An answer that was under way arrives, perhaps not for the last time.
    fn deliver(&mut self, a: u8) {
        if self.late.is_empty() {
            return;
        }
        let index = usize::from(a / 2) % self.late.len();
        let line =
            if a.is_multiple_of(2) { self.late.remove(index) } else { self.late[index].clone() };
        self.tell(&line);
    }

    fn owner(&self, a: u8) -> String {
        self.case()
            .owning_agent()
            .map_or_else(|| AGENTS[usize::from(a % 3)].to_owned(), ToString::to_string)
    }

    fn agent(&mut self, a: u8, b: u8) {
        let owner = self.owner(a);
        let line = match b % 10 {
            0 if a.is_multiple_of(2) => format!("release {owner}"),
            1 => format!("handoff {owner} crm"),
            2 => format!("complete {owner} y"),
            3 => format!("complete {owner} y money undo"),
            4 => format!("escalate {owner}"),
            5 => format!("complete {owner} x"),
            6 => format!("complete {owner} x money settle=2"),
            7 => format!("abandon {owner} x"),
            8 if a.is_multiple_of(3) => format!("resolve {owner}"),
            _ => format!("progress {owner} @{}", self.case().epoch.0.saturating_sub(1)),
        };
        self.tell(&line);
    }

    fn propose(&mut self, a: u8, b: u8, c: u8) {
        self.proposals += 1;
        let by = ["", "by=supervisor"][usize::from(a % 2)];
        let plan = ["", "plan=x", "plan=y"][usize::from(a / 2 % 3)];
        let ruling = [
            "",
            "",
            "",
            "",
            "tier=2 ask=1",
            "tier=2 ask=1 coded",
            "ask=2",
            "tier=2",
            "deny",
            "shadow",
            "later",
        ][usize::from(b % 11)];
        let back = ["", "undoable", "undo"][usize::from(c % 3)];
        let key = if c.is_multiple_of(5) { 1 } else { self.proposals };
        let number = if c.is_multiple_of(11) { 1 } else { self.proposals };
        let line = format!(
            "propose {} p{number} {{{number}}} key=k{key} attempts=2 {by} {plan} {ruling} {back}",
            self.owner(a)
        );
        self.tell(&line);
    }

    fn person(&mut self, a: u8, b: u8) {
        let line = match b % 8 {
            0 if a.is_multiple_of(4) => "resolve ann",
            1 | 2 => "escalate ann",
            3 => "know ann more",
            4 => "contact q2",
            5 => "amend renamed",
            6 => {
                let agrees = self.agree.last().is_some_and(|(_, agrees)| *agrees);
                self.agree.push((self.now, !agrees));
                return;
            }
            _ => "open",
        };
        self.tell(line);
    }

    /// Commands that make no sense, or not here, or not now.
    fn junk(&mut self, a: u8, b: u8, c: u8) {
        let (agent, n) = (AGENTS[usize::from(a % 3)], c % 4);
        let line = match b % 14 {
            0 => format!("accept {agent} h{n}"),
            1 => format!("decline {agent} h{n}"),
            2 => format!("begin {agent} a{n} p{} @{}", a % 3, c % 5),
            3 => format!("outcome a{n}#{} never {agent}", a % 4),
            4 => format!("read a{n}#{} unreadable sent={}", a % 4, i64::from(a)),
            5 => format!("undo a{n}#{} never", 9),
            6 => format!("placed e{n}/r{}s{} T{}", a % 3, c % 3, a % 4),
            7 => format!("impossible e{n}/r{}s{}", a % 3, c % 3),
            8 => format!("told e{n}/r1s{} T1", c % 3),
            9 => format!("look e{n}/r1s{} taken=robot rev={}", 1 + c % 2, u32::from(a) % 9),
            10 => format!("offer {agent}"),
            11 => "nobody".to_owned(),
            12 => format!("assess a{n} r{} deny", a % 3),
            _ => format!("propose {agent} p{n} {{{n}}} @{} plan=z", a % 5),
        };
        self.tell(&line);
    }

    /// From here on nothing happens but time.
    pub(crate) fn only_time(&mut self, until: Timestamp) -> Vec<i64> {
        let mut moments = Vec::new();
        while let Some(next) = belay_domain::next_moment(self.case()).filter(|next| *next <= until)
        {
            self.now = seconds(next);
            self.tell("tick");
            moments.push(self.now);
        }
        moments
    }
}

fn short(id: &str) -> String {
    id.trim_start_matches("c/").to_owned()
}
