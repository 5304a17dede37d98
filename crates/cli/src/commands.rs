//! One file for each command.

pub(crate) mod aim;
pub(crate) mod analyze;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod graph;
pub(crate) mod host;
pub(crate) mod lint;
pub(crate) mod minimize;
pub(crate) mod rules;
pub(crate) mod run;
pub(crate) mod slim;
pub(crate) mod trace;
pub(crate) mod verify;
pub(crate) mod why;

mod outputs;
mod owner;
mod prove;
pub(crate) mod reach;

use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ounce_analysis::rules::Context;
use ounce_analysis::{Options, Packages, Plan, plan};
use ounce_image::{Codec, Tree};

use crate::args::Format;
use crate::error::CommandError;
use crate::report::Document;
use crate::session::Session;

/// Reads the package databases, runs the rules and decides.
fn analyse<'a>(
    session: &'a Session,
    tree: &'a Tree<'a>,
    options: &Options,
) -> Result<(Packages, Plan), CommandError> {
    let mut problems = Vec::new();
    let packages = Packages::load(tree, &mut problems);
    let context = Context::new(tree, &session.image.config, &packages);
    let mut plan = plan(&context, options, &session.progress)?;
    plan.problems.append(&mut problems);
    plan.problems.sort();
    Ok((packages, plan))
}

/// What an output says of how it was written: compressed bytes depend on these, and whoever wants them again needs to know.
fn annotations() -> [(&'static str, String); 2] {
    [
        ("dev.ounce.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("dev.ounce.compression", Codec::Gzip.settings().to_owned()),
    ]
}

/// Writes a report to a file or to standard output.
fn deliver(document: &Document, format: Format, file: Option<&Path>) -> Result<(), CommandError> {
    print(&document.text(format), file)
}

/// Writes text to a file or to standard output; colours are marks that only a terminal shows.
fn print(text: &str, file: Option<&Path>) -> Result<(), CommandError> {
    let Some(path) = file else {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        return Ok(out.flush()?);
    };
    let plain = anstream::adapter::strip_str(text).to_string();
    whole_file(path, plain.as_bytes()).map_err(|e| CommandError::writing(path, &e))
}

/// The command line as it would be typed into a shell.
fn command_line() -> String {
    let args: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|arg| quoted(&ounce_image::display(arg.as_bytes())))
        .collect();
    format!("ounce {}", args.join(" "))
}

/// A word quoted for a POSIX shell, if it needs to be (Shell Command Language, 2.2).
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Says of every limit that is not kept by how much; the program's answer is then no.
fn check(document: &Document) -> Result<(), CommandError> {
    let broken: Vec<String> = document
        .reports()
        .iter()
        .flat_map(|report| &report.limits)
        .filter(|limit| !limit.passed)
        .map(|limit| limit.text.clone())
        .collect();
    match broken.is_empty() {
        true => Ok(()),
        false => Err(CommandError::no(&broken)),
    }
}

/// Replaces a file in one step; devices and pipes are written to as they are.
fn whole_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return std::fs::write(path, content);
    }
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    use std::os::unix::fs::PermissionsExt as _;
    let mut file = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}
