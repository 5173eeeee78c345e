//! Compiling `identity.yaml`: every name is known, every read can be done with what can be known, and the bar can be
//! reached.

use std::collections::BTreeSet;

use belay_domain::{Source, Span};

use super::{Fact, Identities, Lookup, Sought};
use crate::check::{Check, Visible};
use crate::expression::Expression;
use crate::format::{FactKind, IdentityFile, LookupRule, SoughtRule};
use crate::problem::suggest;

/// The longest that one search may take: an agent waits for it.
const WITHIN_MOST: Span = Span::from_secs(60);

/// How long one search may take when nothing is said.
const WITHIN: Span = Span::from_secs(10);

/// The most reads of one search when nothing is said.
const READS: u32 = 20;

/// The most records of one lookup when nothing is said.
const RECORDS: usize = 5;

/// Compiles what can be looked for.
pub(crate) fn compile(check: &mut Check<'_>, file: &IdentityFile) -> Identities {
    let mut identities = Identities::new();
    for (name, rule) in &file.objects {
        let pointer = crate::json::child("/objects", name);
        identities.insert(name.clone(), sought(check, &pointer, rule));
    }
    identities
}

fn sought(check: &mut Check<'_>, pointer: &str, rule: &SoughtRule) -> Sought {
    let mut lookups = Vec::new();
    // What somebody can be known by once the reads before have been answered.
    let mut known: BTreeSet<String> = BTreeSet::new();
    for (index, rule_of) in rule.lookups.iter().enumerate() {
        let pointer = format!("{pointer}/lookups/{index}");
        if rule.lookups.iter().take(index).any(|other| other.name == rule_of.name) {
            let what = format!("there is already a lookup {}", rule_of.name);
            check.wrong(&format!("{pointer}/name"), what, "give it another name");
        }
        lookups.extend(lookup(check, &pointer, rule, rule_of, &known));
        known.extend(rule_of.fields.keys().cloned());
        if rule_of.id.is_some() {
            known.insert(format!("ids.{}", rule_of.system));
        }
    }
    for (index, field) in rule.same.iter().enumerate() {
        if !known.contains(field) {
            let remedy = suggest(field, known.iter().map(String::as_str));
            let what = format!("no lookup shows a field {field}");
            check.wrong(&format!("{pointer}/same/{index}"), what, remedy);
        }
    }
    let facts = facts(check, pointer, rule, &known);
    let most: u32 = rule
        .facts
        .iter()
        .filter(|(name, _)| known.contains(*name))
        .map(|(_, fact)| fact.agrees)
        .sum();
    if most < rule.bar {
        check.wrong(
            &format!("{pointer}/bar"),
            format!("nobody can reach this: all facts that are compared count {most} together"),
            "let facts count more, show more of them in lookups, or lower the bar",
        );
    }
    let within = rule.within.map_or(WITHIN, |length| {
        check.span_up_to(&format!("{pointer}/within"), length, WITHIN_MOST)
    });
    Sought {
        bar: rule.bar,
        margin: rule.margin,
        reads_max: rule.reads_max.unwrap_or(READS) as usize,
        within,
        facts,
        same: rule.same.clone(),
        lookups,
    }
}

fn facts(
    check: &mut Check<'_>,
    pointer: &str,
    rule: &SoughtRule,
    shown: &BTreeSet<String>,
) -> std::collections::BTreeMap<String, Fact> {
    let mut facts = std::collections::BTreeMap::new();
    for (name, fact) in &rule.facts {
        let pointer = crate::json::child(&format!("{pointer}/facts"), name);
        let at_least = fact.at_least.map_or(Source::Customer, Source::from);
        if at_least == Source::Model {
            check.wrong(
                &format!("{pointer}/at_least"),
                "what a model made up is a guess, and nobody is looked for by a guess",
                "write customer, staff, verified_channel or system_of_record",
            );
        }
        if fact.is_customer && at_least != Source::Customer {
            check.wrong(
                &format!("{pointer}/is_customer"),
                "nobody vouches for who reports a case, so this is never known so well",
                "leave at_least out, or bring the fact with the context",
            );
        }
        if !shown.contains(name) {
            let what =
                format!("no lookup shows {name}, so it can speak for nobody and against nobody");
            check.wrong(&pointer, what, "add it to the fields of a lookup, or leave it out");
        }
        if fact.partly > fact.agrees {
            let what = "a part counts more than the whole";
            check.wrong(&format!("{pointer}/partly"), what, "let it count less than agrees");
        }
        if fact.partly > 0 && !matches!(fact.kind, FactKind::Name | FactKind::Digits) {
            let what = "only names and digits agree in part";
            check.wrong(&format!("{pointer}/partly"), what, "leave it out");
        }
        if fact.days > 0 && fact.kind != FactKind::Date {
            check.wrong(&format!("{pointer}/days"), "this is no date", "leave it out");
        }
        let compiled = Fact {
            kind: fact.kind,
            is_customer: fact.is_customer,
            at_least,
            agrees: fact.agrees,
            partly: fact.partly,
            disagrees: fact.disagrees,
            days: fact.days,
        };
        facts.insert(name.clone(), compiled);
    }
    facts
}

