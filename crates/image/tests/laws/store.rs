//! The cache of decompressed layers.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use ounce_image::{Store, Tree};
use ounce_testkit::{Packing, image};

use crate::contents::{Place, contents, try_open, write_files};

fn names(place: &Place) -> BTreeSet<String> {
    let entries = fs::read_dir(place.path("cache")).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Two layers of more than 20,000 bytes each.
fn layout(place: &Place) -> ounce_image::format::Reference {
    let image = image("[A]\na *20000\n[B]\nb *20001");
    write_files(&place.path("layout"), &image.oci(Packing::Gzip));
    place.reference("oci", "layout")
}

#[test]
fn a_layer_is_decompressed_once() {
    let place = Place::new();
    let reference = layout(&place);
    let store = Store::new(place.path("cache"), 1 << 30);
    try_open(&reference, &store).unwrap();
    let before = names(&place);
    assert_eq!(before.len(), 4, "{before:?}");
    // A cached layer is used as it is: a change to it shows (and is found out).
    let tar = before.iter().find(|name| name.ends_with(".tar")).unwrap();
    let path = place.path("cache").join(tar);
    let mut bytes = fs::read(&path).unwrap();
    bytes[600] ^= 1;
    fs::write(&path, bytes).unwrap();
    try_open(&reference, &store).unwrap_err();
    try_open(&reference, &store).unwrap();
}

#[test]
fn any_number_of_runs_may_share_a_cache() {
    let place = Place::new();
    let reference = layout(&place);
    let expected =
        contents(&Tree::build(&try_open(&reference, &Store::none()).unwrap().layers).unwrap());
    // A cache too small for what is in use: every run cleans up under the others.
    for max_bytes in [0, 25_000, 1 << 30] {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let store = Store::new(place.path("cache"), max_bytes);
                    for _ in 0..5 {
                        let image = try_open(&reference, &store).unwrap();
                        assert_eq!(contents(&Tree::build(&image.layers).unwrap()), expected);
                    }
                });
            }
        });
    }
    assert!(
        !names(&place).iter().any(|name| name.starts_with('.')),
        "{:?}",
        names(&place)
    );
}

#[test]
fn what_was_used_longest_ago_goes_first() {
    let place = Place::new();
    let reference = layout(&place);
    try_open(&reference, &Store::new(place.path("cache"), 1 << 30)).unwrap();
    let old = names(&place);
    // A day later another image comes, and there is room for it and one more layer.
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    for (hours, name) in old.iter().filter(|name| name.ends_with(".tar")).enumerate() {
        let file = File::options()
            .write(true)
            .open(place.path("cache").join(name))
            .unwrap();
        file.set_modified(yesterday + Duration::from_secs(3600 * hours as u64))
            .unwrap();
    }
    write_files(
        &place.path("other"),
        &image("[C]\nc *20002").oci(Packing::Gzip),
    );
    try_open(
        &place.reference("oci", "other"),
        &Store::new(place.path("cache"), 50_000),
    )
    .unwrap();
    let new = names(&place);
    assert_eq!(new.len(), 4, "{new:?}");
    let tars: Vec<_> = old.iter().filter(|name| name.ends_with(".tar")).collect();
    assert!(!new.contains(tars[0]), "the oldest went");
    assert!(new.contains(tars[1]), "the newer one stayed");
}

#[test]
fn a_map_that_does_not_fit_its_layer_is_made_again() {
    let place = Place::new();
    let reference = layout(&place);
    let store = Store::new(place.path("cache"), 1 << 30);
    let measured = try_open(&reference, &store).unwrap();
    for name in names(&place).iter().filter(|name| name.ends_with(".map")) {
        fs::write(place.path("cache").join(name), [0xff; 48]).unwrap();
    }
    let again = try_open(&reference, &store).unwrap();
    let totals = |image: &ounce_image::Image| {
        image
            .layers
            .iter()
            .map(|l| l.map().unwrap().total())
            .collect::<Vec<_>>()
    };
    assert_eq!(totals(&again), totals(&measured));
}
