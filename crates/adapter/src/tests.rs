//! Descriptions: those that come with Belay, what is said about wrong ones, and what a word in a document is worth.

use serde_json::{Value, json};

use crate::{Adapter, Answer, BUILT_IN, Description, Settings, built_in};

#[test]
fn every_description_that_comes_with_belay_compiles() {
    for (name, text) in BUILT_IN {
        if let Err(problems) = Description::compile(&format!("{name}.yaml"), text) {
            panic!("{problems}");
        }
    }
}

#[test]
fn people_can_decide_wherever_it_is_told_who_wrote_what() {
    let hears = |name: &&str| built_in(name).is_some_and(|description| description.hears());
    let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).filter(hears).collect();
    assert_eq!(names, ["servicenow", "jira-service-management", "zendesk", "pagerduty"]);
}

#[test]
fn what_a_change_may_not_be_is_told() {
    let (_, text) = BUILT_IN[0];
    let wrong = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Description::compile("mine.yaml", &text.replace(from, to)).expect_err(to).to_string()
    };
    let post = "      method: POST\n      path: /api/now/table/{{ fields.table }}\n";
    let kept = wrong(post, &format!("{post}      kept_while: \"true\"\n"));
    assert!(kept.contains("a change has no answer of last time"), "{kept}");
    let journal = "      path: /api/now/table/sys_journal_field\n";
    let writes = wrong(journal, &format!("{journal}      method: POST\n"));
    assert!(writes.contains("reading what was said changes something"), "{writes}");
}

#[test]
fn only_plain_words_of_a_comment_in_jira_decide() {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let marked =
        |mark: &str| json!({ "type": "text", "text": "approve 0123", "marks": [{ "type": mark }] });
    let paragraph = |nodes: &[Value]| json!({ "type": "paragraph", "content": nodes });
    let yes = || paragraph(&[text("approve 0123")]);
    says(&[yes()], "approve 0123");
    says(
        &[paragraph(&[text("approve 0123"), json!({ "type": "hardBreak" }), text("why")])],
        "approve 0123\nwhy",
    );
    says(&[paragraph(&[marked("code")])], "approve 0123");
    says(&[paragraph(&[marked("strike")])], "…");
    let mention = json!({ "type": "mention", "attrs": { "text": "@ben" } });
    says(&[paragraph(&[mention, text(" approve 0123")])], "… approve 0123");
    let quote = |kind: &str| json!({ "type": kind, "content": [yes()] });
    for kind in ["blockquote", "panel", "expand"] {
        says(&[quote(kind), paragraph(&[text("surely not")])], "…\nsurely not");
    }
    says(&[paragraph(&[])], "");
}

/// What a comment with these blocks says.
#[track_caller]
fn says(blocks: &[Value], expected: &str) {
    let settings = Settings::of("belay".parse().expect("an id"));
    let description = built_in("jira-service-management").expect("it comes with Belay");
    let adapter = Adapter::new(description, settings).expect("it is right");
    let ticket = "10042".parse().expect("an id");
    let mut talk = adapter.statements(&ticket).expect("an id").expect("it tells");
    let author = json!({ "accountId": "anna", "accountType": "atlassian" });
    let at = "2026-03-02T08:00:00.000+0000";
    let comment = json!({
        "id": "1", "author": author, "updateAuthor": author, "created": at, "updated": at,
        "body": { "type": "doc", "version": 1, "content": blocks },
    });
    let body = json!({ "comments": [comment], "startAt": 0, "maxResults": 100, "total": 1 });
    while talk.ask().expect("a request").is_some() {
        let body = body.to_string().into_bytes();
        talk.hear(&Answer { status: 200, body, ..Answer::default() }).expect("heard");
    }
    let said = talk.end().expect("understood");
    assert_eq!(said[0].text, expected);
}
