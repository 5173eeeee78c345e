//! A description as it is written: the shape of its YAML.
//!
//! Texts called "expression" are CEL; texts with `{{ expression }}` in them are templates. Which names an expression
//! may use is said in `docs/connectors.md`.

mod request;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use request::MethodName;
pub(crate) use request::RequestRule;

/// How one kind of ticket system is asked and understood.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescriptionFile {
    /// What it is called, for people.
    pub(crate) name: String,
    /// Where the vendor says what stands here.
    #[serde(default)]
    pub(crate) sources: Vec<String>,
    /// How Belay proves who it is.
    pub(crate) auth: AuthRule,
    /// Sent with every request; templates over `fields` and `ourselves`.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Names that differ from one installation to the next, such as those of custom fields, and what they are where
    /// `systems.yaml` does not say. Expressions see them as `fields`.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, String>,
    /// Accounts of every installation that are machines.
    #[serde(default)]
    pub(crate) machines: Vec<String>,
    /// Characters that would change the meaning of a request if they stood in an id. Such an id is not asked for.
    #[serde(default)]
    pub(crate) never_in_ids: String,
    /// How often it may be asked.
    #[serde(default)]
    pub(crate) pace: PaceRule,
    /// How long its search may lag behind its creates, in seconds.
    #[serde(default = "ten")]
    pub(crate) settles_within: u32,
    /// Answers that are errors, whatever their status says.
    #[serde(default)]
    pub(crate) errors: Vec<ErrorRule>,
    /// What its statuses mean. One that is named neither here nor in `systems.yaml` is unknown, and unknown is never
    /// cover.
    pub(crate) statuses: BTreeMap<String, Meaning>,
    /// Who is who.
    pub(crate) accounts: AccountsRule,
    /// Looking at a queue.
    pub(crate) inspect: InspectRule,
    /// Finding the tickets of one step.
    pub(crate) find: ListRule,
    /// Making a ticket.
    pub(crate) create: CreateRule,
    /// Reading tickets with what was done to them.
    pub(crate) read: ReadRule,
    /// Reading what people wrote on a ticket, and who wrote it; without it nobody can decide on a ticket.
    pub(crate) statements: Option<StatementsRule>,
    /// Listing our open tickets.
    pub(crate) ours: Option<ListRule>,
    /// Telling people that a ticket is no longer needed.
    pub(crate) withdraw: Option<WithdrawRule>,
    /// What else can be shown about a route.
    pub(crate) prove: Option<ProveRule>,
}

/// How Belay proves who it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthRule {
    /// How the secret is sent.
    pub(crate) scheme: AuthScheme,
    /// The header, for `header`; `Authorization` when left out.
    pub(crate) header: Option<String>,
    /// What stands before the secret, for `header`.
    #[serde(default)]
    pub(crate) prefix: String,
    /// Where a token is asked for, for `oauth2`.
    pub(crate) token_path: Option<String>,
}

/// How a secret is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthScheme {
    /// `Authorization: Bearer SECRET`.
    Bearer,
    /// `Authorization: Basic`, where the secret is `USER:PASSWORD`.
    Basic,
    /// In a header of its own.
    Header,
    /// A token is asked for with client credentials (RFC 6749, 4.4), where the secret is `CLIENT_ID:CLIENT_SECRET`.
    Oauth2,
}

/// How often a system may be asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaceRule {
    /// So many requests a minute.
    #[serde(default = "default_per_minute")]
    pub(crate) per_minute: u32,
    /// So many at once after a quiet time.
    #[serde(default = "ten")]
    pub(crate) burst: u32,
    /// The headers that say, in seconds, how long to wait after too many requests; the first that is there counts.
    #[serde(default = "retry_after")]
    pub(crate) retry_after: Vec<String>,
    /// The header that says how many requests are left.
    pub(crate) remaining: Option<String>,
    /// The header that says in how many seconds there will be more.
    pub(crate) resets_in: Option<String>,
}

/// An answer that is an error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorRule {
    /// Whether it is one: an expression over `status`, `headers` and `answer`.
    pub(crate) when: String,
    /// Which.
    pub(crate) is: ErrorKind,
    /// What it says, for people: an expression like `when`.
    pub(crate) detail: Option<String>,
}

