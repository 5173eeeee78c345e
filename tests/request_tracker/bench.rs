//! A stage whose human queues are those of the bench's Request Tracker, and its people at work there.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Deref;

use belay_api::v1;
use belay_supervisor::{Config, HookDoor};
use jiff::Timestamp;
use serde_json::json;

use crate::stage::callers::Caller;
use crate::stage::playbook::Playbook;
use crate::stage::{Stage, case_of, until};
use crate::tracker::{Tracker, var};

/// The stage and its Request Tracker.
pub(crate) struct Bench {
    pub(crate) stage: Stage,
    tracker: Tracker,
}

/// How people are asked.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The queues, in this order, and until when a ticket must have been placed there.
    pub(crate) steps: Vec<(String, &'static str)>,
    pub(crate) acknowledge_within: &'static str,
    pub(crate) freshness: &'static str,
    pub(crate) look_every: &'static str,
    pub(crate) reconcile_every: &'static str,
    /// How long an answer of the tracker may take.
    pub(crate) timeout: &'static str,
    /// `host:port` through which the tracker is asked; at itself if there is none.
    pub(crate) through: Option<String>,
    /// Where webhooks are taken.
    pub(crate) hooks: Option<SocketAddr>,
}

impl Plan {
    /// Asking these queues, with waiting times for tests.
    pub(crate) fn of(queues: &[&str]) -> Self {
        Self {
            steps: queues.iter().map(|&queue| (queue.to_owned(), "6s")).collect(),
            acknowledge_within: "20s",
            freshness: "8s",
            look_every: "300ms",
            reconcile_every: "1s",
            timeout: "5s",
            through: None,
            hooks: None,
        }
    }

    /// The same, with looks so seldom that what is seen within a minute was hinted at.
    pub(crate) fn seldom(queues: &[&str], hooks: SocketAddr) -> Self {
        Self {
            acknowledge_within: "150s",
            freshness: "150s",
            look_every: "60s",
            reconcile_every: "300s",
            hooks: Some(hooks),
            ..Self::of(queues)
        }
    }
}

impl Bench {
    /// A stage on which cases for people go through these queues; none with a word about why.
    pub(crate) async fn start(queues: &[&str]) -> Option<Self> {
        Self::with(Tracker::start().await?, &Plan::of(queues)).await.into()
    }

    /// A stage for this plan.
    pub(crate) async fn with(tracker: Tracker, plan: &Plan) -> Self {
        let at = plan.through.clone().unwrap_or_else(|| tracker.address());
        let write = |playbook: &Playbook| {
            let desk = std::fs::read_to_string(playbook.folder().join("systems.yaml")).unwrap();
            playbook.put("systems.yaml", &format!("{desk}{}", system(&at, plan)));
            playbook.put("escalations/takeover.yaml", &takeover(plan));
            if plan.hooks.is_some() {
                let secret = playbook.folder().join("hook-secret");
                std::fs::write(&secret, var("RT_HOOK_SECRET")).unwrap();
                playbook.put("operations.yaml", &hooks(&secret.display().to_string()));
            }
        };
        let door = |config: &mut Config| {
            config.hooks = plan.hooks.map(|listen| HookDoor { listen, certificate: None });
        };
        Self { stage: Stage::tuned(write, door).await, tracker }
    }

    /// A case that is for people. Its id comes from that of the request, and the tracker may know those of other runs.
    pub(crate) async fn open(&self) -> (Caller, String) {
        let request_id = format!("request-{:x}", Timestamp::now().as_nanosecond());
        let (tool, request) = (self.stage.tool(), case_of("other"));
        let opened = tool.open(v1::OpenCaseRequest { request_id, ..request }).await.unwrap();
        (tool, opened.case.unwrap().summary.unwrap().id)
    }

    /// Waits for the case's ticket in a queue.
    pub(crate) async fn ticket(&self, case: &str, queue: &str) -> String {
        until(&format!("a ticket for {case} in {queue}"), async || self.find(case, queue).await)
            .await
    }

