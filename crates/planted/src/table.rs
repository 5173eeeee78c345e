//! Which check finds which bug. `docs/planted-bugs.md` shows this table, and a test holds the page against it.

#[cfg(test)]
mod tests;

use std::fmt;

use belay_planted::Bug;

/// One planted bug.
pub(crate) struct Row {
    pub(crate) bug: Bug,
    /// The rule that it forgets, by its number.
    pub(crate) rule: &'static str,
    /// What goes wrong, in a few words.
    pub(crate) wrong: &'static str,
    /// Where it is planted.
    pub(crate) places: &'static [&'static str],
    /// What finds it.
    pub(crate) finders: &'static [Finder],
}

/// A check that finds a bug.
pub(crate) enum Finder {
    /// One test, by its exact name.
    Test { package: &'static str, target: Target, name: &'static str },
    /// A program that ends with an error and says so in these words.
    Program {
        package: &'static str,
        profile: &'static str,
        arguments: &'static [&'static str],
        held: &'static str,
        found: &'static str,
    },
}

/// Where a test stands.
pub(crate) enum Target {
    /// Beside the code.
    Lib,
    /// In a program of its own.
    Test(&'static str),
}

impl Finder {
    pub(crate) fn is_test(&self) -> bool {
        matches!(self, Self::Test { .. })
    }

    /// What is said when no bug is planted.
    pub(crate) fn held(&self) -> String {
        match self {
            Self::Test { name, .. } => format!("test {name} ... ok"),
            Self::Program { held, .. } => (*held).to_owned(),
        }
    }

    /// What is said when the bug is found.
    pub(crate) fn found(&self) -> String {
        match self {
            Self::Test { name, .. } => format!("test {name} ... FAILED"),
            Self::Program { found, .. } => (*found).to_owned(),
        }
    }
}

impl fmt::Display for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test { package, target: Target::Lib, name } => write!(f, "{package} {name}"),
            Self::Test { package, target: Target::Test(target), name } => {
                write!(f, "{package}/{target} {name}")
            }
            Self::Program { package, arguments, .. } => {
                write!(f, "{package} {}", arguments.join(" "))
            }
        }
    }
}

const fn story(name: &'static str) -> Finder {
    Finder::Test { package: "belay-domain", target: Target::Test("domain"), name }
}

const fn supervisor(name: &'static str) -> Finder {
    Finder::Test { package: "belay-supervisor", target: Target::Lib, name }
}

const fn transport(name: &'static str) -> Finder {
    Finder::Test { package: "belay-transport", target: Target::Lib, name }
}

/// Random histories of a world that knows who really held each ticket and what really took effect.
const HISTORIES: Finder = story("histories::whatever_happens_the_laws_hold");

/// The naive model of a case, beside the real one.
const REFERENCE: Finder = Finder::Test {
    package: "belay-domain",
    target: Target::Test("reference"),
    name: "the_domain_and_the_naive_model_never_disagree",
};

/// A small world of the model in which the bug breaks a law, whatever else happens.
const fn world(arguments: &'static [&'static str], found: &'static str) -> Finder {
    let (package, held) = ("belay-model", "no law is broken");
    Finder::Program { package, profile: "release", arguments, held, found }
}

/// Simulated worlds in which the bug breaks a promise. So many of them that one more or less makes no difference: which
/// seed shows a bug first changes with everything that rolls dice.
const fn worlds(arguments: &'static [&'static str], found: &'static str) -> Finder {
    Finder::Program {
        package: "belay-sim",
        profile: "sim",
        arguments,
        held: "0 failed, 0 of them in ways that are known; false coverage 0",
        found,
    }
}

/// The ways in which human queues lie: each of them alone three times, and as many combinations.
const LIES: &[&str] = &["--catalogue", "--seeds", "132"];

/// Agents, actions, approvals and people, with several of these lies.
const EVERYTHING: &[&str] = &["--seeds", "132"];

