//! `docker-archive:`, what `docker save` writes and `docker load` reads.
//!
//! Source: the Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format"
//! (<https://github.com/moby/docker-image-spec>). Reading takes `manifest.json` and whatever it
//! names, so the layouts of old and new versions of Docker, of Podman, skopeo, kaniko and Bazel
//! are all the same here. Writing uses skopeo's names: a layer is `DIFF-ID.tar`, the config
//! `DIGEST.json`.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use serde_json::{Value, json};

use super::archive::ArchiveWriter;
use super::files::Files;
use super::output::Job;
use super::{Written, inner_name};
use crate::codec;
use crate::config::Config;
use crate::digest::Digest;
use crate::error::{Error, IoContext as _, Result};
use crate::image::{Image, LayerSource};
use crate::progress::Progress;
use crate::store::Store;

/// Said when `docker load` will show the image by its id only.
const NAMELESS: &str =
    "the image has no name; give it one behind the path, as in docker-archive:PATH:NAME";

const MANIFEST: &str = "manifest.json";

pub(super) fn open(
    files: &Files,
    tag: Option<&str>,
    store: &Store,
    progress: &Progress,
) -> Result<Image> {
    let wrong = |reason: &str| files.wrong(MANIFEST, reason);
    let images = images(files)?;
    let image = choose(files, &images, tag)?;
    let config_name = image
        .get("Config")
        .and_then(Value::as_str)
        .ok_or_else(|| wrong("an image has no Config"))?;
    let config_bytes = files.document(config_name, "image config")?;
    check_name(files, config_name, &config_bytes)?;
    let config = Config::parse(config_bytes, files.path())?;
    let names = match image.get("Layers") {
        Some(Value::Array(list)) => list.as_slice(),
        None | Some(Value::Null) => &[],
        Some(_) => return Err(wrong("Layers is not a list")),
    };
    let diff_ids = config
        .diff_ids()
        .map_err(|reason| files.wrong("the image config", reason))?;
    if names.len() != diff_ids.len() {
        return Err(wrong(&format!(
            "it names {} layers, but the config has {}",
            names.len(),
            diff_ids.len()
        )));
    }
    let sources = names
        .iter()
        .map(|name| {
            let name = name
                .as_str()
                .ok_or_else(|| wrong("the name of a layer is not a text"))?;
            Ok(LayerSource {
                blob: files.require(name, "layer")?,
                digest: None,
            })
        })
        .collect::<Result<_>>()?;
    Image::assemble(config, sources, tags(image), files.path(), store, progress)
}

/// The names of the image that a tag chooses.
pub(super) fn names(files: &Files, tag: Option<&str>) -> Result<Vec<String>> {
    Ok(tags(choose(files, &images(files)?, tag)?))
}

fn images(files: &Files) -> Result<Vec<Value>> {
    let text = files.document(MANIFEST, "manifest")?;
    match serde_json::from_slice(&text) {
        Ok(Value::Array(images)) => Ok(images),
        Ok(_) => Err(files.wrong(MANIFEST, "it is not a list of images")),
        Err(error) => Err(files.wrong(MANIFEST, error.to_string())),
    }
}

fn tags(image: &Value) -> Vec<String> {
    let tags = image.get("RepoTags").and_then(Value::as_array);
    tags.map(|list| {
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    })
    .unwrap_or_default()
}

fn choose<'a>(files: &Files, images: &'a [Value], tag: Option<&str>) -> Result<&'a Value> {
    let path = || files.path().to_owned();
    let available = || images.iter().flat_map(tags).collect::<Vec<_>>().join(", ");
    match (images, tag) {
        ([], _) => Err(files.wrong(MANIFEST, "it lists no image")),
        ([only], None) => Ok(only),
        (several, None) => Err(Error::Ambiguous {
            path: path(),
            count: several.len(),
            available: available(),
        }),
        (images, Some(tag)) => images
            .iter()
            .find(|image| {
                tags(image).iter().any(|name| {
                    name == tag
                        || name
                            .strip_suffix(tag)
                            .is_some_and(|rest| rest.ends_with(':'))
                })
            })
            .ok_or_else(|| Error::Tag {
                path: path(),
                wanted: tag.to_owned(),
                available: available(),
            }),
    }
}

/// A config that is named after its digest must have it.
fn check_name(files: &Files, name: &str, bytes: &[u8]) -> Result<()> {
    let stem = inner_name(name)
        .map(|path| String::from_utf8_lossy(path.file_name()).into_owned())
        .unwrap_or_default();
    let actual = Digest::of(bytes);
    match Digest::from_hex(stem.trim_end_matches(".json")) {
        Ok(expected) if expected != actual => Err(Error::DigestMismatch {
            what: files.inside(format_args!("the image config {name}")),
            expected,
            actual,
        }),
        _ => Ok(()),
    }
}

pub(super) fn write(job: &Job<'_>, file: File, path: &Path) -> Result<Written> {
    let mut archive = ArchiveWriter::new(file);
    let mut layers = Vec::new();
    let mut written = BTreeSet::new();
    for (index, tar, _) in job.layers() {
        let streamed = archive.stream(|out| {
            let streamed = codec::copy(&tar, out, job.progress)?;
            // A layer that occurs twice is stored once.
            let name = written
                .insert(streamed.diff_id)
                .then(|| layer_name(streamed.diff_id));
            Ok((name, streamed))
        });
        layers.push((index, streamed.doing("writing", path)?));
    }
    let config = job.config(&layers);
    let bytes = config.to_bytes();
    let digest = Digest::of(&bytes);
    let config_name = format!("{}.json", digest.hex());
    let names: Vec<_> = layers
        .iter()
        .map(|(_, streamed)| layer_name(streamed.diff_id))
        .collect();
    let tags: Vec<String> = match job.tag {
        Some(tag) => vec![full_name(tag)],
        None => job
            .image
            .names
            .iter()
            .filter(|name| name.contains(':'))
            .cloned()
            .collect(),
    };
    let notes = match tags.is_empty() {
        true => vec![NAMELESS.to_owned()],
        false => Vec::new(),
    };
    let tags = if tags.is_empty() {
        Value::Null
    } else {
        json!(tags)
    };
    let manifest = json!([{ "Config": config_name, "RepoTags": tags, "Layers": names }]);
    archive.entry(&config_name, &bytes).doing("writing", path)?;
    archive
        .entry(MANIFEST, manifest.to_string().as_bytes())
        .doing("writing", path)?;
    archive.finish().doing("writing", path)?;
    Ok(Written {
        manifest: None,
        config: Some(digest),
        layers,
        notes,
    })
}

fn layer_name(diff_id: Digest) -> String {
    format!("{}.tar", diff_id.hex())
}

/// `docker load` takes only names with a tag.
fn full_name(tag: &str) -> String {
    let last = tag.rsplit('/').next().unwrap_or(tag);
    if last.contains(':') {
        tag.to_owned()
    } else {
        format!("{tag}:latest")
    }
}
