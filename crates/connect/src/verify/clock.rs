//! The system's clock beside ours (row 22): what the `Date` of its answers shows, and when it says that the test ticket
//! was created, against when we asked and when we were answered.

use belay_domain::{Span, TicketId, Timestamp, after};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::report::{Outcome, Rows};
use crate::http::Exchange;

/// By how much two clocks may differ that are both kept right. A server may also use the second before in a `Date`.
const CLOSE: Span = Span::from_secs(2);

/// The grain of a `Date` header, and of a time without fractions.
const SECOND: Span = Span::from_secs(1);

/// What systems call the moment in which a ticket was created, in lower case and without underscores.
const CREATED: [&str; 4] = ["created", "createdat", "createdon", "syscreatedon"];

/// Our clock: the runtime's, from a known moment on.
#[derive(Clone, Copy, Debug)]
pub(super) struct OurClock {
    pub(super) began: Timestamp,
    pub(super) started: Instant,
}

impl OurClock {
    pub(super) fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    fn at(&self, instant: Instant) -> Timestamp {
        let passed = instant.saturating_duration_since(self.started);
        after(self.began, Span::try_from(passed).unwrap_or(Span::MAX))
    }
}

/// What is known of the system's clock.
#[derive(Clone, Debug, Default)]
pub(super) struct TheirClock {
    /// By its answers.
    answers: Option<Skew>,
    /// By the creation of our ticket.
    creation: Option<Skew>,
    /// Whether the times on its tickets are whole seconds, of those that were shown.
    whole: Option<bool>,
}

/// By how much their clock is ahead of ours: at least so much by one moment, at most so much by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Skew {
    least: Span,
    most: Span,
}

impl TheirClock {
    /// Takes an exchange into account.
    pub(super) fn hear(&mut self, exchange: &Exchange, ours: &OurClock) {
        if let Some(date) = exchange.date {
            let between = (ours.at(exchange.sent), ours.at(exchange.heard));
            Skew::narrow(&mut self.answers, Skew::of(date, SECOND, between));
        }
    }

    /// Takes an answer about our ticket into account, which we asked for and had between these moments.
    pub(super) fn read(
        &mut self,
        exchange: &Exchange,
        ticket: &TicketId,
        created: Option<(Instant, Instant)>,
        ours: &OurClock,
    ) {
        if !exchange.succeeded() || !exchange.asks(ticket.as_str()) {
            return;
        }
        let mut times = Vec::new();
        let Some(said) = exchange.said() else { return };
        creations(&said, ticket.as_str(), &mut times);
        for text in &times {
            let fraction = text.split_once('.').map(|(_, rest)| rest);
            let whole = !fraction
                .is_some_and(|rest| rest.starts_with(|c| ('1'..='9').contains(&c)))
                && !fraction.is_some_and(|rest| {
                    rest.chars().take_while(char::is_ascii_digit).any(|digit| digit != '0')
                });
            self.whole = Some(self.whole.unwrap_or(true) && whole);
        }
        // Whoever changes a ticket later is also said to have created something: the first is the ticket's own.
        let first = times.iter().filter_map(|text| text.parse::<Timestamp>().ok()).min();
        if let (Some(shown), Some((asked, had))) = (first, created) {
            let grain = if self.whole == Some(false) { Span::from_millis(1) } else { SECOND };
            let between = (ours.at(asked), ours.at(had));
            // Always about the same moment, so that it is not narrowed but known.
            self.creation = Some(Skew::of(shown, grain, between));
        }
    }
}

impl Skew {
    /// What a moment shows that was taken down, cut off to its grain, between two moments of ours.
    fn of(shown: Timestamp, grain: Span, (from, until): (Timestamp, Timestamp)) -> Self {
        Self { least: shown.duration_since(until), most: after(shown, grain).duration_since(from) }
    }

    /// Both hold.
    fn narrow(known: &mut Option<Self>, found: Self) {
        *known = Some(match known {
            None => found,
            Some(known) => {
                Self { least: known.least.max(found.least), most: known.most.min(found.most) }
            }
        });
    }

    /// In words, and whether clocks that are kept right can show it.
    fn told(self) -> (bool, String) {
        let Self { least, most } = self;
        let slack = least.saturating_sub(most);
        if slack > CLOSE {
            let between = slack.as_secs_f64();
            return (true, format!("show clocks that differ by {between:.1} s from each other"));
        }
        if least <= Span::ZERO && most >= Span::ZERO {
            let spread = most.max(-least).as_secs_f64();
            return (false, format!("show our time, give or take {spread:.1} s"));
        }
        let middle = (least.as_secs_f64() + most.as_secs_f64()) / 2.0;
        let spread = (most.as_secs_f64() - least.as_secs_f64()).abs() / 2.0;
        let side = if middle < 0.0 { "behind" } else { "ahead of" };
        let off = least > CLOSE || most < -CLOSE;
        let middle = middle.abs();
        (off, format!("show a clock {middle:.1} s {side} ours, give or take {spread:.1} s"))
    }
}

