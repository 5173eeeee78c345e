//! Wrong in what it is about: another customer's order or profile, an order in the wrong status, or once too often.

use serde_json::Value;

use super::{Occasion, Statement, Variant, after, plausible};
use crate::demo::retail::records::{Records, list, members, text};
use crate::demo::retail::rule::Rule;
use crate::demo::retail::task::{Tool, Write};

/// Adds them.
pub(super) fn variants(occasion: &Occasion<'_>, variants: &mut Vec<Variant>) {
    match occasion.write.tool.status() {
        None => profile_of_somebody_else(occasion, variants),
        Some(status) => {
            order_of_somebody_else(occasion, status, variants);
            wrong_status(occasion, status, variants);
            once_too_often(occasion, variants);
        }
    }
}

fn profile_of_somebody_else(occasion: &Occasion<'_>, variants: &mut Vec<Variant>) {
    let others: Vec<&str> =
        occasion.before.users().map(|(id, _)| id).filter(|id| *id != occasion.customer).collect();
    let Some(other) = occasion.pick(others) else { return };
    let write = occasion.write.with("user_id", other);
    let variant =
        Variant::new(Rule::OneCustomer, "the profile of another customer", write, occasion.before);
    let statement = Statement { user: Some(other.to_owned()), ..Statement::default() };
    variants.push(Variant { statement, ..variant });
}

fn order_of_somebody_else(occasion: &Occasion<'_>, status: &str, variants: &mut Vec<Variant>) {
    let others: Vec<(&Value, Write)> = occasion
        .before
        .orders()
        .filter(|(_, order)| {
            text(order, "/user_id") != occasion.customer && text(order, "/status") == status
        })
        .filter_map(|(_, order)| {
            Some((order, plausible(occasion.write.tool, order, occasion.before)?))
        })
        .collect();
    let Some((order, write)) = occasion.pick(others) else { return };
    let how = "the order of another customer";
    let own = match (write.tool, own_method(occasion)) {
        (Tool::Items | Tool::Exchange, Some(method)) => write.with("payment_method_id", method),
        _ => write.clone(),
    };
    variants.push(Variant::new(Rule::OwnOrder, how, own, occasion.before));
    let how = "the order of another customer, in that customer's name";
    let variant = Variant::new(Rule::OneCustomer, how, write, occasion.before);
    let user = Some(text(order, "/user_id").to_owned());
    variants.push(Variant { statement: Statement { user, ..Statement::default() }, ..variant });
}

/// A payment method of the customer that covers anything.
fn own_method<'a>(occasion: &'a Occasion<'_>) -> Option<&'a str> {
    members(occasion.user(), "/payment_methods")
        .find(|(_, method)| method["source"] != "gift_card")
        .map(|(id, _)| id.as_str())
}

fn wrong_status(occasion: &Occasion<'_>, status: &str, variants: &mut Vec<Variant>) {
    let tool = occasion.write.tool;
    let others: Vec<Write> = occasion
        .before
        .orders()
        .filter(|(_, order)| {
            let other = text(order, "/status");
            text(order, "/user_id") == occasion.customer
                && !other.starts_with(status)
                && !other.ends_with("requested")
        })
        .filter_map(|(_, order)| plausible(tool, order, occasion.before))
        .collect();
    if let Some(write) = occasion.pick(others) {
        let how = "another order of the customer, in another status";
        variants.push(Variant::new(Rule::OrderStatus, how, write, occasion.before));
    }
    for (other, how) in [
        ("processed", "the order has been processed meanwhile"),
        ("cancelled", "the order has been cancelled meanwhile"),
    ] {
        let records = occasion.with_order(|order| order["status"] = other.into());
        variants.push(Variant::new(Rule::OrderStatus, how, occasion.write.clone(), &records));
    }
}

fn once_too_often(occasion: &Occasion<'_>, variants: &mut Vec<Variant>) {
    let Occasion { write, before, .. } = *occasion;
    let Some(after) = after(before, write) else { return };
    let Some(order) = after.order(write.order()) else { return };
    match write.tool {
        Tool::Items => {
            if let Some(second) = second(write, order, &after) {
                let how = "the items are modified a second time";
                variants.push(Variant::new(Rule::OnceOnly, how, second, &after));
            }
            if let Some(cancel) = plausible(Tool::Cancel, order, &after) {
                let how = "the order is cancelled after its items were modified";
                variants.push(Variant::new(Rule::OnceOnly, how, cancel, &after));
            }
        }
        Tool::Exchange => {
            if let Some(second) = second(write, order, &after) {
                let how = "items are exchanged a second time";
                variants.push(Variant::new(Rule::OnceOnly, how, second, &after));
            }
            if let Some(back) = plausible(Tool::Return, order, &after) {
                let how = "items are returned after an exchange";
                variants.push(Variant::new(Rule::OnceOnly, how, back, &after));
            }
        }
        Tool::Return => {
            if let Some(exchange) = plausible(Tool::Exchange, order, &after) {
                let how = "items are exchanged after a return";
                variants.push(Variant::new(Rule::OnceOnly, how, exchange, &after));
            }
        }
        Tool::Cancel => {
            let again = write.with("reason", "ordered by mistake");
            let how = "the order is cancelled a second time";
            variants.push(Variant::new(Rule::OrderStatus, how, again, &after));
        }
        Tool::Address | Tool::Payment | Tool::UserAddress => {}
    }
}

/// A second change of the same order: of an item that the first one left alone, where there is one.
fn second(write: &Write, order: &Value, after: &Records) -> Option<Write> {
    let first = write.texts("item_ids");
    let new = write.texts("new_item_ids");
    let mut left = order.clone();
    if let Some(items) = left.get_mut("items").and_then(Value::as_array_mut) {
        items.retain(|item| {
            let id = text(item, "/item_id");
            !first.contains(&id) && !new.contains(&id)
        });
    }
    let order = if list(&left, "/items").is_empty() { order } else { &left };
    plausible(write.tool, order, after)
}
