//! The cases of the demonstration: a dozen stories that can be told apart, and the everyday around them.

mod everyday;
mod proof;

use std::collections::VecDeque;

use belay_domain::Digest;
use serde_json::{Value, json};

use belay_api::v1;

use super::company::{Fault, Store};
use crate::commands::case::sameness;

pub(crate) use everyday::everyday;
pub(crate) use proof::{Proof, prove};

/// A story that is told while it happens, and proved afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Story {
    /// An action inside its boundary goes through and is verified by read-back.
    Verified,
    /// One outside is denied by the rule's name; the case goes to those who may.
    Denied,
    /// A refund over its limit waits for two people; who runs the agent does not count, and nobody counts twice.
    TwoPeople,
    /// The system commits and answers 500; nobody writes a second time.
    HalfFailed,
    /// An agent is killed in the middle of a write.
    AgentKilled,
    /// A queue takes the ticket and nobody takes it; somebody does and gives it back.
    EmptyPromise,
    /// The supervisor is killed and started again.
    SupervisorKilled,
    /// A write does something else than promised and is taken back.
    Diverged,
    /// A plan across ERP, CRM and billing is taken back in reverse.
    PlanUndone,
    /// The same matter is reported again, twice.
    Duplicate,
    /// A refund that no agent may make: people take the case.
    TooMuch,
    /// A contract in shadow mode decides and does not write.
    Shadow,
}

/// A case that is opened.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    /// Names the request.
    pub(crate) key: String,
    /// The story it tells, if it tells one.
    pub(crate) story: Option<Story>,
    subject: String,
    kind: &'static str,
    customer: String,
    severity: v1::Severity,
    labels: Vec<(&'static str, String)>,
    message: String,
    task: Value,
    fingerprint: Option<Digest>,
}

impl Story {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 12] = [
        Self::Verified,
        Self::Denied,
        Self::TwoPeople,
        Self::HalfFailed,
        Self::AgentKilled,
        Self::EmptyPromise,
        Self::SupervisorKilled,
        Self::Diverged,
        Self::PlanUndone,
        Self::Duplicate,
        Self::TooMuch,
        Self::Shadow,
    ];

    /// What it is called on the screen.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Verified => "verified by read-back",
            Self::Denied => "denied by name",
            Self::TwoPeople => "two people agree",
            Self::HalfFailed => "done, and answered 500",
            Self::AgentKilled => "agent killed (SIGKILL)",
            Self::EmptyPromise => "a queue that says yes",
            Self::SupervisorKilled => "supervisor killed",
            Self::Diverged => "a write that lies",
            Self::PlanUndone => "plan undone in reverse",
            Self::Duplicate => "reported three times",
            Self::TooMuch => "beyond every agent",
            Self::Shadow => "shadow mode",
        }
    }

    /// The event that makes the point of the story, to be shown once it is over.
    pub(crate) fn point(self) -> &'static str {
        match self {
            Self::Verified | Self::SupervisorKilled => "action_verified",
            Self::Denied | Self::TooMuch => "action_denied",
            Self::TwoPeople => "approval_ended",
            Self::HalfFailed => "action_unknown",
            Self::AgentKilled => "lease_expired",
            Self::EmptyPromise => "escalation_lapsed",
            Self::Diverged => "action_diverged",
            Self::PlanUndone => "plan_undone",
            Self::Duplicate => "contact_linked",
            Self::Shadow => "action_shadowed",
        }
    }
}

impl Opening {
    /// A case about money: give back `minor` cents of the customer's charge.
    pub(crate) fn refund(key: &str, subject: &str, minor: i64, reason: &str) -> Self {
        let number = number(key);
        let task = json!({
            "charge_id": format!("ch-{number}"), "amount_minor": minor, "reason": reason,
        });
        Self::new(key, subject, "refund", task, "Please give me my money back.")
    }

    /// A case about where a customer lives.
    pub(crate) fn address(key: &str, subject: &str, street: &str) -> Self {
        let address = json!({ "street": street, "city": "Graz", "zip": "8010", "country": "AT" });
        let message = format!("I have moved to {street}.");
        Self::new(key, subject, "address-change", json!({ "address": address }), &message)
    }

    /// A case about something worth noting.
    pub(crate) fn note(key: &str, subject: &str, text: &str) -> Self {
        Self::new(key, subject, "note", json!({ "text": text }), text)
    }

