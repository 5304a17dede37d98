//! Databases that the package managers themselves wrote, against what they say of them. Made by
//! `fixtures/packages/make`.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ounce_analysis::{Packages, Problem};
use ounce_image::{Blob, Layer, Tree};

fn fixture(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/packages");
    fixtures.join(name)
}

/// Runs a check on the packages of a fixture.
fn with(name: &str, check: impl FnOnce(&Tree<'_>, &Packages, &[Problem])) {
    let packed = std::fs::read(fixture(&format!("{name}.tar.gz"))).unwrap();
    let tar = Blob::from_bytes(ounce_testkit::gunzip(&packed));
    let layers = [Layer::plain(tar, name).unwrap()];
    let tree = Tree::build(&layers).unwrap();
    let mut problems = Vec::new();
    let packages = Packages::load(&tree, &mut problems);
    check(&tree, &packages, &problems);
}

/// The packages as the native tool's answers are written; the database's own files, which no
/// tool lists, left out.
fn described(tree: &Tree<'_>, packages: &Packages) -> String {
    let mut lines: Vec<_> = packages
        .iter()
        .map(|package| {
            let paths = package
                .files
                .iter()
                .map(|file| tree.path(*file).to_string());
            let mut paths: Vec<_> = paths
                .filter(|path| !path.starts_with("/var/lib/"))
                .collect();
            paths.sort();
            (&package.name, &package.version, paths)
        })
        .collect();
    lines.sort();
    let mut out = String::new();
    for (name, version, paths) in lines {
        writeln!(out, "{name} {version}").unwrap();
        for path in paths {
            writeln!(out, "  {path}").unwrap();
        }
    }
    out
}

fn agrees(name: &str) {
    with(name, |tree, packages, problems| {
        assert!(problems.is_empty(), "{problems:?}");
        let native = std::fs::read_to_string(fixture(&format!("{name}.txt"))).unwrap();
        assert_eq!(described(tree, packages), native);
    });
}

/// `NAME: DEPENDS... | PROVIDES... | REQUESTED` of each package, in order.
fn relations(name: &str) -> Vec<String> {
    let mut out = Vec::new();
    with(name, |_, packages, _| {
        for package in packages.iter() {
            let (depends, provides) = (package.depends.join(" "), package.provides.join(" "));
            let requested = package.requested;
            out.push(format!(
                "{}: {depends} | {provides} | {requested:?}",
                package.name
            ));
        }
    });
    out.sort();
    out
}

#[test]
fn dpkg_says_the_same() {
    agrees("dpkg");
}

#[test]
fn apk_says_the_same() {
    agrees("apk");
}

#[test]
fn rpm_says_the_same_of_sqlite_with_a_log() {
    agrees("rpm-sqlite");
}

#[test]
fn rpm_says_the_same_of_ndb() {
    agrees("rpm-ndb");
}

#[test]
fn rpm_says_the_same_of_berkeley_db() {
    agrees("rpm-bdb");
}

#[test]
fn dnf_says_the_same_of_what_was_asked_for() {
    with("rpm-dnf", |_, packages, problems| {
        assert!(problems.is_empty(), "{problems:?}");
        let asked = packages
            .iter()
            .filter(|package| package.requested == Some(true));
        let asked: Vec<_> = asked.map(|package| package.name.as_str()).collect();
        let native = std::fs::read_to_string(fixture("rpm-dnf.txt")).unwrap();
        assert_eq!(asked, native.lines().collect::<Vec<_>>());
        let tool = packages.iter().find(|package| package.name == "tool");
        assert_eq!(tool.unwrap().requested, Some(false));
    });
}

#[test]
fn relations_of_debian_packages() {
    let expected = [
        "base:  |  | Some(false)",
        "libsame:  | libvirtual libsame-abi-1 | Some(false)",
        "libsame:  | libvirtual libsame-abi-1 | Some(true)",
        "newtool: tool |  | Some(true)",
        "tool: base libsame libvirtual other |  | Some(false)",
    ];
    assert_eq!(relations("dpkg"), expected);
}

#[test]
fn relations_of_alpine_packages() {
    let expected = [
        ".build-deps: tool |  | Some(true)",
        "base: so:libc.musl-x86_64.so.1 | cmd:base | Some(false)",
        "musl:  | so:libc.musl-x86_64.so.1 | Some(false)",
        "tool: base cmd:base |  | Some(true)",
    ];
    assert_eq!(relations("apk"), expected);
}

#[test]
fn relations_of_rpm_packages_in_every_form() {
    let expected = [
        "base:  | base config(base) virtual-base | None",
        "many: tool | many | None",
        "tool: /usr/bin/base base | tool | None",
    ];
    for form in ["rpm-sqlite", "rpm-ndb", "rpm-bdb"] {
        let mut relations = relations(form);
        relations.retain(|line| !line.starts_with("gpg-pubkey"));
        assert_eq!(relations, expected, "{form}");
    }
}
