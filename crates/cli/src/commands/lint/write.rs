//! Replaces a file in one step.

use std::io::Write as _;
use std::path::Path;

/// Puts new content in place of a file; its mode stays, and a symbolic link goes on leading to it.
///
/// # Errors
/// The file system's; then the file is as it was.
pub(super) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let permissions = path.metadata()?.permissions();
    let mut file = tempfile::Builder::new().tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().set_permissions(permissions)?;
    file.persist(path)?;
    Ok(())
}
