//! Judges a story by what stands on the disks and what those outside did and heard. Nothing that Belay says about itself
//! counts, except against it.

#[path = "auditor/coverage.rs"]
mod coverage;
#[path = "auditor/journal.rs"]
mod journal;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use crate::books::Books;
use crate::house::House;
use crate::witness::{Accounts, Witness, at};
use journal::Story;

/// Everything that should not be true.
pub(crate) fn judge(house: &House, books: &Books, witness: &Witness) -> Vec<String> {
    let story = match Story::read(&house.journal()) {
        Ok(story) => story,
        Err(why) => return vec![why],
    };
    story.count(witness);
    let mut accounts = witness.accounts();
    let mut broken = std::mem::take(&mut accounts.broken);
    broken.extend(what_was_answered_survives(&story, &accounts));
    broken.extend(what_people_did_survives(house, &accounts));
    broken.extend(nothing_is_written_twice(&story, books, &accounts));
    broken.extend(no_epoch_is_shared(&story, &accounts));
    broken.extend(coverage::nothing_false_was_said(&accounts));
    reconnects(&mut accounts);
    broken
}

/// `JRN-1`: every case that was opened, and every step that an agent was told of, stands in the journal.
fn what_was_answered_survives(story: &Story, accounts: &Accounts) -> Vec<String> {
    let mut broken = Vec::new();
    for (request, cases) in &accounts.opened {
        if cases.len() != 1 {
            broken.push(format!("{request} has several cases: {cases:?}"));
        }
        for case in cases {
            let opened = story.of(case).filter(|event| event.kind == "case_opened");
            let requests: Vec<&Value> = opened.map(|event| &event.body["request"]).collect();
            if requests != [request] {
                broken
                    .push(format!("{case} was answered to {request}, and opened by {requests:?}"));
            }
        }
    }
    let mut opened = BTreeSet::new();
    for event in story.all().filter(|event| event.kind == "case_opened") {
        if !opened.insert(event.body["request"].to_string()) {
            broken.push(format!("{} opened a second case", event.body["request"]));
        }
    }
    for (case, kind) in &accounts.done {
        if !story.of(case).any(|event| event.kind == *kind) {
            broken.push(format!(
                "an agent was told {kind} of {case}, which the journal does not know"
            ));
        }
    }
    broken
}

/// What the desk confirmed to a person stands in its file.
fn what_people_did_survives(house: &House, accounts: &Accounts) -> Vec<String> {
    let desk = match Connection::open(house.desk()) {
        Ok(desk) => desk,
        Err(failure) => return vec![format!("the desk cannot be read: {failure}")],
    };
    let has = |query: &str, with: [&str; 2]| {
        let found = desk.query_row(query, with, |_| Ok(())).optional();
        found.map(|found| found.is_some()).unwrap_or_default()
    };
    let mut broken = Vec::new();
    for one in &accounts.desks {
        let number = one.ticket.trim_start_matches("desk-");
        let took =
            "SELECT 1 FROM act WHERE ticket = CAST(?1 AS INTEGER) AND actor = ?2 AND kind = 'took'";
        if one.took && !has(took, [number, &one.person]) {
            broken.push(format!("{} took {}, which the desk forgot", one.person, one.ticket));
        }
        let resolved = "SELECT 1 FROM ticket WHERE number = CAST(?1 AS INTEGER) AND holder = ?2 \
                        AND standing = 'resolved'";
        if one.resolved && !has(resolved, [number, &one.person]) {
            broken.push(format!("{} resolved {}, which the desk forgot", one.person, one.ticket));
        }
    }
    broken
}

/// `IDM-1`, `IDM-2`: the books hold everything once, nothing arrived that was not in the journal before, and what is
/// verified is there.
fn nothing_is_written_twice(story: &Story, books: &Books, accounts: &Accounts) -> Vec<String> {
    let mut broken = Vec::new();
    let mut kept: BTreeMap<(String, String), u64> = BTreeMap::new();
    for page in books.pages() {
        *kept.entry((page.list, page.kept["text"].to_string())).or_default() += 1;
    }
    for ((list, text), times) in &kept {
        if *times > 1 {
            broken.push(format!("{text} stands {times} times in {list}"));
        }
    }
    for write in &accounts.writes {
        let text = write.body["text"].as_str().unwrap_or_default();
        let case = text.trim_start_matches("about ");
        let begun = |event: &&journal::Event| {
            event.kind == "action_dispatched" || event.kind == "compensation_started"
        };
        let before = story.of(case).filter(begun).filter(|event| event.at <= write.at).count();
        let until = |other: &&crate::witness::Write| {
            other.at <= write.at && other.body["text"] == write.body["text"]
        };
        let arrived = accounts.writes.iter().filter(until).count();
        if write.path != "/notes" && write.path != "/credits" {
            broken.push(format!("{} was written, which nothing asked for", write.path));
        } else if arrived > before {
            let when = at(write.at);
            broken.push(format!(
                "write {arrived} of {text} arrived at {when}, and {before} had begun"
            ));
        }
    }
    for event in story.all().filter(|event| event.kind == "action_verified") {
        let text = Value::from(format!("about {}", event.case)).to_string();
        if !kept.keys().any(|(_, kept)| *kept == text) {
            broken.push(format!("{} is verified, and the books do not hold it", event.case));
        }
    }
    broken
}

/// `OWN-3`: epochs only grow, and each is one owner's, by the journal and by what agents held.
fn no_epoch_is_shared(story: &Story, accounts: &Accounts) -> Vec<String> {
    let mut broken = Vec::new();
    let mut owners: BTreeMap<(&str, u64), &str> = BTreeMap::new();
    for case in story.cases() {
        let mut last = None;
        for event in story.of(case) {
            let epoch = event.body["epoch"].as_u64();
            let Some(epoch) = epoch.filter(|_| event.kind != "action_proposed") else { continue };
            if last.is_some_and(|last| epoch <= last) {
                broken.push(format!("{case}: {} with epoch {epoch} after {last:?}", event.kind));
            }
            last = Some(epoch);
            if event.kind == "handoff_accepted" {
                let agent = event.body["agent"].as_str().unwrap_or_default();
                owners.insert((case, epoch), agent);
            }
        }
    }
    for hand in &accounts.hands {
        let Some(epoch) = hand.epoch else { continue };
        let owner = owners.get(&(hand.case.as_str(), epoch)).copied();
        if !owner.is_some_and(|owner| owner.ends_with(&hand.agent)) {
            broken.push(format!(
                "{} held {} under epoch {epoch}, which is {owner:?}'s",
                hand.agent, hand.case
            ));
        }
    }
    broken
}

/// Counts lines that came to be again.
fn reconnects(accounts: &mut Accounts) {
    let hosts = crate::agents::AGENTS.iter().map(|who| who.name);
    let lines: u64 = hosts.filter_map(|host| accounts.lines.get(host)).map(|lines| lines - 1).sum();
    if lines > 0 {
        accounts.happened.insert("an agent connected again", lines);
    }
}
