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
        fs::write(out.join(list), embed(&package, folder)?)?;
    }
    Ok(())
}

/// The files of a folder as the source of a list of names and texts. They are named from the package's directory, which
/// the compiler fills in: a target directory that another checkout has used holds the list that was made there.
fn embed(package: &Path, folder: &str) -> Result<String, Box<dyn Error>> {
    let root = package.join(folder).canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();

    let mut source = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&root)?.to_str().ok_or("a file name is not text")?;
        let from = format!("/{folder}/{name}");
        writeln!(
            source,
            "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {from:?}))),"
        )?;
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
