//! What people write on a ticket, with who wrote it: what a decision on a ticket rests on.

use belay_domain::{ActorKind, Statement, TicketId};
use belay_replay::{Deed, Lie};

use super::vendors::{Can, Vendor, behind};
use super::{Stage, named};
use crate::{HumanQueue, QueueErrorKind};

const YES: &str = "approve 0123";

#[test]
fn what_a_person_writes_is_theirs() {
    check(&[Deed::take("anna")], |_| String::new());
    check(&[Deed::note("anna", YES)], |_| "anna: approve 0123".to_owned());
    let talk = [Deed::note("anna", "approve 0123\nit is fine"), Deed::reply("ben", "reject 0123")];
    check(&talk, |_| "anna: approve 0123\nit is fine | ben: reject 0123".to_owned());
}

#[test]
fn what_a_machine_writes_is_a_machines() {
    for machine in ["robot", "silent"] {
        check(&[Deed::note(machine, YES)], |_| format!("machine {machine}: approve 0123"));
    }
}

#[test]
fn what_we_write_is_ours() {
    behind(&[Can::Note], async |vendor, stage| {
        let ticket = stage.placed().await;
        stage.happen(Deed::take("anna"));
        stage.itsm.withdraw(&ticket, YES).await.expect("written");
        assert_eq!(
            said(vendor, &stage, &ticket).await,
            "ourselves: approve 0123",
            "{}",
            vendor.name
        );
    });
}

#[test]
fn what_was_edited_is_another_statement_or_nobodys() {
    let edit = |by| [Deed::note("anna", "let me see"), Deed::rewrite(by, YES)];
    check(&edit("anna"), |vendor| vendor.edited_by_her.to_owned());
    check(&edit("ben"), |vendor| vendor.edited_by_him.to_owned());
    // If it still counts for somebody, then by another id: what was judged was what stood there before.
    behind(&[Can::Note], async |vendor, stage| {
        let ticket = stage.placed().await;
        stage.happen(Deed::note("anna", "let me see"));
        let before = heard(&stage, &ticket).await;
        let again = heard(&stage, &ticket).await;
        assert_eq!(before, again, "{}", vendor.name);
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        stage.happen(Deed::rewrite("anna", YES));
        let after = heard(&stage, &ticket).await;
        for one in after.iter().filter(|one| one.actor.kind == ActorKind::Person) {
            let same = before.iter().find(|old| old.id == one.id);
            assert!(same.is_none_or(|old| old.text == one.text), "{}: {one:?}", vendor.name);
        }
    });
}

#[test]
fn what_was_deleted_is_not_said() {
    behind(&[Can::Note], async |vendor, stage| {
        let ticket = stage.placed().await;
        stage.happen(Deed::note("anna", YES));
        stage.happen(Deed::unsay("ben"));
        let said = said(vendor, &stage, &ticket).await;
        assert!(!said.contains("approve"), "{}: {said}", vendor.name);
    });
}

#[test]
fn what_cannot_be_read_is_not_said() {
    behind(&[Can::Note], async |vendor, stage| {
        let ticket = stage.placed().await;
        stage.happen(Deed::note("anna", YES));
        for (lie, expected) in [
            (Lie::RefusesCredential, QueueErrorKind::Unauthorized),
            (Lie::Down(503), QueueErrorKind::Unavailable),
            (Lie::Garbles, QueueErrorKind::NotUnderstood),
            (Lie::RefusesInProse, QueueErrorKind::NotUnderstood),
        ] {
            stage.office.lie(lie.clone());
            let error = stage.itsm.statements(&ticket).await.expect_err("unreadable");
            assert_eq!(error.kind, expected, "{}: {lie:?}", vendor.name);
            stage.office.honest();
        }
        // Whoever is left out is nobody.
        stage.office.lie(Lie::LeavesOut(vec![vendor.writer.to_owned()]));
        let left = stage.itsm.statements(&ticket).await.unwrap_or_default();
        let people = left.iter().filter(|one| one.actor.kind == ActorKind::Person).count();
        assert_eq!(people, 0, "{}: {left:?}", vendor.name);
        stage.office.honest();
        stage.office.lie(Lie::HidesHistory);
        assert_eq!(said(vendor, &stage, &ticket).await, "", "{}", vendor.name);
        stage.office.honest();
        stage.happen(Deed::Hide);
        assert_eq!(said(vendor, &stage, &ticket).await, "", "{}", vendor.name);
    });
}

#[test]
fn a_word_after_many_is_heard() {
    behind(&[Can::Note], async |vendor, stage| {
        let ticket = stage.placed().await;
        let before = vendor.history + 20;
        for count in 0..before {
            stage.happen(Deed::note("robot", &format!("ping {count}")));
        }
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        stage.happen(Deed::note("anna", YES));
        let all = heard(&stage, &ticket).await;
        assert_eq!(all.len(), before + 1, "{}", vendor.name);
        let last = all.last().expect("a statement");
        assert_eq!(
            (last.actor.kind, last.text.as_str()),
            (ActorKind::Person, YES),
            "{}",
            vendor.name
        );
    });
}

#[test]
fn where_nothing_can_be_written_nobody_can_decide() {
    super::run(async {
        let stage = super::goalert::stage();
        let ticket = stage.placed().await;
        let error = stage.itsm.statements(&ticket).await.expect_err("it cannot tell");
        assert_eq!(error.kind, QueueErrorKind::Refused);
    });
}

async fn heard(stage: &Stage, ticket: &TicketId) -> Vec<Statement> {
    stage.itsm.statements(ticket).await.expect("read")
}

/// Who said what, in a line.
async fn said(vendor: &Vendor, stage: &Stage, ticket: &TicketId) -> String {
    let one = |one: &Statement| format!("{}: {}", named(&one.actor.name, one.actor.kind), one.text);
    let lines: Vec<String> = heard(stage, ticket).await.iter().map(one).collect();
    vendor.named(&lines.join(" | "))
}

/// Who has said what after these deeds, behind every vendor whose tickets take notes.
#[track_caller]
fn check(deeds: &[Deed], expected: impl Fn(&Vendor) -> String) {
    behind(&[Can::Note], async |vendor, stage| {
        let ticket = stage.placed().await;
        for deed in deeds {
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
            stage.happen(deed.clone());
        }
        assert_eq!(said(vendor, &stage, &ticket).await, expected(vendor), "{}", vendor.name);
    });
}
