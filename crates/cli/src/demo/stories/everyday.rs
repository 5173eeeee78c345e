//! The cases around the stories: a normal day.

use belay_api::v1;

use super::Opening;

/// Cases that tell no story of their own.
pub(crate) fn everyday() -> Vec<Opening> {
    let mut cases = Vec::new();
    let refunds = [
        ("201", "Wrong size, sent back", 1990),
        ("202", "Cancelled in time", 1200),
        ("203", "Paid two times", 4900),
        ("204", "Postage charged by mistake", 490),
        ("205", "Subscription ended last month", 999),
        ("206", "Voucher was not used", 2500),
    ];
    for (key, subject, minor) in refunds {
        cases.push(Opening::refund(key, subject, minor, "duplicate-charge"));
    }
    for (key, street) in [("211", "Am Bach 2"), ("212", "Ringstrasse 19"), ("213", "Hafenkai 7")] {
        cases.push(Opening::address(key, "Change of address", street));
    }
    let notes = [
        ("221", "Praise for the courier", "The courier was very kind."),
        ("222", "Prefers calls after five", "Please call after five."),
        ("223", "New phone number", "My number has changed."),
        ("224", "Asks for paper invoices", "I would like invoices on paper."),
    ];
    for (key, subject, text) in notes {
        cases.push(Opening::note(key, subject, text));
    }
    let devices = [
        ("231", "Monitor moves to room 4", "location", "room 4"),
        ("232", "Phone goes to Jonas", "owner", "jonas"),
        ("233", "Docking station is in use", "state", "in-use"),
    ];
    for (key, subject, field, value) in devices {
        cases.push(Opening::device(key, subject, field, value));
    }
    for (key, minor) in [("241", 1500), ("242", 30_00)] {
        cases.push(Opening::credit(key, "Goodwill for waiting", minor));
    }
    for (key, quantity) in [("251", 3), ("252", 2)] {
        cases.push(Opening::order(key, "Change an order before it leaves", quantity));
    }
    cases.push(Opening::for_people(
        "261",
        "A question nobody has a rule for",
        v1::Severity::Normal,
    ));
    cases.push(Opening::for_people("262", "A complaint in three languages", v1::Severity::High));
    cases
}
