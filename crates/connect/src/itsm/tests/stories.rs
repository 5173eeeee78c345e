//! What every adapter has to see, told once and played behind each vendor's stand-in.

use std::time::Duration;

use belay_domain::{ActKind, ActorKind, TicketReading};
use belay_replay::{Asked, Deed, Lie, Status, Which};

use super::vendors::{Can, behind};
use super::{Stage, happened, line};
use crate::{Attempt, HumanQueue, QueueErrorKind, Verdict, place};

#[test]
fn a_person_who_takes_it_is_seen_to_take_it() {
    check(&[], &[], "open in support");
    check(&[], &[Deed::take("anna")], "open in support, held by anna; anna took");
    check(
        &[Can::Note],
        &[Deed::take("anna"), Deed::note("anna", "calling her")],
        "open in support, held by anna; anna took; anna noted",
    );
    check(
        &[Can::Reply],
        &[Deed::take("anna"), Deed::note("anna", "calling her"), Deed::reply("anna", "hello")],
        "open in support, held by anna; anna took; anna noted; anna replied",
    );
}

#[test]
fn a_machine_that_takes_it_is_no_person() {
    check(
        &[],
        &[Deed::take("silent")],
        "open in support, held by machine silent; machine silent took",
    );
    check(
        &[Can::BeOurs],
        &[Deed::take("belay")],
        "open in support, held by ourselves; ourselves took",
    );
    behind(&[], async |vendor, stage| {
        let reading = happened(&stage, &[Deed::take("robot")]).await;
        let TicketReading::Present(facts) = &reading.ticket else {
            panic!("{}: {reading:?}", vendor.name)
        };
        let by_hand = facts.acts.iter().any(|act| act.actor.kind == ActorKind::Person);
        let took = facts.acts.iter().any(|act| matches!(act.kind, ActKind::Took));
        assert!(!by_hand && (took || facts.holder.is_some()), "{}: {facts:?}", vendor.name);
    });
}

#[test]
fn a_holder_who_did_nothing_has_not_taken_it() {
    let given = "open in support, held by anna; ben gave to anna";
    check(&[Can::Give], &[Deed::assign("ben", "anna")], given);
}

#[test]
fn what_is_given_back_or_moved_is_seen_so() {
    check(
        &[],
        &[Deed::take("anna"), Deed::give_back("anna")],
        "open in support; anna took; anna gave back",
    );
    behind(&[Can::Move], async |vendor, stage| {
        let reading = line(&happened(&stage, &[Deed::move_to("ben", "other")]).await);
        let elsewhere = reading.starts_with("open in ") && !reading.contains("support");
        assert!(elsewhere, "{}: {reading}", vendor.name);
    });
}

#[test]
fn what_is_gone_merged_or_in_an_unknown_state_is_never_open() {
    check(&[], &[Deed::Hide], "missing");
    check(&[Can::Delete], &[Deed::Delete { by: "ben".to_owned() }], "missing");
    let odd = Deed::become_("anna", Status::Odd("parked".to_owned()));
    check(&[Can::BeOdd], &[odd], "unknown (parked) in support");
    behind(&[Can::Merge], async |vendor, stage| {
        let ticket = stage.placed().await;
        let into = stage.office.open_ticket("ben", "support", "another");
        let made = Which::Correlation("C-1/e1/r1s1".to_owned());
        assert!(stage.office.happen(&made, &Deed::Merge { by: "ben".to_owned(), into }));
        let line = line(&stage.read(&ticket).await);
        assert!(line.starts_with("merged in support"), "{}: {line}", vendor.name);
    });
}

#[test]
fn who_resolved_it_and_how_comes_back() {
    behind(&[], async |vendor, stage| {
        let deeds = [Deed::take("anna"), Deed::resolve("anna", Some("refunded"))];
        let line = vendor.told(&happened(&stage, &deeds).await);
        let code = if vendor.can(&[Can::Code]) { "refunded" } else { "no code" };
        let closed = format!("; closed by anna ({code})");
        let whole = line.starts_with("resolved in support") && line.contains("; anna took");
        assert!(whole && line.ends_with(&closed), "{}: {line}", vendor.name);
    });
}

