//! Wrong in reason or money: another reason, unknown or unchanged payment methods, gift cards that are too small, and
//! refunds to where the money did not come from.

use serde_json::{Value, json};

use super::{Occasion, Variant, plausible};
use crate::demo::retail::records::{Records, list, members, number, text};
use crate::demo::retail::reference::{item, method_at, original_method};
use crate::demo::retail::rule::Rule;
use crate::demo::retail::task::{Tool, Write};

/// A payment method that nobody has.
const NOBODYS: &str = "credit_card_0000000";

/// The gift card that a customer gets who has none.
const GIFT_CARD: &str = "gift_card_0000000";

/// The account that a customer gets who has only one way to pay.
const ACCOUNT: &str = "paypal_0000000";

/// Adds them.
pub(super) fn variants(occasion: &Occasion<'_>, variants: &mut Vec<Variant>) {
    let Occasion { write, before, .. } = *occasion;
    match write.tool {
        Tool::Cancel => {
            for (reason, how) in [
                ("found it cheaper elsewhere", "a reason that is not one of the two"),
                ("No longer needed.", "a reason that only looks like one of the two"),
            ] {
                let write = write.with("reason", reason);
                variants.push(Variant::new(Rule::CancelReason, how, write, before));
            }
        }
        Tool::Return => {
            unknown_method(occasion, write, variants);
            variants.push(refund_elsewhere(occasion));
        }
        Tool::Items | Tool::Exchange => {
            unknown_method(occasion, write, variants);
            variants.extend(gift_card_for_items(occasion));
        }
        Tool::Address | Tool::Payment | Tool::UserAddress => {}
    }
    // Few tasks change a payment method, and every pending order allows it; so its rules are broken on all of them.
    if write.tool.status() == Some("pending") {
        payment(occasion, variants);
    }
}

fn unknown_method(occasion: &Occasion<'_>, write: &Write, variants: &mut Vec<Variant>) {
    let how = "a payment method that the customer does not have";
    let write = write.with("payment_method_id", NOBODYS);
    variants.push(Variant::new(Rule::KnownPayment, how, write, occasion.before));
}

fn refund_elsewhere(occasion: &Occasion<'_>) -> Variant {
    let original = original_method(occasion.order());
    let other = members(occasion.user(), "/payment_methods")
        .find(|(id, method)| id.as_str() != original && method["source"] != "gift_card")
        .map(|(id, _)| id.clone());
    let how = "a refund to where the money did not come from";
    let (method, records) = match other {
        Some(method) => (method, occasion.before.clone()),
        None => (ACCOUNT.to_owned(), with_method(occasion, ACCOUNT, json!({"source": "paypal"}))),
    };
    let write = occasion.write.with("payment_method_id", method);
    Variant::new(Rule::RefundMethod, how, write, &records)
}

/// The dearest item that one of the order's items can become, paid with a gift card that lacks one cent.
fn gift_card_for_items(occasion: &Occasion<'_>) -> Option<Variant> {
    let Occasion { write, before, .. } = *occasion;
    let order = occasion.order();
    let (old, new, difference) = write
        .texts("item_ids")
        .into_iter()
        .filter_map(|old| {
            let item = item(order, old)?;
            let product = before.product(text(item, "/product_id"))?;
            let dearest = members(product, "/variants")
                .filter(|(id, variant)| variant["available"] == true && *id != old)
                .max_by(|(_, a), (_, b)| number(a, "/price").total_cmp(&number(b, "/price")))?;
            let difference = number(dearest.1, "/price") - number(item, "/price");
            Some((old, dearest.0.as_str(), difference))
        })
        .max_by(|(.., a), (.., b)| a.total_cmp(b))
        .filter(|(.., difference)| *difference > 0.01)?;
    let (method, records) = poor_gift_card(occasion, difference, None);
    let write = write
        .with("item_ids", vec![old])
        .with("new_item_ids", vec![new])
        .with("payment_method_id", method);
    let how = "a gift card that lacks a cent or more for the difference";
    Some(Variant::new(Rule::GiftCardCovers, how, write, &records))
}

/// What can be wrong with a change of the payment method.
fn payment(occasion: &Occasion<'_>, variants: &mut Vec<Variant>) {
    let order = occasion.order();
    let write = Write { tool: Tool::Payment, input: serde_json::Map::new() }
        .with("order_id", occasion.write.order());
    unknown_method(occasion, &write, variants);
    let same = write.with("payment_method_id", original_method(order));
    let how = "the payment method that it is paid with already";
    variants.push(Variant::new(Rule::OtherPayment, how, same, occasion.before));
    let paid =
        list(order, "/payment_history").first().map_or(0.0, |first| number(first, "/amount"));
    let (method, records) = poor_gift_card(occasion, paid, Some(original_method(order)));
    let poor = write.with("payment_method_id", method);
    let how = "a gift card that does not cover the order";
    variants.push(Variant::new(Rule::GiftCardCovers, how, poor, &records));
    let status = plausible(Tool::Payment, order, occasion.before);
    if let Some(write) = status {
        let records = occasion.with_order(|order| order["status"] = "processed".into());
        let how = "another payment method after the order was processed";
        variants.push(Variant::new(Rule::OrderStatus, how, write, &records));
    }
}

/// A gift card of the customer that does not cover this amount: one that they have, or one that is made to lack a cent.
fn poor_gift_card(occasion: &Occasion<'_>, amount: f64, not: Option<&str>) -> (String, Records) {
    let cards: Vec<(&String, &Value)> = members(occasion.user(), "/payment_methods")
        .filter(|(id, method)| method["source"] == "gift_card" && Some(id.as_str()) != not)
        .collect();
    if let Some((id, _)) = cards.iter().find(|(_, card)| number(card, "/balance") < amount) {
        return ((*id).clone(), occasion.before.clone());
    }
    let id = cards.first().map_or(GIFT_CARD, |(id, _)| id.as_str()).to_owned();
    let balance = ((amount * 100.0).round() - 1.0) / 100.0;
    let card = json!({"source": "gift_card", "id": id, "balance": balance});
    let records = with_method(occasion, &id, card);
    (id, records)
}

fn with_method(occasion: &Occasion<'_>, id: &str, method: Value) -> Records {
    occasion.with_user(|user| {
        if let Some(place) = user.pointer_mut(&method_at(id)) {
            *place = method;
        } else if let Some(methods) = user.get_mut("payment_methods").and_then(Value::as_object_mut)
        {
            methods.insert(id.to_owned(), method);
        }
    })
}
