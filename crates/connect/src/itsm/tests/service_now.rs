//! What the adapter sees of ServiceNow.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_replay::{Deed, Edit, Lie, Right, Status};
use secrecy::SecretString;

use super::{Itsm, ItsmConfig, Stage, check, creates, lies, run, staff};
use crate::{Attempt, HumanQueue, QueueErrorKind, RouteCheck, Settling, Verdict, place};

pub(super) fn stage() -> Stage {
    let office = Stage::office();
    let config = ItsmConfig {
        base_url: "https://office.service-now.com".to_owned(),
        description: built_in("servicenow").expect("it comes with Belay"),
        settings: Settings {
            machines: ["silent".parse().expect("an id")].into(),
            queues: BTreeMap::from([("support".parse().expect("an id"), "support".to_owned())]),
            ..Settings::of("belay".parse().expect("an id"))
        },
        secret: SecretString::from("belay:s3cret"),
        pace: None,
        timeout: Duration::from_secs(10),
        roots_pem: None,
    };
    let itsm = Itsm::over(belay_replay::service_now(office.clone()), config).expect("it is right");
    Stage { office, itsm, queue: "support" }
}

fn edit(by: &str, edit: Edit) -> Deed {
    Deed::Edit { by: by.to_owned(), edit }
}

#[test]
fn a_person_who_takes_it_is_seen_to_take_it() {
    check(stage, &[], "open in support");
    check(
        stage,
        &[Deed::take("anna")],
        "open in support, held by anna; anna changed state; anna took",
    );
    check(
        stage,
        &[Deed::take("anna"), Deed::note("anna", "calling her"), Deed::reply("anna", "hello")],
        "open in support, held by anna; anna changed state; anna took; anna noted; anna replied",
    );
}

#[test]
fn a_machine_that_takes_it_is_no_person() {
    check(
        stage,
        &[Deed::take("robot")],
        "open in support, held by machine robot; machine robot changed state; machine robot took",
    );
    check(
        stage,
        &[Deed::take("silent")],
        "open in support, held by machine silent; machine silent changed state; machine silent took",
    );
    check(
        stage,
        &[Deed::take("belay")],
        "open in support, held by ourselves; ourselves changed state; ourselves took",
    );
}

#[test]
fn a_holder_who_did_nothing_has_not_taken_it() {
    check(stage, &[Deed::assign("ben", "anna")], "open in support, held by anna; ben gave to anna");
    let silently = Edit { holder: Some(Some("anna".to_owned())), ..Edit::default() };
    check(
        stage,
        &[edit("robot", silently)],
        "open in support, held by anna; machine robot gave to anna",
    );
}

#[test]
fn what_is_given_back_or_moved_is_seen_so() {
    check(
        stage,
        &[Deed::take("anna"), Deed::give_back("anna")],
        "open in support; anna changed state; anna took; anna gave back",
    );
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        stage.happen(Deed::move_to("ben", "other"));
        let line = super::line(&stage.read(&ticket).await);
        assert!(line.starts_with("open in ") && !line.starts_with("open in support"), "{line}");
        assert!(line.ends_with("; ben moved"), "{line}");
    });
}

#[test]
fn what_is_gone_merged_or_in_an_unknown_state_is_never_open() {
    check(stage, &[Deed::Delete { by: "ben".to_owned() }], "missing");
    check(stage, &[Deed::Hide], "missing");
    let odd = Deed::become_("anna", Status::Odd("97".to_owned()));
    check(stage, &[odd], "unknown (97) in support; anna changed state");
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        let into = stage.office.open_ticket("ben", "support", "another");
        let made = belay_replay::Which::Correlation("C-1/e1/r1s1".to_owned());
        assert!(stage.office.happen(&made, &Deed::Merge { by: "ben".to_owned(), into }));
        let line = super::line(&stage.read(&ticket).await);
        assert!(line.starts_with("merged in support"), "{line}");
    });
}

#[test]
fn who_resolved_it_and_how_comes_back() {
    check(
        stage,
        &[Deed::take("anna"), Deed::resolve("anna", Some("refunded"))],
        "resolved in support, held by anna; anna changed state; anna took; anna changed state; \
         closed by anna (refunded)",
    );
    check(
        stage,
        &[Deed::resolve("robot", None)],
        "resolved in support; machine robot changed state; closed by machine robot (no code)",
    );
}

#[test]
fn lies_are_never_a_person_who_has_it() {
    lies(stage, Lie::Empty, "held by anna");
    // Held by anna, and nothing shows that she took it.
    lies(stage, Lie::HidesHistory, "open in support, held by anna.");
    lies(stage, Lie::RefusesCredential, "the credential was not accepted");
    lies(stage, Lie::Throttles(30), "asked to slow down");
    lies(stage, Lie::Down(503), "unavailable");
    lies(stage, Lie::Down(403), "refused");
    lies(stage, Lie::Unreachable, "unavailable");
    lies(stage, Lie::Slow(Duration::from_secs(60)), "unavailable");
    lies(stage, Lie::Garbles, "no");
    for field in ["state", "sys_mod_count", "assigned_to", "fieldname", "record_checkpoint"] {
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), "unreadable: not understood");
    }
    for field in ["web_service_access_only", "internal_integration_user"] {
        let line = "held by unknown anna";
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), line);
    }
}

