//! Programs that PyInstaller made.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn number(value: usize) -> [u8; 4] {
    (value as u32).to_be_bytes()
}

/// A program with these parts: their names, kinds and content.
pub(crate) fn program(parts: &[(&str, u8, &[u8])]) -> Vec<u8> {
    behind(b"\x7fELF", parts)
}

/// The same behind an ELF file.
pub(crate) fn behind(elf: &[u8], parts: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let (mut data, mut list) = (Vec::new(), Vec::new());
    for (name, kind, content) in parts {
        let is_packed = *kind != b'z';
        let bytes = match is_packed {
            true => packed(content),
            false => content.to_vec(),
        };
        let numbers = [18 + name.len() + 1, data.len(), bytes.len(), content.len()];
        list.extend(numbers.map(number).concat());
        list.extend([u8::from(is_packed), *kind]);
        list.extend([name.as_bytes(), &[0]].concat());
        data.extend(bytes);
    }
    let len = data.len() + list.len() + 88;
    let numbers = [len, data.len(), list.len(), 311].map(number).concat();
    let cookie = [b"MEI\x0c\x0b\x0a\x0b\x0e", numbers.as_slice(), &[0; 64]].concat();
    [elf, &data, &list, &cookie].concat()
}

/// An archive of modules.
pub(crate) fn modules(modules: &[&[u8]]) -> Vec<u8> {
    let modules: Vec<u8> = modules.iter().flat_map(|module| packed(module)).collect();
    let end = number(17 + modules.len());
    [
        b"PYZ\0\xa7\r\r\n",
        end.as_slice(),
        &[0; 5],
        &modules,
        b"list",
    ]
    .concat()
}
