//! One YAML file, read with the place of every value, so that whatever is found wrong later can be shown where it
//! was written.

use std::collections::HashMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use crate::json;
use crate::problem::Problem;

/// A file's content and the places of its values.
#[derive(Debug)]
pub struct Document {
    /// The file, relative to the playbook's folder.
    pub file: String,
    /// What it says.
    pub value: Value,
    values: HashMap<String, Place>,
    keys: HashMap<String, Place>,
}

/// A line and a column, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

impl Document {
    /// Reads a file's text.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problem> {
        match serde_saphyr::from_str::<Spanned<Node>>(text) {
            Ok(root) => {
                let mut document = Self {
                    file: file.to_owned(),
                    value: Value::Null,
                    values: HashMap::new(),
                    keys: HashMap::new(),
                };
                document.value = document.settle(root, String::new());
                Ok(document)
            }
            Err(error) => {
                let place = error.location().map_or(Place::default(), |location| Place {
                    line: location.line(),
                    column: location.column(),
                });
                let text = error.without_snippet().to_string();
                let what = text.lines().next().unwrap_or("it cannot be read").to_owned();
                Err(Problem {
                    file: file.to_owned(),
                    line: place.line,
                    column: place.column,
                    what: format!("this is not YAML that can be read: {what}"),
                    remedy: "mind the indentation, and put texts with : or # in quotes, and between { and } those with , \
                             [ ] { }, too"
                        .to_owned(),
                })
            }
        }
    }

    /// Where the value at a pointer stands; the nearest value around it when there is none.
    pub fn place(&self, pointer: &str) -> Place {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.values.get(pointer) {
                return *place;
            }
            match pointer.rsplit_once('/') {
                Some((above, _)) => pointer = above,
                None => return Place { line: 1, column: 1 },
            }
        }
    }

    /// Where the key of a member stands.
    pub fn key_place(&self, pointer: &str) -> Place {
        self.keys.get(pointer).copied().unwrap_or_else(|| self.place(pointer))
    }

    fn settle(&mut self, node: Spanned<Node>, pointer: String) -> Value {
        let place = Place { line: node.referenced.line(), column: node.referenced.column() };
        let value = match node.value {
            Node::Scalar(value) => value,
            Node::List(items) => Value::Array(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| self.settle(item, format!("{pointer}/{index}")))
                    .collect(),
            ),
            Node::Object(members) => {
                let mut object = Map::new();
                for (key, member) in members {
                    let below = json::child(&pointer, &key.value);
                    let place =
                        Place { line: key.referenced.line(), column: key.referenced.column() };
                    self.keys.insert(below.clone(), place);
                    let member = self.settle(member, below);
                    object.insert(key.value, member);
                }
                Value::Object(object)
            }
        };
        self.values.insert(pointer, place);
        value
    }
}

enum Node {
    Scalar(Value),
    List(Vec<Spanned<Self>>),
    Object(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        serde_json::Number::from_f64(value)
            .map(|number| Node::Scalar(Value::Number(number)))
            .ok_or_else(|| E::custom("numbers must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            members.push((key, map.next_value()?));
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod tests;
