//! RT's records as REST2 shows them, and how its names become ids.

use std::fmt::Write as _;

use belay_domain::Timestamp;
use serde::{Deserialize, Deserializer};

/// A reference to a user, group, queue or ticket. Users are named, everything else is numbered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Reference {
    #[serde(deserialize_with = "text")]
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// Where it was asked for.
    #[serde(default, rename = "Name")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Queue {
    #[serde(rename = "id", deserialize_with = "text")]
    pub(super) id: String,
    pub(super) name: String,
    pub(super) lifecycle: String,
    /// `"0"` or `"1"`. Left out where we may not see it, and then not to be taken for enabled.
    #[serde(default, deserialize_with = "text_if_any")]
    pub(super) disabled: Option<String>,
    #[serde(default)]
    pub(super) admin_cc: Vec<Reference>,
    #[serde(default)]
    pub(super) ticket_custom_fields: Vec<Named>,
    /// What the account may do with it.
    #[serde(default, rename = "_hyperlinks")]
    pub(super) links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Group {
    #[serde(default, deserialize_with = "text_if_any")]
    pub(super) disabled: Option<String>,
    /// Left out where we may not see them.
    pub(super) members: Option<Vec<Reference>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct User {
    pub(super) name: String,
    #[serde(default, deserialize_with = "text_if_any")]
    pub(super) privileged: Option<String>,
    #[serde(default, deserialize_with = "text_if_any")]
    pub(super) disabled: Option<String>,
    #[serde(default, rename = "_hyperlinks")]
    pub(super) links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    #[serde(rename = "ref")]
    pub(super) reference: Option<String>,
    #[serde(default, deserialize_with = "text_if_any")]
    pub(super) id: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Ticket {
    #[serde(rename = "id", deserialize_with = "text")]
    pub(super) id: String,
    pub(super) queue: Reference,
    pub(super) status: String,
    pub(super) owner: Reference,
    #[serde(default)]
    pub(super) custom_fields: Vec<FieldValue>,
}

/// A ticket as a search for many shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    #[serde(flatten)]
    pub(super) ticket: Ticket,
    pub(super) last_updated: String,
    #[serde(default)]
    pub(super) subject: Option<String>,
    #[serde(default, deserialize_with = "text_if_any")]
    pub(super) priority: Option<String>,
    /// Whether `last_updated` cannot stay the same any more when something happens.
    #[serde(skip)]
    pub(super) settled: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct FieldValue {
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) values: Vec<String>,
}

/// One change of a ticket.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Transaction {
    #[serde(rename = "id", deserialize_with = "number")]
    pub(super) id: u64,
    #[serde(rename = "Type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) field: Option<String>,
    #[serde(default)]
    pub(super) new_value: Option<String>,
    pub(super) creator: Reference,
    /// Whose it is: the history of a ticket that others were merged into shows theirs too.
    #[serde(default, deserialize_with = "text_if_any")]
    pub(super) object_id: Option<String>,
}

/// What an account may do with a ticket.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Offered {
    #[serde(rename = "_hyperlinks", default)]
    pub(super) links: Vec<Link>,
    #[serde(default)]
    pub(super) custom_fields: Vec<FieldValue>,
}

/// A text or file that came with a transaction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attachment {
    #[serde(default, rename = "id", deserialize_with = "text_if_any")]
    pub(super) id: Option<String>,
    #[serde(rename = "TransactionId", deserialize_with = "number")]
    pub(super) transaction: u64,
    #[serde(default)]
    pub(super) content_type: Option<String>,
    #[serde(default)]
    pub(super) content: Option<String>,
    #[serde(default)]
    pub(super) filename: Option<String>,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Items<T> {
    pub(super) items: Vec<T>,
}

/// A ticket as a search shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Hit {
    #[serde(deserialize_with = "number")]
    pub(super) id: u64,
    #[serde(default, rename = "CustomFields")]
    pub(super) custom_fields: Vec<FieldValue>,
}

/// One who may own tickets, as the pages for people complete the name.
#[derive(Debug, Deserialize)]
pub(super) struct Owner {
    pub(super) value: String,
}

/// The only value of a custom field. Several values are none: nobody knows which one is meant.
pub(super) fn field<'a>(fields: &'a [FieldValue], name: &str) -> Option<&'a str> {
    let field = fields.iter().find(|field| field.name.as_deref() == Some(name))?;
    match field.values.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// A moment as HTTP writes it.
pub(super) fn moment(date: &str) -> Option<Timestamp> {
    let date = date.strip_suffix(" GMT")?;
    Timestamp::strptime("%a, %d %b %Y %H:%M:%S %z", format!("{date} +0000")).ok()
}

/// A name of RT's as an id. Whatever an id cannot hold is escaped, and so is what escapes, so that two names
/// never become one id.
pub(super) fn id<T: std::str::FromStr>(name: &str) -> Option<T> {
    if name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%') {
        return name.parse().ok();
    }
    escaped(name, |byte| byte.is_ascii_graphic() && byte != b'%').parse().ok()
}

/// An id as one segment of a path.
pub(super) fn segment(id: &str) -> String {
    // An id that was escaped to become one goes out as RT knows it: escaped once.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@+%".contains(&byte);
    escaped(id, plain)
}

fn escaped(text: &str, plain: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(u64),
}

impl From<TextOrNumber> for String {
    fn from(value: TextOrNumber) -> Self {
        match value {
            TextOrNumber::Text(text) => text,
            TextOrNumber::Number(number) => number.to_string(),
        }
    }
}

/// RT writes numbers as numbers in one place and as texts in the next.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    TextOrNumber::deserialize(from).map(String::from)
}

fn text_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<TextOrNumber>::deserialize(from)?.map(String::from))
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    text(from)?.parse().map_err(serde::de::Error::custom)
}
