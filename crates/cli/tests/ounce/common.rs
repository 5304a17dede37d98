//! What tests share that run programs of images.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs ounce in a folder, with a cache there.
pub(crate) fn ounce(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ounce"))
        .args(args)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Whether a run found that it may make namespaces, by its error. Panics where `OUNCE_NEEDS` says that it must.
pub(crate) fn has_namespaces(run: &Output) -> bool {
    let error = said(&run.stderr);
    let has_namespaces = !error.contains("does not let you make namespaces");
    let is_needed = std::env::var_os("OUNCE_NEEDS").is_some_and(|needs| needs == "namespaces");
    assert!(
        has_namespaces || !is_needed,
        "OUNCE_NEEDS=namespaces, and there are none: {error}"
    );
    if !has_namespaces {
        eprintln!("left out: {error}");
    }
    has_namespaces
}

pub(crate) fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