    /// The newest ticket of a case that is in a queue.
    pub(crate) async fn find(&self, case: &str, queue: &str) -> Option<String> {
        let of_case = format!("CF.{{{}}} = '{case}' AND Queue = '{queue}'", var("RT_CF_CASE"));
        let found = self.get("root", "/tickets", &[("query", &of_case)]).await;
        let newest = found["items"].as_array()?.iter().filter_map(|one| one["id"].as_str());
        newest.max_by_key(|id| id.parse::<u64>().unwrap()).map(str::to_owned)
    }

    /// How many tickets there are for each step of a case, closed ones included.
    pub(crate) async fn tickets(&self, case: &str) -> BTreeMap<String, usize> {
        let of_case = format!("CF.{{{}}} = '{case}'", var("RT_CF_CASE"));
        let query = [("query", of_case.as_str()), ("fields", "CustomFields"), ("per_page", "100")];
        let found = self.get("root", "/tickets", &query).await;
        let mut count = BTreeMap::new();
        for one in found["items"].as_array().unwrap() {
            let fields = one["CustomFields"].as_array().unwrap().iter();
            let mut named = fields.filter(|field| field["name"] == var("RT_CF_CORRELATION"));
            let step = named.next().unwrap()["values"][0].as_str().unwrap().to_owned();
            *count.entry(step).or_default() += 1;
        }
        count
    }

    /// A person, or what acts like one, does something to a ticket that needs no further words.
    pub(crate) async fn does(&self, who: &str, what: &str, ticket: &str) {
        self.put(who, &format!("/ticket/{ticket}/{what}"), json!({})).await;
    }

    /// Somebody closes a ticket, with a resolution code or without.
    pub(crate) async fn resolve(&self, who: &str, ticket: &str, code: Option<&str>) {
        let path = format!("/ticket/{ticket}");
        if let Some(code) = code {
            let fields = json!({"CustomFields": {var("RT_CF_RESOLUTION"): code}});
            self.put(who, &path, fields).await;
        }
        self.put(who, &path, json!({"Status": "resolved"})).await;
    }
}

impl Deref for Bench {
    type Target = Tracker;

    fn deref(&self) -> &Tracker {
        &self.tracker
    }
}

/// An address of this machine at which nobody listens.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The Request Tracker as a playbook describes it.
fn system(at: &str, plan: &Plan) -> String {
    let listed: String =
        plan.steps.iter().map(|(queue, _)| format!("      {queue}: {{}}\n")).collect();
    format!(
        "
  tracker:
    kind: request-tracker
    base_url: http://{at}/REST/2.0
    timeout: {timeout}
    credential: {{env: RT_SVC_TOKEN, scheme: token}}
    service_account: {account}
    machines: [{robot}]
    reconcile: {{every: {reconcile}}}
    queues:
{listed}    statuses: {{new: open, open: open, stalled: open, resolved: resolved, rejected: rejected, deleted: deleted}}
    fields: {{correlation: {correlation}, case: {case}, resolution: {resolution}}}
",
        timeout = plan.timeout,
        reconcile = plan.reconcile_every,
        account = var("RT_SVC_USER"),
        robot = var("RT_AUTOBOT_USER"),
        correlation = var("RT_CF_CORRELATION"),
        case = var("RT_CF_CASE"),
        resolution = var("RT_CF_RESOLUTION"),
    )
}

fn takeover(plan: &Plan) -> String {
    let step = |(queue, place_within): &(String, &str)| {
        // It is taken at once by somebody who does not count, and nobody else is to be waited for.
        let within = if queue == "robot-desk" { "3s" } else { plan.acknowledge_within };
        format!(
            "  - {{queue: tracker/{queue}, place_within: {place_within}, reach_within: 3s, \
             acknowledge_within: {within}}}\n"
        )
    };
    format!(
        "name: takeover\nfreshness: {}\nlook_every: {}\nsteps:\n{}backoff: {{first: 500ms, most: 1s}}\n",
        plan.freshness,
        plan.look_every,
        plan.steps.iter().map(step).collect::<String>(),
    )
}

fn hooks(secret: &str) -> String {
    format!(
        "hooks:\n  tracker: {{like: standard-webhooks, secrets: [{{file: '{secret}'}}], ticket: [/ticket/id]}}\n"
    )
}
