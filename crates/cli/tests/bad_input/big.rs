//! Input that is large, or claims to be.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use ounce_testkit::{archive, digest, entry, gzip, image};
use serde_json::json;

use crate::place::{Outcome, Place};

const TEN_GB: u64 = 10_000_000_000;

#[test]
fn a_folder_of_100_000_files_is_fine() {
    let mut text = String::from("[A]\nvar/lib/apt/lists/\n");
    for number in 0..100_000 {
        writeln!(text, "var/lib/apt/lists/{number} = x").unwrap();
    }
    let place = Place::with("many.tar", &image(&text).docker_archive());
    let report = place.takes("docker-archive:many.tar");
    assert_eq!(report["size"]["files"], 100_000);
    assert!(
        place.path("out/slim.tar").metadata().unwrap().len() < 10_000,
        "all of it went"
    );
}

#[test]
fn a_file_with_100_000_names_that_are_all_replaced_is_fine() {
    let mut text = String::from("[A]\nfirst = x\n");
    for number in 0..100_000 {
        writeln!(text, "links/{number} == first").unwrap();
    }
    text.push_str("[B]\n.wh.links\n");
    let report =
        Place::with("many.tar", &image(&text).docker_archive()).takes("docker-archive:many.tar");
    assert_eq!(report["size"]["files"], 1);
}

/// Runs a command of the program in 1.5 GB of address space.
fn in_little_memory(place: &Place, command: &str) -> Outcome {
    let script = format!("ulimit -v 1500000 && exec \"$OUNCE\" {command}");
    // Every thread reserves address space; their number must not depend on the machine.
    let output = place.script(&script).env("RAYON_NUM_THREADS", "2").output();
    output.unwrap().into()
}

#[test]
fn a_sparse_file_of_10_gb_needs_neither_memory_nor_disk() {
    for attributes in ["", "(gnu)"] {
        let text = format!(
            "[A]\nvar/db/huge {attributes} ^{TEN_GB} 5000000000:here\nvar/lib/apt/lists/x *5000"
        );
        let tar = image(&text).docker_archive();
        assert!(tar.len() < 50_000);
        let place = Place::with("sparse.tar", &tar);
        let analysis = in_little_memory(&place, "analyze docker-archive:sparse.tar --format json");
        analysis.done();
        let report: serde_json::Value = serde_json::from_slice(&analysis.stdout).unwrap();
        assert_eq!(report["size"]["disk"], TEN_GB + 5000);
        in_little_memory(&place, "slim sparse.tar --output rootfs:out/root").done();
        let file = fs::metadata(place.path("out/root/var/db/huge")).unwrap();
        assert_eq!(file.len(), TEN_GB);
        assert!(file.blocks() * 512 < 10 << 20, "holes stay holes");
        in_little_memory(
            &place,
            "slim sparse.tar --output docker-archive:out/slim.tar",
        )
        .done();
        assert!(place.path("out/slim.tar").metadata().unwrap().len() < 50_000);
    }
}

#[test]
fn sizes_that_would_overflow_are_refused() {
    for size in [1_u64 << 47, u64::MAX / 2] {
        let image = image(&format!("[A]\nhole ^{size} 0:x"));
        let place = Place::with("bad.tar", &image.docker_archive());
        let layer = digest(&image.layers[0]);
        place.refuses("docker-archive:bad.tar", &[&layer, "at byte 0", "/hole"]);
    }
}

#[test]
fn a_map_of_holes_that_never_ends_is_refused() {
    let mut image = image("");
    let mut layer = entry("hole ^100 0:x");
    let header = layer.len() - 1024;
    // The map that stands before the content has no end of line any more.
    layer[header..].fill(b'1');
    layer.resize(layer.len() + (32 << 20), b'1');
    image.layers = vec![layer];
    let image = image.with_diff_ids();
    let place = Place::with("bad.tar", &image.docker_archive());
    let layer = digest(&image.layers[0]);
    place.refuses(
        "docker-archive:bad.tar",
        &[&layer, "at byte 0", "longer than"],
    );
}

#[test]
fn a_hole_in_place_of_a_layer_is_refused() {
    let config = json!({ "rootfs": { "diff_ids": [digest(b"whatever")] } }).to_string();
    let mut tar = entry("layer.tar ^1000000000000 0:x");
    tar.extend(archive(&[
        ("config.json", config.as_bytes()),
        (
            "manifest.json",
            br#"[{"Config":"config.json","Layers":["layer.tar"]}]"#,
        ),
    ]));
    Place::with("bomb.tar", &tar).refuses("docker-archive:bomb.tar", &["bomb", "1 to over"]);
}

#[test]
fn a_gzip_bomb_is_refused() {
    // 4.5 GB of zeros in 4.4 MB; anything up to 4 GiB is taken for an image.
    let mebibytes = gzip(&vec![0; 64 << 20]);
    let place = Place::with("bomb.tar.gz", &mebibytes.repeat(68));
    let outcome = place.ounce(["slim", "bomb.tar.gz", "--output", "oci:out/slim"]);
    outcome.refused(&["bomb.tar.gz", "decompression bomb"]);
    assert!(!place.path("out/slim").exists());
}

#[test]
fn folders_that_nobody_listed_are_bounded() {
    let mut text = String::from("[A]\n");
    for number in 0..600 {
        writeln!(text, "{number}{} = x", "/a".repeat(2000)).unwrap();
    }
    let tar = gzip(&image(&text).docker_archive());
    assert!(tar.len() < 200_000);
    let place = Place::with("deep.tar", &tar);
    place.refuses(
        "docker-archive:deep.tar",
        &["layer sha256:", "folders that no layer lists"],
    );
}

#[test]
fn a_deep_tree_is_fine() {
    let mut text = String::from("[A]\n");
    for depth in 0..500 {
        writeln!(text, "{}/", vec!["var/log"; depth + 1].join("/")).unwrap();
    }
    Place::with("deep.tar", &image(&text).docker_archive()).takes("docker-archive:deep.tar");
}
