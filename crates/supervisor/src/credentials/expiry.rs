//! When a credential expires, where it says so itself.
//!
//! A bearer token that is a JSON Web Token names the moment (RFC 7519, 4.1.4). Most secrets say nothing: a Request
//! Tracker's token is a random text, and what its owner's page says of it is not in REST2; a password has no date; and a
//! token that is asked for with client credentials (RFC 6749, 4.4) is asked for anew before it expires.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use belay_domain::{Span, Timestamp};
use serde::Deserialize;

/// When something expires, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// When.
    pub(crate) at: Timestamp,
    /// What, for people: `the token for writing`.
    pub(crate) what: String,
}

/// The claims that matter here. Nobody proved them; who forges our own credential only fools us about its date.
#[derive(Deserialize)]
struct Claims {
    /// A `NumericDate`, which may have a fraction (RFC 7519, 2).
    exp: Option<f64>,
}

/// When a secret expires, if it is a token that says so. `what` names it for people.
pub(crate) fn of_secret(secret: &str, what: &str) -> Option<Expiry> {
    let mut parts = secret.trim().split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let exp = serde_json::from_slice::<Claims>(&claims).ok()?.exp?;
    let at = Timestamp::from_duration(Span::try_from_secs_f64(exp).ok()?).ok()?;
    Some(Expiry { at, what: what.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_says_when_it_expires_is_believed() {
        check(r#"{"exp":1700000000}"#, Some("2023-11-14T22:13:20Z"));
        check(r#"{"sub":"belay","exp":1700000000.5}"#, Some("2023-11-14T22:13:20.5Z"));
        check(r#"{"sub":"belay"}"#, None);
        check(r#"{"exp":"soon"}"#, None);
        check(r#"{"exp":1e300}"#, None);
        check("not JSON", None);
    }

    #[test]
    fn what_is_no_token_says_nothing() {
        for secret in ["", "hush", "1-10-abcdef", "user:pass.word.s", "a.b.c", "a.b.c.d"] {
            assert_eq!(of_secret(secret, "the secret"), None, "{secret}");
        }
    }

    #[track_caller]
    fn check(claims: &str, expected: Option<&str>) {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(claims), part("signed"));
        let found = of_secret(&token, "the token").map(|expiry| expiry.at.to_string());
        assert_eq!(found.as_deref(), expected, "{claims}");
    }
}
