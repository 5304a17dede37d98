//! Data bases of R's code.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// A text, as R stores it.
fn text(text: &str) -> Vec<u8> {
    let len = (text.len() as u32).to_be_bytes();
    [&[0, 4, 0, 9], len.as_slice(), text.as_bytes()].concat()
}

/// The name of a function or a variable.
pub(crate) fn name(name: &str) -> Vec<u8> {
    [vec![0, 0, 0, 1], text(name)].concat()
}

/// A vector of texts.
pub(crate) fn vector(texts: &[&str]) -> Vec<u8> {
    let len = (texts.len() as u32).to_be_bytes();
    let texts = texts.iter().flat_map(|item| text(item)).collect();
    [vec![0, 0, 0, 16], len.to_vec(), texts].concat()
}

/// A data base of objects.
pub(crate) fn base(objects: &[Vec<u8>]) -> Vec<u8> {
    let packed = objects.iter().flat_map(|object| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(object).unwrap();
        let len = (object.len() as u32).to_be_bytes();
        [len.to_vec(), encoder.finish().unwrap()].concat()
    });
    packed.collect()
}
