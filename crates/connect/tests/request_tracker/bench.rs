//! The bench's Request Tracker, its people, and what they do there.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use belay_connect::request_tracker::StatusMeaning;
use belay_connect::{HumanQueue, NewTicket, RequestTracker, RequestTrackerConfig};
use belay_domain::{QueueId, Reading, Severity, TicketId};

use super::tracker::{Tracker, var};

/// The ordinary desk: alice and bob.
pub(crate) const DESK: &str = "billing-escalations";

pub(crate) struct Bench {
    pub(crate) rt: RequestTracker,
    run: String,
    tracker: Tracker,
}

impl Bench {
    /// The bench, or none with a word about why.
    pub(crate) async fn start() -> Option<Self> {
        let tracker = Tracker::start().await?;
        let run = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let rt = RequestTracker::new(config()).unwrap();
        Some(Self { rt, run: format!("c-{run:x}"), tracker })
    }

    /// The case that all tickets of this test are for.
    pub(crate) fn case(&self) -> &str {
        &self.run
    }

    pub(crate) fn new_ticket(&self, queue: &str) -> NewTicket {
        let nonce = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        NewTicket {
            case: self.run.parse().unwrap(),
            correlation: format!("{}/e1/{nonce:x}", self.run).parse().unwrap(),
            queue: queue.parse().unwrap(),
            subject: "Refund stuck".to_owned(),
            body: "The customer waits.".to_owned(),
            severity: Severity::Normal,
        }
    }

    pub(crate) async fn create(&self, queue: &str) -> TicketId {
        self.rt.create(&self.new_ticket(queue)).await.unwrap()
    }

    pub(crate) async fn read(&self, ticket: &TicketId, queue: &str) -> Reading {
        let queue: QueueId = queue.parse().unwrap();
        self.rt.read(ticket, &queue).await
    }

    /// Another adapter for the same server.
    pub(crate) fn adapter(&self, change: impl FnOnce(&mut RequestTrackerConfig)) -> RequestTracker {
        let mut config = config();
        change(&mut config);
        RequestTracker::new(config).unwrap()
    }

    /// The adapter with an account that may change tickets.
    pub(crate) fn strong_adapter(&self) -> RequestTracker {
        self.adapter(|config| {
            config.token = var("RT_BOB_TOKEN").into();
            config.account = "bob".parse().unwrap();
        })
    }
}

impl Deref for Bench {
    type Target = Tracker;

    fn deref(&self) -> &Tracker {
        &self.tracker
    }
}

fn config() -> RequestTrackerConfig {
    let mut statuses = RequestTrackerConfig::default_statuses();
    let major = [
        ("new", StatusMeaning::Open),
        ("acknowledged", StatusMeaning::Open),
        ("mitigating", StatusMeaning::Open),
        ("resolved", StatusMeaning::Resolved),
        ("cancelled", StatusMeaning::Rejected),
    ];
    let major = major.into_iter().map(|(status, meaning)| (status.to_owned(), meaning)).collect();
    statuses.insert("major-incident".to_owned(), major);
    RequestTrackerConfig {
        base_url: var("RT_REST"),
        token: var("RT_SVC_TOKEN").into(),
        account: var("RT_SVC_USER").parse().unwrap(),
        machines: [var("RT_AUTOBOT_USER").parse().unwrap()].into(),
        case_field: var("RT_CF_CASE"),
        correlation_field: var("RT_CF_CORRELATION"),
        resolution_field: Some(var("RT_CF_RESOLUTION")),
        resolutions: BTreeMap::new(),
        statuses,
        timeout: Duration::from_secs(20),
        roots_pem: None,
    }
}
