//! A context is believed only as a whole.

use super::*;

#[test]
fn a_context_with_its_own_digest_is_taken() {
    check("1:a 2:b", "a b", Some("a b"));
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    check("2:b 1:a", "a b", Some("a b"));
}

#[test]
fn a_changed_entry_is_found() {
    check("1:a 2:x", "a b", None);
}

#[test]
fn a_missing_entry_is_found() {
    check("2:b", "a b", None);
    check("1:a", "a b", None);
}

#[test]
fn an_entry_too_many_is_found() {
    check("1:a 2:b 3:c", "a b", None);
}

#[test]
fn entries_that_are_there_already_may_come_again() {
    let known = Known::verified(wire("1:a 2:b"), &digest("a b")).unwrap();
    let known = known.grown(wire("2:b 3:c"), &digest("a b c")).unwrap();
    assert_eq!(known.digest().to_string(), digest("a b c"));
    assert!(known.grown(wire("5:e"), &digest("a b c e")).is_err());
}

#[test]
fn an_entry_without_a_source_is_refused() {
    let mut entries = wire("1:a");
    entries[0].provenance = None;
    assert_eq!(Known::verified(entries, &digest("a")).map(|_| ()), Err(NotWhatWasSent));
}

fn at(ordinal: u64) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(1_800_000_000_000_000 + i64::try_from(ordinal).unwrap())
        .unwrap()
}

fn wire(entries: &str) -> Vec<v1::ContextEntry> {
    let one = |entry: &str| {
        let (ordinal, body) = entry.split_once(':').unwrap();
        let ordinal: u64 = ordinal.parse().unwrap();
        let at = at(ordinal);
        v1::ContextEntry {
            ordinal,
            kind: "message".into(),
            body: body.into(),
            provenance: Some(v1::Provenance {
                source: v1::ProvenanceSource::Customer.into(),
                reference: "chat".into(),
            }),
            at: Some(prost_types::Timestamp {
                seconds: at.as_second(),
                nanos: at.subsec_nanosecond(),
            }),
        }
    };
    entries.split(' ').map(one).collect()
}

/// The digest as the domain computes it over entries of these bodies.
fn digest(bodies: &str) -> String {
    let entries: Vec<ContextEntry> = (1..)
        .zip(bodies.split(' '))
        .map(|(ordinal, body)| ContextEntry {
            kind: "message".into(),
            body: body.into(),
            provenance: Provenance { source: Source::Customer, reference: "chat".into() },
            at: at(ordinal),
        })
        .collect();
    Context::digest_of(&entries).to_string()
}

#[track_caller]
fn check(arrived: &str, sent: &str, taken: Option<&str>) {
    let bodies = Known::verified(wire(arrived), &digest(sent)).ok().map(|known| {
        known.entries().iter().map(|entry| entry.body.as_str()).collect::<Vec<_>>().join(" ")
    });
    assert_eq!(bodies.as_deref(), taken);
}
