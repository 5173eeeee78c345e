//! The people of the house: by which account each system knows them, and what they may decide on a ticket.

use std::collections::BTreeMap;

use belay_domain::{EscalationPlan, GroupId, PersonId, SystemId, TicketApprover};

use crate::check::Check;
use crate::format::PeopleFile;
use crate::system::{System, SystemKind};

/// Everybody who is named.
#[derive(Debug, Default)]
pub(crate) struct Staff {
    people: BTreeMap<PersonId, Person>,
}

#[derive(Debug)]
struct Person {
    groups: Vec<GroupId>,
    identities: BTreeMap<SystemId, PersonId>,
}

impl Staff {
    /// Compiles `people.yaml`.
    pub(crate) fn compile(check: &mut Check<'_>, file: PeopleFile) -> Self {
        let mut owners: BTreeMap<(SystemId, PersonId), PersonId> = BTreeMap::new();
        for (person, entry) in &file.people {
            let pointer = crate::json::child("/people", person.as_str());
            for (index, group) in entry.groups.iter().enumerate() {
                let pointer = format!("{pointer}/groups/{index}");
                check.known(&pointer, "group", group.as_str(), |names| names.groups.as_ref());
            }
            for (system, account) in &entry.identities {
                let pointer = crate::json::child(&format!("{pointer}/identities"), system.as_str());
                check.known_system(&pointer, system.as_str());
                let key = (system.clone(), account.clone());
                if let Some(other) = owners.insert(key, person.clone()) {
                    // One person would count as two.
                    check.wrong(
                        &pointer,
                        format!("{account} of {system} is the account of {other} already"),
                        "an account belongs to one person",
                    );
                }
            }
        }
        let people = file
            .people
            .into_iter()
            .map(|(id, entry)| (id, Person { groups: entry.groups, identities: entry.identities }));
        Self { people: people.collect() }
    }

    /// Who of these groups may decide on the tickets of a plan, by the accounts of its systems.
    pub(crate) fn approvers(
        &self,
        groups: &[GroupId],
        plan: &EscalationPlan,
        systems: &BTreeMap<SystemId, System>,
    ) -> Vec<TicketApprover> {
        let mut asked: Vec<&SystemId> = plan.steps.iter().map(|step| &step.queue.system).collect();
        asked.sort();
        asked.dedup();
        let mut approvers = Vec::new();
        for (id, person) in &self.people {
            let of: Vec<_> = person.groups.iter().filter(|g| groups.contains(g)).cloned().collect();
            if of.is_empty() {
                continue;
            }
            for system in &asked {
                let desk = systems
                    .get(*system)
                    .is_some_and(|system| matches!(system.kind, SystemKind::Desk(_)));
                // Where it cannot be read who wrote what, nobody decides.
                let silent = systems.get(*system).is_some_and(
                    |system| matches!(&system.kind, SystemKind::Itsm(itsm) if !itsm.description.hears()),
                );
                if silent {
                    continue;
                }
                let own = person.identities.get(*system);
                let Some(account) = own.or(desk.then_some(id)) else { continue };
                approvers.push(TicketApprover {
                    system: (*system).clone(),
                    account: account.clone(),
                    person: id.clone(),
                    groups: of.clone(),
                });
            }
        }
        approvers
    }
}
