//! The operators' policies, in Cedar.
//!
//! Two questions are put to them: may this action be executed at all (`Action::"execute"`), and may it be executed
//! without people agreeing (`Action::"execute_unapproved"`)? A policy that names no action answers both. A policy that
//! cannot be evaluated denies, whatever the others say: Cedar itself would skip it, and a skipped `forbid` is a hole.

mod bare;
mod grouped;
mod looks;
mod typed;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::str::FromStr;

use belay_domain::{AgentId, PolicyId};
use belay_planted::{Bug, planted};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy,
    PolicySet, Request, RestrictedExpression,
};
use serde_json::Value;

use crate::check::Names;
use crate::problem::{Problem, suggest};

use grouped::Grouped;

pub use bare::Bare;
pub(crate) use looks::Applying;

/// The attributes of `context` that every request has or may have.
pub(crate) const CONTEXT_FIELDS: &[&str] = &[
    "amount",
    "currency",
    "input",
    "provenance",
    "tier",
    "severity",
    "kind",
    "channel",
    "customer",
    "labels",
    "usage",
    "hour",
    "weekday",
    "outside_text",
    "boundary",
    "date",
];

const ACTIONS: &[&str] = &["execute", "execute_unapproved"];

/// All policies of a playbook and what they are evaluated over.
#[derive(Debug)]
pub(crate) struct Policies {
    set: PolicySet,
    /// Those of them that can have a say about a contract.
    grouped: Grouped,
    /// By agent: itself, its roles, all contracts and systems.
    entities: BTreeMap<AgentId, Entities>,
    /// The agents as policies name them.
    principals: BTreeMap<AgentId, EntityUid>,
    actions: Option<[EntityUid; 2]>,
    authorizer: Authorizer,
    /// What a policy says when it denies, by id.
    reasons: BTreeMap<String, String>,
}

/// What the policies say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Yes, because of these policies.
    Allowed(Vec<PolicyId>),
    /// If people agree, because of these policies.
    IfApproved(Vec<PolicyId>),
    /// No: policy and reason.
    Denied(Vec<(PolicyId, String)>),
}

/// One agent with its roles, and one contract with its system, as policies see them.
pub(crate) struct World<'a> {
    pub(crate) agents: Vec<(&'a AgentId, Vec<&'a str>)>,
    pub(crate) contracts: Vec<(&'a str, &'a str)>,
    /// The schemas of all inputs.
    pub(crate) schemas: Vec<&'a Value>,
}

