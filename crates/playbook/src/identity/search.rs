//! The search itself: from what is known to reads, and from their answers to records, with a line on each read.

use std::collections::{BTreeMap, BTreeSet};

use belay_domain::{ContextEntry, Source, SystemId};
use serde_json::{Map, Value};

use super::compare::{form, key, trust};
use super::score::{Known, Record, Somebody, people};
use super::{Lookup, Sought};
use crate::expression::Scope;
use crate::facts::{Answer, CaseFacts, Reads};
use crate::format::FactKind;
use crate::request::PreparedRead;

/// The longest id of a record. A longer one is none.
const ID_BYTES_MAX: usize = 200;

/// The most ways in which one lookup is done, where facts have several values. Whoever says more knows nothing for certain.
const WAYS_MAX: usize = 4;

/// How far a search has come.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// What has to be read next.
    pub(super) open: Vec<PreparedRead>,
    /// What was found.
    pub(super) records: Vec<Record>,
    /// What each read showed, without values.
    pub(super) lines: Vec<String>,
    /// Whether something could not be read, so that somebody may not have been seen.
    pub(super) blind: bool,
    /// How many reads were answered.
    pub(super) reads: u32,
}

/// What is known of the facts: from the case's customer, its labels, and the facts of its context, as JSON objects. Of values
/// from sources of different trust only those from the best are used.
pub(super) fn known(
    sought: &Sought,
    case: &CaseFacts,
    context: &[impl AsRef<ContextEntry>],
) -> Known {
    let mut known = Known::new();
    let mut tell = |name: &str, value: &Value, source: Source| {
        let Some(fact) = sought.facts.get(name) else { return };
        if trust(source) < trust(fact.at_least) || form(fact.kind, value).is_none() {
            return;
        }
        let (best, values) = known.entry(name.to_owned()).or_insert((source, Vec::new()));
        if trust(source) > trust(*best) {
            (*best, *values) = (source, Vec::new());
        }
        if source == *best && !values.contains(value) {
            values.push(value.clone());
        }
    };
    for (name, _) in sought.facts.iter().filter(|(_, fact)| fact.is_customer) {
        tell(name, &Value::from(case.customer.as_str()), Source::Customer);
    }
    for (name, value) in &case.labels {
        tell(name, &Value::from(value.as_str()), Source::Customer);
    }
    for entry in context.iter().map(AsRef::as_ref).filter(|entry| entry.kind == "fact") {
        let Ok(Value::Object(members)) = serde_json::from_str(&entry.body) else { continue };
        for (name, value) in &members {
            tell(name, value, entry.provenance.source);
        }
    }
    known
}

/// How far the search has come with these answers.
pub(super) fn run(sought: &Sought, known: &Known, so_far: &Reads) -> Search {
    let mut search = Search::default();
    for lookup in &sought.lookups {
        if lookup.follows.is_empty() {
            search.start(sought, lookup, known, so_far);
        } else {
            // Whom it follows is known when everything before it has been answered.
            if !search.open.is_empty() {
                break;
            }
            search.follow(sought, lookup, so_far);
        }
    }
    let left = sought.reads_max.saturating_sub(search.reads as usize);
    if search.open.len() > left {
        search.open.clear();
        search.blind = true;
        search.lines.push(format!("more than {} reads would be needed", sought.reads_max));
    }
    search
}

impl Search {
    fn start(&mut self, sought: &Sought, lookup: &Lookup, known: &Known, so_far: &Reads) {
        let mut rows: Vec<Map<String, Value>> = vec![Map::new()];
        for name in &lookup.needs {
            let kind = sought.facts.get(name).map_or(FactKind::Text, |fact| fact.kind);
            let Some((_, values)) = known.get(name) else {
                self.lines.push(format!("{}: not read, {name} is not known", lookup.name));
                return;
            };
            let Some(keys) =
                values.iter().map(|value| key(kind, value)).collect::<Option<Vec<_>>>()
            else {
                let what = "not read, it holds letters that may only look like others";
                self.lines.push(format!("{}: {what}: {name}", lookup.name));
                return;
            };
            let keys: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
            let with = |row: &Map<String, Value>, key: &str| {
                let mut row = row.clone();
                row.insert(name.clone(), serde_json::from_str(key).unwrap_or(Value::Null));
                row
            };
            rows = rows.iter().flat_map(|row| keys.iter().map(move |key| with(row, key))).collect();
            if rows.len() > WAYS_MAX {
                self.blind = true;
                self.lines
                    .push(format!("{}: not read, {name} is said in too many ways", lookup.name));
                return;
            }
        }
        for (index, facts) in rows.into_iter().enumerate() {
            let element = if index == 0 { String::new() } else { (index + 1).to_string() };
            let scope = Scope::new().with("facts", &Value::Object(facts));
            self.look(lookup, element, scope, so_far, None);
        }
    }

    fn follow(&mut self, sought: &Sought, lookup: &Lookup, so_far: &Reads) {
        for somebody in people(sought, &self.records) {
            let Some((system, id)) = somebody.ids.iter().next() else { continue };
            // Who is known there already needs no looking for.
            if lookup.id.is_some() && somebody.ids.contains_key(&lookup.system) {
                continue;
            }
            let Some(candidate) = about(&somebody, &lookup.follows) else { continue };
            let scope = Scope::new().with("candidate", &candidate);
            let leader = (system.clone(), id.clone());
            self.look(lookup, format!("{system}/{id}"), scope, so_far, Some(leader));
        }
    }

