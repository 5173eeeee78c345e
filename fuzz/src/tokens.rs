//! Permits, people's tokens, and the keys that prove them. What begins with a brace is signed with a good key first,
//! so that the search gets behind the signature.

use std::sync::LazyLock;

use belay_transport::issuer::DevIssuer;
use belay_transport::permit::{
    Expected, PERMIT_LIFE_MAX, PERMIT_TYPE, PermitSigner, PermitVerifier,
};
use belay_transport::person::{PersonVerifier, bearer};
use belay_transport::spiffe::SpiffeId;
use belay_transport::thumbprint::Thumbprint;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use tempfile::TempDir;

/// The time at which everything is checked.
const NOW: i64 = 1_700_000_000;

struct Keys {
    _directory: TempDir,
    permits: PermitVerifier,
    people: PersonVerifier,
    permit_key: EncodingKey,
    person_key: EncodingKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let key = |file: &std::path::Path| {
        let pem = std::fs::read(file).expect("the key");
        EncodingKey::from_ed_pem(&pem).expect("a key")
    };
    let permit_file = directory.path().join("permit.key");
    let signer = PermitSigner::open_or_create("belay", &permit_file).expect("a key");
    let issuer = DevIssuer::open_or_create(directory.path()).expect("an issuer");
    let person_file = std::fs::read_dir(directory.path())
        .expect("the directory")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| *path != permit_file && path.extension().is_some_and(|it| it == "key"))
        .expect("the issuer's key");
    Keys {
        permits: PermitVerifier::from_jwks("belay", &signer.jwks()).expect("keys"),
        people: PersonVerifier::from_jwks(DevIssuer::provider(), &issuer.jwks()).expect("keys"),
        permit_key: key(&permit_file),
        person_key: key(&person_file),
        _directory: directory,
    }
});

/// A permit, and what it is asked for.
pub fn permit(data: &[u8]) {
    let Some(token) = signed(data, PERMIT_TYPE, &KEYS.permit_key) else { return };
    let now = Timestamp::from_second(NOW).expect("a time");
    if let Ok(permit) = KEYS.permits.read(&token, now) {
        let life = permit.expires_at.duration_since(permit.issued_at);
        assert!(now < permit.expires_at && life.unsigned_abs() <= PERMIT_LIFE_MAX);
    }
    let agent = SpiffeId::parse("spiffe://belay.local/agent/billing").expect("an id");
    let expected = Expected {
        agent: &agent,
        certificate: Thumbprint::from([1; 32]),
        action: "c-1/a1",
        input_digest: "blake3:aa",
        epoch: 3,
    };
    if let Ok(permit) = KEYS.permits.verify(&token, &expected, now) {
        assert_eq!((permit.action.as_str(), permit.epoch), ("c-1/a1", 3));
    }
}

/// A person's token, and the header in which it comes.
pub fn person_token(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = bearer(text);
    }
    let Some(token) = signed(data, "JWT", &KEYS.person_key) else { return };
    let now = Timestamp::from_second(NOW).expect("a time");
    if let Ok(person) = KEYS.people.verify(&token, now) {
        assert!(!person.id.is_empty() && !person.tenant.is_empty());
    }
}

/// Keys that an issuer publishes.
pub fn token_keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let now = Timestamp::from_second(NOW).expect("a time");
    let token = "eyJhbGciOiJFZERTQSJ9.e30.AAAA";
    if let Ok(verifier) = PermitVerifier::from_jwks("belay", text) {
        assert!(verifier.read(token, now).is_err());
    }
    if let Ok(verifier) = PersonVerifier::from_jwks(DevIssuer::provider(), text) {
        assert!(verifier.verify(token, now).is_err());
    }
}

fn signed(data: &[u8], kind: &str, key: &EncodingKey) -> Option<String> {
    let text = std::str::from_utf8(data).ok()?;
    if !text.starts_with('{') {
        return Some(text.to_owned());
    }
    let claims: serde_json::Value = serde_json::from_str(text).ok()?;
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(kind.to_owned());
    jsonwebtoken::encode(&header, &claims, key).ok()
}
