use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::{Answer, Shop, in_world, write_in_world};
use crate::demo::retail::records::Records;
use crate::demo::retail::task::{Tool, Write};

#[test]
fn records_are_called_by_their_world() {
    let shop = shop();
    let order = found(shop.read("a~#1", "order", |it, id| it.order(id).cloned()));
    assert_eq!(order["order_id"], "a~#1");
    assert_eq!(order["user_id"], "a~anna");
    assert_eq!(order["items"][0]["product_id"], "a~p");
    assert!(shop.read("#1", "order", |it, id| it.order(id).cloned()).is_err());
    assert!(shop.read("c~#1", "order", |it, id| it.order(id).cloned()).is_err());
}

#[test]
fn a_write_changes_its_own_world_only() {
    let shop = shop();
    let after = found(cancel(&shop, "a~#1", None));
    assert_eq!(after["status"], "cancelled");
    let status = |world: &str| shop.records(world).unwrap().order("#1").unwrap()["status"].clone();
    assert_eq!(status("a"), "cancelled");
    assert_eq!(status("b"), "delivered");
    assert_eq!(shop.ledger()[0].write.order(), "#1");
}

#[test]
fn the_same_key_again_changes_nothing_and_stands_in_the_ledger() {
    let shop = shop();
    let first = found(cancel(&shop, "a~#1", Some("k")));
    assert_eq!(found(cancel(&shop, "a~#1", Some("k"))), first);
    let again: Vec<bool> = shop.ledger().iter().map(|entry| entry.again).collect();
    assert_eq!(again, [false, true]);
    let history = shop.records("a").unwrap().order("#1").unwrap()["payment_history"].clone();
    assert_eq!(history.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_write_is_told_with_the_ids_of_its_world() {
    let input = json!({"order_id": "#1", "reason": "x"}).as_object().cloned().unwrap();
    let write = write_in_world("a", &Write { tool: Tool::Cancel, input });
    assert_eq!(write.order(), in_world("a", "#1"));
    assert_eq!(write.text("reason"), "x");
}

fn cancel(shop: &Shop, id: &str, key: Option<&str>) -> Answer {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        headers.insert("idempotency-key", key.parse().unwrap());
    }
    let body = json!({"reason": "no longer needed"}).as_object().cloned().unwrap();
    shop.write(id, Tool::Cancel, &headers, body)
}

#[track_caller]
fn found(answer: Answer) -> Value {
    answer.unwrap().0
}

/// Two worlds with the same delivered order.
fn shop() -> Shop {
    let order = json!({
        "order_id": "#1",
        "user_id": "anna",
        "status": "delivered",
        "items": [{"item_id": "1", "product_id": "p", "price": 1.0, "options": {}}],
        "payment_history": [
            {"transaction_type": "payment", "amount": 1.0, "payment_method_id": "paypal_1"},
        ],
    });
    let user = json!({"user_id": "anna", "payment_methods": {}, "orders": ["#1"]});
    let records = Records::new(
        [("#1".to_owned(), order)].into(),
        [("anna".to_owned(), user)].into(),
        [("p".to_owned(), json!({"variants": {}}))].into(),
    );
    let shop = Shop::default();
    shop.open("a", records.clone());
    shop.open("b", records);
    shop
}
