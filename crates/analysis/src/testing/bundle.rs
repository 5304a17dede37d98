//! Programs of .NET in one file.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// The bytes behind the place of the list (dotnet/runtime, bundle_marker.cpp).
const MARK: &[u8] = b"\x8b\x12\x02\xb9\x6a\x61\x20\x38\x72\x7b\x93\x02\x14\xd7\xa0\x32\
    \x13\xf5\xb9\xe6\xef\xae\x33\x18\xee\x3b\x2d\xce\x24\xb3\x6a\xae";

/// A program behind which these parts lie, with a list of this form; those of the sixth are compressed.
pub(crate) fn behind(elf: &[u8], form: u32, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let number = |value: usize| (value as u64).to_le_bytes();
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let start = elf.len() + 8 + MARK.len();
    let (mut data, mut lines) = (Vec::new(), Vec::new());
    for (name, content) in parts {
        lines.extend([number(start + data.len()), number(content.len())].concat());
        if form >= 6 {
            let before = data.len();
            let mut encoder = DeflateEncoder::new(&mut data, Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap();
            lines.extend(number(data.len() - before));
        } else {
            data.extend(*content);
        }
        lines.push(1);
        lines.extend(text(name));
    }
    let place = number(start + data.len());
    let head = [form, 0, parts.len() as u32].map(u32::to_le_bytes).concat();
    let settings = vec![0; if form >= 2 { 40 } else { 0 }];
    let list = [head, text("id"), settings, lines].concat();
    [elf, &place, MARK, &data, &list].concat()
}
