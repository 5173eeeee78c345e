//! The playbook of the measurements: what a small company would write, with fifty policies, and with terms so long that
//! nothing lapses by itself while something is measured.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::exit::Failure;

/// How many agents serve each role.
pub(crate) const AGENTS_OF_A_ROLE: usize = 8;

/// How many cases each of those who keep cases is to have; no agent may hold more than 10,000.
const KEPT_BY_EACH: usize = 5_000;

/// The policies that are looked at for each write.
const POLICIES: usize = 50;

/// The roles, with what they are for.
const ROLES: [(&str, &str); 4] = [
    ("front", "takes cases from back and hands them to back"),
    ("back", "takes cases from front and hands them to front"),
    ("writer", "writes notes"),
    (KEEPER, "takes cases and does nothing with them"),
];

/// The files that are the same for everybody.
const FILES: [(&str, &str); 6] = [
    ("playbook.yaml", PLAYBOOK),
    ("routing.yaml", ROUTING),
    ("taxonomy.yaml", TAXONOMY),
    ("contracts/bench.note.yaml", CONTRACT),
    ("boundaries/bench.yaml", BOUNDARY),
    ("escalations/takeover.yaml", TAKEOVER),
];

const PLAYBOOK: &str = "\
name: bench
description: What `belay bench` measures with.
groups:
  leads: agree to what is risky
tiers:
  \"1\": {quorum: 1, groups: [leads], decide_within: 1h, escalation: takeover}
  \"2\": {quorum: 1, groups: [leads], decide_within: 1h, escalation: takeover}
  \"3\": {quorum: 2, groups: [leads], decide_within: 1h, escalation: takeover}
defaults:
  severity: normal
  lease: 60s
  seek_within: 30s
  offer_within: 30s
  bounces_max: 100
  freshness: 60s
  look_every: 20s
  permit_within: 60s
  outcome_within: 30s
  settle_within: 15s
  verify_within: 10m
  attempts_max: 4
  backoff: {first: 1s, most: 1m}
";

const ROUTING: &str = "\
rules:
  - {name: handoff, when: {kind: [handoff]}, to: role front, takeover: takeover}
  - {name: action, when: {kind: [action]}, to: role writer, takeover: takeover}
  - {name: held, when: {kind: [held]}, to: role keeper, takeover: takeover, lease: 1h}
  - {name: brief, when: {kind: [brief]}, to: role keeper, takeover: takeover, lease: 5s}
otherwise: {to: people, takeover: takeover}
";

const TAXONOMY: &str = "\
resolutions:
  done: {title: The matter is done, means: resolve}
";

