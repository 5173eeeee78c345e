//! Reads an id that has the form of a system's ids and that it surely never issued (row 2).

use belay_domain::{Reading, TicketId, TicketReading};
use serde_json::Value;

use super::report::Outcome;
use super::trial::Judged;
use super::{Notes, Verification};
use crate::http::Exchange;

/// Far above any number that is in use, and still a number of 32 bits.
const BEYOND: u64 = 900_000_000;

impl Verification<'_> {
    /// Reads an id that no system has issued. What was understood of the answer is not enough to say that the system
    /// told the truth: an empty success is understood as "not there", too.
    pub(super) async fn read_nothing(&self, ticket: &TicketId, notes: &mut Notes) {
        let Some(strange) = never_issued(ticket) else {
            return notes.rows.not_tried(2, "no id is known that surely never existed");
        };
        let sent_at = self.clock.now();
        let (reading, wire) = self.queue.read_strange(&strange, &self.subject.queue.queue).await;
        match self.judge(&strange, &reading, sent_at) {
            Ok(Judged::Covered { by }) => {
                notes.rows.note(2, Outcome::LedToCover, format!("{strange} is held by {by}"));
            }
            Ok(Judged::NotCovered { why }) => match answered(&strange, &reading, wire) {
                Heard::Exists => {
                    let seen = format!("{strange} is said to exist: {why}");
                    notes.rows.note(2, Outcome::Told, seen);
                }
                Heard::Told(seen) => notes.rows.note(2, Outcome::Told, seen),
                Heard::NotTold(seen) => notes.rows.note(2, Outcome::NotTold, seen),
                Heard::Untold(why) => notes.rows.not_tried(2, why),
            },
            Err(why) => notes.failures.push(why),
        }
    }
}

/// What was heard about an id that was never issued.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Exists,
    Told(String),
    NotTold(String),
    Untold(String),
}

/// What the system answered when it was asked for this id, going by what went over the wire.
fn answered(strange: &TicketId, reading: &Reading, wire: Option<Vec<Exchange>>) -> Heard {
    if let TicketReading::Present(_) = reading.ticket {
        return Heard::Exists;
    }
    let Some(wire) = wire else {
        let why = format!("{strange} is read as not there; nothing went over a wire to be heard");
        return Heard::Untold(why);
    };
    let about = |exchange: &&Exchange| exchange.asks(strange.as_str());
    let about: Vec<&Exchange> = wire.iter().filter(about).collect();
    let empty = about.iter().find(|exchange| exchange.succeeded() && says_nothing(exchange));
    if let Some(Exchange { status, .. }) = empty {
        return Heard::Told(format!("{strange} is answered with {status} and nothing"));
    }
    let detail = match &reading.ticket {
        TicketReading::Unreadable { detail } => format!(": {detail}"),
        TicketReading::Missing | TicketReading::Present(_) => String::new(),
    };
    match about.last() {
        None => Heard::Untold(format!("no answer about {strange} was heard{detail}")),
        Some(exchange) if exchange.succeeded() && detail.is_empty() => Heard::NotTold(format!(
            "{strange} is answered with {} and a list in which it is not",
            exchange.status
        )),
        Some(exchange) if exchange.succeeded() => Heard::Told(format!(
            "{strange} is answered with {} and not said to be missing{detail}",
            exchange.status
        )),
        Some(Exchange { status: status @ (401 | 408 | 429 | 500..), .. }) => {
            Heard::Untold(format!("{strange} was answered with {status}{detail}"))
        }
        Some(Exchange { status, .. }) => {
            Heard::NotTold(format!("{strange} is answered with {status}"))
        }
    }
}

/// Whether there is nothing in an answer, or nothing but prose.
fn says_nothing(exchange: &Exchange) -> bool {
    match exchange.said() {
        None | Some(Value::Null | Value::String(_)) => true,
        Some(Value::Object(members)) => members.is_empty(),
        Some(_) => false,
    }
}

/// Such an id, made from a real one; none if there is nothing in it to change.
fn never_issued(real: &TicketId) -> Option<TicketId> {
    let real = real.as_str();
    let (head, tail) = real.split_at(real.rfind('-').map_or(0, |dash| dash + 1));
    let counted = tail.parse::<u64>().ok().filter(|_| !tail.starts_with('0') && tail.len() <= 12);
    let strange = match counted {
        // `SUP-12`, `4711`: the next numbers will be issued soon, those far away will not.
        Some(number) => {
            let far = if number < BEYOND { number + BEYOND } else { number.saturating_mul(1000) };
            format!("{head}{far}")
        }
        // Random: one that differs in many places is nobody's.
        None => format!("{head}{}", tail.chars().map(mirrored).collect::<String>()),
    };
    (strange != real).then(|| strange.parse().ok()).flatten()
}

/// Another character of the same kind; hexadecimal digits stay so.
fn mirrored(c: char) -> char {
    let between = |first: u8, last: u8| char::from(first + last - c as u8);
    match c {
        '0'..='9' => between(b'0', b'9'),
        'a'..='f' => between(b'a', b'f'),
        'A'..='F' => between(b'A', b'F'),
        'g'..='z' => between(b'g', b'z'),
        'G'..='Z' => between(b'G', b'Z'),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::never_issued;

    #[test]
    fn it_has_the_form_of_the_others_and_is_none_of_them() {
        for (real, strange) in [
            ("57", "900000057"),
            ("1000000000", "1000000000000"),
            ("SUP-12", "SUP-900000012"),
            ("9d385017c611228701d22104cc95c371", "0c614982d388771298c77895dd04d628"),
            ("Q1AB", "P8FE"),
        ] {
            let made = never_issued(&real.parse().unwrap()).unwrap();
            assert_eq!(made.as_str(), strange, "of {real}");
        }
        assert_eq!(never_issued(&"-".parse().unwrap()), None);
    }
}
