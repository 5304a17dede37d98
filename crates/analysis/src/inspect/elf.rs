//! ELF files: what the loader will look for.
//!
//! Only program headers and the dynamic section are read, as the loader does (System V ABI,
//! "Dynamic Linking"); section headers may be stripped.

use std::collections::BTreeSet;
use std::ops::Range;

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, Sym as _};
use object::read::{ReadCache, ReadRef};
use object::{Endianness, pod};
use ounce_image::Blob;

/// What the loader reads in an ELF file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Elf {
    /// The word size and processor (`e_ident[EI_CLASS]`, `e_machine`): the loader passes over libraries that differ.
    pub machine: (u8, u16),
    /// The program interpreter (`PT_INTERP`).
    pub interpreter: Option<Vec<u8>>,
    /// The name under which other files need it (`DT_SONAME`).
    pub soname: Option<Vec<u8>>,
    /// Libraries it needs (`DT_NEEDED`), in order.
    pub needed: Vec<Vec<u8>>,
    /// The folders of `DT_RPATH`.
    pub rpath: Vec<Vec<u8>>,
    /// The folders of `DT_RUNPATH`.
    pub runpath: Vec<Vec<u8>>,
    /// Whether its libraries are not to be looked for in the default folders (`DF_1_NODEFLIB`).
    pub no_default_folders: bool,
    /// The bytes of the file that hold the names of all symbols it takes or gives (`DT_STRTAB`).
    pub names: Range<u64>,
}

/// Dynamic sections of real files hold some hundred entries of 16 bytes; larger ones are hostile.
const MAX_DYNAMIC: u64 = 256 << 10;
/// Of a library's name (`NAME_MAX` of Linux is 255; a path may stand in its place).
const MAX_NAME: u64 = 4096;
/// Symbols of one file; browsers take some 10,000.
const MAX_SYMBOLS: u64 = 1 << 22;
/// Of a list of folders, which may hold many of the longest paths.
const MAX_FOLDERS: u64 = 1 << 20;

/// Reads an ELF file; `None` when it is not one.
///
/// # Errors
/// What is wrong with a file that begins like an ELF file.
pub fn inspect(content: &Blob) -> Result<Option<Elf>, String> {
    let cache = ReadCache::new(content.reader());
    match class(content)? {
        None => Ok(None),
        Some(elf::ELFCLASS32) => parse::<FileHeader32<Endianness>, _>(&cache).map(Some),
        Some(_) => parse::<FileHeader64<Endianness>, _>(&cache).map(Some),
    }
}

/// The names of the symbols that an ELF file takes from others; none when it is not one.
///
/// # Errors
/// What is wrong with a file that begins like an ELF file.
pub fn imports(content: &Blob) -> Result<BTreeSet<Vec<u8>>, String> {
    let cache = ReadCache::new(content.reader());
    match class(content)? {
        None => Ok(BTreeSet::new()),
        Some(elf::ELFCLASS32) => taken::<FileHeader32<Endianness>, _>(&cache),
        Some(_) => taken::<FileHeader64<Endianness>, _>(&cache),
    }
}

/// The word size of an ELF file; `None` when it is not one.
fn class(content: &Blob) -> Result<Option<elf::FileClass>, String> {
    let mut ident = [0; 5];
    let read = content.read_at(0, &mut ident).map_err(|e| e.to_string())?;
    let class = ident[..read]
        .strip_prefix(b"\x7fELF")
        .and_then(|rest| rest.first());
    match class.map(|class| elf::FileClass(*class)) {
        None => Ok(None),
        Some(class @ (elf::ELFCLASS32 | elf::ELFCLASS64)) => Ok(Some(class)),
        Some(class) => Err(format!("the ELF class {} is unknown", class.0)),
    }
}

/// The parts of a file that the loader reads.
struct Dynamic<'data, H: FileHeader<Endian = Endianness>, R> {
    data: R,
    header: &'data H,
    endian: Endianness,
    segments: &'data [H::ProgramHeader],
    entries: &'data [H::Dyn],
}

