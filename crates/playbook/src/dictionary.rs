//! The canonical objects that all systems know under other names, and what systems have to agree about before a plan
//! counts as verified.
//!
//! Each field has one source of truth. What another system shows is brought into the dictionary's own words first, by a
//! mapping with a version; a value that the mapping does not know is a difference, and so is a record that is not there.
//! Nothing is ever equal because nobody could tell.

mod compile;
mod mapping;

use std::collections::{BTreeMap, BTreeSet};

use belay_domain::{Comparison, ContractId, Difference, Equality, SystemId};
use serde_json::{Map, Value, json};

use crate::Playbook;
use crate::contract::Read;
use crate::expression::Expression;
use crate::facts::{Answer, CaseFacts, Reads};
use crate::prepare::{self, Subject, case_value};
use crate::request::PreparedRead;

pub(crate) use compile::{Ground, compile};
use mapping::Field;

/// What is read last of an object, in each system.
const RECORD: &str = "record";

/// A compiled dictionary.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    objects: BTreeMap<String, Object>,
    rules: Vec<Rule>,
    equalities: Vec<Equality>,
}

#[derive(Debug)]
struct Object {
    records: BTreeMap<SystemId, Record>,
    fields: BTreeMap<String, Field>,
}

/// How an object is read in one system.
#[derive(Debug)]
struct Record {
    /// The last one is the record itself.
    reads: Vec<Read>,
    record: Option<Expression>,
}

/// How one equality is found out.
#[derive(Debug)]
struct Rule {
    name: String,
    object: String,
    fields: Vec<String>,
    ids: BTreeMap<SystemId, Expression>,
}

/// A verified write of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// Its contract.
    pub contract: &'a ContractId,
    /// Its input, as JSON.
    pub input: &'a str,
    /// What its verification showed, as JSON.
    pub shown: &'a str,
}

/// One comparison: an equality, after one of the writes of a plan.
#[derive(Clone, Copy, Debug)]
pub struct ToCompare<'a> {
    /// The equality.
    pub equality: &'a str,
    /// The case.
    pub case: &'a CaseFacts,
    /// The write that it follows.
    pub after: Written<'a>,
    /// All verified writes of the plan.
    pub plan: &'a [Written<'a>],
}

/// What the systems of one comparison showed so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen(BTreeMap<SystemId, Reads>);

impl Seen {
    /// Adds the answer to one read that [`Playbook::comparison_reads`] asked for.
    pub fn add(&mut self, system: &SystemId, read: &PreparedRead, answer: Answer) {
        self.0.entry(system.clone()).or_default().add(read, answer);
    }
}

/// What one system shows of an object.
enum Standing {
    Found { id: String, record: Value },
    Missing { id: String, why: String },
    Unreadable { detail: String },
}

/// Comparing systems after a plan.
impl Playbook {
    /// What systems have to agree about after a plan.
    #[must_use]
    pub fn equalities(&self) -> &[Equality] {
        &self.dictionary.equalities
    }

    /// The reads of a comparison that can be done now and have not been answered, each with the system it is about. Do
    /// them, add the answers, and ask again until this is empty.
    #[must_use]
    pub fn comparison_reads(
        &self,
        compare: &ToCompare<'_>,
        seen: &Seen,
    ) -> Vec<(SystemId, PreparedRead)> {
        let Some((rule, object)) = self.dictionary.rule(compare.equality) else {
            return Vec::new();
        };
        let Ok(scope) = self.scope(compare) else { return Vec::new() };
        let nothing = Reads::default();
        let mut reads = Vec::new();
        for (system, id) in &rule.ids {
            let Some(record) = object.records.get(system) else { continue };
            let Ok(Some(id)) = id_of(id, &scope) else { continue };
            let so_far = seen.0.get(system).unwrap_or(&nothing);
            let open = prepare::open(&record.reads, by_id(&id, compare.case), so_far);
            reads.extend(open.into_iter().map(|read| (system.clone(), read)));
        }
        reads
    }

    /// What these answers mean. Whatever differs is a difference, also where another system could not be read.
    #[must_use]
    pub fn compare(&self, compare: &ToCompare<'_>, seen: &Seen) -> Comparison {
        let unreadable = |detail: String| Comparison::Unreadable { detail };
        let Some((rule, object)) = self.dictionary.rule(compare.equality) else {
            let name = compare.equality;
            return unreadable(format!("the playbook in force has no equality {name}"));
        };
        let scope = match self.scope(compare) {
            Ok(scope) => scope,
            Err(detail) => return unreadable(detail),
        };
        let mut standing = BTreeMap::new();
        for (system, id) in &rule.ids {
            let Some(record) = object.records.get(system) else { continue };
            let stands = match id_of(id, &scope) {
                Ok(Some(id)) => record.standing(&id, compare.case, seen.0.get(system)),
                Ok(None) => missing("", "nothing names one"),
                Err(why) => missing("", &why),
            };
            standing.insert(system, stands);
        }
        judge(rule, object, &standing)
    }

