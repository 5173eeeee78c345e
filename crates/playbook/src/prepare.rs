//! From a contract and an input to requests that can be sent, and from their answers to what they prove.

use belay_domain::{Digest, IdempotencyKey, ReadBack};
use serde_json::{Map, Value, json};

use crate::contract::{Assertion, Contract, Read, ReadBackPlan, Write};
use crate::expression::Scope;
use crate::facts::{Answer, CaseFacts, Reads};
use crate::request::{Payload, PrepareError, PreparedRead, PreparedWrite, Target};

/// The most reads that one decision may cause. A longer list of items is a matter for people.
pub(crate) const READS_MAX: usize = 200;

/// The longest idempotency key that is used as it is; longer ones are replaced by their digest.
const KEY_MAX: usize = 150;

/// An input that is about to be used under a contract.
pub(crate) struct Subject<'a> {
    pub(crate) contract: &'a Contract,
    pub(crate) input: Value,
    pub(crate) canonical: String,
    pub(crate) scope: Scope,
    pub(crate) key: Result<IdempotencyKey, String>,
}

/// What all reads of a decision showed.
pub(crate) struct Settled {
    /// `reads` in expressions.
    pub(crate) reads: Value,
    /// What is wrong with those that are not there: name and reason.
    pub(crate) wrong: Vec<(String, String)>,
    /// All that are not there.
    pub(crate) unavailable: Vec<String>,
}

impl<'a> Subject<'a> {
    /// Puts the variables in place that every expression sees.
    pub(crate) fn new(contract: &'a Contract, input: Value, case: &CaseFacts) -> Self {
        let canonical = crate::json::canonical(&input);
        let digest = Digest::of(canonical.as_bytes()).to_string();
        let mut scope = Scope::new()
            .with("input", &input)
            .with("case", &case_value(case))
            .with("input_digest", &Value::from(digest.as_str()));
        let text = match &contract.key {
            Some(template) => template.encoded(&scope),
            None => Ok(format!("{}:{digest}", case.id)),
        };
        let key = text.and_then(|text| {
            let text = format!("{}/{text}", contract.name());
            let text = if text.len() <= KEY_MAX {
                text
            } else {
                format!("{}/{}", contract.name(), Digest::of(text.as_bytes()))
            };
            text.parse::<IdempotencyKey>().map_err(|error| error.to_string())
        });
        if let Ok(key) = &key {
            scope.set("key", &Value::from(key.as_str()));
        }
        Self { contract, input, canonical, scope, key }
    }

    /// A subject from an input's text.
    pub(crate) fn read(
        contract: &'a Contract,
        input: &str,
        case: &CaseFacts,
    ) -> Result<Self, PrepareError> {
        let input =
            crate::json::strict(input).map_err(|unfit| PrepareError::Input(unfit.to_string()))?;
        Ok(Self::new(contract, input, case))
    }

    /// The write.
    pub(crate) fn write(&self, write: &Write) -> Result<PreparedWrite, PrepareError> {
        let part = |what: &str| {
            let what = what.to_owned();
            move |detail| PrepareError::Expression { what, detail }
        };
        let key = self.key.clone().map_err(part("idempotency key"))?;
        let headers = write.headers.iter().map(|(name, template)| {
            Ok((name.clone(), template.header(&self.scope).map_err(part("header"))?))
        });
        Ok(PreparedWrite {
            system: self.contract.system.clone(),
            method: write.method,
            path: write.path.address(&self.scope).map_err(part("path"))?,
            headers: headers.collect::<Result<_, PrepareError>>()?,
            body: match (&write.body, &write.form) {
                (Some(body), _) => Payload::Json(body.render(&self.scope).map_err(part("body"))?),
                (None, Some(form)) => {
                    let fields = form.render(&self.scope).and_then(fields).map_err(part("form"))?;
                    Payload::Form(fields)
                }
                (None, None) => Payload::None,
            },
            key: key.as_str().to_owned(),
        })
    }

    /// The read that proves something.
    pub(crate) fn read_back(
        &self,
        name: &str,
        plan: &ReadBackPlan,
    ) -> Result<PreparedRead, PrepareError> {
        let failed = |detail| PrepareError::Expression { what: name.to_owned(), detail };
        let headers = plan.headers.iter().map(|(header, template)| {
            Ok((header.clone(), template.header(&self.scope).map_err(failed)?))
        });
        Ok(PreparedRead {
            name: name.to_owned(),
            element: String::new(),
            system: plan.system.clone(),
            path: plan.path.address(&self.scope).map_err(failed)?,
            headers: headers.collect::<Result<_, PrepareError>>()?,
        })
    }

