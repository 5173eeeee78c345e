//! A token that expires while a person has a case.

use belay_domain::{Coverage, Doubt, EventKind};

use crate::decode;
use crate::upkeep::testbed::Bed;

#[tokio::test(flavor = "multi_thread")]
async fn operators_hear_of_an_expired_token_before_the_case_lapses_for_that_reason() {
    // Evidence is fresh for some seconds here, and is renewed several times meanwhile.
    let bed = Bed::start("canaries: []\n", "", |config| {
        let policy = config.playbook.join("escalations/takeover.yaml");
        let text = std::fs::read_to_string(&policy).unwrap();
        let text = text.replace("freshness: 280s", "freshness: 4s");
        // A step that is refused with the same token is asked again soon.
        let text =
            text.replace("backoff: {first: 1m, most: 15m}", "backoff: {first: 1s, most: 2s}");
        std::fs::write(&policy, text.replace("look_every: 140s", "look_every: 500ms")).unwrap();
    })
    .await;
    bed.itsm.is_taken();
    let case = bed.open("c-1").await;
    bed.until("ana has it", async || bed.coverage(&case).await.is_covered()).await;
    assert!(bed.running.warnings().is_empty());

    bed.itsm.refuses_us(true);
    bed.until("operators are told", async || !bed.running.warnings().is_empty()).await;
    let warning = bed.running.warnings().remove(0);
    assert!(warning.starts_with("the credential of rt was not accepted since "), "{warning}");
    assert!(warning.ends_with("401: token expired"), "{warning}");
    assert!(bed.coverage(&case).await.is_covered(), "what was seen a moment ago still stands");

    bed.until("the case lapses", async || lapse(&bed, &case).await.is_some()).await;
    let Some(Doubt::Unread { detail }) = lapse(&bed, &case).await else {
        panic!("with that reason: {:?}", lapse(&bed, &case).await)
    };
    assert!(detail.contains("the credential was not accepted"), "{detail}");
    assert!(!matches!(bed.coverage(&case).await, Coverage::Covered(_)));

    bed.itsm.refuses_us(false);
    bed.until("it is accepted again", async || bed.running.warnings().is_empty()).await;
    bed.running.drain().await;
}

/// Why the case lapsed, if it did.
async fn lapse(bed: &Bed, case: &belay_domain::CaseId) -> Option<Doubt> {
    let events = bed.running.engine().journal().events_of(case.as_str(), 0, 1_000).await.unwrap();
    events.iter().find_map(|stored| match decode(stored).unwrap().kind {
        EventKind::EscalationLapsed { doubt, .. } => Some(doubt),
        _ => None,
    })
}