/// Says what is known of their clock. Nothing is, where nothing goes over a wire.
pub(super) fn compare(theirs: Option<&TheirClock>, rows: &mut Rows) {
    let Some(TheirClock { answers, creation, whole }) = theirs else { return };
    let told = [("its answers", answers), ("its tickets", creation)];
    let told: Vec<(bool, String)> = told
        .into_iter()
        .filter_map(|(what, skew)| {
            let (off, told) = skew.as_ref()?.told();
            Some((off, format!("{what} {told}")))
        })
        .collect();
    let grain = match whole {
        Some(true) => "times on its tickets are whole seconds: within one they give no order",
        Some(false) => "times on its tickets have fractions of a second",
        None => "no time of a ticket is shown to us",
    };
    if told.is_empty() && whole.is_none() {
        return rows.not_tried(22, "neither its answers nor its tickets show us a time");
    }
    let off = told.iter().any(|(off, _)| *off);
    let seen: Vec<String> =
        told.into_iter().map(|(_, told)| told).chain([grain.to_owned()]).collect();
    let outcome = if off || *whole == Some(true) { Outcome::Told } else { Outcome::NotTold };
    rows.note(22, outcome, seen.join("; "));
}

/// The times at which whatever is about this ticket says that it was created.
fn creations(said: &Value, ticket: &str, times: &mut Vec<String>) {
    match said {
        Value::Array(items) => items.iter().for_each(|item| creations(item, ticket, times)),
        Value::Object(members) => {
            if is_about(members, ticket) {
                let named = members.iter().filter(|(name, _)| is_creation(name));
                let texts = named.filter_map(|(_, value)| value.as_str());
                times.extend(texts.filter(|text| is_moment(text)).map(str::to_owned));
            }
            members.values().for_each(|value| creations(value, ticket, times));
        }
        _ => {}
    }
}

fn is_about(members: &Map<String, Value>, ticket: &str) -> bool {
    members.iter().any(|(name, value)| {
        let names_it = match value {
            Value::String(text) => text == ticket,
            Value::Number(number) => number.to_string() == ticket,
            _ => false,
        };
        names_it && name.to_ascii_lowercase().ends_with("id")
    })
}

fn is_creation(name: &str) -> bool {
    CREATED.contains(&name.to_ascii_lowercase().replace('_', "").as_str())
}

/// A time without its zone could be anybody's.
fn is_moment(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_about_the_ticket_says_when_it_was_created() {
        let said = json!({
            "id": 7, "Created": "2026-03-02T08:00:03Z", "LastUpdated": "2026-03-02T08:00:09Z",
            "Queue": {"id": "1", "Created": "2020-01-01T00:00:00Z"},
            "audits": [{"ticket_id": 7, "created_at": "2026-03-02T08:00:05.25Z"}],
            "fields": {"id": "7", "created": "02.03.2026 08:00"},
        });
        let mut times = Vec::new();
        creations(&said, "7", &mut times);
        times.sort();
        assert_eq!(times, ["2026-03-02T08:00:03Z", "2026-03-02T08:00:05.25Z"]);
    }

    #[test]
    fn many_answers_tell_more_than_one() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let mut known = None;
        // Their clock is right: seconds are cut off, and an exchange takes a tenth of one.
        for sent in [1_050, 1_850, 1_950] {
            let shown = at((sent + 50) / 1_000 * 1_000);
            Skew::narrow(&mut known, Skew::of(shown, SECOND, (at(sent), at(sent + 100))));
        }
        let told = known.unwrap().told();
        assert_eq!(told, (false, "show our time, give or take 0.1 s".to_owned()));
    }

    #[test]
    fn a_clock_that_is_minutes_off_is_told_with_its_side() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let told = |shown| Skew::of(at(shown), SECOND, (at(1_000), at(1_001))).told();
        assert_eq!(
            told(1_180),
            (true, "show a clock 180.0 s ahead of ours, give or take 1.0 s".into())
        );
        assert_eq!(
            told(820),
            (true, "show a clock 180.0 s behind ours, give or take 1.0 s".into())
        );
        assert!(!told(1_002).0);
    }

    #[test]
    fn two_servers_with_two_clocks_contradict_each_other() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut known = None;
        for shown in [1_000, 1_060] {
            Skew::narrow(&mut known, Skew::of(at(shown), SECOND, (at(1_000), at(1_000))));
        }
        let (off, told) = known.unwrap().told();
        assert!(off && told.contains("differ by 59.0 s from each other"), "{told}");
    }
}
