//! Files that only their owner may read, written so that a crash leaves the old one or the new one.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Makes a directory that only its owner may enter. Does nothing if it exists.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Puts `contents` in place of whatever `path` held.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let draft = write_draft(path, contents)?;
    fs::rename(&draft, path).inspect_err(|_| drop(fs::remove_file(&draft)))
}

/// Reads `path`, or makes it with `contents` first. Of several processes that start together one
/// makes it and all read the same.
pub(crate) fn read_or_create<E: From<io::Error>>(
    path: &Path,
    contents: impl FnOnce() -> Result<String, E>,
) -> Result<String, E> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return Ok(found?),
    }
    let draft = write_draft(path, contents()?.as_bytes())?;
    // A link fails where a rename would overwrite: the first to come wins.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(fs::read_to_string(path)?),
    }
}

fn write_draft(path: &Path, contents: &[u8]) -> io::Result<std::path::PathBuf> {
    // Random, because a container's process number is the same after a crash as before it.
    let mut unique = [0; 8];
    aws_lc_rs::rand::fill(&mut unique).map_err(io::Error::other)?;
    let draft = path.with_extension(format!("draft-{:016x}", u64::from_ne_bytes(unique)));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(contents)?;
    file.sync_all()?;
    Ok(draft)
}
