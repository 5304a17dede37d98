//! ELF sections by name: notes that compilers leave in programs for tools to read.
//!
//! Only tables and what is asked for are read, wherever in the file it lies. The loader ignores
//! sections; what it reads is in [`elf`](super::elf).

use std::collections::BTreeMap;
use std::io;

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _};
use object::read::{ReadCache, ReadRef, StringTable};
use ounce_image::Blob;

/// Where things are in an ELF file.
#[derive(Debug, Default)]
pub struct Sections {
    /// Sections by name, each with the bytes of the file that it takes.
    by_name: BTreeMap<Vec<u8>, Part>,
    segments: Vec<Segment>,
    /// The byte order of its numbers.
    pub endian: Endianness,
    /// Bytes of an address: 4 or 8.
    pub address_size: usize,
}

/// A stretch of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Where it begins.
    pub offset: u64,
    /// Its length.
    pub size: u64,
}

#[derive(Debug)]
struct Segment {
    part: Part,
    address: u64,
    is_writable: bool,
    is_code: bool,
}

/// Programs have some 40 sections and 12 segments, kernel modules built for patching thousands.
const MAX_COUNT: u32 = 100_000;
/// The names of as many sections, in bytes; those of a program take some hundred.
const MAX_NAMES: u64 = 16 << 20;

/// Reads the tables of an ELF file; `None` when it is not one, or they cannot be read.
pub fn read(content: &Blob) -> Option<Sections> {
    let mut ident = [0; 5];
    content.read_at(0, &mut ident).ok()?;
    let cache = ReadCache::new(content.reader());
    match ident.strip_prefix(b"\x7fELF")?.first() {
        Some(&class) if elf::FileClass(class) == elf::ELFCLASS32 => {
            parse::<FileHeader32<Endianness>, _>(&cache, 4)
        }
        Some(&class) if elf::FileClass(class) == elf::ELFCLASS64 => {
            parse::<FileHeader64<Endianness>, _>(&cache, 8)
        }
        _ => None,
    }
}

fn parse<'data, H, R>(data: R, address_size: usize) -> Option<Sections>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = H::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let mut out = Sections {
        endian,
        address_size,
        ..Sections::default()
    };
    let count = header.shnum(endian, data).ok()?;
    if count.max(header.phnum(endian, data).ok()?) > MAX_COUNT {
        return None;
    }
    let sections = header.section_headers(endian, data).ok()?;
    let names = names(header, endian, data, sections)?;
    let names = StringTable::new(names, 0, names.len() as u64);
    for section in sections {
        let name = section.name(endian, names).ok()?;
        if let Some((offset, size)) = section.file_range(endian) {
            out.by_name.insert(name.to_vec(), Part { offset, size });
        }
    }
    for segment in header.program_headers(endian, data).ok()? {
        if segment.p_type(endian) == elf::PT_LOAD {
            let (offset, size) = segment.file_range(endian);
            out.segments.push(Segment {
                part: Part { offset, size },
                address: segment.p_vaddr(endian).into(),
                is_writable: segment.p_flags(endian).contains(elf::PF_W),
                is_code: segment.p_flags(endian).contains(elf::PF_X),
            });
        }
    }
    Some(out)
}

/// The names of all sections in one read; `None` when they cannot be read.
fn names<'data, H, R>(
    header: &H,
    endian: Endianness,
    data: R,
    sections: &[H::SectionHeader],
) -> Option<&'data [u8]>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    if sections.is_empty() {
        return Some(&[]);
    }
    let table = header.section_strings_index(endian, data).ok()?;
    let table = sections.get(table.0)?;
    let size: u64 = table.sh_size(endian).into();
    (size <= MAX_NAMES).then(|| table.data(endian, data).ok())?
}

impl Sections {
    /// A section.
    pub fn get(&self, name: &[u8]) -> Option<Part> {
        self.by_name.get(name).copied()
    }

    /// All sections in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Part)> {
        let sections = self.by_name.iter();
        sections.map(|(name, part)| (name.as_slice(), *part))
    }

    /// Whether the file has no table of sections (some packers remove it).
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The segments that the program may write to.
    pub fn writable(&self) -> impl Iterator<Item = Part> {
        let writable = self.segments.iter().filter(|segment| segment.is_writable);
        writable.map(|segment| segment.part)
    }

    /// What the loader reads, the address at which each stretch begins (before the file is moved, if it may be), and
    /// whether there is code in it.
    pub fn loaded(&self) -> impl Iterator<Item = (Part, u64, bool)> {
        let segments = self.segments.iter();
        segments.map(|segment| (segment.part, segment.address, segment.is_code))
    }

    /// The address of a byte of the file, if it is loaded.
    pub fn address(&self, offset: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let inside = offset.checked_sub(segment.part.offset)?;
            (inside < segment.part.size).then(|| segment.address.wrapping_add(inside))
        })
    }

    /// Which byte of the file is loaded at an address.
    pub fn offset(&self, address: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let inside = address.checked_sub(segment.address)?;
            (inside < segment.part.size)
                .then(|| segment.part.offset.checked_add(inside))
                .flatten()
        })
    }

    /// Fills `buf` with what is loaded at an address.
    ///
    /// # Errors
    /// No segment has it, or the file ends before.
    pub fn read_at_address(&self, content: &Blob, address: u64, buf: &mut [u8]) -> io::Result<()> {
        let missing = || io::Error::other(format!("the address {address:#x} is not in the file"));
        content.read_exact_at(self.offset(address).ok_or_else(missing)?, buf)
    }
}
