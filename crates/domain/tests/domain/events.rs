//! Stored events stay readable for ever (`JRN-4`): one line for each kind of event, as the first version
//! wrote it. Lines are only ever added to `events.golden`.

use std::collections::BTreeSet;

use belay_domain::{Event, EventKind};

use crate::script::Story;

const GOLDEN: &str = include_str!("events.golden");

/// Matches on every kind, so that a new one does not compile before it is listed here, and fails below before
/// it has a line.
macro_rules! kinds {
    ($($variant:ident)*) => {
        const KINDS: &[&str] = &[$(stringify!($variant)),*];
        fn kind(event: &EventKind) -> &'static str {
            match event { $(EventKind::$variant { .. } => stringify!($variant)),* }
        }
    };
}

kinds! {
    CaseOpened ContactLinked ContextAdded IdentityRecorded CaseAmended RoutingStarted RoutingEnded HandoffOffered
    HandoffDeclined HandoffLapsed HandoffAccepted LeaseRenewed LeaseExpired CaseReleased CaseTakenOver
    ActionProposed ActionAssessed ActionDenied ActionShadowed ActionCompared ApprovalRequested ApprovalGiven
    ApprovalAsked ApprovalAnswered ApprovalDelegated     ApprovalEnded StatementRefused StatementAnswered ActionAmended ActionAuthorized PermitExpired ActionDispatched ActionExecuted
    ActionUnknown ActionUnresolved ActionRetried ActionFailed ActionVerified ActionDiverged
    ActionWithdrawn CompensationStarted ActionCompensated CompensationFailed PlanCompleted
    PlanComparing PlanCompared PlanUncompared PlanVerified PlanUndoing PlanUndone PlanStuck EscalationOpened EscalationWidened StepStarted
    StepSkipped StepDeferred TicketUnread TicketDrifted TicketPlaced TicketOrphaned TicketSeen TicketRouted EscalationAcknowledged EvidenceRenewed
    EscalationLapsed StepFailed EscalationExhausted EscalationResolved CaseReturned
    MatterRecognised MatterShared MatterParted MatterToldApart MergeProposed MergeEnded CaseAbsorbed
    MergeNoted ContextSeen AbsorptionTold CaseMerged
    EscalationClosed TicketWithdrawn CoverageRaised CoverageLowered CaseResolved
}