/// The kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ErrorKind {
    /// It will not do it, however often it is asked.
    Refused,
    /// Our credential is not accepted.
    Unauthorized,
    /// We ask too often.
    RateLimited,
    /// It cannot answer now, and nothing was done.
    Unavailable,
    /// There is no such thing.
    Missing,
    /// What was to be made is there already: look for it.
    AlreadyThere,
}

/// What a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// Waiting or being worked on.
    Open,
    /// Closed with success.
    Resolved,
    /// Closed in another way.
    Rejected,
    /// Gone.
    Deleted,
}

/// Who is who.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountsRule {
    /// By what an `account` is named in histories, holders and memberships: expressions.
    pub(crate) keys: Vec<String>,
    /// What Belay and `systems.yaml` call it: an expression that gives a text.
    pub(crate) name: String,
    /// Whether it is a `'person'`, a `'machine'` or `'unknown'`: an expression.
    pub(crate) kind: String,
}

/// Looking at a queue.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InspectRule {
    /// What is asked; sees `queue`.
    pub(crate) requests: Vec<RequestRule>,
    /// Whether there is such a queue: an expression.
    pub(crate) exists: String,
    /// Whether it takes tickets: an expression.
    pub(crate) enabled: String,
    /// The accounts that are named: an expression that gives a list.
    pub(crate) accounts: String,
    /// Who is on it: an expression that gives a list.
    pub(crate) members: String,
    /// One of the keys of the account of a `member`.
    pub(crate) member: String,
    /// Whether the account of a `member` may be used.
    pub(crate) member_enabled: String,
    /// Whether a `member` has the right to take tickets of this queue.
    pub(crate) member_may_take: String,
    /// Whether a `member` is on shift: true, false, or null where that cannot be told.
    #[serde(default = "null")]
    pub(crate) member_on_shift: String,
}

/// A list of tickets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListRule {
    /// What is asked; sees `correlation` when the tickets of one step are wanted; `queues` and `begin` (what `next`
    /// gave, null at first) when all of ours are.
    pub(crate) requests: Vec<RequestRule>,
    /// The tickets, the oldest first: an expression that gives a list.
    pub(crate) tickets: String,
    /// The id of a `found` ticket.
    pub(crate) id: String,
    /// The correlation id that a `found` ticket carries.
    pub(crate) correlation: String,
    /// The case id that a `found` ticket carries, or null.
    #[serde(default = "null")]
    pub(crate) case: String,
    /// The queue that a `found` ticket is in, or null.
    #[serde(default = "null")]
    pub(crate) queue: String,
    /// The name of the account whose a `found` ticket is, or null.
    #[serde(default = "null")]
    pub(crate) holder: String,
    /// The subject of a `found` ticket, or null.
    #[serde(default = "null")]
    pub(crate) subject: String,
    /// How urgent a `found` ticket is, in the system's own words, or null.
    #[serde(default = "null")]
    pub(crate) priority: String,
    /// What the next page of ours is asked for with (a text), or null after the last one.
    #[serde(default = "null")]
    pub(crate) next: String,
}

/// Making a ticket.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRule {
    /// What is asked; sees `case`, `correlation`, `queue`, `subject`, `text` and `severity` (1 to 4). Exactly one of
    /// them changes anything.
    pub(crate) requests: Vec<RequestRule>,
    /// The new ticket's id: an expression.
    pub(crate) id: String,
}

/// Reading tickets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadRule {
    /// So many tickets are read together.
    #[serde(default = "one")]
    pub(crate) at_once: usize,
    /// What is asked; sees `wanted`, a list of `{ticket, correlation, queue}`.
    pub(crate) requests: Vec<RequestRule>,
    /// The accounts that are named: an expression that gives a list.
    pub(crate) accounts: String,
    /// What was answered about one `ticket`, or null if there is no such ticket.
    pub(crate) record: String,
    /// What was done to it, the oldest first, in the system's own order: an expression that gives a list.
    pub(crate) history: String,
    /// The id that the `record` itself carries.
    pub(crate) id: String,
    /// The case id on it, or null.
    pub(crate) case: String,
    /// The correlation id on it, or null.
    pub(crate) correlation: String,
    /// The queue it is in, as `queue` if it is the one that is wanted.
    pub(crate) queue: String,
    /// Its status, as `statuses` names it.
    pub(crate) status: String,
    /// Which ticket it was joined to, or null.
    #[serde(default = "null")]
    pub(crate) merged_into: String,
    /// A whole number that grows with every change of it.
    pub(crate) revision: String,
    /// A key of the account whose it is, or null.
    pub(crate) holder: String,
    /// Who did an `entry` of the history: a key of their account.
    pub(crate) by: String,
    /// What an `entry` of the history says was done; the first that fits counts.
    pub(crate) acts: Vec<ActRule>,
    /// How it was closed.
    pub(crate) resolution: ResolutionRule,
}

