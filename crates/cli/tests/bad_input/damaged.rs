//! Streams that are cut off, and content that is not what its digest says.

use ounce_testkit::{Packing, digest, gzip, image, pack, zstd};
use serde_json::Value;

use crate::place::{PLAIN, Place, replace};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

#[test]
fn an_archive_that_is_cut_off_is_refused() {
    let tar = image(PLAIN).docker_archive();
    let place = Place::with("cut.tar", &tar[..tar.len() / 2]);
    place.refuses("docker-archive:cut.tar", &["at byte", "the archive ends"]);
    place.refuses("cut.tar", &["at byte", "the archive ends"]);
}

#[test]
fn an_archive_that_is_cut_off_in_a_header_is_refused() {
    let tar = image(PLAIN).docker_archive();
    Place::with("cut.tar", &tar[..300])
        .refuses("docker-archive:cut.tar", &["byte 0", "inside a header"]);
}

#[test]
fn a_layer_that_is_cut_off_is_refused() {
    let mut image = image(PLAIN);
    image.layers[0].truncate(2000);
    let image = image.with_diff_ids();
    let place = Place::with("cut.tar", &image.docker_archive());
    let layer = digest(&image.layers[0]);
    place.refuses(
        "docker-archive:cut.tar",
        &[&layer, "at byte 1024", "/var/lib/apt/lists/deb_main"],
    );
}

#[test]
fn a_gzip_layer_that_is_cut_off_is_refused() {
    let image = image(PLAIN);
    let mut blob = gzip(&image.layers[0]);
    blob.truncate(blob.len() / 2);
    let files = image.oci_of(vec![(GZIP, blob), (GZIP, gzip(&image.layers[1]))]);
    let layer = digest(&image.layers[0]);
    Place::with_folder("cut", &files).refuses("oci:cut", &["reading", &layer]);
}

#[test]
fn a_zstd_layer_that_is_cut_off_is_refused() {
    let image = image(PLAIN);
    let mut blob = zstd(&image.layers[1]);
    blob.truncate(blob.len() - 7);
    let files = image.oci_of(vec![(ZSTD, zstd(&image.layers[0])), (ZSTD, blob)]);
    let layer = digest(&image.layers[1]);
    Place::with_folder("cut", &files).refuses("oci:cut", &["reading", &layer]);
}

#[test]
fn a_compressed_archive_that_is_cut_off_is_refused() {
    let tar = image(PLAIN).docker_archive();
    for (name, packed) in [("cut.tar.gz", gzip(&tar)), ("cut.tar.zst", zstd(&tar))] {
        let place = Place::with(name, &packed[..packed.len() / 2]);
        place.refuses(&format!("docker-archive:{name}"), &["reading"]);
        place.refuses(name, &["reading"]);
    }
}

#[test]
fn a_layer_blob_that_is_not_its_digest_is_refused() {
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        let mut files = image(PLAIN).oci(packing);
        let (name, blob) = &mut files[0];
        let layer = name.replace("blobs/sha256/", "");
        *blob.last_mut().unwrap() ^= 1;
        let words = [
            "has the digest",
            "is recorded",
            "save or pull the image again",
        ];
        let words = match packing {
            // The stored digest is the diff id; otherwise the message names the layer by that.
            Packing::Plain => [words.as_slice(), &[&layer]].concat(),
            _ => words.to_vec(),
        };
        Place::with_folder("bad", &files).refuses("oci:bad", &words);
    }
}

#[test]
fn a_blob_of_another_size_than_recorded_is_refused() {
    let mut files = image(PLAIN).oci(Packing::Gzip);
    files[0].1.push(0);
    Place::with_folder("bad", &files).refuses("oci:bad", &["layer sha256:", "bytes", "recorded"]);
}

#[test]
fn a_layer_that_is_not_its_diff_id_is_refused() {
    let mut image = image(PLAIN);
    let recorded = digest(&image.layers[1]);
    *image.layers[1].last_mut().unwrap() = 1;
    let place = Place::with("bad.tar", &image.docker_archive());
    place.refuses(
        "docker-archive:bad.tar",
        &[&recorded, &digest(&image.layers[1])],
    );
    for packing in [Packing::Gzip, Packing::Zstd] {
        // In a layout the blob is right and the config is not.
        let place = Place::with_folder("bad", &image.oci(packing));
        place.refuses("oci:bad", &[&recorded, &digest(&image.layers[1])]);
    }
}

#[test]
fn a_config_that_is_not_its_digest_is_refused() {
    let mut image = image(PLAIN);
    let mut files = image.oci(Packing::Gzip);
    let name = digest(image.config.to_string().as_bytes()).replace("sha256:", "");
    image.config["author"] = Value::from("somebody else");
    replace(&mut files, &name, image.config.to_string().as_bytes());
    Place::with_folder("bad", &files).refuses("oci:bad", &["image config", &name]);
    let place = Place::with("bad.tar", &pack(&files));
    place.refuses("oci-archive:bad.tar", &["image config", &name]);
}

#[test]
fn a_config_of_docker_save_that_is_not_its_digest_is_refused() {
    let image = image(PLAIN);
    let name = format!("{}.json", digest(b"another config").replace("sha256:", ""));
    let manifest = format!(r#"[{{"Config":"{name}","Layers":["0","1"]}}]"#);
    let tar = ounce_testkit::archive(&[
        ("0", &image.layers[0]),
        ("1", &image.layers[1]),
        (&name, image.config.to_string().as_bytes()),
        ("manifest.json", manifest.as_bytes()),
    ]);
    Place::with("bad.tar", &tar).refuses("docker-archive:bad.tar", &["image config", &name]);
}

#[test]
fn a_manifest_that_is_not_its_digest_is_refused() {
    let mut files = image(PLAIN).oci(Packing::Gzip);
    let manifest = files.len() - 3;
    let name = files[manifest].0.replace("blobs/sha256/", "");
    files[manifest].1.push(b' ');
    Place::with_folder("bad", &files).refuses("oci:bad", &["manifest", &name]);
}

#[test]
fn a_cached_layer_that_was_changed_is_not_believed() {
    let layout = Place::with_folder("good", &image(PLAIN).oci(Packing::Gzip));
    forgets_damage(
        &layout,
        &["analyze", "oci:good", "--platform", "linux/amd64"],
    );
    let archive = Place::with("good", &gzip(&image(PLAIN).docker_archive()));
    forgets_damage(&archive, &["analyze", "docker-archive:good"]);
}

#[track_caller]
fn forgets_damage(place: &Place, analyze: &[&str]) {
    place.ounce(analyze).done();
    let cached = std::fs::read_dir(place.path("cache/ounce/layers")).unwrap();
    let is_tar = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "tar");
    for path in cached.map(|entry| entry.unwrap().path()).filter(is_tar) {
        let mut bytes = std::fs::read(&path).unwrap();
        // The content of a file, or the header of one.
        bytes[512] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    place.ounce(analyze).refused(&["good", "has the digest"]);
    // What was wrong is forgotten.
    place.ounce(analyze).done();
}