impl<'data, H, R> Dynamic<'data, H, R>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    fn read(data: R) -> Result<Self, String> {
        let text = |e: object::read::Error| e.to_string();
        let header = H::parse(data).map_err(text)?;
        let endian = header.endian().map_err(text)?;
        let segments = header.program_headers(endian, data).map_err(text)?;
        let dynamic = segments
            .iter()
            .rfind(|segment| segment.p_type(endian) == elf::PT_DYNAMIC);
        let entries = match dynamic {
            Some(segment) => {
                let size: u64 = segment.p_filesz(endian).into();
                bounded(size, MAX_DYNAMIC)?;
                segment
                    .dynamic(endian, data)
                    .map_err(text)?
                    .unwrap_or_default()
            }
            None => &[],
        };
        Ok(Self {
            data,
            header,
            endian,
            segments,
            entries,
        })
    }

    /// The entries up to the end mark, as the loader reads them.
    fn entries(&self) -> impl Iterator<Item = &'data H::Dyn> {
        let endian = self.endian;
        self.entries
            .iter()
            .take_while(move |entry| entry.tag(endian) != elf::DT_NULL)
    }

    fn value(&self, wanted: elf::DynamicTag) -> Option<u64> {
        self.entries()
            .find(|entry| entry.tag(self.endian) == wanted)
            .map(|entry| entry.val(self.endian))
    }

    /// Where the file has the bytes at the address that an entry gives.
    fn offset(&self, wanted: elf::DynamicTag) -> Option<u64> {
        file_offset::<H>(self.segments, self.endian, self.value(wanted)?)
    }

    fn interpreter(&self) -> Result<Option<Vec<u8>>, String> {
        let mut out = None;
        for segment in self.segments {
            if segment.p_type(self.endian) == elf::PT_INTERP {
                let size: u64 = segment.p_filesz(self.endian).into();
                bounded(size, MAX_NAME)?;
                let interpreter = segment.interpreter(self.endian, self.data);
                out = interpreter.map_err(|e| e.to_string())?.map(<[u8]>::to_vec);
            }
        }
        Ok(out)
    }

    /// The table of texts with its size; `None` when there is none.
    fn strings(&self) -> Result<Option<Strings<R>>, String> {
        let Some(size) = self
            .value(elf::DT_STRSZ)
            .filter(|_| self.value(elf::DT_STRTAB).is_some())
        else {
            return Ok(None);
        };
        let start = self
            .offset(elf::DT_STRTAB)
            .ok_or_else(|| "its string table is not in the file".to_owned())?;
        let data = self.data;
        Ok(Some(Strings { data, start, size }))
    }

    /// How many symbols the file takes or gives at least until the last that it takes: in the GNU hash table
    /// those that it takes stand before those that are hashed (binutils, `elf_renumber_gnu_hash_syms`);
    /// the old table counts all.
    fn symbol_count(&self) -> Option<u64> {
        let word = |at: u64| {
            let bytes = self.data.read_bytes_at(at, 4).ok()?;
            let (word, _) = pod::from_bytes::<object::U32<Endianness>>(bytes).ok()?;
            Some(u64::from(word.get(self.endian)))
        };
        let hashed = self
            .offset(elf::DT_GNU_HASH)
            .and_then(|at| word(at.checked_add(4)?));
        hashed.or_else(|| {
            self.offset(elf::DT_HASH)
                .and_then(|at| word(at.checked_add(4)?))
        })
    }
}

/// A table of texts that end in NUL.
struct Strings<R> {
    data: R,
    start: u64,
    size: u64,
}

impl<'data, R: ReadRef<'data>> Strings<R> {
    // Programs with many symbols have string tables of 100 MB; only a few of the strings count here.
    fn get(&self, at: u64, longest: u64) -> Result<&'data [u8], String> {
        let len = self.size.saturating_sub(at).min(longest);
        let bytes = self
            .start
            .checked_add(at)
            .and_then(|start| self.data.read_bytes_at(start, len).ok())
            .ok_or_else(|| "its string table is cut short".to_owned())?;
        let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
        Ok(&bytes[..end])
    }
}

fn bounded(size: u64, most: u64) -> Result<(), String> {
    match size <= most {
        true => Ok(()),
        false => Err(format!(
            "a segment of {size} bytes is too large for its kind"
        )),
    }
}

fn parse<'data, H, R>(data: R) -> Result<Elf, String>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let dynamic = Dynamic::<H, R>::read(data)?;
    let (header, endian) = (dynamic.header, dynamic.endian);
    let mut out = Elf {
        machine: (header.e_ident().class.0, header.e_machine(endian).0),
        interpreter: dynamic.interpreter()?,
        ..Elf::default()
    };
    let Some(strings) = dynamic.strings()? else {
        return Ok(out);
    };
    for entry in dynamic
        .entries()
        .filter(|entry| entry.tag(endian) == elf::DT_NEEDED)
    {
        let name = strings.get(entry.val(endian), MAX_NAME)?;
        out.needed.push(name.to_vec());
    }
    if let Some(at) = dynamic.value(elf::DT_SONAME) {
        out.soname = Some(strings.get(at, MAX_NAME)?.to_vec());
    }
    if let Some(at) = dynamic.value(elf::DT_RPATH) {
        out.rpath = folders(strings.get(at, MAX_FOLDERS)?);
    }
    if let Some(at) = dynamic.value(elf::DT_RUNPATH) {
        out.runpath = folders(strings.get(at, MAX_FOLDERS)?);
    }
    let flags = dynamic.value(elf::DT_FLAGS_1).unwrap_or_default();
    out.no_default_folders = flags & elf::DF_1_NODEFLIB.0 != 0;
    out.names = strings.start..strings.start.saturating_add(strings.size);
    Ok(out)
}

fn taken<'data, H, R>(data: R) -> Result<BTreeSet<Vec<u8>>, String>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let dynamic = Dynamic::<H, R>::read(data)?;
    let table = (
        dynamic.strings()?,
        dynamic.offset(elf::DT_SYMTAB),
        dynamic.symbol_count(),
    );
    let (Some(strings), Some(mut at), Some(count)) = table else {
        return Ok(BTreeSet::new());
    };
    let count = count.min(MAX_SYMBOLS) as usize;
    let symbols: &[H::Sym] = data
        .read_slice(&mut at, count)
        .map_err(|()| "its table of symbols is cut short".to_owned())?;
    let mut out = BTreeSet::new();
    for symbol in symbols
        .iter()
        .filter(|symbol| symbol.is_undefined(dynamic.endian))
    {
        let name = strings.get(symbol.st_name(dynamic.endian).into(), MAX_NAME)?;
        out.insert(name.to_vec());
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
        assert!(imports(&content).unwrap().contains(b"memcpy".as_slice()));
    }
}
