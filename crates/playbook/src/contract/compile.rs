//! Compiling a contract's file, noting everything that is wrong with it.

use belay_domain::{Backoff, Executor, Mode, Span};
use serde_json::Value;

use super::{Assertion, Contract, Cumulative, Read, ReadBackPlan, Write, failures, undoing};
use crate::approval;
use crate::assess::Places;
use crate::check::{Check, Visible};
use crate::format::{
    AssertionRule, ContractFile, Defaults, OnDivergence, ReadBackRule, ReadRule, WriteRule,
};
use crate::graduation;

/// The longest a permit may be valid (`PRM-2`).
const PERMIT_MOST: Span = Span::from_secs(60);

/// The longest any other single wait of a contract.
const WAIT_MOST: Span = Span::from_hours(24);

/// The variables of a request; conditions of read-backs see `read` as well.
const REQUEST: &[&str] = &["input", "case", "key", "input_digest"];
const READ_BACK: &[&str] = &["input", "case", "key", "input_digest", "read"];
const UNDO: &[&str] = &["input", "case", "key", "input_digest", "shown"];

/// Compiles one contract; nothing, when a part of it that everything rests on is missing.
pub(crate) fn compile(
    check: &mut Check<'_>,
    file: ContractFile,
    defaults: &Defaults,
    tiers: &approval::Tiers,
) -> Option<Contract> {
    let schema = file.input.clone();
    let visible = |variables| Visible { variables, input: Some(&schema), reads: &[] };
    check.known_system("/system", file.system.as_str());
    let input = schema_of(check, "/input", &file.input);
    object_only(check, &file.input);
    check.closed("/input", &file.input);
    let output = file.output.as_ref().and_then(|output| schema_of(check, "/output", output));
    provenance(check, &file);

    let object = file.object.as_ref().and_then(|rule| {
        let id = check.expression("/object/id", &rule.id, visible(UNDO))?;
        Some((rule.name.clone(), id))
    });
    let (reads, assertions, snapshot) = preconditions(check, &file);
    let amount = file.amount.as_ref().and_then(|rule| {
        let minor = check.expression("/amount/minor", &rule.minor, visible(&["input", "case"]));
        let currency =
            check.template("/amount/currency", &rule.currency, visible(&["input", "case"]));
        minor.zip(currency)
    });
    let cumulative = limits(check, &file);
    let key = file
        .key
        .as_ref()
        .and_then(|key| check.template("/key", key, visible(&["input", "case", "input_digest"])));

    if file.executor == crate::format::ExecutorName::Supervisor && file.execution.is_none() {
        check.wrong(
            "/executor",
            "the supervisor cannot execute a contract without a request",
            "add execution, or let an agent execute it",
        );
    }
    let execution =
        file.execution.as_ref().and_then(|rule| write(check, "/execution", rule, visible(REQUEST)));
    if file.verification.is_none() {
        check.wrong(
            "",
            "without verification nobody knows whether it was done",
            "add verification: a read that shows the effect",
        );
    }
    let failures = failures::compile(check, &file.failures);
    let settle = check.span(defaults.settle_within);
    let read_back = |check: &mut Check<'_>, pointer, rule: &ReadBackRule, before, after| {
        read_back(check, pointer, rule, &file, (visible(before), visible(after)), settle)
    };
    let verification = file
        .verification
        .as_ref()
        .and_then(|rule| read_back(check, "/verification", rule, REQUEST, READ_BACK));
    let bounds = file.graduation.as_ref();
    let comparison = bounds
        .and_then(|rule| rule.compare.as_ref())
        .and_then(|rule| read_back(check, "/graduation/compare", rule, REQUEST, READ_BACK));
    if bounds.and_then(|rule| rule.compare.as_ref()).is_some_and(|it| it.settle_within.is_some()) {
        check.wrong(
            "/graduation/compare/settle_within",
            "what people did is looked at when the case is resolved or compare_within is over",
            "leave settle_within out",
        );
    }
    let graduation = bounds.map(|rule| graduation::compile(check, rule));
    let compensation = match &file.compensation {
        None => {
            check.wrong(
                "",
                "it is not said how this is undone",
                "add compensation, or compensation: {none: why not}",
            );
            None
        }
        Some(rule) if rule.none.is_some() && rule.is_no_way() => None,
        Some(rule) => undoing::compile(check, rule, &file, settle),
    };
    let undo_divergence = file.on_divergence == OnDivergence::Compensate;
    let cannot = file.compensation.as_ref().is_some_and(|rule| rule.none.is_some());
    if undo_divergence && cannot {
        check.wrong(
            "/on_divergence",
            "what cannot be undone cannot be undone by itself",
            "write on_divergence: escalate",
        );
    }
    if file.share.is_some() != (file.mode == crate::format::ModeName::Canary) {
        check.wrong("/mode", "mode: canary and share belong together", "give both or neither");
    }

    let approval =
        file.approval.as_ref().and_then(|rule| approval::compile(check, "/approval", rule));
    if file.tier >= 2 && file.approval.is_none() && !tiers.declares(file.tier) {
        check.wrong(
            "/tier",
            format!("tier {} needs people to agree, and it is not said who", file.tier),
            format!("add approval here, or tiers: \"{}\" in playbook.yaml", file.tier),
        );
    }

    let mut span = |pointer: &str, length: Option<_>, otherwise, most| match length {
        Some(length) => check.span_up_to(pointer, length, most),
        None => check.span(otherwise),
    };
    let permit_within =
        span("/permit_within", file.permit_within, defaults.permit_within, PERMIT_MOST);
    let outcome_within =
        span("/outcome_within", file.outcome_within, defaults.outcome_within, WAIT_MOST);
    let verify_within =
        span("/verify_within", file.verify_within, defaults.verify_within, WAIT_MOST);
    let retries = file.retries.as_ref();
    let backoff = retries.and_then(|retries| retries.backoff).unwrap_or(defaults.backoff);

    let mut contract = Contract {
        places: Places::default(),
        system: file.system,
        object,
        executor: Executor::from(file.executor),
        tier: file.tier,
        mode: Mode::from(file.mode),
        share: file.share.unwrap_or(0.0),
        input: input?,
        output,
        provenance: file
            .provenance
            .into_iter()
            .map(|(pointer, sources)| {
                (pointer, sources.into_iter().map(belay_domain::Source::from).collect())
            })
            .collect(),
        reads,
        assertions,
        snapshot,
        amount,
        per_action: file.limits.per_action.map(|amount| amount.0),
        cumulative,
        key,
        execution,
        failures,
        verification: verification?,
        compensation,
        undo_divergence,
        permit_within,
        outcome_within,
        verify_within,
        attempts_max: retries.and_then(|r| r.attempts_max).unwrap_or(defaults.attempts_max),
        backoff: Backoff { first: check.span(backoff.first), most: check.span(backoff.most) },
        approval,
        graduation,
        comparison,
        id: file.id,
        title: file.title,
        schema,
    };
    contract.places = Places::of(&contract);
    Some(contract)
}

