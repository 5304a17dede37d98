//! The cache of decompressed layers: content-addressed files that any number of runs share.
//!
//! A file is written beside its place and renamed into it, so a reader sees it whole or not at
//! all; two runs that decompress the same layer at once both succeed. A run keeps the files that it
//! reads open, so the clean-up of another run cannot take them away under it. Content is not
//! trusted: whoever opens a layer still compares its digest (see [`Image::verify`](crate::Image::verify)).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::blob::Blob;
use crate::codec::{self, Codec, Limits};
use crate::compression::CompressionMap;
use crate::digest::Digest;
use crate::error::{Error, IoContext as _, Result};
use crate::progress::Progress;

/// Where decompressed layers are kept.
#[derive(Debug, Clone)]
pub struct Store {
    folder: Option<PathBuf>,
    max_bytes: u64,
    limits: Limits,
    /// What this run did not decompress itself.
    used: Arc<Mutex<BTreeSet<Digest>>>,
}

/// A decompressed stream.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The uncompressed bytes.
    pub plain: Blob,
    /// Which compressed bytes hold which uncompressed ones.
    pub map: CompressionMap,
}

impl Store {
    /// A store in `folder` (made when it is first needed) that keeps at most `max_bytes`.
    pub fn new(folder: PathBuf, max_bytes: u64) -> Self {
        Self {
            folder: Some(folder),
            max_bytes,
            limits: Limits::default(),
            used: Arc::default(),
        }
    }

    /// A store that keeps nothing: streams go to temporary files without a name.
    pub fn none() -> Self {
        Self {
            folder: None,
            max_bytes: 0,
            limits: Limits::default(),
            used: Arc::default(),
        }
    }

    /// Sets how far streams may expand.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Refuses content that grows from `stored` to `expanded` bytes when that is beyond measure.
    ///
    /// # Errors
    /// [`Error::Bomb`].
    pub(crate) fn check_growth(&self, name: &str, stored: u64, expanded: u64) -> Result<()> {
        self.limits.check(name, stored, expanded)
    }

    /// The uncompressed bytes of `blob`, decompressed now or by an earlier run.
    ///
    /// `expected` is the digest of the compressed bytes, `None` when none is recorded; `name` is the
    /// layer or archive in errors.
    ///
    /// # Errors
    /// The digest differs, the stream is damaged or expands too far, the disk is full.
    pub fn decompressed(
        &self,
        blob: &Blob,
        codec: Codec,
        expected: Option<Digest>,
        name: &str,
        progress: &Progress,
    ) -> Result<Stored> {
        let Some(folder) = &self.folder else {
            let file =
                tempfile::tempfile().doing("making a temporary file in", &std::env::temp_dir())?;
            return self.fill(
                file,
                &std::env::temp_dir(),
                blob,
                codec,
                expected,
                name,
                progress,
            );
        };
        let digest = codec::digest(blob, progress).in_layer(name)?;
        check(name, expected, digest)?;
        if let Some(stored) = Self::look_up(folder, digest, blob.len()) {
            self.used().insert(digest);
            return Ok(stored);
        }
        fs::create_dir_all(folder).doing("making the cache folder", folder)?;
        let temp = tempfile::Builder::new()
            .prefix(".part-")
            .tempfile_in(folder)
            .doing("writing the cache in", folder)?;
        let file = temp.reopen().doing("writing the cache in", folder)?;
        let stored = self.fill(file, temp.path(), blob, codec, Some(digest), name, progress)?;
        let (layer, map) = names(folder, digest);
        // The map first: a layer without its map is made again, a map alone does no harm.
        let mut temp_map = tempfile::Builder::new()
            .prefix(".part-")
            .tempfile_in(folder)
            .doing("writing the cache in", folder)?;
        temp_map
            .write_all(&stored.map.to_bytes())
            .doing("writing the cache in", folder)?;
        temp_map
            .persist(&map)
            .map_err(|e| e.error)
            .doing("writing", &map)?;
        temp.persist(&layer)
            .map_err(|e| e.error)
            .doing("writing", &layer)?;
        self.clean(folder);
        Ok(stored)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one private step of `decompressed`, which has the same list"
    )]
    fn fill(
        &self,
        file: File,
        path: &Path,
        blob: &Blob,
        codec: Codec,
        expected: Option<Digest>,
        name: &str,
        progress: &Progress,
    ) -> Result<Stored> {
        let mut out = BufWriter::with_capacity(1 << 16, file);
        let (digest, map) =
            codec::decompress(blob, codec, name, (&mut out, path), self.limits, progress)?;
        check(name, expected, digest)?;
        let file = out
            .into_inner()
            .map_err(|e| e.into_error())
            .doing("writing", path)?;
        let plain = Blob::from_file(file, path).doing("reading", path)?;
        Ok(Stored { plain, map })
    }

    fn look_up(folder: &Path, digest: Digest, size: u64) -> Option<Stored> {
        let (layer, map) = names(folder, digest);
        let file = File::open(&layer).ok()?;
        // The time of last use, for the clean-up; a cache on a read-only disk still serves.
        let _ = file.set_modified(SystemTime::now());
        let plain = Blob::from_file(file, &layer).ok()?;
        let map = CompressionMap::from_bytes(&fs::read(map).ok()?, plain.len(), size)?;
        Some(Stored { plain, map })
    }

    /// Removes what was used longest ago until the rest fits.
    fn clean(&self, folder: &Path) {
        let Ok(listing) = fs::read_dir(folder) else {
            return;
        };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = listing
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|e| e == "tar"))
            .filter_map(|entry| {
                entry.metadata().ok().map(|m| {
                    (
                        m.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                        m.len(),
                        entry.path(),
                    )
                })
            })
            .collect();
        files.sort_by(|a, b| b.cmp(a));
        let mut kept = 0u64;
        for (_, len, path) in files {
            kept = kept.saturating_add(len);
            if kept > self.max_bytes {
                let _ = fs::remove_file(path.with_extension("map"));
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Forgets what was taken from the cache, because something that was read is damaged.
    pub(crate) fn forget_used(&self) {
        if let Some(folder) = &self.folder {
            for digest in std::mem::take(&mut *self.used()) {
                let (layer, map) = names(folder, digest);
                let _ = fs::remove_file(map);
                let _ = fs::remove_file(layer);
            }
        }
    }

    fn used(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        // A set that a panicking thread held is whole all the same.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(name: &str, expected: Option<Digest>, actual: Digest) -> Result<()> {
    match expected {
        Some(expected) if expected != actual => Err(Error::DigestMismatch {
            what: name.to_owned(),
            expected,
            actual,
        }),
        _ => Ok(()),
    }
}

fn names(folder: &Path, digest: Digest) -> (PathBuf, PathBuf) {
    let hex = digest.hex();
    (
        folder.join(format!("{hex}.tar")),
        folder.join(format!("{hex}.map")),
    )
}
