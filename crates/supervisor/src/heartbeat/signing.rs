//! Signing what we send as Standard Webhooks say: `webhook-id`, `webhook-timestamp`, and `webhook-signature` with an
//! HMAC-SHA256 over both and the body. See github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// Signs with one secret.
#[derive(Debug)]
pub(crate) struct Signer(hmac::Key);

impl Signer {
    /// With a secret as the standard writes it: `whsec_` and base64. None if it is not written so.
    pub(crate) fn new(secret: &SecretString) -> Option<Self> {
        standard_key(secret.expose_secret()).map(Self)
    }

    /// The value of `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, second: i64, body: &[u8]) -> String {
        let mut signed = format!("{id}.{second}.").into_bytes();
        signed.extend_from_slice(body);
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, &signed)))
    }
}

/// A key as Standard Webhooks write it: base64, after `whsec_`.
pub(crate) fn standard_key(secret: &str) -> Option<hmac::Key> {
    let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?;
    (!bytes.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference implementations.
    #[test]
    fn the_standards_own_example_is_signed_the_same() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signer = Signer::new(&secret).unwrap();
        assert_eq!(
            signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn what_is_not_base64_is_no_secret() {
        for secret in ["", "whsec_", "whsec_not base64", "plain!"] {
            assert!(Signer::new(&SecretString::from(secret)).is_none(), "{secret}");
        }
    }
}