fn schema_of(
    check: &mut Check<'_>,
    pointer: &str,
    schema: &Value,
) -> Option<jsonschema::Validator> {
    match jsonschema::draft202012::options().should_validate_formats(true).build(schema) {
        Ok(validator) => Some(validator),
        Err(error) => {
            let inner = error.instance_path().to_string();
            check.wrong(
                &format!("{pointer}{inner}"),
                format!("this is not a JSON Schema: {error}"),
                "see json-schema.org, draft 2020-12",
            );
            None
        }
    }
}

/// What is not named is refused: an input with fields that nobody reads is not what anybody decided on.
fn object_only(check: &mut Check<'_>, schema: &Value) {
    if schema.get("type") != Some(&Value::from("object")) {
        check.wrong("/input", "the input of a contract is an object", "write type: object");
    }
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        check.wrong(
            "/input",
            "the input allows fields that nobody named",
            "write additionalProperties: false",
        );
    }
}

fn provenance(check: &mut Check<'_>, file: &ContractFile) {
    for (pointer, sources) in &file.provenance {
        let place = crate::json::child("/provenance", pointer);
        let field = pointer.strip_prefix('/').and_then(|rest| rest.split('/').next());
        let properties = file.input.get("properties").and_then(Value::as_object);
        match (field, properties) {
            (Some(field), Some(properties)) if !properties.contains_key(field) => {
                let remedy = crate::problem::suggest(field, properties.keys().map(String::as_str));
                check.wrong(&place, format!("the input has no field {field}"), remedy);
            }
            (None, _) if !pointer.is_empty() => {
                check.wrong(&place, format!("{pointer} is not a JSON pointer"), "begin with /");
            }
            _ => {}
        }
        if sources.is_empty() {
            check.wrong(&place, "no source is allowed", "name at least one, or leave it out");
        }
    }
}

