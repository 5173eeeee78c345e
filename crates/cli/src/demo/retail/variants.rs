//! Wrong writes: for every right one, each rule of the policy broken in turn.
//!
//! A wrong write differs from a right one in as little as possible, so that the rule it breaks is the reason that it is
//! stopped, and not something else. Where the shop's records do not offer the occasion (no gift card that is too small,
//! no item that is sold out), they are changed for this one write, on a copy of the records that only it sees.

mod money;
mod order;
mod statement;
mod swap;

use serde_json::Value;

use super::records::{Records, list, members, text};
use super::reference::{self, original_method};
use super::rule::Rule;
use super::task::{Task, Tool, Write};

/// A write that must be stopped.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    /// The rule that it breaks, and that has to be among the reasons.
    pub(crate) rule: Rule,
    /// How it breaks it.
    pub(crate) how: &'static str,
    /// The write.
    pub(crate) write: Write,
    /// What the agent says about where it comes from.
    pub(crate) statement: Statement,
    /// Who proposes it.
    pub(crate) proposer: Proposer,
    /// The contract that it names when that is not the write's own.
    pub(crate) contract: Option<&'static str>,
    /// The shop's records at that time.
    pub(crate) records: Records,
}

/// What is said about where a write comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statement {
    /// As whom the write is made, when that is not the case's customer.
    pub(crate) user: Option<String>,
    /// Whether the customer only says who they are, without having proven it.
    pub(crate) unproven: bool,
    /// The customer's yes.
    pub(crate) yes: Yes,
    /// The part of the input that a model has made up.
    pub(crate) made_up: Option<&'static str>,
}

/// The customer's yes to a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Yes {
    /// They said so.
    #[default]
    Customer,
    /// A model says that they said so.
    Model,
    /// They did not.
    No,
}

/// Who proposes a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proposer {
    /// The specialist whose work it is.
    Responsible,
    /// Another one.
    Other,
}

/// What wrong writes are made from.
pub(crate) struct Occasion<'a> {
    /// The customer.
    pub(crate) customer: &'a str,
    /// The right write.
    pub(crate) write: &'a Write,
    /// The records just before it.
    pub(crate) before: &'a Records,
    /// Which of several possible orders and customers to take.
    pub(crate) turn: usize,
}

/// All wrong variants of one right write, which is the `index`th of its task.
pub(crate) fn of(task: &Task, index: usize, write: &Write, before: &Records) -> Vec<Variant> {
    let turn = task.number as usize + index;
    let occasion = Occasion { customer: &task.customer, write, before, turn };
    let mut variants = Vec::new();
    statement::variants(&occasion, &mut variants);
    order::variants(&occasion, &mut variants);
    swap::variants(&occasion, &mut variants);
    money::variants(&occasion, &mut variants);
    variants
}

impl Variant {
    /// A write that breaks this rule, stated as the right one would be.
    pub(super) fn new(rule: Rule, how: &'static str, write: Write, records: &Records) -> Self {
        Self {
            rule,
            how,
            write,
            statement: Statement::default(),
            proposer: Proposer::Responsible,
            contract: None,
            records: records.clone(),
        }
    }
}

impl Occasion<'_> {
    /// The order that the right write is about.
    fn order(&self) -> &Value {
        self.before.order(self.write.order()).unwrap_or(&Value::Null)
    }

    /// The customer.
    fn user(&self) -> &Value {
        self.before.user(self.customer).unwrap_or(&Value::Null)
    }

    /// The records with the customer changed.
    fn with_user(&self, change: impl FnOnce(&mut Value)) -> Records {
        let mut records = self.before.clone();
        if let Some(user) = records.user_mut(self.customer) {
            change(user);
        }
        records
    }

    /// The records with the order changed.
    fn with_order(&self, change: impl FnOnce(&mut Value)) -> Records {
        let mut records = self.before.clone();
        if let Some(order) = records.order_mut(self.write.order()) {
            change(order);
        }
        records
    }

    /// One of these, a different one for different writes.
    fn pick<T>(&self, mut from: Vec<T>) -> Option<T> {
        if from.is_empty() {
            return None;
        }
        let index = self.turn % from.len();
        Some(from.swap_remove(index))
    }
}

/// A write of this kind on this order that would be right if the order were.
fn plausible(tool: Tool, order: &Value, records: &Records) -> Option<Write> {
    let user = records.user(text(order, "/user_id"))?;
    let mut write = Write { tool, input: serde_json::Map::new() };
    write = write.with("order_id", text(order, "/order_id"));
    match tool {
        Tool::Cancel => Some(write.with("reason", "no longer needed")),
        Tool::Address | Tool::UserAddress => {
            for (part, value) in members(user, "/address") {
                write = write.with(part, value.clone());
            }
            Some(write)
        }
        Tool::Payment => {
            let other = members(user, "/payment_methods")
                .find(|(id, method)| {
                    id.as_str() != original_method(order) && method["source"] != "gift_card"
                })
                .map(|(id, _)| id.as_str())?;
            Some(write.with("payment_method_id", other))
        }
        Tool::Return => {
            let item = text(list(order, "/items").first()?, "/item_id");
            Some(
                write
                    .with("item_ids", vec![item])
                    .with("payment_method_id", original_method(order)),
            )
        }
        Tool::Items | Tool::Exchange => {
            let (item, other) = list(order, "/items").iter().find_map(|item| {
                let other = other_variant(records, item, true)?;
                Some((text(item, "/item_id").to_owned(), other))
            })?;
            let method = members(user, "/payment_methods")
                .find(|(_, method)| method["source"] != "gift_card")
                .or_else(|| members(user, "/payment_methods").next())
                .map(|(id, _)| id.as_str())?;
            Some(
                write
                    .with("item_ids", vec![item])
                    .with("new_item_ids", vec![other])
                    .with("payment_method_id", method),
            )
        }
    }
}

/// Another variant of an item's product, on offer or not.
fn other_variant(records: &Records, item: &Value, available: bool) -> Option<String> {
    let product = records.product(text(item, "/product_id"))?;
    members(product, "/variants")
        .find(|(id, variant)| {
            id.as_str() != text(item, "/item_id") && variant["available"] == available
        })
        .map(|(id, _)| id.clone())
}

/// What a right write leaves behind. `None` when the shop has no such record.
fn after(before: &Records, write: &Write) -> Option<Records> {
    let mut records = before.clone();
    reference::carry_out(&mut records, write).ok()?;
    Some(records)
}