/// All of them, in the order of [`Bug::ALL`].
pub(crate) const ROWS: &[Row] = &[
    Row {
        bug: Bug::WebhookIsEvidence,
        rule: "COV-2",
        wrong: "a reading that is no answer to a read of ours counts as evidence",
        places: &["crates/domain/src/decide/escalating.rs"],
        finders: &[
            story(
                "evidence::fault_13_a_look_that_was_sent_before_the_step_began_or_in_the_future_proves_nothing",
            ),
            REFERENCE,
            world(&["--config", "quick-escalation"], "broken: COV-2"),
        ],
    },
    Row {
        bug: Bug::EvidenceDatedAtCommit,
        rule: "COV-3",
        wrong: "evidence is dated when it is committed instead of when its read was sent",
        places: &["crates/domain/src/decide/escalating.rs"],
        finders: &[
            story("evidence::evidence_counts_from_when_its_read_was_sent"),
            HISTORIES,
            REFERENCE,
            world(&["--config", "quick-escalation"], "broken: COV-3"),
            worlds(LIES, "COV-1 covered means held"),
        ],
    },
    Row {
        bug: Bug::QueueUnchecked,
        rule: "COV-6",
        wrong: "a ticket in another queue than the one asked for counts",
        places: &["crates/domain/src/evidence.rs"],
        finders: &[
            story("evidence::fault_5_another_queue_than_the_one_asked_for_is_not_cover"),
            HISTORIES,
            REFERENCE,
            world(&["--config", "quick-escalation"], "broken: COV-6"),
            worlds(LIES, "COV-1 covered means held"),
        ],
    },
    Row {
        bug: Bug::OlderReadWins,
        rule: "COV-4",
        wrong: "an older read replaces a newer one",
        places: &["crates/domain/src/decide/escalating.rs"],
        finders: &[
            story("evidence::fault_14_a_stale_replica_neither_grants_nor_takes_away"),
            HISTORIES,
            REFERENCE,
            world(&["--config", "quick-escalation"], "broken: COV-4"),
        ],
    },
    Row {
        bug: Bug::EpochUnchecked,
        rule: "OWN-2",
        wrong: "an agent that lost the case uses the permit it still has",
        places: &["crates/domain/src/decide/acting.rs", "crates/domain/src/decide/owning.rs"],
        finders: &[
            story("action::losing_the_case_voids_what_has_not_been_sent"),
            HISTORIES,
            REFERENCE,
            world(&["--config", "quick-writing"], "a law is broken"),
        ],
    },
    Row {
        bug: Bug::PermitReusable,
        rule: "PRM-1",
        wrong: "a permit is used more than once",
        places: &["crates/domain/src/decide/acting.rs"],
        finders: &[
            story("action::a_permit_is_good_for_one_agent_one_certificate_one_input_and_once"),
            REFERENCE,
            world(&["--config", "quick-crash"], "broken: PRM-1"),
            worlds(EVERYTHING, "PRM-1 a permit is used once"),
        ],
    },
    Row {
        bug: Bug::HandoffThroughNobody,
        rule: "OWN-4",
        wrong: "an offer takes the case from its holder before anybody has accepted it",
        places: &["crates/domain/src/apply.rs"],
        finders: &[
            story("handoff::the_sender_holds_the_case_until_the_receiver_accepts"),
            HISTORIES,
            REFERENCE,
            world(&["--config", "quick-ownership"], "broken: OWN-1"),
            worlds(EVERYTHING, "OWN-3 one owner for one epoch"),
        ],
    },
    Row {
        bug: Bug::MachineAcknowledges,
        rule: "COV-5",
        wrong: "a machine acknowledges",
        places: &["crates/domain/src/reading.rs"],
        finders: &[
            story("evidence::fault_7_a_machine_that_takes_it_acknowledges_nothing"),
            HISTORIES,
            REFERENCE,
            world(&["--config", "quick-escalation"], "broken: COV-5"),
            worlds(LIES, "COV-1 covered means held"),
        ],
    },
    Row {
        bug: Bug::EvidenceSurvivesMerge,
        rule: "COV-6",
        wrong: "evidence survives that its ticket was merged into another",
        places: &["crates/domain/src/evidence.rs"],
        finders: &[
            story("evidence::fault_11_merged_deleted_and_rejected_tickets_are_over"),
            HISTORIES,
            REFERENCE,
            world(&["--config", "quick-escalation"], "broken: COV-6"),
            worlds(LIES, "COV-1 covered means held"),
        ],
    },
    Row {
        bug: Bug::AnsweredBeforeDurable,
        rule: "JRN-1",
        wrong: "a command is answered before its append is durable",
        places: &["crates/supervisor/src/engine/shard.rs"],
        finders: &[
            supervisor("engine::tests::nobody_is_answered_before_the_disk_has_it"),
            world(&["--config", "quick-crash"], "broken: IDM-2"),
            worlds(EVERYTHING, "JRN-1 answered means durable"),
        ],
    },
    Row {
        bug: Bug::EffectBeforeJournal,
        rule: "IDM-2",
        wrong: "an effect leaves before the journal holds its intent",
        places: &["crates/supervisor/src/engine/shard.rs"],
        finders: &[
            supervisor("engine::tests::no_effect_leaves_before_the_disk_has_its_intent"),
            world(&["--config", "quick-connector"], "broken: IDM-2"),
        ],
    },
    Row {
        bug: Bug::KeyWithoutInput,
        rule: "IDM-3",
        wrong: "a proposal's key is accepted again with another input",
        places: &["crates/domain/src/decide/acting.rs"],
        finders: &[story("action::a_proposal_is_recognised_when_it_comes_again"), REFERENCE],
    },
    Row {
        bug: Bug::UnknownIsFailure,
        rule: "IDM-4",
        wrong: "an unknown outcome is taken for a failure and tried again",
        places: &["crates/domain/src/decide/acting.rs"],
        finders: &[
            story("action::an_unknown_outcome_is_read_back_before_anything_else"),
            HISTORIES,
            REFERENCE,
            world(&["--config", "quick-writing"], "broken: IDM-4"),
            worlds(EVERYTHING, "IDM-4 unknown is not failed"),
        ],
    },
    Row {
        bug: Bug::CreateRetriedBlindly,
        rule: "IDM-1",
        wrong: "a create whose answer was lost is repeated without looking first",
        places: &["crates/connect/src/placing.rs"],
        finders: &[
            Finder::Test {
                package: "belay-connect",
                target: Target::Lib,
                name: "placing::tests::no_mix_of_faults_makes_two_tickets",
            },
            worlds(EVERYTHING, "IDM-1 one ticket for one step"),
        ],
    },
    Row {
        bug: Bug::ApprovalUnbound,
        rule: "APR-1",
        wrong: "people agree to something else than what they were shown",
        places: &["crates/domain/src/decide/approving.rs"],
        finders: &[
            story("approval::who_is_involved_or_of_no_group_decides_nothing"),
            REFERENCE,
            world(&["--config", "quick-approval"], "broken: APR-1"),
        ],
    },
    Row {
        bug: Bug::ApprovalSurvivesPolicy,
        rule: "APR-5",
        wrong: "an approval and a permit survive a new playbook",
        places: &["crates/domain/src/decide/owning.rs"],
        finders: &[
            story("approval::another_playbook_voids_what_the_one_before_let_through"),
            REFERENCE,
            world(&["--config", "quick-approval"], "broken: APR-5"),
        ],
    },
    Row {
        bug: Bug::FailedForbidIgnored,
        rule: "AUT-4",
        wrong: "a `forbid` policy that cannot be evaluated is as if it were not there",
        places: &["crates/playbook/src/policy.rs"],
        finders: &[Finder::Test {
            package: "belay-playbook",
            target: Target::Test("decisions"),
            name: "a_policy_that_cannot_be_evaluated_denies_by_its_name",
        }],
    },
    Row {
        bug: Bug::WallClockLeases,
        rule: "COV-8",
        wrong: "leases and evidence go by the wall clock",
        places: &["crates/supervisor/src/clock.rs"],
        finders: &[
            supervisor("clock::tests::leases_go_with_the_time_that_passes_and_not_with_the_wall"),
            supervisor("clock::tests::a_wall_that_went_back_does_not_make_old_evidence_fresh"),
            worlds(LIES, "STA a restart works"),
        ],
    },
    Row {
        bug: Bug::KeepaliveRenewsLease,
        rule: "COV-7",
        wrong: "a connection that is alive renews the leases of its agent",
        places: &["crates/supervisor/src/service/agent/hearing.rs"],
        finders: &[
            supervisor("service::agent::tests::a_line_that_lives_renews_no_lease"),
            worlds(EVERYTHING, "COV-1 covered means held"),
        ],
    },
    Row {
        bug: Bug::RevokedKeepsStream,
        rule: "AUT-3",
        wrong: "a connection survives the revocation of its certificate",
        places: &["crates/transport/src/revocation.rs"],
        finders: &[transport(
            "accept::tests::revoking_an_identity_cuts_its_live_stream_and_keeps_it_out",
        )],
    },
    Row {
        bug: Bug::LeasesShed,
        rule: "LIV-6",
        wrong: "leases are shed under load like any other work",
        places: &["crates/transport/src/limits.rs"],
        finders: &[transport("limits::tests::a_full_house_still_has_places_for_leases")],
    },
    Row {
        bug: Bug::CompensatedTwice,
        rule: "IDM-7",
        wrong: "what has been undone is undone again",
        places: &["crates/domain/src/decide/planning.rs"],
        finders: &[
            story("plan::what_failed_undoes_the_rest_in_reverse"),
            HISTORIES,
            REFERENCE,
            world(&["--config", "quick-plan"], "broken: IDM-7"),
        ],
    },
    Row {
        bug: Bug::PlanVerifiedWithoutComparing,
        rule: "PLN-1",
        wrong: "a plan counts as verified although nobody has asked whether its systems agree",
        places: &["crates/domain/src/decide/comparing.rs"],
        finders: &[
            story("plan::a_plan_is_verified_only_when_its_systems_were_compared_and_agree"),
            HISTORIES,
            REFERENCE,
        ],
    },
    Row {
        bug: Bug::MergeHidesUncovered,
        rule: "MRG-1",
        wrong: "a merge closes a case before another one has what was reported to it, which hides that nobody covers the matter",
        places: &["crates/domain/src/decide/merging.rs"],
        finders: &[
            story(
                "merging::a_case_that_nobody_holds_goes_when_everything_that_it_knows_was_taken_over",
            ),
            story("merging::no_report_is_ever_lost_between_two_cases"),
        ],
    },
];

/// The table as `docs/planted-bugs.md` shows it.
pub(crate) fn rendered() -> String {
    let mut page = String::from(
        "| bug | rule | what goes wrong | where it is planted | what finds it |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for row in ROWS {
        let listed = |items: Vec<String>| {
            items.iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join("<br>")
        };
        let places = listed(row.places.iter().map(|place| (*place).to_owned()).collect());
        let finders = listed(row.finders.iter().map(ToString::to_string).collect());
        let (name, rule, wrong) = (row.bug.name(), row.rule, row.wrong);
        page.push_str(&format!("| `{name}` | {rule} | {wrong} | {places} | {finders} |\n"));
    }
    page
}
