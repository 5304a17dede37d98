//! What every writer shares: outputs that appear whole or not at all, and the order of layers.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Written;
use crate::blob::Blob;
use crate::codec::Streamed;
use crate::config::Config;
use crate::error::{Error, IoContext as _, Result};
use crate::image::Image;
use crate::layer::StoredLayer;
use crate::progress::Progress;
use crate::rewrite::Fate;

/// An image to write.
pub(super) struct Job<'a> {
    pub(super) image: &'a Image,
    pub(super) fates: &'a [Fate],
    pub(super) tag: Option<&'a str>,
    pub(super) annotations: &'a [(&'a str, String)],
    pub(super) progress: &'a Progress,
}

impl Job<'_> {
    /// The layers that are left: the number that each had, its uncompressed bytes, and how the
    /// source stores it when nothing of it changed.
    pub(super) fn layers(&self) -> impl Iterator<Item = (usize, Blob, Option<&StoredLayer>)> {
        self.image
            .layers
            .iter()
            .zip(self.fates)
            .enumerate()
            .filter_map(|(index, (layer, fate))| match fate {
                Fate::Same => Some((index, layer.tar.clone(), Some(&layer.stored))),
                Fate::Changed(tar) => Some((index, tar.clone(), None)),
                Fate::Gone => None,
            })
    }

    /// The config for the layers that were written.
    pub(super) fn config(&self, written: &[(usize, Streamed)]) -> Config {
        let became = |old| {
            written
                .iter()
                .find(|(index, _)| *index == old)
                .map(|(_, streamed)| streamed.diff_id)
        };
        self.image
            .config
            .with_layers(&(0..self.fates.len()).map(became).collect::<Vec<_>>())
    }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Writes a file under a name of its own and gives it the right one at the end.
pub(super) fn whole_file(
    path: &Path,
    ready: impl FnOnce() -> Result<()>,
    fill: impl FnOnce(File, &Path) -> Result<Written>,
) -> Result<Written> {
    let temp = tempfile::Builder::new()
        .prefix(".ounce-")
        .suffix(".part")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(parent(path))
        .doing("writing", path)?;
    let file = temp.as_file().try_clone().doing("writing", path)?;
    let written = fill(file, path)?;
    ready()?;
    temp.persist_noclobber(path)
        .map_err(|e| exists_or(e.error, path))?;
    Ok(written)
}

/// Fills a folder under a name of its own and gives it the right one at the end. While it is filled
/// nobody else can enter it; `fill` sets its mode at the end.
pub(super) fn whole_folder(
    path: &Path,
    ready: impl FnOnce() -> Result<()>,
    fill: impl FnOnce(&Path) -> Result<Written>,
) -> Result<Written> {
    let temp = tempfile::Builder::new()
        .prefix(".ounce-")
        .suffix(".part")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent(path))
        .doing("writing", path)?;
    let temp = Unfinished(Some(temp));
    let written = fill(temp.path()).map_err(|e| under_its_name(e, temp.path(), path))?;
    ready()?;
    rename_new(temp.path(), path).map_err(|e| exists_or(e, path))?;
    temp.finish();
    Ok(written)
}

/// An error about a file of the folder that is filled, with the name that the user gave.
fn under_its_name(error: Error, temp: &Path, name: &Path) -> Error {
    match error {
        Error::Io {
            action,
            path,
            source,
        } => Error::Io {
            action,
            path: match path.strip_prefix(temp) {
                Ok(inside) if inside.as_os_str().is_empty() => name.to_owned(),
                Ok(inside) => name.join(inside),
                Err(_) => path,
            },
            source,
        },
        other => other,
    }
}

/// A folder that is removed unless it is finished.
struct Unfinished(Option<tempfile::TempDir>);

impl Unfinished {
    fn path(&self) -> &Path {
        self.0.as_ref().expect("only `finish` takes it").path()
    }

    fn finish(mut self) {
        self.0.take().map(tempfile::TempDir::keep);
    }
}

impl Drop for Unfinished {
    /// An image may hold folders that not even their owner may write to.
    fn drop(&mut self) {
        let mut stack: Vec<PathBuf> = self.0.iter().map(|temp| temp.path().to_owned()).collect();
        while let Some(folder) = stack.pop() {
            let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|t| t.is_dir());
            stack.extend(entries.filter(is_folder).map(|entry| entry.path()));
        }
    }
}

/// Renames a folder, never over another, not even over an empty one.
fn rename_new(from: &Path, to: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // NFS and some parallel file systems do not know the flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::symlink_metadata(to) {
            Ok(_) => Err(std::io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        },
        outcome => Ok(outcome?),
    }
}

fn exists_or(source: std::io::Error, path: &Path) -> Error {
    match source.kind() {
        std::io::ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
        _ => Error::Io {
            action: "writing",
            path: path.to_owned(),
            source,
        },
    }
}
