//! An image that was opened: its config and its layers.

use std::path::Path;

use std::sync::OnceLock;

use rayon::prelude::*;

use crate::blob::Blob;
use crate::codec::{self, Codec};
use crate::config::Config;
use crate::digest::Digest;
use crate::error::{Error, IoContext as _, Result, shown};
use crate::layer::{Layer, StoredLayer};
use crate::progress::Progress;
use crate::store::Store;
use crate::tar::read_entries;

/// An image that was opened for reading.
#[derive(Debug, Clone)]
pub struct Image {
    /// The config.
    pub config: Config,
    /// The layers, the lowest first.
    pub layers: Vec<Layer>,
    /// The names that the source gives the image, as `repository:tag` or a bare tag.
    pub names: Vec<String>,
    /// The annotations of its manifest.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// Where decompressed layers are kept.
    store: Store,
}

/// What a format found out about a layer before anything of it is read.
pub(crate) struct LayerSource {
    pub(crate) blob: Blob,
    pub(crate) digest: Option<Digest>,
}

impl Image {
    /// Opens the layers that a format found: undoes their compression and reads their entries.
    pub(crate) fn assemble(
        config: Config,
        sources: Vec<LayerSource>,
        names: Vec<String>,
        path: &Path,
        store: &Store,
        progress: &Progress,
    ) -> Result<Self> {
        let diff_ids = config
            .diff_ids()
            .expect("checked when the config was parsed");
        let layers = sources
            .into_par_iter()
            .zip(diff_ids)
            .map(|(source, diff_id)| {
                let place = format!("layer {diff_id} of {}", shown(path));
                open_layer(source, Some(diff_id), place, store, progress)
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            config,
            layers,
            names,
            annotations: Default::default(),
            store: store.clone(),
        })
    }

    /// An image of one layer that records no digest.
    pub(crate) fn unrecorded(
        config: Config,
        tar: Blob,
        path: &Path,
        store: &Store,
        progress: &Progress,
    ) -> Result<Self> {
        let layer = open_layer(
            LayerSource {
                blob: tar,
                digest: None,
            },
            None,
            shown(path),
            store,
            progress,
        )?;
        Ok(Self {
            config,
            layers: vec![layer],
            names: Vec::new(),
            annotations: Default::default(),
            store: store.clone(),
        })
    }

    /// The same image with the layers of another in place of its own, or with none.
    #[must_use]
    pub fn on(&self, base: Option<&Self>) -> Self {
        Self {
            config: self.config.on(base.map(|base| &base.config)),
            layers: base.map_or_else(Vec::new, |base| base.layers.clone()),
            ..self.clone()
        }
    }

    /// An image of one layer that was made here.
    pub(crate) fn of_layer(config: Config, layer: Layer, store: &Store) -> Self {
        Self {
            config,
            layers: vec![layer],
            names: Vec::new(),
            annotations: Default::default(),
            store: store.clone(),
        }
    }

    /// The same image with more layers on top, [plain](Layer::plain) ones whose places name what made them.
    ///
    /// # Errors
    /// A layer cannot be read.
    pub fn with_layers(&self, mut layers: Vec<Layer>, progress: &Progress) -> Result<Self> {
        layers.par_iter_mut().try_for_each(|layer| -> Result<()> {
            layer.diff_id = Some(codec::digest(&layer.tar, progress).in_layer(&layer.place)?);
            Ok(())
        })?;
        let mut new = self.clone();
        for layer in layers {
            let diff_id = layer.diff_id.expect("every layer was digested");
            new.config = new.config.with_layer(diff_id, &layer.place);
            new.layers.push(layer);
        }
        Ok(new)
    }

    /// Compares the content of every layer with its diff id.
    ///
    /// This reads every byte of the image and can run beside other work; nothing may be concluded
    /// or written before it succeeded.
    ///
    /// # Errors
    /// The first layer that differs or cannot be read.
    pub fn verify(&self, progress: &Progress) -> Result<()> {
        self.layers.par_iter().try_for_each(|layer| {
            verify_layer(
                &layer.tar,
                layer.diff_id,
                &layer.place,
                &self.store,
                progress,
            )
        })
    }

    /// Bytes of the uncompressed layers, all of which [`Image::verify`] reads.
    pub fn tar_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.tar.len()).sum()
    }
}

/// Compares the content of a layer with its diff id.
fn verify_layer(
    tar: &Blob,
    diff_id: Option<Digest>,
    place: &str,
    store: &Store,
    progress: &Progress,
) -> Result<()> {
    let Some(expected) = diff_id else {
        return Ok(());
    };
    let actual = codec::digest(tar, progress).in_layer(place)?;
    if actual == expected {
        return Ok(());
    }
    // It may be the cached copy that is wrong.
    store.forget_used();
    Err(Error::DigestMismatch {
        what: format!("the content of {place}"),
        expected,
        actual,
    })
}

fn open_layer(
    source: LayerSource,
    diff_id: Option<Digest>,
    place: String,
    store: &Store,
    progress: &Progress,
) -> Result<Layer> {
    let codec = Codec::detect(&source.blob).in_layer(&place)?;
    let (tar, map) = if codec == Codec::Plain {
        if let (Some(expected), Some(actual)) = (source.digest, diff_id)
            && expected != actual
        {
            let what = format!("the uncompressed {place}");
            return Err(Error::DigestMismatch {
                what,
                expected,
                actual,
            });
        }
        (source.blob.clone(), OnceLock::new())
    } else {
        let stored = store.decompressed(
            &source.blob,
            codec,
            source.digest,
            &format!("the blob of {place}"),
            progress,
        )?;
        (stored.plain, OnceLock::from(stored.map))
    };
    // Damage is named as such before anybody wonders about the headers that it makes.
    let entries = match read_entries(&tar, &place) {
        Ok(entries) => entries,
        Err(error) => {
            verify_layer(&tar, diff_id, &place, store, progress)?;
            return Err(error);
        }
    };
    Ok(Layer {
        diff_id,
        tar,
        entries,
        place: place.into(),
        stored: StoredLayer {
            blob: source.blob,
            codec,
            digest: source.digest,
        },
        partial: Default::default(),
        map,
    })
}
