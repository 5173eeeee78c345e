//! What was measured, as a table for people and as one object a line for programs.

use serde::Serialize;

use super::meter::Reading;
use crate::exit::Failure;
use crate::output::table::{Cell, Table};
use crate::output::{Output, Style, Tone, print};

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    /// What was done.
    pub(crate) scenario: &'static str,
    /// How many of it at once.
    pub(crate) concurrency: usize,
    /// How many in a second.
    pub(crate) per_second: f64,
    /// Half took no longer, in microseconds.
    pub(crate) p50_us: u64,
    /// Ninety-nine of a hundred took no longer, in microseconds.
    pub(crate) p99_us: u64,
    /// For how long it was measured.
    pub(crate) seconds: f64,
    /// What the server held in memory at the end. Null where there is no server of ours.
    pub(crate) rss_bytes: Option<u64>,
    /// How many bare evaluations of its policies one costs at the median. Only of a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) of_cedar: Option<f64>,
}

impl Line {
    /// A measurement of throughput.
    pub(crate) fn new(
        scenario: &'static str,
        concurrency: usize,
        reading: &Reading,
        rss_bytes: Option<u64>,
    ) -> Self {
        Self {
            scenario,
            concurrency,
            per_second: (reading.per_second() * 10.0).round() / 10.0,
            p50_us: reading.p50,
            p99_us: reading.p99,
            seconds: reading.seconds,
            rss_bytes,
            of_cedar: None,
        }
    }
}

/// All of them: told at once to programs, and in a table at the end to people.
pub(crate) struct Report {
    output: Output,
    lines: Vec<Line>,
    remarks: Vec<String>,
}

impl Report {
    /// Nothing yet.
    pub(crate) fn new(output: Output) -> Self {
        Self { output, lines: Vec::new(), remarks: Vec::new() }
    }

    /// One more measurement, with what else is worth saying about it.
    pub(crate) fn add(&mut self, line: Line, remark: &str) -> Result<(), Failure> {
        if self.output.is_json() {
            let object = serde_json::to_string(&line)
                .map_err(|error| Failure::of("cannot write the answer", &error))?;
            print(&format!("{object}\n"))?;
        }
        self.lines.push(line);
        if !remark.is_empty() {
            self.remarks.push(format!("{remark}\n"));
        }
        Ok(())
    }

    /// That was all.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        if self.output.is_json() {
            return Ok(());
        }
        print(&format!("{}{}", render(&self.lines, &self.output.style), self.remarks.concat()))
    }
}

/// The table, with the share of each ceiling that was reached at the same concurrency.
fn render(lines: &[Line], style: &Style) -> String {
    let mut table = Table::new([
        "SCENARIO",
        "AT ONCE",
        "PER SECOND",
        "P50",
        "P99",
        "OF ECHO",
        "OF APPEND",
        "MEMORY",
    ]);
    for line in lines {
        let ceiling = |scenario: &str| {
            let found = lines
                .iter()
                .find(|other| other.scenario == scenario && other.concurrency == line.concurrency);
            let found = found.filter(|found| found.per_second > 0.0 && line.scenario != scenario);
            found.map_or_else(String::new, |found| {
                format!("{:.3}", line.per_second / found.per_second)
            })
        };
        table.row([
            Cell::new(Tone::Bold, line.scenario),
            line.concurrency.to_string().into(),
            count(line.per_second).into(),
            time(line.p50_us).into(),
            time(line.p99_us).into(),
            ceiling("echo").into(),
            ceiling("append").into(),
            line.rss_bytes.map_or_else(String::new, memory).into(),
        ]);
    }
    table.render(style, "nothing was measured")
}

/// A number with its thousands apart.
fn count(number: f64) -> String {
    if number < 100.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in the unit that suits it.
fn time(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..10_000_000 => format!("{:.2} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

/// A size in MiB.
fn memory(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::{count, time};

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [count(12.34), count(999.6), count(1_234_567.0)],
            ["12.3", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn a_time_has_the_unit_that_suits_it() {
        assert_eq!([time(230), time(3_700), time(70_000_000)], ["230 us", "3.70 ms", "70.00 s"]);
    }
}
