//! Whether a webhook comes from whom it says, as the playbook describes it: a signature over what was sent, or a
//! secret, compared in a time that tells nothing.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use belay_playbook::{HookHmac, HookProof, HookTime, Signed, TimePlace};
use secrecy::{ExposeSecret, SecretString};

use super::counts::HookOutcome;
use super::seen::Mark;
use crate::heartbeat::standard_key;

/// The most signatures of one webhook that are looked at: one for each secret that is being exchanged.
const SIGNATURES_MAX: usize = 4;

/// The longest id of a webhook.
const ID_BYTES_MAX: usize = 256;

/// How the webhooks of one system are proven, with the secrets.
pub(super) enum Proof {
    Signed(Box<Signature>),
    Shared { header: String, secrets: Vec<SecretString> },
}

/// What a signature is made of, and with.
pub(super) struct Signature {
    form: HookHmac,
    /// The header with the moment that is signed.
    timestamp: Option<String>,
    keys: Vec<hmac::Key>,
}

/// A secret that is not what the form needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotASecret;

impl Proof {
    /// What a playbook describes, with these secrets.
    pub(super) fn new(
        proof: &HookProof,
        time: Option<&HookTime>,
        secrets: Vec<SecretString>,
    ) -> Result<Self, NotASecret> {
        if secrets.iter().any(|secret| secret.expose_secret().is_empty()) {
            return Err(NotASecret);
        }
        match proof {
            HookProof::SharedSecret(header) => Ok(Self::Shared { header: header.clone(), secrets }),
            HookProof::Hmac(form) => {
                let keys: Result<Vec<_>, _> =
                    secrets.iter().map(|secret| key(form, secret)).collect();
                let timestamp = time.and_then(|time| match &time.place {
                    TimePlace::Header(name) => Some(name.clone()),
                    TimePlace::Body(_) => None,
                });
                Ok(Self::Signed(Box::new(Signature { form: form.clone(), timestamp, keys: keys? })))
            }
        }
    }

    /// What makes this webhook the same one again, if it is proven.
    pub(super) fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<Mark, HookOutcome> {
        match self {
            Self::Signed(signature) => signature.check(headers, body),
            Self::Shared { header, secrets } => {
                let shown = text(headers, header).ok_or(HookOutcome::Forged)?.as_bytes();
                let right = secrets.iter().fold(false, |right, secret| {
                    let secret = secret.expose_secret().as_bytes();
                    right | verify_slices_are_equal(secret, shown).is_ok()
                });
                if right { Ok(mark(&[body])) } else { Err(HookOutcome::Forged) }
            }
        }
    }
}

impl Signature {
    fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<Mark, HookOutcome> {
        let shown = text(headers, &self.form.header).ok_or(HookOutcome::Forged)?;
        let named = |name: &Option<String>| name.as_deref().and_then(|name| text(headers, name));
        let (id, timestamp) = (named(&self.form.id), named(&self.timestamp));
        if id.is_some_and(|id| id.len() > ID_BYTES_MAX) {
            return Err(HookOutcome::Forged);
        }
        let mut signed = Vec::with_capacity(body.len() + 128);
        for part in &self.form.signed {
            match part {
                Signed::Text(text) => signed.extend_from_slice(text.as_bytes()),
                Signed::Id => signed.extend_from_slice(id.ok_or(HookOutcome::Forged)?.as_bytes()),
                Signed::Timestamp => {
                    signed.extend_from_slice(timestamp.ok_or(HookOutcome::Forged)?.as_bytes());
                }
                Signed::Body => signed.extend_from_slice(body),
            }
        }
        let right = self.shown(shown).into_iter().fold(false, |right, tag| {
            self.keys
                .iter()
                .fold(right, |right, key| right | hmac::verify(key, &signed, &tag).is_ok())
        });
        if !right {
            return Err(HookOutcome::Forged);
        }
        // An id counts only if it is signed; anything else could be changed by whoever repeats the webhook.
        Ok(match id.filter(|_| self.form.signed.contains(&Signed::Id)) {
            Some(id) => mark(&[b"id", id.as_bytes()]),
            None => mark(&[&signed]),
        })
    }

    /// The signatures in the header that can be read.
    fn shown(&self, header: &str) -> Vec<Vec<u8>> {
        let one = [header];
        let several: Vec<&str> = match self.form.separator {
            Some(separator) => header.split(separator).take(SIGNATURES_MAX).collect(),
            None => one.to_vec(),
        };
        let readable = several.into_iter().filter_map(|shown| {
            let shown = shown.trim().strip_prefix(self.form.prefix.as_str())?;
            if self.form.base64 { STANDARD.decode(shown).ok() } else { unhex(shown) }
        });
        readable.collect()
    }
}

fn key(form: &HookHmac, secret: &SecretString) -> Result<hmac::Key, NotASecret> {
    let secret = secret.expose_secret();
    if !form.base64_key {
        return Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
    }
    standard_key(secret).ok_or(NotASecret)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    // Two of a kind leave it open which one was meant.
    all.next().is_none().then_some(first)
}

fn mark(parts: &[&[u8]]) -> Mark {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
