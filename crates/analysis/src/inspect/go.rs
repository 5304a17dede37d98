//! What Go writes into the programs that it builds: the modules with their versions.
//!
//! The form is that of `debug/buildinfo` (Go's `src/debug/buildinfo/buildinfo.go`): a header of 32
//! bytes in section `.go.buildinfo`; since Go 1.18 the texts follow it, before it held their addresses.

use std::io;

use object::{Endian as _, Endianness};
use ounce_image::Blob;

use super::sections::{Part, Sections};

/// What a Go program was built from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildInfo {
    /// The version of Go, as `go1.22.1`.
    pub go: String,
    /// The package of the program, as `example.org/tool/cmd/tool`.
    pub path: String,
    /// The module of that package.
    pub main: Option<Module>,
    /// The other modules.
    pub modules: Vec<Module>,
}

/// A module of a Go program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its path.
    pub path: String,
    /// Its version, `(devel)` when it was built where it is written.
    pub version: String,
    /// The path under which it is imported, when another module takes its place.
    pub replaces: Option<String>,
}

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER: usize = 32;
/// The header is aligned so.
const ALIGN: usize = 16;
/// A program without a table of sections has the header near the start of its data.
const SEARCHED: u64 = 64 << 10;
/// The largest programs have some 1,000 modules, with a line of 150 bytes each.
const MAX_TEXT: usize = 16 << 20;

/// The table of the functions of a program of Go, which all have (Go's `src/debug/gosym/pclntab.go`).
pub fn functions(sections: &Sections) -> Option<Part> {
    let names = [b".gopclntab".as_slice(), b".data.rel.ro.gopclntab"];
    names.iter().find_map(|name| sections.get(name))
}

/// Reads the build information of a Go program; `None` when it has none.
///
/// # Errors
/// What is wrong with it.
pub fn inspect(content: &Blob, sections: &Sections) -> Result<Option<BuildInfo>, String> {
    let Some(offset) = find(content, sections).map_err(|e| e.to_string())? else {
        return Ok(None);
    };
    let (version, modules) = texts(content, sections, offset)
        .map_err(|e| format!("its Go build information cannot be read: {e}"))?;
    Ok((!version.is_empty()).then(|| parse(&version, &modules)))
}

fn find(content: &Blob, sections: &Sections) -> io::Result<Option<u64>> {
    let parts: Vec<Part> = match sections.get(b".go.buildinfo") {
        Some(part) => vec![part],
        None if sections.is_empty() => sections.writable().collect(),
        None => return Ok(None),
    };
    for part in parts {
        let mut bytes = vec![0; part.size.min(SEARCHED) as usize];
        let read = content.read_at(part.offset, &mut bytes)?;
        let at = bytes[..read]
            .chunks(ALIGN)
            .position(|chunk| chunk.starts_with(MAGIC));
        if let Some(at) = at {
            return Ok(Some(part.offset + (at * ALIGN) as u64));
        }
    }
    Ok(None)
}

/// The version of Go and the list of modules.
fn texts(content: &Blob, sections: &Sections, offset: u64) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut header = [0; HEADER];
    content.read_exact_at(offset, &mut header)?;
    let flags = header[15];
    if flags & 2 != 0 {
        let mut at = offset + HEADER as u64;
        let version = inline(content, &mut at)?;
        return Ok((version, inline(content, &mut at)?));
    }
    let size = usize::from(header[14]);
    let endian = match flags & 1 {
        0 => Endianness::Little,
        _ => Endianness::Big,
    };
    if size != sections.address_size {
        return Err(io::Error::other(format!("addresses of {size} bytes")));
    }
    let text = |at: usize| {
        let header = number(endian, &header[at..at + size]);
        let mut string = [0; 16];
        let string = &mut string[..2 * size];
        sections.read_at_address(content, header, string)?;
        let (address, len) = string.split_at(size);
        let mut text = vec![0; bounded(number(endian, len))?];
        sections.read_at_address(content, number(endian, address), &mut text)?;
        Ok::<_, io::Error>(text)
    };
    Ok((text(16)?, text(16 + size)?))
}

