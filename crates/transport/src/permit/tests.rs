//! A permit allows exactly one thing. Each test changes one part and sees it refused (PRM-2).

use super::*;
use serde_json::json;

const NOW: i64 = 1_800_000_000;

#[test]
fn a_permit_allows_what_it_names() {
    check(|_| {}, Ok(()));
}

#[test]
fn a_permit_comes_back_as_it_was_signed() {
    let bed = Bed::new();
    let permit = permit();
    let token = bed.signer.sign(&permit).unwrap();
    assert_eq!(bed.verifier.read(token.expose(), at(0)), Ok(permit));
    assert_eq!(format!("{token:?}"), "PermitToken(..)");
}

#[test]
fn the_claims_are_named_as_the_standards_name_them() {
    use base64::Engine;
    let token = Bed::new().signer.sign(&permit()).unwrap();
    let claims = token.expose().split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(
        claims,
        json!({
            "jti": "p1", "iss": "belay", "sub": "spiffe://belay.local/agent/billing", "iat": NOW, "exp": NOW + 30,
            "case": "c-1", "action": "c-1/a1", "contract": "refund@1", "input_digest": "blake3:aa", "epoch": 3,
            "cnf": {"x5t#S256": Thumbprint::from([1; 32]).x5t_s256()},
            "authorization_details": [{"type": "belay_action", "actions": ["refund"], "limit": 100}],
        })
    );
}

#[test]
fn another_agent_is_refused() {
    check(
        |asked| asked.agent = "spiffe://belay.local/agent/refunds".parse().unwrap(),
        Err(PermitRefused::Agent),
    );
}

#[test]
fn another_certificate_of_the_same_agent_is_refused() {
    check(|asked| asked.certificate = Thumbprint::from([2; 32]), Err(PermitRefused::Certificate));
}

#[test]
fn another_action_is_refused() {
    check(|asked| asked.action = "c-1/a2".into(), Err(PermitRefused::Action));
}

#[test]
fn another_input_is_refused() {
    check(|asked| asked.input_digest = "blake3:ab".into(), Err(PermitRefused::Input));
}

#[test]
fn another_epoch_is_refused_in_both_directions() {
    check(|asked| asked.epoch = 4, Err(PermitRefused::Epoch { found: 3, expected: 4 }));
    check(|asked| asked.epoch = 2, Err(PermitRefused::Epoch { found: 3, expected: 2 }));
}

#[test]
fn a_permit_ends_to_the_second() {
    check(|asked| asked.seconds = 29, Ok(()));
    check(|asked| asked.seconds = 30, Err(PermitRefused::Expired));
}

#[test]
fn a_permit_from_the_future_is_refused_beyond_a_small_leeway() {
    check(|asked| asked.seconds = -5, Ok(()));
    check(|asked| asked.seconds = -6, Err(PermitRefused::TooEarly));
}

#[test]
fn no_permit_lives_for_longer_than_a_minute() {
    let bed = Bed::new();
    for (life, fits) in [(0, false), (1, true), (60, true), (61, false), (-1, false)] {
        let permit = Permit { expires_at: at(life), ..permit() };
        assert_eq!(bed.signer.sign(&permit).is_ok(), fits, "{life} s");
    }
    // Not even if somebody with the key signs one.
    let token = bed.signer.key.sign(PERMIT_TYPE, &claims(json!({"exp": NOW + 61}))).unwrap();
    assert_eq!(bed.verifier.read(&token, at(0)), Err(PermitRefused::TooLong));
}

#[test]
fn a_token_of_another_kind_is_not_a_permit() {
    let bed = Bed::new();
    let token = bed.signer.key.sign("JWT", &claims(json!({}))).unwrap();
    assert_eq!(bed.verifier.read(&token, at(0)), Err(PermitRefused::NotAPermit));
}

#[test]
fn a_permit_of_another_issuer_is_refused() {
    let bed = Bed::new();
    let token = bed.signer.key.sign(PERMIT_TYPE, &claims(json!({"iss": "other"}))).unwrap();
    assert_eq!(
        bed.verifier.read(&token, at(0)),
        Err(PermitRefused::Issuer { expected: "belay".into() })
    );
}

#[test]
fn a_permit_signed_with_another_key_is_refused() {
    let (bed, stranger) = (Bed::new(), Bed::new());
    let token = stranger.signer.sign(&permit()).unwrap();
    assert_eq!(
        bed.verifier.read(token.expose(), at(0)),
        Err(PermitRefused::Unproven(Unproven::UnknownKey))
    );
}

