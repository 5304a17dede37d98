//! Images written as text, for tests.
//!
//! ```text
//! [RUN apt-get install tool]
//! usr/share/doc/               a folder
//! usr/bin/tool (0755) = #!/bin/sh\necho hi\n
//! usr/bin/t -> tool            a symbolic link
//! usr/bin/t2 == usr/bin/tool   a hard link
//! var/big *4096                a file of so many bytes that do not compress
//! var/hole ^9999 4096:text     a sparse file of 9999 bytes: holes but for the text at 4096
//! dev/null (char.1.3 0666)     a device; `block.8.0` and `fifo` likewise
//! [RUN rm -rf /var]
//! .wh.var                      a whiteout is a file of that name
//! ```
//!
//! A bracket begins a layer and gives its history. Attributes stand in parentheses behind the name:
//! `0644`, `uid:gid`, `xattr.NAME=VALUE`, and `gnu` for GNU's headers (long names, type S) instead of PAX. In content `\n`, `\t`, `\\` and `\xNN` are understood. Comments begin with `#`
//! at the start of a line.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar_core::builder::EntryBuilder;
use tar_core::{EntryType, SparseEntry};

/// An image as bytes.
#[derive(Debug, Clone)]
pub struct TestImage {
    /// The config.
    pub config: Value,
    /// The uncompressed layers, the lowest first.
    pub layers: Vec<Vec<u8>>,
}

/// How [`TestImage::oci`] stores layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Uncompressed.
    Plain,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// Reads an image from text; see the crate's documentation.
///
/// # Panics
/// On text that it does not understand: a fault of the test.
pub fn image(text: &str) -> TestImage {
    let (mut layers, mut history) = (Vec::new(), Vec::new());
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(step) => {
                history.push(json!({ "created_by": step }));
                layers.push(Vec::new());
            }
            None => layers
                .last_mut()
                .expect("an image begins with a [layer]")
                .extend(entry(line)),
        }
    }
    for layer in &mut layers {
        layer.extend([0; 1024]);
    }
    let config =
        json!({ "architecture": "amd64", "os": "linux", "config": {}, "history": history });
    TestImage { config, layers }.with_diff_ids()
}

/// The headers and content of one entry, from a line of text.
///
/// # Panics
/// As [`image`].
pub fn entry(line: &str) -> Vec<u8> {
    let (head, kind, tail) = [" == ", " -> ", " = ", " *", " ^"]
        .iter()
        .filter_map(|mark| line.find(mark).map(|at| (at, *mark)))
        .min()
        .map_or((line, "", ""), |(at, mark)| {
            (&line[..at], mark, &line[at + mark.len()..])
        });
    let (name, attributes) = head.split_once(" (").map_or((head, ""), |(name, rest)| {
        (name, rest.trim_end().trim_end_matches(')'))
    });
    let name = unescape(name.trim());
    let mut builder = match attributes.split_whitespace().any(|word| word == "gnu") {
        true => EntryBuilder::new_gnu(),
        false => EntryBuilder::new_ustar(),
    };
    builder.path(&name);
    let mut content = Vec::new();
    let (kind, mode) = match kind {
        " == " => {
            builder.link_name(unescape(tail.trim()));
            (EntryType::Link, 0o644)
        }
        " -> " => {
            builder.link_name(unescape(tail.trim()));
            (EntryType::Symlink, 0o777)
        }
        " = " => {
            content = unescape(tail);
            (EntryType::Regular, 0o644)
        }
        " *" => {
            content = noise(tail.trim().parse().expect("a size follows *"), &name);
            (EntryType::Regular, 0o644)
        }
        " ^" => {
            let (size, data) = tail.split_once(' ').expect("SIZE OFFSET:TEXT follows ^");
            let (offset, text) = data.split_once(':').expect("SIZE OFFSET:TEXT follows ^");
            content = unescape(text);
            let offset = offset.parse().expect("an offset is a number");
            let length = content.len() as u64;
            let size = size.parse().expect("a size is a number");
            builder.sparse(&[SparseEntry { offset, length }], size);
            (EntryType::Regular, 0o644)
        }
        _ if name.ends_with(b"/") => (EntryType::Directory, 0o755),
        _ => (EntryType::Regular, 0o644),
    };
    builder.entry_type(kind);
    builder.mode(mode).expect("a mode fits");
    builder.size(content.len() as u64).expect("a size fits");
    builder.mtime(1_700_000_000).expect("a time fits");
    for attribute in attributes.split_whitespace() {
        if let Some(xattr) = attribute.strip_prefix("xattr.") {
            let (key, value) = xattr.split_once('=').expect("xattr.NAME=VALUE");
            builder.add_pax(&format!("SCHILY.xattr.{key}"), unescape(value));
        } else if let Some((uid, gid)) = attribute.split_once(':') {
            builder
                .uid(uid.parse().expect("a number"))
                .expect("a uid fits");
            builder
                .gid(gid.parse().expect("a number"))
                .expect("a gid fits");
        } else if let Some(numbers) = attribute.strip_prefix("char.") {
            device(&mut builder, EntryType::Char, numbers);
        } else if let Some(numbers) = attribute.strip_prefix("block.") {
            device(&mut builder, EntryType::Block, numbers);
        } else if attribute == "fifo" {
            builder.entry_type(EntryType::Fifo);
        } else if attribute != "gnu" {
            builder
                .mode(u32::from_str_radix(attribute, 8).expect("an octal mode"))
                .expect("a mode fits");
        }
    }
    let mut out = builder.finish_bytes();
    out.extend_from_slice(&content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn device(builder: &mut EntryBuilder, kind: EntryType, numbers: &str) {
    let (major, minor) = numbers.split_once('.').expect("char.MAJOR.MINOR");
    let number = |text: &str| text.parse().expect("a device number");
    builder
        .entry_type(kind)
        .device(number(major), number(minor))
        .expect("device numbers fit");
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&code, tail) = rest.split_first().expect("something follows a backslash");
        rest = tail;
        match code {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'x' => {
                let digits =
                    std::str::from_utf8(&rest[..2]).expect("two hexadecimal digits follow \\x");
                out.push(
                    u8::from_str_radix(digits, 16).expect("two hexadecimal digits follow \\x"),
                );
                rest = &rest[2..];
            }
            other => out.push(other),
        }
    }
    out
}

