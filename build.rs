//! Compiles the published contract in `proto/` into Rust types, without a `protoc` on the machine.
//!
//! The descriptor set, comments included, is written beside the generated code, so that a running
//! supervisor can describe itself to any client (gRPC reflection).

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use protox::prost::Message;

/// The root that imports are relative to.
const ROOT: &str = "proto";
/// Where the files of the one published version are.
const PACKAGE: &str = "proto/belay/v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={PACKAGE}");

    let descriptors = protox::compile(contract_files()?, [ROOT])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("belay.v1.bin"), descriptors.encode_to_vec())?;

    tonic_prost_build::configure().codec_path("crate::codec::Codec").compile_fds(descriptors)?;
    Ok(())
}

/// Every file of the package, in an order that does not depend on the file system.
fn contract_files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = fs::read_dir(PACKAGE)?
        .map(|entry| entry.map(|entry| entry.path()))
        .filter(|path| path.as_ref().map_or(true, |path| is_proto(path)))
        .collect::<Result<Vec<_>, _>>()?;
    files.sort();
    Ok(files)
}

fn is_proto(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "proto")
}