    fn look(
        &mut self,
        lookup: &Lookup,
        element: String,
        mut scope: Scope,
        so_far: &Reads,
        leader: Option<(SystemId, String)>,
    ) {
        let of =
            leader.as_ref().map_or_else(String::new, |(system, id)| format!(" of {system} {id}"));
        let line = |what: &str| format!("{}{of}: {what}", lookup.name);
        let read = match prepared(lookup, element, &scope) {
            Ok(read) => read,
            Err(_) => {
                self.blind = true;
                self.lines.push(line("it cannot be asked for"));
                return;
            }
        };
        let answer = match so_far.get(&read.name, &read.element) {
            None => {
                self.open.push(read);
                return;
            }
            Some(answer) => answer,
        };
        self.reads += 1;
        let shown = match answer {
            Answer::Found(shown) => shown,
            Answer::Missing => &Value::Null,
            Answer::Unreadable { .. } => {
                self.blind = true;
                self.lines.push(line("it could not be read"));
                return;
            }
        };
        match records(lookup, shown, &mut scope) {
            Ok(found) if found.len() > lookup.at_most => {
                self.lines.push(line("too many records, none of them is used"));
            }
            Ok(found) => {
                self.lines.push(line(&match found.len() {
                    1 => "1 record".to_owned(),
                    many => format!("{many} records"),
                }));
                for (id, fields) in found {
                    let record = match (id, &leader) {
                        (Some(id), _) => {
                            let system = lookup.system.clone();
                            Record { system, id, fields, follows: leader.clone() }
                        }
                        (None, Some((system, id))) => {
                            let (system, id) = (system.clone(), id.clone());
                            Record { system, id, fields, follows: None }
                        }
                        (None, None) => continue,
                    };
                    self.records.push(record);
                }
            }
            Err(Unclear::Incomplete) => {
                self.lines.push(line("too many records to see all of them, none of them is used"));
            }
            Err(Unclear::Strange) => {
                self.blind = true;
                self.lines.push(line("what it showed cannot be understood"));
            }
        }
    }
}

enum Unclear {
    Incomplete,
    Strange,
}

type Found = Vec<(Option<String>, BTreeMap<String, Vec<Value>>)>;

fn records(lookup: &Lookup, shown: &Value, scope: &mut Scope) -> Result<Found, Unclear> {
    if shown.is_null() {
        return Ok(Vec::new());
    }
    scope.set("read", shown);
    if let Some(complete) = &lookup.complete
        && !complete.holds(scope).map_err(|_| Unclear::Strange)?
    {
        return Err(Unclear::Incomplete);
    }
    let Ok(Value::Array(all)) = lookup.records.value(scope) else { return Err(Unclear::Strange) };
    let mut found = Vec::new();
    for one in all.into_iter().take(lookup.at_most + 1) {
        scope.set("one", &one);
        let id = match &lookup.id {
            None => None,
            Some(id) => Some(id_of(&id.value(scope).map_err(|_| Unclear::Strange)?)?),
        };
        let mut fields = BTreeMap::new();
        for (name, expression) in &lookup.fields {
            // A field that a record does not have says nothing.
            let values = match expression.value(scope) {
                Ok(Value::Array(values)) => values,
                Ok(value) => vec![value],
                Err(_) => Vec::new(),
            };
            fields.insert(name.clone(), values);
        }
        found.push((id, fields));
    }
    Ok(found)
}

fn id_of(value: &Value) -> Result<String, Unclear> {
    let id = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    let usable = !id.is_empty() && id.len() <= ID_BYTES_MAX;
    if usable { Ok(id) } else { Err(Unclear::Strange) }
}

/// What a read may use of somebody; none if one of these fields is not known, or known in several ways.
fn about(somebody: &Somebody, fields: &[String]) -> Option<Value> {
    let mut candidate = Map::new();
    for field in fields {
        let value = match field.strip_prefix("ids.") {
            Some(system) => {
                let known = somebody.ids.iter().find(|(known, _)| known.as_str() == system);
                Value::from(known?.1.as_str())
            }
            None => match somebody.fields.get(field).map(Vec::as_slice) {
                Some([Value::String(text)]) if !text.is_empty() => Value::from(text.as_str()),
                Some([Value::Number(number)]) => Value::Number(number.clone()),
                _ => return None,
            },
        };
        candidate.insert(field.strip_prefix("ids.").unwrap_or(field).to_owned(), value);
    }
    Some(Value::Object(candidate))
}

fn prepared(lookup: &Lookup, element: String, scope: &Scope) -> Result<PreparedRead, String> {
    let headers = lookup.headers.iter();
    Ok(PreparedRead {
        name: lookup.name.clone(),
        element,
        system: lookup.system.clone(),
        path: lookup.path.address(scope)?,
        headers: headers
            .map(|(name, template)| Ok((name.clone(), template.header(scope)?)))
            .collect::<Result<_, String>>()?,
    })
}
