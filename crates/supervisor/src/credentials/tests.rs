//! A token that expires while a person has a case, one that says when it will, and an account without rights.

use std::sync::Arc;

use belay_connect::{BoxFuture, HumanQueue, NewTicket, QueueError, QueueErrorKind};
use belay_domain::{
    Correlation, Coverage, Doubt, EventKind, QueueFacts, QueueId, Reading, Span, Standing,
    SystemId, TicketFacts, TicketId, TicketReading, after,
};

use super::{Credentials, Expiry};
use crate::clock::Clock;
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

#[tokio::test]
async fn what_is_shown_to_nobody_is_a_matter_of_the_account_and_not_of_one_ticket() {
    let (credentials, door) = (Credentials::new(Clock::start(None)), Door::default());
    let rt: SystemId = "rt".parse().unwrap();
    let queue = credentials.mind(&rt, Arc::new(door.clone()));
    let look = async || drop(queue.read(&"T1".parse().unwrap(), &"front".parse().unwrap()).await);
    let ask = async || drop(queue.inspect(&"front".parse().unwrap()).await);
    let search = async || drop(queue.find(&"c/e1/r1s1".parse().unwrap()).await);

    // Of what is shown in between, some is refused.
    door.shows(false, true);
    for _ in 0..5 {
        look().await;
        ask().await;
    }
    assert!(!credentials.is_refused(&rt), "a ticket is out of reach");

    door.shows(false, false);
    look().await;
    assert!(!credentials.is_refused(&rt), "once may be chance");
    search().await;
    ask().await;
    assert!(credentials.is_refused(&rt));
    let warning = credentials.warning(&rt).unwrap();
    assert!(warning.starts_with("rt has shown nothing to our credential since "), "{warning}");
    search().await;
    assert!(credentials.is_refused(&rt), "a search that finds nothing shows nothing");
    door.shows(true, true);
    look().await;
    assert!(!credentials.is_refused(&rt));
}

#[tokio::test]
async fn operators_hear_days_before_a_credential_expires_that_says_when() {
    let clock = Clock::start(None);
    let credentials = Credentials::new(clock);
    let expiry = |days: i64| Expiry {
        at: after(clock.now(), Span::from_hours(24 * days)),
        what: "the credential".to_owned(),
    };
    let systems = [("late", 30), ("soon", 5), ("over", -1)];
    let systems = systems.map(|(name, days)| (name.parse().unwrap(), expiry(days)));
    credentials.expire(systems.into());
    let told = |days: i64| {
        let warnings = credentials.warnings(Span::from_hours(24 * days));
        let brief = warnings.iter().map(|one| one.split(" at ").next().unwrap().to_owned());
        brief.collect::<Vec<_>>()
    };
    let (over, soon) = ("the credential of over has expired", "the credential of soon expires");
    assert_eq!(told(0), [over]);
    assert_eq!(told(7), [over, soon]);
    assert_eq!(told(31), [over, soon, "the credential of late expires"]);
    // Renewed.
    credentials.expire([("soon".parse().unwrap(), expiry(90))].into());
    assert!(told(7).is_empty());
}

/// A system that knows who we are, and shows its one ticket and its queue, or does not.
#[derive(Clone, Debug, Default)]
struct Door(Arc<std::sync::Mutex<(bool, bool)>>);

impl Door {
    fn shows(&self, ticket: bool, queue: bool) {
        *self.0.lock().unwrap() = (ticket, queue);
    }
}

impl HumanQueue for Door {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(async move {
            let (_, shown) = *self.0.lock().unwrap();
            let facts = QueueFacts { queue: queue.clone(), enabled: true, staff: Vec::new() };
            shown.then_some(facts).ok_or_else(|| {
                let detail = "no such queue, or no right to see it (403: Forbidden)";
                QueueError::new(QueueErrorKind::Refused, detail)
            })
        })
    }

    fn find<'a>(&'a self, _: &'a Correlation) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn create<'a>(&'a self, _: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async { Err(QueueError::new(QueueErrorKind::Refused, "403: Forbidden")) })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let shown = self.0.lock().unwrap().0;
            let forbidden = QueueError::new(QueueErrorKind::Refused, "403: Forbidden").to_string();
            let ticket = if shown {
                TicketReading::Present(Box::new(TicketFacts {
                    ticket: ticket.clone(),
                    case: None,
                    correlation: None,
                    queue: queue.clone(),
                    standing: Standing::Open,
                    revision: 1,
                    holder: None,
                    acts: Vec::new(),
                    resolution: None,
                }))
            } else {
                TicketReading::Unreadable { detail: forbidden }
            };
            Reading { ticket, queue: self.inspect(queue).await.ok() }
        })
    }

    fn withdraw<'a>(
        &'a self,
        _: &'a TicketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Why the case lapsed, if it did.
async fn lapse(bed: &Bed, case: &belay_domain::CaseId) -> Option<Doubt> {
    let events = bed.running.engine().journal().events_of(case.as_str(), 0, 1_000).await.unwrap();
    events.iter().find_map(|stored| match decode(stored).unwrap().kind {
        EventKind::EscalationLapsed { doubt, .. } => Some(doubt),
        _ => None,
    })
}
