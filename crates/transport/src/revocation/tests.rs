//! A list is read in full or not at all, and a change reaches whoever waits.

use super::*;

#[test]
fn certificates_and_identities_can_be_revoked() {
    check(
        &format!(
            "# stolen laptop\nsha256:{}\n\nspiffe://belay.local/agent/billing # retired\n",
            "ab".repeat(32)
        ),
        Ok((1, 1)),
    );
}

#[test]
fn a_list_with_one_bad_line_is_refused_whole() {
    check("spiffe://belay.local/agent/billing\nagent/refunds\n", Err(2));
    check("sha256:abc", Err(1));
}

#[tokio::test]
async fn a_change_reaches_whoever_waits() {
    let peer = Peer {
        spiffe: SpiffeId::parse("spiffe://belay.local/agent/billing").unwrap(),
        certificate: Thumbprint::from([7; 32]),
        remote: ([127, 0, 0, 1], 1).into(),
    };
    let revocations = Revocations::default();
    let waiting = tokio::spawn({
        let (revocations, peer) = (revocations.clone(), peer.clone());
        async move { revocations.revoked(&peer).await }
    });
    revocations.revoke_certificate(Thumbprint::from([8; 32]));
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "another certificate was revoked, not this one");
    revocations.revoke_identity(peer.spiffe.clone());
    waiting.await.unwrap();
    assert!(revocations.names(&peer));
    revocations.replace(RevocationList::default());
    assert!(!revocations.names(&peer));
}

#[tokio::test(start_paused = true)]
async fn a_file_is_followed_and_a_bad_one_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("revoked");
    std::fs::write(&file, "spiffe://belay.local/agent/billing").unwrap();
    let revocations = Revocations::from_file(&file).unwrap();
    let every = Duration::from_secs(5);
    let stop = CancellationToken::new();
    let following = tokio::spawn({
        let (revocations, file, stop) = (revocations.clone(), file.clone(), stop.clone());
        async move { revocations.follow(&file, every, stop).await }
    });
    for (text, expected) in [("nonsense", 1), ("", 0), ("spiffe://belay.local/agent/a", 1)] {
        std::fs::write(&file, text).unwrap();
        tokio::time::sleep(2 * every).await;
        assert_eq!(revocations.current().identities.len(), expected, "after {text:?}");
    }
    stop.cancel();
    following.await.unwrap();
}

#[track_caller]
fn check(text: &str, expected: Result<(usize, usize), usize>) {
    let found = match RevocationList::parse(text) {
        Ok(list) => Ok((list.certificates.len(), list.identities.len())),
        Err(ListError::Line { line }) => Err(line),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(found, expected);
}
