//! Every way in which a token can fail to stand for a person.

use super::*;
use crate::issuer::{DEV_AUDIENCE, DEV_ISSUER, DevIssuer};
use crate::signing_key::SigningKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

const NOW: i64 = 1_800_000_000;

#[test]
fn a_token_of_the_provider_stands_for_a_person() {
    check(json!({}), "mara [leads support] acme");
}

#[test]
fn groups_may_be_missing_or_a_single_one() {
    check(json!({"groups": null}), "refused: the token has no usable groups claim");
    check(json!({"groups": "leads"}), "mara [leads] acme");
    check(json!({"groups": [1]}), "refused: the token has no usable groups claim");
}

#[test]
fn an_expired_token_is_refused_after_a_small_leeway() {
    check(json!({"exp": NOW - 29}), "mara [leads support] acme");
    check(json!({"exp": NOW - 30}), "refused: the token has expired; sign in again");
    check(json!({"exp": "soon"}), "refused: the token has no usable exp claim");
}

#[test]
fn a_token_from_the_future_is_refused_beyond_a_small_leeway() {
    check(json!({"nbf": NOW + 30}), "mara [leads support] acme");
    check(json!({"nbf": NOW + 31}), "refused: the token is not valid yet; check the clocks");
    check(json!({"iat": NOW + 31}), "refused: the token is not valid yet; check the clocks");
}

#[test]
fn a_token_of_another_issuer_is_refused() {
    check(
        json!({"iss": "https://elsewhere.example"}),
        "refused: the token was not issued by https://belay.local/dev",
    );
    check(
        json!({"iss": [DEV_ISSUER]}),
        "refused: the token was not issued by https://belay.local/dev",
    );
}

#[test]
fn a_token_for_another_service_is_refused() {
    check(json!({"aud": "payroll"}), "refused: the token is not meant for belay");
    check(json!({"aud": ["payroll", "belay"]}), "mara [leads support] acme");
    check(json!({"aud": null}), "refused: the token is not meant for belay");
}

#[test]
fn a_token_names_a_person_and_a_tenant() {
    check(json!({"sub": ""}), "refused: the token has no usable sub claim");
    check(json!({"sub": 7}), "refused: the token has no usable sub claim");
    check(json!({"tenant": ["acme"]}), "refused: the token has no usable tenant claim");
}

#[test]
fn a_missing_claim_is_refused_unless_there_is_a_default() {
    let mut bed = Bed::new();
    for claim in ["iss", "aud", "exp", "sub", "tenant"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(claim);
        assert!(
            bed.verify(&bed.key.sign("JWT", &claims).unwrap()).starts_with("refused"),
            "without {claim}"
        );
        if claim == "tenant" {
            bed.verifier.provider.tenant = Some("house".into());
            assert_eq!(
                bed.verify(&bed.key.sign("JWT", &claims).unwrap()),
                "mara [leads support] house"
            );
        }
    }
}

#[test]
fn a_changed_or_torn_token_is_refused() {
    let bed = Bed::new();
    let token = bed.key.sign("JWT", &claims()).unwrap();
    let (head, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let mut forged = claims();
    forged["groups"] = json!(["admins"]);
    let forged = URL_SAFE_NO_PAD.encode(forged.to_string());
    assert_eq!(
        bed.verify(&format!("{head}.{forged}.{signature}")),
        "refused: the signature of the token is wrong"
    );
    for torn in ["", "abc", "a.b", head, &format!("{head}.{rest}.more")] {
        assert!(
            bed.verify(torn).starts_with("refused: the token is malformed"),
            "{torn}: {}",
            bed.verify(torn)
        );
    }
    assert_eq!(bed.verify(&"a".repeat(20_000)), "refused: the token is longer than 16384 bytes");
}

#[test]
fn an_unsigned_token_is_refused() {
    let bed = Bed::new();
    let claims = URL_SAFE_NO_PAD.encode(claims().to_string());
    for alg in ["none", "None", "NONE"] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": "JWT"}).to_string());
        let refusal = "refused: the token is signed with an algorithm that is not accepted";
        assert_eq!(bed.verify(&format!("{header}.{claims}.")), refusal);
    }
}

#[test]
fn the_published_key_cannot_be_used_as_a_secret() {
    let bed = Bed::new();
    let published: Value = serde_json::from_str(&bed.key.jwks()).unwrap();
    let public = URL_SAFE_NO_PAD.decode(published["keys"][0]["x"].as_str().unwrap()).unwrap();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(bed.key.kid().to_owned());
    let token =
        jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(&public)).unwrap();
    assert_eq!(
        bed.verify(&token),
        "refused: the token is signed with an algorithm that is not accepted"
    );
}

#[test]
fn a_token_of_an_unknown_key_is_refused() {
    let (bed, stranger) = (Bed::new(), Bed::new());
    let token = stranger.key.sign("JWT", &claims()).unwrap();
    assert_eq!(bed.verify(&token), "refused: the token is signed with an unknown key");
}

