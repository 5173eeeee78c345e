//! What each description sees of an office that a vendor's stand-in serves: stories that hold for all, and for each
//! vendor a file with its own.

mod goalert;
mod granted;
mod jira;
mod less;
mod pager_duty;
mod said;
mod service_now;
mod stories;
mod vendors;
mod verified;
mod zendesk;

use std::sync::Arc;
use std::time::Duration;

use belay_domain::{
    ActKind, ActorKind, Reading, StaffMember, Standing, TicketFacts, TicketId, TicketReading,
};
use belay_replay::{Deed, Lie, Office, Person, Queue, Shared, Which};
use jiff::Timestamp;

use super::{Itsm, ItsmConfig};
use crate::{HumanQueue, NewTicket};

/// An office that a vendor's stand-in serves, and Belay's way into it.
pub(super) struct Stage {
    pub(super) office: Shared,
    pub(super) itsm: Itsm,
    pub(super) queue: &'static str,
}

impl Stage {
    /// The office behind a vendor's stand-in.
    pub(super) fn of(itsm: fn(&Shared) -> Itsm) -> Self {
        let office = Self::office();
        let itsm = itsm(&office);
        Self { office, itsm, queue: "support" }
    }

    /// Anna and Ben work on the queue, a robot is about, and Belay has an account.
    pub(super) fn office() -> Shared {
        let start = tokio::time::Instant::now();
        let zero: Timestamp = "2026-03-02T08:00:00Z".parse().expect("a moment");
        let office = Office::new(Arc::new(move || zero + start.elapsed()));
        office.hire(&["anna", "ben", "outsider"]);
        office.join(Person::machine("robot"));
        office.join(Person::machine("silent").unlabelled());
        office.join(Person::account("belay", "s3cret"));
        office.open_queue(Queue::new("support", &["anna", "ben", "robot"]));
        office.open_queue(Queue::new("other", &["anna"]));
        office.open_queue(Queue::new("empty", &[]));
        office
    }

    pub(super) async fn placed(&self) -> TicketId {
        self.itsm.create(&self.new_ticket("C-1/e1/r1s1")).await.expect("it is made")
    }

    pub(super) fn new_ticket(&self, correlation: &str) -> NewTicket {
        NewTicket {
            case: "C-1".parse().expect("an id"),
            correlation: correlation.parse().expect("an id"),
            queue: self.queue.parse().expect("an id"),
            subject: "A refund of 51.00 USD needs a person".to_owned(),
            body: "The customer waits.".to_owned(),
            severity: belay_domain::Severity::High,
        }
    }

    pub(super) async fn read(&self, ticket: &TicketId) -> Reading {
        self.itsm.read(ticket, &self.queue.parse().expect("an id")).await
    }

    pub(super) fn happen(&self, deed: Deed) {
        let made = self.office.tickets().pop().expect("there is a ticket").number;
        assert!(self.office.happen(&Which::Number(made), &deed), "{deed:?} makes sense");
    }
}

/// A reading in a line: standing, queue, holder, acts, resolution.
pub(super) fn line(reading: &Reading) -> String {
    match &reading.ticket {
        TicketReading::Missing => "missing".to_owned(),
        TicketReading::Unreadable { detail } => format!("unreadable: {detail}"),
        TicketReading::Present(facts) => shown(facts),
    }
}

fn shown(facts: &TicketFacts) -> String {
    let standing = match &facts.standing {
        Standing::Merged { .. } => "merged".to_owned(),
        standing => standing.to_string(),
    };
    let mut line = format!("{standing} in {}", facts.queue);
    if let Some(holder) = &facts.holder {
        line.push_str(&format!(", held by {}", named(&holder.name, holder.kind)));
    }
    for act in &facts.acts {
        let what = match &act.kind {
            ActKind::Took => "took".to_owned(),
            ActKind::Assigned { to } => format!("gave to {to}"),
            ActKind::GaveBack => "gave back".to_owned(),
            ActKind::Replied => "replied".to_owned(),
            ActKind::Noted => "noted".to_owned(),
            ActKind::ChangedState => "changed state".to_owned(),
            ActKind::Moved => "moved".to_owned(),
            ActKind::Other => continue,
        };
        line.push_str(&format!("; {} {what}", named(&act.actor.name, act.actor.kind)));
    }
    if let Some(resolution) = &facts.resolution {
        let by = resolution.actor.as_ref().map(|by| named(&by.name, by.kind));
        let code = resolution.code.as_ref().map_or("no code", |code| code.as_str());
        line.push_str(&format!("; closed by {} ({code})", by.unwrap_or_else(|| "?".to_owned())));
    }
    line
}

fn named(name: &belay_domain::PersonId, kind: ActorKind) -> String {
    match kind {
        ActorKind::Person => name.to_string(),
        ActorKind::Machine => format!("machine {name}"),
        ActorKind::Ourselves => "ourselves".to_owned(),
        ActorKind::Unknown => format!("unknown {name}"),
    }
}

/// Who is on the queue, in a line.
pub(super) fn staff(members: &[StaffMember]) -> String {
    let one = |member: &StaffMember| {
        let mut line = named(&member.name, member.kind);
        for (not, word) in [(!member.enabled, "disabled"), (!member.may_take, "may not take")] {
            if not {
                line.push_str(&format!(" {word}"));
            }
        }
        match member.on_shift {
            None => {}
            Some(true) => line.push_str(" on shift"),
            Some(false) => line.push_str(" off shift"),
        }
        line
    };
    let mut lines: Vec<String> = members.iter().map(one).collect();
    lines.sort();
    lines.join(", ")
}

/// What a new ticket shows after these deeds, alone and together with others.
pub(super) async fn happened(stage: &Stage, deeds: &[Deed]) -> Reading {
    let ticket = stage.placed().await;
    for deed in deeds {
        tokio::time::sleep(Duration::from_secs(60)).await;
        stage.happen(deed.clone());
    }
    let reading = stage.read(&ticket).await;
    if let TicketReading::Present(facts) = &reading.ticket {
        assert_eq!(facts.case.as_ref().map(|case| case.as_str()), Some("C-1"));
        assert_eq!(facts.correlation.as_ref().map(|it| it.as_str()), Some("C-1/e1/r1s1"));
    }
    let wanted = crate::Wanted {
        ticket: ticket.clone(),
        queue: stage.queue.parse().expect("an id"),
        correlation: "C-1/e1/r1s1".parse().expect("an id"),
    };
    let many = stage.itsm.read_many(&[wanted]).await;
    assert_eq!(many, std::slice::from_ref(&reading), "together as alone");
    reading
}

/// What a ticket shows after these deeds.
#[track_caller]
pub(super) fn check(stage: fn() -> Stage, deeds: &[Deed], expected: &str) {
    run(async {
        assert_eq!(line(&happened(&stage(), deeds).await), expected);
    });
}

/// What a ticket that anna took shows while its system lies.
#[track_caller]
pub(super) fn lies(stage: fn() -> Stage, lie: Lie, expected: &str) {
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        stage.happen(Deed::take("anna"));
        stage.office.lie(lie);
        let line = line(&stage.read(&ticket).await) + ".";
        assert!(line.contains(expected), "{line} does not say {expected}");
    });
}

#[track_caller]
pub(super) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(test);
}
