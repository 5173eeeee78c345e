//! What was found out about whom a case is about: recorded, told to whoever holds the case, and where it is not enough,
//! brought to people.

use serde_json::json;

use super::Deciding;
use super::matter::{LINE_MAX, within};
use crate::command::{Actor, NewEntry};
use crate::{Cause, EventKind, Identification, Provenance, Rejection, Source};

/// The most candidates that are kept; a search that finds more has said enough by that.
const CANDIDATES_MAX: usize = 20;
/// The most lines of one explanation.
const LINES_MAX: usize = 100;
/// The most systems that know one object.
const SYSTEMS_MAX: usize = 50;
/// The most objects that are looked for in one case.
const OBJECTS_MAX: usize = 16;

impl Deciding {
    /// Records a finding. The same again changes nothing, so that it may be brought twice.
    pub(super) fn record_identity(
        &mut self,
        by: &Actor,
        found: &Identification,
    ) -> Result<(), Rejection> {
        self.check_actor(by)?;
        self.check_identification(found)?;
        let before = self.case.identities.get(&found.object).cloned();
        if before.as_deref() != Some(found) {
            let entries = known(found);
            self.check_entries(&entries)?;
            // What was decided on rests on the finding before; whoever still wants it asks again.
            if before.is_some_and(|before| before.is_identified() && before.ids != found.ids) {
                self.withdraw_undispatched("it was found out anew whom this is about");
            }
            self.emit(EventKind::IdentityRecorded { identification: Box::new(found.clone()) });
            self.enter(&entries);
        }
        if !found.is_identified() {
            let detail = explained(found);
            self.ask_people(Cause::Unidentified { object: found.object.clone(), detail });
        }
        Ok(())
    }

    fn check_identification(&self, found: &Identification) -> Result<(), Rejection> {
        let too_many = |what, most| Err(Rejection::TooMany { what, most });
        within("object", &found.object, LINE_MAX)?;
        let identities = &self.case.identities;
        if identities.len() >= OBJECTS_MAX && !identities.contains_key(&found.object) {
            return too_many("objects that were looked for", OBJECTS_MAX);
        }
        if found.candidates.len() > CANDIDATES_MAX {
            return too_many("candidates", CANDIDATES_MAX);
        }
        let of_candidates = found.candidates.iter().map(|one| (&one.ids, &one.lines));
        for (ids, lines) in of_candidates.chain([(&found.ids, &found.lines)]) {
            if ids.len() > SYSTEMS_MAX {
                return too_many("systems of one object", SYSTEMS_MAX);
            }
            if lines.len() > LINES_MAX {
                return too_many("lines of an explanation", LINES_MAX);
            }
            ids.values().try_for_each(|id| within("id", id, LINE_MAX))?;
            lines.iter().try_for_each(|line| within("explanation", line, LINE_MAX))?;
        }
        Ok(())
    }
}

/// What whoever holds the case is told: how it came out, and for somebody who was identified, by what each system knows
/// them. Not who else came into question: that is for people alone.
fn known(found: &Identification) -> Vec<NewEntry> {
    let reference = format!("identity:{}", found.object);
    let entry = |kind: &str, body: serde_json::Value, source, reference| NewEntry {
        kind: kind.to_owned(),
        body: body.to_string(),
        provenance: Provenance { source, reference },
    };
    let mut outcome = json!({
        "object": found.object,
        "finding": found.finding.as_str(),
        "confidence": found.confidence,
        "bar": found.bar,
    });
    if found.is_identified() {
        outcome["why"] = json!(found.lines);
    }
    let mut entries = vec![entry("identification", outcome, Source::Belay, reference.clone())];
    for (system, id) in &found.ids {
        let body = json!({ "object": found.object, "system": system.as_str(), "id": id });
        entries.push(entry("fact", body, Source::SystemOfRecord, format!("{reference} {system}")));
    }
    entries
}

/// What people are told who are asked to find out more.
fn explained(found: &Identification) -> String {
    let mut told = vec![found.summary()];
    told.extend(found.lines.iter().cloned());
    told.extend(found.candidates.iter().map(ToString::to_string));
    told.join("\n")
}
