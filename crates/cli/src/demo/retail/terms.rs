//! How the shop's writes and rules are called in the retail playbook.

use belay_domain::Source;
use serde_json::{Map, Value};

use super::records::text;
use super::rule::Rule;
use super::task::{Tool, Write};
use super::variants::{Proposer, Statement, Variant, Yes};

/// What the context entry is called in which the customer says what they want.
pub(crate) const WISH: &str = "wish";
/// What the context entry is called that proves who the customer is.
pub(crate) const IDENTITY: &str = "identity";
/// What the context entry is called in which the customer says yes.
pub(crate) const YES: &str = "yes";

/// A specialist of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// Orders that have not been sent.
    Orders,
    /// Orders that have been delivered.
    Returns,
    /// Customers and their addresses.
    Accounts,
}

/// One thing that is said about where a part of an input comes from: the place, the source, and what precisely.
pub(crate) type Said = (String, Source, &'static str);

/// A reason as the playbook gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The name of the rule.
    pub(crate) name: &'static str,
    /// The place of the input; empty when the rule is about the whole.
    pub(crate) field: &'static str,
}

impl Expected {
    /// Whether a reason is this one.
    pub(crate) fn is(self, name: &str, field: &str) -> bool {
        self.name == name && self.field == field
    }
}

impl Role {
    /// Every specialist.
    pub(crate) const ALL: [Self; 3] = [Self::Orders, Self::Returns, Self::Accounts];

    /// Its name in the playbook.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Returns => "returns",
            Self::Accounts => "accounts",
        }
    }

    /// The agent that serves it.
    pub(crate) fn agent(self) -> &'static str {
        match self {
            Self::Orders => "orders-1",
            Self::Returns => "returns-1",
            Self::Accounts => "accounts-1",
        }
    }

    /// The one whose work a write is.
    pub(crate) fn of(tool: Tool) -> Self {
        match tool {
            Tool::Cancel | Tool::Address | Tool::Payment | Tool::Items => Self::Orders,
            Tool::Return | Tool::Exchange => Self::Returns,
            Tool::UserAddress => Self::Accounts,
        }
    }

    /// Another one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Orders => Self::Returns,
            Self::Returns => Self::Accounts,
            Self::Accounts => Self::Orders,
        }
    }

    /// The kind of case that routing gives to it.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Orders => "modify",
            Self::Returns => "return",
            Self::Accounts => "account",
        }
    }
}

impl Variant {
    /// The specialist that proposes it.
    pub(crate) fn proposer(&self) -> Role {
        let responsible = Role::of(self.write.tool);
        match self.proposer {
            Proposer::Responsible => responsible,
            Proposer::Other => responsible.other(),
        }
    }

    /// The contract that it names.
    pub(crate) fn contract(&self) -> &'static str {
        self.contract.unwrap_or(contract(self.write.tool))
    }
}

/// The contract of a write.
pub(crate) fn contract(tool: Tool) -> &'static str {
    match tool {
        Tool::Cancel => "shop.cancel_pending_order@1",
        Tool::Address => "shop.modify_pending_order_address@1",
        Tool::Payment => "shop.modify_pending_order_payment@1",
        Tool::Items => "shop.modify_pending_order_items@1",
        Tool::UserAddress => "shop.modify_user_address@1",
        Tool::Return => "shop.return_delivered_order_items@1",
        Tool::Exchange => "shop.exchange_delivered_order_items@1",
    }
}

/// The input of a write as its contract wants it, and what is said about where each part of it comes from.
pub(crate) fn input(write: &Write, customer: &str, statement: &Statement) -> (Value, Vec<Said>) {
    let mut input: Map<String, Value> = write.input.clone();
    let mut said: Vec<Said> = input
        .keys()
        .map(|part| {
            let source =
                if statement.made_up == Some(part.as_str()) { Source::Model } else { source(part) };
            (format!("/{part}"), source, WISH)
        })
        .filter(|(pointer, ..)| pointer != "/user_id")
        .collect();
    let user = statement.user.as_deref().unwrap_or(customer);
    input.insert("user_id".to_owned(), user.into());
    let proven = if statement.unproven { Source::Customer } else { Source::VerifiedChannel };
    said.push(("/user_id".to_owned(), proven, IDENTITY));
    input.insert("confirmed".to_owned(), (statement.yes != Yes::No).into());
    let yes = if statement.yes == Yes::Model { Source::Model } else { Source::Customer };
    said.push(("/confirmed".to_owned(), yes, YES));
    (Value::Object(input), said)
}

/// The reason by which the playbook stops a write that breaks a rule.
pub(crate) fn expected(variant: &Variant) -> Expected {
    let tool = variant.write.tool;
    let order = variant.records.order(variant.write.order());
    let status = order.map_or("", |order| text(order, "/status"));
    let (name, field) = match variant.rule {
        Rule::Identified => ("customer", "/user_id"),
        Rule::OwnOrder => ("own-order", "/order_id"),
        Rule::OneCustomer => ("same-user", "/user_id"),
        Rule::Confirmed => ("confirmed", "/confirmed"),
        Rule::ConfirmedByCustomer => ("model", "/confirmed"),
        Rule::NothingMadeUp => match variant.statement.made_up {
            Some("reason") => ("model", "/reason"),
            Some("address1") => ("model", "/address1"),
            Some("payment_method_id") => ("model", "/payment_method_id"),
            Some("new_item_ids") => ("model", "/new_item_ids"),
            _ => ("model", "/item_ids"),
        },
        Rule::OrderStatus => match tool.status() {
            Some("delivered") => ("order-delivered", "/order_id"),
            _ => ("order-pending", "/order_id"),
        },
        Rule::OnceOnly => match status {
            "return requested" => ("not-returned-before", "/order_id"),
            "exchange requested" => ("not-exchanged-before", "/order_id"),
            _ => ("not-modified-before", "/order_id"),
        },
        Rule::CancelReason => ("reason-allowed", "/reason"),
        Rule::KnownPayment => ("payment-exists", "/payment_method_id"),
        Rule::OtherPayment => ("payment-differs", "/payment_method_id"),
        Rule::GiftCardCovers => ("gift-card-covers", "/payment_method_id"),
        Rule::RefundMethod => ("refund-to-original-or-gift-card", "/payment_method_id"),
        Rule::ItemInOrder => ("items-of-order", "/item_ids"),
        Rule::SomeItems => ("minItems", "/item_ids"),
        Rule::EqualNumbers => ("counts-equal", "/new_item_ids"),
        Rule::SameProduct => ("same-product", "/new_item_ids"),
        Rule::Available => ("available", "/new_item_ids"),
        Rule::OtherOptions => ("different-option", "/new_item_ids"),
        Rule::WithinScope => ("shop.refund_as_goodwill@1", ""),
        Rule::OwnBoundary => (variant.proposer().name(), ""),
        Rule::NotTwice => ("idempotency-key", ""),
    };
    Expected { name, field }
}

fn source(part: &str) -> Source {
    match part {
        // What a customer says of an item is looked up, and so are the numbers that stand for it.
        "item_ids" | "new_item_ids" | "payment_method_id" => Source::SystemOfRecord,
        _ => Source::Customer,
    }
}
