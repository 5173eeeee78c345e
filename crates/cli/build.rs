//! Takes the example playbooks into the program, so that the demonstrations need no files beside it.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The playbooks of the demonstrations: what the list of files is called, and where they are from this package's directory.
const PLAYBOOKS: [(&str, &str); 2] =
    [("playbook.rs", "../../playbooks/support-desk"), ("retail.rs", "../../playbooks/retail")];

fn main() -> Result<(), Box<dyn Error>> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets this")?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets this")?);
    for (list, folder) in PLAYBOOKS {
        fs::write(out.join(list), embed(&package.join(folder).canonicalize()?)?)?;
    }
    Ok(())
}

/// The files of a folder as the source of a list of names and texts.
fn embed(root: &Path) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(root, &mut files)?;
    files.sort();

    let mut source = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(root)?.to_str().ok_or("a file name is not text")?;
        writeln!(source, "    ({name:?}, include_str!({:?})),", file.display().to_string())?;
    }
    source.push_str("]\n");
    Ok(source)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
