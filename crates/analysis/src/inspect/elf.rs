//! ELF files: what the loader will look for.
//!
//! Only program headers and the dynamic section are read, as the loader does (System V ABI,
//! "Dynamic Linking"); section headers may be stripped.

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::read::{ReadCache, ReadRef};
use ounce_image::Blob;

/// What the loader reads in an ELF file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Elf {
    /// The program interpreter (`PT_INTERP`).
    pub interpreter: Option<Vec<u8>>,
    /// Libraries it needs (`DT_NEEDED`), in order.
    pub needed: Vec<Vec<u8>>,
    /// The folders of `DT_RPATH`.
    pub rpath: Vec<Vec<u8>>,
    /// The folders of `DT_RUNPATH`.
    pub runpath: Vec<Vec<u8>>,
}

/// Dynamic sections of real files hold some hundred entries of 16 bytes; larger ones are hostile.
const MAX_DYNAMIC: u64 = 256 << 10;
/// Of a library's name (`NAME_MAX` of Linux is 255; a path may stand in its place).
const MAX_NAME: u64 = 4096;
/// Of a list of folders, which may hold many of the longest paths.
const MAX_FOLDERS: u64 = 1 << 20;

/// Reads an ELF file; `None` when it is not one.
///
/// # Errors
/// What is wrong with a file that begins like an ELF file.
pub fn inspect(content: &Blob) -> Result<Option<Elf>, String> {
    let mut ident = [0; 5];
    let read = content.read_at(0, &mut ident).map_err(|e| e.to_string())?;
    let cache = ReadCache::new(content.reader());
    let Some(class) = ident[..read]
        .strip_prefix(b"\x7fELF")
        .and_then(|rest| rest.first())
    else {
        return Ok(None);
    };
    match elf::FileClass(*class) {
        elf::ELFCLASS32 => parse::<FileHeader32<Endianness>, _>(&cache).map(Some),
        elf::ELFCLASS64 => parse::<FileHeader64<Endianness>, _>(&cache).map(Some),
        _ => Err(format!("the ELF class {class} is unknown")),
    }
}

fn parse<'data, H, R>(data: R) -> Result<Elf, String>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let text = |e: object::read::Error| e.to_string();
    let header = H::parse(data).map_err(text)?;
    let endian = header.endian().map_err(text)?;
    let segments = header.program_headers(endian, data).map_err(text)?;
    let mut out = Elf::default();
    let mut dynamic: &[H::Dyn] = &[];
    for segment in segments {
        let size: u64 = segment.p_filesz(endian).into();
        match segment.p_type(endian) {
            elf::PT_INTERP if size <= 4096 => {
                out.interpreter = segment
                    .interpreter(endian, data)
                    .map_err(text)?
                    .map(<[u8]>::to_vec);
            }
            elf::PT_DYNAMIC if size <= MAX_DYNAMIC => {
                dynamic = segment
                    .dynamic(endian, data)
                    .map_err(text)?
                    .unwrap_or_default()
            }
            elf::PT_INTERP | elf::PT_DYNAMIC => {
                return Err(format!(
                    "a segment of {size} bytes is too large for its kind"
                ));
            }
            _ => {}
        }
    }
    let value = |wanted| {
        dynamic
            .iter()
            .find(|entry| entry.tag(endian) == wanted)
            .map(|entry| entry.val(endian))
    };
    let (Some(address), Some(size)) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) else {
        return Ok(out);
    };
    // Programs with many symbols have string tables of 100 MB; only a few of the strings count here.
    let table = file_offset::<H>(segments, endian, address)
        .ok_or_else(|| "its string table is not in the file".to_owned())?;
    let string = |at: u64, longest: u64| {
        let len = size.saturating_sub(at).min(longest);
        let bytes = table
            .checked_add(at)
            .and_then(|start| data.read_bytes_at(start, len).ok())
            .ok_or_else(|| "its string table is cut short".to_owned())?;
        let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
        Ok::<_, String>(&bytes[..end])
    };
    let names = dynamic
        .iter()
        .take_while(|entry| entry.tag(endian) != elf::DT_NULL)
        .filter(|entry| entry.tag(endian) == elf::DT_NEEDED);
    for entry in names {
        out.needed
            .push(string(entry.val(endian), MAX_NAME)?.to_vec());
    }
    if let Some(at) = value(elf::DT_RPATH) {
        out.rpath = folders(string(at, MAX_FOLDERS)?);
    }
    if let Some(at) = value(elf::DT_RUNPATH) {
        out.runpath = folders(string(at, MAX_FOLDERS)?);
    }
    Ok(out)
}

/// Where in the file the bytes at a virtual address are, when a loaded segment holds them.
fn file_offset<H: FileHeader<Endian = Endianness>>(
    segments: &[H::ProgramHeader],
    endian: Endianness,
    address: u64,
) -> Option<u64> {
    segments.iter().find_map(|segment| {
        let start: u64 = segment.p_vaddr(endian).into();
        let len: u64 = segment.p_filesz(endian).into();
        let inside = address.checked_sub(start).filter(|inside| *inside < len)?;
        let file: u64 = segment.p_offset(endian).into();
        (segment.p_type(endian) == elf::PT_LOAD)
            .then(|| file.checked_add(inside))
            .flatten()
    })
}

fn folders(list: &[u8]) -> Vec<Vec<u8>> {
    list.split(|&b| b == b':')
        .filter(|folder| !folder.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_not_elf() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fEL"] {
            assert_eq!(inspect(&Blob::from_bytes(bytes.to_vec())), Ok(None));
        }
    }

    #[test]
    fn damaged_elf_is_an_error_not_a_panic() {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        assert!(inspect(&Blob::from_bytes(bytes.clone())).is_err());
        bytes.resize(64, 0xff);
        assert!(inspect(&Blob::from_bytes(bytes)).is_err());
    }

    #[test]
    fn this_program_needs_the_c_library() {
        let path = std::env::current_exe().unwrap();
        let content = Blob::from_file(std::fs::File::open(&path).unwrap(), &path).unwrap();
        let elf = inspect(&content).unwrap().unwrap();
        assert!(
            elf.needed.iter().any(|name| name.starts_with(b"libc.")),
            "{elf:?}"
        );
        assert!(elf.interpreter.is_some());
    }
}
