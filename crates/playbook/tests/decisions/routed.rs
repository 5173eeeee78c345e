//! By which rule a case is routed, and what terms it gets.

use belay_domain::{Severity, Target};
use belay_playbook::{CaseFacts, Playbook};

use super::case::{Case, PLAYBOOK, replaced};

fn case(kind: &str) -> CaseFacts {
    CaseFacts { kind: kind.to_owned(), channel: "mail".to_owned(), ..Case::refund(1).facts() }
}

#[track_caller]
fn check(case: &CaseFacts, to: Option<&str>, severity: Severity, takeover: &str) {
    check_in(&PLAYBOOK, case, to, severity, takeover);
}

#[track_caller]
fn check_in(
    playbook: &Playbook,
    case: &CaseFacts,
    to: Option<&str>,
    severity: Severity,
    takeover: &str,
) {
    let terms = playbook.open(case);
    let to = to.map(|role| Target::Role(role.parse().expect("a role")));
    assert_eq!(terms.route, to, "{case:?}");
    assert_eq!((terms.severity, terms.takeover.policy.as_str()), (severity, takeover), "{case:?}");
    assert_eq!(terms.playbook, playbook.version());
}

#[test]
fn the_first_rule_that_fits_decides() {
    check(&case("refund"), Some("billing"), Severity::High, "billing-takeover");
    check(&case("double-charge"), Some("billing"), Severity::High, "billing-takeover");
    check(&case("credit"), Some("erp"), Severity::Normal, "takeover");
    check(&case("note"), Some("crm"), Severity::Normal, "takeover");
    check(&case("paperwork"), None, Severity::Normal, "back-office");
    check(&case("something-else"), None, Severity::Normal, "takeover");
    let outage = CaseFacts { severity: Some(Severity::Critical), ..case("refund") };
    check(&outage, None, Severity::Critical, "takeover");
    let known = CaseFacts { severity: Some(Severity::Low), ..case("refund") };
    check(&known, Some("billing"), Severity::Low, "billing-takeover");
}

#[test]
fn a_rule_fits_only_if_all_that_it_asks_for_is_so() {
    let when = "when: {kind: [paperwork]}";
    let all = "when: {kind: [paperwork], channel: [mail, fax], severity: [normal], \
               labels: {desk: back, form: a38}}";
    let playbook = Playbook::from_files(replaced("routing.yaml", when, all)).expect("it loads");
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let fits = CaseFacts {
        labels: vec![label("form", "a38"), label("desk", "back"), label("more", "yes")],
        ..case("paperwork")
    };
    let back_office = |case: &CaseFacts| playbook.open(case).takeover.policy == "back-office";
    assert!(back_office(&fits));
    assert!(back_office(&CaseFacts { channel: "fax".to_owned(), ..fits.clone() }));
    for other in [
        CaseFacts { kind: "paper".to_owned(), ..fits.clone() },
        CaseFacts { channel: "chat".to_owned(), ..fits.clone() },
        CaseFacts { severity: Some(Severity::High), ..fits.clone() },
        CaseFacts { labels: vec![label("form", "a38")], ..fits.clone() },
        CaseFacts { labels: vec![label("form", "a39"), label("desk", "back")], ..fits.clone() },
    ] {
        assert!(!back_office(&other), "{other:?}");
    }
}

#[test]
fn each_route_recognises_the_reports_of_one_matter_by_what_it_names() {
    let otherwise = "otherwise:\n  to: people";
    let same = "otherwise:\n  same_matter: [customer, kind]\n  to: people";
    let playbook =
        Playbook::from_files(replaced("routing.yaml", otherwise, same)).expect("it loads");
    let of = |case: &CaseFacts| playbook.fingerprint(case, []);
    let first = of(&case("lost-key"));
    assert!(first.is_some());
    assert_eq!(first, of(&CaseFacts { channel: "chat".to_owned(), ..case("lost-key") }));
    assert_ne!(first, of(&case("lost-card")));
    assert_ne!(first, of(&CaseFacts { customer: "cust-2".to_owned(), ..case("lost-key") }));
    assert_eq!(of(&case("paperwork")), None);
}
