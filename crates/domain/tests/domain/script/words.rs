//! How a case is opened in a story, and the words that several commands share.

use belay_domain::{Actor, Command, NewEntry, Open, Provenance, ReadBack, Source, Timestamp};

use crate::terms::{at, case_terms, id, plan};

/// What a look at the target showed.
pub(super) fn read_back(word: &str) -> ReadBack {
    match word {
        "applied" => ReadBack::Applied { shown: "{}".to_owned() },
        "absent" => ReadBack::NotApplied,
        "different" => ReadBack::Different { difference: "less".to_owned() },
        "unreadable" => ReadBack::Unreadable { detail: "down".to_owned() },
        other => panic!("no such reading: {other}"),
    }
}

/// `together=5`: a number with a name.
pub(super) fn number(words: &[&str], name: &str) -> Option<u32> {
    let given = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
    Some(given.parse().expect("a number"))
}

/// `sent=5`: when the read was sent.
pub(super) fn sent(words: &[&str]) -> Option<Timestamp> {
    let given = words.iter().find_map(|word| word.strip_prefix("sent="))?;
    Some(at(given.parse().expect("seconds")))
}

/// Something that becomes known.
pub(crate) fn entry(body: &str) -> NewEntry {
    NewEntry {
        kind: "fact".to_owned(),
        body: body.to_owned(),
        provenance: Provenance { source: Source::Customer, reference: "mail".to_owned() },
    }
}

/// `open people work=60 one cover=E5 request=q2 by=ann empty`.
pub(super) fn open(words: &[&str]) -> Command {
    let has = |wanted: &str| words.contains(&wanted);
    let value = |name: &str| {
        words
            .iter()
            .find_map(|word| word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')))
    };
    let mut terms = case_terms();
    if has("people") {
        terms.route = None;
    }
    if has("one") {
        terms.takeover.steps.truncate(1);
    }
    terms.takeover = plan(words, terms.takeover);
    if has("empty") {
        terms.takeover.steps.clear();
    }
    for step in &mut terms.takeover.steps {
        if let Some(seconds) = value("work") {
            step.work_within =
                Some(belay_domain::Span::from_secs(seconds.parse().expect("seconds")));
        }
        if let Some(most) = number(words, "sweep") {
            step.sweep =
                Some(belay_domain::Sweep { most, within: belay_domain::Span::from_secs(60) });
        }
        if has("cover=E5") {
            step.cover = belay_domain::Level::E5;
        }
    }
    Command::Open(Box::new(Open {
        tenant: id("acme"),
        request: id(value("request").unwrap_or("q1")),
        subject: "charged twice".to_owned(),
        kind: "billing".to_owned(),
        customer: "carl".to_owned(),
        channel: "chat".to_owned(),
        fingerprint: None,
        labels: vec![],
        context: vec![entry("charged twice")],
        by: value("by").map_or(Actor::Program("intake".to_owned()), |name| Actor::Person(id(name))),
        terms,
    }))
}
