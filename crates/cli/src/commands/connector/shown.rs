//! How a verification is shown: a line for each lie, and what follows from all of them.

use belay_domain::QueueRef;
use belay_supervisor::verify::{Outcome, Report, Row};
use belay_supervisor::{RouteFinding, RouteVerdict};
use serde_json::{Value, json};

use crate::output::{Style, Tone, clean};

/// For people.
pub(super) fn render(queue: &QueueRef, report: &Report, style: &Style) -> String {
    let queue = style.paint(Tone::Name, &clean(&queue.to_string()));
    let mut text = String::new();
    for RouteFinding { check, verdict } in &report.findings {
        let (tone, word, detail) = said(verdict);
        let word = style.paint(tone, word);
        text.push_str(&format!("{queue}: {check}: {word}\n"));
        if !detail.is_empty() {
            text.push_str(&style.paint(Tone::Dim, &format!("  {}\n", clean(detail))));
        }
    }
    for row in &report.rows {
        // Padded before it is painted: colour has no width.
        let word = format!("{:<18}", row.outcome.name());
        let word = style.paint(tone(row.outcome), &word);
        let seen = style.paint(Tone::Dim, &clean(&row.seen));
        text.push_str(&format!("{:>2} {word}  {}: {seen}\n", row.number, row.lie));
    }
    for failure in &report.failures {
        let word = style.paint(Tone::Bad, "DOES NOT HOLD");
        text.push_str(&format!("{word}: {}\n", clean(failure)));
    }
    for left in &report.tickets {
        let word = if left.clean { "left clean" } else { "LEFT BEHIND" };
        let word = style.paint(if left.clean { Tone::Good } else { Tone::Bad }, word);
        let (ticket, state) = (clean(left.ticket.as_str()), clean(&left.state));
        text.push_str(&format!("ticket {ticket}: {word}: {state}\n"));
    }
    text + &format!("{}\n", style.paint(closing_tone(report), &closing(report)))
}

/// The sentence that matters.
fn closing(report: &Report) -> String {
    let list = |outcome: Outcome| {
        let rows = report.rows.iter().filter(|row| row.outcome == outcome);
        rows.map(|row| row.number.to_string()).collect::<Vec<_>>().join(", ")
    };
    let (covered, told) = (list(Outcome::LedToCover), list(Outcome::Told));
    let cover = match covered.as_str() {
        "" => "no lie led to cover".to_owned(),
        rows => format!("LED TO COVER: {rows}"),
    };
    let told = match told.as_str() {
        "" => "told: none".to_owned(),
        rows => format!("told: {rows}"),
    };
    let (took, requests) = (report.took.as_secs(), report.requests);
    let holds = if report.holds() { "holds" } else { "does not hold" };
    format!("{holds}: {cover}; {told}; {requests} requests in {took} s")
}

fn closing_tone(report: &Report) -> Tone {
    if report.holds() { Tone::Good } else { Tone::Bad }
}

fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::NotTried | Outcome::NotProvoked => Tone::Dim,
        Outcome::NotTold => Tone::Good,
        Outcome::Told => Tone::Warn,
        Outcome::LedToCover => Tone::Bad,
    }
}

fn said(verdict: &RouteVerdict) -> (Tone, &'static str, &str) {
    match verdict {
        RouteVerdict::Held => (Tone::Good, "ok", ""),
        RouteVerdict::Broken(detail) => (Tone::Bad, "BROKEN", detail),
        RouteVerdict::Untold(detail) => (Tone::Warn, "not told", detail),
    }
}

/// For programs.
pub(super) fn object(queue: &QueueRef, report: &Report) -> Value {
    let findings = report.findings.iter().map(|RouteFinding { check, verdict }| {
        let (_, word, detail) = said(verdict);
        json!({ "check": check.to_string(), "verdict": word.to_lowercase(), "detail": detail })
    });
    let row = |row: &Row| {
        let outcome = row.outcome.name().to_lowercase().replace(' ', "_");
        json!({ "number": row.number, "lie": row.lie, "outcome": outcome, "seen": row.seen })
    };
    let tickets = report.tickets.iter().map(
        |left| json!({ "ticket": left.ticket.as_str(), "clean": left.clean, "state": left.state }),
    );
    json!({
        "system": queue.system.as_str(),
        "queue": queue.queue.as_str(),
        "holds": report.holds(),
        "led_to_cover": report.led_to_cover(),
        "told": report.told(),
        "findings": findings.collect::<Vec<_>>(),
        "rows": report.rows.iter().map(row).collect::<Vec<_>>(),
        "failures": report.failures,
        "tickets": tickets.collect::<Vec<_>>(),
        "requests": report.requests,
        "took_seconds": report.took.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use belay_supervisor::verify::{Left, Outcome, Report, Row};
    use belay_supervisor::{RouteCheck, RouteFinding};
    use jiff::Timestamp;

    use super::render;
    use crate::output::Style;

    #[test]
    fn every_lie_has_a_line_and_the_last_one_says_what_follows() {
        let row =
            |number, lie, outcome, seen: &str| Row { number, lie, outcome, seen: seen.into() };
        let report = Report {
            findings: vec![
                RouteFinding::held(RouteCheck::Exists),
                RouteFinding::untold(RouteCheck::StatusesMapped, "the page is not shown"),
            ],
            rows: vec![
                row(4, "a search that lags", Outcome::Told, "3.0 s late"),
                row(7, "taken by a machine", Outcome::LedToCover, "ann would have been believed"),
                row(20, "a channel is dead", Outcome::NotProvoked, "needs an outage"),
            ],
            failures: vec!["it was taken twice".to_owned()],
            tickets: vec![Left {
                ticket: "57".parse().unwrap(),
                clean: true,
                state: "rejected".to_owned(),
            }],
            requests: 19,
            took: Duration::from_millis(31_500),
        };
        let queue = belay_domain::QueueRef {
            system: "rt".parse().unwrap(),
            queue: "second".parse().unwrap(),
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            render(&queue, &report, &style),
            "\
rt/second: the queue exists: ok
rt/second: every state is mapped: not told
  the page is not shown
 4 told                a search that lags: 3.0 s late
 7 LED TO COVER        taken by a machine: ann would have been believed
20 cannot be provoked  a channel is dead: needs an outage
DOES NOT HOLD: it was taken twice
ticket 57: left clean: rejected
does not hold: LED TO COVER: 7; told: 4; 19 requests in 31 s
"
        );
    }
}
