//! What the shop's own tools do, with and without the checks that they make.
//!
//! [`carry_out`] is what the shop does when nobody stands in between: it changes the records, right or wrong.
//! [`objection`] is what the original tools would have said before. Together they say what the data really ends with:
//! a few of the listed writes are refused by the original tools and leave no trace.

use std::fmt;

use serde_json::{Map, Value, json};

use super::records::{Records, list, number, text};
use super::rule::Rule;
use super::task::{Tool, Write};

/// There is no such order or customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoSuchRecord(pub(crate) String);

impl fmt::Display for NoSuchRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {}", self.0)
    }
}

/// The rule for which the original tool would refuse a write; `None` when it would carry it out.
pub(crate) fn objection(records: &Records, write: &Write) -> Option<Rule> {
    let Some(status) = write.tool.status() else {
        return records.user(write.text("user_id")).is_none().then_some(Rule::OneCustomer);
    };
    let Some(order) = records.order(write.order()) else { return Some(Rule::OwnOrder) };
    if text(order, "/status") != status {
        return Some(Rule::OrderStatus);
    }
    let user = records.user(text(order, "/user_id")).unwrap_or(&Value::Null);
    match write.tool {
        Tool::Cancel => {
            let known = ["no longer needed", "ordered by mistake"];
            (!known.contains(&write.text("reason"))).then_some(Rule::CancelReason)
        }
        Tool::Address | Tool::UserAddress => None,
        Tool::Payment => payment_objection(order, user, write.text("payment_method_id")),
        Tool::Return => {
            let method = write.text("payment_method_id");
            if user.pointer(&method_at(method)).is_none() {
                Some(Rule::KnownPayment)
            } else if !method.contains("gift_card") && method != original_method(order) {
                Some(Rule::RefundMethod)
            } else {
                items_objection(order, &write.texts("item_ids"))
            }
        }
        Tool::Items | Tool::Exchange => swap_objection(records, order, user, write),
    }
}

/// Does it, whatever stands against it, and says what the record looks like then.
pub(crate) fn carry_out(records: &mut Records, write: &Write) -> Result<Value, NoSuchRecord> {
    if write.tool == Tool::UserAddress {
        let id = write.text("user_id");
        let user = records.user_mut(id).ok_or_else(|| NoSuchRecord(format!("customer {id}")))?;
        user["address"] = address(&write.input);
        return Ok(user.clone());
    }
    let id = write.order();
    let missing = || NoSuchRecord(format!("order {id}"));
    let order = records.order(id).cloned().ok_or_else(missing)?;
    let owner = text(&order, "/user_id").to_owned();
    let method = write.text("payment_method_id").to_owned();
    let difference = match write.tool {
        Tool::Items => difference(records, &order, write),
        Tool::Exchange => cents(difference(records, &order, write)),
        _ => 0.0,
    };
    let items = match write.tool {
        Tool::Items => swapped(records, &order, write),
        _ => Value::Null,
    };
    let changed = records.order_mut(id).ok_or_else(missing)?;
    let mut credits: Vec<(String, f64)> = Vec::new();
    match write.tool {
        Tool::Cancel => {
            let refunds: Vec<Value> = list(&order, "/payment_history")
                .iter()
                .map(|payment| {
                    let method = text(payment, "/payment_method_id");
                    credits.push((method.to_owned(), number(payment, "/amount")));
                    transaction("refund", payment["amount"].clone(), method)
                })
                .collect();
            changed["status"] = "cancelled".into();
            changed["cancel_reason"] = write.text("reason").into();
            record(changed, refunds);
        }
        Tool::Address => changed["address"] = address(&write.input),
        Tool::Payment => {
            let before = original_method(&order).to_owned();
            let amount = order.pointer("/payment_history/0/amount").cloned().unwrap_or_default();
            let paid = amount.as_f64().unwrap_or_default();
            credits.push((method.clone(), -paid));
            credits.push((before.clone(), paid));
            let payment = transaction("payment", amount.clone(), &method);
            record(changed, vec![payment, transaction("refund", amount, &before)]);
        }
        Tool::Items => {
            let kind = if difference > 0.0 { "payment" } else { "refund" };
            credits.push((method.clone(), -difference));
            record(changed, vec![transaction(kind, difference.abs().into(), &method)]);
            changed["items"] = items;
            changed["status"] = "pending (item modified)".into();
        }
        Tool::Return => {
            changed["status"] = "return requested".into();
            changed["return_items"] = sorted(&write.texts("item_ids"));
            changed["return_payment_method_id"] = method.into();
        }
        Tool::Exchange => {
            changed["status"] = "exchange requested".into();
            changed["exchange_items"] = sorted(&write.texts("item_ids"));
            changed["exchange_new_items"] = sorted(&write.texts("new_item_ids"));
            changed["exchange_payment_method_id"] = method.into();
            changed["exchange_price_difference"] = difference.into();
        }
        Tool::UserAddress => {}
    }
    let after = changed.clone();
    for (method, amount) in credits {
        credit(records, &owner, &method, amount);
    }
    Ok(after)
}