impl Policies {
    /// Compiles all policy files.
    pub(crate) fn compile(
        files: &[(String, String)],
        world: &World<'_>,
        names: &Names,
        inputs: Option<&BTreeSet<String>>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut set = PolicySet::new();
        let mut reasons = BTreeMap::new();
        for (file, text) in files {
            let parsed = match PolicySet::from_str(text) {
                Ok(parsed) => parsed,
                Err(errors) => {
                    problems.extend(errors.iter().map(|error| unparsable(file, text, error)));
                    continue;
                }
            };
            let mut policies: Vec<&Policy> = parsed.policies().collect();
            // The ids that Cedar gives are `policy0`, `policy1`, ... in the order of the file.
            policies.sort_by_key(|policy| number(policy.id().as_ref()));
            for (index, policy) in policies.into_iter().enumerate() {
                let id = policy.annotation("id").map(str::to_owned);
                let mut wrong = |what: String, remedy: String| {
                    let (line, column) = id
                        .as_ref()
                        .and_then(|id| text.find(&format!("@id(\"{id}\")")))
                        .map_or((1, 1), |offset| line_and_column(text, offset));
                    problems.push(Problem { file: file.clone(), line, column, what, remedy });
                };
                let Some(id) = &id else {
                    wrong(
                        format!("policy number {} has no name", index + 1),
                        "write @id(\"its-name\") before it".to_owned(),
                    );
                    continue;
                };
                if PolicyId::from_str(id).is_err() {
                    wrong(
                        format!("{id:?} is not a policy's name"),
                        "use visible ASCII characters without spaces".to_owned(),
                    );
                    continue;
                }
                for literal in policy.entity_literals() {
                    if let Some((what, remedy)) = unknown(&literal, names) {
                        wrong(what, remedy);
                    }
                }
                if let Ok(json) = policy.to_json() {
                    let mistakes = typed::mistakes(&json, &world.schemas);
                    for (what, remedy) in attributes(&json, inputs).into_iter().chain(mistakes) {
                        wrong(what, remedy);
                    }
                }
                if let Some(reason) = policy.annotation("reason") {
                    reasons.insert(id.clone(), reason.to_owned());
                }
                if set.add(policy.new_id(cedar_policy::PolicyId::new(id))).is_err() {
                    wrong(
                        format!("there is already a policy {id}"),
                        "give it another name".to_owned(),
                    );
                }
            }
        }
        if set.is_empty() && !world.contracts.is_empty() && problems.is_empty() {
            problems.push(Problem {
                file: "policies".to_owned(),
                line: 0,
                column: 0,
                what: "no policy permits anything, so every action would be denied".to_owned(),
                remedy: "add a .cedar file with at least one permit".to_owned(),
            });
        }
        let actions = actions();
        let principals = world
            .agents
            .iter()
            .filter_map(|(agent, _)| Some(((*agent).clone(), uid("Agent", agent.as_str())?)));
        Self {
            grouped: Grouped::of(&set, world, actions.as_ref()),
            set,
            entities: entities(world),
            principals: principals.collect(),
            actions,
            authorizer: Authorizer::new(),
            reasons,
        }
    }

    /// The names of all policies, sorted.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.set.policies().map(|policy| policy.id().as_ref()).collect();
        names.sort_unstable();
        names
    }

    /// Asks the policies, but for those that are to be left out.
    pub(crate) fn decide(
        &self,
        agent: &AgentId,
        contract: &str,
        context: Vec<(String, RestrictedExpression)>,
        without: &BTreeSet<PolicyId>,
    ) -> Answer {
        let broken = |what: String| Answer::Denied(vec![(derived("evaluation"), what)]);
        let Some(entities) = self.entities.get(agent) else {
            return broken(format!("the agent {agent} is not in this playbook"));
        };
        let context = match Context::from_pairs(context) {
            Ok(context) => context,
            Err(error) => return broken(format!("the input cannot be judged: {error}")),
        };
        let (Some([execute, unapproved]), Some(principal), Some(group)) =
            (&self.actions, self.principals.get(agent), self.grouped.of_contract(contract))
        else {
            return broken("the names cannot be judged".to_owned());
        };
        let ask = |set: &PolicySet, action, context| {
            let mut set = Cow::Borrowed(set);
            for policy in without {
                // Those of other contracts are not there to begin with.
                let name = cedar_policy::PolicyId::new(policy.as_str());
                if set.policy(&name).is_some() {
                    let left_out = set.to_mut().remove_static(name);
                    debug_assert!(left_out.is_ok(), "what is there can be left out");
                }
            }
            self.ask(&set, entities, (principal, action, &group.resource), context)
        };
        match ask(&group.execute, execute, context.clone()) {
            Err(reasons) => Answer::Denied(reasons),
            Ok(policies) => match ask(&group.unapproved, unapproved, context) {
                Ok(more) => Answer::Allowed(merged(policies, more)),
                // What cannot be evaluated denies; what is only not permitted asks.
                Err(reasons) if reasons.iter().any(|(_, why)| why.starts_with(FAILED)) => {
                    Answer::Denied(reasons)
                }
                Err(reasons) => {
                    let asked = reasons.into_iter().map(|(policy, _)| policy);
                    let asked = asked.filter(|policy| policy.as_str() != NONE).collect();
                    Answer::IfApproved(merged(policies, asked))
                }
            },
        }
    }

    fn ask(
        &self,
        set: &PolicySet,
        entities: &Entities,
        (principal, action, resource): (&EntityUid, &EntityUid, &EntityUid),
        context: Context,
    ) -> Result<Vec<PolicyId>, Vec<(PolicyId, String)>> {
        let request =
            Request::new(principal.clone(), action.clone(), resource.clone(), context, None)
                .map_err(|error| vec![(derived("evaluation"), format!("{FAILED}: {error}"))])?;
        let response = self.authorizer.is_authorized(&request, set, entities);
        let failed: Vec<_> = response
            .diagnostics()
            .errors()
            .map(|error| {
                let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
                (derived(error.policy_id().as_ref()), format!("{FAILED}: {}", error.inner()))
            })
            .collect();
        if !failed.is_empty() && !planted(Bug::FailedForbidIgnored) {
            return Err(failed);
        }
        let mut policies: Vec<PolicyId> =
            response.diagnostics().reason().map(|id| derived(id.as_ref())).collect();
        policies.sort();
        match response.decision() {
            Decision::Allow => Ok(policies),
            Decision::Deny if policies.is_empty() => {
                Err(vec![(derived(NONE), "no policy permits this".to_owned())])
            }
            Decision::Deny => Err(policies
                .into_iter()
                .map(|policy| {
                    let why = self.reasons.get(policy.as_str()).cloned();
                    (policy, why.unwrap_or_else(|| "this policy forbids it".to_owned()))
                })
                .collect()),
        }
    }
}

