//! Bugs that a test build can switch on, to see that the checks find them.
//!
//! A check that has never failed proves little. Each bug here is a rule of Belay forgotten in one place of the real
//! code; `docs/planted-bugs.md` names the check that finds it. Without the feature `switchable`, [`planted`] is the
//! constant `false` and nothing of this is left in the program.

/// One forgotten rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bug {
    /// A rumour counts as an acknowledgement (`COV-2`).
    WebhookIsEvidence,
    /// Evidence is dated when it is committed instead of when its read was sent (`COV-3`).
    EvidenceDatedAtCommit,
    /// A ticket in another queue than the one asked for counts (`COV-6`).
    QueueUnchecked,
    /// An older read replaces a newer one (`COV-4`).
    OlderReadWins,
    /// Epoch and lease are not checked again where the effect begins (`OWN-2`).
    EpochUnchecked,
    /// A permit can be used more than once (`PRM-1`).
    PermitReusable,
    /// A handoff leaves the case with nobody until it is accepted (`OWN-4`).
    HandoffThroughNobody,
    /// An acknowledgement by a machine counts (`COV-5`).
    MachineAcknowledges,
    /// Evidence survives that its ticket was merged into another (`COV-6`).
    EvidenceSurvivesMerge,
    /// A command is answered before its append is durable (`JRN-1`).
    AnsweredBeforeDurable,
    /// An effect is sent before the journal holds its intent (`IDM-2`).
    EffectBeforeJournal,
    /// The idempotency key is accepted with another input (`IDM-3`).
    KeyWithoutInput,
    /// An outcome that is unknown is treated as a failure and tried again (`IDM-4`).
    UnknownIsFailure,
    /// A create whose answer was lost is repeated without looking first (`IDM-1`).
    CreateRetriedBlindly,
    /// An approval is good for any input of its action (`APR-1`).
    ApprovalUnbound,
    /// An approval survives a change of the playbook (`APR-5`).
    ApprovalSurvivesPolicy,
    /// A `forbid` policy that fails to evaluate is treated as if it were not there (`AUT-4`).
    FailedForbidIgnored,
    /// Leases follow the wall clock (`COV-8`).
    WallClockLeases,
    /// A connection that is alive renews the leases of its agent (`COV-7`).
    KeepaliveRenewsLease,
    /// A connection survives the revocation of its certificate (`AUT-3`).
    RevokedKeepsStream,
    /// Leases are shed under load like any other work.
    LeasesShed,
    /// A compensation can run twice (`IDM-7`).
    CompensatedTwice,
    /// A plan counts as verified without asking whether the systems agree.
    PlanVerifiedWithoutComparing,
    /// A case is over as soon as it is to be merged, whether or not another one has the matter (`MRG-1`).
    MergeHidesUncovered,
}

impl Bug {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 24] = [
        Self::WebhookIsEvidence,
        Self::EvidenceDatedAtCommit,
        Self::QueueUnchecked,
        Self::OlderReadWins,
        Self::EpochUnchecked,
        Self::PermitReusable,
        Self::HandoffThroughNobody,
        Self::MachineAcknowledges,
        Self::EvidenceSurvivesMerge,
        Self::AnsweredBeforeDurable,
        Self::EffectBeforeJournal,
        Self::KeyWithoutInput,
        Self::UnknownIsFailure,
        Self::CreateRetriedBlindly,
        Self::ApprovalUnbound,
        Self::ApprovalSurvivesPolicy,
        Self::FailedForbidIgnored,
        Self::WallClockLeases,
        Self::KeepaliveRenewsLease,
        Self::RevokedKeepsStream,
        Self::LeasesShed,
        Self::CompensatedTwice,
        Self::PlanVerifiedWithoutComparing,
        Self::MergeHidesUncovered,
    ];

    /// Its name in `BELAY_PLANTED` and in the table: the variant in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebhookIsEvidence => "webhook-is-evidence",
            Self::EvidenceDatedAtCommit => "evidence-dated-at-commit",
            Self::QueueUnchecked => "queue-unchecked",
            Self::OlderReadWins => "older-read-wins",
            Self::EpochUnchecked => "epoch-unchecked",
            Self::PermitReusable => "permit-reusable",
            Self::HandoffThroughNobody => "handoff-through-nobody",
            Self::MachineAcknowledges => "machine-acknowledges",
            Self::EvidenceSurvivesMerge => "evidence-survives-merge",
            Self::AnsweredBeforeDurable => "answered-before-durable",
            Self::EffectBeforeJournal => "effect-before-journal",
            Self::KeyWithoutInput => "key-without-input",
            Self::UnknownIsFailure => "unknown-is-failure",
            Self::CreateRetriedBlindly => "create-retried-blindly",
            Self::ApprovalUnbound => "approval-unbound",
            Self::ApprovalSurvivesPolicy => "approval-survives-policy",
            Self::FailedForbidIgnored => "failed-forbid-ignored",
            Self::WallClockLeases => "wall-clock-leases",
            Self::KeepaliveRenewsLease => "keepalive-renews-lease",
            Self::RevokedKeepsStream => "revoked-keeps-stream",
            Self::LeasesShed => "leases-shed",
            Self::CompensatedTwice => "compensated-twice",
            Self::PlanVerifiedWithoutComparing => "plan-verified-without-comparing",
            Self::MergeHidesUncovered => "merge-hides-uncovered",
        }
    }
}

/// Whether this bug is switched on: never, outside test builds.
#[cfg(not(feature = "switchable"))]
#[must_use]
#[inline(always)]
pub const fn planted(_bug: Bug) -> bool {
    false
}

/// Whether this bug is switched on: the one that `BELAY_PLANTED` names, for the whole process.
///
/// # Panics
///
/// When `BELAY_PLANTED` names none: a check that ran without its bug would seem to have missed it.
#[cfg(feature = "switchable")]
#[must_use]
pub fn planted(bug: Bug) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<Bug>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let name = std::env::var("BELAY_PLANTED").ok().filter(|name| !name.is_empty())?;
        let found = Bug::ALL.into_iter().find(|bug| bug.name() == name);
        assert!(found.is_some(), "BELAY_PLANTED={name} is no planted bug");
        found
    });
    *chosen == Some(bug)
}
