//! `oci:` and `oci-archive:`, the OCI image layout in a folder and in a tar archive.
//!
//! Source: OCI image specification v1.1, image-layout.md, image-index.md and manifest.md. Docker's
//! media types (distribution, "Image Manifest V 2, Schema 2") are read too.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::Written;
use super::archive::ArchiveWriter;
use super::files::{Files, blob_name};
use super::output::Job;
use crate::blob::Blob;
use crate::codec::{self, Codec, Streamed};
use crate::config::{Config, Platform};
use crate::digest::Digest;
use crate::error::{Error, IoContext as _, Result};
use crate::image::{Image, LayerSource};
use crate::layer::StoredLayer;
use crate::progress::Progress;
use crate::store::Store;

const INDEX: &str = "index.json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LAYER_PREFIXES: [&str; 4] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
];

/// The tag of an image in a layout (OCI image specification, annotations.md).
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The full name; containerd's and Docker's addition.
const FULL_NAME: &str = "io.containerd.image.name";

/// Indexes may hold indexes; nobody nests them deeper than this.
const MAX_NESTING: usize = 4;

pub(super) fn open(
    files: &Files,
    tag: Option<&str>,
    platform: &Platform,
    store: &Store,
    progress: &Progress,
) -> Result<Image> {
    let offered = offered(files)?;
    let chosen = choose_tag(files, &offered, tag)?;
    let names = names_of(&chosen);
    let (digest, manifest) = find_manifest(files, chosen, platform, 0)?;
    let wrong = |reason: &str| files.wrong(&format!("manifest {digest}"), reason);
    let config = manifest
        .get("config")
        .ok_or_else(|| wrong("it has no config"))?;
    let config = Descriptor::read(files, "manifest", config)?;
    if !config.media_type.is_empty() && !config.media_type.contains("image") {
        return Err(Error::MediaType {
            what: files.inside(format_args!("the config {}", config.digest)),
            media_type: config.media_type,
        });
    }
    let config = Config::parse(
        files.document_of(config.digest, "image config")?,
        files.path(),
    )?;
    let layers = manifest
        .get("layers")
        .and_then(Value::as_array)
        .ok_or_else(|| wrong("it has no list of layers"))?;
    let diff_ids = config.diff_ids().map_err(|reason| wrong(&reason))?;
    if layers.len() != diff_ids.len() {
        return Err(wrong(&format!(
            "it names {} layers, but the config has {}",
            layers.len(),
            diff_ids.len()
        )));
    }
    let sources = layers
        .iter()
        .map(|layer| layer_source(files, layer))
        .collect::<Result<_>>()?;
    let mut image = Image::assemble(config, sources, names, files.path(), store, progress)?;
    image.annotations = annotations(&manifest);
    Ok(image)
}

/// The names of the image that a tag chooses.
pub(super) fn names(files: &Files, tag: Option<&str>) -> Result<Vec<String>> {
    Ok(names_of(&choose_tag(files, &offered(files)?, tag)?))
}

fn names_of(chosen: &[&Descriptor]) -> Vec<String> {
    chosen
        .first()
        .map(|chosen| chosen.names())
        .unwrap_or_default()
}

/// The images that the layout's index offers.
fn offered(files: &Files) -> Result<Vec<Descriptor>> {
    let index = object(files, INDEX, files.document(INDEX, "image index")?)?;
    descriptors(files, INDEX, &index)
}

fn layer_source(files: &Files, layer: &Value) -> Result<LayerSource> {
    let layer = Descriptor::read(files, "manifest", layer)?;
    if !is_layer(&layer.media_type) {
        return Err(Error::MediaType {
            what: files.inside(format_args!("layer {}", layer.digest)),
            media_type: layer.media_type,
        });
    }
    let blob = files.require(&blob_name(layer.digest), "layer")?;
    match layer.size {
        Some(expected) if expected != blob.len() => Err(Error::SizeMismatch {
            what: files.inside(format_args!("layer {}", layer.digest)),
            expected,
            actual: blob.len(),
        }),
        _ => Ok(LayerSource {
            blob,
            digest: Some(layer.digest),
        }),
    }
}

