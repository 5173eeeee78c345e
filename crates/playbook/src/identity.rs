//! Whom a case is about, when only part of it is known: a name and the last digits of a card, an address under which
//! somebody pays, a day and an amount.
//!
//! The playbook says in which systems is looked, by which facts, and how much each counts. Nothing but reads is done. A guess
//! is never a key: what a model made up is not used, and neither is an address with letters that may only look like others.
//! An answer that holds more than it may is too much, and not the first of it. Whoever is found has to reach a bar, and to
//! be ahead of everybody else; a verified fact that speaks against somebody excludes them. The explanation names fields and
//! systems, and no values, which belong to others as well.

mod compare;
mod compile;
mod score;
mod search;

use std::collections::BTreeMap;

use belay_domain::{ContextEntry, Identification, Source, Span, SystemId};

use crate::Playbook;
use crate::expression::Expression;
use crate::facts::{CaseFacts, Reads};
use crate::format::FactKind;
use crate::request::PreparedRead;
use crate::template::Template;

pub(crate) use compile::compile;

/// What can be looked for, by name.
pub(crate) type Identities = BTreeMap<String, Sought>;

/// One object that is looked for.
#[derive(Debug)]
pub(crate) struct Sought {
    pub(crate) bar: u32,
    pub(crate) margin: u32,
    pub(crate) reads_max: usize,
    pub(crate) within: Span,
    pub(crate) facts: BTreeMap<String, Fact>,
    pub(crate) same: Vec<String>,
    pub(crate) lookups: Vec<Lookup>,
}

/// Something that may be known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact {
    pub(crate) kind: FactKind,
    pub(crate) is_customer: bool,
    pub(crate) at_least: Source,
    pub(crate) agrees: u32,
    pub(crate) partly: u32,
    pub(crate) disagrees: u32,
    pub(crate) days: u32,
}

/// One read, and what its answer says.
#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) name: String,
    pub(crate) system: SystemId,
    pub(crate) needs: Vec<String>,
    pub(crate) follows: Vec<String>,
    pub(crate) path: Template,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) records: Expression,
    pub(crate) complete: Option<Expression>,
    pub(crate) at_most: usize,
    pub(crate) id: Option<Expression>,
    pub(crate) fields: BTreeMap<String, Expression>,
}

/// Finding out whom a case is about.
impl Playbook {
    /// What can be looked for, and how long each search may take.
    pub fn sought(&self) -> impl Iterator<Item = (&str, Span)> {
        self.identities.iter().map(|(object, sought)| (object.as_str(), sought.within))
    }

    /// The reads that can be done now and have not been answered. Do them, add the answers, and ask again until this is
    /// empty: a later read may need what an earlier one showed.
    #[must_use]
    pub fn lookups(
        &self,
        object: &str,
        case: &CaseFacts,
        context: &[impl AsRef<ContextEntry>],
        so_far: &Reads,
    ) -> Vec<PreparedRead> {
        let Some(sought) = self.identities.get(object) else { return Vec::new() };
        search::run(sought, &search::known(sought, case, context), so_far).open
    }

    /// What these reads show of whom the case is about; none if no such object is looked for.
    #[must_use]
    pub fn identify(
        &self,
        object: &str,
        case: &CaseFacts,
        context: &[impl AsRef<ContextEntry>],
        answers: &Reads,
    ) -> Option<Identification> {
        let sought = self.identities.get(object)?;
        let known = search::known(sought, case, context);
        let search = search::run(sought, &known, answers);
        let people = score::people(sought, &search.records);
        // What has not been read may show somebody else.
        let blind = search.blind || !search.open.is_empty();
        let scored = score::scored(sought, &known, &people, blind);
        let mut lines = search.lines;
        let best = scored.candidates.first().filter(|best| !best.excluded);
        lines.extend(best.into_iter().flat_map(|best| best.lines.iter().cloned()));
        let identified = scored.finding == belay_domain::Finding::Identified;
        let ids = best.filter(|_| identified).map(|best| best.ids.clone()).unwrap_or_default();
        let mut candidates = scored.candidates;
        candidates.truncate(CANDIDATES_SHOWN_MAX);
        Some(Identification {
            object: object.to_owned(),
            playbook: self.version,
            finding: scored.finding,
            confidence: scored.confidence,
            bar: sought.bar,
            margin: sought.margin,
            ids,
            lines,
            candidates,
            reads: search.reads,
        })
    }
}

/// The most candidates that are shown to people. All of them count.
const CANDIDATES_SHOWN_MAX: usize = 20;

#[cfg(test)]
mod tests;
