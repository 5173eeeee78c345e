//! Each vendor's form, with a signature that was made as the vendor says and not by the code that is tested.

use axum::http::{HeaderName, HeaderValue};
use belay_playbook::{Playbook, SourceFile};

use super::*;

const BODY: &[u8] = br#"{"test": 2432232314}"#;

/// Of the reference implementations of Standard Webhooks.
const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const STANDARD_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

#[test]
fn a_standard_webhook_is_proven_by_its_signature_over_id_moment_and_body() {
    let form = "like: standard-webhooks";
    let sent = |id: &str, at: &str, signature: &str| {
        [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let good = sent(STANDARD_ID, "1614265330", STANDARD_SIGNATURE);
    check(form, &[STANDARD_SECRET], &good, BODY, true);
    check(form, &["whsec_b3RoZXI=", STANDARD_SECRET], &good, BODY, true);
    let several = format!("v1a,AAAA v1,AAAA {STANDARD_SIGNATURE}");
    check(form, &[STANDARD_SECRET], &sent(STANDARD_ID, "1614265330", &several), BODY, true);

    check(form, &["whsec_b3RoZXI="], &good, BODY, false);
    check(form, &[STANDARD_SECRET], &good, br#"{"test": 2432232315}"#, false);
    for (id, at) in [("msg_other", "1614265330"), (STANDARD_ID, "1614265331")] {
        check(form, &[STANDARD_SECRET], &sent(id, at, STANDARD_SIGNATURE), BODY, false);
    }
    for bad in ["", "v1", "v1,", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,%%%"] {
        check(form, &[STANDARD_SECRET], &sent(STANDARD_ID, "1614265330", bad), BODY, false);
    }
    check(form, &[STANDARD_SECRET], &good[..2], BODY, false);
    check(form, &[STANDARD_SECRET], &good[1..], BODY, false);
    let twice = [good.to_vec(), good.to_vec()].concat();
    check(form, &[STANDARD_SECRET], &twice, BODY, false);
}

#[test]
fn vendors_sign_as_they_publish() {
    // Each made with: printf '%s' ... | openssl dgst -sha256 -hmac s3cret (and base64 where the vendor writes that).
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let zendesk = [
        header("x-zendesk-webhook-signature-timestamp", "2026-01-31T12:00:00Z"),
        header("x-zendesk-webhook-signature", ZENDESK),
    ];
    check("like: zendesk", &["s3cret"], &zendesk, BODY, true);
    check("like: zendesk", &["other"], &zendesk, BODY, false);
    let pagerduty = [header("x-pagerduty-signature", &format!("v1=00,v1={HEX}"))];
    check("like: pagerduty", &["s3cret"], &pagerduty, BODY, true);
    check("like: pagerduty", &["s3cret"], &pagerduty, b"{}", false);
    let jira = [header("x-hub-signature", &format!("sha256={HEX}"))];
    check("like: jira", &["s3cret"], &jira, BODY, true);
    check("like: jira", &["s3cret"], &[header("x-hub-signature", HEX)], BODY, false);
    let own = "hmac: {header: X-Own-Signature}";
    check(own, &["s3cret"], &[header("x-own-signature", HEX)], BODY, true);
    check(own, &["s3cret"], &[header("x-own-signature", &HEX[1..])], BODY, false);
    let shared = "shared_secret: X-Secret";
    check(shared, &["old", "new"], &[header("x-secret", "new")], BODY, true);
    check(shared, &["old", "new"], &[header("x-secret", "ne")], BODY, false);
    check(shared, &["old", "new"], &[], BODY, false);
}

#[test]
fn an_empty_secret_proves_nothing_and_is_refused() {
    assert!(proof("shared_secret: X-Secret", &[""]).is_err());
    assert!(proof("like: standard-webhooks", &["whsec_"]).is_err());
    assert!(proof("like: standard-webhooks", &["not base64"]).is_err());
}

/// `openssl dgst -sha256 -hmac s3cret` of the body.
const HEX: &str = "17db78689dcba1572d42dfdc8a61b169b291c1ea3ee9c169d78d9fe57c2bc55d";
/// The same of the moment and the body, in base64.
const ZENDESK: &str = "NwofIt0S/t6yvB1+cAJNd4jxDVZxXHMCuj0LS5n25Lg=";

#[track_caller]
fn check(form: &str, secrets: &[&str], headers: &[(String, String)], body: &[u8], proven: bool) {
    let proof = proof(form, secrets).expect("these are secrets");
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(
            name.parse::<HeaderName>().expect("a name"),
            HeaderValue::from_str(value).expect("a value"),
        );
    }
    let found = proof.check(&map, body);
    assert_eq!(found.is_ok(), proven, "{form} with {headers:?}: {found:?}");
    assert!(found.is_ok() || found == Err(HookOutcome::Forged));
}

fn proof(form: &str, secrets: &[&str]) -> Result<Proof, NotASecret> {
    let hook = hook(form);
    let secrets = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
    Proof::new(&hook.proof, hook.time.as_ref(), secrets)
}

/// The hook of a small playbook.
fn hook(form: &str) -> belay_playbook::Hook {
    let file = |path: &str, text: String| SourceFile { path: path.to_owned(), text };
    let files = vec![
        file("playbook.yaml", "name: small\n".into()),
        file(
            "systems.yaml",
            "systems:\n  desk:\n    kind: desk\n    people: {ana: {}}\n    queues:\n      q: {staff: [ana]}\n"
                .into(),
        ),
        file("agents.yaml", "roles: {}\nagents: {}\n".into()),
        file("routing.yaml", "otherwise: {to: people, takeover: t}\n".into()),
        file("taxonomy.yaml", "resolutions:\n  done: {title: Done, means: resolve}\n".into()),
        file(
            "escalations/t.yaml",
            "name: t\nsteps:\n  - {queue: desk/q, acknowledge_within: 5m}\nbackoff: {first: 1m, most: 2m}\n"
                .into(),
        ),
        file(
            "operations.yaml",
            format!("hooks:\n  desk: {{{form}, secrets: [{{env: S}}], ticket: [/id]}}\n"),
        ),
    ];
    let playbook = Playbook::from_files(files).unwrap_or_else(|problems| panic!("{problems}"));
    playbook.operations().hooks[0].clone()
}
