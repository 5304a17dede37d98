//! The documents of docker archives and OCI layouts with arbitrary content.
//!
//! The input is text in parts between lines that hold only `%`: the config, a layer, and then
//! `manifest.json`; or with a fourth part, the OCI manifest and `index.json`. In what follows a part
//! `@config`, `@layer` and `@manifest` stand for its digest, so that a document which is wrong in
//! one place is not refused for the digest of another.

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use ounce_fuzz::{parts, read_tree};
use ounce_image::format::{self, Reference, Transport};
use ounce_image::{Fate, Platform, Progress, Store, Tree};
use ounce_testkit::digest;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = Reference {
        transport: Transport::DockerArchive,
        path: folder.path().join("in.tar"),
        tag: None,
    };
    fs::write(&input.path, archive(&parts(bytes))).expect("a temporary file");
    let (store, progress) = (Store::none(), Progress::default());
    let platform = Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: None,
    };
    let path = input.path.to_str().expect("a name without surprises");
    let _ = Reference::parse_existing(path, &store, &progress);
    for transport in [Transport::DockerArchive, Transport::OciArchive] {
        let input = Reference {
            transport,
            ..input.clone()
        };
        let Ok(image) = format::open(&input, &platform, &store, &progress) else {
            continue;
        };
        let verified = image.verify(&progress);
        let _ = image.config.run_time_texts();
        let _ = image.config.layer_steps(image.layers.len());
        if let Ok(tree) = Tree::build(&image.layers) {
            read_tree(&tree);
        }
        for transport in [Transport::DockerArchive, Transport::OciArchive] {
            let output = Reference {
                transport,
                path: folder.path().join("out.tar"),
                tag: None,
            };
            let fates = vec![Fate::Same; image.layers.len()];
            let written = format::write(&image, &fates, &output, &[], &progress, || Ok(()));
            if written.is_ok() && verified.is_ok() {
                format::open(&output, &image.config.platform(), &store, &progress)
                    .and_then(|copy| copy.verify(&progress))
                    .expect("what was written can be read");
            }
            let _ = fs::remove_file(&output.path);
        }
    }
});

/// The archive that the parts of the input describe.
fn archive(parts: &[&[u8]]) -> Vec<u8> {
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    let layer = part(1);
    let layer_digest = digest(layer);
    let config = replace(part(0), "@layer", &layer_digest);
    let config_digest = digest(&config);
    let third = replace(part(2), "@layer", &layer_digest);
    let third = replace(&third, "@config", &config_digest);
    if parts.len() < 4 {
        return ounce_testkit::archive(&[
            ("config.json", &config),
            ("layer.tar", layer),
            ("manifest.json", &third),
        ]);
    }
    let index = replace(part(3), "@manifest", &digest(&third));
    let blobs = [layer, &config[..], &third[..]]
        .map(|content| (format!("blobs/sha256/{}", &digest(content)[7..]), content));
    let mut files: Vec<(&str, &[u8])> = blobs
        .iter()
        .map(|(name, content)| (name.as_str(), *content))
        .collect();
    files.push(("index.json", &index));
    ounce_testkit::archive(&files)
}

fn replace(text: &[u8], mark: &str, value: &str) -> Vec<u8> {
    let mark = mark.as_bytes();
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(mark.len()).position(|bytes| bytes == mark) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(value.as_bytes());
        rest = &rest[at + mark.len()..];
    }
    out.extend_from_slice(rest);
    out
}
