use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{carry_out, objection};
use crate::demo::retail::records::Records;
use crate::demo::retail::rule::Rule;
use crate::demo::retail::task::{Tool, Write};

#[test]
fn a_cancelled_order_gives_a_gift_card_its_money_back() {
    let records = done(Tool::Cancel, json!({"order_id": "#P", "reason": "no longer needed"}));
    let order = records.order("#P").unwrap();
    assert_eq!(order["status"], "cancelled");
    assert_eq!(order["cancel_reason"], "no longer needed");
    assert_eq!(order["payment_history"][1], transaction("refund", 20.1, "gift_card_1"));
    assert_eq!(balance(&records), 25.1);
}

#[test]
fn modified_items_take_price_and_options_and_are_paid() {
    let swap = json!({
        "order_id": "#P", "item_ids": ["1"], "new_item_ids": ["2"], "payment_method_id": "gift_card_1",
    });
    let records = done(Tool::Items, swap);
    let order = records.order("#P").unwrap();
    assert_eq!(order["status"], "pending (item modified)");
    assert_eq!(order["items"][0]["item_id"], "2");
    assert_eq!(order["items"][0]["price"], 22.5);
    assert_eq!(order["items"][0]["options"], json!({"colour": "red"}));
    assert_eq!(order["payment_history"][1]["transaction_type"], "payment");
    assert_eq!(balance(&records), 2.6);
}

#[test]
fn another_payment_method_is_charged_and_the_first_refunded() {
    let change = json!({"order_id": "#P", "payment_method_id": "credit_card_1"});
    let records = done(Tool::Payment, change);
    let order = records.order("#P").unwrap();
    assert_eq!(order["status"], "pending");
    assert_eq!(order["payment_history"][1], transaction("payment", 20.1, "credit_card_1"));
    assert_eq!(order["payment_history"][2], transaction("refund", 20.1, "gift_card_1"));
    assert_eq!(balance(&records), 25.1);
}

#[test]
fn returns_and_exchanges_are_requested_and_move_no_money() {
    let back = json!({"order_id": "#D", "item_ids": ["1"], "payment_method_id": "gift_card_1"});
    let order = done(Tool::Return, back).order("#D").cloned().unwrap();
    assert_eq!(order["status"], "return requested");
    assert_eq!(order["return_items"], json!(["1"]));
    assert_eq!(order["return_payment_method_id"], "gift_card_1");

    let swap = json!({
        "order_id": "#D", "item_ids": ["1"], "new_item_ids": ["2"], "payment_method_id": "gift_card_1",
    });
    let records = done(Tool::Exchange, swap);
    let order = records.order("#D").unwrap();
    assert_eq!(order["status"], "exchange requested");
    assert_eq!(order["exchange_new_items"], json!(["2"]));
    assert_eq!(order["exchange_price_difference"], 2.4);
    assert_eq!(balance(&records), 5.0);
}

#[test]
fn the_shop_does_what_it_is_told_however_wrong() {
    let wrong = json!({"order_id": "#D", "reason": "I like to cancel"});
    assert_eq!(done(Tool::Cancel, wrong).order("#D").unwrap()["status"], "cancelled");
}

#[test]
fn the_original_tools_object_by_rule() {
    let on = |order: &str, method: &str, items: &[&str], new: &[&str]| {
        json!({
            "order_id": order, "item_ids": items, "new_item_ids": new, "payment_method_id": method,
            "reason": "no longer needed",
        })
    };
    let card = "gift_card_1";
    check(Tool::Cancel, on("#P", card, &[], &[]), None);
    check(Tool::Cancel, on("#D", card, &[], &[]), Some(Rule::OrderStatus));
    check(Tool::Cancel, json!({"order_id": "#P", "reason": "because"}), Some(Rule::CancelReason));
    check(Tool::Payment, on("#P", card, &[], &[]), Some(Rule::OtherPayment));
    check(Tool::Payment, on("#P", "credit_card_1", &[], &[]), None);
    check(Tool::Payment, on("#P", "credit_card_2", &[], &[]), Some(Rule::KnownPayment));
    check(Tool::Return, on("#D", "credit_card_1", &["1"], &[]), None);
    check(Tool::Return, on("#D", "paypal_1", &["1"], &[]), Some(Rule::RefundMethod));
    check(Tool::Return, on("#D", card, &["1", "1"], &[]), Some(Rule::ItemInOrder));
    check(Tool::Exchange, on("#D", card, &["1"], &["2"]), None);
    check(Tool::Exchange, on("#D", card, &["1"], &["2", "2"]), Some(Rule::EqualNumbers));
    check(Tool::Exchange, on("#D", card, &["1"], &["3"]), Some(Rule::Available));
    check(Tool::Exchange, on("#D", card, &["1"], &["4"]), Some(Rule::GiftCardCovers));
    check(Tool::Exchange, on("#P", card, &["1"], &["2"]), Some(Rule::OrderStatus));
}

#[track_caller]
fn check(tool: Tool, input: Value, expected: Option<Rule>) {
    assert_eq!(objection(&records(), &write(tool, input)), expected);
}

#[track_caller]
fn done(tool: Tool, input: Value) -> Records {
    let mut records = records();
    carry_out(&mut records, &write(tool, input)).unwrap();
    records
}

fn write(tool: Tool, input: Value) -> Write {
    Write { tool, input: input.as_object().unwrap().clone() }
}

fn balance(records: &Records) -> f64 {
    records.user("anna").unwrap()["payment_methods"]["gift_card_1"]["balance"].as_f64().unwrap()
}

fn transaction(kind: &str, amount: f64, method: &str) -> Value {
    json!({"transaction_type": kind, "amount": amount, "payment_method_id": method})
}

/// Anna with a pending and a delivered order of one item each.
fn records() -> Records {
    let order = |status: &str, paid_by: &str| {
        json!({
            "user_id": "anna",
            "status": status,
            "items": [{"item_id": "1", "product_id": "p", "price": 20.1, "options": {"colour": "blue"}}],
            "payment_history": [transaction("payment", 20.1, paid_by)],
        })
    };
    let variant = |price: f64, available: bool| json!({"price": price, "available": available, "options": {"colour": "red"}});
    let user = json!({"payment_methods": {
        "gift_card_1": {"source": "gift_card", "balance": 5.0},
        "credit_card_1": {"source": "credit_card"},
        "paypal_1": {"source": "paypal"},
    }});
    let product = json!({"variants": {
        "1": variant(20.1, true), "2": variant(22.5, true), "3": variant(1.0, false), "4": variant(30.0, true),
    }});
    let orders =
        [("#P", order("pending", "gift_card_1")), ("#D", order("delivered", "credit_card_1"))];
    let named = |(id, record): (&str, Value)| (id.to_owned(), record);
    Records::new(
        orders.into_iter().map(named).collect(),
        BTreeMap::from([("anna".to_owned(), user)]),
        BTreeMap::from([("p".to_owned(), product)]),
    )
}
