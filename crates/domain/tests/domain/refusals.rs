//! Every reason for which a command is turned down has a story, and every doubt about a ticket too. A new
//! one does not compile here before it has been listed, and fails before it has been told.

use belay_domain::{ActKind, Command, Doubt, EventKind, Rejection, decide};

use crate::script::{Story, check, entry};
use crate::terms::{at, id};

const STORIES: &[&str] = &[
    include_str!("action.rs"),
    include_str!("approval.rs"),
    include_str!("coverage.rs"),
    include_str!("escalation.rs"),
    include_str!("evidence.rs"),
    include_str!("handoff.rs"),
    include_str!("matter.rs"),
    include_str!("merging.rs"),
    include_str!("plan.rs"),
    include_str!("refusals.rs"),
];

/// Lists variants, and matches on them so that a variant that is missing does not compile.
macro_rules! listed {
    ($list:ident, $matched:ident, $of:ident, $($variant:ident $name:literal)*) => {
        const $list: &[&str] = &[$($name),*];
        fn $matched(one: &$of) -> &'static str {
            match one { $($of::$variant { .. } => $name),* }
        }
    };
}

listed! { REJECTIONS, rejection, Rejection,
    UnknownCase "UNKNOWN_CASE" AlreadyOpen "ALREADY_OPEN" CaseClosed "CASE_CLOSED"
    CaseMerged "CASE_MERGED" NotSameMatter "NOT_SAME_MATTER"
    MergeUnderWay "MERGE_UNDER_WAY" Standing "CASE_STANDS"
    ReportedMeanwhile "REPORTED_MEANWHILE" EmptyPlan "EMPTY_PLAN" TooLong "TOO_LONG" TooMany "TOO_MANY" NotOwner "NOT_OWNER"
    StaleEpoch "STALE_EPOCH" LeaseOver "LEASE_OVER" NotRouting "NOT_ROUTING"
    NoSuchOffer "NO_SUCH_OFFER" NotOffered "NOT_OFFERED"
    ContextMismatch "CONTEXT_DIGEST_MISMATCH" HandoffUnderWay "HANDOFF_UNDER_WAY"
    EscalationUnderWay "ESCALATION_UNDER_WAY" UnknownAction "UNKNOWN_ACTION"
    ProposalReused "PROPOSAL_REUSED" WrongStage "WRONG_STAGE" StaleRevision "STALE_REVISION"
    StaleAttempt "STALE_ATTEMPT" WrongPermit "WRONG_PERMIT" PermitUsed "PERMIT_USED"
    PermitExpired "PERMIT_EXPIRED" WrongKey "WRONG_KEY" InputMismatch "INPUT_DIGEST_MISMATCH"
    NotExecutor "NOT_EXECUTOR" ApprovalMismatch "APPROVAL_DIGEST_MISMATCH"
    NotAnApprover "NOT_AN_APPROVER" Involved "INVOLVED" AlreadyVoted "ALREADY_VOTED"
    StaleApproval "STALE_APPROVAL" UnknownReason "UNKNOWN_REASON" ReasonMissing "REASON_MISSING"
    AlreadyAsked "ALREADY_ASKED" UnknownQuestion "UNKNOWN_QUESTION" NotAsked "NOT_ASKED"
    AlreadyAnswered "ALREADY_ANSWERED" HandedOver "HANDED_OVER"
    DelegationCircle "DELEGATION_CIRCLE" DelegationTooDeep "DELEGATION_TOO_DEEP"
    UnknownPlan "UNKNOWN_PLAN" PlanClosed "PLAN_CLOSED" StaleStep "STALE_STEP"
    Unsettled "UNSETTLED_ACTIONS" NotCompared "NOT_COMPARED"
}

listed! { DOUBTS, doubt, Doubt,
    Missing "missing" Unreadable "unreadable" NotOurs "not_ours" Elsewhere "elsewhere"
    NotOpen "not_open" ClosedByOther "closed_by_other" NoResolution "no_resolution"
    QueueUnreadable "queue_unreadable" Unreachable "unreachable" GivenBack "given_back"
    HeldByMachine "held_by_machine" HeldByOutsider "held_by_outsider" NeverTaken "never_taken"
    SweptUp "swept_up"
    Idle "idle" Undecided "undecided" Stale "stale" Unread "unread"
}

/// Time passes before a command is looked at, so that a lease is always seen to be over by its epoch; the
/// check behind it is tested where it stands.
const BEHIND_ANOTHER: &[&str] = &["LEASE_OVER"];

#[test]
fn every_refusal_has_a_story() {
    let told = |code: &str| {
        STORIES.iter().any(|story| {
            let mut lines = story.lines().filter(|line| line.contains("refused"));
            lines.any(|line| line.contains(&format!("refused {code}")))
        })
    };
    let untold: Vec<_> =
        REJECTIONS.iter().filter(|code| !told(code) && !BEHIND_ANOTHER.contains(code)).collect();
    assert!(untold.is_empty(), "no story is refused with {untold:?}");
}

