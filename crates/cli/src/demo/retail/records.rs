//! The shop's records: customers, orders and products as they were loaded, and what has changed since.
//!
//! Every task is played on records of its own. Copies share what nobody has changed, so there may be thousands.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::Failure;

/// One copy of the shop's records.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    loaded: Arc<Loaded>,
    orders: BTreeMap<String, Value>,
    users: BTreeMap<String, Value>,
    products: BTreeMap<String, Value>,
}

#[derive(Debug)]
struct Loaded {
    orders: BTreeMap<String, Value>,
    users: BTreeMap<String, Value>,
    products: BTreeMap<String, Value>,
}

/// Reads one JSON file of the folder.
pub(crate) fn file<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T, Failure> {
    let path = folder.join(name);
    let text = std::fs::read(&path).map_err(|error| {
        Failure::of(format!("cannot read {}", path.display()), &error).hint(
            "name the folder that holds orders.json, users.json, products.json and tasks.json",
        )
    })?;
    serde_json::from_slice(&text).map_err(|error| {
        Failure::of(format!("{} is not what it should be", path.display()), &error)
    })
}

impl Records {
    /// The records as the folder holds them.
    pub(crate) fn load(folder: &Path) -> Result<Self, Failure> {
        Ok(Self::new(
            file(folder, "orders.json")?,
            file(folder, "users.json")?,
            file(folder, "products.json")?,
        ))
    }

    /// Records with this in them.
    pub(crate) fn new(
        orders: BTreeMap<String, Value>,
        users: BTreeMap<String, Value>,
        products: BTreeMap<String, Value>,
    ) -> Self {
        let loaded = Arc::new(Loaded { orders, users, products });
        let none = BTreeMap::new;
        Self { loaded, orders: none(), users: none(), products: none() }
    }

    /// An order as it stands.
    pub(crate) fn order(&self, id: &str) -> Option<&Value> {
        self.orders.get(id).or_else(|| self.loaded.orders.get(id))
    }

    /// A customer as they stand.
    pub(crate) fn user(&self, id: &str) -> Option<&Value> {
        self.users.get(id).or_else(|| self.loaded.users.get(id))
    }

    /// A product with its variants.
    pub(crate) fn product(&self, id: &str) -> Option<&Value> {
        self.products.get(id).or_else(|| self.loaded.products.get(id))
    }

    /// All products as they stand, by id.
    pub(crate) fn products(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.loaded
            .products
            .iter()
            .map(|(id, loaded)| (id.as_str(), self.products.get(id).unwrap_or(loaded)))
    }

    /// The same records with one product changed.
    pub(crate) fn with_product(&self, id: &str, change: impl FnOnce(&mut Value)) -> Self {
        let mut changed = self.clone();
        if let Some(product) = own(&mut changed.products, &self.loaded.products, id) {
            change(product);
        }
        changed
    }

    /// All orders as they stand, by id.
    pub(crate) fn orders(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.loaded
            .orders
            .iter()
            .map(|(id, loaded)| (id.as_str(), self.orders.get(id).unwrap_or(loaded)))
    }

    /// All customers as they stand, by id.
    pub(crate) fn users(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.loaded
            .users
            .iter()
            .map(|(id, loaded)| (id.as_str(), self.users.get(id).unwrap_or(loaded)))
    }

    /// An order, to be changed.
    pub(crate) fn order_mut(&mut self, id: &str) -> Option<&mut Value> {
        own(&mut self.orders, &self.loaded.orders, id)
    }

    /// A customer, to be changed.
    pub(crate) fn user_mut(&mut self, id: &str) -> Option<&mut Value> {
        own(&mut self.users, &self.loaded.users, id)
    }

    /// The customer with this e-mail address.
    pub(crate) fn user_by_email(&self, email: &str) -> Option<&str> {
        self.users()
            .find(|(_, user)| text(user, "/email").eq_ignore_ascii_case(email))
            .map(|(id, _)| id)
    }

    /// The customer with this name who lives in this zip code.
    pub(crate) fn user_by_name(&self, first: &str, last: &str, zip: &str) -> Option<&str> {
        self.users()
            .find(|(_, user)| {
                text(user, "/name/first_name").eq_ignore_ascii_case(first)
                    && text(user, "/name/last_name").eq_ignore_ascii_case(last)
                    && text(user, "/address/zip") == zip
            })
            .map(|(id, _)| id)
    }

    /// Whether these are the same records, changed in the same way.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.loaded, &other.loaded)
            && self.orders == other.orders
            && self.users == other.users
            && self.products == other.products
    }

    /// What of the other records is different here: the ids of orders and customers.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let ids = |records: &Self| -> Vec<String> {
            records.orders.keys().chain(records.users.keys()).cloned().collect()
        };
        let mut touched = ids(self);
        touched.extend(ids(other));
        touched.sort();
        touched.dedup();
        touched.retain(|id| self.order(id) != other.order(id) || self.user(id) != other.user(id));
        touched
    }
}

/// The text at a place of a record; empty when there is none.
pub(crate) fn text<'a>(record: &'a Value, pointer: &str) -> &'a str {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a place of a record; zero when there is none.
pub(crate) fn number(record: &Value, pointer: &str) -> f64 {
    record.pointer(pointer).and_then(Value::as_f64).unwrap_or_default()
}

/// The list at a place of a record; empty when there is none.
pub(crate) fn list<'a>(record: &'a Value, pointer: &str) -> &'a [Value] {
    record.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The members of an object at a place of a record.
pub(crate) fn members<'a>(
    record: &'a Value,
    pointer: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    record.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

fn own<'a>(
    changed: &'a mut BTreeMap<String, Value>,
    loaded: &BTreeMap<String, Value>,
    id: &str,
) -> Option<&'a mut Value> {
    if !changed.contains_key(id) {
        changed.insert(id.to_owned(), loaded.get(id)?.clone());
    }
    changed.get_mut(id)
}
