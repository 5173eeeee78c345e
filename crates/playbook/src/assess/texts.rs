//! What a text may hold, whatever its contract says: nothing that cannot be seen, nothing that only looks like something
//! else, nothing that another program would carry out.
//!
//! Two kinds of texts are told apart. A *name* is a text with a form (`enum`, `const`, `format`, `pattern`), or one by which
//! something is found: it stands in a path, a header or the idempotency key. All others are *prose*, which people write in
//! any script. A name that consists of letters which only look like others is refused (Unicode TR 39, section 4), in prose a
//! single word is that mixes scripts with letters of that kind (section 5).

use std::collections::BTreeSet;

use belay_domain::{Reason, Rule};
use serde_json::Value;
use unicode_security::{MixedScript, skeleton};

use super::reason;
use crate::check::typed::{is_free, takes_templates};
use crate::contract::{Contract, ReadBackPlan, Write};
use crate::expression::Expression;
use crate::template::{Template, is_segment};

/// How templates begin in the languages that systems have: Jinja and Handlebars, Expression Language and shells, Ruby,
/// ERB and JSP, FreeMarker.
const TEMPLATES: &[&str] = &["{{", "{%", "{#", "${", "#{", "<%", "<#"];

/// The fields of an input by which something is found, by JSON pointer.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Used in a path, a query, a header, the key, or to read something for each of it.
    names: BTreeSet<String>,
    /// Used as they are before the question mark of a path.
    segments: BTreeSet<String>,
}

impl Places {
    /// The places of a contract.
    pub(crate) fn of(contract: &Contract) -> Self {
        let mut places = Self::default();
        let undo = contract.compensation.as_ref();
        let steps = || undo.into_iter().flat_map(|undo| &undo.steps);
        for read in contract.reads.iter().chain(steps().flat_map(|step| &step.reads)) {
            places.address(&read.path, &read.headers);
            read.for_each.iter().for_each(|list| places.name(list));
        }
        let undoing = steps().map(|step| &step.request);
        for Write { path, headers, .. } in contract.execution.iter().chain(undoing) {
            places.address(path, headers);
        }
        let undone = undo.map(|undo| &undo.proof);
        let proofs = [Some(&contract.verification), undone, contract.comparison.as_ref()];
        let looks = steps().map(|step| step.done.as_ref());
        for ReadBackPlan { path, headers, .. } in proofs.into_iter().chain(looks).flatten() {
            places.address(path, headers);
        }
        contract.key.iter().flat_map(Template::expressions).for_each(|part| places.name(part));
        places
    }

    fn address(&mut self, path: &Template, headers: &[(String, Template)]) {
        let headers = headers.iter().map(|(_, template)| template);
        std::iter::once(path)
            .chain(headers)
            .flat_map(Template::expressions)
            .for_each(|part| self.name(part));
        let alone = |part: &Expression| {
            let fields = part.source().trim().strip_prefix("input.")?.to_owned();
            let plain = fields.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
            plain.then(|| format!("/{}", fields.replace('.', "/")))
        };
        self.segments.extend(path.in_path().filter_map(alone));
    }

    fn name(&mut self, part: &Expression) {
        let paths = part.references().paths.into_iter();
        let fields = paths.filter(|path| path.len() > 1 && path[0] == "input");
        self.names.extend(fields.map(|path| format!("/{}", path[1..].join("/"))));
    }

    fn has_name(&self, pointer: &str) -> bool {
        let mut pointer = pointer;
        loop {
            if self.names.contains(pointer) {
                return true;
            }
            match pointer.rsplit_once('/') {
                Some((above, _)) if !above.is_empty() => pointer = above,
                _ => return false,
            }
        }
    }
}

/// Everything that is wrong with the texts of an input.
pub(super) fn check(contract: &Contract, input: &Value, reasons: &mut Vec<Reason>) {
    walk(contract, input, "", Some(&contract.schema), reasons);
}

