//! What the adapter sees of ServiceNow.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_replay::{Deed, Edit, Lie, Right, Shared};
use secrecy::SecretString;

use super::{Itsm, ItsmConfig, Stage, check, lies, run, staff};
use crate::{HumanQueue, QueueErrorKind, RouteCheck, Verdict};

pub(super) fn stage() -> Stage {
    Stage::of(itsm)
}

pub(super) fn itsm(office: &Shared) -> Itsm {
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
    Itsm::over(belay_replay::service_now(office.clone()), config).expect("it is right")
}

fn edit(by: &str, edit: Edit) -> Deed {
    Deed::Edit { by: by.to_owned(), edit }
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
fn what_is_left_out_or_empty_is_never_a_person_who_has_it() {
    lies(stage, Lie::Empty, "held by anna");
    // Held by anna, and nothing shows that she took it.
    lies(stage, Lie::HidesHistory, "open in support, held by anna.");
    for field in ["state", "sys_mod_count", "assigned_to", "fieldname", "record_checkpoint"] {
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), "unreadable: not understood");
    }
    for field in ["web_service_access_only", "internal_integration_user"] {
        let line = "held by unknown anna";
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), line);
    }
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
