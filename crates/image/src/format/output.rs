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

/// Fills a folder under a name of its own and gives it the right one at the end.
pub(super) fn whole_folder(
    path: &Path,
    ready: impl FnOnce() -> Result<()>,
    fill: impl FnOnce(&Path) -> Result<Written>,
) -> Result<Written> {
    let temp = tempfile::Builder::new()
        .prefix(".ounce-")
        .suffix(".part")
        .tempdir_in(parent(path))
        .doing("writing", path)?;
    let inside = temp.path().join("new");
    fs::create_dir(&inside).doing("writing", path)?;
    let written = fill(&inside)?;
    ready()?;
    // Unlike rename(2), this never replaces an empty folder that came to be in the meantime.
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    rustix::fs::renameat_with(rustix::fs::CWD, &inside, rustix::fs::CWD, path, flags)
        .map_err(|e| exists_or(e.into(), path))?;
    Ok(written)
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
