//! What is a SPIFFE id, and what is not.

use super::*;

#[test]
fn an_agent_is_named_by_its_path() {
    check("spiffe://belay.local/agent/billing", "belay.local Agent(\"billing\")");
}

#[test]
fn a_tool_and_the_supervisor_are_named_by_their_paths() {
    check("spiffe://belay.local/tool/cli", "belay.local Tool(\"cli\")");
    check("spiffe://belay.local/supervisor", "belay.local Supervisor");
}

#[test]
fn a_valid_id_may_mean_nothing_to_belay() {
    check("spiffe://belay.local/ns/default/sa/web", "belay.local unknown");
    check("spiffe://belay.local/agent/billing/two", "belay.local unknown");
    check("spiffe://belay.local/agent", "belay.local unknown");
    check("spiffe://belay.local/supervisor/two", "belay.local unknown");
}

#[test]
fn the_scheme_is_spelled_in_one_way() {
    check("https://belay.local/agent/a", "refused Scheme");
    check("SPIFFE://belay.local/agent/a", "refused Scheme");
    check("", "refused Scheme");
}

#[test]
fn the_trust_domain_has_no_port_user_or_capitals() {
    check("spiffe:///agent/a", "refused TrustDomain");
    check("spiffe://belay.local:443/agent/a", "refused TrustDomain");
    check("spiffe://me@belay.local/agent/a", "refused TrustDomain");
    check("spiffe://Belay.local/agent/a", "refused TrustDomain");
    check(&format!("spiffe://{}/agent/a", "d".repeat(256)), "refused TrustDomain");
}

#[test]
fn the_path_has_no_empty_relative_or_escaped_parts() {
    for path in [
        "",
        "/",
        "/agent/",
        "/agent//a",
        "/agent/..",
        "/./a",
        "/agent/a?b",
        "/agent/a#b",
        "/agent/%61",
        "/agent/ä",
    ] {
        check(&format!("spiffe://belay.local{path}"), "refused Path");
    }
}

#[test]
fn an_id_has_a_bounded_length() {
    check(&format!("spiffe://belay.local/{}", "a".repeat(2048)), "refused TooLong");
}

#[test]
fn a_name_cannot_smuggle_a_path() {
    let domain = TrustDomain::new("belay.local").unwrap();
    assert_eq!(domain.agent("billing/../cli"), Err(InvalidId::Path));
    assert_eq!(domain.agent("billing").unwrap().as_str(), "spiffe://belay.local/agent/billing");
    assert_eq!(domain.supervisor(), SpiffeId::parse("spiffe://belay.local/supervisor").unwrap());
}

#[test]
fn a_certificate_of_an_authority_names_no_process() {
    use rcgen::{BasicConstraints, IsCa, KeyUsagePurpose::*};
    check_certificate(|_| {}, Ok(()));
    check_certificate(|params| params.key_usages = vec![], Ok(()));
    check_certificate(
        |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        Err(InvalidSvid::Authority),
    );
    check_certificate(
        |params| params.key_usages = vec![DigitalSignature, KeyCertSign],
        Err(InvalidSvid::Authority),
    );
    check_certificate(
        |params| params.key_usages = vec![DigitalSignature, CrlSign],
        Err(InvalidSvid::Authority),
    );
    check_certificate(
        |params| params.key_usages = vec![KeyEncipherment],
        Err(InvalidSvid::KeyUsage),
    );
}

#[test]
fn what_is_not_a_certificate_names_nobody() {
    let refused = SpiffeId::of_certificate(&CertificateDer::from(vec![0x30, 0]));
    assert_eq!(refused, Err(InvalidSvid::Unreadable));
}

/// Makes a good certificate with one thing changed.
#[track_caller]
fn check_certificate(
    change: impl FnOnce(&mut rcgen::CertificateParams),
    expected: Result<(), InvalidSvid>,
) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    let uri = "spiffe://belay.local/agent/billing".try_into().unwrap();
    params.subject_alt_names = vec![rcgen::SanType::URI(uri)];
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    assert_eq!(SpiffeId::of_certificate(certificate.der()).map(|_| ()), expected);
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let found = match SpiffeId::parse(text) {
        Ok(id) => match id.kind() {
            Some(kind) => format!("{} {kind:?}", id.trust_domain()),
            None => format!("{} unknown", id.trust_domain()),
        },
        Err(refusal) => format!("refused {refusal:?}"),
    };
    assert_eq!(found, expected, "for {text}");
}