type Before = (Vec<Read>, Vec<Assertion>, Vec<(String, crate::expression::Expression)>);

fn preconditions(check: &mut Check<'_>, file: &ContractFile) -> Before {
    let rules = &file.preconditions;
    let variables = &["input", "case", "reads", "element"];
    let reads = reads(check, "/preconditions/reads", &rules.reads, file, variables);
    let names: Vec<&str> = rules.reads.iter().map(|rule| rule.name.as_str()).collect();
    let visible =
        Visible { variables: &["input", "case", "reads"], input: Some(&file.input), reads: &names };
    let assertions = assertions(check, "/preconditions/assert", &rules.assert, visible);
    let mut snapshot = Vec::new();
    for (name, source) in &rules.snapshot {
        let pointer = crate::json::child("/preconditions/snapshot", name);
        if let Some(expression) = check.expression(&pointer, source, visible) {
            snapshot.push((name.clone(), expression));
        }
    }
    (reads, assertions, snapshot)
}

/// Reads that follow each other. The last of the variables is the element of those that are done for each of a list.
pub(super) fn reads(
    check: &mut Check<'_>,
    pointer: &str,
    rules: &[ReadRule],
    file: &ContractFile,
    variables: &[&str],
) -> Vec<Read> {
    let without_element = &variables[..variables.len().saturating_sub(1)];
    let mut names: Vec<&str> = Vec::new();
    let mut reads = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        let system = rule.system.as_ref().unwrap_or(&file.system);
        check.known_system(&format!("{pointer}/system"), system.as_str());
        if names.contains(&rule.name.as_str()) {
            let what = format!("there is already a read {}", rule.name);
            check.wrong(&format!("{pointer}/name"), what, "give it another name");
        }
        let visible = Visible {
            variables: if rule.for_each.is_some() { variables } else { without_element },
            input: Some(&file.input),
            reads: &names,
        };
        let for_each = rule.for_each.as_ref().and_then(|source| {
            let visible = Visible { variables: without_element, ..visible };
            check.expression(&format!("{pointer}/for_each"), source, visible)
        });
        let path = check.path(&format!("{pointer}/path"), &rule.path, visible);
        let headers = check.headers(&format!("{pointer}/headers"), &rule.headers, visible);
        names.push(&rule.name);
        let Some(path) = path else { continue };
        let needs = path.expressions().chain(for_each.iter()).flat_map(reads_in).collect();
        reads.push(Read {
            name: rule.name.clone(),
            system: system.clone(),
            for_each,
            path,
            headers,
            optional: rule.optional,
            needs,
        });
    }
    reads
}

fn reads_in(expression: &crate::expression::Expression) -> Vec<String> {
    let paths = expression.references().paths;
    paths
        .into_iter()
        .filter(|path| path.first().is_some_and(|first| first == "reads"))
        .map(|path| path.get(1).cloned().unwrap_or_default())
        .collect()
}

pub(super) fn assertions(
    check: &mut Check<'_>,
    pointer: &str,
    rules: &[AssertionRule],
    visible: Visible<'_>,
) -> Vec<Assertion> {
    let mut compiled: Vec<Assertion> = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        if compiled.iter().any(|other| other.name == rule.name) {
            let what = format!("there is already a condition {}", rule.name);
            check.wrong(&format!("{pointer}/name"), what, "give it another name");
        }
        for (position, needed) in rule.needs.iter().enumerate() {
            if rules.iter().take(index).all(|earlier| earlier.name != *needed) {
                let known = rules.iter().take(index).map(|earlier| earlier.name.as_str());
                let remedy = crate::problem::suggest(needed, known);
                let what = format!("there is no condition {needed} before this one");
                check.wrong(&format!("{pointer}/needs/{position}"), what, remedy);
            }
        }
        let before = pointer.starts_with("/preconditions/");
        if !before && !rule.field.is_empty() {
            check.wrong(
                &format!("{pointer}/field"),
                "nothing of the input is mended after the write",
                "leave field out; it is for the conditions of preconditions",
            );
        }
        let that = match (&rule.that, &rule.looks_for) {
            (Some(that), None) => check.expression(&format!("{pointer}/that"), that, visible),
            (None, Some(words)) if before => check.looks_for(&pointer, words, &rule.field, visible),
            _ => {
                let what = "a condition says what must hold";
                let remedy = "give that, or before a write looks_for with a field, and not both";
                check.wrong(&pointer, what, remedy);
                None
            }
        };
        if let Some(that) = that {
            compiled.push(Assertion {
                name: rule.name.clone(),
                needs: rule.needs.clone(),
                reads: reads_in(&that),
                otherwise: if rule.otherwise.is_empty() {
                    match &rule.that {
                        Some(that) => format!("it must hold that {}", that.trim()),
                        None => "it holds what must not be in it".to_owned(),
                    }
                } else {
                    rule.otherwise.clone()
                },
                that,
                field: rule.field.clone(),
            });
        }
    }
    compiled
}

