//! Who acted: a person, a machine, ourselves, or somebody of whom that cannot be told.

use std::collections::BTreeMap;

use belay_domain::{ActorKind, PersonId, TicketActor};
use belay_expression::expression::Scope;
use serde_json::Value;

use crate::description::Description;
use crate::exchange::Trouble;
use crate::settings::{Settings, id};

/// The accounts that a system named, by each of their keys.
pub(crate) struct People<'a> {
    description: &'a Description,
    settings: &'a Settings,
    known: BTreeMap<String, (String, ActorKind)>,
}

impl<'a> People<'a> {
    /// Learns who is who from the accounts that were answered.
    pub(crate) fn learn(
        description: &'a Description,
        settings: &'a Settings,
        accounts: Vec<Value>,
        scope: &mut Scope,
    ) -> Result<Self, Trouble> {
        let mut known = BTreeMap::new();
        let rule = &description.accounts;
        for account in accounts {
            scope.set("account", &account);
            let wrong = |why: String| Trouble::not_understood(format!("an account: {why}"));
            let name = rule.name.value(scope).map_err(wrong)?;
            let name = text(&name).ok_or_else(|| wrong("it has no name".to_owned()))?;
            // What cannot be told of an account leaves it unknown, and unknown is nobody's cover.
            let kind = match rule.kind.value(scope).ok().as_ref().and_then(Value::as_str) {
                Some("person") => ActorKind::Person,
                Some("machine") => ActorKind::Machine,
                _ => ActorKind::Unknown,
            };
            for key in &rule.keys {
                let Some(key) = key.value(scope).ok().as_ref().and_then(text) else { continue };
                let (called, one) = known.entry(key).or_insert_with(|| (name.clone(), kind));
                // A key of two accounts does not tell which of them acted.
                if (&*called, *one) != (&name, kind) {
                    *one = ActorKind::Unknown;
                }
            }
        }
        Ok(Self { description, settings, known })
    }

    /// Whoever goes by this key; none if there is no key.
    pub(crate) fn who(&self, key: &Value) -> Result<Option<TicketActor>, Trouble> {
        let Some(key) = text(key) else { return Ok(None) };
        let (name, kind) = match self.known.get(&key) {
            Some((name, kind)) => (name.as_str(), *kind),
            None => (key.as_str(), ActorKind::Unknown),
        };
        let person: PersonId = id(name).ok_or_else(|| {
            Trouble::not_understood(format!("the account {name:?} has a name that cannot be an id"))
        })?;
        let is = |account: &PersonId| *account == person || account.as_str() == key;
        let kind = if is(&self.settings.service_account) {
            ActorKind::Ourselves
        } else if self.settings.machines.iter().any(is)
            || self.description.machines.contains(name)
            || self.description.machines.contains(&key)
        {
            ActorKind::Machine
        } else {
            kind
        };
        Ok(Some(TicketActor { name: person, kind }))
    }
}

/// A key or name as a text; none if it is nothing.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
