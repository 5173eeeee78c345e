use super::*;

const FIRST: Link<'static> = Link {
    before: Hash::NONE,
    tenant: "t",
    case: "c",
    seq: 1,
    kind: "opened",
    at_micros: 5,
    body: b"{}",
};

#[test]
fn every_part_of_an_event_changes_its_hash() {
    let before = Hash([1; 32]);
    check_different(&[
        FIRST,
        Link { before, ..FIRST },
        Link { tenant: "u", ..FIRST },
        Link { case: "d", ..FIRST },
        Link { seq: 2, ..FIRST },
        Link { kind: "closed", ..FIRST },
        Link { at_micros: -5, ..FIRST },
        Link { body: b"{ }", ..FIRST },
    ]);
}

#[test]
fn text_cannot_slide_from_one_part_into_the_next() {
    check_different(&[
        Link { tenant: "ab", case: "c", ..FIRST },
        Link { tenant: "a", case: "bc", ..FIRST },
        Link { kind: "openedx", body: b"", ..FIRST },
        Link { kind: "opened", body: b"x", ..FIRST },
    ]);
}

#[test]
fn the_encoding_stays_what_it_was() {
    let mut bytes = b"belay.event.v1\0\0".to_vec();
    bytes.extend([0; 32]);
    bytes.extend(b"\x01\0\0\0\0\0\0\0t\x01\0\0\0\0\0\0\0c\x01\0\0\0\0\0\0\0");
    bytes.extend(b"\x06\0\0\0\0\0\0\0opened\x05\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0{}");
    let hash = Chain::default().event(FIRST);
    assert_eq!(*hash.as_bytes(), *blake3::hash(&bytes).as_bytes());
    // A changed value here means that no journal written before can be verified any more.
    assert_eq!(
        hash.to_string(),
        "8b0dd0eddf3bbdb4edbca69324a259753e99806bc19b2e7b637eb70973b2ddcf"
    );
}

#[test]
fn a_hash_reads_back_from_its_text() {
    let hash = Chain::default().event(FIRST);
    assert_eq!(hash.to_string().parse::<Hash>(), Ok(hash));
    assert!("abc".parse::<Hash>().is_err());
}

#[track_caller]
fn check_different(links: &[Link<'_>]) {
    let mut chain = Chain::default();
    let mut hashes: Vec<String> = links.iter().map(|link| chain.event(*link).to_string()).collect();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), links.len(), "two of the events have the same hash");
}