#[test]
fn lies_are_never_a_person_who_has_it() {
    for (lie, expected) in [
        (Lie::RefusesCredential, "the credential was not accepted"),
        (Lie::Throttles(30), "asked to slow down"),
        (Lie::Down(503), "unavailable"),
        (Lie::Down(403), "refused"),
        (Lie::Unreachable, "unavailable"),
        (Lie::Slow(Duration::from_secs(60)), "unavailable"),
        (Lie::Garbles, "unreadable"),
    ] {
        behind(&[], async |vendor, stage| {
            let ticket = stage.placed().await;
            stage.happen(Deed::take("anna"));
            stage.office.lie(lie.clone());
            let line = line(&stage.read(&ticket).await);
            assert!(line.contains(expected), "{}: {line} does not say {expected}", vendor.name);
        });
    }
    behind(&[], async |vendor, stage| {
        let ticket = stage.placed().await;
        stage.happen(Deed::take("anna"));
        stage.office.lie(Lie::HidesHistory);
        let line = line(&stage.read(&ticket).await);
        assert!(!line.contains(" took"), "{}: {line}", vendor.name);
    });
}

#[test]
fn a_create_is_believed_only_with_an_id_and_never_repeated() {
    for (lie, expected, tickets) in [
        (Lie::Forgets, "made", 0),
        (Lie::RefusesInProse, "not understood", 0),
        (Lie::LosesAnswer, "no answer", 1),
        (Lie::Down(403), "refused", 0),
        (Lie::Down(502), "no answer", 0),
        (Lie::Throttles(30), "asked to slow down", 0),
    ] {
        behind(&[], async |vendor, stage| {
            stage.office.lie(lie.clone().on(Asked::Create));
            let created = stage.itsm.create(&stage.new_ticket("C-1/e1/r1s1")).await;
            let created =
                created.map_or_else(|error| error.kind.to_string(), |_| "made".to_owned());
            assert_eq!(created, expected, "{}: {lie:?}", vendor.name);
            assert_eq!(stage.office.tickets().len(), tickets, "{}: {lie:?}", vendor.name);
        });
    }
}

#[test]
fn a_ticket_is_placed_once_though_the_search_lags() {
    behind(&[], async |vendor, stage| {
        stage.office.lie(Lie::SearchLags(jiff::SignedDuration::from_secs(vendor.lag)));
        let (new, settling) = (stage.new_ticket("C-1/e1/r1s1"), stage.itsm.settling());
        let first = place(&stage.itsm, &new, Attempt::First, settling).await.expect("placed");
        let again = place(&stage.itsm, &new, Attempt::Again, settling).await.expect("found");
        assert_eq!(first.ticket, again.ticket, "{}", vendor.name);
        assert_eq!(stage.office.tickets().len(), 1, "{}", vendor.name);
    });
}

#[test]
fn the_ticket_of_another_step_that_begins_alike_is_not_found() {
    behind(&[], async |vendor, stage| {
        stage.itsm.create(&stage.new_ticket("C-1/e1/r1s1x2")).await.expect("made");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let found = stage.itsm.find(&"C-1/e1/r1s1".parse().expect("an id")).await;
        assert_eq!(found, Ok(Vec::new()), "{}", vendor.name);
    });
}

