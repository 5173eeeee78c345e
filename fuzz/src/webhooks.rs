//! Webhooks: whatever is sent, only what was signed with the secret is taken, in its time and once.

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use belay_domain::Timestamp;
use belay_playbook::{Hook, HookHmac, HookProof, Signed, TimePlace, fuzzing};
use belay_supervisor::HookOutcome;
use belay_supervisor::fuzzing::Door;
use http::{HeaderMap, HeaderName, HeaderValue};

/// One that every form takes: Standard Webhooks want base64 behind the prefix, the others take any text.
const SECRET: &str = "whsec_bmV3LXNlY3JldA==";
const OTHER_SECRET: &str = "whsec_b2xkLXNlY3JldA==";

/// Every form in which vendors sign, and two of one's own.
const OPERATIONS: &str = "
hooks:
  a: {like: standard-webhooks, secrets: [{env: S}], ticket: [/ticket/id]}
  b: {like: zendesk, secrets: [{env: S}], ticket: [/detail/id, /id]}
  c: {like: pagerduty, secrets: [{env: S}], ticket: [/event/data/id]}
  d: {like: jira, secrets: [{env: S}], ticket: [/issue/id, /issue/key]}
  e:
    hmac: {header: X-Own, prefix: 'v0=', signed: 'v0:{timestamp}:{body}'}
    time: {header: X-Time, form: seconds}
    secrets: [{env: S}]
    ticket: [/id]
  f: {shared_secret: X-Secret, time: {body: /at, form: millis}, secrets: [{env: S}], ticket: [/id]}
";

static HOOKS: LazyLock<Vec<Hook>> = LazyLock::new(|| {
    let hooks = fuzzing::hooks(OPERATIONS);
    assert_eq!(hooks.len(), 6, "every form compiles");
    hooks
});

/// A webhook: a byte for its form, a byte for how it is proven, headers as lines, an empty line, the body.
pub fn webhooks(data: &[u8]) {
    let [form, how, message @ ..] = data else { return };
    let hook = &HOOKS[usize::from(*form) % HOOKS.len()];
    send(hook, *how, message);
}

/// Webhooks of a form that somebody described: the description, a NUL, and what is sent as [`webhooks`] has it.
pub fn webhook_forms(data: &[u8]) {
    let Some(at) = data.iter().position(|byte| *byte == 0) else { return };
    let (text, message) = (&data[..at], &data[at + 1..]);
    let (Ok(text), [how, message @ ..]) = (std::str::from_utf8(text), message) else { return };
    for hook in fuzzing::hooks(text) {
        send(&hook, *how, message);
    }
}

fn send(hook: &Hook, how: u8, message: &[u8]) {
    let now: Timestamp = "2026-01-31T12:00:00Z".parse().expect("a moment");
    let (mut headers, body) = read(message);
    let (Some(door), Some(_)) = (Door::new(hook, SECRET), Door::new(hook, OTHER_SECRET)) else {
        return;
    };
    match how % 3 {
        0 => {
            let taken = door.take(&headers, body, now);
            assert!(taken.is_err(), "unsigned, and taken: {taken:?}");
        }
        1 => {
            prove(hook, OTHER_SECRET, &mut headers, body);
            let taken = door.take(&headers, body, now);
            assert!(taken.is_err(), "signed with another secret, and taken: {taken:?}");
        }
        _ => {
            prove(hook, SECRET, &mut headers, body);
            if door.take(&headers, body, now).is_err() {
                return;
            }
            let again = door.take(&headers, body, now);
            assert_eq!(again, Err(HookOutcome::Replayed));
            if matches!(hook.proof, HookProof::Hmac(_)) {
                let other = [body, b" "].concat();
                assert_eq!(door.take(&headers, &other, now), Err(HookOutcome::Forged));
            }
            let late = belay_domain::after(now, belay_domain::Span::from_mins(11));
            if hook.time.is_some() {
                assert_eq!(door.take(&headers, body, late), Err(HookOutcome::Late));
            }
        }
    }
}

/// Headers as lines, an empty line, the body.
fn read(message: &[u8]) -> (HeaderMap, &[u8]) {
    let (mut headers, mut rest) = (HeaderMap::new(), message);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = line[colon + 1..].trim_ascii();
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    (headers, rest)
}

/// Adds what proves a webhook, as its form is published.
fn prove(hook: &Hook, secret: &str, headers: &mut HeaderMap, body: &[u8]) {
    let (name, value) = match &hook.proof {
        HookProof::SharedSecret(name) => (name, secret.to_owned()),
        HookProof::Hmac(form) => {
            let time = hook.time.as_ref().and_then(|time| match &time.place {
                TimePlace::Header(name) => Some(name.as_str()),
                TimePlace::Body(_) => None,
            });
            (&form.header, signature(form, time, secret, headers, body))
        }
    };
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
        headers.insert(name, value);
    }
}

fn signature(
    form: &HookHmac,
    time: Option<&str>,
    secret: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> String {
    let shown = |name: Option<&str>| {
        let value = name.and_then(|name| headers.get(name));
        value.map(HeaderValue::as_bytes).unwrap_or_default()
    };
    let mut signed = Vec::new();
    for part in &form.signed {
        signed.extend_from_slice(match part {
            Signed::Text(text) => text.as_bytes(),
            Signed::Id => shown(form.id.as_deref()),
            Signed::Timestamp => shown(time),
            Signed::Body => body,
        });
    }
    let key = if form.base64_key {
        STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64")
    } else {
        secret.as_bytes().to_vec()
    };
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed);
    let written = if form.base64 {
        STANDARD.encode(tag)
    } else {
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    format!("{}{written}", form.prefix)
}
