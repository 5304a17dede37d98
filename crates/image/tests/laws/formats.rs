//! Every format reads back what it wrote, and reads what others write.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use ounce_image::{Codec, EntryKind, Fate, Tree};
use ounce_testkit::{Packing, TestImage, archive, digest, gzip, zstd};
use proptest::prelude::*;
use serde_json::json;

use crate::contents::{Place, contents, open, write, write_files};
use crate::random;

/// A packing, and the codec that a reader should find.
const PACKINGS: [(Packing, Codec); 3] = [
    (Packing::Plain, Codec::Plain),
    (Packing::Gzip, Codec::Gzip),
    (Packing::Zstd, Codec::Zstd),
];

fn sample() -> TestImage {
    ounce_testkit::image("[ADD a]\nusr/bin/tool (0755 1000:1000 xattr.user.a=b) = tool\nusr/bin/t == usr/bin/tool\n[RUN b]\nusr/lib/x *30000")
        .with_config(json!({ "Env": ["PATH=/usr/bin"], "Cmd": ["tool"] }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back_the_same(text in random::text()) {
        let image = ounce_testkit::image(&text);
        for (packing, _) in PACKINGS {
            let place = Place::new();
            let old = place.open_folder(&image.oci(packing));
            let seen = contents(&Tree::build(&old.layers).unwrap());
            let same: Vec<_> = old.layers.iter().map(|_| Fate::Same).collect();
            for transport in ["docker-archive", "oci", "oci-archive"] {
                let to = place.reference(transport, transport);
                write(&old, &same, &to);
                let new = open(&to);
                prop_assert_eq!(&contents(&Tree::build(&new.layers).unwrap()), &seen);
                prop_assert_eq!(new.config.to_bytes(), old.config.to_bytes());
                let diff_ids = |image: &ounce_image::Image| {
                    image.layers.iter().map(|layer| layer.diff_id).collect::<Vec<_>>()
                };
                prop_assert_eq!(diff_ids(&new), diff_ids(&old));
            }
        }
    }

    #[test]
    fn a_root_folder_holds_the_merged_view(text in random::text()) {
        let image = ounce_testkit::image(&text);
        let place = Place::new();
        let old = place.open_file("docker-archive", &image.docker_archive());
        let same: Vec<_> = old.layers.iter().map(|_| Fate::Same).collect();
        let to = place.reference("rootfs", "root");
        write(&old, &same, &to);
        let new = open(&to);
        let sight = |image: &ounce_image::Image| {
            let mut seen = contents(&Tree::build(&image.layers).unwrap());
            for seen in seen.values_mut() {
                // Only root gives files away; a folder that nobody listed has the time of its making.
                let is_root = rustix::process::geteuid().is_root();
                seen.attributes = seen.attributes.map(|(mode, uid, gid, secs, nanos)| match is_root {
                    true => (mode, uid, gid, secs, nanos),
                    false => (mode, 0, 0, secs, nanos),
                });
            }
            seen
        };
        let (old, new) = (sight(&old), sight(&new));
        prop_assert_eq!(old.keys().collect::<Vec<_>>(), new.keys().collect::<Vec<_>>());
        for (path, before) in old {
            if before.attributes.is_some() {
                prop_assert_eq!(&before, &new[&path], "{}", path);
            }
        }
    }
}

#[test]
fn compressed_archives_are_read_like_plain_ones() {
    let place = Place::new();
    let plain = sample().docker_archive();
    let seen = |bytes: &[u8]| {
        contents(&Tree::build(&place.open_file("docker-archive", bytes).layers).unwrap())
    };
    assert_eq!(seen(&gzip(&plain)), seen(&plain));
    assert_eq!(seen(&zstd(&plain)), seen(&plain));
}

#[test]
fn the_codec_of_a_layer_is_recognised_and_kept() {
    for (packing, codec) in PACKINGS {
        let place = Place::new();
        let image = place.open_folder(&sample().oci(packing));
        assert!(image.layers.iter().all(|layer| layer.stored.codec == codec));
        let to = place.reference("oci-archive", "out.tar");
        write(&image, &[Fate::Gone, Fate::Same], &to);
        assert_eq!(open(&to).layers[0].stored.codec, codec);
    }
}

#[test]
fn a_changed_layer_is_compressed_as_the_source_compresses() {
    for (packing, codec) in [
        (Packing::Plain, Codec::Gzip),
        (Packing::Gzip, Codec::Gzip),
        (Packing::Zstd, Codec::Zstd),
    ] {
        let place = Place::new();
        let image = place.open_folder(&sample().oci(packing));
        let changed = Fate::Changed(image.layers[1].tar.clone());
        let to = place.reference("oci", "out");
        write(&image, &[Fate::Same, changed], &to);
        assert_eq!(open(&to).layers[1].stored.codec, codec);
    }
}

/// What docker up to version 24 writes: a folder for each layer, and a link where one occurs twice.
#[test]
fn an_old_archive_with_linked_layers_is_read() {
    let mut image = sample();
    image.layers.push(image.layers[0].clone());
    let image = image.with_diff_ids();
    let config = image.config.to_string();
    let config_name = format!("{}.json", digest(config.as_bytes()).replace("sha256:", ""));
    let manifest = json!([{ "Config": config_name, "RepoTags": ["old:1"], "Layers": ["aa/layer.tar", "bb/layer.tar", "cc/layer.tar"] }]);
    let mut tar = Vec::new();
    for line in [
        "aa/",
        "aa/VERSION = 1.0",
        "aa/json = {}",
        "cc/",
        "cc/layer.tar -> ../aa/layer.tar",
    ] {
        tar.extend(ounce_testkit::entry(line));
    }
    tar.extend(archive(&[
        ("aa/layer.tar", &image.layers[0]),
        ("bb/layer.tar", &image.layers[1]),
        (&config_name, config.as_bytes()),
        ("manifest.json", manifest.to_string().as_bytes()),
        ("repositories", br#"{"old":{"1":"cc"}}"#),
    ]));
    let place = Place::new();
    let opened = place.open_file("docker-archive", &tar);
    assert_eq!(opened.names, ["old:1"]);
    assert_eq!(opened.layers.len(), 3);
    assert_eq!(opened.layers[2].tar.len(), image.layers[0].len() as u64);
    // Written again, the layer that occurs twice is stored once.
    let to = place.reference("docker-archive", "new.tar");
    write(&opened, &[Fate::Same, Fate::Same, Fate::Same], &to);
    assert!(fs::metadata(place.path("new.tar")).unwrap().len() < tar.len() as u64);
    assert_eq!(open(&to).layers.len(), 3);
}

/// What docker since version 25 writes: an OCI layout that has a manifest.json too.
#[test]
fn a_new_archive_is_both_a_layout_and_a_docker_archive() {
    let image = sample();
    let mut files = image.oci(Packing::Plain);
    let blobs: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
    let manifest =
        json!([{ "Config": blobs[2], "RepoTags": ["new:1"], "Layers": [blobs[0], blobs[1]] }]);
    files.push(("manifest.json".into(), manifest.to_string().into_bytes()));
    let tar = ounce_testkit::pack(&files);
    let place = Place::new();
    let seen =
        |transport| contents(&Tree::build(&place.open_file(transport, &tar).layers).unwrap());
    assert_eq!(seen("docker-archive"), seen("oci-archive"));
}

#[test]
fn a_layout_may_be_reached_through_indexes() {
    let mut files = sample().oci(Packing::Gzip);
    let index = files
        .iter()
        .position(|(name, _)| name == "index.json")
        .unwrap();
    let bytes = files[index].1.clone();
    let name = digest(&bytes);
    files.push((name.replace("sha256:", "blobs/sha256/"), bytes));
    let media_type = "application/vnd.oci.image.index.v1+json";
    let attestation = json!({ "mediaType": media_type, "digest": digest(b"none"), "platform": { "os": "unknown", "architecture": "unknown" } });
    let outer = json!({ "manifests": [attestation, { "mediaType": media_type, "digest": name }] });
    files[index].1 = outer.to_string().into_bytes();
    assert_eq!(Place::new().open_folder(&files).layers.len(), 2);
}

#[test]
fn an_index_that_leads_to_itself_forever_is_refused() {
    // No digest can be its own; a chain is as deep as somebody makes it.
    let media_type = "application/vnd.oci.image.index.v1+json";
    let mut files = vec![("oci-layout".to_owned(), b"{}".to_vec())];
    let mut index = json!({ "manifests": [] }).to_string();
    for _ in 0..9 {
        let name = digest(index.as_bytes());
        files.push((name.replace("sha256:", "blobs/sha256/"), index.into_bytes()));
        index = json!({ "manifests": [{ "mediaType": media_type, "digest": name }] }).to_string();
    }
    files.push(("index.json".into(), index.into_bytes()));
    let place = Place::new();
    write_files(&place.path("deep"), &files);
    let outcome =
        crate::contents::try_open(&place.reference("oci", "deep"), &ounce_image::Store::none());
    assert!(
        matches!(outcome, Err(ounce_image::Error::MediaType { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_root_folder_is_read_with_all_that_stands_in_it() {
    let place = Place::new();
    let root = place.path("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/motd"), "hello").unwrap();
    fs::hard_link(root.join("etc/motd"), root.join("issue")).unwrap();
    symlink("/etc/motd", root.join("link")).unwrap();
    fs::set_permissions(root.join("etc"), fs::Permissions::from_mode(0o1750)).unwrap();
    let file = fs::File::create(root.join("hole")).unwrap();
    file.set_len(1 << 20).unwrap();
    let image = open(&place.reference("rootfs", "root"));
    let seen = contents(&Tree::build(&image.layers).unwrap());
    assert_eq!(seen["/issue"].first_name, seen["/etc/motd"].first_name);
    assert_eq!(seen["/etc/motd"].content, b"hello");
    assert_eq!(
        seen["/link"].kind,
        EntryKind::Symlink(b"/etc/motd"[..].into())
    );
    assert_eq!(seen["/hole"].content.len(), 1 << 20);
    let etc = fs::metadata(root.join("etc")).unwrap();
    assert_eq!(
        seen["/etc"].attributes.unwrap(),
        (
            0o1750,
            etc.uid().into(),
            etc.gid().into(),
            etc.mtime(),
            etc.mtime_nsec() as u32
        )
    );
}

#[test]
fn holes_stay_holes_in_a_root_folder() {
    let place = Place::new();
    let text = "[A]\nhole ^50000000 40000000:data\nold (gnu) ^50000000 40000000:data";
    let image = place.open_file(
        "docker-archive",
        &ounce_testkit::image(text).docker_archive(),
    );
    write(&image, &[Fate::Same], &place.reference("rootfs", "root"));
    for name in ["root/hole", "root/old"] {
        let metadata = fs::metadata(place.path(name)).unwrap();
        assert_eq!(metadata.len(), 50_000_000);
        assert!(metadata.blocks() * 512 < 1_000_000, "{}", metadata.blocks());
        let bytes = fs::read(place.path(name)).unwrap();
        assert_eq!(&bytes[40_000_000..40_000_004], b"data");
        assert!(bytes[..40_000_000].iter().all(|b| *b == 0));
    }
}

#[test]
fn large_numbers_of_owners_and_times_survive() {
    let place = Place::new();
    let text = "[A]\nbig (4000000000:3000000000) = x\nnew (gnu 4000000000:5) = x";
    let image = place.open_file(
        "docker-archive",
        &ounce_testkit::image(text).docker_archive(),
    );
    let owners: Vec<_> = image.layers[0]
        .entries
        .iter()
        .map(|e| (e.uid, e.gid))
        .collect();
    assert_eq!(owners, [(4_000_000_000, 3_000_000_000), (4_000_000_000, 5)]);
}

#[test]
fn an_output_is_made_once() {
    let place = Place::new();
    let image = place.open_file("docker-archive", &sample().docker_archive());
    let same = [Fate::Same, Fate::Same];
    for transport in ["docker-archive", "oci", "oci-archive", "rootfs"] {
        let to = place.reference(transport, transport);
        write(&image, &same, &to);
        let again =
            ounce_image::format::write(&image, &same, &to, &[], &Default::default(), || Ok(()));
        assert!(
            matches!(again, Err(ounce_image::Error::Exists(_))),
            "{again:?}"
        );
    }
}

/// Something may come to be under the output's name while it is made.
#[test]
fn an_output_that_comes_to_be_meanwhile_is_not_replaced() {
    let place = Place::new();
    let image = place.open_file("docker-archive", &sample().docker_archive());
    for transport in ["docker-archive", "oci", "oci-archive", "rootfs"] {
        let to = place.reference(transport, transport);
        let meanwhile = || {
            fs::create_dir(place.path(transport)).unwrap();
            Ok(())
        };
        let same = [Fate::Same, Fate::Same];
        let outcome =
            ounce_image::format::write(&image, &same, &to, &[], &Default::default(), meanwhile);
        assert!(
            matches!(outcome, Err(ounce_image::Error::Exists(_))),
            "{outcome:?}"
        );
        assert_eq!(fs::read_dir(place.path(transport)).unwrap().count(), 0);
    }
    let left = fs::read_dir(place.path("")).unwrap();
    let names: Vec<_> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        !names.iter().any(|name| name.starts_with(".ounce-")),
        "{names:?}"
    );
}