    /// A case about a device.
    pub(crate) fn device(key: &str, subject: &str, field: &str, value: &str) -> Self {
        let record = format!("dev-{}", number(key));
        let task = json!({ "record_id": record, "field": field, "value": value });
        Self::new(key, subject, "record-change", task, "Could you change this?")
    }

    /// A case about goodwill.
    pub(crate) fn credit(key: &str, subject: &str, minor: i64) -> Self {
        Self::new(key, subject, "credit", json!({ "amount_minor": minor }), "I waited for weeks.")
    }

    /// A case about an order.
    pub(crate) fn order(key: &str, subject: &str, quantity: i64) -> Self {
        let order = format!("so-{}", number(key));
        let task = json!({ "order_id": order, "sku": "lamp", "quantity": quantity });
        Self::new(key, subject, "order-change", task, "I need another number of lamps.")
    }

    /// A case that is for people.
    pub(crate) fn for_people(key: &str, subject: &str, severity: v1::Severity) -> Self {
        let mut opening =
            Self::new(key, subject, "other", Value::Null, "Somebody has to look at this.");
        opening.severity = severity;
        opening
    }

    fn new(key: &str, subject: &str, kind: &'static str, task: Value, message: &str) -> Self {
        Self {
            key: key.to_owned(),
            story: None,
            subject: subject.to_owned(),
            kind,
            customer: format!("cust-{}", number(key)),
            severity: v1::Severity::Unspecified,
            labels: Vec::new(),
            message: message.to_owned(),
            task,
            fingerprint: None,
        }
    }

    /// Tells a story.
    pub(crate) fn tells(mut self, story: Story) -> Self {
        self.story = Some(story);
        self
    }

    /// With a label.
    pub(crate) fn label(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((key, value.into()));
        self
    }

    /// The same matter as every other report of this text.
    pub(crate) fn matter(mut self, text: &str) -> Self {
        self.fingerprint = Some(sameness(text));
        self
    }

    /// The record that it will write to, by which the company's misbehaviour is told.
    pub(crate) fn record(&self) -> String {
        let named = ["charge_id", "record_id", "order_id"].iter();
        let named = named.filter_map(|field| self.task.get(field).and_then(Value::as_str)).next();
        named.map_or_else(|| self.customer.clone(), str::to_owned)
    }

    /// The request that opens it.
    pub(crate) fn request(&self) -> v1::OpenCaseRequest {
        let entry = |kind: &str, body: String, source: v1::ProvenanceSource| v1::NewContextEntry {
            kind: kind.to_owned(),
            body,
            provenance: Some(v1::Provenance {
                source: source.into(),
                reference: format!("demo/{}", self.key),
            }),
        };
        let mut context =
            vec![entry("message", self.message.clone(), v1::ProvenanceSource::Customer)];
        if !self.task.is_null() {
            context.push(entry(
                "fact",
                self.task.to_string(),
                v1::ProvenanceSource::SystemOfRecord,
            ));
        }
        let labels = self.labels.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        v1::OpenCaseRequest {
            request_id: format!("demo-{}", self.key),
            subject: self.subject.clone(),
            severity: self.severity.into(),
            kind: self.kind.to_owned(),
            customer: self.customer.clone(),
            channel: "demo".to_owned(),
            labels: labels.collect(),
            fingerprint: self.fingerprint.map(|digest| digest.to_string()),
            context,
            ..v1::OpenCaseRequest::default()
        }
    }

    /// Everything the company has to know for this case.
    fn put_into(&self, store: &mut Store) {
        let customer = json!({
            "id": self.customer, "status": "active",
            "address": { "street": "Old Street 1", "city": "Graz", "zip": "8010", "country": "AT" },
        });
        store.customers.insert(self.customer.clone(), customer);
        let record = self.record();
        match self.kind {
            "order-change" => {
                let order = json!({
                    "id": record, "customer_id": self.customer, "status": "open",
                    "lines": [{ "sku": "lamp", "quantity": 1 }], "adjustments": [],
                });
                store.orders.insert(record, order);
            }
            "record-change" => {
                let fields = json!({ "owner": "nobody", "location": "store", "state": "stored" });
                store.records.insert(record.clone(), json!({ "id": record, "fields": fields }));
            }
            _ if self.task.get("charge_id").is_some() => {
                let charge = json!({
                    "id": record, "customer_id": self.customer, "status": "paid",
                    "amount_minor": 300_000, "refunded_minor": 0, "currency": "USD",
                });
                store.charges.insert(record, charge);
            }
            _ => {}
        }
    }
}