/// A text behind its length, which is a number in base 128 (`encoding/binary`, "varint").
fn inline(content: &Blob, at: &mut u64) -> io::Result<Vec<u8>> {
    let mut len: u64 = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        content.read_exact_at(*at, &mut byte)?;
        *at += 1;
        len |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            break;
        }
    }
    let mut text = vec![0; bounded(len)?];
    content.read_exact_at(*at, &mut text)?;
    *at += text.len() as u64;
    Ok(text)
}

fn bounded(len: u64) -> io::Result<usize> {
    match usize::try_from(len) {
        Ok(len) if len <= MAX_TEXT => Ok(len),
        _ => Err(io::Error::other(format!("a text of {len} bytes"))),
    }
}

fn number(endian: Endianness, bytes: &[u8]) -> u64 {
    match *bytes {
        [a, b, c, d] => endian.read_u32([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => endian.read_u64([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

/// Reads the lines of `runtime/debug.BuildInfo.String`. The list stands between two marks of 16
/// bytes, by which it is found in memory.
fn parse(version: &[u8], modules: &[u8]) -> BuildInfo {
    let mut out = BuildInfo {
        go: String::from_utf8_lossy(version).into_owned(),
        ..BuildInfo::default()
    };
    let end = modules.len().saturating_sub(16);
    let text = String::from_utf8_lossy(modules.get(16..end).unwrap_or_default());
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let module = |path: &str, version: &str| Module {
            path: path.to_owned(),
            version: version.to_owned(),
            replaces: None,
        };
        match fields.as_slice() {
            ["path", path] => out.path = (*path).to_owned(),
            ["mod", path, version, ..] => out.main = Some(module(path, version)),
            ["dep", path, version, ..] => out.modules.push(module(path, version)),
            ["=>", path, version, ..] => {
                let replaced = out.modules.last_mut().or(out.main.as_mut());
                if let Some(replaced) = replaced {
                    let name = std::mem::take(&mut replaced.path);
                    *replaced = Module {
                        replaces: Some(name),
                        ..module(path, version)
                    };
                }
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &str) -> Vec<u8> {
        [&[b'<'; 16], lines.as_bytes(), &[b'>'; 16]].concat()
    }

    #[test]
    fn modules_are_read_with_what_takes_their_place() {
        let lines = "path\tex.org/a/cmd/a\nmod\tex.org/a\t(devel)\t\ndep\tex.org/b\tv1.2.0\th1:x=\n\
            dep\tex.org/c\tv0.1.0\n=>\tex.org/fork\tv0.2.0\th1:y=\nbuild\tCGO_ENABLED=0\n";
        let info = parse(b"go1.22.1", &text(lines));
        let shown: Vec<_> = info
            .modules
            .iter()
            .map(|m| (&*m.path, &*m.version, m.replaces.as_deref()))
            .collect();
        let wanted = [
            ("ex.org/b", "v1.2.0", None),
            ("ex.org/fork", "v0.2.0", Some("ex.org/c")),
        ];
        assert_eq!(shown, wanted);
        assert_eq!((&*info.go, &*info.path), ("go1.22.1", "ex.org/a/cmd/a"));
        assert_eq!(info.main.unwrap().version, "(devel)");
    }

    #[test]
    fn texts_in_the_file_are_bounded_by_it() {
        let mut bytes = [MAGIC, &[8, 2], &[0; 16]].concat();
        let sections = Sections::default();
        let texts_of = |bytes: &[u8]| texts(&Blob::from_bytes(bytes.to_vec()), &sections, 0);
        bytes.extend(b"\x03go1\x02ab");
        assert_eq!(texts_of(&bytes).unwrap(), (b"go1".into(), b"ab".into()));
        bytes.truncate(HEADER + 2);
        assert!(texts_of(&bytes).is_err());
        bytes.truncate(HEADER);
        bytes.extend([0xff; 12]);
        assert!(texts_of(&bytes).is_err());
    }
}
