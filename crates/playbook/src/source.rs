//! The files of a playbook, read from a folder. The only part of this crate that touches the outside.

use std::fs;
use std::path::Path;

use belay_domain::{Digest, Hasher};

use crate::problem::{Problem, Problems};

/// The most files a playbook may have. Operators write them by hand; more is a wrong folder.
pub const FILES_MAX: usize = 2_000;

/// The longest a file may be, in bytes.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The folder of recordings, with which contracts are tried. They are no part of the playbook, and change nothing in it.
const RECORDED: &str = "recorded";

/// One file: its path relative to the playbook's folder, with `/`, and its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFile {
    /// The path.
    pub path: String,
    /// The text.
    pub text: String,
}

/// Reads all YAML and Cedar files of a folder and of the folders in it. Others, such as a README, are left alone.
pub(crate) fn read(folder: &Path) -> Result<Vec<SourceFile>, Problems> {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    read_into(folder, "", &mut files, &mut problems);
    match Problems::of(problems) {
        Some(problems) => Err(problems),
        None => {
            files.sort();
            Ok(files)
        }
    }
}

/// The digest over all files and their paths.
pub(crate) fn version(files: &[SourceFile]) -> Digest {
    files
        .iter()
        .fold(Hasher::new("belay playbook"), |hasher, file| {
            hasher.part(file.path.as_bytes()).part(file.text.as_bytes())
        })
        .finish()
}

fn read_into(
    folder: &Path,
    prefix: &str,
    files: &mut Vec<SourceFile>,
    problems: &mut Vec<Problem>,
) {
    let mut failed = |file: &str, what: String, remedy: &str| {
        let (file, remedy) = (file.to_owned(), remedy.to_owned());
        problems.push(Problem { file, line: 0, column: 0, what, remedy });
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let what = format!("the folder {} cannot be read: {error}", folder.display());
            return failed(prefix, what, "give the folder that holds playbook.yaml");
        }
    };
    let mut below = Vec::new();
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') || (prefix.is_empty() && name == RECORDED) {
            continue;
        }
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let full = entry.path();
        if full.is_dir() {
            below.push((full, path));
            continue;
        }
        if !name.ends_with(".yaml") && !name.ends_with(".yml") && !name.ends_with(".cedar") {
            continue;
        }
        if files.len() >= FILES_MAX {
            return failed(
                &path,
                format!("more than {FILES_MAX} files"),
                "is this the right folder?",
            );
        }
        if full.metadata().is_ok_and(|meta| meta.len() > FILE_BYTES_MAX) {
            failed(&path, format!("longer than {FILE_BYTES_MAX} bytes"), "split it");
            continue;
        }
        match fs::read_to_string(&full) {
            Ok(text) => files.push(SourceFile { path, text }),
            Err(error) => failed(&path, format!("it cannot be read: {error}"), "write it in UTF-8"),
        }
    }
    if prefix.is_empty() {
        for (full, path) in below {
            read_into(&full, &path, files, problems);
        }
    }
}
