//! Modules of Erlang and Elixir: the texts that their code has, and whether they start programs (Erlang/OTP, beam_lib(3); the
//! chunks are those of erts/emulator/beam/beam_file.c, the terms those of "External Term Format").

use std::borrow::Cow;
use std::io::{self, Read as _};

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use ounce_image::Blob;

use super::Code;

/// The form of an IFF file, of which modules are one.
const MAGIC: [u8; 4] = *b"FOR1";
/// What compressed modules begin with (compile(3), `compressed`).
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
/// The largest module and the largest table of terms that are read, in bytes.
const MAX_SIZE: u64 = 64 << 20;
/// Functions that start programs, by module.
const STARTERS: [(&[u8], &[u8]); 8] = [
    (b"os", b"cmd"),
    (b"os", b"find_executable"),
    (b"erlang", b"open_port"),
    (b"Elixir.Port", b"open"),
    (b"Elixir.System", b"cmd"),
    (b"Elixir.System", b"shell"),
    (b"Elixir.System", b"find_executable"),
    (b"Elixir.MuonTrap", b"cmd"),
];

/// Whether content is a module as it stands.
pub(super) fn is_module(content: &Blob) -> bool {
    let mut start = [0; 12];
    content.read_exact_at(0, &mut start).is_ok()
        && start.starts_with(&MAGIC)
        && start.ends_with(b"BEAM")
}

/// A module that may be compressed, as it stands.
///
/// # Errors
/// What is compressed is damaged, or too large.
pub(super) fn open(content: &Blob) -> io::Result<Blob> {
    if !content.begins_with(&GZIP) {
        return Ok(content.clone());
    }
    inflated(MultiGzDecoder::new(content.reader())).map(Blob::from_bytes)
}

fn inflated(reader: impl io::Read) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    reader.take(MAX_SIZE + 1).read_to_end(&mut out)?;
    match out.len() as u64 > MAX_SIZE {
        true => Err(io::Error::other("it is too large to be read as a whole")),
        false => Ok(out),
    }
}

/// Reads a module; `None` if it is none, or damaged.
pub(super) fn read(bytes: &[u8]) -> Option<Code<'_>> {
    let mut rest = bytes
        .strip_prefix(&MAGIC)?
        .get(4..)?
        .strip_prefix(b"BEAM")?;
    let mut code = Code::default();
    let (mut atoms, mut imports) = (Vec::new(), &[][..]);
    while let Some((head, tail)) = rest.split_at_checked(8) {
        let len = number(&head[4..])?;
        let chunk = tail.get(..len)?;
        match &head[..4] {
            b"AtU8" | b"Atom" => atoms = self::atoms(chunk)?,
            b"ImpT" => imports = chunk.get(4..)?,
            b"LitT" => code.texts = literals(chunk)?,
            // Texts that binaries are put together of follow each other without a mark.
            b"StrT" => code.others.push(Cow::Borrowed(chunk)),
            _ => {}
        }
        rest = tail.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    let atom = |bytes: &[u8]| atoms.get(number(bytes)?.checked_sub(1)?).copied();
    let mut imports = imports.chunks_exact(12);
    code.starts = imports.any(|import| {
        let function = atom(import).zip(atom(&import[4..]));
        function.is_some_and(|function| STARTERS.contains(&function))
    });
    Some(code)
}

/// The first four bytes.
fn number(bytes: &[u8]) -> Option<usize> {
    Some(u32::from_be_bytes(*bytes.first_chunk()?) as usize)
}

/// The atoms of a module, of which the first has the number 1. A negative count says that lengths are terms of one or
/// two bytes (OTP 28).
fn atoms(chunk: &[u8]) -> Option<Vec<&[u8]>> {
    let (count, mut rest) = chunk.split_first_chunk()?;
    let count = i32::from_be_bytes(*count);
    let mut out = Vec::new();
    for _ in 0..count.unsigned_abs() {
        let (&first, tail) = rest.split_first()?;
        let (len, tail) = match count < 0 {
            false => (usize::from(first), tail),
            // "Compact term encoding": four bits, or eleven.
            true if first & 0b1000 == 0 => (usize::from(first >> 4), tail),
            true => {
                let (&second, tail) = tail.split_first()?;
                (usize::from(first >> 5) << 8 | usize::from(second), tail)
            }
        };
        let atom;
        (atom, rest) = tail.split_at_checked(len)?;
        out.push(atom);
    }
    Some(out)
}

/// The texts of the table of terms, which is compressed unless its size is 0 (OTP 28).
fn literals(chunk: &[u8]) -> Option<Vec<Cow<'_, [u8]>>> {
    let (size, packed) = chunk.split_at_checked(4)?;
    let table = match number(size)? {
        0 => packed.to_vec(),
        _ => inflated(ZlibDecoder::new(packed)).ok()?,
    };
    let mut rest = table.get(4..)?;
    let mut out = Vec::new();
    while let Some((len, tail)) = rest.split_at_checked(4) {
        let term;
        (term, rest) = tail.split_at_checked(number(len)?)?;
        texts(term.strip_prefix(&[131])?, &mut out);
    }
    Some(out)
}

