//! What operators can say about how people are asked: hours, shifts, repetitions, a final step, what follows when all was
//! in vain, and who may decide on a ticket. What cannot mean anything is refused with its place.

use belay_domain::{EscalationPlan, OutsideHours, Severity, Span, Timestamp, WhenExhausted};
use belay_playbook::{Playbook, SourceFile};

const FILES: [(&str, &str); 7] = [
    (
        "playbook.yaml",
        "name: small\ngroups: {finance: money}\ntiers:\n  \"2\": {quorum: 2, groups: [finance], decide_within: 30m, escalation: ask}\n",
    ),
    (
        "systems.yaml",
        "systems:\n  desk:\n    kind: desk\n    queues: {front: {staff: [ann]}, back: {staff: [ben]}}\n    people: {ann: {}, ben: {}}\n",
    ),
    ("agents.yaml", "roles: {}\nagents: {}\n"),
    ("routing.yaml", "rules: []\notherwise: {to: people, takeover: ask}\n"),
    ("taxonomy.yaml", "resolutions:\n  done: {title: Done, means: resolve}\n"),
    (
        "calendars.yaml",
        "\
calendars:
  office:
    time_zone: Europe/Berlin
    hours: [{days: [weekdays], hours: [09:00-17:00]}]
    holidays: [2026-12-25]
  late:
    time_zone: Europe/Berlin
    hours: [{days: [weekdays], hours: [17:00-09:00]}]
  weekend:
    time_zone: Europe/Berlin
    hours: [{days: [weekend], hours: [00:00-24:00]}]
  always:
    time_zone: UTC
    hours: [{days: [every_day], hours: [00:00-24:00]}]
",
    ),
    (
        "people.yaml",
        "people:\n  ann: {groups: [finance]}\n  ben: {groups: [finance]}\n  olga: {}\n",
    ),
];

/// A policy with these lines, whose backoff comes last.
fn sources(policy: &str, edits: &[(&str, &str, &str)]) -> Vec<SourceFile> {
    let policy = format!("name: ask\n{policy}backoff: {{first: 1m, most: 1h}}\n");
    let all = FILES.iter().copied().chain([("escalations/ask.yaml", policy.as_str())]);
    all.map(|(path, text)| {
        let text =
            edits.iter().filter(|edit| edit.0 == path).fold(text.to_owned(), |text, edit| {
                assert!(text.contains(edit.1), "{path} does not say {}", edit.1);
                text.replacen(edit.1, edit.2, 1)
            });
        SourceFile { path: path.to_owned(), text }
    })
    .collect()
}

fn plan(policy: &str, severity: Severity) -> EscalationPlan {
    match Playbook::from_files(sources(policy, &[])) {
        Ok(playbook) => playbook.escalation("ask", severity).expect("the policy exists"),
        Err(problems) => panic!("{problems}"),
    }
}

