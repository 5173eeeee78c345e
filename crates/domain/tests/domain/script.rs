//! The language of the stories. A line is a moment, a command and its outcome:
//!
//! ```text
//! 0 open -> case_opened, routing_started
//! 2 offer A -> handoff_offered
//! 3 accept A h1 -> handoff_accepted
//! 30 coverage -> uncovered since 18: the lease of A has run out
//! ```
//!
//! The outcome of a command is the list of its events, `-` for none, or `refused CODE`. `coverage`, `owes`,
//! `owner`, `action` and `plan` ask instead of command.

mod words;

use belay_domain::{
    ActionId, ActionStage, Actor, Case, Command, Correlation, Coverage, Drifted, Event,
    FailureClaim, Holder, Outcome, PlanStage, Proposal, ReadBack, Statement, Target, Timestamp,
    VotesChoice, decide, owed, replay,
};

use crate::laws;
use crate::terms::{asking, at, id, key, seconds, verdict};
use words::{number, open, read_back, sent};

pub(crate) use words::entry;

/// Runs a story and compares every outcome.
#[track_caller]
pub(crate) fn check(script: &str) {
    let mut story = Story::new();
    let mut told = String::new();
    let mut expected = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (command, outcome) = line.split_once("->").unwrap_or((line, ""));
        let command = command.trim();
        let (outcome, got) = (outcome.trim(), story.tell(command));
        // A line without an outcome is only there to get further, and must not be refused.
        let accepted = outcome.is_empty() && !got.starts_with("refused");
        expected.push_str(&format!("{command} -> {outcome}\n"));
        let shown = if accepted { outcome } else { &got };
        told.push_str(&format!("{command} -> {shown}\n"));
    }
    assert!(told == expected, "told:\n{told}\nexpected:\n{expected}");
}

