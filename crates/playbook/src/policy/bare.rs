//! One evaluation of the policies and nothing around it: what a decision is measured beside.

use std::fmt;

use belay_domain::AgentId;
use cedar_policy::{Context, Decision, Entities, Request, RestrictedExpression};

use super::{Policies, uid};

/// A question to the policies, made ready beforehand.
pub struct Bare<'a> {
    policies: &'a Policies,
    entities: &'a Entities,
    request: Request,
}

impl Policies {
    /// The question whether an action may be executed.
    pub(crate) fn bare<'a>(
        &'a self,
        agent: &AgentId,
        contract: &str,
        context: Vec<(String, RestrictedExpression)>,
    ) -> Option<Bare<'a>> {
        let entities = self.entities.get(agent)?;
        let [execute, _] = self.actions.clone()?;
        let (principal, resource) = (uid("Agent", agent.as_str())?, uid("Contract", contract)?);
        let context = Context::from_pairs(context).ok()?;
        let request = Request::new(principal, execute, resource, context, None).ok()?;
        Some(Bare { policies: self, entities, request })
    }
}

impl Bare<'_> {
    /// Asks once. Whether they permit it.
    #[must_use]
    pub fn evaluate(&self) -> bool {
        let Policies { authorizer, set, .. } = self.policies;
        authorizer.is_authorized(&self.request, set, self.entities).decision() == Decision::Allow
    }
}

impl fmt::Debug for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bare({})", self.policies.set.num_of_policies())
    }
}
