//! What was answered with success to those who play in the demonstration. Whatever stands here must stand in the journal or at
//! the desk as well, whoever was killed in between.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// One answer that somebody relies on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answered", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// A case is open under this request, or the request is part of it.
    Opened { case: String, request: String },
    /// A person's yes counts.
    Approved { approval: String, person: String },
    /// A person has a ticket.
    Took { ticket: String, person: String },
    /// An action is verified.
    Verified { action: String },
    /// A case is resolved.
    Resolved { case: String },
}

/// Answers of this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Arc<Mutex<Vec<Answer>>>);

/// Answers of a process that may be killed at any moment: in a file, one a line.
#[derive(Debug)]
pub(crate) struct AnswerFile(Mutex<File>);

impl Answers {
    /// Remembers one.
    pub(crate) fn add(&self, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Answer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AnswerFile {
    /// Goes on where the file ends.
    pub(crate) fn open(file: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::of(format!("cannot write {}", file.display()), &error);
        Ok(Self(Mutex::new(File::options().create(true).append(true).open(file).map_err(failed)?)))
    }

    /// Writes one down.
    pub(crate) fn add(&self, answer: &Answer) {
        let Ok(mut line) = serde_json::to_string(answer) else { return };
        line.push('\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::warn!(%error, "an answer was not written down");
        }
    }
}

/// Reads what a process wrote down. A last line that was cut off by a kill does not count.
pub(crate) fn read(file: &Path) -> Vec<Answer> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Answer, AnswerFile, read};
    use std::io::Write;

    #[test]
    fn a_cut_off_line_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answers");
        let answer = Answer::Resolved { case: "c-1".into() };
        AnswerFile::open(&file).unwrap().add(&answer);
        let mut more = std::fs::File::options().append(true).open(&file).unwrap();
        more.write_all(b"{\"answered\":\"res").unwrap();
        assert_eq!(read(&file), [answer]);
    }
}
