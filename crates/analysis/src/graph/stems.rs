//! Libraries that sources ask for without their whole name: `find_library("usb-1.0")`, `ffi_lib "sodium"`. Classes of Java do so too.
//!
//! Programs put the version behind a name when they run (.NET, coreclr/src/System.Globalization.Native/pal_icushim.c: `libicuuc.so`).
//!
//! No language is parsed. In a source that loads libraries each quoted word counts that is the middle of a library's
//! name; it may mean something else, and more is kept then.

use std::collections::BTreeMap;

use ounce_image::{Blob, Tree};

use super::collect::Collector;
use super::{Kind, Proof};
use crate::inspect::needles::AnyOf;

/// What a source that loads libraries holds: Python's ctypes and cffi, Ruby's ffi and Fiddle, PHP's FFI, Node's ffi and
/// LuaJIT's (their manuals), whatever wraps them.
const MARKS: [&[u8]; 8] = [
    b"ctypes",
    b"find_library",
    b"dlopen",
    b"ffi_lib",
    b"Fiddle",
    b"FFI::",
    b"ffi.load",
    b"ffi.Library",
];
/// Of a source.
const MAX_TEXT: u64 = 4 << 20;

/// The libraries of the loader's folders by the middle of their names: `usb-1.0` of `libusb-1.0.so.0`.
#[derive(Debug)]
pub(super) struct Stems {
    loading: AnyOf,
    paths: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
}

impl Stems {
    /// Those in these folders.
    pub(super) fn new(tree: &Tree<'_>, folders: &[Vec<u8>]) -> Self {
        let mut paths: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        for folder in folders {
            let node = tree.resolve(folder);
            for child in node.into_iter().flat_map(|node| tree.children(node)) {
                if let Some(stem) = stem(tree.name(child)) {
                    let path = [folder, b"/".as_slice(), tree.name(child)].concat();
                    paths.entry(stem.to_vec()).or_default().push(path);
                }
            }
        }
        Self {
            loading: AnyOf::new(&MARKS).expect("a handful of texts"),
            paths,
        }
    }

    /// Leads to the libraries that a source may ask for.
    pub(super) fn asked_for(&self, collector: &mut Collector<'_>, source: &Blob) {
        if !self.loading.is_in(source) {
            return;
        }
        // What cannot be read makes the whole image unreadable; verifying it says so.
        let Ok(text) = source.read_all(MAX_TEXT) else {
            return;
        };
        for (at, word) in quoted(&text) {
            self.named(collector, word, &Proof::Offset(at as u64));
        }
    }

    /// Leads to all versions of a library that is written without one.
    pub(super) fn versions(&self, collector: &mut Collector<'_>, library: &[u8], proof: &Proof) {
        if let Some(stem) = stem(library) {
            self.named(collector, stem, proof);
        }
    }

    /// Leads to the libraries that a word may mean.
    pub(super) fn named(&self, collector: &mut Collector<'_>, word: &[u8], proof: &Proof) {
        let stem = word.strip_prefix(b"lib").unwrap_or(word);
        for path in self.paths.get(stem).into_iter().flatten() {
            let before = collector.targets.len();
            let _ = collector.path(Tree::ROOT, path, Kind::Dlopens, proof);
            let new = collector.targets[before..].iter_mut();
            new.for_each(|target| target.is_guess = true);
        }
    }
}

/// The middle of a library's name, of more than one letter.
fn stem(name: &[u8]) -> Option<&[u8]> {
    let rest = name.strip_prefix(b"lib")?;
    let stem = &rest[..memchr::memmem::find(rest, b".so")?];
    (stem.len() > 1).then_some(stem)
}

/// The texts between quotes that may be names, each with where it begins.
fn quoted(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.+".contains(byte);
    memchr::memchr2_iter(b'\'', b'"', text).filter_map(move |quote| {
        let rest = &text[quote + 1..];
        let len = rest.iter().take_while(is_name).count();
        (len > 1 && rest.get(len) == Some(&text[quote])).then_some((quote + 1, &rest[..len]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_names_between_quotes_of_one_kind() {
        let text = b"f('usb-1.0', \"gtk\", 'a b', 'm', \"x', b'crypto')";
        let words: Vec<_> = quoted(text).map(|(at, word)| (at, word.to_vec())).collect();
        assert_eq!(
            words,
            [
                (3, b"usb-1.0".to_vec()),
                (14, b"gtk".to_vec()),
                (39, b"crypto".to_vec())
            ]
        );
    }

    #[test]
    fn a_stem_is_what_stands_between_lib_and_so() {
        assert_eq!(stem(b"libusb-1.0.so.0.3"), Some(&b"usb-1.0"[..]));
        assert_eq!(stem(b"libz.so"), None);
        assert_eq!(stem(b"mod_x.so"), None);
    }
}
