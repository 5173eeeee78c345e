//! What a client sends, and what it says when it cannot.

use super::*;
use crate::authority::DevAuthority;

#[test]
fn a_bearer_token_is_sent_and_never_shown() {
    let mut bearer = Bearer::new("abc.def\n").unwrap();
    let request = bearer.call(Request::new(())).unwrap();
    let sent = request.metadata().get("authorization").unwrap();
    assert_eq!(sent, "Bearer abc.def");
    assert!(sent.is_sensitive());
    assert_eq!(format!("{bearer:?}"), "Bearer(..)");
    assert_eq!(Bearer::new("a\nb").unwrap_err(), InvalidToken);
}

#[tokio::test]
async fn an_address_is_https_with_a_host() {
    for endpoint in [
        "localhost:7443",
        "http://localhost:7443",
        "https://",
        "https://localhost/path",
        "https://a b",
    ] {
        check(endpoint, &format!("{endpoint:?} is not an address; write https://<host>:<port>"))
            .await;
    }
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    // Nothing listens on port 1 of this machine.
    check("https://127.0.0.1:1", "cannot reach the supervisor at https://127.0.0.1:1: ").await;
}

async fn check(endpoint: &str, expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    let authority = DevAuthority::open_or_create(directory.path()).unwrap();
    let error = connect(endpoint, authority.tool("cli").unwrap()).await.unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}
