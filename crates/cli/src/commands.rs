//! One file for each command.

pub(crate) mod analyze;
pub(crate) mod completions;
pub(crate) mod slim;

use std::io::Write as _;
use std::path::Path;

use ounce_analysis::rules::Context;
use ounce_analysis::{Options, Packages, Plan, plan};
use ounce_image::Tree;

use crate::args::Format;
use crate::error::CommandError;
use crate::report::{Report, table};
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

/// Writes a report to a file or to standard output.
fn deliver(report: &Report, format: Format, file: Option<&Path>) -> Result<(), CommandError> {
    let Some(path) = file else {
        let mut out = anstream::stdout().lock();
        out.write_all(text(report, format).as_bytes())?;
        return Ok(out.flush()?);
    };
    let plain = anstream::adapter::strip_str(&text(report, format)).to_string();
    whole_file(path, plain.as_bytes()).map_err(|e| CommandError::writing(path, &e))
}

fn text(report: &Report, format: Format) -> String {
    match format {
        Format::Table => table::render(report),
        Format::Json => report.to_json(),
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
