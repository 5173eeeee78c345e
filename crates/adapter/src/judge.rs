//! What an answer says, before anything is taken from it: a value, nothing, or trouble.

use belay_expression::expression::Scope;
use serde_json::Value;

use crate::description::{Ask, Description};
use crate::exchange::{Answer, Trouble, TroubleKind};
use crate::format::ErrorKind;

/// What was answered.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// A value.
    Value(Value),
    /// That there is no such thing, where that is an answer.
    Nothing,
}

/// Judges an answer. Leaves `answer`, `status`, `headers` and `links` in the scope.
pub(crate) fn judge(
    description: &Description,
    ask: &Ask,
    answer: &Answer,
    scope: &mut Scope,
) -> Result<Heard, Trouble> {
    let value = answer.json();
    scope.set("answer", &value);
    scope.set("status", &Value::from(answer.status));
    scope.set("headers", &answer.header_values());
    scope.set("links", &answer.links());
    for case in &description.errors {
        // An answer on which the question makes no sense is not that error.
        if !case.when.holds(scope).unwrap_or(false) {
            continue;
        }
        let detail = case.detail.as_ref().and_then(|detail| detail.value(scope).ok());
        let detail = detail
            .as_ref()
            .and_then(Value::as_str)
            .map_or_else(|| answer.brief(), |detail| detail.chars().take(200).collect());
        let kind = match case.is {
            ErrorKind::Missing if ask.optional => return Ok(Heard::Nothing),
            ErrorKind::Missing | ErrorKind::Refused => TroubleKind::Refused,
            ErrorKind::Unauthorized => TroubleKind::Unauthorized,
            ErrorKind::RateLimited => rate_limited(description, answer),
            ErrorKind::Unavailable => TroubleKind::Unavailable,
            ErrorKind::AlreadyThere => TroubleKind::Unknown,
        };
        return Err(Trouble::new(kind, detail));
    }
    if ask.tolerate.contains(&answer.status) {
        return Ok(Heard::Nothing);
    }
    let kind = match answer.status {
        200..300 => return success(ask, answer, value, scope),
        404 | 410 if ask.optional => return Ok(Heard::Nothing),
        // Nobody asked what changed.
        304 => TroubleKind::NotUnderstood,
        401 => TroubleKind::Unauthorized,
        429 => rate_limited(description, answer),
        503 if !ask.changes && answer.headers.contains_key("retry-after") => {
            rate_limited(description, answer)
        }
        // Something between us and the system may have given up while it went on working.
        408 | 500.. if ask.changes => TroubleKind::Unknown,
        408 | 500.. => TroubleKind::Unavailable,
        _ => TroubleKind::Refused,
    };
    Err(Trouble::new(kind, format!("{}: {}", ask.name, answer.brief())))
}

fn success(ask: &Ask, answer: &Answer, value: Value, scope: &Scope) -> Result<Heard, Trouble> {
    let blank = match &value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    if blank && (ask.empty || ask.optional) {
        return Ok(Heard::Nothing);
    }
    // Prose is no answer, whatever it says.
    if blank || value.is_string() {
        let detail =
            format!("{}: success, and nothing that can be read: {}", ask.name, answer.brief());
        return Err(Trouble::not_understood(detail));
    }
    if let Some(expect) = &ask.expect {
        let why = match expect.holds(scope) {
            Ok(true) => return Ok(Heard::Value(value)),
            Ok(false) => format!("{} does not hold", expect.source()),
            Err(why) => why,
        };
        let detail = format!("{}: the answer has another shape: {why}", ask.name);
        return Err(Trouble::not_understood(detail));
    }
    Ok(Heard::Value(value))
}

fn rate_limited(description: &Description, answer: &Answer) -> TroubleKind {
    TroubleKind::RateLimited { retry_after: answer.seconds(&description.pace.retry_after) }
}
