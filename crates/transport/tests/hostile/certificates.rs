//! Certificates that were good once, or will be, and files that change under a running server.

use std::time::{Duration, Instant, SystemTime};

use crate::accept::{Refusal, Settings};
use crate::raw::{END_HEADERS, HEADERS, Raw, call};
use crate::revocation::RevocationList;
use crate::stage::{beside, measured, never, until};
use crate::testbed::{Bed, Outcome, certificate_with};
use crate::tls::FILES_LOOKED_AT_EVERY;

const AGENT: &str = "spiffe://belay.local/agent/billing";

#[tokio::test]
async fn a_certificate_outside_its_time_is_refused() {
    let _turn = beside().await;
    let now = SystemTime::now();
    let hour = Duration::from_secs(3600);
    for (from, until) in [(now - 2 * hour, now - hour), (now + hour, now + 2 * hour)] {
        let bed = Bed::healthy(Settings::default()).await;
        let identity = certificate_with(bed.authority.directory(), &[AGENT], |params| {
            params.not_before = from.into();
            params.not_after = until.into();
        });
        assert_eq!(bed.shows(Some(&identity)).await, Outcome::Refused);
        assert_eq!(bed.counters.refused(Refusal::Certificate), 1);
    }
}

/// AUT-3. The promise is 60 s; the file is looked at every 5.
#[tokio::test]
async fn a_line_in_the_file_of_revocations_ends_live_streams() {
    let _turn = beside().await;
    let (bed, handlers) = never(Settings::default()).await;
    let file = bed.authority.directory().join("revoked");
    std::fs::write(&file, "# nobody yet\n").unwrap();
    let (revocations, followed, stop) = (bed.revocations.clone(), file.clone(), bed.stop.clone());
    tokio::spawn(async move { revocations.follow(&followed, FILES_LOOKED_AT_EVERY, stop).await });
    let identity = bed.authority.agent("billing").unwrap();
    let mut raw = Raw::greeted(&bed, &identity).await;
    raw.says.frame(HEADERS, END_HEADERS, 1, &call("/x/y")).await;
    until("the handler to begin", || handlers.now() == 1).await;
    let began = Instant::now();
    std::fs::write(&file, format!("{AGENT} # stolen\n")).unwrap();
    until("the stream to end", || handlers.now() == 0).await;
    until("the connection to end", || bed.counters.open() == 0).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(60));
    assert_eq!(bed.shows(Some(&identity)).await, Outcome::Refused);
    assert_eq!(bed.counters.cut_by_revocation(), 1);
    measured(
        "a line in the file of revocations",
        format_args!("the live stream ended after {took:?}"),
    );
}

/// A list that cannot be read leaves the old one in force: nobody who was revoked gets in.
#[tokio::test]
async fn a_torn_file_of_revocations_lets_nobody_back_in() {
    let _turn = beside().await;
    let bed = Bed::healthy(Settings::default()).await;
    bed.revocations.replace(RevocationList::parse(AGENT).unwrap());
    let file = bed.authority.directory().join("revoked");
    std::fs::write(&file, "spiffe://belay.local/agent/ref").unwrap();
    std::fs::write(&file, "sha256:zz").unwrap();
    bed.revocations.reload(&file).unwrap_err();
    let identity = bed.authority.agent("billing").unwrap();
    assert_eq!(bed.shows(Some(&identity)).await, Outcome::Refused);
    assert_eq!(bed.counters.refused(Refusal::Revoked), 1);
}