#[test]
fn a_refusal_says_its_own_code() {
    let refusal = Rejection::StaleStep;
    assert_eq!(rejection(&refusal), refusal.code());
    let refusal = Rejection::TooMany { what: "labels", most: 3 };
    assert_eq!(rejection(&refusal), refusal.code());
}

#[test]
fn what_is_not_open_knows_no_commands() {
    check("0 offer A -> refused UNKNOWN_CASE\n0 placed e1/r1s1 T1 -> refused UNKNOWN_CASE");
}

#[test]
fn an_offer_to_another_is_not_yours() {
    check(
        "0 open
         1 offer A
         2 accept B h1 -> refused NOT_OFFERED
         2 decline B h1 -> refused NOT_OFFERED
         2 decline A h2 -> refused NO_SUCH_OFFER",
    );
}

/// The outcome of a command on a fresh case, as `refused CODE` or `accepted`.
fn outcome(command: &Command) -> String {
    let mut story = Story::new();
    story.tell("0 open");
    let before = story.case.clone();
    let outcome = decide(&story.case, command, at(1));
    assert_eq!(before, story.case);
    outcome.map_or_else(|why| format!("refused {}", why.code()), |_| "accepted".to_owned())
}

#[test]
fn what_is_too_long_or_too_many_is_refused() {
    let amend = |subject: usize, labels: usize| Command::Amend {
        subject: Some("x".repeat(subject)),
        severity: None,
        labels: Some(vec![("a".to_owned(), "b".to_owned()); labels]),
    };
    assert_eq!(outcome(&amend(1_024, 64)), "accepted");
    assert_eq!(outcome(&amend(1_025, 64)), "refused TOO_LONG");
    assert_eq!(outcome(&amend(1_024, 65)), "refused TOO_MANY");
    let know = |entries: usize, length: usize| Command::AddContext {
        entries: vec![entry(&"x".repeat(length)); entries],
        by: belay_domain::Actor::Person(id("ann")),
    };
    assert_eq!(outcome(&know(1, 256 * 1_024)), "accepted");
    assert_eq!(outcome(&know(1, 256 * 1_024 + 1)), "refused TOO_LONG");
    // One entry is there already.
    assert_eq!(outcome(&know(1_999, 1)), "accepted");
    assert_eq!(outcome(&know(2_000, 1)), "refused TOO_MANY");
}

/// The doubt with which a held ticket lapses when it looks like this, or when time passes until `then`.
fn lapse(looks: &str, then: i64, work: &str) -> &'static str {
    let mut story = Story::new();
    story.tell(&format!("0 open people {work}"));
    story.tell("1 placed e1/r1s1 T1");
    story.tell("2 look e1/r1s1 rev=2 taken=ann");
    if !looks.is_empty() {
        story.tell(&format!("3 look e1/r1s1 rev=3 {looks}"));
    }
    story.tell(&format!("{then} tick"));
    let lapsed = story.history.iter().find_map(|event| match &event.kind {
        EventKind::EscalationLapsed { doubt, .. } => Some(doubt.clone()),
        _ => None,
    });
    doubt(&lapsed.expect("a lapse"))
}

#[test]
fn every_doubt_has_its_reading() {
    let readings = [
        ("missing", "missing"),
        ("ticket=T2", "not_ours"),
        ("in=second", "elsewhere"),
        ("odd", "not_open"),
        ("closed=robot:solved", "closed_by_other"),
        ("closed=ann:none", "no_resolution"),
        ("disabled taken=ann", "unreachable"),
        ("rev=4", "given_back"),
        ("taken=robot", "held_by_machine"),
        ("taken=auto:ann", "held_by_machine"),
        ("taken=zoe", "held_by_outsider"),
        ("given=ann", "never_taken"),
    ];
    for (looks, expected) in readings {
        assert_eq!(lapse(looks, 3, ""), expected, "{looks}");
    }
    // Whoever is believed to hold it stays so; another who sweeps it up does not.
    assert_eq!(lapse("taken=bob together=4", 3, "sweep=3"), "swept_up");
    assert_eq!(lapse("", 22, ""), "stale");
    assert_eq!(lapse("", 12, "work=10"), "idle");
    // Not being able to look changes nothing; what it leads to is age, and then it is the reason.
    assert_eq!(lapse("unreadable", 22, ""), "unread");
    assert_eq!(lapse("unreadable", 12, "work=10"), "idle");
    assert_eq!(lapse("noqueue closed=ann:solved", 22, ""), "stale");
    let told = readings.iter().map(|(_, doubt)| *doubt);
    let told: Vec<_> = told.chain(["swept_up"]).collect();
    let by_time = ["stale", "unread", "idle", "undecided", "unreadable", "queue_unreadable"];
    assert!(DOUBTS.iter().all(|doubt| told.contains(doubt) || by_time.contains(doubt)));
}

#[test]
fn only_some_acts_are_work() {
    let work = [ActKind::Replied, ActKind::Noted, ActKind::ChangedState];
    let other = [ActKind::Took, ActKind::GaveBack, ActKind::Moved, ActKind::Other];
    assert!(work.iter().all(ActKind::is_work) && !other.iter().any(ActKind::is_work));
}
