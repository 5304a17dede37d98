//! ELF sections: how many bytes of a file are there for what. The loader does not read them, so a file
//! may have none.

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader as _};
use object::read::{ReadCache, ReadRef};
use ounce_image::Blob;

/// The sections of an ELF file that have content in it, each with its name and size in bytes, in their
/// order; nothing for other files and for those that are damaged.
pub fn sections(content: &Blob) -> Vec<(Vec<u8>, u64)> {
    let mut ident = [0; 5];
    let Ok(5) = content.read_at(0, &mut ident) else {
        return Vec::new();
    };
    let cache = ReadCache::new(content.reader());
    let found = match ident.strip_prefix(b"\x7fELF") {
        Some([1]) => read::<FileHeader32<Endianness>, _>(&cache, content.len()),
        Some([2]) => read::<FileHeader64<Endianness>, _>(&cache, content.len()),
        _ => None,
    };
    found.unwrap_or_default()
}

fn read<'data, H, R>(data: R, len: u64) -> Option<Vec<(Vec<u8>, u64)>>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = H::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let table = header.sections(endian, data).ok()?;
    let mut left = len;
    let mut out = Vec::new();
    for section in table.iter() {
        // SHT_NOBITS has no bytes in the file (System V ABI, "Sections").
        let Some((start, size)) = section.file_range(endian) else {
            continue;
        };
        // Together they cannot be more than the file.
        let is_inside = start.checked_add(size).is_some_and(|end| end <= len);
        if section.sh_type(endian) == elf::SHT_NULL || !is_inside || size > left {
            continue;
        }
        left -= size;
        let name = table.section_name(endian, section).ok()?;
        out.push((name.to_vec(), size));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_has_code_and_other_files_have_no_sections() {
        let path = std::env::current_exe().unwrap();
        let content = Blob::from_file(std::fs::File::open(&path).unwrap(), &path).unwrap();
        let found = sections(&content);
        assert!(
            found
                .iter()
                .any(|(name, size)| name == b".text" && *size > 4096)
        );
        assert!(found.iter().map(|(_, size)| size).sum::<u64>() <= content.len());
        assert_eq!(sections(&Blob::from_bytes(b"text".to_vec())), []);
        let damaged = content
            .slice(0..content.len() / 2)
            .read_all(1 << 30)
            .unwrap();
        assert_eq!(sections(&Blob::from_bytes(damaged)), []);
    }
}
