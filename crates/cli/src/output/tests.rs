use jiff::Timestamp;

use super::table::{Cell, Sheet, Table};
use super::{Style, Tone, clean, shorten};

#[test]
fn columns_line_up_and_nothing_trails() {
    let mut table = Table::new(["CASE", "WHO", "SUBJECT"]);
    table.row([Cell::id("c-1"), Cell::from("billing-1"), Cell::from("Refund")]);
    table.row([Cell::id("c-22"), Cell::from(""), Cell::from("Where is it?")]);
    assert_eq!(
        table.render(&plain(), "none"),
        "CASE  WHO        SUBJECT\nc-1   billing-1  Refund\nc-22             Where is it?\n"
    );
}

#[test]
fn an_empty_list_says_so() {
    assert_eq!(Table::new(["CASE"]).render(&plain(), "no cases"), "no cases\n");
}

#[test]
fn colour_does_not_move_columns() {
    let mut table = Table::new(["A", "B"]);
    table.row([Cell::new(Tone::Good, "yes"), Cell::from("x")]);
    let colourful = table.render(&Style { colour: true, ..plain() }, "");
    assert!(colourful.contains("\u{1b}[32myes\u{1b}[0m  x"), "{colourful:?}");
}

#[test]
fn customers_cannot_steer_the_terminal() {
    assert_eq!(clean("pay\u{1b}[2J now\r\n"), "pay [2J now  ");
    assert_eq!(clean("abc\u{202e}def"), "abc def");
}

#[test]
fn long_texts_are_cut_with_a_sign() {
    assert_eq!(shorten("seven letters", 7), "seven…");
    assert_eq!(shorten("seven", 7), "seven");
}

#[test]
fn a_sheet_aligns_names_and_repeats_none() {
    let mut sheet = Sheet::default();
    sheet.line("case", "c-1").line("gone", "").text("note", "one\ntwo");
    assert_eq!(sheet.render(&plain()), "case  c-1\nnote  one\n      two\n");
}

fn plain() -> Style {
    Style { colour: false, now: Timestamp::UNIX_EPOCH }
}
