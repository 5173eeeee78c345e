//! What a person did with a case comes back: into what is known of it, and as its end or a way on for agents.

use serde_json::json;

use super::Deciding;
use crate::{
    AfterResolution, Cause, Doubt, Escalation, EventKind, Evidence, PersonId, Purpose, Reading,
    ResolutionCode, Source, Stage, TicketReading, TicketResolution,
};

/// The longest note that is kept of a resolution. What people write is no attachment.
const NOTE_MAX: usize = 64 * 1_024;
/// The most links that are kept of a resolution.
const LINKS_MAX: usize = 50;
/// The longest link that is kept. A longer one would be cut to something else.
const LINK_MAX: usize = 2_048;

impl Deciding {
    /// A person closed the ticket with a resolution that the taxonomy knows.
    pub(super) fn resolved_by_person(
        &mut self,
        found: &Escalation,
        evidence: &Evidence,
        reading: &Reading,
    ) {
        let TicketReading::Present(facts) = &reading.ticket else { return };
        let Some(resolution) = &facts.resolution else { return };
        let (Some(code), Some(by)) = (resolution.code.clone(), evidence.actor().cloned()) else {
            return;
        };
        if let Purpose::Approval { .. } = found.purpose {
            // Closing the ticket is no decision on the action; somebody else has to be asked.
            let closed = Doubt::NotOpen { standing: facts.standing.clone() };
            match found.stage {
                Stage::Acknowledged { .. } => self.lapse(found, closed),
                _ => self.fail_step(found, closed.to_string()),
            }
            return;
        }
        self.withdraw_undispatched("a person resolved the case");
        let note = cut(&resolution.note, NOTE_MAX);
        let links = links(resolution);
        let queue = evidence.queue();
        // What an agent goes on with, in a form that it can read.
        let known = json!({
            "code": code.as_str(),
            "note": note,
            "links": links,
            "system": queue.system.as_str(),
            "queue": queue.queue.as_str(),
            "ticket": evidence.ticket().as_str(),
            "person": by.as_str(),
        });
        let reference = format!("person:{by} ticket:{}/{}", queue.system, evidence.ticket());
        self.emit(EventKind::EscalationResolved {
            escalation: found.id.clone(),
            by: by.clone(),
            code: code.clone(),
            note: note.to_owned(),
            evidence: evidence.clone(),
            links,
        });
        self.remember("resolution", known.to_string(), Source::Staff, &reference);
        self.follow(found, &by, &code, note);
    }

    /// What the person's resolution means for the case.
    fn follow(&mut self, found: &Escalation, by: &PersonId, code: &ResolutionCode, note: &str) {
        let settled = self.unsettled(true).is_empty() && self.check_compared(true).is_ok();
        match found.plan.resolutions.get(code) {
            Some(AfterResolution::Resolve) if settled => {
                self.close_case(&format!("person:{by}"), code, note);
            }
            after_it => {
                let target = match after_it {
                    Some(AfterResolution::Return(target)) => Some(target.clone()),
                    Some(AfterResolution::Resolve) | None => self.present_target(),
                };
                self.emit(EventKind::CaseReturned {
                    escalation: found.id.clone(),
                    epoch: self.next_epoch(),
                });
                match target {
                    Some(target) => self.route(target, "returned by a person", Vec::new()),
                    None => self.ask_people(Cause::NoAgent),
                }
            }
        }
    }
}

/// What was left with a resolution: what the system lists, and the addresses in the note.
fn links(resolution: &TicketResolution) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    let written = resolution.note.split_whitespace().filter_map(address).map(str::to_owned);
    for link in resolution.links.iter().cloned().chain(written) {
        if link.len() <= LINK_MAX && links.len() < LINKS_MAX && !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

/// The web address in a word of prose, without the punctuation around it.
fn address(word: &str) -> Option<&str> {
    let start = word.find("https://").or_else(|| word.find("http://"))?;
    let found = word.get(start..)?;
    let end = found.find(['<', '>', '"']).unwrap_or(found.len());
    let found = found.get(..end)?.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'']);
    let host = found.split_once("://").map_or("", |(_, host)| host);
    (!host.is_empty()).then_some(found)
}

/// The beginning of a text, whole characters only.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

#[cfg(test)]
mod tests;
