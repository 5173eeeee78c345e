//! The playbook for the incidents of a company: one queue and one escalation policy for each of its groups, and a duty
//! manager behind all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use belay_api::v1;
use belay_domain::{QueueId, ResolutionCode};
use belay_replay::{Incident, Incidents};

use crate::itsm::id;

/// How long a group has to take an incident, from the most urgent priority to the least. Common targets for a first
/// response; the data does not hold those of the company.
const TAKE_WITHIN: [(&str, &str); 4] =
    [("critical", "15m"), ("high", "30m"), ("normal", "4h"), ("low", "8h")];

/// The groups of the company, by the names of their queues.
pub(super) struct Groups(BTreeMap<String, String>);

impl Groups {
    /// What ServiceNow calls each queue.
    pub(super) fn queues(&self) -> BTreeMap<QueueId, String> {
        self.0.iter().map(|(queue, group)| (id(queue), group.clone())).collect()
    }

    fn queue(&self, group: &str) -> &str {
        let known = self.0.iter().find(|(_, called)| called.as_str() == group);
        known.map_or("", |(queue, _)| queue.as_str())
    }
}

/// Any of the company's closing codes is a resolution; they are masked.
pub(super) fn codes() -> BTreeMap<String, ResolutionCode> {
    (1..=17).map(|number| (format!("code {number}"), id("resolved"))).collect()
}

/// What opens the case of an incident.
pub(super) fn request(incident: &Incident, groups: &Groups) -> v1::OpenCaseRequest {
    let severity = match incident.priority {
        1 => v1::Severity::Critical,
        2 => v1::Severity::High,
        3 => v1::Severity::Normal,
        _ => v1::Severity::Low,
    };
    v1::OpenCaseRequest {
        request_id: incident.number.clone(),
        subject: incident.number.clone(),
        kind: groups.queue(&incident.queue).to_owned(),
        customer: format!("caller-of-{}", incident.number),
        channel: "phone".to_owned(),
        severity: severity.into(),
        ..Default::default()
    }
}

/// Writes the playbook.
pub(super) fn write(folder: &Path, incidents: &Incidents) -> io::Result<Groups> {
    let called: BTreeSet<&str> =
        incidents.incidents.iter().map(|incident| incident.queue.as_str()).collect();
    let named =
        called.iter().map(|group| (group.to_lowercase().replace(' ', "-"), (*group).into()));
    let groups = Groups(named.collect());
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbook");
    for kept in ["agents.yaml", "taxonomy.yaml", "boundaries/helper.yaml", "policies/helper.cedar"]
    {
        copy(&base, folder, kept)?;
    }
    for contract in ["crm.add_note.yaml", "crm.give_credit.yaml"] {
        copy(&base, folder, &format!("contracts/{contract}"))?;
    }
    let settings = std::fs::read_to_string(base.join("playbook.yaml"))?
        .replace("freshness: 40s", "freshness: 5m")
        .replace("look_every: 10s", "look_every: 2m");
    std::fs::write(folder.join("playbook.yaml"), settings)?;
    std::fs::write(folder.join("systems.yaml"), systems(&groups))?;
    std::fs::write(folder.join("routing.yaml"), routing(&groups))?;
    std::fs::create_dir_all(folder.join("escalations"))?;
    for queue in groups.0.keys() {
        std::fs::write(folder.join(format!("escalations/{queue}.yaml")), policy(queue))?;
    }
    let approval = "name: approval\nsteps:\n  - {queue: duty/manager, acknowledge_within: 30m}\nbackoff: {first: 1m, most: 10m}\n";
    std::fs::write(folder.join("escalations/approval.yaml"), approval)?;
    Ok(groups)
}

fn copy(from: &Path, to: &Path, name: &str) -> io::Result<()> {
    let target = to.join(name);
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::copy(from.join(name), target).map(drop)
}

fn systems(groups: &Groups) -> String {
    let mut text = String::from(
        "systems:
  crm: {kind: http, base_url: 'http://crm.invalid'}
  duty:
    kind: itsm
    adapter: servicenow
    base_url: https://duty.service-now.invalid
    service_account: belay
    credential: {env: BELAY_DUTY}
    queues: {manager: {}}
  servicenow:
    kind: itsm
    adapter: servicenow
    base_url: https://company.service-now.invalid
    service_account: belay
    credential: {env: BELAY_SERVICENOW}
    reconcile: {every: 1h}
    queues:
",
    );
    for (queue, group) in &groups.0 {
        let _ = writeln!(text, "      {queue}: {{called: {group}}}");
    }
    text
}

fn routing(groups: &Groups) -> String {
    let mut text = String::from("rules:\n");
    for queue in groups.0.keys() {
        let _ = writeln!(
            text,
            "  - {{name: incidents of {queue}, when: {{kind: [{queue}]}}, to: people, takeover: {queue}}}"
        );
    }
    let any = groups.0.keys().next().map_or("", String::as_str);
    let _ = writeln!(text, "otherwise: {{to: people, takeover: {any}}}");
    text
}

fn policy(queue: &str) -> String {
    let steps = |within: &str| {
        format!(
            "- {{queue: servicenow/{queue}, acknowledge_within: {within}, work_within: 24h}}\n      \
             - {{queue: duty/manager, acknowledge_within: 30m}}"
        )
    };
    let mut text = format!(
        "name: {queue}\nsteps:\n      {}\nbackoff: {{first: 1m, most: 10m}}\nseverities:\n",
        steps("4h")
    );
    for (severity, within) in TAKE_WITHIN {
        let _ = writeln!(text, "  {severity}:\n    steps:\n      {}", steps(within));
    }
    text
}