/// Whether a media type is a layer's in a compression that can be undone; what is encrypted or
/// packed otherwise would only fail later and less clearly.
fn is_layer(media_type: &str) -> bool {
    LAYER_PREFIXES
        .iter()
        .filter_map(|known| media_type.strip_prefix(known))
        .any(|rest| matches!(rest, "" | "+gzip" | "+zstd" | ".gzip" | ".zstd"))
}

struct Descriptor {
    media_type: String,
    digest: Digest,
    size: Option<u64>,
    platform: Option<Platform>,
    annotations: BTreeMap<String, String>,
}

impl Descriptor {
    fn read(files: &Files, what: &str, value: &Value) -> Result<Self> {
        let text = |value: &Value, key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let digest = text(value, "digest")
            .parse()
            .map_err(|source| Error::Digest {
                what: files.inside(what),
                source,
            })?;
        let platform = value.get("platform").map(|platform| Platform {
            os: text(platform, "os"),
            architecture: text(platform, "architecture"),
            variant: Some(text(platform, "variant")).filter(|v| !v.is_empty()),
        });
        let (media_type, size) = (
            text(value, "mediaType"),
            value.get("size").and_then(Value::as_u64),
        );
        let annotations = value.as_object().map(annotations).unwrap_or_default();
        Ok(Self {
            media_type,
            digest,
            size,
            platform,
            annotations,
        })
    }

    fn names(&self) -> Vec<String> {
        let name = self
            .annotations
            .get(FULL_NAME)
            .or_else(|| self.annotations.get(REF_NAME));
        name.cloned().into_iter().collect()
    }

    /// Attestations of BuildKit stand in the index as images of no platform.
    fn is_image(&self) -> bool {
        self.platform
            .as_ref()
            .is_none_or(|platform| platform.os != "unknown")
    }
}

fn annotations(of: &Map<String, Value>) -> BTreeMap<String, String> {
    let map = of.get("annotations").and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn object(files: &Files, what: &str, bytes: Vec<u8>) -> Result<Map<String, Value>> {
    serde_json::from_slice(&bytes).map_err(|e| files.wrong(what, e.to_string()))
}

fn descriptors(files: &Files, what: &str, index: &Map<String, Value>) -> Result<Vec<Descriptor>> {
    let list = index.get("manifests").and_then(Value::as_array);
    let list = list.ok_or_else(|| files.wrong(what, "it has no list of manifests"))?;
    list.iter()
        .map(|value| Descriptor::read(files, what, value))
        .collect()
}

/// The descriptors that a tag names; without a tag all of them, if they are one image's.
fn choose_tag<'a>(
    files: &Files,
    all: &'a [Descriptor],
    tag: Option<&str>,
) -> Result<Vec<&'a Descriptor>> {
    let available = || {
        all.iter()
            .flat_map(Descriptor::names)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let path = || files.path().to_owned();
    let is_called = |descriptor: &&Descriptor, tag: &str| {
        [REF_NAME, FULL_NAME].iter().any(|key| {
            descriptor
                .annotations
                .get(*key)
                .is_some_and(|name| name == tag)
        })
    };
    if let Some(tag) = tag {
        let named: Vec<_> = all
            .iter()
            .filter(|descriptor| is_called(descriptor, tag))
            .collect();
        return match named.is_empty() {
            true => Err(Error::Tag {
                path: path(),
                wanted: tag.to_owned(),
                available: available(),
            }),
            false => Ok(named),
        };
    }
    let names: std::collections::BTreeSet<_> = all
        .iter()
        .filter(|d| d.is_image())
        .flat_map(Descriptor::names)
        .collect();
    match (all, names.len()) {
        ([], _) => Err(files.wrong(INDEX, "it lists no image")),
        (_, 0 | 1) => Ok(all.iter().collect()),
        (_, count) => Err(Error::Ambiguous {
            path: path(),
            count,
            available: available(),
        }),
    }
}

