//! What a tier asks of people.

use std::collections::{BTreeMap, BTreeSet};

use belay_domain::{
    ApprovalTerms, EscalationPlan, GroupId, PersonId, Severity, Span, SystemId, TicketApprover,
};

use crate::Playbook;
use crate::check::Check;
use crate::escalation::EscalationPolicy;
use crate::format::{ApprovalRule, ContractFile, PlaybookFile};
use crate::staff::Staff;
use crate::system::System;

/// Who has to approve, and how they are asked.
#[derive(Clone, Debug)]
pub(crate) struct ApprovalRules {
    pub(crate) quorum: u32,
    pub(crate) groups: Vec<GroupId>,
    pub(crate) decide_within: Span,
    pub(crate) escalation: String,
    pub(crate) in_ticket: bool,
}

/// The rules by tier.
#[derive(Debug, Default)]
pub(crate) struct Tiers {
    rules: [Option<ApprovalRules>; 4],
    declared: [bool; 4],
}

impl Tiers {
    /// Compiles those of `playbook.yaml`.
    pub(crate) fn compile(check: &mut Check<'_>, file: &PlaybookFile) -> Self {
        let mut tiers = Self::default();
        let declared = [&None, &file.tiers.one, &file.tiers.two, &file.tiers.three];
        for (tier, rule) in declared.into_iter().enumerate() {
            if let Some(rule) = rule {
                tiers.declared[tier] = true;
                tiers.rules[tier] = compile(check, &format!("/tiers/{tier}"), rule);
            }
        }
        tiers
    }

    /// Whether something is said about this tier, be it right or wrong.
    pub(crate) fn declares(&self, tier: u8) -> bool {
        self.declared.get(usize::from(tier)).copied().unwrap_or(false)
    }

    /// What this tier asks; the next higher one's rule where nothing is said about it.
    pub(crate) fn get(&self, tier: u8) -> Option<&ApprovalRules> {
        self.rules.iter().skip(usize::from(tier)).flatten().next()
    }
}

/// Compiles one rule.
pub(crate) fn compile(
    check: &mut Check<'_>,
    pointer: &str,
    rule: &ApprovalRule,
) -> Option<ApprovalRules> {
    for (index, group) in rule.groups.iter().enumerate() {
        check.known(&format!("{pointer}/groups/{index}"), "group", group.as_str(), |names| {
            names.groups.as_ref()
        });
    }
    let escalation = format!("{pointer}/escalation");
    check.known(&escalation, "escalation policy", &rule.escalation, |names| {
        names.escalations.as_ref()
    });
    if rule.quorum == 0 || rule.groups.is_empty() {
        return None;
    }
    let most = Span::from_hours(24 * 30);
    Some(ApprovalRules {
        quorum: rule.quorum,
        groups: rule.groups.clone(),
        decide_within: check.span_up_to(
            &format!("{pointer}/decide_within"),
            rule.decide_within,
            most,
        ),
        escalation: rule.escalation.clone(),
        in_ticket: rule.approve_in_ticket,
    })
}

impl ApprovalRules {
    /// What is asked of people about one action; none if the policy by which they are asked does not exist.
    pub(crate) fn terms(
        &self,
        playbook: &Playbook,
        severity: Severity,
        excluded: Vec<PersonId>,
    ) -> Option<ApprovalTerms> {
        let mut ask = playbook.escalation(&self.escalation, severity)?;
        // Each step has its turn before the whole time is over, unless the policy says how long one may take.
        let turns = i32::try_from(ask.steps.len()).unwrap_or(i32::MAX).max(1);
        for step in &mut ask.steps {
            step.decide_within.get_or_insert(self.decide_within / turns);
        }
        let in_ticket = match self.in_ticket {
            true => playbook.staff.approvers(&self.groups, &ask, &playbook.systems),
            false => Vec::new(),
        };
        Some(ApprovalTerms {
            quorum: self.quorum,
            groups: self.groups.clone(),
            excluded,
            decide_within: self.decide_within,
            ask,
            in_ticket,
            reasons: playbook.reasons.keys().cloned().collect(),
        })
    }
}

/// Holds what tiers and contracts ask of people against how and whom they ask.
pub(crate) struct Asking<'a> {
    pub(crate) escalations: &'a BTreeMap<String, EscalationPolicy>,
    pub(crate) staff: &'a Staff,
    pub(crate) systems: &'a BTreeMap<SystemId, System>,
}

impl Asking<'_> {
    /// Checks the tiers of `playbook.yaml`.
    pub(crate) fn of_tiers(&self, check: &mut Check<'_>, file: &PlaybookFile) {
        let tiers = [(1, &file.tiers.one), (2, &file.tiers.two), (3, &file.tiers.three)];
        for (tier, rule) in tiers {
            if let Some(rule) = rule {
                self.of(check, &format!("/tiers/{tier}"), rule);
            }
        }
    }

    /// Checks the approval of a contract.
    pub(crate) fn of_contract(&self, check: &mut Check<'_>, file: &ContractFile) {
        if let Some(rule) = &file.approval {
            self.of(check, "/approval", rule);
        }
    }

    fn of(&self, check: &mut Check<'_>, pointer: &str, rule: &ApprovalRule) {
        let Some(policy) = self.escalations.get(&rule.escalation) else { return };
        let Some(plan) = policy.plan(Severity::Normal) else { return };
        self.is_every_step_reached(check, pointer, rule, plan);
        if rule.approve_in_ticket {
            self.can_enough_decide(check, pointer, rule, plan);
        }
    }

    /// An approval that runs out while its first step is still being asked never moves on.
    fn is_every_step_reached(
        &self,
        check: &mut Check<'_>,
        pointer: &str,
        rule: &ApprovalRule,
        plan: &EscalationPlan,
    ) {
        let Some((_, before)) = plan.steps.split_last() else { return };
        let before = before.iter().fold(Span::ZERO, |sum, step| {
            let once = step.place_within + step.reach_within + step.acknowledge_within;
            sum.saturating_add(once)
        });
        let within = check.span(rule.decide_within);
        if within <= before {
            check.wrong(
                &format!("{pointer}/decide_within"),
                format!(
                    "it is over after {within:#}, before the last step of {} is asked, after {before:#}",
                    rule.escalation
                ),
                "give people more time to decide, or the steps less time to acknowledge",
            );
        }
    }

    /// Enough people can decide on the tickets of at least one step.
    fn can_enough_decide(
        &self,
        check: &mut Check<'_>,
        pointer: &str,
        rule: &ApprovalRule,
        plan: &EscalationPlan,
    ) {
        let approvers = self.staff.approvers(&rule.groups, plan, self.systems);
        let people: BTreeSet<&PersonId> =
            approvers.iter().map(|TicketApprover { person, .. }| person).collect();
        if people.len() < rule.quorum as usize {
            check.wrong(
                &format!("{pointer}/approve_in_ticket"),
                format!(
                    "{} may decide on these tickets, and {} have to",
                    match people.len() {
                        0 => "nobody".to_owned(),
                        1 => "one person".to_owned(),
                        count => format!("{count} people"),
                    },
                    rule.quorum
                ),
                "name people with one of the groups and their account in that system in people.yaml",
            );
        }
    }
}
