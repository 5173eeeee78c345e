use super::{LINKS_MAX, address, cut, links};
use crate::TicketResolution;

#[track_caller]
fn check(note: &str, listed: &[&str], expected: &[&str]) {
    let resolution = TicketResolution {
        actor: None,
        code: None,
        note: note.to_owned(),
        links: listed.iter().map(|link| (*link).to_owned()).collect(),
    };
    assert_eq!(links(&resolution), expected);
}

#[test]
fn addresses_in_a_note_are_found_without_their_punctuation() {
    check(
        "Refunded, see https://billing.example/r/7. More (http://wiki.example/a?b=c), done",
        &[],
        &["https://billing.example/r/7", "http://wiki.example/a?b=c"],
    );
    check("<https://a.example/1>;https://b.example", &[], &["https://a.example/1"]);
    check("https:// is no address, nor is ftp://old.example", &[], &[]);
}

#[test]
fn what_the_system_lists_comes_first_and_nothing_comes_twice() {
    check(
        "as in https://a.example and https://b.example",
        &["attachment/12", "https://b.example"],
        &["attachment/12", "https://b.example", "https://a.example"],
    );
}

#[test]
fn there_are_bounds_to_what_is_kept() {
    let many: Vec<String> = (0..200).map(|n| format!("https://a.example/{n}")).collect();
    let resolution =
        TicketResolution { actor: None, code: None, note: many.join(" "), links: vec![] };
    assert_eq!(links(&resolution).len(), LINKS_MAX);
    assert_eq!(cut("gr\u{fc}n", 3), "gr");
    assert_eq!(cut("kurz", 64), "kurz");
    assert_eq!(address("nothing"), None);
}