/// The price of the new items above that of the old ones.
pub(crate) fn difference(records: &Records, order: &Value, write: &Write) -> f64 {
    pairs(write)
        .into_iter()
        .filter_map(|(old, new)| {
            let item = item(order, old)?;
            let price = number(variant(records, text(item, "/product_id"), new)?, "/price");
            Some(price - number(item, "/price"))
        })
        .sum()
}

/// The payment method that an order was paid with first.
pub(crate) fn original_method(order: &Value) -> &str {
    text(order, "/payment_history/0/payment_method_id")
}

/// The first item of an order with this id.
pub(crate) fn item<'a>(order: &'a Value, id: &str) -> Option<&'a Value> {
    list(order, "/items").iter().find(|item| text(item, "/item_id") == id)
}

/// The variant of a product with this item id.
pub(crate) fn variant<'a>(records: &'a Records, product: &str, item: &str) -> Option<&'a Value> {
    records.product(product)?.get("variants")?.get(item)
}

/// Where a customer's record has a payment method.
pub(crate) fn method_at(method: &str) -> String {
    format!("/payment_methods/{}", method.replace('~', "~0").replace('/', "~1"))
}

fn payment_objection(order: &Value, user: &Value, method: &str) -> Option<Rule> {
    let Some(known) = user.pointer(&method_at(method)) else {
        return Some(Rule::KnownPayment);
    };
    let history = list(order, "/payment_history");
    let first = history.first().unwrap_or(&Value::Null);
    let paid_once = history.len() == 1 && text(first, "/transaction_type") == "payment";
    if !paid_once || text(first, "/payment_method_id") == method {
        Some(Rule::OtherPayment)
    } else if covers(known, number(first, "/amount")) {
        None
    } else {
        Some(Rule::GiftCardCovers)
    }
}

fn swap_objection(records: &Records, order: &Value, user: &Value, write: &Write) -> Option<Rule> {
    let (old, new) = (write.texts("item_ids"), write.texts("new_item_ids"));
    if let Some(objection) = items_objection(order, &old) {
        return Some(objection);
    }
    if old.len() != new.len() {
        return Some(Rule::EqualNumbers);
    }
    let on_offer = |(old, new): (&str, &str)| {
        item(order, old)
            .and_then(|item| variant(records, text(item, "/product_id"), new))
            .is_some_and(|variant| variant["available"] == true)
    };
    if !pairs(write).into_iter().all(on_offer) {
        return Some(Rule::Available);
    }
    let Some(method) = user.pointer(&method_at(write.text("payment_method_id"))) else {
        return Some(Rule::KnownPayment);
    };
    let difference = cents(difference(records, order, write));
    (!covers(method, difference)).then_some(Rule::GiftCardCovers)
}

fn items_objection(order: &Value, items: &[&str]) -> Option<Rule> {
    let wanted = |id: &str| items.iter().filter(|item| **item == id).count();
    let there =
        |id: &str| list(order, "/items").iter().filter(|item| text(item, "/item_id") == id).count();
    items.iter().any(|id| wanted(id) > there(id)).then_some(Rule::ItemInOrder)
}

fn covers(method: &Value, amount: f64) -> bool {
    text(method, "/source") != "gift_card" || number(method, "/balance") >= amount
}

fn pairs(write: &Write) -> Vec<(&str, &str)> {
    write.texts("item_ids").into_iter().zip(write.texts("new_item_ids")).collect()
}

fn swapped(records: &Records, order: &Value, write: &Write) -> Value {
    let mut items = list(order, "/items").to_vec();
    for (old, new) in pairs(write) {
        let Some(item) = items.iter_mut().find(|item| text(item, "/item_id") == old) else {
            continue;
        };
        item["item_id"] = new.into();
        // A shop that checks nothing sells what it does not have.
        if let Some(variant) = variant(records, text(item, "/product_id"), new) {
            item["price"] = variant["price"].clone();
            item["options"] = variant["options"].clone();
        }
    }
    Value::Array(items)
}

fn credit(records: &mut Records, owner: &str, method: &str, amount: f64) {
    let Some(method) =
        records.user_mut(owner).and_then(|user| user.pointer_mut(&method_at(method)))
    else {
        return;
    };
    if method["source"] == "gift_card" {
        method["balance"] = cents(number(method, "/balance") + amount).into();
    }
}

fn record(order: &mut Value, transactions: Vec<Value>) {
    if let Some(history) = order.get_mut("payment_history").and_then(Value::as_array_mut) {
        history.extend(transactions);
    }
}

fn transaction(kind: &str, amount: Value, method: &str) -> Value {
    json!({"transaction_type": kind, "amount": amount, "payment_method_id": method})
}

fn address(input: &Map<String, Value>) -> Value {
    let parts = ["address1", "address2", "city", "state", "country", "zip"];
    let part = |part: &str| (part.to_owned(), input.get(part).cloned().unwrap_or_default());
    Value::Object(parts.into_iter().map(part).collect())
}

fn sorted(items: &[&str]) -> Value {
    let mut items = items.to_vec();
    items.sort_unstable();
    Value::from(items)
}

/// Money in whole cents.
fn cents(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests;
