//! Damaged databases: any of them may lose packages, none may do more.

use super::*;
use crate::testing::layers;
use ounce_testkit::TestImage;

/// The content of a file of a fixture.
fn content(fixture: &[u8], path: &[u8]) -> Vec<u8> {
    let image = TestImage {
        config: serde_json::Value::Null,
        layers: vec![ounce_testkit::gunzip(fixture)],
    };
    let layers = layers(&image);
    let tree = Tree::build(&layers).unwrap();
    let node = tree.resolve(path).unwrap();
    bytes(&tree, node, &mut Vec::new()).unwrap()
}

macro_rules! fixture {
    ($name:literal, $path:literal) => {
        content(
            include_bytes!(concat!(
                "../../../../../fixtures/packages/",
                $name,
                ".tar.gz"
            )),
            $path,
        )
    };
}

/// How many headers a database gives, and what is damaged.
fn count(backend: Backend, file: &[u8], log: &[u8]) -> (usize, Vec<String>) {
    let (mut headers, mut size, mut damage) = (0, 0, Vec::new());
    backend(file, log, &mut |header| match header {
        Ok(header) => {
            size += header.len();
            if let Ok(header) = Header::parse(header) {
                headers += 1;
                paths(&header).for_each(drop);
                names(&header, tag::REQUIRE_NAME);
            }
        }
        Err(reason) => damage.push(reason),
    });
    assert!(size <= file.len() + log.len(), "more than there is");
    (headers, damage)
}

/// Cuts the file short and damages bytes all over it.
fn damage(backend: Backend, file: &[u8], log: &[u8]) {
    for part in 1..32 {
        count(backend, &file[..file.len() * part / 32], log);
        count(backend, file, &log[..log.len() * part / 32]);
    }
    let mut file = file.to_vec();
    for at in (0..128).chain((128..file.len()).step_by(211)) {
        for value in [0, 0xff] {
            let was = std::mem::replace(&mut file[at], value);
            count(backend, &file, b"");
            file[at] = was;
        }
    }
}

const SQLITE: Backend = BACKENDS[0].1;
const NDB: Backend = BACKENDS[1].1;
const BDB: Backend = BACKENDS[2].1;

#[test]
fn damaged_sqlite() {
    let file = fixture!("rpm-sqlite", b"/var/lib/rpm/rpmdb.sqlite");
    let log = fixture!("rpm-sqlite", b"/var/lib/rpm/rpmdb.sqlite-wal");
    assert_eq!(count(SQLITE, &file, &log), (4, vec![]));
    // Before the last changes, which are only in the log: a package more, a key less.
    assert_eq!(count(SQLITE, &file, b""), (4, vec![]));
    assert!(!count(SQLITE, &file[..file.len() / 2], b"").1.is_empty());
    damage(SQLITE, &file, &log);
}

#[test]
fn damaged_ndb() {
    let file = fixture!("rpm-ndb", b"/var/lib/rpm/Packages.db");
    assert_eq!(count(NDB, &file, b""), (4, vec![]));
    assert!(!count(NDB, &file[..file.len() / 2], b"").1.is_empty());
    damage(NDB, &file, b"");
}

#[test]
fn damaged_berkeley_db() {
    let file = fixture!("rpm-bdb", b"/var/lib/rpm/Packages");
    assert_eq!(count(BDB, &file, b""), (4, vec![]));
    assert!(!count(BDB, &file[..file.len() / 2], b"").1.is_empty());
    damage(BDB, &file, b"");
}

#[test]
fn headers_that_say_too_much() {
    let header = |sizes: [u32; 2], rest: &[u32]| {
        let words = sizes.iter().chain(rest).map(|word| word.to_be_bytes());
        words.collect::<Vec<_>>().concat()
    };
    assert!(Header::parse(b"").is_err());
    assert!(Header::parse(&header([1, 0], &[1000, 6, 0])).is_err());
    assert!(Header::parse(&header([u32::MAX, u32::MAX], &[])).is_err());
    // A name outside the data, and more folders than there are.
    let outside = header([1, 4], &[tag::NAME, 6, 9, 1, 0x6100_0000]);
    assert_eq!(Header::parse(&outside).unwrap().text(tag::NAME), None);
    let many = header([1, 4], &[tag::DIR_NAMES, 8, 0, u32::MAX, 0x6100_6200]);
    let many = Header::parse(&many).unwrap();
    let folders: Vec<_> = many.texts(tag::DIR_NAMES).collect();
    assert_eq!(folders, [&b"a"[..], b"b", b""]);
}

#[test]
fn the_source_of_a_package_has_no_version() {
    let name = |file: &[u8]| super::source(file);
    assert_eq!(
        name(b"gcc-c++-14.1-2.fc40.src.rpm").as_deref(),
        Some("gcc-c++")
    );
    assert_eq!(name(b"nonsense"), None);
}
