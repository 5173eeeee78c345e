//! What the policies look at and to whom they apply, read off them without evaluating any.

use std::collections::BTreeSet;

use belay_domain::{AgentId, PolicyId};
use cedar_policy::{
    ActionConstraint, Effect, Entities, EntityTypeName, EntityUid, Policy, PrincipalConstraint,
    ResourceConstraint,
};
use serde_json::Value;

use super::{Policies, derived, uid, walk};

/// A policy that has a say about an agent and a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applying {
    /// Its name.
    pub(crate) policy: PolicyId,
    /// Whether it permits; otherwise it forbids.
    pub(crate) permits: bool,
    /// Whether it depends on more than who and what.
    pub(crate) conditional: bool,
    /// Whether it answers if the action may be executed at all.
    pub(crate) execute: bool,
    /// Whether it answers if that may be without people agreeing.
    pub(crate) unapproved: bool,
}

impl Policies {
    /// Every whole number that is written in a policy: where its answer may change.
    pub(crate) fn numbers(&self) -> BTreeSet<i64> {
        let mut found = BTreeSet::new();
        for policy in self.set.policies() {
            let Ok(json) = policy.to_json() else { continue };
            walk(&json, &mut |node| {
                found.extend(node.get("Value").and_then(Value::as_i64));
            });
        }
        found
    }

    /// The attributes of `context` that any of the policies looks at.
    pub(crate) fn attributes(&self) -> BTreeSet<String> {
        self.set.policies().flat_map(attributes_of).collect()
    }

    /// The attributes of `context` that one policy looks at.
    pub(crate) fn attributes_of(&self, policy: &PolicyId) -> BTreeSet<String> {
        self.set
            .policy(&cedar_policy::PolicyId::new(policy.as_str()))
            .map(attributes_of)
            .unwrap_or_default()
    }

    /// Whether a policy forbids; not if there is none of that name.
    pub(crate) fn forbids(&self, policy: &PolicyId) -> bool {
        self.set
            .policy(&cedar_policy::PolicyId::new(policy.as_str()))
            .is_some_and(|policy| policy.effect() == Effect::Forbid)
    }

    /// Whether there is a policy of that name.
    pub(crate) fn has(&self, policy: &PolicyId) -> bool {
        self.set.policy(&cedar_policy::PolicyId::new(policy.as_str())).is_some()
    }

    /// The policies that have a say, sorted by name.
    pub(crate) fn applying(&self, agent: &AgentId, contract: &str) -> Vec<Applying> {
        let (Some(entities), Some(principal), Some(resource), Some([execute, unapproved])) = (
            self.entities.get(agent),
            uid("Agent", agent.as_str()),
            uid("Contract", contract),
            &self.actions,
        ) else {
            return Vec::new();
        };
        let mut applying: Vec<Applying> = self
            .set
            .policies()
            .filter(|policy| {
                of_principal(&policy.principal_constraint(), &principal, entities)
                    && of_resource(&policy.resource_constraint(), &resource, entities)
            })
            .map(|policy| Applying {
                policy: derived(policy.id().as_ref()),
                permits: policy.effect() == Effect::Permit,
                conditional: policy.has_non_scope_constraint(),
                execute: of_action(&policy.action_constraint(), execute),
                unapproved: of_action(&policy.action_constraint(), unapproved),
            })
            .filter(|applying| applying.execute || applying.unapproved)
            .collect();
        applying.sort_by(|one, other| one.policy.cmp(&other.policy));
        applying
    }
}

fn attributes_of(policy: &Policy) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Ok(json) = policy.to_json() else { return found };
    walk(&json, &mut |node| {
        let Some(access) = node.get(".").or_else(|| node.get("has")) else { return };
        let of_context =
            access.get("left").and_then(|left| left.get("Var")).and_then(Value::as_str)
                == Some("context");
        if of_context {
            found.extend(access.get("attr").and_then(Value::as_str).map(str::to_owned));
        }
    });
    found
}

fn of_principal(constraint: &PrincipalConstraint, who: &EntityUid, all: &Entities) -> bool {
    match constraint {
        PrincipalConstraint::Any => true,
        PrincipalConstraint::Eq(one) => one == who,
        PrincipalConstraint::In(group) => is_in(group, who, all),
        PrincipalConstraint::Is(kind) => is(kind, who),
        PrincipalConstraint::IsIn(kind, group) => is(kind, who) && is_in(group, who, all),
    }
}

pub(super) fn of_resource(
    constraint: &ResourceConstraint,
    what: &EntityUid,
    all: &Entities,
) -> bool {
    match constraint {
        ResourceConstraint::Any => true,
        ResourceConstraint::Eq(one) => one == what,
        ResourceConstraint::In(group) => is_in(group, what, all),
        ResourceConstraint::Is(kind) => is(kind, what),
        ResourceConstraint::IsIn(kind, group) => is(kind, what) && is_in(group, what, all),
    }
}

pub(super) fn of_action(constraint: &ActionConstraint, action: &EntityUid) -> bool {
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(one) => one == action,
        ActionConstraint::In(some) => some.contains(action),
    }
}

fn is(kind: &EntityTypeName, one: &EntityUid) -> bool {
    one.type_name() == kind
}

fn is_in(group: &EntityUid, one: &EntityUid, all: &Entities) -> bool {
    group == one || all.is_ancestor_of(group, one)
}