fn walk(
    contract: &Contract,
    value: &Value,
    pointer: &str,
    schema: Option<&Value>,
    reasons: &mut Vec<Reason>,
) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let pointer = crate::json::child(pointer, key);
                let fields = schema.and_then(|schema| schema.get("properties"));
                let own = fields.and_then(|fields| fields.get(key));
                // A key that the contract does not name is a text that somebody chose.
                if own.is_none() {
                    wrong(key, true, true).into_iter().for_each(|(code, detail)| {
                        reasons.push(reason(Rule::Schema, code, &pointer, detail));
                    });
                }
                let others = || schema.and_then(|schema| schema.get("additionalProperties"));
                let schema = own.or_else(others);
                walk(contract, member, &pointer, schema, reasons);
            }
        }
        Value::Array(items) => {
            let schema = schema.and_then(|schema| schema.get("items"));
            for (index, item) in items.iter().enumerate() {
                walk(contract, item, &format!("{pointer}/{index}"), schema, reasons);
            }
        }
        Value::String(text) => {
            let named = contract.places.has_name(pointer);
            let name = named || schema.is_some_and(|schema| !is_free(schema));
            let strict = !schema.is_some_and(takes_templates) || named;
            for (code, detail) in wrong(text, name, strict) {
                reasons.push(reason(Rule::Schema, code, pointer, detail));
            }
            if contract.places.segments.contains(pointer) && !is_segment(text) {
                let detail = "it stands in a path, where it has to be something, without . or .. between slashes";
                reasons.push(reason(Rule::Schema, "path-segment", pointer, detail));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What is wrong with one text, by code. The text itself is not repeated: it may be a customer's.
fn wrong(text: &str, name: bool, no_templates: bool) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let hidden = if name { hidden_in_name(text) } else { hidden_in_prose(text) };
    if let Some(character) = hidden {
        let detail = format!("it holds U+{:04X}, which cannot be seen", u32::from(character));
        found.push(("hidden-character", detail));
    }
    if let Some(character) = lookalike(text, name) {
        let detail = format!(
            "it holds U+{:04X}, which looks like a letter of another script",
            u32::from(character)
        );
        found.push(("homoglyph", detail));
    }
    if let Some(opening) = TEMPLATES.iter().find(|opening| no_templates && text.contains(*opening))
    {
        let detail = format!("it holds {opening}, with which a template begins");
        found.push(("template", detail));
    }
    found
}

fn hidden_in_name(text: &str) -> Option<char> {
    text.chars().find(|character| *character != ' ' && crate::shown::is_hidden(*character))
}

/// In prose there are lines, spaces of any width, and the joiners and marks that some scripts and all emoji need: between
/// characters of their own, not in the middle of an ASCII word, which they would hide from whoever looks for it.
fn hidden_in_prose(text: &str) -> Option<char> {
    if text.bytes().all(|byte| byte == b'\n' || byte == b'\t' || (b' '..=b'~').contains(&byte)) {
        return None;
    }
    let characters: Vec<char> = text.chars().collect();
    let foreign = |index: Option<usize>| {
        index.and_then(|index| characters.get(index)).is_some_and(|near| !near.is_ascii())
    };
    let harmless = |index: usize, character: char| match character {
        '\n' | '\r' | '\t' => true,
        '\u{200c}'..='\u{200f}' | '\u{61c}' => {
            foreign(index.checked_sub(1)) && foreign(index.checked_add(1))
        }
        '\u{fe00}'..='\u{fe0f}' => {
            foreign(index.checked_sub(1)) || characters.get(index + 1) == Some(&'\u{20e3}')
        }
        space => space.is_whitespace() && !space.is_control(),
    };
    let mut numbered = characters.iter().copied().enumerate();
    let found = numbered
        .find(|(index, found)| crate::shown::is_hidden(*found) && !harmless(*index, *found));
    found.map(|(_, character)| character)
}

/// A letter that passes for another one.
fn lookalike(text: &str, name: bool) -> Option<char> {
    if text.is_ascii() {
        return None;
    }
    if name && skeleton(text).all(|character| character.is_ascii()) {
        return text.chars().find(|character| !character.is_ascii());
    }
    let apart = |c: char| c.is_whitespace() || (c.is_ascii() && !c.is_ascii_alphanumeric());
    text.split(apart).filter(|word| is_mixed(word)).find_map(|word| word.chars().find(passes))
}

/// Whether a word is made of several scripts. Japanese, Korean and Chinese are written with Latin words among them and
/// without spaces ("highly restrictive", section 5.2).
fn is_mixed(word: &str) -> bool {
    if word.is_ascii() || word.is_single_script() {
        return false;
    }
    let others: String = word.chars().filter(|character| !character.is_ascii()).collect();
    let scripts = others.as_str().resolve_script_set();
    !(scripts.jpan || scripts.kore || scripts.hanb)
}

fn passes(character: &char) -> bool {
    let mut place = [0; 4];
    let own: &str = character.encode_utf8(&mut place);
    !character.is_ascii()
        && character.is_alphabetic()
        && skeleton(own).all(|other| other.is_ascii())
}

#[cfg(test)]
mod tests;
