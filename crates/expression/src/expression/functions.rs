//! The functions that an expression may call, and how: `size(x)` is not `x.trim()`. What cannot be called like that is
//! refused when a playbook is loaded, not when a case needs it.

use std::collections::BTreeSet;

/// The functions by name, with the library of those that stand in one.
pub const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "type",
    "dyn",
    "sum",
    "minor",
    "json",
    "base64",
    "distinct",
    "sort",
    "slice",
    "flatten",
    "reverse",
    "charAt",
    "indexOf",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "upperAscii",
    "replace",
    "split",
    "substring",
    "trim",
    "lists.range",
    "math.greatest",
    "math.least",
    "math.abs",
    "math.ceil",
    "math.floor",
    "math.round",
    "math.trunc",
];

/// How they are called: with how many arguments alone, as `name(x)`, and with how many on a value, as `x.name(y)`.
/// An empty list is a way in which it is not called.
const FORMS: &[(&str, &[usize], &[usize])] = &[
    ("size", &[1], &[0]),
    ("contains", &[], &[1]),
    ("startsWith", &[], &[1]),
    ("endsWith", &[], &[1]),
    ("matches", &[2], &[1]),
    ("int", &[1], &[]),
    ("uint", &[1], &[]),
    ("double", &[1], &[]),
    ("string", &[1], &[]),
    ("bool", &[1], &[]),
    ("type", &[1], &[]),
    ("dyn", &[1], &[]),
    ("sum", &[1], &[]),
    ("minor", &[1], &[]),
    ("json", &[1], &[]),
    ("base64", &[1], &[]),
    ("distinct", &[], &[0]),
    ("sort", &[], &[0]),
    ("slice", &[], &[2]),
    ("flatten", &[], &[0, 1]),
    ("reverse", &[], &[0]),
    ("charAt", &[], &[1]),
    ("indexOf", &[], &[1, 2]),
    ("join", &[], &[0, 1]),
    ("lastIndexOf", &[], &[1, 2]),
    ("lowerAscii", &[], &[0]),
    ("upperAscii", &[], &[0]),
    ("replace", &[], &[2, 3]),
    ("split", &[], &[1, 2]),
    ("substring", &[], &[1, 2]),
    ("trim", &[], &[0]),
    ("lists.range", &[1], &[]),
    // Of these the library takes a list or any number of arguments, and complains of none by itself.
    ("math.greatest", &[1, 2, 3, 4, 5, 6, 7, 8], &[]),
    ("math.least", &[1, 2, 3, 4, 5, 6, 7, 8], &[]),
    ("math.abs", &[1], &[]),
    ("math.ceil", &[1], &[]),
    ("math.floor", &[1], &[]),
    ("math.round", &[1], &[]),
    ("math.trunc", &[1], &[]),
];

/// One call of a function.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) name: String,
    on_value: bool,
    arguments: usize,
}

impl Called {
    pub(super) fn new(library: Option<&str>, name: &str, on_value: bool, arguments: usize) -> Self {
        // What these two are read as: a number, two numbers, or the list of more.
        let (name, arguments) = match (library, name) {
            (None, "math.@max") => ("math.greatest".to_owned(), arguments),
            (None, "math.@min") => ("math.least".to_owned(), arguments),
            (Some(library), name) => (format!("{library}.{name}"), arguments),
            (None, name) => (name.to_owned(), arguments),
        };
        Self { name, on_value, arguments }
    }
}

/// What is wrong with a call of a known function, in words for whoever wrote it.
pub(super) fn misuse(called: &Called) -> Option<String> {
    let Called { name, on_value, arguments } = called;
    let (_, alone, on) = FORMS.iter().find(|(known, ..)| known == name)?;
    let allowed = if *on_value { on } else { alone };
    if allowed.contains(arguments) {
        return None;
    }
    let forms: BTreeSet<String> = alone
        .iter()
        .take(3)
        .map(|count| format!("{name}({})", ["x", "y", "z"][..(*count).min(3)].join(", ")))
        .chain(on.iter().map(|count| format!("x.{name}({})", ["y", "z", "w"][..*count].join(", "))))
        .collect();
    let forms: Vec<String> = forms.into_iter().collect();
    Some(format!("{name}() is not called like this; write {}", forms.join(" or ")))
}

#[cfg(test)]
mod tests;
