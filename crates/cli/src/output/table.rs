//! Columns that line up, and pages of names with their values.

use super::{Style, Tone, clean, shorten};

/// The widest a column of free text gets in a list; the whole text is in `show` and in JSON.
const TEXT_WIDTH: usize = 56;

/// One cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

/// A list with a heading for each column.
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// One thing with many values, a name and a value a line.
#[derive(Default)]
pub(crate) struct Sheet {
    lines: Vec<(String, Vec<String>)>,
}

impl Cell {
    /// A text in a tone, without tricks and not too long.
    pub(crate) fn new(tone: Tone, text: impl AsRef<str>) -> Self {
        Self { text: shorten(&clean(text.as_ref()), TEXT_WIDTH), tone }
    }

    /// An id, which is never shortened.
    pub(crate) fn id(text: impl AsRef<str>) -> Self {
        Self { text: clean(text.as_ref()), tone: Tone::Name }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Tone::Plain, text)
    }
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(headings: impl Into<Vec<&'static str>>) -> Self {
        Self { headings: headings.into(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.rows.push(cells.into());
    }

    /// The table, or `empty` when there is nothing in it.
    pub(crate) fn render(&self, style: &Style, empty: &str) -> String {
        if self.rows.is_empty() {
            return format!("{}\n", style.paint(Tone::Dim, empty));
        }
        let mut widths: Vec<usize> = self.headings.iter().map(|h| h.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.chars().count());
            }
        }
        let headings: Vec<Cell> = self
            .headings
            .iter()
            .map(|heading| Cell { text: (*heading).to_owned(), tone: Tone::Dim })
            .collect();
        let mut out = String::new();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let mut line = String::new();
            let mut pending = 0;
            for (width, cell) in widths.iter().zip(row) {
                if !cell.text.is_empty() {
                    line.extend(std::iter::repeat_n(' ', pending));
                    pending = 0;
                    line.push_str(&style.paint(cell.tone, &cell.text));
                }
                pending += width - cell.text.chars().count() + 2;
            }
            out.push_str(&line);
            out.push('\n');
        }
        out
    }
}

impl Sheet {
    /// Adds a value that may be painted already. Nothing is added when it is empty.
    pub(crate) fn line(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        if !value.is_empty() {
            self.lines.push((name.to_owned(), value.split('\n').map(str::to_owned).collect()));
        }
        self
    }

    /// Adds a text from outside.
    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.line(name, super::clean_lines(value.trim_end()))
    }

    /// Adds several values under one name.
    pub(crate) fn lines(&mut self, name: &str, values: Vec<String>) -> &mut Self {
        if !values.is_empty() {
            self.lines.push((name.to_owned(), values));
        }
        self
    }

    /// The sheet.
    pub(crate) fn render(&self, style: &Style) -> String {
        let width = self.lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut out = String::new();
        for (name, values) in &self.lines {
            for (index, value) in values.iter().enumerate() {
                let name = if index == 0 { name.as_str() } else { "" };
                let padded = format!("{name:<width$}");
                out.push_str(&style.paint(Tone::Dim, &padded));
                out.push_str("  ");
                out.push_str(value);
                out.truncate(out.trim_end().len());
                out.push('\n');
            }
        }
        out
    }
}
