//! What a tier asks of people.

use belay_domain::{GroupId, Span};

use crate::check::Check;
use crate::format::{ApprovalRule, PlaybookFile};

/// Who has to approve, and how they are asked.
#[derive(Clone, Debug)]
pub(crate) struct ApprovalRules {
    pub(crate) quorum: u32,
    pub(crate) groups: Vec<GroupId>,
    pub(crate) decide_within: Span,
    pub(crate) escalation: String,
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
    })
}