fn limits(check: &mut Check<'_>, file: &ContractFile) -> Vec<Cumulative> {
    if file.limits.per_action.is_some() && file.amount.is_none() {
        check.wrong("/limits/per_action", "there is no amount to be limited", "add amount");
    }
    let mut compiled: Vec<Cumulative> = Vec::new();
    for (index, rule) in file.limits.cumulative.iter().enumerate() {
        let pointer = format!("/limits/cumulative/{index}");
        if compiled.iter().any(|other| other.name == rule.name) {
            let what = format!("there is already a limit {}", rule.name);
            check.wrong(&format!("{pointer}/name"), what, "give it another name");
        }
        if rule.amount.is_none() && rule.count.is_none() {
            check.wrong(&pointer, "this limit limits nothing", "add amount or count");
        }
        if rule.amount.is_some() && file.amount.is_none() {
            check.wrong(
                &format!("{pointer}/amount"),
                "there is no amount to be limited",
                "add amount to the contract",
            );
        }
        compiled.push(Cumulative {
            name: rule.name.clone(),
            key: rule.key,
            window: rule.window.0,
            amount: rule.amount.map(|amount| amount.0),
            count: rule.count,
        });
    }
    compiled
}

pub(super) fn write(
    check: &mut Check<'_>,
    pointer: &str,
    rule: &WriteRule,
    visible: Visible<'_>,
) -> Option<Write> {
    let path = check.path(&format!("{pointer}/path"), &rule.path, visible);
    let headers = check.headers(&format!("{pointer}/headers"), &rule.headers, visible);
    let body = match &rule.body {
        Some(body) => Some(check.body(&format!("{pointer}/body"), body, visible)?),
        None => None,
    };
    let form = match (rule.form.is_empty(), body.is_some()) {
        (true, _) => None,
        (false, true) => {
            check.wrong(&format!("{pointer}/form"), "a request has one body", "give body or form");
            None
        }
        (false, false) => {
            let fields = rule.form.iter();
            let fields = fields.map(|(name, text)| (name.clone(), Value::from(text.as_str())));
            let fields = Value::Object(fields.collect());
            Some(check.body(&format!("{pointer}/form"), &fields, visible)?)
        }
    };
    Some(Write { method: rule.method, path: path?, headers, body, form })
}

pub(super) fn read_back(
    check: &mut Check<'_>,
    pointer: &str,
    rule: &ReadBackRule,
    file: &ContractFile,
    (before, after): (Visible<'_>, Visible<'_>),
    settle: Span,
) -> Option<ReadBackPlan> {
    let system = rule.system.as_ref().unwrap_or(&file.system).clone();
    check.known_system(&format!("{pointer}/system"), system.as_str());
    let path = check.path(&format!("{pointer}/path"), &rule.path, before);
    let headers = check.headers(&format!("{pointer}/headers"), &rule.headers, before);
    let present = check.expression(&format!("{pointer}/present"), &rule.present, after);
    let assertions = assertions(check, &format!("{pointer}/assert"), &rule.assert, after);
    let shown = match &rule.shown {
        Some(source) => Some(check.expression(&format!("{pointer}/shown"), source, after)?),
        None => None,
    };
    let settle_within = match rule.settle_within {
        Some(length) => check.span_up_to(&format!("{pointer}/settle_within"), length, WAIT_MOST),
        None => settle,
    };
    Some(ReadBackPlan {
        system,
        path: path?,
        headers,
        present: present?,
        assertions,
        shown,
        settle_within,
    })
}
