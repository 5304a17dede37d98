//! The files of a layout, be it a folder or a tar archive (also a compressed one).

use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::{detect, file_blob, inner_name};
use crate::blob::Blob;
use crate::codec::Codec;
use crate::digest::Digest;
use crate::error::{Error, IoContext as _, Result, shown};
use crate::path::ImagePath;
use crate::progress::Progress;
use crate::store::Store;
use crate::tar::{EntryKind, read_entries};

/// Manifests and configs are small; whoever offers a larger one means harm (OCI distribution
/// specification, "Pushing manifests": 4 MiB is what registries must accept).
const MAX_DOCUMENT: u64 = 16 << 20;

/// Named files of a layout.
pub(super) struct Files {
    path: PathBuf,
    inside: Inside,
}

enum Inside {
    Folder,
    Archive(FxHashMap<ImagePath, Blob>),
}

impl Files {
    pub(super) fn folder(path: &Path) -> Result<Self> {
        std::fs::read_dir(path).doing("opening", path)?;
        Ok(Self {
            path: path.to_owned(),
            inside: Inside::Folder,
        })
    }

    pub(super) fn archive(path: &Path, store: &Store, progress: &Progress) -> Result<Self> {
        let blob = file_blob(path)?;
        let name = shown(path);
        let tar = match detect(&blob, path)? {
            Codec::Plain => blob,
            codec => {
                store
                    .decompressed(&blob, codec, None, &name, progress)?
                    .plain
            }
        };
        let mut files = FxHashMap::default();
        let mut links = Vec::new();
        let entries = read_entries(&tar, &name).inspect_err(|_| store.forget_used())?;
        if entries.is_empty() {
            store.forget_used();
            let reason = "it is empty or not a tar archive";
            return Err(Error::Unrecognised {
                path: path.to_owned(),
                reason,
            });
        }
        for entry in entries {
            match &entry.kind {
                EntryKind::File => {
                    // Holes in an archive of layers would be a bomb that needs no compression.
                    store.check_growth(&name, entry.stored, entry.size)?;
                    files.insert(entry.path.clone(), entry.read(&tar));
                }
                // docker save before version 25 stores a layer that occurs twice as a link.
                EntryKind::Symlink(target) => {
                    links.push((entry.path.clone(), relative(&entry.path, target)))
                }
                EntryKind::Hardlink(target) => {
                    links.push((entry.path.clone(), Some(target.clone())))
                }
                _ => {}
            }
        }
        for (from, to) in links {
            if let Some(blob) = to.and_then(|to| files.get(&to)).cloned() {
                files.insert(from, blob);
            }
        }
        Ok(Self {
            path: path.to_owned(),
            inside: Inside::Archive(files),
        })
    }

    /// The folder or archive, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn get(&self, name: &str) -> Result<Option<Blob>> {
        let Some(name) = inner_name(name) else {
            return Ok(None);
        };
        match &self.inside {
            Inside::Archive(files) => Ok(files.get(&name).cloned()),
            Inside::Folder => {
                use std::os::unix::ffi::OsStrExt as _;
                let path = self.path.join(std::ffi::OsStr::from_bytes(name.as_bytes()));
                match path.is_file() {
                    true => file_blob(&path).map(Some),
                    false => Ok(None),
                }
            }
        }
    }

    pub(super) fn require(&self, name: &str, what: &str) -> Result<Blob> {
        let missing = || Error::Missing {
            path: self.path.clone(),
            what: format!("{what} ({name})"),
        };
        self.get(name)?.ok_or_else(missing)
    }

    /// A JSON document in memory.
    pub(super) fn document(&self, name: &str, what: &str) -> Result<Vec<u8>> {
        self.require(name, what)?
            .read_all(MAX_DOCUMENT)
            .map_err(|e| self.wrong(what, e.to_string()))
    }

    /// A JSON document whose digest is recorded.
    pub(super) fn document_of(&self, digest: Digest, what: &str) -> Result<Vec<u8>> {
        let bytes = self.document(&blob_name(digest), what)?;
        let actual = Digest::of(&bytes);
        match actual == digest {
            true => Ok(bytes),
            false => Err(Error::DigestMismatch {
                what: self.inside(what),
                expected: digest,
                actual,
            }),
        }
    }

    /// A part of this layout or archive in messages.
    pub(super) fn inside(&self, what: impl std::fmt::Display) -> String {
        format!("{what} in {}", shown(&self.path))
    }

    pub(super) fn wrong(&self, what: &str, reason: impl Into<String>) -> Error {
        Error::Manifest {
            path: self.path.clone(),
            what: what.to_owned(),
            reason: reason.into(),
        }
    }
}

/// Where a layout keeps a blob (OCI image specification, image-layout.md).
pub(super) fn blob_name(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// A symbolic link's target inside the archive; `None` when it leads out.
fn relative(from: &ImagePath, target: &[u8]) -> Option<ImagePath> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let folder = from.parent();
    if !target.starts_with(b"/") {
        parts.extend(folder.components());
    }
    for part in target.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    ImagePath::parse(&parts.join(&b'/')).ok()
}