#[test]
fn a_create_is_believed_only_with_an_id_and_never_repeated() {
    creates(stage, Lie::Forgets, Ok(()));
    creates(stage, Lie::RefusesInProse, Err(QueueErrorKind::NotUnderstood));
    creates(stage, Lie::LosesAnswer, Err(QueueErrorKind::Unavailable));
    creates(stage, Lie::Down(403), Err(QueueErrorKind::Refused));
    let soon = QueueErrorKind::RateLimited { retry_after: Some(Duration::from_secs(30)) };
    creates(stage, Lie::Throttles(30), Err(soon));
    run(async {
        let stage = stage();
        stage.office.lie(Lie::LosesAnswer.on(belay_replay::Asked::Create));
        let created = stage.itsm.create(&stage.new_ticket("C-1/e1/r1s1")).await;
        assert_eq!(created.map_err(|error| error.kind), Err(QueueErrorKind::Unknown));
        assert_eq!(stage.office.tickets().len(), 1, "it was made all the same, once");
    });
}

#[test]
fn a_ticket_is_placed_once_though_the_search_lags() {
    run(async {
        let stage = stage();
        stage.office.lie(Lie::SearchLags(jiff::SignedDuration::from_secs(4)));
        let new = stage.new_ticket("C-1/e1/r1s1");
        let first = place(&stage.itsm, &new, Attempt::First, Settling::default()).await;
        let again = place(&stage.itsm, &new, Attempt::Again, Settling::default()).await;
        assert_eq!(first.expect("placed").ticket, again.expect("found").ticket);
        assert_eq!(stage.office.tickets().len(), 1);
    });
}

#[test]
fn a_queue_shows_who_can_take_its_tickets() {
    queue("support", "enabled: anna, ben, machine robot may not take");
    queue("empty", "enabled: ");
    queue("nowhere", "refused");
    run(async {
        let stage = stage();
        stage
            .office
            .happen(&belay_replay::Which::Office, &Deed::Disable { person: "anna".to_owned() });
        let closed = Deed::Open { queue: "support".to_owned(), open: false };
        stage.office.happen(&belay_replay::Which::Office, &closed);
        let facts = stage.itsm.inspect(&"support".parse().expect("an id")).await.expect("read");
        assert_eq!(staff(&facts.staff), "anna disabled, ben, machine robot may not take");
        assert!(!facts.enabled);
    });
}

#[test]
fn a_long_history_is_read_page_by_page() {
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        stage.happen(Deed::take("anna"));
        for count in 0..700 {
            stage.happen(Deed::note("robot", &format!("ping {count}")));
        }
        stage.happen(Deed::give_back("anna"));
        let line = super::line(&stage.read(&ticket).await);
        assert_eq!(line.matches("machine robot noted").count(), 700);
        assert!(line.ends_with("; anna gave back"), "the order is the system's");
    });
}

#[test]
fn what_nobody_needs_is_told_once_and_closed_if_nobody_holds_it() {
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        for _ in 0..3 {
            stage.itsm.withdraw(&ticket, "not needed any more").await.expect("told");
        }
        let line = super::line(&stage.read(&ticket).await);
        assert_eq!(line.matches("ourselves noted").count(), 1, "{line}");
        assert!(line.starts_with("rejected in support"), "{line}");
    });
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        stage.happen(Deed::take("anna"));
        stage.itsm.withdraw(&ticket, "not needed any more").await.expect("told");
        let line = super::line(&stage.read(&ticket).await);
        assert!(line.starts_with("open in support, held by anna"), "{line}");
        assert!(line.ends_with("ourselves noted"), "{line}");
    });
}

#[test]
fn our_open_tickets_are_listed_page_by_page() {
    run(async {
        let stage = stage();
        for count in 0..450 {
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
        assert_eq!(found.len(), 450);
        assert!(
            found
                .iter()
                .all(|ticket| ticket.queue.as_ref().is_some_and(|it| it.as_str() == "support"))
        );
    });
}

#[test]
fn a_route_is_proved_before_it_is_used() {
    run(async {
        let stage = stage();
        let findings = stage.itsm.prove(&"support".parse().expect("an id")).await.expect("looked");
        let broken = |check| {
            let found = findings.iter().find(|finding| finding.check == check).expect("looked at");
            matches!(found.verdict, Verdict::Broken(_))
        };
        for check in [RouteCheck::Exists, RouteCheck::Enabled, RouteCheck::Staffed] {
            assert!(!broken(check), "{findings:?}");
        }
        assert!(!broken(RouteCheck::StatusesMapped) && !broken(RouteCheck::RightsNotExcessive));
    });
}

#[test]
fn an_id_that_would_change_what_is_asked_is_not_asked_for() {
    run(async {
        let stage = stage();
        let odd = "x^ORactive=true".parse().expect("an id");
        let error = stage.itsm.find(&odd).await.expect_err("refused");
        assert_eq!(error.kind, QueueErrorKind::Refused);
        let before = stage.office.tally();
        assert!(before.is_empty(), "nothing was asked: {before:?}");
    });
}

#[test]
fn an_account_without_a_right_is_refused_for_good() {
    run(async {
        let stage = stage();
        stage.office.join(belay_replay::Person::account("belay", "s3cret").without(Right::Create));
        let error = stage.itsm.create(&stage.new_ticket("C-1/e1/r1s1")).await.expect_err("refused");
        assert_eq!(error.kind, QueueErrorKind::Refused);
    });
}

#[track_caller]
fn queue(name: &str, expected: &str) {
    run(async {
        let stage = stage();
        let line = match stage.itsm.inspect(&name.parse().expect("an id")).await {
            Ok(facts) => {
                let word = if facts.enabled { "enabled" } else { "disabled" };
                format!("{word}: {}", staff(&facts.staff))
            }
            Err(error) => error.kind.to_string(),
        };
        assert_eq!(line, expected);
    });
}
