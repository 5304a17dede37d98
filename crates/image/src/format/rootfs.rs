//! `rootfs:`, a folder that holds the files of an image and nothing that describes it.
//!
//! Reading makes one layer of it without copying anything: headers are kept in memory, content is
//! read from the folder when it is needed. Other file systems that are mounted inside are left
//! out, as are sockets, which no archive can hold. Writing unpacks the merged view.

mod unpack;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::disk::{Content, Entries};
use crate::config::{Config, Platform};
use crate::error::{Error, IoContext as _, Result};
use crate::image::Image;
use crate::progress::Progress;
use crate::store::Store;

pub use unpack::unpack;
pub(super) use unpack::write;

pub(super) fn open(
    path: &Path,
    platform: &Platform,
    store: &Store,
    progress: &Progress,
) -> Result<Image> {
    let metadata = fs::metadata(path).doing("reading", path)?;
    if !metadata.is_dir() {
        return Err(Error::Unrecognised {
            path: path.to_owned(),
            reason: "a root folder was expected",
        });
    }
    let mut entries = Entries::new(path);
    entries.push(path, &metadata, Content::Own)?;
    // A stack, not recursion: the depth is the image's choice.
    let mut stack = listing(path)?;
    while let Some(path) = stack.pop() {
        let own = fs::symlink_metadata(&path).doing("reading", &path)?;
        entries.push(&path, &own, Content::Own)?;
        if own.is_dir() && own.dev() == metadata.dev() {
            stack.extend(listing(&path)?);
        }
    }
    Image::unrecorded(
        Config::bare(platform),
        entries.finish(),
        path,
        store,
        progress,
    )
}

/// The names in a folder, last first.
fn listing(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|list| {
        list.map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<Vec<_>>>()
    });
    let mut paths = entries.doing("reading", folder)?;
    paths.sort_by(|a, b| b.file_name().cmp(&a.file_name()));
    Ok(paths)
}
