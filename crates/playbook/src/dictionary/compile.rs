//! Compiling the dictionary, noting everything that is wrong with it: fields without a truth, words that mean two things,
//! equalities over what nobody knows or can read.

use std::collections::{BTreeMap, BTreeSet};

use belay_domain::{Equality, Span, SystemId};

use super::mapping::{Field, Place};
use super::{Dictionary, Object, RECORD, Record, Rule};
use crate::check::{Check, Visible};
use crate::contract::{Contract, Read};
use crate::expression::Expression;
use crate::format::{
    Defaults, DictionaryFile, EqualityRule, FieldRule, FormName, LeadRule, MappingRule,
    OnDivergence, RecordRule, TypeName,
};
use crate::json::child;
use crate::problem::suggest;
use crate::system::{Credential, System, SystemKind};

/// The longest that systems may take to agree, or be unreadable.
const WAIT_MOST: Span = Span::from_hours(24);
/// The most equalities. Each is read from all of its systems before a plan is verified.
const EQUALITIES_MAX: usize = 100;

/// What the dictionary rests on.
pub(crate) struct Ground<'a> {
    pub(crate) defaults: &'a Defaults,
    /// None, if they could not be compiled.
    pub(crate) systems: Option<&'a BTreeMap<SystemId, System>>,
    pub(crate) contracts: &'a [Contract],
}

/// Compiles the dictionary.
pub(crate) fn compile(
    check: &mut Check<'_>,
    file: &DictionaryFile,
    ground: &Ground<'_>,
) -> Dictionary {
    let mut objects = BTreeMap::new();
    for (name, rule) in &file.objects {
        let pointer = child("/objects", name);
        let mut records = BTreeMap::new();
        for (system, rule) in &rule.records {
            let pointer = child(&format!("{pointer}/records"), system.as_str());
            readable(check, &pointer, system, ground);
            if let Some(record) = record(check, &pointer, system, rule) {
                records.insert(system.clone(), record);
            }
        }
        let fields = rule.fields.iter().map(|(name, rule)| {
            let pointer = child(&format!("{pointer}/fields"), name);
            (name.clone(), field(check, &pointer, rule))
        });
        let fields = fields.collect();
        objects.insert(name.clone(), Object { records, fields });
    }
    if file.equalities.len() > EQUALITIES_MAX {
        let what = format!("there are more than {EQUALITIES_MAX} equalities");
        check.wrong("/equalities", what, "compare what money and promises rest on");
    }
    let mut dictionary = Dictionary { objects, ..Dictionary::default() };
    let mut names = BTreeSet::new();
    for (index, rule) in file.equalities.iter().enumerate() {
        let pointer = format!("/equalities/{index}");
        if !names.insert(&rule.name) {
            let what = format!("there is already an equality {}", rule.name);
            check.wrong(&format!("{pointer}/name"), what, "give it another name");
        }
        equality(check, &pointer, rule, file, &mut dictionary, ground);
    }
    dictionary
}

/// Complains about a system that cannot be read for a comparison.
fn readable(check: &mut Check<'_>, pointer: &str, system: &SystemId, ground: &Ground<'_>) {
    check.known_system(pointer, system.as_str());
    match ground.systems.and_then(|systems| systems.get(system)).map(|system| &system.kind) {
        Some(SystemKind::Http(http)) if http.read == Credential::None => check.wrong(
            pointer,
            format!("there is no credential to read {system} with"),
            "give it a read_credential in systems.yaml",
        ),
        Some(SystemKind::Desk(_) | SystemKind::Itsm(_) | SystemKind::RequestTracker(_)) => check
            .wrong(
                pointer,
                format!("{system} is no business system"),
                "only systems of kind http hold records",
            ),
        Some(SystemKind::Http(_)) | None => {}
    }
}

fn record(
    check: &mut Check<'_>,
    pointer: &str,
    system: &SystemId,
    rule: &RecordRule,
) -> Option<Record> {
    let mut names: Vec<&str> = Vec::new();
    let mut reads = Vec::new();
    for (index, LeadRule { name, path, headers }) in rule.reads.iter().enumerate() {
        let pointer = format!("{pointer}/reads/{index}");
        if names.contains(&name.as_str()) || name == RECORD {
            let what = format!("there is already a read {name}");
            check.wrong(&format!("{pointer}/name"), what, "give it another name");
        }
        reads.push(read(check, &pointer, system, (name, path, headers), &names)?);
        names.push(name);
    }
    reads.push(read(check, pointer, system, (RECORD, &rule.path, &rule.headers), &names)?);
    let record = match &rule.record {
        None => None,
        Some(source) => {
            let variables: &[&str] = if names.is_empty() {
                &["read", "id", "case"]
            } else {
                &["read", "id", "case", "reads"]
            };
            let visible = Visible { variables, input: None, reads: &names };
            Some(check.expression(&format!("{pointer}/record"), source, visible)?)
        }
    };
    Some(Record { reads, record })
}