#[test]
fn keys_of_every_accepted_kind_are_found_by_name_and_each_signs_only_its_own_way() {
    let p256 = rcgen::KeyPair::generate().unwrap();
    let rsa = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let ec_key = EncodingKey::from_ec_der(p256.serialized_der());
    let rsa_key = EncodingKey::from_rsa_pem(rsa.serialize_pem().as_bytes()).unwrap();
    let ed = Bed::new();
    let mut set: Value = serde_json::from_str(&ed.key.jwks()).unwrap();
    for (kid, key, algorithm) in
        [("ec", &ec_key, Algorithm::ES256), ("rsa", &rsa_key, Algorithm::RS256)]
    {
        let mut jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(key, algorithm).unwrap();
        jwk.common.key_id = Some(kid.into());
        set["keys"].as_array_mut().unwrap().push(serde_json::to_value(jwk).unwrap());
    }
    let verifier = PersonVerifier::from_jwks(DevIssuer::provider(), &set.to_string()).unwrap();
    let sign = |algorithm, kid: Option<&str>, key| {
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_owned);
        describe(&verifier, &jsonwebtoken::encode(&header, &claims(), key).unwrap())
    };
    assert_eq!(
        describe(&verifier, &ed.key.sign("JWT", &claims()).unwrap()),
        "mara [leads support] acme"
    );
    assert_eq!(sign(Algorithm::ES256, Some("ec"), &ec_key), "mara [leads support] acme");
    assert_eq!(sign(Algorithm::RS256, Some("rsa"), &rsa_key), "mara [leads support] acme");
    let algorithm = "refused: the token is signed with an algorithm that is not accepted";
    assert_eq!(sign(Algorithm::RS512, Some("rsa"), &rsa_key), algorithm);
    assert_eq!(sign(Algorithm::ES256, Some("rsa"), &ec_key), algorithm);
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("ec".into());
    header.crit = Some(vec!["exp".into()]);
    let token = jsonwebtoken::encode(&header, &claims(), &ec_key).unwrap();
    let extended = "refused: the token is malformed: it asks for extensions";
    assert_eq!(describe(&verifier, &token), extended);
    let unknown = "refused: the token is signed with an unknown key";
    assert_eq!(
        sign(Algorithm::ES256, None, &ec_key),
        unknown,
        "several keys, and the token names none"
    );
}

#[test]
fn a_key_set_without_a_usable_key_is_refused() {
    for set in [
        json!({"keys": []}),
        json!({"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "a"}]}),
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "use": "enc", "kid": "a"}]}),
    ] {
        let refused = PersonVerifier::from_jwks(DevIssuer::provider(), &set.to_string());
        assert!(matches!(refused, Err(ProviderError::Keys(KeySetError::NoUsableKey))), "{set}");
    }
}

#[test]
fn keys_are_read_again_after_a_rotation() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.json");
    let (old, new) = (Bed::new(), Bed::new());
    std::fs::write(&file, old.key.jwks()).unwrap();
    let verifier = PersonVerifier::from_file(DevIssuer::provider(), &file).unwrap();
    let token = new.key.sign("JWT", &claims()).unwrap();
    assert_eq!(describe(&verifier, &token), "refused: the token is signed with an unknown key");
    std::fs::write(&file, "{").unwrap();
    assert!(verifier.reload().is_err());
    assert_eq!(
        describe(&verifier, &old.key.sign("JWT", &claims()).unwrap()),
        "mara [leads support] acme"
    );
    std::fs::write(&file, new.key.jwks()).unwrap();
    verifier.reload().unwrap();
    assert_eq!(describe(&verifier, &token), "mara [leads support] acme");
}

#[test]
fn the_development_issuer_is_believed_like_any_other() {
    let directory = tempfile::tempdir().unwrap();
    let issuer = DevIssuer::open_or_create(directory.path()).unwrap();
    let person = Person { id: "mara".into(), groups: vec!["leads".into()], tenant: "acme".into() };
    let now = Timestamp::from_second(NOW).unwrap();
    let token = issuer.issue_token(&person, Duration::from_secs(60), now).unwrap();
    let again = DevIssuer::open_or_create(directory.path()).unwrap();
    let verifier = PersonVerifier::from_file(DevIssuer::provider(), again.jwks_file()).unwrap();
    assert_eq!(verifier.verify(&token, now), Ok(person));
    assert_eq!(verifier.verify(&token, now + Duration::from_secs(90)), Err(Unbelieved::Expired));
}

#[test]
fn a_bearer_token_is_found_in_its_header() {
    assert_eq!(bearer("Bearer abc"), Some("abc"));
    assert_eq!(bearer("bearer abc"), Some("abc"));
    for header in ["", "Bearer", "Bearer ", "Basic abc", "abc"] {
        assert_eq!(bearer(header), None, "{header:?}");
    }
}

struct Bed {
    key: SigningKey,
    verifier: PersonVerifier,
}

impl Bed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = SigningKey::open_or_create(&directory.path().join("key")).unwrap();
        let verifier = PersonVerifier::from_jwks(DevIssuer::provider(), &key.jwks()).unwrap();
        Self { key, verifier }
    }

    fn verify(&self, token: &str) -> String {
        describe(&self.verifier, token)
    }
}

fn claims() -> Value {
    json!({
        "iss": DEV_ISSUER, "aud": DEV_AUDIENCE, "sub": "mara", "groups": ["leads", "support"], "tenant": "acme",
        "iat": NOW - 10, "exp": NOW + 600,
    })
}

fn describe(verifier: &PersonVerifier, token: &str) -> String {
    match verifier.verify(token, Timestamp::from_second(NOW).unwrap()) {
        Ok(Person { id, groups, tenant }) => format!("{id} [{}] {tenant}", groups.join(" ")),
        Err(refusal) => format!("refused: {refusal}"),
    }
}

/// Signs a good token with some claims changed.
#[track_caller]
fn check(changes: Value, expected: &str) {
    let bed = Bed::new();
    let mut claims = claims();
    for (claim, value) in changes.as_object().unwrap() {
        claims[claim] = value.clone();
    }
    assert_eq!(bed.verify(&bed.key.sign("JWT", &claims).unwrap()), expected, "with {changes}");
}
