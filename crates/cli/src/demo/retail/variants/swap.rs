//! Wrong in the items: not in the order, none at all, not as many, of another product, sold out, or the same again.

use serde_json::Value;

use super::{Occasion, Variant, other_variant};
use crate::demo::retail::records::{Records, list, members, text};
use crate::demo::retail::reference::item;
use crate::demo::retail::rule::Rule;
use crate::demo::retail::task::{Tool, Write};

/// Adds them.
pub(super) fn variants(occasion: &Occasion<'_>, variants: &mut Vec<Variant>) {
    let Occasion { write, before, .. } = *occasion;
    let swaps = matches!(write.tool, Tool::Items | Tool::Exchange);
    if !swaps && write.tool != Tool::Return {
        return;
    }
    let mut add = |rule, how, write| variants.push(Variant::new(rule, how, write, before));
    let order = occasion.order();
    if let Some(stranger) = stranger(occasion) {
        let how = "an item that is not in the order";
        add(Rule::ItemInOrder, how, replaced(write, "item_ids", &stranger));
    }
    let items = write.texts("item_ids");
    if let Some(once) = items.iter().find(|id| count(order, id) == 1) {
        let twice = appended(write, "item_ids", once);
        let twice = match write.texts("new_item_ids").first() {
            Some(new) if swaps => appended(&twice, "new_item_ids", new),
            _ => twice,
        };
        add(Rule::ItemInOrder, "an item more often than the order has it", twice);
    }
    let none = write.with("item_ids", Value::Array(Vec::new()));
    add(Rule::SomeItems, "no item at all", none);
    if swaps {
        swapped(occasion, &mut add);
        let sold_out = sold_out(occasion);
        variants.extend(sold_out);
    }
}

/// What an exchange or a modification can get wrong beyond the items themselves.
fn swapped(occasion: &Occasion<'_>, add: &mut impl FnMut(Rule, &'static str, Write)) {
    let Occasion { write, before, .. } = *occasion;
    let new = write.texts("new_item_ids");
    if let Some(first) = new.first() {
        let more = appended(write, "new_item_ids", first);
        add(Rule::EqualNumbers, "more new items than old ones", more);
    }
    if new.len() > 1 {
        let fewer = write.with("new_item_ids", new[..new.len() - 1].to_vec());
        add(Rule::EqualNumbers, "fewer new items than old ones", fewer);
    }
    if let Some(other) = of_another_product(occasion) {
        let write = replaced(write, "new_item_ids", &other);
        add(Rule::SameProduct, "a new item of another product", write);
    }
    let old = first_item(occasion);
    if let Some(gone) = old.and_then(|item| other_variant(before, item, false)) {
        let write = replaced(write, "new_item_ids", &gone);
        add(Rule::Available, "a new item that is not available", write);
    }
    // A like-for-like exchange is how the shop replaces what was broken on delivery; the data has two of them.
    if write.tool == Tool::Items
        && let Some(old) = old
    {
        let write = replaced(write, "new_item_ids", text(old, "/item_id"));
        add(Rule::OtherOptions, "a new item that is the old one", write);
    }
}

/// The right write, with the new item sold out in the meantime.
fn sold_out(occasion: &Occasion<'_>) -> Option<Variant> {
    let new = occasion.write.texts("new_item_ids").first().copied()?.to_owned();
    let product = text(first_item(occasion)?, "/product_id").to_owned();
    let records: Records = occasion.before.with_product(&product, |product| {
        if let Some(variant) = product.pointer_mut(&format!("/variants/{new}")) {
            variant["available"] = false.into();
        }
    });
    let how = "the new item has been sold out meanwhile";
    Some(Variant::new(Rule::Available, how, occasion.write.clone(), &records))
}

/// The first of the order's items that the right write is about.
fn first_item<'a>(occasion: &'a Occasion<'_>) -> Option<&'a Value> {
    let first = occasion.write.texts("item_ids").first().copied()?;
    item(occasion.order(), first)
}

/// An item of the same product that the order does not have.
fn stranger(occasion: &Occasion<'_>) -> Option<String> {
    let product = occasion.before.product(text(first_item(occasion)?, "/product_id"))?;
    let found = members(product, "/variants").map(|(id, _)| id).find(|id| {
        count(occasion.order(), id) == 0
            && !occasion.write.texts("new_item_ids").contains(&id.as_str())
    });
    found.cloned()
}

/// An item that is on offer, of a product that the order's item is not of.
fn of_another_product(occasion: &Occasion<'_>) -> Option<String> {
    let own = text(first_item(occasion)?, "/product_id");
    let others: Vec<&String> = occasion
        .before
        .products()
        .filter(|(id, _)| *id != own)
        .filter_map(|(_, product)| {
            members(product, "/variants").find(|(_, variant)| variant["available"] == true)
        })
        .map(|(id, _)| id)
        .collect();
    occasion.pick(others).cloned()
}

fn count(order: &Value, id: &str) -> usize {
    list(order, "/items").iter().filter(|item| text(item, "/item_id") == id).count()
}

/// The write with another first element in a list.
fn replaced(write: &Write, part: &str, element: &str) -> Write {
    let mut list = write.texts(part);
    if let Some(first) = list.first_mut() {
        *first = element;
    }
    let list: Vec<String> = list.into_iter().map(str::to_owned).collect();
    write.with(part, list)
}

/// The write with one element more in a list.
fn appended(write: &Write, part: &str, element: &str) -> Write {
    let mut list: Vec<String> = write.texts(part).into_iter().map(str::to_owned).collect();
    list.push(element.to_owned());
    write.with(part, list)
}
