//! People who say that two cases are one matter, or two.

use std::sync::Arc;

use belay_api::v1;
use belay_domain::{Case, CaseId, Command, PersonId, Rejection};

use crate::caller::Caller;
use crate::dedupe::content;
use crate::matters::Step;
use crate::service::{Mutation, Shared};
use crate::wire::from_wire;
use crate::wire::{Fault, to_wire};

/// The most steps that are taken before it is answered; the cases go on by themselves.
const STEPS_MAX: usize = 8;

/// Begins to make one case of two.
pub(super) async fn merge(
    shared: &Shared,
    caller: &Caller,
    message: v1::MergeCasesRequest,
) -> Result<v1::MergeCasesResponse, Fault> {
    let digest = content(&message, &[]);
    let asked = from_wire::merge_cases(message)?;
    let person = person(caller)?;
    let asking =
        Mutation { caller, method: "MergeCases", request: asked.request.clone(), content: digest };
    let work = async {
        let (one, other) = pair(shared, caller, &asked.case, &asked.other).await?;
        let joined = [one.merged_into(), Some(&one.id)];
        let merged = other.merged_into().is_some_and(|into| joined.contains(&Some(into)))
            || one.merged_into() == Some(&other.id);
        if !merged {
            for (id, with) in [(&asked.case, &asked.other), (&asked.other, &asked.case)] {
                let (with, by) = (with.clone(), Some(person.clone()));
                let command = Command::ShareMatter { with, fingerprint: None, by };
                shared.engine.command(id, command).await?;
            }
        }
        let mut waits_for = String::new();
        for _ in 0..STEPS_MAX {
            match shared.matters.step(&asked.case, &asked.other).await? {
                Step::Done => {}
                Step::Over => break,
                Step::Waits { why } => {
                    waits_for = why;
                    break;
                }
            }
        }
        let (one, other) = pair(shared, caller, &asked.case, &asked.other).await?;
        Ok(answer(shared, &one, &other, waits_for))
    };
    shared.once(&asking, work).await
}

/// Says that two cases are different matters, on both.
pub(super) async fn tell_apart(
    shared: &Shared,
    caller: &Caller,
    message: v1::TellCasesApartRequest,
) -> Result<v1::TellCasesApartResponse, Fault> {
    let digest = content(&message, &[]);
    let asked = from_wire::tell_apart(message)?;
    let person = person(caller)?;
    let asking = Mutation {
        caller,
        method: "TellCasesApart",
        request: asked.request.clone(),
        content: digest,
    };
    let work = async {
        let (one, other) = pair(shared, caller, &asked.case, &asked.other).await?;
        // Where one is over, it is enough that the other knows.
        let open = [&one, &other].into_iter().filter(|case| case.is_open()).count();
        let merged = [&one, &other].into_iter().find_map(|case| case.merged_into());
        match (open, merged) {
            (0, Some(into)) => return Err(Rejection::CaseMerged { into: into.clone() }.into()),
            (0, None) => return Err(Rejection::CaseClosed.into()),
            _ => {}
        }
        if let Some(into) = merged.filter(|into| **into == one.id || **into == other.id) {
            return Err(Rejection::CaseMerged { into: into.clone() }.into());
        }
        for (case, from) in [(&one, &asked.other), (&other, &asked.case)] {
            if case.is_open() {
                let (from, by, note) = (from.clone(), person.clone(), asked.note.clone());
                let command = Command::TellApart { from, by, note };
                shared.engine.command(&case.id, command).await?;
            }
        }
        let (one, other) = pair(shared, caller, &asked.case, &asked.other).await?;
        let now = shared.now();
        let cases = vec![to_wire::summary(&one, now), to_wire::summary(&other, now)];
        Ok(v1::TellCasesApartResponse { cases })
    };
    shared.once(&asking, work).await
}

/// Both cases, of one tenant and different.
async fn pair(
    shared: &Shared,
    caller: &Caller,
    one: &CaseId,
    other: &CaseId,
) -> Result<(Arc<Case>, Arc<Case>), Fault> {
    let (first, second) = (shared.case(caller, one).await?, shared.case(caller, other).await?);
    if one == other || first.tenant != second.tenant {
        return Err(Rejection::NotSameMatter { other: other.clone() }.into());
    }
    Ok((first, second))
}

fn person(caller: &Caller) -> Result<PersonId, Fault> {
    match caller.actor() {
        belay_domain::Actor::Person(person) => Ok(person),
        belay_domain::Actor::Agent { .. } | belay_domain::Actor::Program(_) => {
            Err(crate::caller::no_person())
        }
    }
}

fn answer(shared: &Shared, one: &Case, other: &Case, waits_for: String) -> v1::MergeCasesResponse {
    let now = shared.now();
    let over = one.merged_into().or(other.merged_into());
    let into = over.or(one.ties.into.as_ref()).or(other.ties.into.as_ref());
    let waits_for = match over {
        Some(_) => String::new(),
        None if waits_for.is_empty() => "the next step is under way".to_owned(),
        None => waits_for,
    };
    v1::MergeCasesResponse {
        into_case_id: into.map_or_else(String::new, ToString::to_string),
        merged: over.is_some(),
        waits_for,
        cases: vec![to_wire::summary(one, now), to_wire::summary(other, now)],
    }
}
