//! Modules of Erlang.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// A module with these terms, without their version, that imports a function.
pub(crate) fn module(terms: &[&[u8]], import: (&str, &str), is_packed: bool) -> Vec<u8> {
    let number = |value: usize| (value as u32).to_be_bytes();
    let terms = terms.iter().map(|term| {
        let term = [&[131], *term].concat();
        [number(term.len()).as_slice(), &term].concat()
    });
    let terms: Vec<_> = terms.collect();
    let table = [number(terms.len()).as_slice(), &terms.concat()].concat();
    let literals = match is_packed {
        true => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&table).unwrap();
            [number(table.len()).to_vec(), encoder.finish().unwrap()].concat()
        }
        false => [number(0).to_vec(), table].concat(),
    };
    let atoms = ["module", import.0, import.1];
    let atoms = atoms.map(|atom| [&[atom.len() as u8], atom.as_bytes()].concat());
    let atoms = [number(atoms.len()).as_slice(), &atoms.concat()].concat();
    let imports = [1, 2, 3, 1].map(number).concat();
    let chunks = [(b"AtU8", atoms), (b"ImpT", imports), (b"LitT", literals)];
    let chunks = chunks.map(|(name, mut content)| {
        let len = number(content.len());
        content.resize(content.len().next_multiple_of(4), 0);
        [name.as_slice(), &len, &content].concat()
    });
    let form = [b"BEAM".as_slice(), &chunks.concat()].concat();
    [b"FOR1".as_slice(), &number(form.len()), &form].concat()
}

/// A module as `compile:file(F, [compressed])` writes it.
pub(crate) fn gzip(module: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(module).unwrap();
    encoder.finish().unwrap()
}
