//! Published messages as the domain understands them. What the wire allows and the domain does not is refused
//! here, with every wrong field by name and not only the first.

mod case;
mod context;
mod fields;
mod lists;

pub(crate) use case::{add_context, amend, merge_cases, open, resolve, tell_apart};
pub(crate) use context::{Speaker, entries, provenance};
pub(crate) use fields::Fields;
pub(crate) use lists::{case_filter, case_order, target};

#[cfg(test)]
mod tests;