/// Bytes that do not compress, the same for the same name.
fn noise(len: usize, name: &[u8]) -> Vec<u8> {
    let mut seed = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let next = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// `sha256:` and the digest of bytes.
pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// A tar archive of named files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        let mut builder = EntryBuilder::new_gnu();
        builder.path(name).entry_type(EntryType::Regular);
        builder.mode(0o644).expect("a mode fits");
        builder.size(content.len() as u64).expect("a size fits");
        out.extend(builder.finish_bytes());
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.extend([0; 1024]);
    out
}

/// gzip, as most layers are stored.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let len = compressor
        .gzip_compress(bytes, &mut out)
        .expect("the bound is enough");
    out.truncate(len);
    out
}

/// What [`gzip`] compressed, or `gzip` itself did.
///
/// # Panics
/// On anything else.
pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    // The last four bytes are the size (RFC 1952, section 2.3.1).
    let size = bytes.last_chunk().expect("a gzip member");
    let mut out = vec![0; u32::from_le_bytes(*size) as usize];
    libdeflater::Decompressor::new()
        .gzip_decompress(bytes, &mut out)
        .expect("a gzip member");
    out
}

/// zstd, as newer builders store layers.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).expect("memory suffices")
}

impl TestImage {
    /// Sets the run-time part of the config.
    pub fn with_config(mut self, config: Value) -> Self {
        self.config["config"] = config;
        self
    }

    /// Sets the diff ids to those of the layers.
    pub fn with_diff_ids(mut self) -> Self {
        let ids: Vec<_> = self.layers.iter().map(|layer| digest(layer)).collect();
        self.config["rootfs"] = json!({ "type": "layers", "diff_ids": ids });
        self
    }

    /// What `docker save` would write, tagged `test:latest`.
    pub fn docker_archive(&self) -> Vec<u8> {
        let config = self.config.to_string();
        let names: Vec<_> = (0..self.layers.len())
            .map(|index| format!("{index}/layer.tar"))
            .collect();
        let manifest =
            json!([{ "Config": "config.json", "RepoTags": ["test:latest"], "Layers": names }])
                .to_string();
        let mut files: Vec<(&str, &[u8])> = names
            .iter()
            .map(String::as_str)
            .zip(self.layers.iter().map(Vec::as_slice))
            .collect();
        files.push(("config.json", config.as_bytes()));
        files.push(("manifest.json", manifest.as_bytes()));
        archive(&files)
    }

    /// The files of an OCI layout, tagged `latest`.
    pub fn oci(&self, packing: Packing) -> Vec<(String, Vec<u8>)> {
        let blob = |layer: &Vec<u8>| match packing {
            Packing::Plain => ("application/vnd.oci.image.layer.v1.tar", layer.clone()),
            Packing::Gzip => ("application/vnd.oci.image.layer.v1.tar+gzip", gzip(layer)),
            Packing::Zstd => ("application/vnd.oci.image.layer.v1.tar+zstd", zstd(layer)),
        };
        self.oci_of(self.layers.iter().map(blob).collect())
    }

    /// As [`TestImage::oci`], with blobs that may be anything, each behind its media type.
    pub fn oci_of(&self, blobs: Vec<(&str, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut put = |media_type: &str, bytes: Vec<u8>| {
            let digest = digest(&bytes);
            let descriptor =
                json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
            files.push((format!("blobs/sha256/{}", &digest[7..]), bytes));
            descriptor
        };
        let layers: Vec<_> = blobs
            .into_iter()
            .map(|(media_type, bytes)| put(media_type, bytes))
            .collect();
        let config = put(
            "application/vnd.oci.image.config.v1+json",
            self.config.to_string().into_bytes(),
        );
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
        let mut descriptor = put(media_type, manifest.to_string().into_bytes());
        descriptor["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
        let index = json!({ "schemaVersion": 2, "manifests": [descriptor] });
        files.push(("index.json".into(), index.to_string().into_bytes()));
        files.push((
            "oci-layout".into(),
            br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
        ));
        files
    }

    /// An OCI layout in an archive.
    pub fn oci_archive(&self, packing: Packing) -> Vec<u8> {
        pack(&self.oci(packing))
    }
}

/// A tar archive of the files of a layout.
pub fn pack(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let files: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    archive(&files)
}