fn read(
    check: &mut Check<'_>,
    pointer: &str,
    system: &SystemId,
    (name, path, headers): (&str, &str, &BTreeMap<String, String>),
    before: &[&str],
) -> Option<Read> {
    let variables: &[&str] =
        if before.is_empty() { &["id", "case"] } else { &["id", "case", "reads"] };
    let visible = Visible { variables, input: None, reads: before };
    let path = check.path(&format!("{pointer}/path"), path, visible);
    let headers = check.headers(&format!("{pointer}/headers"), headers, visible);
    let path = path?;
    let needs = path.expressions().flat_map(reads_in).collect();
    let (name, system) = (name.to_owned(), system.clone());
    Some(Read { name, system, for_each: None, path, headers, optional: false, needs })
}

fn reads_in(expression: &Expression) -> Vec<String> {
    let paths = expression.references().paths.into_iter();
    let reads = paths.filter(|path| path.first().is_some_and(|first| first == "reads"));
    reads.filter_map(|path| path.get(1).cloned()).collect()
}

fn field(check: &mut Check<'_>, pointer: &str, rule: &FieldRule) -> Field {
    check.known_system(&format!("{pointer}/truth"), rule.truth.as_str());
    for system in rule.names.keys() {
        check.known_system(&child(&format!("{pointer}/names"), system.as_str()), system.as_str());
    }
    if !rule.names.contains_key(&rule.truth) {
        check.wrong(
            &format!("{pointer}/truth"),
            format!("the source of truth {} has no name for this field", rule.truth),
            "add it to names",
        );
    }
    values(check, pointer, rule);
    for system in rule.mappings.keys().filter(|system| !rule.names.contains_key(system)) {
        check.wrong(
            &child(&format!("{pointer}/mappings"), system.as_str()),
            format!("{system} has no name for this field"),
            suggest(system.as_str(), rule.names.keys().map(SystemId::as_str)),
        );
    }
    let places = rule.names.iter().map(|(system, at)| {
        let mapping = rule.mappings.get(system);
        let pointer = child(&format!("{pointer}/mappings"), system.as_str());
        (system.clone(), place(check, &pointer, at, mapping, rule))
    });
    Field {
        places: places.collect(),
        kind: rule.kind,
        values: rule.values.clone(),
        truth: rule.truth.clone(),
    }
}

fn values(check: &mut Check<'_>, pointer: &str, rule: &FieldRule) {
    if !rule.values.is_empty() && rule.kind != Some(TypeName::Code) {
        check.wrong(
            &format!("{pointer}/values"),
            "only a code has a list of values",
            "write type: code",
        );
    }
    for (index, value) in rule.values.iter().enumerate() {
        if rule.values[..index].contains(value) {
            check.wrong(
                &format!("{pointer}/values/{index}"),
                format!("{value} is there twice"),
                "leave one of them out",
            );
        }
    }
}

fn place(
    check: &mut Check<'_>,
    pointer: &str,
    at: &str,
    mapping: Option<&MappingRule>,
    field: &FieldRule,
) -> Place {
    let mut place = Place {
        pointer: at.to_owned(),
        version: 1,
        form: FormName::Minor,
        prefix: String::new(),
        words: BTreeMap::new(),
    };
    let Some(mapping) = mapping else { return place };
    place.version = mapping.version;
    if let Some(form) = mapping.form {
        place.form = form;
        if field.kind != Some(TypeName::Money) {
            check.wrong(
                &format!("{pointer}/as"),
                "only money is written as something",
                "write type: money",
            );
        }
    }
    if let Some(prefix) = &mapping.prefix {
        place.prefix.clone_from(prefix);
        if field.kind != Some(TypeName::Code) {
            check.wrong(
                &format!("{pointer}/prefix"),
                "only a code has a prefix",
                "write type: code",
            );
        }
    }
    for (value, words) in &mapping.words {
        let pointer = child(&format!("{pointer}/words"), value);
        if !field.values.contains(value) {
            check.wrong(
                &pointer,
                format!("{value} is no canonical value of this field"),
                suggest(value, field.values.iter().map(String::as_str)),
            );
        }
        for (index, word) in words.iter().enumerate() {
            if let Some(other) = place.words.insert(word.clone(), value.clone()) {
                let what = format!("{word} means {other} already");
                let remedy = "let each word of a system mean one value";
                check.wrong(&format!("{pointer}/{index}"), what, remedy);
            }
        }
    }
    place
}

