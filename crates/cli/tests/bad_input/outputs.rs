//! Outputs that would destroy something.

use std::fs;
use std::os::unix::fs::symlink;

use ounce_testkit::{Packing, image};

use crate::place::{PLAIN, Place, text};

const PLATFORM: [&str; 2] = ["--platform", "linux/amd64"];

/// Asserts that this output is refused and that nothing is touched.
#[track_caller]
fn refused(place: &Place, input: &str, output: &str, words: &[&str]) {
    let before = place.listing();
    let args = ["slim", input, "--output", output];
    place.ounce(args.iter().chain(&PLATFORM)).refused(words);
    assert_eq!(place.listing(), before, "{output}");
}

#[test]
fn an_output_that_is_the_input_is_refused() {
    let place = Place::with("image.tar", &image(PLAIN).docker_archive());
    symlink("image.tar", place.path("alias")).unwrap();
    let words = ["is the image that is being read", "choose another place"];
    for output in ["image.tar", "./image.tar", "out/../image.tar", "alias"] {
        refused(
            &place,
            "image.tar",
            &format!("docker-archive:{output}"),
            &words,
        );
    }
    refused(&place, "alias", "docker-archive:image.tar", &words);
    let place = Place::with_folder("layout", &image(PLAIN).oci(Packing::Gzip));
    refused(&place, "oci:layout", "oci:layout", &words);
}

#[test]
fn an_output_inside_the_input_is_refused() {
    let place = Place::with_folder("layout", &image(PLAIN).oci(Packing::Gzip));
    for output in [
        "oci:layout/new",
        "docker-archive:layout/new.tar",
        "oci:layout/blobs/../new",
    ] {
        refused(
            &place,
            "oci:layout",
            output,
            &["layout", "is the image that is being read"],
        );
    }
    let place = Place::with_folder("root", &[("usr/bin/tool".into(), b"x".to_vec())]);
    symlink("root/usr", place.path("alias")).unwrap();
    for output in [
        "rootfs:root/new",
        "docker-archive:root/usr/new.tar",
        "oci:alias/new",
    ] {
        refused(
            &place,
            "rootfs:root",
            output,
            &["new", "is the image that is being read"],
        );
    }
}

#[test]
fn an_output_that_exists_is_refused() {
    let place = Place::with("image.tar", &image(PLAIN).docker_archive());
    fs::write(place.path("file"), "precious").unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    symlink("nowhere", place.path("dangling")).unwrap();
    symlink("folder", place.path("alias")).unwrap();
    for name in ["file", "folder", "dangling", "alias"] {
        for transport in ["docker-archive", "oci", "oci-archive", "rootfs"] {
            let output = format!("{transport}:{name}");
            refused(&place, "image.tar", &output, &[name, "exists already"]);
        }
    }
}

#[test]
fn an_output_without_a_folder_to_be_in_is_refused() {
    let place = Place::with("image.tar", &image(PLAIN).docker_archive());
    for transport in ["docker-archive", "oci", "oci-archive", "rootfs"] {
        refused(
            &place,
            "image.tar",
            &format!("{transport}:no/such/folder"),
            &["no/such/folder", "No such file"],
        );
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::with("image.tar", &image(PLAIN).docker_archive());
    let before = place.listing();
    let output = format!("docker-archive:{}", text(&place.path("out/slim.tar")));
    let outcome = place.ounce(["slim", "image.tar", "--dry-run", "--output", &output]);
    outcome.done();
    assert_eq!(place.listing(), before);
}

#[test]
fn a_root_folder_that_forbids_writing_is_written_and_cleaned_up() {
    // Fedora's root is so; an ordinary user may not even rename such a folder elsewhere.
    let mut image = image("[A]\n./ (0555)\netc/ (0555)\netc/motd (0400) = x\nusr/bin/");
    let place = Place::with("image.tar", &image.docker_archive());
    place
        .ounce(["slim", "image.tar", "--output", "rootfs:out/root"])
        .done();
    assert_eq!(fs::read(place.path("out/root/etc/motd")).unwrap(), b"x");
    let unlock = "chmod u+w out/root out/root/etc";
    assert!(place.script(unlock).status().unwrap().success());
    // The same content under a wrong diff id is found out after everything was unpacked.
    image.layers[0][3 * 512] ^= 1;
    let place = Place::with("image.tar", &image.docker_archive());
    refused(&place, "image.tar", "rootfs:out/root", &["has the digest"]);
}

#[test]
fn a_report_never_replaces_an_image() {
    let place = Place::with("in.tar", &image(PLAIN).docker_archive());
    let same = "is the image that is being read";
    for (args, word) in [
        (&["analyze", "in.tar", "--output", "in.tar"][..], same),
        (
            &["slim", "in.tar", "--dry-run", "--report", "./in.tar"],
            same,
        ),
        (
            &["slim", "in.tar", "-o", "docker-archive:x", "--report", "x"],
            "the same name",
        ),
    ] {
        let before = place.listing();
        place.ounce(args.iter().chain(&PLATFORM)).refused(&[word]);
        assert_eq!(place.listing(), before);
    }
}