    /// What the ids of a comparison are made from.
    fn scope(&self, compare: &ToCompare<'_>) -> Result<crate::expression::Scope, String> {
        let Written { contract, input, shown } = compare.after;
        let subject =
            self.subject(contract, input, compare.case).map_err(|error| error.to_string())?;
        let Subject { mut scope, .. } = subject;
        scope.set("shown", &json_of(shown));
        let names: BTreeSet<&str> = self.contracts().map(|contract| contract.name()).collect();
        let mut steps: Map<String, Value> =
            names.into_iter().map(|name| (name.to_owned(), json!([]))).collect();
        for written in compare.plan {
            let step = json!({"input": json_of(written.input), "shown": json_of(written.shown)});
            let name = written.contract.as_str();
            let name = name.split_once('@').map_or(name, |(name, _)| name);
            if let Some(Value::Array(all)) = steps.get_mut(name) {
                all.push(step);
            }
        }
        scope.set("steps", &Value::Object(steps));
        Ok(scope)
    }
}

impl Dictionary {
    fn rule(&self, name: &str) -> Option<(&Rule, &Object)> {
        let rule = self.rules.iter().find(|rule| rule.name == name)?;
        Some((rule, self.objects.get(&rule.object)?))
    }
}

impl Record {
    fn standing(&self, id: &str, case: &CaseFacts, seen: Option<&Reads>) -> Standing {
        let nothing = Reads::default();
        let settled = prepare::settled(&self.reads, by_id(id, case), seen.unwrap_or(&nothing));
        if let Some((name, problem)) = settled.wrong.into_iter().next() {
            let about = if name == RECORD { problem } else { format!("{name}: {problem}") };
            let read = seen.and_then(|seen| seen.get(&name, ""));
            return match read {
                Some(Answer::Missing) => missing(id, &about),
                _ => Standing::Unreadable { detail: about },
            };
        }
        let found = settled.reads.get(RECORD).cloned().unwrap_or(Value::Null);
        let record = match &self.record {
            None => found,
            Some(expression) => {
                let scope = by_id(id, case).with("read", &found).with("reads", &settled.reads);
                match expression.value(&scope) {
                    Ok(record) => record,
                    Err(why) => return missing(id, &why),
                }
            }
        };
        match record {
            Value::Null => missing(id, "it shows no such thing"),
            record => Standing::Found { id: id.to_owned(), record },
        }
    }
}

/// Holds what each system shows against the source of truth of each field.
fn judge(rule: &Rule, object: &Object, standing: &BTreeMap<&SystemId, Standing>) -> Comparison {
    let mut differences = Vec::new();
    let mut agreed = Map::new();
    let fields = rule.fields.iter().filter_map(|name| Some((name, object.fields.get(name)?)));
    for (name, field) in fields {
        let difference = |system: &SystemId, id: &str, expected: &str, found: String| Difference {
            object: rule.object.clone(),
            field: name.clone(),
            system: system.clone(),
            id: id.to_owned(),
            expected: expected.to_owned(),
            truth: field.truth.clone(),
            found,
            mapping: field.version(system),
        };
        let truth = match standing.get(&field.truth) {
            Some(Standing::Found { id, record }) => match field.read(&field.truth, record) {
                Ok(value) => value,
                Err(found) => {
                    let known = field.wanted();
                    differences.push(difference(&field.truth, id, &known, found));
                    continue;
                }
            },
            Some(Standing::Missing { id, why }) => {
                let wanted = field.wanted();
                differences.push(difference(&field.truth, id, &wanted, not_there(why)));
                continue;
            }
            Some(Standing::Unreadable { .. }) | None => continue,
        };
        for (system, stands) in standing {
            if **system == field.truth || !field.is_known_in(system) {
                continue;
            }
            match stands {
                Standing::Found { id, record } => match field.read(system, record) {
                    Ok(found) if found == truth => {}
                    Ok(found) | Err(found) => {
                        differences.push(difference(system, id, &truth, found));
                    }
                },
                Standing::Missing { id, why } => {
                    differences.push(difference(system, id, &truth, not_there(why)));
                }
                Standing::Unreadable { .. } => {}
            }
        }
        agreed.insert(format!("{}.{name}", rule.object), Value::from(truth));
    }
    if !differences.is_empty() {
        return Comparison::Different { differences };
    }
    let unread = standing.iter().find_map(|(system, stands)| match stands {
        Standing::Unreadable { detail } => Some(format!("{system}: {detail}")),
        Standing::Found { .. } | Standing::Missing { .. } => None,
    });
    match unread {
        Some(detail) => Comparison::Unreadable { detail },
        None => Comparison::Equal { shown: crate::json::canonical(&Value::Object(agreed)) },
    }
}

/// The id that an expression names; none where it says that there is none.
fn id_of(
    expression: &Expression,
    scope: &crate::expression::Scope,
) -> Result<Option<String>, String> {
    match expression.value(scope)? {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err("an id is a text or a number".to_owned()),
    }
}

fn by_id(id: &str, case: &CaseFacts) -> crate::expression::Scope {
    crate::expression::Scope::new().with("id", &Value::from(id)).with("case", &case_value(case))
}

fn missing(id: &str, why: &str) -> Standing {
    Standing::Missing { id: id.to_owned(), why: why.to_owned() }
}

fn not_there(why: &str) -> String {
    format!("not there: {why}")
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests;
