//! Documents that describe no image, or another one.

use ounce_testkit::{Packing, archive, image};
use serde_json::json;

use crate::place::{PLAIN, Place, replace};

#[test]
fn a_blob_that_is_not_there_is_named() {
    let all = image(PLAIN).oci(Packing::Gzip);
    let blobs = all.iter().filter(|(name, _)| name.starts_with("blobs/"));
    for (name, _) in blobs {
        let files: Vec<_> = all.iter().filter(|(n, _)| n != name).cloned().collect();
        Place::with_folder("bad", &files).refuses("oci:bad", &["holds no", name]);
    }
}

#[test]
fn a_layer_that_docker_save_left_out_is_named() {
    let tar = archive(&[
        ("config.json", image(PLAIN).config.to_string().as_bytes()),
        (
            "manifest.json",
            br#"[{"Config":"config.json","Layers":["0/layer.tar","1/layer.tar"]}]"#,
        ),
    ]);
    Place::with("bad.tar", &tar).refuses("docker-archive:bad.tar", &["holds no", "0/layer.tar"]);
}

#[test]
fn a_layer_of_an_unknown_media_type_is_refused() {
    for media_type in [
        "application/vnd.in-toto+json",
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        "application/vnd.oci.image.layer.v1.tar+xz",
    ] {
        let image = image("[A]\na = b");
        let files = image.oci_of(vec![(media_type, image.layers[0].clone())]);
        Place::with_folder("bad", &files).refuses("oci:bad", &["layer sha256:", media_type]);
    }
}

#[test]
fn an_index_without_this_platform_lists_the_others() {
    let place = Place::with_folder("image", &image(PLAIN).oci(Packing::Gzip));
    let options = ["--platform", "linux/riscv64"];
    place.refuses_with(
        "oci:image",
        &options,
        &["linux/riscv64", "linux/amd64", "--platform"],
    );
}

#[test]
fn json_that_is_no_manifest_is_refused() {
    for text in [
        "nonsense",
        "{}",
        "[]",
        "[1]",
        "null",
        r#"[{"Layers":[]}]"#,
        r#"[{"Config":"c","Layers":3}]"#,
    ] {
        let tar = archive(&[
            ("manifest.json", text.as_bytes()),
            ("c", br#"{"rootfs":{"diff_ids":[]}}"#),
        ]);
        Place::with("bad.tar", &tar).refuses("docker-archive:bad.tar", &["manifest.json"]);
    }
}

#[test]
fn json_that_is_no_index_is_refused() {
    for text in [
        "nonsense",
        "[]",
        "{}",
        "{\"manifests\":[]}",
        "{\"manifests\":3}",
    ] {
        let mut files = image(PLAIN).oci(Packing::Gzip);
        replace(&mut files, "index.json", text.as_bytes());
        Place::with_folder("bad", &files).refuses("oci:bad", &["index.json"]);
    }
}

#[test]
fn a_digest_that_is_none_is_refused() {
    let mut files = image(PLAIN).oci(Packing::Gzip);
    let index = json!({ "manifests": [{ "digest": "sha256:../../etc/passwd" }] });
    replace(&mut files, "index.json", index.to_string().as_bytes());
    Place::with_folder("bad", &files)
        .refuses("oci:bad", &["index.json", "sha256:../../etc/passwd"]);
}

#[test]
fn json_that_is_no_config_is_refused() {
    for text in [
        "nonsense",
        "[]",
        "{}",
        r#"{"rootfs":{"diff_ids":[1]}}"#,
        r#"{"rootfs":{"diff_ids":["sha256:1"]}}"#,
    ] {
        let tar = archive(&[
            ("config.json", text.as_bytes()),
            (
                "manifest.json",
                br#"[{"Config":"config.json","Layers":[]}]"#,
            ),
        ]);
        Place::with("bad.tar", &tar).refuses("docker-archive:bad.tar", &["image config"]);
    }
}

#[test]
fn as_many_layers_as_diff_ids_are_asked_for() {
    let tar = archive(&[
        ("config.json", image(PLAIN).config.to_string().as_bytes()),
        (
            "manifest.json",
            br#"[{"Config":"config.json","Layers":["0"]}]"#,
        ),
    ]);
    Place::with("bad.tar", &tar).refuses("docker-archive:bad.tar", &["1 layers", "config has 2"]);
}

#[test]
fn json_nested_without_end_is_refused() {
    let deep = "[".repeat(1_000_000);
    let tar = archive(&[("manifest.json", deep.as_bytes())]);
    Place::with("bad.tar", &tar).refuses("docker-archive:bad.tar", &["manifest.json"]);
}

#[test]
fn a_document_too_large_to_be_one_is_refused() {
    let large = vec![b' '; 17 << 20];
    let tar = archive(&[("manifest.json", &large)]);
    Place::with("bad.tar", &tar).refuses("docker-archive:bad.tar", &["manifest", "bytes"]);
}

#[test]
fn an_image_without_layers_is_an_image() {
    let mut image = image("");
    image.config["config"] = json!({ "Cmd": ["/none"] });
    let tar = image.docker_archive();
    let place = Place::with("empty.tar", &tar);
    let report = place.takes("docker-archive:empty.tar");
    assert_eq!(report["size"]["disk"], 0);
    assert_eq!(report["rows"], json!([]));
    let slim = place.slim();
    assert!(slim.layers.is_empty());
    assert_eq!(slim.config.list("Cmd"), ["/none"]);
}

#[test]
fn what_is_no_image_is_not_recognised() {
    let cases: [(&str, &[u8]); 4] = [
        ("empty", b""),
        ("zeros", &[0; 4096]),
        ("text", b"not an image, but long enough to be looked at"),
        ("other.tar", &archive(&[("hello", b"world")])),
    ];
    for (name, bytes) in cases {
        Place::with(name, bytes).refuses(name, &[]);
    }
    Place::with_folder("folder", &[("hello".into(), vec![])]).refuses("folder", &["index.json"]);
    Place::new().refuses("nothing-here", &["No such file"]);
}

#[test]
fn a_pipe_is_refused_instead_of_waited_for() {
    let place = Place::new();
    assert!(place.script("mkfifo pipe").status().unwrap().success());
    place.refuses("pipe", &["neither a file nor a folder"]);
    place.refuses("docker-archive:pipe", &["neither a file nor a folder"]);
}

#[test]
fn what_a_manifest_says_reaches_no_terminal_as_it_is() {
    let tar = archive(&[(
        "manifest.json",
        br#"[{"RepoTags":["\u001b[2Jevil:1"]},{"RepoTags":["\u001b[31mother:1"]}]"#,
    )]);
    let place = Place::with("bad.tar", &tar);
    place.refuses("docker-archive:bad.tar", &["2 images", r"\u{1b}[2Jevil:1"]);
    let outcome = place.ounce(["analyze", "docker-archive:bad.tar"]);
    assert!(!outcome.stderr.contains('\u{1b}'), "{:?}", outcome.stderr);
}
