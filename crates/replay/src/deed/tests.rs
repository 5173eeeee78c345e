use std::sync::Arc;

use jiff::Timestamp;

use super::{Deed, Which};
use crate::office::Office;
use crate::people::{Person, Queue};
use crate::ticket::Status;

#[test]
fn only_a_person_who_took_it_in_the_wanted_queue_truly_has_a_ticket() {
    let truth = |deeds: &[Deed]| has(deeds).unwrap_or_default();
    let erin = || Deed::take("erin");
    assert_eq!(truth(&[erin()]), "erin");
    assert_eq!(truth(&[Deed::take("autobot")]), "");
    assert_eq!(truth(&[Deed::take("guest")]), "", "of no queue");
    assert_eq!(truth(&[Deed::assign("frank", "erin")]), "", "she knows nothing of it");
    assert_eq!(truth(&[Deed::assign("frank", "erin"), Deed::note("erin", "I see")]), "erin");
    assert_eq!(truth(&[erin(), Deed::assign("erin", "frank")]), "");
    assert_eq!(truth(&[erin(), Deed::give_back("erin")]), "");
    assert_eq!(truth(&[erin(), Deed::move_to("autobot", "other")]), "");
    assert_eq!(truth(&[erin(), Deed::become_("erin", Status::Odd("parts".to_owned()))]), "");
    assert_eq!(truth(&[erin(), Deed::resolve("erin", Some("fixed"))]), "");
    assert_eq!(truth(&[erin(), Deed::Hide]), "");
    assert_eq!(truth(&[erin(), Deed::Hide, Deed::Show]), "erin");
    assert_eq!(truth(&[erin(), Deed::Delete { by: "frank".to_owned() }]), "");
    assert_eq!(truth(&[erin(), Deed::Merge { by: "frank".to_owned(), into: 9 }]), "");
}

#[test]
fn whoever_opens_a_ticket_again_does_not_make_its_holder_have_it() {
    let again = || Deed::become_("customer", Status::Open);
    assert_eq!(has(&[Deed::take("erin"), Deed::resolve("erin", None), again()]), None);
    let worked =
        [Deed::take("erin"), Deed::resolve("erin", None), again(), Deed::note("erin", "oh")];
    assert_eq!(has(&worked).as_deref(), Some("erin"));
}

#[test]
fn a_disabled_person_and_a_closed_queue_have_nothing() {
    let person = || "erin".to_owned();
    let queue = || "oncall".to_owned();
    assert_eq!(has(&[Deed::take("erin"), Deed::Disable { person: person() }]), None);
    assert_eq!(has(&[Deed::take("erin"), Deed::Leave { person: person(), queue: queue() }]), None);
    assert_eq!(has(&[Deed::take("erin"), Deed::Open { queue: queue(), open: false }]), None);
    let may = |may| Deed::MayTake { person: person(), queue: queue(), may };
    assert_eq!(has(&[Deed::take("erin"), may(false)]), None);
    assert_eq!(has(&[Deed::take("erin"), may(false), may(true)]).as_deref(), Some("erin"));
    let duty = Deed::Duty { person: person(), queue: queue(), on: false };
    assert_eq!(has(&[Deed::take("erin"), duty]), None);
}

/// Who truly has a ticket after these deeds.
#[track_caller]
fn has(deeds: &[Deed]) -> Option<String> {
    let office = Office::new(Arc::new(|| Timestamp::UNIX_EPOCH));
    office.hire(&["erin", "frank", "guest", "customer"]);
    office.join(Person::machine("autobot"));
    office.open_queue(Queue::new("oncall", &["erin", "frank", "autobot"]).with_rota());
    office.open_queue(Queue::new("other", &["erin"]));
    let number = office.open_ticket("customer", "oncall", "help");
    for deed in deeds {
        assert!(office.happen(&Which::Number(number), deed), "{deed:?}");
    }
    let ticket = office.ticket(number).expect("a ticket");
    ticket.truth.last().and_then(|(_, who)| who.clone())
}