/// What is wrong, without the remedy; nothing when all is well.
#[track_caller]
fn check(policy: &str, edits: &[(&str, &str, &str)], expected: &str) {
    let found = match Playbook::from_files(sources(policy, edits)) {
        Ok(_) => String::new(),
        Err(problems) => problems
            .all()
            .iter()
            .map(|p| format!("{}:{}:{}: {}", p.file, p.line, p.column, p.what))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    assert_eq!(found, expected);
}

const FRONT: &str = "  - {queue: desk/front, acknowledge_within: 5m}\n";

#[test]
fn what_is_left_out_is_the_safe_thing() {
    let plan = plan(&format!("steps:\n{FRONT}"), Severity::Normal);
    let step = &plan.steps[0];
    assert_eq!((step.repeat, &step.hours, step.roster.len()), (0, &None, 0));
    assert_eq!(plan.exhausted, WhenExhausted::StartOver);
    assert!(plan.calendars.is_empty());
}

#[test]
fn a_step_has_hours_of_a_place_with_its_summer_time() {
    let policy = "steps:\n  - {queue: desk/front, acknowledge_within: 5m, only_during: office, outside_hours: wait}\n";
    let plan = plan(policy, Severity::Normal);
    let open =
        |at: &str| plan.calendars["office"].is_open(at.parse::<Timestamp>().expect("a moment"));
    assert!(open("2026-01-05T08:00:00Z") && !open("2026-01-05T07:59:00Z"), "an hour ahead of UTC");
    assert!(open("2026-07-06T07:00:00Z") && !open("2026-07-06T06:59:00Z"), "two in summer");
    assert!(!open("2026-12-25T10:00:00Z"), "a holiday");
    let hours = plan.steps[0].hours.as_ref().expect("hours");
    // From Thursday evening over Christmas to Monday morning.
    assert_eq!(hours.outside, OutsideHours::Wait { at_most: Span::from_hours(88) });
    assert_eq!(plan.longest(), Span::from_hours(88) + Span::from_mins(6));
}

#[test]
fn hours_that_pass_midnight_belong_to_the_day_on_which_they_begin() {
    let policy = "steps:\n  - {queue: desk/front, acknowledge_within: 5m, only_during: late}\nfinal: {queue: desk/back, acknowledge_within: 5m}\n";
    let plan = plan(policy, Severity::Normal);
    let open =
        |at: &str| plan.calendars["late"].is_open(at.parse::<Timestamp>().expect("a moment"));
    assert!(open("2026-01-09T23:30:00Z"), "Saturday half past midnight, begun on Friday");
    assert!(!open("2026-01-11T23:30:00Z"), "Monday half past midnight, begun on Sunday");
    assert!(!open("2026-01-09T09:00:00Z"), "Friday at ten");
}

#[test]
fn the_final_step_comes_last_for_every_severity_and_is_repeated() {
    let policy = format!(
        "steps:\n{FRONT}final: {{queue: desk/back, acknowledge_within: 2m}}\nseverities:\n  critical:\n    steps:\n    - {{queue: desk/front, acknowledge_within: 1m}}\n"
    );
    for severity in [Severity::Low, Severity::Critical] {
        let plan = plan(&policy, severity);
        let last = plan.steps.last().expect("a step");
        assert_eq!((last.queue.queue.as_str(), last.repeat), ("back", 2), "{severity}");
        assert_eq!(plan.steps.len(), 2);
    }
    let only = plan(
        "steps: []\nfinal: {queue: desk/back, acknowledge_within: 2m, repeat: 5}\n",
        Severity::Low,
    );
    assert_eq!(only.steps[0].repeat, 5);
}

#[test]
fn a_raised_severity_brings_the_steps_of_the_next_one() {
    let policy = format!(
        "steps:\n{FRONT}on_exhaustion: raise_severity\nseverities:\n  critical:\n    steps:\n    - {{queue: desk/back, acknowledge_within: 1m}}\n"
    );
    let high = plan(&policy, Severity::High);
    let WhenExhausted::Raise { severity, plan: next } = &high.exhausted else { panic!("{high:?}") };
    assert_eq!((*severity, next.steps[0].queue.queue.as_str()), (Severity::Critical, "back"));
    assert_eq!(high.of_round(2), next.as_ref());
    assert_eq!(next.exhausted, WhenExhausted::StartOver, "nothing is above critical");
    let low = plan(&policy, Severity::Low);
    let rounds: Vec<_> =
        (1..=5).map(|n| low.of_round(n).steps[0].queue.queue.to_string()).collect();
    assert_eq!(rounds, ["front", "front", "front", "back", "back"]);
    let alarm = plan(&format!("steps:\n{FRONT}on_exhaustion: alarm_only\n"), Severity::Low);
    assert_eq!(alarm.exhausted, WhenExhausted::AlarmOnly);
}

#[test]
fn a_policy_that_asks_nobody_at_some_moment_is_refused_with_the_moment() {
    let two = |one: &str, other: &str| {
        format!(
            "steps:\n  - {{queue: desk/front, acknowledge_within: 5m, only_during: {one}}}\n  - {{queue: desk/back, acknowledge_within: 5m, only_during: {other}}}\n"
        )
    };
    check(
        &two("office", "late"),
        &[],
        "escalations/ask.yaml:3:3: nobody is asked on Saturday at 09:00 Europe/Berlin: every step is passed over then",
    );
    check(
        &two("office", "weekend"),
        &[],
        "escalations/ask.yaml:3:3: nobody is asked on Thursday at 01:00 Europe/Berlin: every step is passed over then",
    );
    // Another zone leaves a gap only where the two shift against each other, and a holiday only on its day.
    check(&two("office", "always"), &[], "");
    check(
        "steps:\n  - {queue: desk/front, acknowledge_within: 5m, only_during: always}\n",
        &[(
            "calendars.yaml",
            "    hours: [{days: [every_day], hours: [00:00-24:00]}]\n",
            "    hours: [{days: [every_day], hours: [00:00-24:00]}]\n    holidays: [2030-05-01]\n",
        )],
        "escalations/ask.yaml:3:3: nobody is asked on 2030-05-01, a holiday, at 00:00 UTC: every step is passed over then",
    );
    // One that waits, one without hours, or a final one is enough.
    for rest in [
        "  - {queue: desk/back, acknowledge_within: 5m}\n",
        "  - {queue: desk/back, acknowledge_within: 5m, only_during: late, outside_hours: wait}\n",
        "final: {queue: desk/back, acknowledge_within: 5m}\n",
    ] {
        let first = "  - {queue: desk/front, acknowledge_within: 5m, only_during: office}\n";
        check(&format!("steps:\n{first}{rest}"), &[], "");
    }
    check(
        &format!(
            "steps:\n{FRONT}severities:\n  low:\n    steps:\n    - {{queue: desk/front, acknowledge_within: 5m, only_during: weekend}}\n"
        ),
        &[],
        "escalations/ask.yaml:7:7: nobody is asked on Thursday at 01:00 Europe/Berlin: every step is passed over then",
    );
}

#[test]
fn what_cannot_mean_anything_is_refused_where_it_stands() {
    check(
        "steps:\n  - {queue: desk/front, acknowledge_within: 5m, only_during: offce}\n",
        &[],
        "escalations/ask.yaml:3:62: the calendar offce is unknown",
    );
    check(
        "steps:\n  - {queue: desk/front, acknowledge_within: 5m, outside_hours: wait}\n",
        &[],
        "escalations/ask.yaml:3:64: this step has no hours that it could be outside of",
    );
    check(
        &format!(
            "steps:\n{FRONT}final: {{queue: desk/back, acknowledge_within: 5m, only_during: office}}\n"
        ),
        &[],
        "escalations/ask.yaml:4:64: the final step is tried at any hour",
    );
    check(
        &format!("look_every: 31s\nsteps:\n{FRONT}"),
        &[],
        "escalations/ask.yaml:2:13: evidence would be too old before the next look",
    );
    check(
        "steps:\n  - {queue: desk/front, acknowledge_within: 19s}\n",
        &[],
        "escalations/ask.yaml:3:45: the step could be over before its ticket is looked at again",
    );
    check(
        &format!("steps:\n{FRONT}"),
        &[("calendars.yaml", "time_zone: Europe/Berlin", "time_zone: Europe/Berlln")],
        "calendars.yaml:3:16: there is no time zone Europe/Berlln",
    );
    check(
        &format!("steps:\n{FRONT}"),
        &[("calendars.yaml", "[09:00-17:00]", "[9-17]")],
        "calendars.yaml:4:40: \"9-17\" is not hours of a day",
    );
    check(
        &format!("steps:\n{FRONT}"),
        &[
            (
                "calendars.yaml",
                "  always:",
                "shifts:\n  - {queue: desk/frond, people: [ann], during: [nights]}\n#  always:",
            ),
            (
                "calendars.yaml",
                "    time_zone: UTC\n    hours: [{days: [every_day], hours: [00:00-24:00]}]\n",
                "",
            ),
        ],
        "calendars.yaml:13:13: the system desk has no queue frond\ncalendars.yaml:13:49: the calendar nights is unknown",
    );
}

#[test]
fn shifts_are_those_of_the_queue() {
    let shifts = "shifts:\n  - {queue: desk/front, people: [ann, ben], during: [office]}\n  - {queue: desk/front, people: [ann], during: [weekend]}\ncalendars:";
    let files = sources(
        &format!("steps:\n{FRONT}  - {{queue: desk/back, acknowledge_within: 5m}}\n"),
        &[("calendars.yaml", "calendars:", shifts)],
    );
    let playbook = Playbook::from_files(files).unwrap_or_else(|problems| panic!("{problems}"));
    let plan = playbook.escalation("ask", Severity::Normal).expect("a plan");
    let on = |step: usize, person: &str, at: &str| {
        let at = at.parse::<Timestamp>().expect("a moment");
        plan.on_shift(&plan.steps[step], &person.parse().expect("a person"), at)
    };
    assert_eq!(on(0, "ann", "2026-01-10T10:00:00Z"), Some(true), "Saturday");
    assert_eq!(on(0, "ben", "2026-01-10T10:00:00Z"), Some(false));
    assert_eq!(on(0, "ben", "2026-01-09T10:00:00Z"), Some(true), "Friday");
    assert_eq!(on(0, "zoe", "2026-01-09T10:00:00Z"), Some(false), "not in the roster");
    assert_eq!(on(1, "ben", "2026-01-10T10:00:00Z"), None, "nothing is said about this queue");
}

#[test]
fn an_approval_reaches_its_last_step_before_it_is_over() {
    let steps = format!("steps:\n{FRONT}  - {{queue: desk/back, acknowledge_within: 5m}}\n");
    check(&steps, &[("playbook.yaml", "30m", "6m1s")], "");
    check(
        &steps,
        &[("playbook.yaml", "30m", "6m")],
        "playbook.yaml:4:54: it is over after 6m, before the last step of ask is asked, after 6m",
    );
}

#[test]
fn who_may_decide_on_a_ticket_is_somebody_and_enough() {
    let steps = format!("steps:\n{FRONT}");
    let allow = ("playbook.yaml", "escalation: ask", "escalation: ask, approve_in_ticket: true");
    check(&steps, &[allow], "");
    check(
        &steps,
        &[allow, ("people.yaml", "ben: {groups: [finance]}", "ben: {}")],
        "playbook.yaml:4:95: one person may decide on these tickets, and 2 have to",
    );
    check(
        &steps,
        &[("people.yaml", "groups: [finance]}\n  ben", "groups: [finanse]}\n  ben")],
        "people.yaml:2:18: the group finanse is unknown",
    );
    check(
        &steps,
        &[
            (
                "people.yaml",
                "ann: {groups: [finance]}",
                "ann: {groups: [finance], identities: {desk: x}}",
            ),
            ("people.yaml", "olga: {}", "olga: {identities: {desk: x, dsk: z9}}"),
        ],
        "people.yaml:4:29: x of desk is the account of ann already\npeople.yaml:4:37: the system dsk is unknown",
    );
}

#[test]
fn every_step_tells_where_it_is_written() {
    let policy = format!("steps:\n{FRONT}final: {{queue: desk/back, acknowledge_within: 5m}}\n");
    let playbook = Playbook::from_files(sources(&policy, &[])).unwrap_or_else(|p| panic!("{p}"));
    let places: Vec<_> = playbook
        .steps()
        .map(|(policy, at)| format!("{policy} {} {}:{}:{}", at.queue, at.file, at.line, at.column))
        .collect();
    assert_eq!(
        places,
        ["ask desk/back escalations/ask.yaml:4:16", "ask desk/front escalations/ask.yaml:3:13"]
    );
}
