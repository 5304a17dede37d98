//! Streams that expand beyond measure.

use ounce_image::{Error, Limits, Store};
use ounce_testkit::{Packing, gzip, image, zstd};

use crate::contents::{Place, try_open, write_files};

fn store() -> Store {
    Store::none().with_limits(Limits {
        floor: 100_000,
        ratio: 10,
    })
}

#[track_caller]
fn is_bomb(outcome: ounce_image::Result<ounce_image::Image>) {
    let error = outcome.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Bomb {
                limit: 100_000,
                ratio: 10,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_layer_that_expands_too_far_is_refused() {
    let zeros = format!("[A]\nzeros = {}", "\\x00".repeat(300_000));
    for packing in [Packing::Gzip, Packing::Zstd] {
        let place = Place::new();
        write_files(&place.path("bomb"), &image(&zeros).oci(packing));
        is_bomb(try_open(&place.reference("oci", "bomb"), &store()));
        let stored = store_in(&place);
        is_bomb(try_open(&place.reference("oci", "bomb"), &stored));
        assert_eq!(std::fs::read_dir(place.path("cache")).unwrap().count(), 0);
    }
}

fn store_in(place: &Place) -> Store {
    Store::new(place.path("cache"), 1 << 30).with_limits(Limits {
        floor: 100_000,
        ratio: 10,
    })
}

#[test]
fn an_archive_that_expands_too_far_is_refused() {
    let tar = image(&format!("[A]\nzeros = {}", "\\x00".repeat(300_000))).docker_archive();
    for packed in [gzip(&tar), zstd(&tar)] {
        let place = Place::new();
        std::fs::write(place.path("bomb"), packed).unwrap();
        is_bomb(try_open(
            &place.reference("docker-archive", "bomb"),
            &store(),
        ));
    }
}

#[test]
fn a_small_stream_may_expand_as_far_as_it_likes() {
    let place = Place::new();
    let zeros = format!("[A]\nzeros = {}", "\\x00".repeat(90_000));
    write_files(&place.path("fine"), &image(&zeros).oci(Packing::Gzip));
    try_open(&place.reference("oci", "fine"), &store()).unwrap();
}

#[test]
fn a_large_stream_that_hardly_shrinks_is_fine() {
    let place = Place::new();
    write_files(
        &place.path("fine"),
        &image("[A]\nnoise *300000").oci(Packing::Gzip),
    );
    try_open(&place.reference("oci", "fine"), &store()).unwrap();
}