    /// What the answer to that read proves.
    ///
    /// "Not there" makes Belay write again, so it is only said when the condition could be evaluated. Whatever cannot
    /// be understood is unreadable, which ends with people.
    pub(crate) fn judge(&mut self, plan: &ReadBackPlan, answer: &Answer) -> ReadBack {
        let null = Value::Null;
        let record = match answer {
            Answer::Found(record) => record,
            Answer::Missing => &null,
            Answer::Unreadable { detail } => {
                return ReadBack::Unreadable { detail: detail.clone() };
            }
        };
        self.scope.set("read", record);
        match plan.present.holds(&self.scope) {
            Ok(true) => {}
            Ok(false) => return ReadBack::NotApplied,
            Err(detail) => {
                return ReadBack::Unreadable {
                    detail: format!("what was read cannot be understood: {detail}"),
                };
            }
        }
        let mut differences: Vec<String> = Vec::new();
        let mut failed: Vec<&str> = Vec::new();
        for assertion in &plan.assertions {
            let in_vain = assertion.needs.iter().any(|needed| failed.contains(&needed.as_str()));
            let difference = if in_vain { None } else { self.difference(assertion) };
            if in_vain || difference.is_some() {
                failed.push(&assertion.name);
            }
            differences.extend(difference);
        }
        if !differences.is_empty() {
            return ReadBack::Different { difference: differences.join("; ") };
        }
        match self.shown(plan, record) {
            Ok(shown) => ReadBack::Applied { shown },
            Err(detail) => ReadBack::Unreadable {
                detail: format!("what was read cannot be kept as proof: {detail}"),
            },
        }
    }

    /// What stands at the target, whether or not it is what was promised, as JSON; none if nothing does.
    pub(crate) fn standing(&mut self, plan: &ReadBackPlan, answer: &Answer) -> Option<String> {
        let Answer::Found(record) = answer else { return None };
        self.scope.set("read", record);
        let present = plan.present.holds(&self.scope).unwrap_or(false);
        present.then(|| self.shown(plan, record).ok()).flatten()
    }

    /// What the write is about and what stands there, as far as the answer tells; also where the effect is not there.
    pub(crate) fn target(&mut self, answer: Option<&Answer>) -> Target {
        let contract = self.contract;
        let shown = match answer {
            Some(Answer::Found(record)) => {
                self.scope.set("read", record);
                let shown = contract.verification.shown.as_ref();
                shown.map_or(Ok(record.clone()), |shown| shown.value(&self.scope)).ok()
            }
            Some(Answer::Missing | Answer::Unreadable { .. }) | None => None,
        };
        let shown = shown.unwrap_or(Value::Null);
        self.scope.set("shown", &shown);
        let (object, id) = match &contract.object {
            Some((name, id)) => (name.clone(), id.value(&self.scope).unwrap_or(Value::Null)),
            None => (contract.name().to_owned(), Value::Null),
        };
        Target { system: contract.system.to_string(), object, id, shown }
    }

    fn shown(&self, plan: &ReadBackPlan, record: &Value) -> Result<String, String> {
        let shown = match &plan.shown {
            None => record.clone(),
            Some(expression) => expression.value(&self.scope)?,
        };
        Ok(crate::json::canonical(&shown))
    }

    /// The reads that can be done now and have not been answered, in the contract's order.
    pub(crate) fn open_reads(&self, so_far: &Reads, case: &CaseFacts) -> Vec<PreparedRead> {
        open(&self.contract.reads, self.case_scope(case), so_far)
    }

    /// What the reads showed, as `reads` in expressions, and what is wrong with each that is not there.
    pub(crate) fn settled_reads(&self, so_far: &Reads, case: &CaseFacts) -> Settled {
        settled(&self.contract.reads, self.case_scope(case), so_far)
    }

    /// The first of these conditions that does not hold.
    pub(crate) fn unmet(&self, assertions: &[Assertion]) -> Option<String> {
        assertions.iter().find_map(|assertion| self.difference(assertion))
    }

    /// A scope with input and case only.
    pub(crate) fn case_scope(&self, case: &CaseFacts) -> Scope {
        Scope::new().with("input", &self.input).with("case", &case_value(case))
    }

    fn difference(&self, assertion: &Assertion) -> Option<String> {
        match assertion.that.holds(&self.scope) {
            Ok(true) => None,
            Ok(false) => Some(format!("{}: {}", assertion.name, assertion.otherwise)),
            Err(detail) => Some(format!("{}: {detail}", assertion.name)),
        }
    }
}

