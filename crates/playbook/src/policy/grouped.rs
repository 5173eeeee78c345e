//! The policies by contract and question, put together when the playbook is loaded: a policy whose scope names another
//! contract, another system or another action cannot have a say, so it is not looked at.
//!
//! Who asks is left to Cedar. There may be ten thousand agents, and policies mostly name roles.

use std::collections::BTreeMap;

use cedar_policy::{Entities, Entity, EntityUid, PolicySet};

use super::looks::{of_action, of_resource};
use super::{World, uid};

/// The policies of every contract.
#[derive(Debug, Default)]
pub(super) struct Grouped(BTreeMap<String, Group>);

/// The policies that can have a say about one contract.
#[derive(Debug)]
pub(super) struct Group {
    /// The contract as policies name it.
    pub(super) resource: EntityUid,
    /// Whether it may be executed at all.
    pub(super) execute: PolicySet,
    /// Whether that may be without people agreeing.
    pub(super) unapproved: PolicySet,
}

impl Grouped {
    /// Groups all policies.
    pub(super) fn of(set: &PolicySet, world: &World<'_>, actions: Option<&[EntityUid; 2]>) -> Self {
        let Some([execute, unapproved]) = actions else { return Self::default() };
        let groups = world.contracts.iter().filter_map(|(contract, system)| {
            let (resource, system) = (uid("Contract", contract)?, uid("System", system)?);
            let parents = [system.clone()].into();
            let known = [
                Entity::new_no_attrs(resource.clone(), parents),
                Entity::new_no_attrs(system, Default::default()),
            ];
            let known = Entities::from_entities(known, None).ok()?;
            let about = |action: &EntityUid| {
                let mut group = PolicySet::new();
                for policy in set.policies() {
                    if of_action(&policy.action_constraint(), action)
                        && of_resource(&policy.resource_constraint(), &resource, &known)
                    {
                        group.add(policy.clone()).ok()?;
                    }
                }
                Some(group)
            };
            let (execute, unapproved) = (about(execute)?, about(unapproved)?);
            Some(((*contract).to_owned(), Group { resource, execute, unapproved }))
        });
        Self(groups.collect())
    }

    /// Those of one contract.
    pub(super) fn of_contract(&self, contract: &str) -> Option<&Group> {
        self.0.get(contract)
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy::PolicySet;

    use super::super::{World, actions};
    use super::Grouped;

    #[test]
    fn a_contract_is_judged_by_what_names_it_its_system_its_question_or_nothing() {
        let text = "
            @id(\"any\") permit (principal, action, resource);
            @id(\"own\") permit (principal, action, resource == Contract::\"a.x@1\");
            @id(\"other\") forbid (principal, action, resource == Contract::\"b.y@1\");
            @id(\"system\") permit (principal, action, resource in System::\"a\");
            @id(\"elsewhere\") forbid (principal, action, resource in System::\"b\");
            @id(\"kind\") permit (principal, action, resource is Contract in System::\"a\");
            @id(\"no-kind\") forbid (principal, action, resource is System);
            @id(\"asks\") forbid (principal, action == Action::\"execute_unapproved\", resource);
            @id(\"either\") permit (principal in Role::\"r\", action in [Action::\"execute\"], resource);
        ";
        let parsed: PolicySet = text.parse().expect("policies");
        let mut set = PolicySet::new();
        for policy in parsed.policies() {
            let name = policy.annotation("id").expect("a name");
            set.add(policy.new_id(cedar_policy::PolicyId::new(name))).expect("once");
        }
        let world = World {
            agents: Vec::new(),
            contracts: vec![("a.x@1", "a"), ("b.y@1", "b")],
            schemas: Vec::new(),
        };
        let grouped = Grouped::of(&set, &world, actions().as_ref());
        let names = |set: &PolicySet| {
            let mut names: Vec<String> =
                set.policies().map(|policy| policy.id().to_string()).collect();
            names.sort();
            names.join(" ")
        };
        let one = grouped.of_contract("a.x@1").expect("it is there");
        assert_eq!(names(&one.execute), "any either kind own system");
        assert_eq!(names(&one.unapproved), "any asks kind own system");
        let other = grouped.of_contract("b.y@1").expect("it is there");
        assert_eq!(names(&other.execute), "any either elsewhere other");
        assert!(grouped.of_contract("c.z@1").is_none());
    }
}
