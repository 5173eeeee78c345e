use super::*;
use crate::{Operations, Playbook, SourceFile};

#[test]
fn what_is_signed_is_written_as_text_with_three_names() {
    use Signed::{Body, Id, Text, Timestamp};
    let text = |text: &str| Text(text.to_owned());
    assert_eq!(signed("{body}"), [Body]);
    assert_eq!(signed("{id}.{timestamp}.{body}"), [Id, text("."), Timestamp, text("."), Body]);
    assert_eq!(signed("v0:{timestamp}:{body}"), [text("v0:"), Timestamp, text(":"), Body]);
    assert_eq!(signed("{other}{body}!"), [text("{other}"), Body, text("!")]);
}

#[test]
fn a_vendors_form_is_chosen_by_its_name() {
    let found = load("{like: zendesk, secrets: [{env: S}], ticket: [/detail/id]}").unwrap();
    let hook = &found.hooks[0];
    assert_eq!(hook.tickets, ["/detail/id"]);
    let HookProof::Hmac(hmac) = &hook.proof else { panic!("signed") };
    assert_eq!(hmac.signed, [Signed::Timestamp, Signed::Body]);
    let header = TimePlace::Header("x-zendesk-webhook-signature-timestamp".to_owned());
    assert_eq!(hook.time, Some(HookTime { place: header, form: TimeForm::Rfc3339 }));
}

#[test]
fn a_form_of_ones_own_is_described() {
    let own = "{hmac: {header: X-Own, prefix: 'v0=', signed: 'v0:{timestamp}:{body}'}, \
               time: {header: X-Time, form: seconds}, secrets: [{env: OLD}, {file: /new}], ticket: [/id]}";
    let found = load(own).unwrap();
    assert_eq!(found.hooks[0].secrets.len(), 2);
    let HookProof::Hmac(hmac) = &found.hooks[0].proof else { panic!("signed") };
    assert_eq!((hmac.header.as_str(), hmac.prefix.as_str()), ("x-own", "v0="));
}

#[test]
fn a_hook_that_could_not_be_proven_is_refused_with_its_place() {
    let secrets = "secrets: [{env: S}], ticket: [/id]";
    for (rule, said) in [
        (format!("{{{secrets}}}"), "not clear how these webhooks are proven"),
        (format!("{{like: jira, shared_secret: X-S, {secrets}}}"), "not clear how"),
        ("{like: jira, secrets: [], ticket: [/id]}".to_owned(), "too few"),
        ("{like: jira, secrets: [{env: S}], ticket: []}".to_owned(), "too few"),
        (format!("{{hmac: {{header: X, signed: '{{timestamp}}'}}, {secrets}}}"), "which header"),
        (format!("{{hmac: {{header: X, signed: '{{id}}{{body}}'}}, {secrets}}}"), "which header"),
        (format!("{{hmac: {{header: X, signed: 'none'}}, {secrets}}}"), "body is not signed"),
        (format!("{{shared_secret: 'X Y', {secrets}}}"), "not the name of a header"),
        ("{like: jira, secrets: [{env: a b}], ticket: [/id]}".to_owned(), "never the secret"),
    ] {
        let problems = load(&rule).expect_err(&rule);
        assert!(problems.contains(said), "{rule}: {problems}");
        assert!(problems.contains("operations.yaml:"), "{problems}");
    }
}

/// The operations of a small playbook with this hook for its system.
fn load(hook: &str) -> Result<Operations, String> {
    let file = |path: &str, text: String| SourceFile { path: path.to_owned(), text };
    let files = vec![
        file("playbook.yaml", "name: small\n".into()),
        file(
            "systems.yaml",
            "systems:\n  desk:\n    kind: desk\n    people: {ana: {}}\n    queues:\n      q: {staff: [ana]}\n"
                .into(),
        ),
        file("agents.yaml", "roles: {}\nagents: {}\n".into()),
        file("routing.yaml", "otherwise: {to: people, takeover: t}\n".into()),
        file("taxonomy.yaml", "resolutions:\n  done: {title: Done, means: resolve}\n".into()),
        file(
            "escalations/t.yaml",
            "name: t\nsteps:\n  - {queue: desk/q, acknowledge_within: 5m}\nbackoff: {first: 1m, most: 2m}\n"
                .into(),
        ),
        file("operations.yaml", format!("hooks:\n  desk: {hook}\n")),
    ];
    match Playbook::from_files(files) {
        Ok(playbook) => Ok(playbook.operations().clone()),
        Err(problems) => Err(problems.to_string()),
    }
}
