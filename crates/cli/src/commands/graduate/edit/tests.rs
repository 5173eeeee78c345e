//! Files before and after, line by line.

use belay_domain::Mode;

use super::{apply, restore, set_mode, value_of};

const SHADOW: &str = "id: a.b@1\n# why it is careful\ntier: 2\nmode: shadow # until it has shown something\n\ninput: {}\n";

#[test]
fn only_the_mode_changes_and_comments_stay() {
    mode(
        SHADOW,
        Mode::Canary,
        "id: a.b@1\n# why it is careful\ntier: 2\nmode: canary # until it has shown something\nshare: 0.1\n\ninput: {}\n",
    );
    mode(
        "id: a.b@1\nmode: canary\nshare: 0.05 # few\nx: 1\n",
        Mode::Live,
        "id: a.b@1\nmode: live\nx: 1\n",
    );
    mode(
        "id: a.b@1\nmode: canary\nshare: 0.05 # few\n",
        Mode::Canary,
        "id: a.b@1\nmode: canary\nshare: 0.1 # few\n",
    );
}

#[test]
fn a_mode_that_was_left_out_is_put_in() {
    mode(
        "id: a.b@1\ntier: 0\ninput: {}\n",
        Mode::Canary,
        "id: a.b@1\ntier: 0\nmode: canary\nshare: 0.1\ninput: {}\n",
    );
    mode("id: a.b@1\r\ninput: {}\r\n", Mode::Live, "id: a.b@1\r\nmode: live\r\ninput: {}\r\n");
    assert!(set_mode("title: nothing\n", Mode::Live, 0.1).is_err());
}

#[test]
fn keys_deeper_in_the_file_are_no_keys_of_the_file() {
    let text = "id: a.b@1\ntier: 0\ninput:\n  mode: shadow\n  share: 1\n";
    mode(text, Mode::Live, "id: a.b@1\ntier: 0\nmode: live\ninput:\n  mode: shadow\n  share: 1\n");
}

#[test]
fn a_restoration_is_added_wherever_bounds_are_written() {
    const NOTE: &str = r#"restored: {demotion: "c-1", by: "ann", reason: "it was \"them\""}"#;
    restored("id: a\n", &format!("id: a\ngraduation:\n  {NOTE}\n"));
    restored("graduation: {}\nid: a\n", &format!("graduation: {{{NOTE}}}\nid: a\n"));
    restored(
        "graduation: {window: 7d} # a week\n",
        &format!("graduation: {{window: 7d, {NOTE}}} # a week\n"),
    );
    restored(
        "graduation:\n    # strict\n    sample_min: 9\nid: a\n",
        &format!("graduation:\n    {NOTE}\n    # strict\n    sample_min: 9\nid: a\n"),
    );
    restored(
        "graduation:\n  window: 7d\n  restored: {demotion: c-0, by: b, reason: r}\nid: a\n",
        &format!("graduation:\n  window: 7d\n  {NOTE}\nid: a\n"),
    );
}

#[test]
fn what_cannot_be_edited_safely_is_left_to_people() {
    for text in [
        "graduation: {window: 7d,\n  sample_min: 3}\n",
        "graduation: {restored: {demotion: c, by: b, reason: r}}\n",
        "graduation:\n  restored:\n    demotion: c\n",
    ] {
        assert!(restore(text, "c-1", "ann", "why").is_err(), "{text}");
    }
}

#[test]
fn a_value_is_read_without_quotes_and_comments() {
    assert_eq!(value_of("id: \"a.b@1\" # the first\n", "id").as_deref(), Some("a.b@1"));
    assert_eq!(value_of("title: x\n", "id"), None);
}

#[track_caller]
fn mode(before: &str, mode: Mode, after: &str) {
    assert_eq!(apply(before, &set_mode(before, mode, 0.1).unwrap()), after);
}

#[track_caller]
fn restored(before: &str, after: &str) {
    let edits = restore(before, "c-1", "ann", "it was \"them\"").unwrap();
    assert_eq!(apply(before, &edits), after);
}
