//! What is wrong with what operators wrote, said so that the person who wrote it can mend it: which file, which line,
//! what, and what to do. A run reports everything it finds, not the first.

use std::fmt;

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, relative to the playbook's folder; empty when it is about the folder as a whole.
    pub file: String,
    /// The line, from 1; 0 when it is about the file as a whole.
    pub line: u64,
    /// The column, from 1; 0 when it is about the file as a whole.
    pub column: u64,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// Everything that is wrong with a playbook, in the order of files and lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// All of them, or nothing when there are none.
    pub fn of(mut problems: Vec<Problem>) -> Option<Self> {
        problems.sort();
        problems.dedup();
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// Loading failed and nothing says why, which would itself be a mistake of Belay's.
    pub fn unexplained() -> Self {
        Self(vec![Problem {
            file: String::new(),
            line: 0,
            column: 0,
            what: "the playbook cannot be compiled, and nothing says why".to_owned(),
            remedy: "please report this with the playbook".to_owned(),
        }])
    }

    /// The problems, by file and line.
    #[must_use]
    pub fn all(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.line) {
            (true, _) => {}
            (false, 0) => write!(f, "{}: ", self.file)?,
            (false, line) => write!(f, "{}:{line}:{}: ", self.file, self.column)?,
        }
        f.write_str(&self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, " ({})", self.remedy) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// "did you mean ...?", when one of the known names is close to the one that was written; otherwise the names
/// that there are.
pub fn suggest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    let near = known
        .iter()
        .map(|name| (distance(written, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= name.chars().count().max(3) / 3);
    match (near, known.len()) {
        (Some((_, name)), _) => format!("did you mean {name}?"),
        (None, 0) => "there are none yet".to_owned(),
        (None, 1..=12) => format!("there are: {}", known.join(", ")),
        (None, more) => format!("there are {more}, among them {}", known[..8].join(", ")),
    }
}

/// How many letters have to be changed, added, left out or swapped to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut least = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
