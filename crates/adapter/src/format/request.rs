//! One request as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// One request. What it answers is known to what follows by its name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestRule {
    /// The name under which what follows sees the answer; its status is `status_NAME`, its headers `headers_NAME`.
    pub(crate) name: String,
    /// The method; `GET` when left out.
    #[serde(default)]
    pub(crate) method: MethodName,
    /// The path below the base URL: a template whose values are percent-encoded.
    pub(crate) path: String,
    /// What stands after the question mark: templates. A value that is one expression and gives null is left out.
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    /// Headers of this request.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The body, with templates in the place of texts.
    pub(crate) body: Option<Value>,
    /// It changes nothing, whatever its method.
    #[serde(default)]
    pub(crate) safe: bool,
    /// Asked only if this expression is true; otherwise its answer is null.
    pub(crate) when: Option<String>,
    /// Asked once for each `item` of this list (an expression). What follows sees a list of `{item, answer}`.
    pub(crate) each: Option<String>,
    /// That there is no such thing is an answer: null.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Statuses that are answers, too: null.
    #[serde(default)]
    pub(crate) tolerate: Vec<u16>,
    /// Success without a body is fine.
    #[serde(default)]
    pub(crate) empty: bool,
    /// Has to be true of a success (an expression over `answer`), or the answer is not understood.
    pub(crate) expect: Option<String>,
    /// The answer of last time counts while this expression gives what it gave then: only where everything that matters
    /// in the answer changes it, such as the history of a record and the record itself. It has to have stood still for a
    /// while, and the answer is asked for anew now and then all the same.
    pub(crate) kept_while: Option<String>,
    /// The answer carries an `ETag`: it is asked for with `If-None-Match` the next time, and 304 says that it is the
    /// same. Weak tags are not used.
    #[serde(default)]
    pub(crate) conditional: bool,
    /// The list within the answer (an expression over `answer`); what follows sees all pages of it as one list.
    pub(crate) items: Option<String>,
    /// What the next page is asked for with, or null after the last one (an expression over `answer`, `items` of this
    /// page, `seen` items so far, `page`, `headers` and `links`). The request sees it as `page`.
    pub(crate) next: Option<String>,
    /// The most pages; more is not understood.
    #[serde(default = "fifty")]
    pub(crate) pages_max: u32,
}

/// The methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MethodName {
    /// Reads.
    #[default]
    Get,
    /// Adds.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

fn fifty() -> u32 {
    50
}