/// A case and its history so far.
pub(crate) struct Story {
    pub(crate) case: Case,
    pub(crate) history: Vec<Event>,
    now: Timestamp,
    last_verdict: Vec<String>,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self::named("c")
    }

    pub(crate) fn named(name: &str) -> Self {
        Self {
            case: Case::unopened(id(name)),
            history: Vec::new(),
            now: at(0),
            last_verdict: Vec::new(),
        }
    }

    /// One line without its expected outcome.
    pub(crate) fn tell(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (moment, words) = words.split_first().expect("a moment");
        self.now = at(moment.parse().expect("seconds"));
        let (verb, rest) = words.split_first().expect("a command");
        match *verb {
            "coverage" => self.coverage(),
            "owes" => self.owes(),
            "owner" => format!("{} @{}", self.case.owner, self.case.epoch),
            "action" => self.case.actions[&self.action(rest[0])].stage_name().to_owned(),
            "plan" => self.plan(rest[0]),
            _ => {
                let command = self.command(verb, rest);
                self.obey(&command)
            }
        }
    }

    /// The same for a command that somebody else thought of.
    pub(crate) fn obey_at(&mut self, command: &Command, now: Timestamp) -> String {
        self.now = now;
        self.obey(command)
    }

    fn obey(&mut self, command: &Command) -> String {
        let before = self.case.clone();
        let decided = decide(&self.case, command, self.now);
        assert_eq!(decided, decide(&self.case, command, self.now), "decided otherwise");
        match decided {
            Ok(events) => {
                events.iter().for_each(stored_and_read);
                for event in &events {
                    belay_domain::apply(&mut self.case, event);
                }
                self.history.extend(events.iter().cloned());
                laws::check(&self.case, &self.history, self.now);
                let names: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
                if names.is_empty() { "-".to_owned() } else { names.join(", ") }
            }
            Err(rejection) => {
                assert_eq!(before, self.case, "a refused command changed the case");
                assert_eq!(replay(self.case.id.clone(), &self.history), self.case);
                format!("refused {}", rejection.code())
            }
        }
    }

    fn coverage(&self) -> String {
        match self.case.coverage(self.now) {
            Coverage::Covered(cover) => {
                let by = match cover.holder() {
                    Holder::Agent { agent, .. } => agent.to_string(),
                    Holder::Person { person, queue, .. } => format!("{person} of {queue}"),
                };
                format!("covered by {by} until {}", seconds(cover.valid_until()))
            }
            Coverage::Pending(pending) => format!("pending until {}", seconds(pending.until())),
            Coverage::Uncovered(gap) => {
                format!("uncovered since {}: {}", seconds(gap.since), gap.reason)
            }
            Coverage::Closed => "closed".to_owned(),
            Coverage::Merged { into } => format!("that of {into}"),
        }
    }

    fn owes(&self) -> String {
        let owing = owed(&self.case, self.now);
        let names: Vec<_> = owing.iter().map(|one| one.id.as_str().to_owned()).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }

    fn plan(&self, name: &str) -> String {
        match &self.case.plans[&id(name)].stage {
            PlanStage::Open => "open",
            PlanStage::Complete => "complete",
            PlanStage::Comparing { .. } => "comparing",
            PlanStage::Verified => "verified",
            PlanStage::Undoing { .. } => "undoing",
            PlanStage::Undone => "undone",
            PlanStage::Stuck { .. } => "stuck",
        }
        .to_owned()
    }

    fn action(&self, short: &str) -> ActionId {
        id(&format!("{}/{short}", self.case.id))
    }

    fn attempt(&self, word: &str) -> (ActionId, u32) {
        let (short, attempt) = word.split_once('#').unwrap_or((word, ""));
        let action = self.action(short);
        let found = self.case.actions.get(&action);
        let current = found.map_or(0, |found| match found.stage {
            ActionStage::Compensating { attempt, .. } => attempt,
            _ => found.attempts,
        });
        (action, attempt.parse().unwrap_or(current))
    }

    /// The command that a line asks for. `@N` gives an epoch, the current one otherwise.
    fn command(&mut self, verb: &str, words: &[&str]) -> Command {
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        let has = |wanted: &str| words.contains(&wanted);
        let given = words.iter().find_map(|word| word.strip_prefix('@'));
        let epoch = given
            .map_or(self.case.epoch, |text| belay_domain::Epoch(text.parse().expect("an epoch")));
        let actor = |name: &str| match name.chars().next() {
            Some(first) if first.is_ascii_lowercase() => Actor::Person(id(name)),
            _ => Actor::Agent { agent: id(name), epoch },
        };
        match verb {
            "tick" => Command::Tick,
            "open" => open(words),
            "contact" => Command::LinkContact {
                request: id(word(0)),
                channel: "mail".to_owned(),
                context: words
                    .iter()
                    .filter_map(|word| word.strip_prefix("says="))
                    .map(entry)
                    .collect(),
                severity: match words.iter().find_map(|word| word.strip_prefix("severity=")) {
                    Some("low") => Some(belay_domain::Severity::Low),
                    Some("critical") => Some(belay_domain::Severity::Critical),
                    _ => None,
                },
            },
            "know" => Command::AddContext { entries: vec![entry(word(1))], by: actor(word(0)) },
            "identify" => Command::RecordIdentity {
                by: actor(word(0)),
                identification: Box::new(crate::identity::finding(word(1))),
            },
            "amend" => Command::Amend {
                subject: words.first().map(|text| (*text).to_owned()),
                severity: None,
                labels: None,
            },
            "offer" => Command::Offer { to: id(word(0)) },
            "nobody" => Command::NoCandidate,
            "accept" => Command::Accept {
                agent: id(word(0)),
                key: key(word(0)),
                handoff: id(&format!("{}/{}", self.case.id, word(1))),
                context: if has("wrong") { key("wrong") } else { self.case.context.digest() },
            },
            "decline" => Command::Decline {
                agent: id(word(0)),
                handoff: id(&format!("{}/{}", self.case.id, word(1))),
                reason: "busy".to_owned(),
            },
            "progress" => Command::Progress { agent: id(word(0)), epoch, key: key(word(0)) },
            "handoff" => Command::RequestHandoff {
                agent: id(word(0)),
                epoch,
                to: Target::Role(id(word(1))),
                reason: "not mine".to_owned(),
                context: vec![entry("note")],
            },
            "escalate" => Command::RequestEscalation {
                by: actor(word(0)),
                reason: "help".to_owned(),
                plan: has("empty").then(|| {
                    let mut plan = asking();
                    plan.steps.clear();
                    plan
                }),
            },
            "release" => Command::Release { agent: id(word(0)), epoch, reason: "done".to_owned() },
            "resolve" => Command::Resolve {
                by: if word(0) == "tool" {
                    Actor::Program("tool".to_owned())
                } else {
                    actor(word(0))
                },
                code: id("solved"),
                note: "well".to_owned(),
            },
            "complete" => Command::CompletePlan {
                agent: id(word(0)),
                epoch,
                plan: id(word(1)),
                equalities: crate::agreeing::equalities(words),
            },
            "systems" => Command::ReportComparison {
                plan: id(word(0)),
                compared: crate::agreeing::compared(&words[1..]),
                sent_at: sent(words).unwrap_or(self.now),
            },
            "abandon" => Command::AbandonPlan {
                agent: id(word(0)),
                epoch,
                plan: id(word(1)),
                reason: "no".to_owned(),
            },
            "placed" => {
                Command::TicketPlaced { correlation: self.step(word(0)), ticket: id(word(1)) }
            }
            "impossible" => Command::StepRefused {
                correlation: self.step(word(0)),
                reason: "nobody is there".to_owned(),
            },
            "told" => Command::Withdrawn { correlation: self.step(word(0)), ticket: id(word(1)) },
            "answered" => {
                Command::Answered { correlation: self.step(word(0)), statement: word(1).to_owned() }
            }
            "drifted" => Command::Drifted {
                correlation: self.step(word(0)),
                ticket: id(word(1)),
                field: match word(2) {
                    "queue" => Drifted::Queue,
                    "subject" => Drifted::Subject,
                    other => panic!("no such field: {other}"),
                },
                was: word(3).to_owned(),
                now: word(4).to_owned(),
            },
            "look" => self.look(words),
            "hear" => self.hear(words),
            _ => self.acting(verb, words, epoch),
        }
    }

    /// The commands about actions.
    fn acting(&mut self, verb: &str, words: &[&str], epoch: belay_domain::Epoch) -> Command {
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        let (action, attempt) = self.attempt(word(0));
        match verb {
            "propose" => self.propose(words, epoch),
            "assess" => {
                if words.len() > 2 {
                    self.last_verdict = words[2..].iter().map(|word| (*word).to_owned()).collect();
                }
                let switches: Vec<_> = self.last_verdict.iter().map(String::as_str).collect();
                let input = self.case.actions.get(&action).map(|found| found.input.clone());
                Command::Assess {
                    action,
                    revision: word(1).trim_start_matches('r').parse().expect("a revision"),
                    verdict: Box::new(verdict(&switches, &input.unwrap_or_default())),
                }
            }
            "vote" => {
                let action = self.action(word(1));
                let binding = match self.case.actions.get(&action).map(|found| &found.stage) {
                    Some(ActionStage::AwaitingApproval(approval)) => approval.binding,
                    _ => key("nothing"),
                };
                let note = "seen".to_owned();
                Command::DecideApproval {
                    action,
                    person: id(word(0)),
                    groups: if words.contains(&"outsider") { vec![] } else { vec![id("leads")] },
                    shown: if words.contains(&"blind") { key("other") } else { binding },
                    choice: match word(2).split_once(':').unwrap_or((word(2), "")) {
                        ("yes", _) => VotesChoice::Approve { note },
                        ("no", code) => VotesChoice::Reject { code: code.parse().ok(), note },
                        ("ask", text) => VotesChoice::Ask { question: text.to_owned() },
                        ("to", person) => VotesChoice::Delegate { to: id(person), note },
                        ("over", _) => VotesChoice::TakeOver { note },
                        (input, _) => VotesChoice::Amend {
                            input: input.to_owned(),
                            note,
                            assess_until: belay_domain::after(
                                self.now,
                                belay_domain::Span::from_secs(10),
                            ),
                        },
                    },
                }
            }
            "reply" => Command::AnswerQuestion {
                action: self.action(word(1)),
                question: word(2).parse().expect("a number"),
                by: match word(0) {
                    "tool" => Actor::Program("tool".to_owned()),
                    name if name.starts_with(char::is_lowercase) => Actor::Person(id(name)),
                    name => Actor::Agent { agent: id(name), epoch },
                },
                text: word(3).to_owned(),
            },
            "playbook" => {
                Command::PlaybookInForce { playbook: belay_domain::Digest::of(word(0).as_bytes()) }
            }
            "begin" => {
                let action = self.action(word(1));
                let known = self.case.actions.get(&action).map(|found| found.input_digest());
                let wrong = |what: &str| words.contains(&what);
                Command::BeginExecution {
                    agent: id(word(0)),
                    key: if wrong("otherkey") { key("other") } else { key(word(0)) },
                    epoch,
                    permit: id(&format!("{action}/{}", word(2))),
                    action,
                    input: known.filter(|_| !wrong("otherinput")).unwrap_or_else(|| key("other")),
                }
            }
            "outcome" => Command::ReportOutcome {
                agent: words.get(2).map(|agent| id(agent)),
                action,
                attempt,
                outcome: match word(1) {
                    "yes" => Outcome::Executed { output: "{}".to_owned() },
                    claim => Outcome::NotExecuted {
                        claim: match claim {
                            "unknown" => FailureClaim::Unknown,
                            "busy" => FailureClaim::Retryable,
                            "never" => FailureClaim::Permanent,
                            other => panic!("no such claim: {other}"),
                        },
                        reason: claim.to_owned(),
                    },
                },
            },
            "read" => Command::Verify {
                action,
                attempt,
                shown: match word(1) {
                    "applied" => ReadBack::Applied { shown: "{}".to_owned() },
                    "absent" => ReadBack::NotApplied,
                    "different" => ReadBack::Different { difference: "less".to_owned() },
                    "unreadable" => ReadBack::Unreadable { detail: "down".to_owned() },
                    other => panic!("no such reading: {other}"),
                },
                sent_at: sent(words).unwrap_or(self.now),
            },
            "compared" => Command::Compare {
                action,
                before: words.contains(&"fresh").then_some(false),
                shown: read_back(word(1)),
            },
            "undo" => Command::ReportCompensation {
                action,
                attempt,
                outcome: match word(1) {
                    "done" => Ok(()),
                    "busy" => Err(("busy".to_owned(), true)),
                    "never" => Err(("never".to_owned(), false)),
                    other => panic!("no such outcome: {other}"),
                },
            },
            other => crate::merging::command(self, other, words)
                .unwrap_or_else(|| panic!("no such command: {other}")),
        }
    }

    /// `propose A p1 INPUT switches…`; with `later` the verdict comes with `assess`.
    fn propose(&mut self, words: &[&str], epoch: belay_domain::Epoch) -> Command {
        let input = words[2];
        let switches = &words[3..];
        self.last_verdict = switches.iter().map(|word| (*word).to_owned()).collect();
        Command::Propose(Box::new(Proposal {
            agent: id(words[0]),
            epoch,
            proposal: id(words[1]),
            contract: id("refund@1"),
            // Spaced out as an agent might write it; the verdict brings it into canonical form.
            input: format!(" {input}"),
            provenance: vec![],
            plan: switches.iter().find_map(|word| word.strip_prefix("plan=")).map(id),
            justification: "asked for".to_owned(),
            assess_until: belay_domain::after(self.now, belay_domain::Span::from_secs(10)),
            verdict: (!switches.contains(&"later")).then(|| Box::new(verdict(switches, input))),
        }))
    }

    /// `hear e1/r1s1 lea@itsm#1:approve leo@itsm#2:reject:other sent=3`: what each wrote on the ticket, as a numbered
    /// statement. The digest is the short form of what is being decided on, unless another one is named.
    fn hear(&self, words: &[&str]) -> Command {
        let asked = self.case.actions.values().find_map(|action| match &action.stage {
            ActionStage::AwaitingApproval(approval) => Some(approval.short_form()),
            _ => None,
        });
        let statements = words[1..].iter().filter(|word| !word.starts_with("sent="));
        let statements = statements.map(|word| {
            let (who, said) = word.split_once(':').expect("who#id:verb");
            let (name, number) = who.split_once('#').expect("who#id");
            let (verb, digest) = said.split_once(':').unwrap_or((said, ""));
            let digest = match digest {
                "" => asked.clone().unwrap_or_default(),
                "short" => asked.clone().unwrap_or_default().chars().take(8).collect(),
                other => other.to_owned(),
            };
            Statement {
                id: number.to_owned(),
                actor: crate::reading::actor(name),
                text: format!("{verb} {digest} as discussed"),
            }
        });
        Command::Hear {
            correlation: self.step(words[0]),
            statements: statements.collect(),
            sent_at: sent(words).unwrap_or(self.now),
        }
    }

    /// `e1/r1s1`, of this case.
    fn step(&self, short: &str) -> Correlation {
        id(&format!("{}/{short}", self.case.id))
    }

    fn look(&self, words: &[&str]) -> Command {
        let correlation = self.step(words[0]);
        let queue =
            self.case.escalations.values().find(|found| found.step.correlation == correlation);
        let queue = queue.map_or("first", |found| found.step_plan().queue.queue.as_str());
        Command::Observe {
            reading: Box::new(crate::reading::reading(&correlation, queue, &words[1..])),
            correlation,
            sent_at: sent(words).unwrap_or(self.now),
            together: number(words, "together").unwrap_or(0),
        }
    }
}

/// What the journal gives back is what it was given (`JRN-4`).
fn stored_and_read(event: &Event) {
    let stored = serde_json::to_string(event).expect("events are JSON");
    let read: Event = serde_json::from_str(&stored).unwrap_or_else(|why| panic!("{why}: {stored}"));
    assert_eq!(read, *event, "read otherwise than written");
}
