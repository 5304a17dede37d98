//! Writes the outer tar archive of `docker-archive:` and `oci-archive:` in one pass: an entry whose
//! name is the digest of its content gets its header when the content has passed.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;

use tar_core::builder::HeaderBuilder;
use tar_core::{EntryType, HEADER_SIZE};

/// An archive being written. Headers carry no time and no owner.
pub(super) struct ArchiveWriter {
    file: File,
    offset: u64,
}

impl ArchiveWriter {
    pub(super) fn new(file: File) -> Self {
        Self { file, offset: 0 }
    }

    /// Adds a file that is in memory.
    pub(super) fn entry(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.stream(|out| {
            out.write_all(content)?;
            Ok((Some(name.to_owned()), ()))
        })
    }

    /// Adds a file whose name is known once it is written; without a name it is taken back.
    pub(super) fn stream<T>(
        &mut self,
        fill: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<(Option<String>, T)>,
    ) -> io::Result<T> {
        let start = self.offset + HEADER_SIZE as u64;
        let mut out = At {
            file: &self.file,
            offset: start,
        };
        let (name, value) = fill(&mut out)?;
        let len = out.offset - start;
        if let Some(name) = name {
            self.file.write_all_at(&header(&name, len)?, self.offset)?;
            self.offset = start + len.next_multiple_of(HEADER_SIZE as u64);
            // The padding: what was taken back before may stand there.
            self.file
                .write_all_at(&vec![0; (self.offset - start - len) as usize], start + len)?;
        }
        Ok(value)
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.file.write_all_at(&[0; 2 * HEADER_SIZE], self.offset)?;
        self.file.set_len(self.offset + 2 * HEADER_SIZE as u64)
    }
}

fn header(name: &str, len: u64) -> io::Result<[u8; HEADER_SIZE]> {
    let mut builder = HeaderBuilder::new_gnu();
    builder.entry_type(EntryType::Regular);
    let set = |builder: &mut HeaderBuilder| -> Result<(), tar_core::HeaderError> {
        builder
            .path(name.as_bytes())?
            .mode(0o644)?
            .uid(0)?
            .gid(0)?
            .mtime(0)?
            .size(len)?;
        Ok(())
    };
    set(&mut builder).map_err(io::Error::other)?;
    Ok(*builder.finish().as_bytes())
}

/// Writes at a place of its own in a file.
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl Write for At<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.offset)?;
        self.offset += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
