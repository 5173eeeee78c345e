//! Descriptions of ticket systems, and what a described system answers.

use std::sync::LazyLock;

use belay_adapter::{
    Adapter, Answer, BUILT_IN, Description, NewTicket, Seen, Settings, Talk, Trouble, Wanted,
    built_in,
};
use belay_domain::{
    ActKind, ActorKind, CaseId, Correlation, QueueId, Severity, TicketActor, TicketFacts,
    TicketReading,
};
use serde_json::Value;

/// Separates one answer from the next. It never occurs in UTF-8.
const CUT: u8 = 0xff;

/// So many requests of one talk are answered. Whoever carries a talk gives it up after a time; a list that goes on for
/// fifty pages is refused before that.
const EXCHANGES_MAX: usize = 400;

const STATUSES: &[u16] = &[200, 201, 204, 302, 400, 401, 403, 404, 409, 429, 500, 503];

const OURSELVES: &str = "belay-svc";
const MACHINE: &str = "autobot";

struct Fixed {
    case: CaseId,
    correlation: Correlation,
    queue: QueueId,
    wanted: Vec<Wanted>,
    vendors: Vec<(&'static str, Adapter)>,
}

static FIXED: LazyLock<Fixed> = LazyLock::new(|| {
    let (correlation, queue): (Correlation, QueueId) =
        ("c-1/e1/r1s1".parse().expect("an id"), "support".parse().expect("an id"));
    let wanted = ["7", "8"].map(|ticket| Wanted {
        ticket: ticket.parse().expect("an id"),
        correlation: correlation.clone(),
        queue: queue.clone(),
    });
    let vendors = BUILT_IN.iter().map(|(name, _)| {
        let description = built_in(name).expect("it comes with Belay");
        (*name, Adapter::new(description, settings()).expect("the settings fit"))
    });
    Fixed {
        case: "c-1".parse().expect("an id"),
        vendors: vendors.collect(),
        wanted: wanted.to_vec(),
        correlation,
        queue,
    }
});

fn settings() -> Settings {
    let machines = [MACHINE.parse().expect("an id")].into();
    Settings { machines, ..Settings::of(OURSELVES.parse().expect("an id")) }
}

/// A description: anything at all, and if it is one, a system that answers everything with a little of everything.
pub fn description(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Description::compile("adapters/mine.yaml", text) {
        Err(problems) => assert!(!problems.to_string().is_empty()),
        Ok(description) => {
            let Ok(adapter) = Adapter::new(description.into(), settings()) else { return };
            let answers = [
                "{\"result\": [{\"id\": \"7\", \"status\": \"open\", \"list\": [1, 2.5, null], \"at\": {}}]}",
                "[{\"id\": 7, \"author\": {\"id\": \"autobot\"}}]",
                "{}",
            ];
            let answer =
                |body: &str| Answer { status: 200, body: body.into(), ..Answer::default() };
            let answers: Vec<Answer> = answers.into_iter().map(answer).collect();
            for what in 0..7 {
                ask(&adapter, what, &answers, false);
            }
        }
    }
}

/// What a vendor answers. A byte says which vendor, a byte what is asked, and the answers follow, each with a byte for
/// its status and one for its headers. Whatever it is: it comes back, nobody of whom we know better is taken for a
/// person, and where the vendor marks every account as a machine, nobody is.
pub fn vendor_answers(data: &[u8]) {
    let [vendor, what, answers @ ..] = data else { return };
    let (name, adapter) = &FIXED.vendors[usize::from(*vendor) % FIXED.vendors.len()];
    let machines = what & 0x80 > 0;
    let answers = answers.split(|byte| *byte == CUT).take(16);
    let answers: Vec<Answer> = answers
        .filter_map(|answer| {
            let [status, flags, body @ ..] = answer else { return None };
            let mut answer = self::answer(*status, *flags, body);
            if machines && let Ok(mut said) = serde_json::from_slice::<Value>(body) {
                mark(name, &mut said);
                answer.body = said.to_string().into_bytes();
            }
            Some(answer)
        })
        .collect();
    ask(adapter, *what & 0x7f, &answers, machines);
}

fn answer(status: u8, flags: u8, body: &[u8]) -> Answer {
    let status = STATUSES[usize::from(status) % STATUSES.len()];
    let headers = [
        (1, "x-total-count", (u32::from(flags >> 3) * 100).to_string()),
        (2, "retry-after", "1e3".to_owned()),
        (4, "link", "<https://x/y?cursor=a%2Bb&limit=1>; rel=\"next\"".to_owned()),
    ];
    let headers = headers.into_iter().filter(|(bit, ..)| flags & bit > 0);
    let headers = headers.map(|(_, name, value)| (name.to_owned(), value)).collect();
    Answer { status, headers, body: body.to_vec() }
}

fn ask(adapter: &Adapter, what: u8, answers: &[Answer], machines: bool) {
    let Fixed { case, correlation, queue, wanted, .. } = &*FIXED;
    match what % 7 {
        0 => {
            let readings = carried(adapter.read(wanted), answers);
            for reading in readings.iter().flatten() {
                if let TicketReading::Present(facts) = reading {
                    check(facts, machines);
                }
            }
            assert!(readings.is_none_or(|readings| readings.len() == wanted.len()));
        }
        1 => {
            for member in carried(adapter.inspect(queue), answers).iter().flat_map(|it| &it.staff) {
                known(&member.name, member.kind, machines);
            }
        }
        2 => drop(carried(adapter.find(correlation), answers)),
        3 => {
            let (subject, text) = ("Refund stuck", "Why");
            let severity = Severity::Normal;
            let ticket = NewTicket { case, correlation, queue, subject, text, severity };
            drop(carried(adapter.create(ticket), answers));
        }
        4 => drop(adapter.ours(None).map(|talk| carried(Ok(talk), answers))),
        5 => drop(adapter.prove(queue).map(|talk| talk.map(|talk| carried(Ok(talk), answers)))),
        _ => withdraw(adapter, answers),
    }
}

fn withdraw(adapter: &Adapter, answers: &[Answer]) {
    let wanted = &FIXED.wanted[0];
    let Some(seen): Option<Seen> = carried(adapter.see(wanted), answers) else { return };
    for talk in [
        adapter.comment(&wanted.ticket, &seen, "settled"),
        adapter.close(&wanted.ticket, &seen, "settled"),
    ]
    .into_iter()
    .flatten()
    {
        let _ = carried(Ok(talk), answers);
    }
}

/// Carries a talk to its end. The answers come in their order, again and again.
fn carried<T>(talk: Result<Talk<'_, T>, Trouble>, answers: &[Answer]) -> Option<T> {
    let mut talk = talk.ok()?;
    let mut answers = answers.iter().cycle();
    for _ in 0..EXCHANGES_MAX {
        if talk.ask().ok()?.is_none() {
            return talk.end().ok();
        }
        talk.hear(answers.next()?).ok()?;
    }
    None
}

fn check(facts: &TicketFacts, machines: bool) {
    let closed_by = facts.resolution.iter().filter_map(|resolution| resolution.actor.as_ref());
    let acted = facts.acts.iter().map(|act| &act.actor);
    for TicketActor { name, kind } in facts.holder.iter().chain(acted).chain(closed_by) {
        known(name, *kind, machines);
    }
    for act in &facts.acts {
        if let ActKind::Assigned { to } = &act.kind {
            assert_ne!(*to, act.actor.name, "who gives it to themselves took it");
        }
    }
}

fn known(name: &belay_domain::PersonId, kind: ActorKind, machines: bool) {
    match name.as_str() {
        OURSELVES => assert_eq!(kind, ActorKind::Ourselves),
        MACHINE => assert_ne!(kind, ActorKind::Person, "a machine acts as a person"),
        _ => assert!(!machines || kind != ActorKind::Person, "{name} is marked as a machine"),
    }
}

/// Marks whatever could be an account as a machine, as the vendor marks one.
fn mark(vendor: &str, said: &mut Value) {
    match said {
        Value::Array(items) => items.iter_mut().for_each(|item| mark(vendor, item)),
        Value::Object(members) => {
            let is_user = members.get("type").is_some_and(is_user);
            let mut set = |name: &str, value: &str| {
                members.insert(name.to_owned(), value.into());
            };
            match vendor {
                "servicenow" => {
                    set("web_service_access_only", "true");
                    set("user.web_service_access_only", "true");
                }
                "jira-service-management" => set("accountType", "app"),
                "zendesk" => set("role", "end-user"),
                "pagerduty" if is_user => set("type", "bot_user_reference"),
                "goalert" => {
                    for name in ["name", "userName"] {
                        if let Some(Value::String(text)) = members.get_mut(name) {
                            text.insert_str(0, "via ");
                        }
                    }
                    if let Some(Value::String(text)) = members.get_mut("message") {
                        *text = text.replace(" by ", " via ");
                    }
                }
                _ => {}
            }
            members.values_mut().for_each(|value| mark(vendor, value));
        }
        _ => {}
    }
}

fn is_user(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| matches!(kind, "user" | "user_reference"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inputs in which a person took a ticket, as the search begins with them, reach that far.
    #[test]
    fn a_person_who_took_it_is_seen_behind_every_vendor() {
        for (number, (vendor, adapter)) in FIXED.vendors.iter().enumerate() {
            let short = vendor.split('-').next().expect("a name");
            let input =
                std::fs::read(format!("corpus/vendor_answers/{short}-taken")).expect("a seed");
            let [which, 0, answers @ ..] = &input[..] else { panic!("{vendor}") };
            assert_eq!(usize::from(*which), number, "{vendor}");
            let facts = read(adapter, answers);
            let took = |act: &belay_domain::Act| {
                act.kind == ActKind::Took && act.actor.kind == ActorKind::Person
            };
            assert!(facts.acts.iter().any(took), "{vendor}: {facts:?}");
        }
    }

    /// A robot of which the user name is a person's id must not act as that person.
    #[test]
    fn a_key_of_two_accounts_is_nobodys() {
        let input = std::fs::read("corpus/vendor_answers/servicenow-shared-key").expect("a seed");
        let facts = read(&FIXED.vendors[0].1, &input[2..]);
        assert!(facts.acts.iter().all(|act| act.actor.kind != ActorKind::Person), "{facts:?}");
    }

    fn read(adapter: &Adapter, answers: &[u8]) -> TicketFacts {
        let answers: Vec<Answer> = answers
            .split(|byte| *byte == CUT)
            .map(|answer| self::answer(answer[0], answer[1], &answer[2..]))
            .collect();
        let readings = carried(adapter.read(&FIXED.wanted), &answers).expect("readings");
        match readings.into_iter().next() {
            Some(TicketReading::Present(facts)) => *facts,
            other => panic!("{other:?}"),
        }
    }
}