/// What an entry of a history says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActRule {
    /// Whether it says that: an expression over `entry`.
    pub(crate) when: String,
    /// What.
    pub(crate) what: What,
    /// A key of the new holder's account, or null if it is nobody's now; for `holder`.
    pub(crate) to: Option<String>,
}

/// What can have been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    /// It has another holder: taken if by themselves, given if by somebody else, given back if it is nobody's.
    Holder,
    /// Taken, by whoever did it.
    Took,
    /// Given back.
    GaveBack,
    /// Somebody wrote to the customer.
    Replied,
    /// Somebody wrote a note.
    Noted,
    /// Its state changed.
    ChangedState,
    /// It was moved to another queue.
    Moved,
    /// Something that does not matter.
    Other,
    /// Nobody did anything.
    Nothing,
}

/// How a ticket was closed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolutionRule {
    /// A key of the account that closed it, or null.
    pub(crate) by: String,
    /// The code, as people chose it, or null.
    #[serde(default = "null")]
    pub(crate) code: String,
    /// What was written, or null.
    #[serde(default = "null")]
    pub(crate) note: String,
    /// What was left with it: an expression that gives a list of texts, or null.
    #[serde(default = "null")]
    pub(crate) links: String,
}

/// What was written on a ticket: what people decide by where the playbook lets them decide on a ticket.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatementsRule {
    /// What is asked; sees `ticket`.
    pub(crate) requests: Vec<RequestRule>,
    /// The accounts that are named: an expression that gives a list.
    pub(crate) accounts: String,
    /// What was written since the ticket was made and still stands there, the oldest first: an expression that gives a
    /// list.
    pub(crate) said: String,
    /// What the system calls a `statement`. One that can be edited has another id afterwards.
    pub(crate) id: String,
    /// A key of the account that wrote a `statement`.
    pub(crate) by: String,
    /// Whether it is sure that this account wrote a `statement` as it stands there. False of what came by mail, was
    /// edited by somebody else, or was sent in a person's name by a program: then nobody is known to have said it.
    pub(crate) sure: String,
    /// What it says. The first line counts.
    pub(crate) text: String,
}

/// Telling people that a ticket is no longer needed. Belay reads it before and after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithdrawRule {
    /// How a comment is left; sees `ticket`, `record` and `note`.
    pub(crate) comment: Vec<RequestRule>,
    /// How a ticket that nobody holds is closed, if at all; sees the same.
    #[serde(default)]
    pub(crate) close: Vec<RequestRule>,
}

/// What can be shown about a route.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProveRule {
    /// What is asked; sees `queue`.
    pub(crate) requests: Vec<RequestRule>,
    /// The statuses that tickets there can have: an expression that gives a list of texts, or null.
    #[serde(default = "null")]
    pub(crate) statuses: String,
    /// What else is looked at.
    #[serde(default)]
    pub(crate) checks: Vec<CheckRule>,
}

/// One thing that is looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckRule {
    /// Which.
    pub(crate) check: CheckName,
    /// Whether it is as it should be: true, false, or null where that cannot be told.
    pub(crate) held: String,
    /// What to do if it is not, or why it cannot be told.
    pub(crate) remedy: String,
}

/// What can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckName {
    /// Its tickets, their history and our marks on them can be read.
    Readable,
    /// Our account may do all that is needed.
    RightsSuffice,
    /// Our account may do nothing that is not needed.
    RightsNotExcessive,
    /// Every state is mapped.
    StatusesMapped,
}

impl Default for PaceRule {
    fn default() -> Self {
        Self {
            per_minute: default_per_minute(),
            burst: ten(),
            retry_after: retry_after(),
            remaining: None,
            resets_in: None,
        }
    }
}

fn null() -> String {
    "null".to_owned()
}

fn one() -> usize {
    1
}

fn ten() -> u32 {
    10
}

fn default_per_minute() -> u32 {
    300
}

fn retry_after() -> Vec<String> {
    vec!["retry-after".to_owned()]
}
