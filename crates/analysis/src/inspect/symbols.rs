//! The names and sizes of what an ELF library offers: its table of dynamic symbols.
//!
//! Only 64-bit files are read (`Elf64_Sym`, System V ABI, "Symbol Table"); others have no names here.

use object::Endianness;
use ounce_image::Blob;

use super::sections::{Part, Sections};

/// Bytes of an `Elf64_Sym`, and where in it the value and the size of what it names stand.
const ENTRY: usize = 24;
const VALUE: usize = 8;
const SIZE: usize = 16;
/// The largest tables that are read; OpenBLAS with kernels for all processors has 1 MiB.
const MAX_TABLE: u64 = 64 << 20;

/// Calls `found` with the name, the address and the size in bytes of every symbol.
pub fn each(content: &Blob, sections: &Sections, mut found: impl FnMut(&[u8], u64, u64)) {
    let read = |name: &[u8]| {
        let Part { offset, size } = sections.get(name).filter(|part| part.size <= MAX_TABLE)?;
        let mut bytes = vec![0; size as usize];
        content.read_exact_at(offset, &mut bytes).ok()?;
        Some(bytes)
    };
    if sections.address_size != 8 {
        return;
    }
    let (Some(table), Some(names)) = (read(b".dynsym"), read(b".dynstr")) else {
        return;
    };
    let number = |bytes: &[u8]| {
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match sections.endian {
            Endianness::Little => bytes.iter().rev().fold(0, fold),
            Endianness::Big => bytes.iter().fold(0, fold),
        }
    };
    for entry in table.chunks_exact(ENTRY) {
        let name = names
            .get(number(&entry[..4]) as usize..)
            .unwrap_or_default();
        let end = memchr::memchr(0, name).unwrap_or(name.len());
        let (value, size) = (number(&entry[VALUE..SIZE]), number(&entry[SIZE..]));
        found(&name[..end], value, size);
    }
}