/// Descends through indexes to the one manifest for the platform.
fn find_manifest(
    files: &Files,
    candidates: Vec<&Descriptor>,
    platform: &Platform,
    depth: usize,
) -> Result<(Digest, Map<String, Value>)> {
    let images: Vec<_> = candidates
        .into_iter()
        .filter(|descriptor| descriptor.is_image())
        .collect();
    let fits = |descriptor: &&&Descriptor| {
        descriptor
            .platform
            .as_ref()
            .is_none_or(|offered| matches_platform(offered, platform))
    };
    let Some(descriptor) = images.iter().find(fits) else {
        let available: Vec<_> = images
            .iter()
            .filter_map(|d| d.platform.as_ref())
            .map(Platform::to_string)
            .collect();
        return Err(Error::Platform {
            path: files.path().to_owned(),
            wanted: platform.to_string(),
            available: available.join(", "),
        });
    };
    let what = format!("manifest {}", descriptor.digest);
    let document = object(files, &what, files.document_of(descriptor.digest, &what)?)?;
    let media_type = document
        .get("mediaType")
        .and_then(Value::as_str)
        .unwrap_or(&descriptor.media_type);
    match media_type {
        OCI_INDEX | DOCKER_LIST if depth < MAX_NESTING => {
            let below = descriptors(files, &what, &document)?;
            find_manifest(files, below.iter().collect(), platform, depth + 1)
        }
        OCI_MANIFEST | DOCKER_MANIFEST => Ok((descriptor.digest, document)),
        other => Err(Error::MediaType {
            what: files.inside(what),
            media_type: other.to_owned(),
        }),
    }
}

fn matches_platform(offered: &Platform, wanted: &Platform) -> bool {
    let variant_fits = wanted.variant.is_none() || offered.variant == wanted.variant;
    offered.os == wanted.os && offered.architecture == wanted.architecture && variant_fits
}

/// Where the writer puts blobs.
trait Sink {
    /// Stores a blob under the digest that `fill` returns.
    fn blob(
        &mut self,
        fill: &mut dyn FnMut(&mut (dyn io::Write + Send)) -> io::Result<Streamed>,
    ) -> io::Result<Streamed>;
    /// Stores a small file.
    fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()>;
}

struct Folder<'a>(&'a Path);

impl Sink for Folder<'_> {
    fn blob(
        &mut self,
        fill: &mut dyn FnMut(&mut (dyn io::Write + Send)) -> io::Result<Streamed>,
    ) -> io::Result<Streamed> {
        let part = self.0.join("blobs/sha256/part");
        let streamed = fill(&mut File::create(&part)?)?;
        fs::rename(part, self.0.join(blob_name(streamed.digest)))?;
        Ok(streamed)
    }

    fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        fs::write(self.0.join(name), content)
    }
}

struct Archive {
    writer: ArchiveWriter,
    written: std::collections::BTreeSet<Digest>,
}

impl Sink for Archive {
    fn blob(
        &mut self,
        fill: &mut dyn FnMut(&mut (dyn io::Write + Send)) -> io::Result<Streamed>,
    ) -> io::Result<Streamed> {
        let written = &mut self.written;
        self.writer.stream(|out| {
            let streamed = fill(out)?;
            Ok((
                written
                    .insert(streamed.digest)
                    .then(|| blob_name(streamed.digest)),
                streamed,
            ))
        })
    }

    fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.writer.entry(name, content)
    }
}

pub(super) fn write_folder(job: &Job<'_>, folder: &Path) -> Result<Written> {
    fs::create_dir_all(folder.join("blobs/sha256")).doing("writing", folder)?;
    let written = write(job, &mut Folder(folder), folder)?;
    // The mode that the process' mask gives to any new folder.
    let mode = fs::metadata(folder.join("blobs")).map(|metadata| metadata.permissions());
    mode.and_then(|mode| fs::set_permissions(folder, mode))
        .doing("writing", folder)?;
    Ok(written)
}

pub(super) fn write_archive(job: &Job<'_>, file: File, path: &Path) -> Result<Written> {
    let mut archive = Archive {
        writer: ArchiveWriter::new(file),
        written: Default::default(),
    };
    let written = write(job, &mut archive, path)?;
    archive.writer.finish().doing("writing", path)?;
    Ok(written)
}