fn lookup(
    check: &mut Check<'_>,
    pointer: &str,
    sought: &SoughtRule,
    rule: &LookupRule,
    known: &BTreeSet<String>,
) -> Option<Lookup> {
    check.known_system(&format!("{pointer}/system"), rule.system.as_str());
    let follows = !rule.follows.is_empty();
    if rule.needs.is_empty() != follows {
        check.wrong(
            pointer,
            "a lookup looks for facts, or follows somebody who was found",
            "give needs or follows, and not both",
        );
    }
    for (index, name) in rule.needs.iter().enumerate() {
        if !sought.facts.contains_key(name) {
            let remedy = suggest(name, sought.facts.keys().map(String::as_str));
            let what = format!("nobody can know {name}: it is none of the facts");
            check.wrong(&format!("{pointer}/needs/{index}"), what, remedy);
        }
    }
    for (index, name) in rule.follows.iter().enumerate() {
        if !known.contains(name) {
            let remedy = suggest(name, known.iter().map(String::as_str));
            let what = format!("no lookup before this one shows {name}");
            check.wrong(&format!("{pointer}/follows/{index}"), what, remedy);
        }
    }
    if rule.id.is_none() && !follows {
        check.wrong(
            pointer,
            "this lookup finds nobody",
            "say by which id the system knows whom a record is about",
        );
    }
    if rule.id.is_none() && rule.fields.is_empty() {
        check.wrong(pointer, "this lookup shows nothing", "add id or fields");
    }
    let asking: &[&str] = if follows { &["candidate"] } else { &["facts"] };
    let answering: &[&str] = if follows { &["candidate", "read"] } else { &["read"] };
    let visible = |variables| Visible { variables, input: None, reads: &[] };
    let path = check.path(&format!("{pointer}/path"), &rule.path, visible(asking));
    let headers = check.headers(&format!("{pointer}/headers"), &rule.headers, visible(asking));
    let records = format!("{pointer}/records");
    let records = check.expression(&records, &rule.records, visible(answering));
    let complete = rule.complete.as_ref().and_then(|source| {
        check.expression(&format!("{pointer}/complete"), source, visible(answering))
    });
    let id = rule
        .id
        .as_ref()
        .and_then(|id| check.expression(&format!("{pointer}/id"), id, visible(&["one"])));
    let mut fields = std::collections::BTreeMap::new();
    for (name, source) in &rule.fields {
        let pointer = crate::json::child(&format!("{pointer}/fields"), name);
        if let Some(expression) = check.expression(&pointer, source, visible(&["one"])) {
            fields.insert(name.clone(), expression);
        }
    }
    let path = path?;
    let may: Vec<&str> = rule.needs.iter().chain(&rule.follows).map(|name| plain(name)).collect();
    let asked = headers.iter().flat_map(|(_, template)| template.expressions());
    for expression in path.expressions().chain(asked).chain(&records).chain(&complete) {
        names(check, pointer, expression, &may);
    }
    Some(Lookup {
        name: rule.name.clone(),
        system: rule.system.clone(),
        needs: rule.needs.clone(),
        follows: rule.follows.clone(),
        path,
        headers,
        records: records?,
        complete,
        at_most: rule.at_most.unwrap_or(if follows { 1 } else { RECORDS }),
        id,
        fields,
    })
}

/// Complains when an expression uses a fact or a field that the lookup does not wait for.
fn names(check: &mut Check<'_>, pointer: &str, expression: &Expression, may: &[&str]) {
    for path in expression.references().paths {
        let [variable, name, ..] = path.as_slice() else { continue };
        if matches!(variable.as_str(), "facts" | "candidate") && !may.contains(&name.as_str()) {
            let what = format!("{variable}.{name} is used, and the lookup does not wait for it");
            let remedy = if variable == "facts" { "add it to needs" } else { "add it to follows" };
            check.wrong(pointer, what, remedy);
        }
    }
}

/// A field as expressions call it.
fn plain(field: &str) -> &str {
    field.strip_prefix("ids.").unwrap_or(field)
}