const CONTRACT: &str = "\
id: bench.note@1
title: Note something about a customer
system: records
executor: agent
tier: 0
mode: live
input:
  type: object
  additionalProperties: false
  required: [customer, text, amount_minor, currency]
  properties:
    customer: {type: string, minLength: 1, maxLength: 60}
    text: {type: string, minLength: 1, maxLength: 2000}
    amount_minor: {type: integer, minimum: 1, maximum: 100000}
    currency: {type: string, pattern: \"^[A-Z]{3}$\"}
provenance:
  /amount_minor: [system_of_record, staff]
preconditions:
  assert:
    - {name: own-customer, that: input.customer == case.customer, otherwise: this is another customer, field: /customer}
amount: {minor: input.amount_minor, currency: \"{{ input.currency }}\"}
limits:
  per_action: 1000.00 USD
  cumulative:
    - {name: customer-day, key: customer, window: 24h, amount: 1000000000.00 USD, count: 1000000}
execution:
  method: POST
  path: /notes
  body: {key: \"{{ key }}\", customer: \"{{ input.customer }}\", text: \"{{ input.text }}\"}
verification:
  path: \"/notes?key={{ key }}\"
  present: size(read) > 0
  assert:
    - {name: once, that: size(read) == 1, otherwise: the note is there more than once}
    - name: same
      that: read[0].text == input.text
      otherwise: another note is there
  shown: read[0]
compensation: {none: a note harms nobody}
";

const BOUNDARY: &str = "\
name: bench
description: What the agents of a measurement may propose.
contracts: [bench.note@1]
systems: [records]
max_amount: 1000.00 USD
";

const TAKEOVER: &str = "\
name: takeover
description: Somebody has to take the whole case.
steps:
  - {queue: desk/floor, place_within: 30s, reach_within: 30s, acknowledge_within: 10m}
backoff: {first: 10s, most: 1m}
";

/// The person who staffs the desk.
pub(crate) const PERSON: &str = "pat";

/// The role of those who keep cases.
pub(crate) const KEEPER: &str = "keeper";

/// How many agents there are beyond the usual ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Staff {
    /// Agents of no use.
    pub(crate) idle: usize,
    /// Cases for which there have to be agents that keep them.
    pub(crate) kept: usize,
}

impl Staff {
    /// The names of the agents that serve a role.
    pub(crate) fn of(self, role: &str) -> Vec<String> {
        let many = match role {
            KEEPER => self.kept.div_ceil(KEPT_BY_EACH).max(AGENTS_OF_A_ROLE),
            _ => AGENTS_OF_A_ROLE,
        };
        named(role, many)
    }

    /// Every agent of the playbook that has something to do.
    pub(crate) fn all(self) -> Vec<String> {
        ROLES.iter().flat_map(|(role, _)| self.of(role)).collect()
    }
}

/// The names of the agents that serve a role of which there are as many as usual.
pub(crate) fn agents_of(role: &str) -> Vec<String> {
    named(role, AGENTS_OF_A_ROLE)
}

fn named(role: &str, many: usize) -> Vec<String> {
    (1..=many).map(|number| format!("{role}-{number}")).collect()
}

/// Writes the playbook into `folder`, with the business system at `records`.
pub(crate) fn write(folder: &Path, records: &str, staff: Staff) -> Result<(), Failure> {
    let mut files: Vec<(&str, String)> =
        FILES.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    files.push(("systems.yaml", systems(records)));
    files.push(("agents.yaml", agents_file(staff)));
    files.push(("policies/bench.cedar", policies()));
    for (name, text) in files {
        let file = folder.join(name);
        let failed = |error| Failure::of(format!("cannot write {}", file.display()), &error);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&file, text).map_err(failed)?;
    }
    Ok(())
}

/// The name of the agent of no use with this number.
pub(crate) fn idle_agent(number: usize) -> String {
    format!("idle-{number}")
}

fn systems(records: &str) -> String {
    format!(
        "systems:\n  records: {{kind: http, base_url: {records}}}\n  desk:\n    kind: desk\n    queues:\n      \
         floor: {{description: Everything that no agent can finish, staff: [{PERSON}]}}\n    people:\n      \
         {PERSON}: {{name: Pat}}\n"
    )
}

fn agents_file(staff: Staff) -> String {
    let mut text = "roles:\n".to_owned();
    for (role, purpose) in ROLES {
        let _ = writeln!(text, "  {role}: {purpose}");
    }
    text.push_str("  idle: waits\nagents:\n");
    for (role, _) in ROLES {
        for agent in staff.of(role) {
            let _ = writeln!(
                text,
                "  {agent}: {{roles: [{role}], boundary: bench, operators: [olga]}}"
            );
        }
    }
    for number in 1..=staff.idle.max(1) {
        let agent = idle_agent(number);
        let _ = writeln!(text, "  {agent}: {{roles: [idle], boundary: bench, operators: [olga]}}");
    }
    text
}

/// One policy permits; all others forbid something that does not happen, and have to be looked at to know that.
fn policies() -> String {
    let mut text = "@id(\"writers-note\")\npermit (principal in Role::\"writer\", action, \
                    resource == Contract::\"bench.note@1\");\n"
        .to_owned();
    for number in 1..POLICIES {
        let most = 100_000 + number;
        let _ = write!(
            text,
            "\n@id(\"not-above-{most}\")\n@reason(\"too much\")\nforbid (principal, action, \
             resource == Contract::\"bench.note@1\")\n\
             when {{ context.amount > {most} && context.currency == \"USD\" }};\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{POLICIES, Staff, policies, write};

    #[test]
    fn the_playbook_loads_without_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "http://127.0.0.1:1", Staff { idle: 3, kept: 100_000 }).unwrap();
        let loaded = belay_playbook::Playbook::load(folder.path());
        assert!(loaded.is_ok(), "{:?}", loaded.err());
        assert_eq!(policies().matches("@id").count(), POLICIES);
    }
}
