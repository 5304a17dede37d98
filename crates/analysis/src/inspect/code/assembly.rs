//! Assemblies of .NET and Mono: the texts that their code has, and whether they start programs (ECMA-335, 6th edition, Partition II,
//! 24 and 25).

use std::borrow::Cow;

use super::Code;

/// What a file in the form of Windows begins with (II.25.2.1).
pub(super) const MAGIC: [u8; 2] = *b"MZ";
/// Where the beginning says where the header is, and what that begins with.
const AT_HEADER: usize = 0x3c;
const HEADER: [u8; 4] = *b"PE\0\0";
/// What metadata begins with (II.24.2.1).
const ROOT: [u8; 4] = *b"BSJB";
/// A section's header, in bytes (II.25.3).
const SECTION: usize = 40;
/// Classes through which programs are started (System.Diagnostics, Mono.Unix.Native), and attributes of functions of C.
const STARTERS: [&[u8]; 5] = [
    b"Process",
    b"ProcessStartInfo",
    b"Syscall",
    b"Stdlib",
    b"libc",
];

/// Reads an assembly; `None` if it is none, or damaged.
pub(super) fn read(bytes: &[u8]) -> Option<Code<'_>> {
    let header = bytes.get(number(bytes.get(AT_HEADER..)?)?..)?;
    let rest = header.strip_prefix(&HEADER)?;
    let (sections, optional) = (short(rest.get(2..)?)?, short(rest.get(16..)?)?);
    let (optional, sections_at) = rest.get(20..)?.split_at_checked(optional)?;
    let sections = Sections(sections_at.get(..sections * SECTION)?);
    // PE32+ has four numbers of eight bytes before the directories; the fifteenth is that of the CLI header.
    let directories = match short(optional)? {
        0x20b => 112,
        _ => 96,
    };
    let place = number(optional.get(directories + 14 * 8..)?)?;
    let cli = sections.at(bytes, place)?;
    let root = sections.at(bytes, number(cli.get(8..)?)?)?;
    root.starts_with(&ROOT).then_some(())?;
    let streams = root.get(16 + number(root.get(12..)?)?..)?;
    let count = short(streams.get(2..)?)?;
    let mut rest = streams.get(4..)?;
    let mut code = Code::default();
    for _ in 0..count {
        let (place, len) = (number(rest)?, number(rest.get(4..)?)?);
        let name = rest.get(8..)?.split(|byte| *byte == 0).next()?;
        let content = root.get(place..)?.get(..len)?;
        match name {
            b"#US" => code.texts = texts(content),
            b"#Strings" => {
                let names = content.split(|byte| *byte == 0);
                code.libraries = names.map(Cow::Borrowed).collect();
                let mut names = code.libraries.iter();
                code.starts = names.any(|name| STARTERS.contains(&&**name));
            }
            _ => {}
        }
        rest = rest.get(8 + (name.len() + 1).next_multiple_of(4)..)?;
    }
    Some(code)
}

/// The headers of the sections.
struct Sections<'a>(&'a [u8]);

impl Sections<'_> {
    /// What lies at an address.
    fn at<'b>(&self, bytes: &'b [u8], address: usize) -> Option<&'b [u8]> {
        self.0.chunks_exact(SECTION).find_map(|section| {
            let [start, len, place] = [12, 16, 20].map(|at| number(&section[at..]));
            let within = address.checked_sub(start?).filter(|at| Some(*at) < len)?;
            bytes.get(place?.checked_add(within)?..)
        })
    }
}

/// The texts of the code, each with its length, in UTF-16, and with a byte behind it (II.24.2.4).
fn texts(mut heap: &[u8]) -> Vec<Cow<'static, [u8]>> {
    let mut out = Vec::new();
    while let Some((len, rest)) = length(heap)
        && let Some((text, rest)) = rest.split_at_checked(len)
    {
        let units = text
            .chunks_exact(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        let text: String = char::decode_utf16(units)
            .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        if !text.is_empty() {
            out.push(Cow::Owned(text.into_bytes()));
        }
        heap = rest;
    }
    out
}

/// A number of one, two or four bytes.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let first = usize::from(*bytes.first()?);
    let (len, mask) = match first {
        0..0x80 => (1, 0x7f),
        0x80..0xc0 => (2, 0x3fff),
        _ => (4, 0x1fff_ffff),
    };
    let (number, rest) = bytes.split_at_checked(len)?;
    let number = number
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte));
    Some((number & mask, rest))
}

fn number(bytes: &[u8]) -> Option<usize> {
    Some(u32::from_le_bytes(*bytes.first_chunk()?) as usize)
}

fn short(bytes: &[u8]) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(*bytes.first_chunk()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assembly::assembly;

    #[test]
    fn texts_are_those_of_the_code() {
        let long = format!("{}ä", "x".repeat(200));
        let bytes = assembly(&["dot", "gs -q", &long], &["Program", "Main"]);
        let code = read(&bytes).unwrap();
        let wanted: Vec<&[u8]> = vec![b"dot", b"gs -q", long.as_bytes()];
        assert_eq!(code.texts, wanted);
        assert!(!code.starts);
    }

    #[test]
    fn what_starts_programs_is_known_by_what_it_refers_to() {
        for (name, starts) in [("Process", true), ("libc", true), ("Processor", false)] {
            let bytes = assembly(&["Process"], &["Main", name]);
            assert_eq!(read(&bytes).unwrap().starts, starts, "{name}");
        }
    }

    #[test]
    fn damage_says_nothing() {
        let good = assembly(&["dot"], &["Process"]);
        for len in 0..good.len() {
            assert_eq!(read(&good[..len]), None, "{len}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            let _ = read(&bad);
        }
        assert_eq!(read(b"MZ"), None);
    }
}