fn equality(
    check: &mut Check<'_>,
    pointer: &str,
    rule: &EqualityRule,
    file: &DictionaryFile,
    dictionary: &mut Dictionary,
    ground: &Ground<'_>,
) {
    after(check, pointer, rule, ground);
    let Some(object) = file.objects.get(&rule.object) else {
        let remedy = suggest(&rule.object, file.objects.keys().map(String::as_str));
        let what = format!("there is no object {}", rule.object);
        check.wrong(&format!("{pointer}/object"), what, remedy);
        return;
    };
    for (index, name) in rule.fields.iter().enumerate() {
        let pointer = format!("{pointer}/fields/{index}");
        match object.fields.get(name) {
            Some(field) => compared(check, &pointer, name, field, rule),
            None => {
                let remedy = suggest(name, object.fields.keys().map(String::as_str));
                check.wrong(&pointer, format!("{} has no field {name}", rule.object), remedy);
            }
        }
    }
    let schema = only(ground.contracts, &rule.after).map(|contract| &contract.schema);
    let mut ids = BTreeMap::new();
    for (system, source) in &rule.ids {
        let pointer = child(&format!("{pointer}/ids"), system.as_str());
        if !object.records.contains_key(system) {
            let remedy = suggest(system.as_str(), object.records.keys().map(SystemId::as_str));
            let what = format!("nothing says how {} is read in {system}", rule.object);
            check.wrong(&pointer, what, remedy);
        }
        let named = |name: &String| {
            object.fields.get(name).is_some_and(|field| field.names.contains_key(system))
        };
        if !rule.fields.iter().any(named) {
            let what = format!("{system} has no name for any of these fields");
            check.wrong(&pointer, what, "add it to names, or leave the system out");
        }
        let variables = &["case", "input", "key", "input_digest", "shown", "steps"];
        let visible = Visible { variables, input: schema, reads: &[] };
        if let Some(expression) = check.expression(&pointer, source, visible) {
            ids.insert(system.clone(), expression);
        }
    }
    let wait = |check: &mut Check<'_>, name: &str, length| match length {
        Some(length) => check.span_up_to(&format!("{pointer}/{name}"), length, WAIT_MOST),
        None => Span::ZERO,
    };
    let settle_within = wait(check, "settle_within", rule.settle_within);
    let compare_within = match rule.compare_within {
        Some(_) => wait(check, "compare_within", rule.compare_within),
        None => check.span(ground.defaults.verify_within),
    };
    dictionary.equalities.push(Equality {
        name: rule.name.clone(),
        after: rule.after.clone(),
        undo: rule.on_difference == OnDivergence::Compensate,
        settle_within,
        compare_within,
    });
    let (name, object, fields) = (rule.name.clone(), rule.object.clone(), rule.fields.clone());
    dictionary.rules.push(Rule { name, object, fields, ids });
}

/// Complains about a write that nobody can do, or that cannot be undone where it should be.
fn after(check: &mut Check<'_>, pointer: &str, rule: &EqualityRule, ground: &Ground<'_>) {
    let pointer_of = |name: &str| format!("{pointer}/{name}");
    if let Some(known) = &check.names.contracts {
        let names: BTreeSet<String> =
            known.iter().filter_map(|id| Some(id.split_once('@')?.0.to_owned())).collect();
        if !names.contains(&rule.after) {
            let remedy = suggest(&rule.after, names.iter().map(String::as_str));
            check.wrong(
                &pointer_of("after"),
                format!("there is no contract {}", rule.after),
                remedy,
            );
        }
    }
    let stays = ground
        .contracts
        .iter()
        .find(|contract| contract.name() == rule.after && contract.compensation.is_none());
    if rule.on_difference == OnDivergence::Compensate
        && let Some(stays) = stays
    {
        check.wrong(
            &pointer_of("on_difference"),
            format!("{} cannot be undone", stays.id()),
            "write escalate, or give the contract a compensation",
        );
    }
}

/// Complains about a field that cannot be compared as this equality wants it.
fn compared(
    check: &mut Check<'_>,
    pointer: &str,
    name: &str,
    field: &FieldRule,
    rule: &EqualityRule,
) {
    match field.kind {
        None => check.wrong(
            pointer,
            format!("nothing says what the values of {name} are"),
            "give the field a type: money, integer, boolean or code",
        ),
        Some(TypeName::Text) => check.wrong(
            pointer,
            format!("{name} is free text, and two texts are never known to mean the same"),
            "compare an amount, a number, a date as a code, or an id",
        ),
        Some(TypeName::Money | TypeName::Integer | TypeName::Boolean | TypeName::Code) => {}
    }
    if !rule.ids.contains_key(&field.truth) {
        check.wrong(
            pointer,
            format!("the source of truth of {name}, {}, is not among the systems", field.truth),
            "add it to ids",
        );
    }
    let others = rule.ids.keys().filter(|system| **system != field.truth);
    if others.filter(|system| field.names.contains_key(*system)).count() == 0 {
        check.wrong(
            pointer,
            format!("no other system than {} has a name for {name}", field.truth),
            "add one to names and ids; a field is equal to another",
        );
    }
}

/// The contract of this name, if there is one version of it.
fn only<'a>(contracts: &'a [Contract], name: &str) -> Option<&'a Contract> {
    let mut found = contracts.iter().filter(|contract| contract.name() == name);
    let only = found.next()?;
    found.next().is_none().then_some(only)
}