/// The name under which it is reported that nothing permits an action.
const NONE: &str = "no-permit";

/// How the reason begins when a policy could not be evaluated.
const FAILED: &str = "the policy cannot be evaluated, which denies";

/// A JSON value as Cedar has it. Cedar has no null and no floats: nulls are left out, and numbers with up to four
/// decimals are `decimal`, all others texts.
pub(crate) fn expression(value: &Value) -> Option<RestrictedExpression> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => RestrictedExpression::new_bool(*truth),
        Value::String(text) => RestrictedExpression::new_string(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => RestrictedExpression::new_long(integer),
            None => {
                let text = crate::json::canonical(value);
                match text.split_once('.') {
                    Some((whole, fraction))
                        if fraction.len() <= 4
                            && whole.len() <= 15
                            && fraction.bytes().all(|byte| byte.is_ascii_digit()) =>
                    {
                        RestrictedExpression::new_decimal(text)
                    }
                    _ => RestrictedExpression::new_string(text),
                }
            }
        },
        Value::Array(items) => RestrictedExpression::new_set(items.iter().filter_map(expression)),
        Value::Object(members) => RestrictedExpression::new_record(
            members.iter().filter_map(|(key, member)| Some((key.clone(), expression(member)?))),
        )
        .ok()?,
    })
}

fn merged(mut some: Vec<PolicyId>, more: Vec<PolicyId>) -> Vec<PolicyId> {
    some.extend(more);
    some.sort();
    some.dedup();
    some
}

fn derived(name: &str) -> PolicyId {
    // Names are checked when they are loaded.
    name.parse().unwrap_or_else(|_| derived("unnamed"))
}

fn uid(kind: &str, name: &str) -> Option<EntityUid> {
    let kind = EntityTypeName::from_str(kind).ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(name)))
}

fn actions() -> Option<[EntityUid; 2]> {
    Some([uid("Action", "execute")?, uid("Action", "execute_unapproved")?])
}