#[test]
fn a_changed_permit_is_refused() {
    let bed = Bed::new();
    let token = bed.signer.sign(&permit()).unwrap();
    let other = bed.signer.sign(&Permit { epoch: 4, ..permit() }).unwrap();
    let mut parts: Vec<&str> = token.expose().split('.').collect();
    parts[1] = other.expose().split('.').nth(1).unwrap();
    let forged = parts.join(".");
    assert_eq!(
        bed.verifier.read(&forged, at(0)),
        Err(PermitRefused::Unproven(Unproven::Signature))
    );
}

#[test]
fn a_permit_without_a_certificate_is_refused() {
    let bed = Bed::new();
    for cnf in [json!(null), json!({}), json!({"x5t#S256": "short"})] {
        let token = bed.signer.key.sign(PERMIT_TYPE, &claims(json!({"cnf": cnf}))).unwrap();
        let refused = bed.verifier.read(&token, at(0));
        assert!(
            matches!(refused, Err(PermitRefused::Unproven(Unproven::Malformed(_)))),
            "{cnf}: {refused:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn the_key_is_kept_for_its_owner_and_found_again() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("permit.key");
    let first = PermitSigner::open_or_create("belay", &file).unwrap();
    let second = PermitSigner::open_or_create("belay", &file).unwrap();
    assert_eq!(first.kid(), second.kid());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&file, "nonsense").unwrap();
    assert!(matches!(
        PermitSigner::open_or_create("belay", &file),
        Err(KeyError::Unreadable { .. })
    ));
}

struct Bed {
    signer: PermitSigner,
    verifier: PermitVerifier,
}

/// What an executor is asked for, and when.
struct Asked {
    agent: SpiffeId,
    certificate: Thumbprint,
    action: String,
    input_digest: String,
    epoch: u64,
    seconds: i64,
}

impl Bed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let signer =
            PermitSigner::open_or_create("belay", &directory.path().join("permit.key")).unwrap();
        let verifier = PermitVerifier::from_jwks("belay", &signer.jwks()).unwrap();
        Self { signer, verifier }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

fn permit() -> Permit {
    let detail = json!({"type": "belay_action", "actions": ["refund"], "limit": 100});
    Permit {
        id: "p1".into(),
        agent: "spiffe://belay.local/agent/billing".parse().unwrap(),
        certificate: Thumbprint::from([1; 32]),
        case: "c-1".into(),
        action: "c-1/a1".into(),
        contract: "refund@1".into(),
        input_digest: "blake3:aa".into(),
        epoch: 3,
        issued_at: at(0),
        expires_at: at(30),
        authorization_details: vec![serde_json::from_value(detail).unwrap()],
    }
}

/// The claims of a good permit, with some changed, for signing what the signer would not.
fn claims(changes: serde_json::Value) -> serde_json::Value {
    let mut claims = json!({
        "jti": "p1", "iss": "belay", "sub": "spiffe://belay.local/agent/billing", "iat": NOW, "exp": NOW + 30,
        "case": "c-1", "action": "c-1/a1", "contract": "refund@1", "input_digest": "blake3:aa", "epoch": 3,
        "cnf": {"x5t#S256": Thumbprint::from([1; 32]).x5t_s256()},
    });
    for (claim, value) in changes.as_object().unwrap() {
        claims[claim] = value.clone();
    }
    claims
}

/// Signs a permit and asks for what it allows, with one part changed.
#[track_caller]
fn check(change: impl FnOnce(&mut Asked), expected: Result<(), PermitRefused>) {
    let (bed, permit) = (Bed::new(), permit());
    let token = bed.signer.sign(&permit).unwrap();
    let mut asked = Asked {
        agent: permit.agent.clone(),
        certificate: permit.certificate,
        action: permit.action.clone(),
        input_digest: permit.input_digest.clone(),
        epoch: permit.epoch,
        seconds: 10,
    };
    change(&mut asked);
    let wanted = Expected {
        agent: &asked.agent,
        certificate: asked.certificate,
        action: &asked.action,
        input_digest: &asked.input_digest,
        epoch: asked.epoch,
    };
    assert_eq!(
        bed.verifier.verify(token.expose(), &wanted, at(asked.seconds)).map(|_| ()),
        expected
    );
}
