//! What the development authority makes, keeps and renews.

use super::*;

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[test]
fn a_second_opening_changes_nothing() {
    check(SignedDuration::ZERO, &[]);
}

#[test]
fn certificates_are_renewed_before_they_end_and_not_sooner() {
    check(4 * DAY, &[]);
    check(6 * DAY, &["agents/billing.pem", "server.pem", "tools/cli.pem"]);
}

#[test]
fn the_authority_itself_is_renewed_over_the_same_key() {
    check(300 * DAY, &["agents/billing.pem", "server.pem", "tools/cli.pem"]);
    check(340 * DAY, &["agents/billing.pem", "ca.pem", "server.pem", "tools/cli.pem"]);
}

#[test]
fn a_certificate_of_a_lost_authority_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    DevAuthority::open_or_create(directory.path()).unwrap();
    let before = read(directory.path(), "server.pem");
    std::fs::remove_file(directory.path().join("ca.key")).unwrap();
    DevAuthority::open_or_create(directory.path()).unwrap();
    assert_ne!(before, read(directory.path(), "server.pem"));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let authority = DevAuthority::open_or_create(&directory.path().join("dev")).unwrap();
    authority.agent("billing").unwrap();
    let mode = |file: &str| {
        authority.directory().join(file).metadata().unwrap().permissions().mode() & 0o777
    };
    for file in ["ca.key", "server.key", "agents/billing.key", "tools/cli.key"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    assert_eq!(mode(""), 0o700);
}

#[test]
fn a_name_cannot_leave_its_folder() {
    let directory = tempfile::tempdir().unwrap();
    let authority = DevAuthority::open_or_create(directory.path()).unwrap();
    for name in ["", "..", "../server", "a/b", "a b"] {
        assert!(matches!(authority.agent(name), Err(AuthorityError::Name { .. })), "{name:?}");
    }
}

#[test]
fn processes_that_start_together_share_one_authority() {
    let directory = tempfile::tempdir().unwrap();
    let keys: Vec<_> = std::thread::scope(|scope| {
        let open = || DevAuthority::open_or_create(directory.path()).unwrap().authority_key;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}

/// Opens an authority, and again after a while; these certificates should have changed.
#[track_caller]
fn check(later: SignedDuration, renewed: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let files = ["agents/billing.pem", "ca.pem", "server.pem", "tools/cli.pem"];
    let open = |now| {
        let authority = DevAuthority::open_or_create_at(directory.path(), now).unwrap();
        authority.agent_at("billing", now).unwrap();
        files.map(|file| read(directory.path(), file))
    };
    let (before, after) = (open(now), open(now + later));
    let changed: Vec<_> = files
        .into_iter()
        .zip(before.iter().zip(&after))
        .filter(|(_, (a, b))| a != b)
        .map(|(file, _)| file)
        .collect();
    assert_eq!(changed, renewed);
}

fn read(directory: &Path, file: &str) -> String {
    std::fs::read_to_string(directory.join(file)).unwrap()
}
