use super::Ruled;

#[track_caller]
fn check(text: &str, expected: Option<(bool, &str, &str)>) {
    let read = Ruled::read(text);
    let read = read.as_ref().map(|r| (r.yes, r.digest.as_str(), r.note.as_str()));
    assert_eq!(read, expected, "{text:?}");
}

#[test]
fn the_first_line_says_what_is_decided() {
    check("approve 3f9a0c12d4e5b678", Some((true, "3f9a0c12d4e5b678", "")));
    check(
        "\n  Approve 3F9A0C12D4E5B678 looks right\n-- \nLea",
        Some((true, "3f9a0c12d4e5b678", "looks right")),
    );
    check(
        "reject 3f9a twice as much as was paid",
        Some((false, "3f9a", "twice as much as was paid")),
    );
}

#[test]
fn what_is_quoted_further_down_or_meant_otherwise_decides_nothing() {
    check("", None);
    check("approve", None);
    check("I approve 3f9a0c12d4e5b678", None);
    check("> approve 3f9a0c12d4e5b678", None);
    check("Thanks.\napprove 3f9a0c12d4e5b678", None);
    check("approved 3f9a0c12d4e5b678", None);
}