fn entities(world: &World<'_>) -> BTreeMap<AgentId, Entities> {
    let lone = |kind, name: &str, parents: Vec<(&str, &str)>| {
        let parents: HashSet<EntityUid> =
            parents.into_iter().filter_map(|(kind, name)| uid(kind, name)).collect();
        uid(kind, name).map(|uid| Entity::new_no_attrs(uid, parents))
    };
    let systems: BTreeSet<&str> = world.contracts.iter().map(|(_, system)| *system).collect();
    world
        .agents
        .iter()
        .filter_map(|(agent, roles)| {
            let parents = roles.iter().map(|role| ("Role", *role)).collect();
            let mut all = vec![lone("Agent", agent.as_str(), parents)];
            all.extend(roles.iter().map(|role| lone("Role", role, Vec::new())));
            all.extend(systems.iter().map(|system| lone("System", system, Vec::new())));
            all.extend(
                world.contracts.iter().map(|(contract, system)| {
                    lone("Contract", contract, vec![("System", *system)])
                }),
            );
            let entities = Entities::from_entities(all.into_iter().flatten(), None).ok()?;
            Some(((*agent).clone(), entities))
        })
        .collect()
}

fn unparsable(file: &str, text: &str, error: &cedar_policy::ParseError) -> Problem {
    use miette::Diagnostic;
    let offset = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    let (line, column) = offset.map_or((0, 0), |offset| line_and_column(text, offset));
    Problem {
        file: file.to_owned(),
        line,
        column,
        what: format!("this is not a Cedar policy: {error}"),
        remedy: error.help().map(|help| help.to_string()).unwrap_or_default(),
    }
}

fn line_and_column(text: &str, offset: usize) -> (u64, u64) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    (line as u64, column as u64)
}

fn number(id: &str) -> u64 {
    id.trim_start_matches("policy").parse().unwrap_or(u64::MAX)
}

/// What is wrong with a name in a policy, if anything is.
fn unknown(literal: &EntityUid, names: &Names) -> Option<(String, String)> {
    let kind = literal.type_name().to_string();
    let name = literal.id().unescaped().to_owned();
    let known: Vec<&str> = match kind.as_str() {
        "Action" => ACTIONS.to_vec(),
        "Agent" => names.agents.as_ref()?.iter().map(String::as_str).collect(),
        "Role" => names.roles.as_ref()?.iter().map(String::as_str).collect(),
        "Contract" => names.contracts.as_ref()?.iter().map(String::as_str).collect(),
        "System" => names.systems.as_ref()?.keys().map(String::as_str).collect(),
        _ => {
            let remedy = suggest(&kind, ["Action", "Agent", "Role", "Contract", "System"]);
            return Some((format!("there is nothing of the kind {kind} in a decision"), remedy));
        }
    };
    (!known.contains(&name.as_str()))
        .then(|| (format!("{kind}::{name:?} is unknown"), suggest(&name, known)))
}

/// What is wrong with the attributes of `context` that a policy uses.
fn attributes(policy: &Value, inputs: Option<&BTreeSet<String>>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(policy, &mut |node| {
        let Some(access) = node.get(".").or_else(|| node.get("has")) else { return };
        let (Some(left), Some(name)) =
            (access.get("left"), access.get("attr").and_then(Value::as_str))
        else {
            return;
        };
        let is_context = |node: &Value| node.get("Var").and_then(Value::as_str) == Some("context");
        let is_input = left.get(".").is_some_and(|inner| {
            inner.get("left").is_some_and(is_context)
                && inner.get("attr").and_then(Value::as_str) == Some("input")
        });
        if is_context(left) && !CONTEXT_FIELDS.contains(&name) {
            let remedy = suggest(name, CONTEXT_FIELDS.iter().copied());
            found.push((format!("context has no attribute {name}"), remedy));
        }
        if let Some(inputs) = inputs.filter(|inputs| is_input && !inputs.contains(name)) {
            let remedy = suggest(name, inputs.iter().map(String::as_str));
            found.push((format!("no contract has an input {name}"), remedy));
        }
    });
    found
}

fn walk(node: &Value, visit: &mut impl FnMut(&Value)) {
    match node {
        Value::Object(members) => {
            visit(node);
            members.values().for_each(|member| walk(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}
