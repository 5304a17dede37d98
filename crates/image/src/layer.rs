//! A layer: its uncompressed bytes, the entries in them, and how the source stored it.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, OnceLock};

use crate::blob::Blob;
use crate::codec::Codec;
use crate::compression::CompressionMap;
use crate::digest::Digest;
use crate::error::Result;
use crate::path::ImagePath;
use crate::tar::{Entry, read_entries};

/// A layer of an image that was opened.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The digest of the uncompressed bytes that the config records; `None` for a root folder,
    /// which records nothing.
    pub diff_id: Option<Digest>,
    /// The uncompressed tar archive.
    pub tar: Blob,
    /// Its entries in order.
    pub entries: Vec<Entry>,
    /// Which layer this is and which file holds it, for messages.
    pub place: Arc<str>,
    /// How the source stores the layer.
    pub stored: StoredLayer,
    /// Folders of which not all names are known: only a machine that is read in place has any.
    pub partial: BTreeSet<ImagePath>,
    /// Which compressed bytes hold which entries; empty until [`Layer::map`] estimates it.
    pub map: OnceLock<CompressionMap>,
}

/// A layer's blob as it lies in the source.
#[derive(Debug, Clone)]
pub struct StoredLayer {
    /// The stored bytes.
    pub blob: Blob,
    /// How they are compressed.
    pub codec: Codec,
    /// Their digest, where the source records one.
    pub digest: Option<Digest>,
}

impl Layer {
    /// A layer of uncompressed bytes that no config records; `place` names it in messages.
    ///
    /// # Errors
    /// The bytes are no tar archive that images may hold.
    pub fn plain(tar: Blob, place: &str) -> Result<Self> {
        let entries = read_entries(&tar, place)?;
        let stored = StoredLayer {
            blob: tar.clone(),
            codec: Codec::Plain,
            digest: None,
        };
        Ok(Self {
            diff_id: None,
            tar,
            entries,
            place: place.into(),
            stored,
            partial: BTreeSet::new(),
            map: OnceLock::new(),
        })
    }

    /// The name of the layer in reports: its digest, or what it was read from.
    pub fn name(&self) -> String {
        match self.diff_id.or(self.stored.digest) {
            Some(digest) => digest.to_string(),
            None => self.place.to_string(),
        }
    }

    /// Which compressed bytes hold which entries: measured when the layer was decompressed, for a
    /// layer that is stored uncompressed estimated on the first call.
    ///
    /// # Errors
    /// The content cannot be read.
    pub fn map(&self) -> io::Result<&CompressionMap> {
        if self.map.get().is_none() {
            // Whoever is first wins; every estimate of the same bytes is the same.
            let _ = self.map.set(CompressionMap::estimate(&self.tar)?);
        }
        Ok(self.map.get().expect("set above"))
    }
}
