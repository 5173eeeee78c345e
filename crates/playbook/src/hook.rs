//! Webhooks that outside systems send: how each is proven to come from where it says, and where it names a ticket.
//!
//! The forms are data. Those of vendors are written down here with where they are published; operators describe any
//! other in `operations.yaml`.

use belay_domain::SystemId;

use crate::check::Check;
use crate::format::{EncodingName, HmacRule, HookLike, HookRule, KeyName, TimeFormName, TimeRule};
use crate::operations::{Secret, secret};

/// The webhooks of one system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The system that sends them.
    pub system: SystemId,
    /// How they are proven.
    pub proof: HookProof,
    /// The secrets that are accepted.
    pub secrets: Vec<Secret>,
    /// Where the body names the ticket, as JSON pointers.
    pub tickets: Vec<String>,
    /// Where they say when they were sent, if they do.
    pub time: Option<HookTime>,
}

/// How a webhook is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookProof {
    /// By a signature over it.
    Hmac(HookHmac),
    /// By this header, which carries the secret itself.
    SharedSecret(String),
}

/// An HMAC-SHA256 signature in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookHmac {
    /// The header that carries it.
    pub header: String,
    /// What stands before it.
    pub prefix: String,
    /// What stands between several of them.
    pub separator: Option<char>,
    /// Whether it is written in base64; otherwise in hexadecimal digits.
    pub base64: bool,
    /// What is signed.
    pub signed: Vec<Signed>,
    /// The header that carries the webhook's id.
    pub id: Option<String>,
    /// Whether the secret is written in base64.
    pub base64_key: bool,
}

/// A part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// This text.
    Text(String),
    /// The webhook's id, as its header has it.
    Id,
    /// The moment, as its header has it.
    Timestamp,
    /// The raw body.
    Body,
}

/// Where a webhook says when it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookTime {
    /// Where.
    pub place: TimePlace,
    /// How it is written.
    pub form: TimeForm,
}

/// Where a moment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimePlace {
    /// In this header.
    Header(String),
    /// At this place of the body, a JSON pointer.
    Body(String),
}

/// How a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// As seconds since 1970.
    Seconds,
    /// As milliseconds since 1970.
    Millis,
    /// As RFC 3339.
    Rfc3339,
}

impl HookLike {
    /// The form as its vendor publishes it.
    fn form(self) -> (HookHmac, HookTime) {
        let hmac = |header: &str, prefix: &str, base64, signed| HookHmac {
            header: header.to_owned(),
            prefix: prefix.to_owned(),
            separator: None,
            base64,
            signed,
            id: None,
            base64_key: false,
        };
        let header = |name: &str, form| HookTime { place: TimePlace::Header(name.into()), form };
        let body = |at: &str, form| HookTime { place: TimePlace::Body(at.into()), form };
        let text = |text: &str| Signed::Text(text.to_owned());
        match self {
            // github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
            Self::StandardWebhooks => (
                HookHmac {
                    separator: Some(' '),
                    id: Some("webhook-id".to_owned()),
                    base64_key: true,
                    ..hmac(
                        "webhook-signature",
                        "v1,",
                        true,
                        vec![Signed::Id, text("."), Signed::Timestamp, text("."), Signed::Body],
                    )
                },
                header("webhook-timestamp", TimeForm::Seconds),
            ),
            // developer.zendesk.com, "Verifying webhook authenticity".
            Self::Zendesk => (
                hmac(
                    "x-zendesk-webhook-signature",
                    "",
                    true,
                    vec![Signed::Timestamp, Signed::Body],
                ),
                header("x-zendesk-webhook-signature-timestamp", TimeForm::Rfc3339),
            ),
            // developer.pagerduty.com, "Verifying webhook signatures": one for each secret that is being exchanged.
            Self::Pagerduty => (
                HookHmac {
                    separator: Some(','),
                    ..hmac("x-pagerduty-signature", "v1=", false, vec![Signed::Body])
                },
                body("/event/occurred_at", TimeForm::Rfc3339),
            ),
            // developer.atlassian.com, "Webhooks", on secure admin webhooks: WebSub's X-Hub-Signature.
            Self::Jira => (
                hmac("x-hub-signature", "sha256=", false, vec![Signed::Body]),
                body("/timestamp", TimeForm::Millis),
            ),
        }
    }
}

