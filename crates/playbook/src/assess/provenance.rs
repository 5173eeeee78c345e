//! Where each part of an input comes from, held against where the contract wants it from.

use std::collections::BTreeMap;

use belay_domain::{Provenance, Reason, Rule, Source};
use cedar_policy::RestrictedExpression;
use serde_json::Value;

use super::{Supposing, reason};
use crate::contract::Contract;
use crate::facts::ProposalFacts;

/// Every part that the contract names and the input has must have a source that is allowed.
pub(super) fn check(
    contract: &Contract,
    input: &Value,
    given: &[(String, Provenance)],
    reasons: &mut Vec<Reason>,
) {
    for (pointer, allowed) in &contract.provenance {
        if crate::json::at(input, pointer).is_none() {
            continue;
        }
        let names: Vec<&str> = allowed.iter().map(|source| source.as_str()).collect();
        let names = names.join(" or ");
        let sources = sources_of(pointer, given);
        if sources.is_empty() {
            let detail = format!("it is not said where this comes from; it must be {names}");
            reasons.push(reason(Rule::Provenance, "required", pointer, detail));
        }
        // Said twice with different sources, the worse one counts.
        if let Some(wrong) = sources.into_iter().find(|source| !allowed.contains(source)) {
            let detail = format!("this comes from {wrong}, and it must be {names}");
            reasons.push(reason(Rule::Provenance, wrong.as_str(), pointer, detail));
        }
    }
}

/// Whatever an agent says about where a part comes from needs something behind it that the agent did not say with the
/// proposal: an entry of the case's context from that source, by its ordinal where a person of the business is quoted.
/// Agents cannot add entries of staff or of verified channels. For a system of record it may be a read that Belay does
/// itself before it decides.
pub(super) fn backing(
    contract: &Contract,
    facts: &ProposalFacts<'_>,
    supposing: &Supposing,
    reasons: &mut Vec<Reason>,
) {
    let Some(heard) = facts.heard else { return };
    for (pointer, Provenance { source, reference }) in facts.provenance {
        let backed = match source {
            Source::Model | Source::Belay => true,
            Source::Customer => {
                heard.contains(&Source::Customer) || heard.contains(&Source::VerifiedChannel)
            }
            Source::VerifiedChannel => heard.contains(source),
            Source::SystemOfRecord => {
                heard.contains(source) || contract.reads.iter().any(|read| !read.optional)
            }
            Source::Staff => {
                let ordinal = reference.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                ordinal.and_then(|index| heard.get(index)) == Some(source)
            }
        };
        if backed || supposing.backed.contains(pointer) {
            continue;
        }
        let detail = match source {
            Source::Staff => {
                "the reference has to be the ordinal of a context entry in which a person of the \
                              business said so"
                    .to_owned()
            }
            _ => format!("nothing that is known of the case comes from {source}"),
        };
        reasons.push(reason(Rule::Provenance, "unbacked", pointer, detail));
    }
}

/// The sources that are given for a part: for itself and everything inside it; otherwise for the nearest part
/// around it.
fn sources_of(pointer: &str, given: &[(String, Provenance)]) -> Vec<Source> {
    let inside = format!("{pointer}/");
    let within: Vec<Source> = given
        .iter()
        .filter(|(given, _)| given == pointer || given.starts_with(&inside))
        .map(|(_, provenance)| provenance.source)
        .collect();
    let itself = given.iter().any(|(given, _)| given == pointer);
    if itself {
        return within;
    }
    // What is inside does not speak for the whole, so the part around it has to speak as well.
    let mut around = pointer;
    while let Some((above, _)) = around.rsplit_once('/') {
        let mut found: Vec<Source> = given
            .iter()
            .filter(|(given, _)| given == above)
            .map(|(_, provenance)| provenance.source)
            .collect();
        if !found.is_empty() {
            found.extend(within);
            return found;
        }
        around = above;
    }
    Vec::new()
}

/// The source of each top-level field, as policies see it. A field with several has the least trusted.
pub(super) fn by_field(given: &[(String, Provenance)]) -> Vec<(String, RestrictedExpression)> {
    let mut fields: BTreeMap<&str, Source> = BTreeMap::new();
    for (pointer, provenance) in given {
        let field = pointer.strip_prefix('/').and_then(|rest| rest.split('/').next());
        let Some(field) = field.filter(|field| !field.is_empty()) else { continue };
        let worst = fields.entry(field).or_insert(provenance.source);
        if trust(provenance.source) < trust(*worst) {
            *worst = provenance.source;
        }
    }
    fields
        .into_iter()
        .map(|(field, source)| {
            (field.to_owned(), RestrictedExpression::new_string(source.as_str().to_owned()))
        })
        .collect()
}

fn trust(source: Source) -> u8 {
    match source {
        Source::Model => 0,
        Source::Customer => 1,
        Source::Staff => 2,
        Source::VerifiedChannel => 3,
        Source::SystemOfRecord => 4,
        Source::Belay => 5,
    }
}
