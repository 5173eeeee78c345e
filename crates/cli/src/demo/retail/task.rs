//! The tasks: what a customer wants, what is read, and which writes settle it.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::records::{Records, file, text};
use crate::exit::Failure;

/// One customer's matter.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Its number in the data.
    pub(crate) number: u32,
    /// What the customer wants, in the data's words.
    pub(crate) wish: String,
    /// Who the customer proves to be: the customer's id in the shop.
    pub(crate) customer: String,
    /// By what they prove it.
    pub(crate) proof: Proof,
    /// What is done, in order.
    pub(crate) steps: Vec<Step>,
}

/// How somebody is known to be a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By e-mail address.
    Email(String),
    /// By name and zip code.
    NameAndZip {
        /// First name.
        first: String,
        /// Last name.
        last: String,
        /// Zip code.
        zip: String,
    },
}

/// One thing that is done about a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Something is looked up.
    Read(Read),
    /// Something is changed.
    Write(Write),
    /// The matter goes to people, for this reason.
    Transfer(String),
}

/// Something that is looked up in the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// An order.
    Order(String),
    /// A customer.
    User(String),
    /// A product.
    Product(String),
    /// The names of all products.
    Products,
    /// A customer's id.
    Find(Proof),
}

/// Something that is changed in the shop, or should be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Write {
    /// What is done.
    pub(crate) tool: Tool,
    /// With what.
    pub(crate) input: Map<String, Value>,
}

/// The changes that the shop knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Tool {
    /// Cancels an order that is pending.
    Cancel,
    /// Changes where a pending order goes.
    Address,
    /// Changes how a pending order is paid.
    Payment,
    /// Changes the items of a pending order.
    Items,
    /// Changes where a customer lives.
    UserAddress,
    /// Takes items of a delivered order back.
    Return,
    /// Exchanges items of a delivered order.
    Exchange,
}

/// One entry of the data's list of actions.
#[derive(Deserialize)]
struct Listed {
    name: String,
    #[serde(default)]
    kwargs: Map<String, Value>,
}

/// One entry of the data's list of tasks.
#[derive(Deserialize)]
struct ListedTask {
    task: u32,
    user_id: String,
    instruction: String,
    actions: Vec<Listed>,
}

/// All tasks of the folder, each with the customer that it is really about.
pub(crate) fn load(folder: &Path, records: &Records) -> Result<Vec<Task>, Failure> {
    let listed: Vec<ListedTask> = file(folder, "tasks.json")?;
    Ok(listed.into_iter().map(|listed| Task::from_listed(listed, records)).collect())
}

impl Task {
    fn from_listed(listed: ListedTask, records: &Records) -> Self {
        let ListedTask { task, user_id, instruction, actions } = listed;
        let steps: Vec<Step> = actions.into_iter().filter_map(Step::from_listed).collect();
        // Some tasks name one customer and are about another, who is found by what they say of themselves.
        let found = steps.iter().find_map(|step| match step {
            Step::Read(Read::Find(proof)) => {
                proof.find(records).map(|customer| (customer.to_owned(), proof.clone()))
            }
            _ => None,
        });
        let (customer, proof) = found.unwrap_or_else(|| {
            let proof =
                Proof::said_in(&instruction, records.user(&user_id).unwrap_or(&Value::Null));
            (user_id, proof)
        });
        Self { number: task, wish: instruction, customer, proof, steps }
    }
}

impl Proof {
    /// The customer of whom this is true.
    pub(crate) fn find<'a>(&self, records: &'a Records) -> Option<&'a str> {
        match self {
            Self::Email(email) => records.user_by_email(email),
            Self::NameAndZip { first, last, zip } => records.user_by_name(first, last, zip),
        }
    }

    /// What a customer says of themselves in their own words.
    fn said_in(instruction: &str, user: &Value) -> Self {
        let email = text(user, "/email");
        if !email.is_empty() && instruction.contains(email) {
            return Self::Email(email.to_owned());
        }
        Self::NameAndZip {
            first: text(user, "/name/first_name").to_owned(),
            last: text(user, "/name/last_name").to_owned(),
            zip: text(user, "/address/zip").to_owned(),
        }
    }
}

impl Step {
    fn from_listed(listed: Listed) -> Option<Self> {
        let Listed { name, kwargs } = listed;
        let part =
            |name: &str| kwargs.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(match name.as_str() {
            "get_order_details" => Self::Read(Read::Order(part("order_id"))),
            "get_user_details" => Self::Read(Read::User(part("user_id"))),
            "get_product_details" => Self::Read(Read::Product(part("product_id"))),
            "list_all_product_types" => Self::Read(Read::Products),
            "find_user_id_by_email" => Self::Read(Read::Find(Proof::Email(part("email")))),
            "find_user_id_by_name_zip" => Self::Read(Read::Find(Proof::NameAndZip {
                first: part("first_name"),
                last: part("last_name"),
                zip: part("zip"),
            })),
            "transfer_to_human_agents" => Self::Transfer(part("summary")),
            other => Self::Write(Write { tool: Tool::named(other)?, input: kwargs }),
        })
    }
}

impl Write {
    /// The text of one part of the input; empty when there is none.
    pub(crate) fn text(&self, part: &str) -> &str {
        self.input.get(part).and_then(Value::as_str).unwrap_or_default()
    }

    /// The texts of one part of the input.
    pub(crate) fn texts(&self, part: &str) -> Vec<&str> {
        let list = self.input.get(part).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The order that it is about; empty for a customer's own address.
    pub(crate) fn order(&self) -> &str {
        self.text("order_id")
    }

    /// The same with another value for one part.
    pub(crate) fn with(&self, part: &str, value: impl Into<Value>) -> Self {
        let mut changed = self.clone();
        changed.input.insert(part.to_owned(), value.into());
        changed
    }
}

impl Tool {
    /// Every change there is.
    pub(crate) const ALL: [Self; 7] = [
        Self::Cancel,
        Self::Address,
        Self::Payment,
        Self::Items,
        Self::UserAddress,
        Self::Return,
        Self::Exchange,
    ];

    /// The name that the data has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel_pending_order",
            Self::Address => "modify_pending_order_address",
            Self::Payment => "modify_pending_order_payment",
            Self::Items => "modify_pending_order_items",
            Self::UserAddress => "modify_user_address",
            Self::Return => "return_delivered_order_items",
            Self::Exchange => "exchange_delivered_order_items",
        }
    }

    /// The change of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// The only status in which an order allows it. `None` when it is not about an order.
    pub(crate) fn status(self) -> Option<&'static str> {
        match self {
            Self::Cancel | Self::Address | Self::Payment | Self::Items => Some("pending"),
            Self::Return | Self::Exchange => Some("delivered"),
            Self::UserAddress => None,
        }
    }
}