/// Compiles the hook of one system.
pub(crate) fn compile(check: &mut Check<'_>, system: SystemId, rule: HookRule) -> Option<Hook> {
    let pointer = crate::json::child("/hooks", system.as_str());
    check.known_system(&pointer, system.as_str());
    let own_time = rule.time.as_ref().and_then(|rule| time(check, &pointer, rule));
    let (proof, time) = match (rule.like, &rule.hmac, &rule.shared_secret) {
        (Some(like), None, None) => {
            let (hmac, time) = like.form();
            (HookProof::Hmac(hmac), Some(own_time.unwrap_or(time)))
        }
        (None, Some(own), None) => (HookProof::Hmac(hmac(check, &pointer, own)), own_time),
        (None, None, Some(name)) => {
            header(check, &format!("{pointer}/shared_secret"), name);
            (HookProof::SharedSecret(name.to_ascii_lowercase()), own_time)
        }
        _ => {
            check.wrong(
                &pointer,
                "it is not clear how these webhooks are proven",
                "give exactly one of like, hmac and shared_secret",
            );
            return None;
        }
    };
    if let HookProof::Hmac(hmac) = &proof {
        let in_header = |time: &HookTime| matches!(time.place, TimePlace::Header(_));
        if hmac.signed.contains(&Signed::Timestamp) && !time.as_ref().is_some_and(in_header) {
            check.wrong(
                &pointer,
                "the timestamp is signed, and it is not said which header carries it",
                "add time {header, form}",
            );
        }
        if !hmac.signed.contains(&Signed::Body) {
            check.wrong(&pointer, "the body is not signed", "add {body} to signed");
        }
    }
    let secrets = rule.secrets.iter().enumerate();
    let secrets =
        secrets.map(|(index, rule)| secret(check, &format!("{pointer}/secrets/{index}"), rule));
    Some(Hook { system, proof, secrets: secrets.collect(), tickets: rule.ticket, time })
}

fn hmac(check: &mut Check<'_>, pointer: &str, rule: &HmacRule) -> HookHmac {
    let pointer = format!("{pointer}/hmac");
    header(check, &format!("{pointer}/header"), &rule.header);
    if let Some(id) = &rule.id {
        header(check, &format!("{pointer}/id"), id);
    }
    let signed = signed(rule.signed.as_deref().unwrap_or("{body}"));
    if signed.contains(&Signed::Id) && rule.id.is_none() {
        check.wrong(
            &format!("{pointer}/signed"),
            "the id is signed, and it is not said which header carries it",
            "add id",
        );
    }
    HookHmac {
        header: rule.header.to_ascii_lowercase(),
        prefix: rule.prefix.clone(),
        separator: rule.separator.as_ref().and_then(|text| text.chars().next()),
        base64: rule.encoding == EncodingName::Base64,
        signed,
        id: rule.id.as_ref().map(|name| name.to_ascii_lowercase()),
        base64_key: rule.key == KeyName::Base64,
    }
}

/// The parts of `{timestamp}.{body}`. What is in no known braces is text.
fn signed(source: &str) -> Vec<Signed> {
    let known =
        [("{id}", Signed::Id), ("{timestamp}", Signed::Timestamp), ("{body}", Signed::Body)];
    let mut parts = Vec::new();
    let mut rest = source;
    while !rest.is_empty() {
        let next = known.iter().filter_map(|(name, part)| Some((rest.find(name)?, name, part)));
        match next.min_by_key(|(at, ..)| *at) {
            Some((at, name, part)) => {
                if at > 0 {
                    parts.push(Signed::Text(rest[..at].to_owned()));
                }
                parts.push(part.clone());
                rest = &rest[at + name.len()..];
            }
            None => {
                parts.push(Signed::Text(rest.to_owned()));
                rest = "";
            }
        }
    }
    parts
}

fn time(check: &mut Check<'_>, pointer: &str, rule: &TimeRule) -> Option<HookTime> {
    let form = match rule.form {
        TimeFormName::Seconds => TimeForm::Seconds,
        TimeFormName::Millis => TimeForm::Millis,
        TimeFormName::Rfc3339 => TimeForm::Rfc3339,
    };
    let place = match (&rule.header, &rule.body) {
        (Some(name), None) => {
            header(check, &format!("{pointer}/time/header"), name);
            TimePlace::Header(name.to_ascii_lowercase())
        }
        (None, Some(at)) => TimePlace::Body(at.clone()),
        _ => {
            let pointer = format!("{pointer}/time");
            check.wrong(&pointer, "a moment is in one place", "give either header or body");
            return None;
        }
    };
    Some(HookTime { place, form })
}

fn header(check: &mut Check<'_>, pointer: &str, name: &str) {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        check.wrong(pointer, format!("{name} is not the name of a header"), "");
    }
}

#[cfg(test)]
mod tests;