/// Stories in which, between them, everything happens.
const STORIES: &[&str] = &[
    "0 open; 1 offer A; 2 accept A h1; 3 propose A p1 {1} ask=2 coded; 4 vote lea a1 ask:why?; \
     5 reply A a1 1 because; 6 vote lea a1 to:leo; 7 propose A p2 {2} ask=1 coded; \
     8 vote lea a2 no:goodwill; 9 vote leo a1 over; 10 resolve ann",
    "0 open; 1 contact q2; 1 amend renamed; 1 offer A; 2 decline A h1; 2 offer B; 7 tick; 8 offer C; \
     8 accept C h3; 12 progress C; 13 propose C p1 {1} ask=1 seen=paid; 14 vote lea a1 {half}; \
     15 assess a1 r1 ask=2; 16 vote leo a1 yes; 17 vote lia a1 yes; 22 progress C; 23 begin C a1 p2; \
     24 outcome a1 busy C; 29 read a1 absent; 30 tick; 31 begin C a1 p3; 31 progress C; \
     32 outcome a1 yes C; 33 read a1 applied; 34 propose C p2 {2} deny basis; 34 propose C p3 {3} shadow; \
     34 release C; 44 tick; 50 resolve ann; 51 compared a3 applied fresh",
    "0 open; 1 offer A; 2 accept A h1; 3 propose A p1 {1} by=supervisor plan=x undo; \
     3 propose A p2 {2} by=supervisor plan=x undo attempts=1; 4 outcome a1 yes; 5 read a1 applied; \
     5 outcome a2 never; 5 propose A p3 {3} plan=x ask=1; 10 read a2 absent; 11 undo a1 busy; \
     12 undo a1 done; 13 progress A; 14 propose A p4 {4} by=supervisor plan=y; 14 complete A y; \
     14 outcome a4 yes; 15 read a4 applied; 15 propose A p5 {5} by=supervisor plan=z undo; \
     16 outcome a5 yes; 20 progress A; 21 read a5 different; 22 undo a5 never; 23 propose A p6 {6} by=supervisor; \
     24 outcome a6 unknown; 33 progress A; 50 tick; 60 tick",
    "0 open people; 1 placed e1/r1s1 T1; 2 look e1/r1s1 taken=ann; \
     3 drifted e1/r1s1 T1 subject late paid; 3 look e1/r1s1 rev=3 unreadable; \
     4 look e1/r1s1 rev=3 unreadable; 22 tick; 23 resolve ann",
    "0 open; 1 offer A; 2 accept A h1; 3 identify A weak; 4 identify A cus_1",
    "0 open; 1 offer A; 2 accept A h1; 3 propose A p1 {1} by=supervisor plan=x; 4 complete A x money undo; \
     4 outcome a1 yes; 5 read a1 applied; 10 progress A; 15 tick; 16 systems x a1=differs",
    "0 open people hours=wait; 1 resolve ann",
    "0 open people hours=skip; 1 resolve ann",
    "0 open; 1 offer A; 2 accept A h1; 3 propose A p1 {1} ask=1 ticket; 4 placed e1/r1s1 T1; \
     5 look e1/r1s1; 6 hear e1/r1s1 robot#1:approve; 7 answered e1/r1s1 1; \
     8 hear e1/r1s1 robot#1:approve lea@itsm#2:reject",
    "0 open people; 1 placed e1/r1s1 T1; 2 placed e1/r1s1 T2; 2 look e1/r1s1 noqueue; 3 look e1/r1s1; \
     4 look e1/r1s1 rev=2 taken=ann; 5 look e1/r1s1 rev=3 taken=ann worked=1; \
     6 look e1/r1s1 rev=4; 7 told e1/r1s1 T1; 16 tick; 90 tick; 91 placed e1/r2s1 T4; \
     92 look e1/r2s1 ticket=T4 closed=ann:back; 103 tick; 104 resolve ann",
    "0 open; 1 recognise fp; 1 same d by=ann; 1 same f fp; 2 goes d; 2 stays d; 3 part f; 3 apart e; 4 goes d; 5 merged d",
    "0 open; 1 offer A; 2 accept A h1; 3 same d; 3 takes d 1 critical fp; 4 sees A",
    "0 open people; 1 placed e1/r1s1 T1; 2 same d; 3 takes d 1; 4 noted d e1/r1s1",
];

fn happened() -> Vec<Event> {
    let mut all = Vec::new();
    for script in STORIES {
        let mut story = Story::new();
        for line in script.split(';') {
            let told = story.tell(line.trim());
            assert!(!told.starts_with("refused"), "{line}: {told}");
        }
        all.extend(story.history);
    }
    all
}

fn json(event: &Event) -> String {
    serde_json::to_string(event).expect("events are JSON")
}

#[test]
fn every_kind_of_event_has_a_line_that_reads_as_it_was_written() {
    let mut seen = BTreeSet::new();
    for line in GOLDEN.lines() {
        let event: Event = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        assert_eq!(json(&event), line, "an event is written otherwise than it was");
        let stored = format!("\"event\":\"{}\"", event.kind.name());
        assert!(line.contains(&stored), "{line} is not named {stored}");
        seen.insert(kind(&event.kind));
    }
    let missing: Vec<_> = KINDS.iter().filter(|kind| !seen.contains(*kind)).collect();
    let lines: Vec<_> =
        happened().iter().filter(|event| missing.contains(&&kind(&event.kind))).map(json).collect();
    assert!(missing.is_empty(), "add lines for {missing:?}, such as:\n{}", lines.join("\n"));
}

#[test]
fn every_kind_of_event_happens_and_reads_back_as_itself() {
    let mut seen = BTreeSet::new();
    for event in happened() {
        let read: Event = serde_json::from_str(&json(&event)).expect("an event");
        assert_eq!(read, event);
        seen.insert(kind(&event.kind));
    }
    let missing: Vec<_> = KINDS.iter().filter(|kind| !seen.contains(*kind)).collect();
    assert!(missing.is_empty(), "no story leads to {missing:?}");
}