fn write(job: &Job<'_>, sink: &mut dyn Sink, path: &Path) -> Result<Written> {
    let (mut layers, mut descriptors) = (Vec::new(), Vec::new());
    for (index, tar, stored) in job.layers() {
        let (codec, blob) = match stored {
            // A blob with a digest of its own is shared under that digest, even a plain one.
            Some(stored) if stored.codec != Codec::Plain || stored.digest.is_some() => {
                (stored.codec, Some(stored))
            }
            _ if job.image.layers[index].stored.codec == Codec::Zstd => (Codec::Zstd, None),
            _ => (Codec::Gzip, None),
        };
        let mut streamed = sink
            .blob(&mut |out| match blob {
                Some(stored) => copy_stored(job, index, stored, out),
                None => codec::compress(&tar, codec, out, job.progress),
            })
            .doing("writing", path)?;
        if let (Some(_), Some(diff_id)) = (blob, job.image.layers[index].diff_id) {
            streamed.diff_id = diff_id;
        }
        descriptors.push(descriptor(
            layer_type(codec),
            &streamed.digest,
            streamed.size,
        ));
        layers.push((index, streamed));
    }
    let config = job.config(&layers).to_bytes();
    let config_digest = put(sink, &config).doing("writing", path)?;
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, &config_digest, config.len() as u64),
        "layers": descriptors,
    });
    let mut annotations: BTreeMap<_, _> = job.image.annotations.clone();
    annotations.extend(
        job.annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone())),
    );
    if !annotations.is_empty() {
        manifest["annotations"] = json!(annotations);
    }
    let manifest = manifest.to_string().into_bytes();
    let digest = put(sink, &manifest).doing("writing", path)?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [named(job, descriptor(OCI_MANIFEST, &digest, manifest.len() as u64))],
    });
    sink.file(INDEX, index.to_string().as_bytes())
        .doing("writing", path)?;
    sink.file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)
        .doing("writing", path)?;
    Ok(Written {
        manifest: Some(digest),
        config: Some(config_digest),
        layers,
        notes: Vec::new(),
    })
}

fn copy_stored(
    job: &Job<'_>,
    index: usize,
    stored: &StoredLayer,
    out: &mut (dyn io::Write + Send),
) -> io::Result<Streamed> {
    let copied = codec::copy(&stored.blob, out, job.progress)?;
    Ok(Streamed {
        len: job.image.layers[index].tar.len(),
        ..copied
    })
}

fn put(sink: &mut dyn Sink, content: &[u8]) -> io::Result<Digest> {
    let blob = Blob::from_bytes(content.to_vec());
    let streamed = sink.blob(&mut |out| codec::copy(&blob, out, &Progress::default()))?;
    Ok(streamed.digest)
}

fn layer_type(codec: Codec) -> &'static str {
    match codec {
        Codec::Plain => "application/vnd.oci.image.layer.v1.tar",
        Codec::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
        Codec::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
    }
}

fn descriptor(media_type: &str, digest: &Digest, size: u64) -> Value {
    json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size })
}

/// Adds the image's name to the descriptor of its manifest.
fn named(job: &Job<'_>, mut descriptor: Value) -> Value {
    let platform = job.image.config.platform();
    // A config that names no processor (an old docker import) fits every platform.
    if platform.architecture != Platform::UNKNOWN {
        descriptor["platform"] =
            json!({ "architecture": platform.architecture, "os": platform.os });
        if let Some(variant) = platform.variant {
            descriptor["platform"]["variant"] = json!(variant);
        }
    }
    let name = job
        .tag
        .map(str::to_owned)
        .or_else(|| job.image.names.first().cloned());
    if let Some(name) = name {
        // Podman takes the name from the first, Docker and containerd from the second.
        let is_full = name
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'));
        descriptor["annotations"] = json!({ REF_NAME: name });
        if is_full {
            descriptor["annotations"][FULL_NAME] = json!(name);
        }
    }
    descriptor
}