/// The company before the demonstration: a record for each of these cases, and how it will misbehave.
pub(crate) fn company(openings: &[Opening]) -> Store {
    let mut store = Store::default();
    for opening in openings {
        opening.put_into(&mut store);
        let faults: &[Fault] = match opening.story {
            Some(Story::HalfFailed) => &[Fault::FailAfterCommit],
            // So slow that the agent can be killed while it waits for the answer.
            Some(Story::AgentKilled) => &[Fault::Slow(2_000)],
            Some(Story::Diverged) => &[Fault::Distort],
            Some(Story::PlanUndone) => &[Fault::Refuse],
            _ => &[],
        };
        if !faults.is_empty() {
            store.faults.insert(opening.record(), VecDeque::from(faults.to_vec()));
        }
    }
    store
}

/// The cases that tell the stories. Each is opened when its turn comes.
pub(crate) fn told() -> Vec<Opening> {
    use Story as S;
    vec![
        Opening::address("101", "New address after moving", "Lindenweg 4").tells(S::Verified),
        {
            // The CRM agent will try what only billing may.
            let mut opening =
                Opening::refund("102", "Thanks, and my money back", 3000, "not-delivered");
            opening.kind = "note";
            opening.label("wants-money", "yes").tells(S::Denied)
        },
        Opening::refund("103", "Charged twice for a year", 18_000, "duplicate-charge")
            .tells(S::TwoPeople),
        Opening::refund("104", "Parcel never came", 4500, "not-delivered").tells(S::HalfFailed),
        Opening::refund("105", "Charged twice in May", 4000, "duplicate-charge")
            .tells(S::AgentKilled),
        Opening::for_people("106", "Checkout is down for everybody", v1::Severity::Critical)
            .tells(S::EmptyPromise),
        Opening::refund("107", "Double charge at the till", 2500, "duplicate-charge")
            .label("pace", "6000")
            .tells(S::SupervisorKilled),
        Opening::credit("108", "Goodwill for a late delivery", 35_00).tells(S::Diverged),
        {
            let mut opening =
                Opening::refund("109", "Broken, late and overcharged", 2000, "goodwill");
            opening.kind = "credit";
            opening.label("plan", "yes").tells(S::PlanUndone)
        },
        Opening::device("110", "Laptop goes to Mira", "owner", "mira")
            .label("pace", "5000")
            .matter("laptop dev-110 goes to mira")
            .tells(S::Duplicate),
        Opening::refund("111", "The whole contract back", 120_000, "not-delivered")
            .tells(S::TooMuch),
        Opening::device("112", "Retire an old printer", "state", "retired")
            .label("retire", "yes")
            .tells(S::Shadow),
    ]
}

fn number(key: &str) -> &str {
    key.trim_start_matches(|c: char| !c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Story, company, everyday, told};

    #[test]
    fn every_story_is_told_once() {
        let stories: Vec<_> = told().iter().filter_map(|opening| opening.story).collect();
        assert_eq!(stories, Story::ALL);
    }

    #[test]
    fn no_two_cases_share_a_customer_or_a_request() {
        let all: Vec<_> = told().into_iter().chain(everyday()).collect();
        let requests: BTreeSet<_> =
            all.iter().map(|opening| opening.request().request_id).collect();
        let customers: BTreeSet<_> = all.iter().map(|opening| opening.customer.clone()).collect();
        assert_eq!((requests.len(), customers.len()), (all.len(), all.len()));
        assert!((30..=40).contains(&all.len()), "{}", all.len());
    }

    #[test]
    fn the_company_knows_what_it_will_be_asked_about() {
        let all: Vec<_> = told().into_iter().chain(everyday()).collect();
        let store = company(&all);
        for opening in &all {
            let record = opening.record();
            let known = store.charges.contains_key(&record)
                || store.orders.contains_key(&record)
                || store.records.contains_key(&record)
                || store.customers.contains_key(&record);
            assert!(known, "{record} of {}", opening.subject);
        }
        assert_eq!(store.faults.len(), 4);
    }
}
