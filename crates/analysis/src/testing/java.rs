//! Class files and archives of them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// `CONSTANT_Utf8` (The Java Virtual Machine Specification, 4.4.7).
pub(crate) fn constant(text: &str) -> Vec<u8> {
    let len = (text.len() as u16).to_be_bytes();
    [&[1], len.as_slice(), text.as_bytes()].concat()
}

/// The beginning of a class whose code has these texts and refers to these classes.
pub(crate) fn class(texts: &[&str], classes: &[&str]) -> Vec<u8> {
    let all = texts.iter().map(|text| (8, text));
    let all = all.chain(classes.iter().map(|class| (7, class)));
    let mut out = Vec::new();
    let mut count = 1_u16;
    for (tag, text) in all {
        out.extend(constant(text));
        out.push(tag);
        out.extend(count.to_be_bytes());
        count += 2;
    }
    let head = [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61];
    [head.as_slice(), &count.to_be_bytes(), &out].concat()
}

/// A zip archive of named files, deflated or stored (PKWARE, APPNOTE.TXT 6.3.10).
pub(crate) fn jar(files: &[(&str, Vec<u8>)], is_deflated: bool) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let packed = match is_deflated {
            true => deflated(content),
            false => content.clone(),
        };
        let offset = (out.len() as u32).to_le_bytes();
        let method = if is_deflated { [8, 0] } else { [0, 0] };
        let sizes = [packed.len(), content.len()].map(|size| (size as u32).to_le_bytes());
        let common = [
            &[20, 0, 0, 0],
            method.as_slice(),
            &[0; 8],
            &sizes.concat(),
            &(name.len() as u16).to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        out.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), &packed].concat());
        list.extend([b"PK\x01\x02\x14\0", common.as_slice(), &[0; 10], &offset].concat());
        list.extend(name.as_bytes());
    }
    let count = (files.len() as u16).to_le_bytes();
    let places = [list.len(), out.len()].map(|number| (number as u32).to_le_bytes());
    let end = [
        b"PK\x05\x06\0\0\0\0",
        count.as_slice(),
        &count,
        &places.concat(),
        &[0, 0],
    ];
    [out, list, end.concat()].concat()
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
