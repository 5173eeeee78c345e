//! What says who somebody is, and until when they wait.

use belay_transport::deadline::timeout_of;
use belay_transport::revocation::RevocationList;
use belay_transport::spiffe::{SpiffeId, TrustDomain};
use belay_transport::thumbprint::Thumbprint;
use http::{HeaderMap, HeaderValue};
use rustls_pki_types::CertificateDer;

/// The header of a deadline. What is believed is what the protocol allows.
pub fn grpc_timeout(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for value in data.split(|byte| *byte == 0).take(3) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append("grpc-timeout", value);
        }
    }
    if let Ok(Some(timeout)) = timeout_of(&headers) {
        assert!(timeout.as_secs() <= 99_999_999 * 3600);
    }
}

/// A name of a process. Two spellings never mean one.
pub fn spiffe_id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = TrustDomain::new(text);
    let _ = text.parse::<Thumbprint>();
    if let Ok(id) = SpiffeId::parse(text) {
        assert_eq!(id.as_str(), text);
        let _ = (id.kind(), id.agent_name());
        assert_eq!(text, format!("spiffe://{}/{}", id.trust_domain(), id.path()));
    }
}

/// A certificate, believed already by TLS.
pub fn certificate(data: &[u8]) {
    let certificate = CertificateDer::from(data);
    if let Ok(id) = SpiffeId::of_certificate(&certificate) {
        assert_eq!(SpiffeId::parse(id.as_str()), Ok(id));
    }
    let _ = Thumbprint::of(&certificate);
}

/// The file of revocations. A list that is read names what its lines name, and no less.
pub fn revocation_list(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(list) = RevocationList::parse(text) {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let entries: std::collections::HashSet<_> = lines.filter(|line| !line.is_empty()).collect();
        let named = list.certificates.len() + list.identities.len();
        assert!(named <= entries.len() && (named > 0) == !entries.is_empty());
    }
}
