//! What a command says: aligned words for people, one object a line for programs.
//!
//! Colour is used only on a terminal and never when `NO_COLOR` is set. Whatever came from outside is shown
//! without control characters, so that no customer's text can play tricks with the terminal.

pub(crate) mod json;
pub(crate) mod modes;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod words;

use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::Value;

use crate::exit::{Exit, Failure};
use json::Wire;

/// In which form a command answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs: one JSON object a line.
    Json,
}

/// Where a command's answer goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// In which form.
    pub(crate) format: Format,
    /// How things look.
    pub(crate) style: Style,
}

/// How things look, and what time it is for those who say "ago".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Whether there is colour.
    pub(crate) colour: bool,
    /// The moment from which relative times are counted.
    pub(crate) now: Timestamp,
}

/// What a word means, said by colour as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Less important.
    Dim,
    /// More important.
    Bold,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Not as it should be.
    Bad,
    /// A name to tell things apart by.
    Name,
}

impl Output {
    /// An output for this process.
    pub(crate) fn new(format: Format) -> Self {
        let forced = env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = !plain && (forced || io::stdout().is_terminal());
        Self { format, style: Style { colour, now: Timestamp::now() } }
    }

    /// Whether programs read along.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Shows one thing.
    pub(crate) fn one<M: Wire>(
        &self,
        message: &M,
        human: impl FnOnce(&Style) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Human => print(&human(&self.style)),
            Format::Json => print(&line(json::value(message)?)),
        }
    }

    /// Shows a list: a table for people, one object a line for programs.
    pub(crate) fn list<M: Wire>(
        &self,
        messages: &[M],
        human: impl FnOnce(&Style) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Human => print(&human(&self.style)),
            Format::Json => {
                let lines: Result<Vec<_>, _> =
                    messages.iter().map(|message| Ok(line(json::value(message)?))).collect();
                print(&lines.map_err(|failure: Failure| failure)?.concat())
            }
        }
    }

    /// Shows something that is no message of the API.
    pub(crate) fn value(
        &self,
        value: impl FnOnce() -> Value,
        human: impl FnOnce(&Style) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Human => print(&human(&self.style)),
            Format::Json => print(&line(value())),
        }
    }

    /// A remark for people that is no part of the answer.
    pub(crate) fn note(&self, text: impl Display) {
        if self.format == Format::Human {
            // Whoever closed their standard error does not want to hear it.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Says what went wrong, on standard error.
    pub(crate) fn failure(&self, failure: &Failure) {
        let text = match self.format {
            Format::Human => {
                let colour = self.style.colour && io::stderr().is_terminal();
                let style = Style { colour, ..self.style };
                format!(
                    "{} {}",
                    style.paint(Tone::Bad, "belay:"),
                    clean_lines(&failure.to_string())
                )
            }
            Format::Json => failure.json().to_string(),
        };
        // There is nowhere left to complain to.
        let _ = writeln!(io::stderr(), "{text}");
    }
}

impl Style {
    /// Paints a text that is known to be clean.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Dim => "2",
            Tone::Bold => "1",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "1;31",
            Tone::Name => "36",
        };
        if self.colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The text on one line, without anything that a terminal would act on.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_deceiving(c) { ' ' } else { c }).collect()
}

/// The same, with its line breaks.
pub(crate) fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// Shortens a clean text to at most `width` characters.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Marks that turn the direction of writing, with which a text can look like another.
fn is_deceiving(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Writes to standard output. A reader that went away (`| head`) is no failure worth words.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| {
        if text.is_empty() || text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }
    });
    match written.and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Done, "nobody reads on"))
        }
        Err(error) => Err(Failure::of("cannot write the answer", &error)),
    }
}

fn line(value: Value) -> String {
    format!("{value}\n")
}

#[cfg(test)]
mod tests;