/// The texts of a term. What a tuple, a list or a map holds follows it, so nothing needs to be remembered.
fn texts(mut term: &[u8], out: &mut Vec<Cow<'static, [u8]>>) {
    while let Some((&tag, rest)) = term.split_first() {
        let Some((text, len)) = extent(tag, rest) else {
            return;
        };
        let Some((own, tail)) = rest.split_at_checked(len) else {
            return;
        };
        if let Some(text) = own.get(text..).filter(|text| !text.is_empty()) {
            out.push(Cow::Owned(text.to_vec()));
        }
        term = tail;
    }
}

/// Where the text of a term begins, if it is one, and how long the term is without what it holds; `None` if that is not
/// known.
fn extent(tag: u8, rest: &[u8]) -> Option<(usize, usize)> {
    let short = || Some(usize::from(u16::from_be_bytes(*rest.first_chunk()?)));
    let no_text = |len| Some((len, len));
    match tag {
        // STRING_EXT and BINARY_EXT.
        107 => Some((2, 2 + short()?)),
        109 => Some((4, number(rest)?.checked_add(4)?)),
        // Numbers: SMALL_INTEGER, INTEGER, NEW_FLOAT, FLOAT, SMALL_BIG, LARGE_BIG.
        97 => no_text(1),
        98 => no_text(4),
        70 => no_text(8),
        99 => no_text(31),
        110 => no_text(2 + usize::from(*rest.first()?)),
        111 => no_text(number(rest)?.checked_add(5)?),
        // Atoms, with short and long lengths.
        115 | 119 => no_text(1 + usize::from(*rest.first()?)),
        100 | 118 => no_text(2 + short()?),
        // SMALL_TUPLE, LARGE_TUPLE, NIL, LIST, MAP, EXPORT.
        104 => no_text(1),
        105 | 108 | 116 => no_text(4),
        106 | 113 => no_text(0),
        // BIT_BINARY.
        77 => no_text(number(rest)?.checked_add(5)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::beam::{gzip, module};

    #[test]
    fn texts_are_those_of_the_terms() {
        let terms: [&[u8]; 5] = [
            // {"dot", <<"jq .">>, [gs, 1]}
            b"h\x03k\0\x03dotm\0\0\0\x04jq .l\0\0\0\x02w\x02gsa\x01j",
            // #{a => <<"bc">>, 2.5 => -70000}
            b"t\0\0\0\x02w\x01am\0\0\0\x02bcF@\x04\0\0\0\0\0\0b\xff\xfe\xee\x90",
            // A term of a kind that no literal has.
            b"Xdot",
            // One that is cut off.
            b"m\0\0\xff\0dot",
            b"k\0\x02ls",
        ];
        let wanted: Vec<&[u8]> = vec![b"dot", b"jq .", b"bc", b"ls"];
        for is_packed in [true, false] {
            let bytes = module(&terms, ("lists", "map"), is_packed);
            let code = read(&bytes).unwrap();
            assert_eq!(code.texts, wanted);
            assert!(!code.starts);
        }
    }

    #[test]
    fn what_starts_programs_is_known_by_what_it_imports() {
        for (import, starts) in [
            (("os", "cmd"), true),
            (("erlang", "open_port"), true),
            (("Elixir.System", "cmd"), true),
            (("os", "getenv"), false),
        ] {
            let bytes = module(&[], import, true);
            assert_eq!(read(&bytes).unwrap().starts, starts, "{import:?}");
        }
    }

    #[test]
    fn long_lengths_of_atoms_are_read() {
        // The count is negative: "os" in four bits, a name of 20 letters in eleven.
        let chunk = [
            &(-2_i32).to_be_bytes(),
            b"\x20os\x08\x14".as_slice(),
            &[b'a'; 20],
        ]
        .concat();
        let wanted: Vec<&[u8]> = vec![b"os", &[b'a'; 20]];
        assert_eq!(atoms(&chunk), Some(wanted));
    }

    #[test]
    fn compressed_modules_are_opened() {
        let bytes = module(&[b"k\0\x02ls"], ("os", "cmd"), true);
        let packed = Blob::from_bytes(gzip(&bytes));
        assert!(!is_module(&packed));
        let opened = open(&packed).unwrap();
        assert!(is_module(&opened));
        assert_eq!(opened.read_all(MAX_SIZE).unwrap(), bytes);
        assert!(open(&Blob::from_bytes(gzip(&bytes)[..20].to_vec())).is_err());
    }

    #[test]
    fn damage_says_nothing() {
        let good = module(&[b"k\0\x02ls"], ("os", "cmd"), true);
        for len in 0..good.len() {
            // What is left may be a module without its last parts.
            let _ = read(&good[..len]);
        }
        assert_eq!(read(b"FOR1\0\0\0\0AIFF"), None);
        assert_eq!(
            read(b"FOR1\0\0\0\0BEAMLitT\0\0\0\x08\0\0\0\x09nonsense"),
            None
        );
        assert_eq!(
            read(b"FOR1\0\0\0\0BEAMAtU8\0\0\0\x04\x7f\xff\xff\xff"),
            None
        );
    }
}