#[test]
fn a_long_history_is_read_page_by_page() {
    behind(&[Can::Note], async |vendor, stage| {
        let ticket = stage.placed().await;
        stage.happen(Deed::take("anna"));
        let notes = vendor.history + vendor.history / 2;
        tokio::time::sleep(Duration::from_secs(60)).await;
        for count in 0..notes {
            stage.happen(Deed::note("ben", &format!("ping {count}")));
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        stage.happen(Deed::give_back("anna"));
        let line = vendor.told(&stage.read(&ticket).await);
        assert_eq!(line.matches("; ben noted").count(), notes, "{}", vendor.name);
        let ordered = line.starts_with("open in support; anna took; ben noted");
        assert!(ordered && line.ends_with("; anna gave back"), "{}: {line}", vendor.name);
    });
}

#[test]
fn what_nobody_needs_is_told_once_and_closed_if_nobody_holds_it() {
    behind(&[Can::Note], async |vendor, stage| {
        let ticket = stage.placed().await;
        for _ in 0..3 {
            stage.itsm.withdraw(&ticket, "not needed any more").await.expect("told");
        }
        let line = line(&stage.read(&ticket).await);
        assert_eq!(line.matches("ourselves noted").count(), 1, "{}: {line}", vendor.name);
        assert!(!line.starts_with("open"), "{}: {line}", vendor.name);
    });
    behind(&[Can::Note], async |vendor, stage| {
        let ticket = stage.placed().await;
        stage.happen(Deed::take("anna"));
        stage.itsm.withdraw(&ticket, "not needed any more").await.expect("told");
        let line = vendor.told(&stage.read(&ticket).await);
        let kept = "open in support, held by anna; anna took; ourselves noted";
        assert_eq!(line, kept, "{}", vendor.name);
    });
}

#[test]
fn people_are_told_something_once_and_the_end_besides() {
    behind(&[Can::Note], async |vendor, stage| {
        let ticket = stage.placed().await;
        stage.happen(Deed::take("anna"));
        for note in ["your note does not count", "your note does not count", "nor does this one"] {
            stage.itsm.tell(&ticket, note).await.expect("told");
        }
        stage.itsm.withdraw(&ticket, "not needed any more").await.expect("told");
        stage.itsm.withdraw(&ticket, "not needed any more").await.expect("told");
        let line = vendor.told(&stage.read(&ticket).await);
        assert_eq!(line.matches("; ourselves noted").count(), 3, "{}: {line}", vendor.name);
        let said = stage.itsm.statements(&ticket).await.expect("read");
        let said: Vec<&str> = said.iter().map(|one| one.text.as_str()).collect();
        let expected = ["your note does not count", "nor does this one", "not needed any more"];
        assert_eq!(said.len(), 3, "{}: {said:?}", vendor.name);
        assert!(expected.iter().all(|one| said.contains(one)), "{}: {said:?}", vendor.name);
    });
    super::run(async {
        let stage = super::goalert::stage();
        let ticket = stage.placed().await;
        let error = stage.itsm.tell(&ticket, "anything").await.expect_err("it takes no notes");
        assert_eq!(error.kind, QueueErrorKind::Refused);
    });
}

#[test]
fn our_open_tickets_are_listed_page_by_page() {
    behind(&[], async |vendor, stage| {
        let tickets = vendor.page + 50;
        for count in 0..tickets {
            let new = stage.new_ticket(&format!("C-{count}/e1/r1s1"));
            stage.itsm.create(&new).await.expect("made");
        }
        stage.office.open_ticket("ben", "support", "nobody's");
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let ours = stage.itsm.ours(page.as_deref()).await.expect("listed");
            found.extend(ours.tickets);
            page = ours.next;
            if page.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), tickets, "{}", vendor.name);
        let here =
            |it: &crate::OurTicket| it.queue.as_ref().is_some_and(|it| it.as_str() == "support");
        assert!(found.iter().all(here), "{}: {found:?}", vendor.name);
    });
}

#[test]
fn a_queue_that_is_not_there_is_refused_and_a_sound_one_holds() {
    behind(&[], async |vendor, stage| {
        let error = stage.itsm.inspect(&"nowhere".parse().expect("an id")).await.expect_err("none");
        assert_eq!(error.kind, QueueErrorKind::Refused, "{}", vendor.name);
        let findings = stage.itsm.prove(&"support".parse().expect("an id")).await.expect("looked");
        let broken = findings.iter().find(|one| matches!(one.verdict, Verdict::Broken(_)));
        assert_eq!(broken, None, "{}", vendor.name);
    });
}

/// What a ticket shows after these deeds, behind every vendor whose tickets can do that.
#[track_caller]
fn check(needed: &[Can], deeds: &[Deed], expected: &str) {
    behind(needed, async |vendor, stage: Stage| {
        assert_eq!(vendor.told(&happened(&stage, deeds).await), expected, "{}", vendor.name);
    });
}