/// The reads that can be done now and have not been answered, in their order.
pub(crate) fn open(reads: &[Read], mut scope: Scope, so_far: &Reads) -> Vec<PreparedRead> {
    let mut known = Map::new();
    let mut open = Vec::new();
    for read in reads {
        if !read.needs.is_empty() && !open.is_empty() {
            break;
        }
        scope.set("reads", &Value::Object(known.clone()));
        let Ok(prepared) = elements(read, &mut scope) else { continue };
        let (value, _) = collected(read, &prepared, so_far);
        known.insert(read.name.clone(), value);
        open.extend(prepared.into_iter().filter(|prepared| !so_far.has(prepared)));
    }
    open.truncate(READS_MAX);
    open
}

/// What these reads showed, and what is wrong with each that is not there.
pub(crate) fn settled(reads: &[Read], mut scope: Scope, so_far: &Reads) -> Settled {
    let mut known = Map::new();
    let mut wrong = Vec::new();
    let mut unavailable = Vec::new();
    for read in reads {
        scope.set("reads", &Value::Object(known.clone()));
        if read.needs.iter().any(|needed| unavailable.contains(needed)) {
            // The reason is the read it needs, and has been given.
            known.insert(read.name.clone(), Value::Null);
            unavailable.push(read.name.clone());
            continue;
        }
        let (value, problem) = match elements(read, &mut scope) {
            Ok(prepared) => collected(read, &prepared, so_far),
            Err(detail) => (Value::Null, Some(format!("it cannot be read: {detail}"))),
        };
        known.insert(read.name.clone(), value);
        if let Some(problem) = problem {
            unavailable.push(read.name.clone());
            wrong.push((read.name.clone(), problem));
        }
    }
    Settled { reads: Value::Object(known), wrong, unavailable }
}

/// The fields of a form. What has no obvious text is refused rather than guessed.
fn fields(form: Value) -> Result<Vec<(String, String)>, String> {
    let Value::Object(members) = form else { return Err("it is no object".to_owned()) };
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Bool(_) | Value::Number(_) => Ok((name, crate::json::canonical(&value))),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(format!("{name} has no text")),
    };
    members.into_iter().map(text).collect()
}

/// The reads that one rule stands for: one, or one for each element.
fn elements(read: &Read, scope: &mut Scope) -> Result<Vec<PreparedRead>, String> {
    let elements = match &read.for_each {
        None => vec![String::new()],
        Some(expression) => match expression.value(scope)? {
            Value::Array(items) => {
                let mut elements: Vec<String> = Vec::new();
                for item in items {
                    let element = match item {
                        Value::String(text) if !text.is_empty() => text,
                        Value::Number(number) => number.to_string(),
                        _ => return Err("for_each takes a list of names".to_owned()),
                    };
                    if !elements.contains(&element) {
                        elements.push(element);
                    }
                }
                elements
            }
            _ => return Err("for_each takes a list".to_owned()),
        },
    };
    if elements.len() > READS_MAX {
        return Err(format!("it would take more than {READS_MAX} reads"));
    }
    elements
        .into_iter()
        .map(|element| {
            scope.set("element", &Value::from(element.as_str()));
            Ok(PreparedRead {
                name: read.name.clone(),
                system: read.system.clone(),
                path: read.path.address(scope)?,
                headers: read
                    .headers
                    .iter()
                    .map(|(name, template)| Ok((name.clone(), template.header(scope)?)))
                    .collect::<Result<_, String>>()?,
                element,
            })
        })
        .collect()
}

/// The value of one rule's reads, and what is wrong if one of them is not there.
fn collected(read: &Read, prepared: &[PreparedRead], so_far: &Reads) -> (Value, Option<String>) {
    let mut found = Map::new();
    for one in prepared {
        let about = if one.element.is_empty() {
            String::new()
        } else {
            format!(" for {}", crate::shown::quoted(&one.element))
        };
        let value = match so_far.get(&one.name, &one.element) {
            Some(Answer::Found(value)) => value.clone(),
            Some(Answer::Missing) if read.optional => Value::Null,
            Some(Answer::Missing) => {
                return (Value::Null, Some(format!("there is no such record{about}")));
            }
            Some(Answer::Unreadable { detail }) => {
                return (Value::Null, Some(format!("it could not be read{about}: {detail}")));
            }
            None => return (Value::Null, Some(format!("it has not been read{about}"))),
        };
        if read.for_each.is_none() {
            return (value, None);
        }
        found.insert(one.element.clone(), value);
    }
    (Value::Object(found), None)
}

pub(crate) fn case_value(case: &CaseFacts) -> Value {
    let labels: Map<String, Value> = case
        .labels
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    json!({
        "id": case.id.as_str(),
        "tenant": case.tenant.as_str(),
        "kind": case.kind,
        "severity": case.severity.unwrap_or_default().to_string(),
        "channel": case.channel,
        "customer": case.customer,
        "subject": case.subject,
        "labels": labels,
    })
}
