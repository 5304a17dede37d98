//! Bytes that can be read at any offset, wherever they lie.
//!
//! Everything in this crate reads content through a [`Blob`] with positioned reads into small
//! buffers: memory stays flat however large the image is, and a file that shrinks under us is an
//! error, not a signal (which is why nothing is memory-mapped). A rewritten layer and a root
//! folder are blobs too, spliced together from headers in memory and pieces of other blobs.

mod first;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::error::shown;

pub(crate) use first::First;

/// The size of the buffers that content is streamed through, in bytes.
pub const CHUNK: usize = 1 << 20;

/// Immutable bytes of a known length. Cloning is cheap.
#[derive(Clone)]
pub struct Blob(Kind);

#[derive(Clone)]
enum Kind {
    Extent {
        source: Arc<Source>,
        offset: u64,
        len: u64,
        first: First,
    },
    Spliced(Arc<Spliced>),
}

struct Source {
    file: File,
    /// Where it was opened; one file has one, however often it is opened for a piece.
    path: Arc<Path>,
}

struct Spliced {
    /// Each piece with the offset at which it starts; none is empty.
    pieces: Vec<(u64, Piece)>,
    len: u64,
}

/// A part of a spliced blob.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes in memory.
    Inline(Vec<u8>),
    /// A part of another blob.
    Slice(Blob),
    /// A part of a file of the machine, opened when it is read.
    File {
        /// The file; a symbolic link is not followed.
        path: Arc<Path>,
        /// Where the part begins, in bytes.
        offset: u64,
        /// Its length in bytes, as it was when the file was looked at.
        len: u64,
    },
    /// So many zero bytes.
    Zeros(u64),
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Slice(blob) => blob.len(),
            Self::File { len, .. } | Self::Zeros(len) => *len,
        }
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Inline(bytes) => {
                buf.copy_from_slice(&bytes[offset as usize..][..buf.len()]);
                Ok(())
            }
            Self::Slice(blob) => blob.read_exact_at(offset, buf),
            Self::File {
                path,
                offset: start,
                ..
            } => open(path)
                .and_then(|file| file.read_exact_at(buf, start + offset))
                .map_err(|e| about(path, e)),
            Self::Zeros(_) => {
                buf.fill(0);
                Ok(())
            }
        }
    }
}

/// Opens a file of a root folder; a link that took its place is not followed.
fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(
        path,
        flags,
        rustix::fs::Mode::empty(),
    )?))
}

fn about(path: &Path, error: io::Error) -> io::Error {
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the file became shorter while it was read".to_owned(),
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("{}: {reason}", shown(path)))
}

impl Blob {
    /// The whole of a file that is open for reading.
    ///
    /// # Errors
    /// The file's size cannot be asked for.
    pub fn from_file(file: File, path: &Path) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self(Kind::Extent {
            source: Arc::new(Source {
                file,
                path: Arc::from(path),
            }),
            offset: 0,
            len,
            first: First::default(),
        }))
    }

    /// The same, with the file open for as long as the blob lives, where it is a stretch of one file that is opened for
    /// every read. A file that cannot be opened says so when it is read.
    pub(crate) fn opened(self) -> Self {
        let Kind::Spliced(spliced) = &self.0 else {
            return self;
        };
        let [(_, Piece::File { path, offset, len })] = &*spliced.pieces else {
            return self;
        };
        match open(path) {
            Ok(file) => Self(Kind::Extent {
                source: Arc::new(Source {
                    file,
                    path: path.clone(),
                }),
                offset: *offset,
                len: *len,
                first: First::default(),
            }),
            Err(_) => self,
        }
    }

    /// The same, with its first bytes known where it is a stretch of one open file: they are not read again. What is
    /// spliced may have had other content when its headers were read.
    pub(crate) fn beginning_with(mut self, known: First) -> Self {
        if let Kind::Extent { first, .. } = &mut self.0 {
            *first = known;
        }
        self
    }

    /// Bytes in memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self::splice([Piece::Inline(bytes)])
    }

    /// Puts pieces one after the other; neighbours that continue each other become one.
    pub fn splice(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut joined: Vec<(u64, Piece)> = Vec::new();
        let mut len = 0;
        for piece in pieces {
            let piece_len = piece.len();
            if piece_len == 0 {
                continue;
            }
            if !joined
                .last_mut()
                .is_some_and(|(_, last)| last.absorb(&piece))
            {
                joined.push((len, piece));
            }
            len += piece_len;
        }
        Self(Kind::Spliced(Arc::new(Spliced {
            pieces: joined,
            len,
        })))
    }

    /// The length in bytes.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Kind::Extent { len, .. } => *len,
            Kind::Spliced(spliced) => spliced.len,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part of this blob; a range beyond the end is cut off there.
    pub fn slice(&self, range: Range<u64>) -> Self {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        match &self.0 {
            Kind::Extent {
                source,
                offset,
                first,
                ..
            } => Self(Kind::Extent {
                source: source.clone(),
                offset: offset + start,
                len: end - start,
                first: if start == 0 { *first } else { First::default() },
            }),
            Kind::Spliced(spliced) => Self::splice(spliced.cut(start..end)),
        }
    }

    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    /// The range reaches beyond the end, or the file below cannot be read or became shorter.
    pub fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if offset
            .checked_add(buf.len() as u64)
            .is_none_or(|end| end > self.len())
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match &self.0 {
            Kind::Extent {
                source,
                offset: start,
                first,
                ..
            } => match first.get(offset, buf.len()) {
                Some(bytes) => {
                    buf.copy_from_slice(bytes);
                    Ok(())
                }
                None => source
                    .file
                    .read_exact_at(buf, start + offset)
                    .map_err(|e| about(&source.path, e)),
            },
            Kind::Spliced(spliced) => spliced.read_exact_at(offset, buf),
        }
    }

    /// Fills as much of `buf` as there are bytes from `offset` on; returns how many.
    ///
    /// # Errors
    /// As [`Blob::read_exact_at`].
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let len = (buf.len() as u64).min(self.len().saturating_sub(offset)) as usize;
        self.read_exact_at(offset, &mut buf[..len])?;
        Ok(len)
    }

    /// Whether these are the first bytes; not when they cannot be read.
    pub fn begins_with<const N: usize>(&self, bytes: &[u8; N]) -> bool {
        let mut start = [0; N];
        self.read_exact_at(0, &mut start).is_ok() && start == *bytes
    }

    /// The whole content in memory, refused when it is longer than `limit` bytes.
    ///
    /// # Errors
    /// As [`Blob::read_exact_at`], and a length over `limit`.
    pub fn read_all(&self, limit: u64) -> io::Result<Vec<u8>> {
        if self.len() > limit {
            return Err(io::Error::other(format!(
                "{} bytes are more than the {limit} expected",
                self.len()
            )));
        }
        let mut bytes = vec![0; self.len() as usize];
        self.read_exact_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Streams the content through `each` in chunks of at most [`CHUNK`] bytes.
    ///
    /// # Errors
    /// As [`Blob::read_exact_at`], and what `each` returns.
    pub fn for_each_chunk(&self, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut buf = vec![0; CHUNK.min(self.len() as usize)];
        let mut offset = 0;
        while offset < self.len() {
            let read = self.read_at(offset, &mut buf)?;
            each(&buf[..read])?;
            offset += read as u64;
        }
        Ok(())
    }

    /// The parts that are not runs of zeros which are known without reading (holes of sparse
    /// files), in order.
    pub fn data_ranges(&self) -> Vec<Range<u64>> {
        match &self.0 {
            Kind::Extent { len, .. } => std::iter::once(0..*len).collect(),
            Kind::Spliced(spliced) => {
                let mut out: Vec<Range<u64>> = Vec::new();
                for (start, piece) in &spliced.pieces {
                    match (piece, out.last_mut()) {
                        (Piece::Zeros(_), _) => {}
                        (_, Some(last)) if last.end == *start => last.end += piece.len(),
                        _ => out.push(*start..start + piece.len()),
                    }
                }
                out
            }
        }
    }

    /// Whether two blobs are made of the same stretches of the same files, without reading them.
    pub fn same_source(&self, other: &Self) -> bool {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        self.flatten(&mut a);
        other.flatten(&mut b);
        a == b
    }

    fn flatten(&self, out: &mut Vec<Stretch>) {
        match &self.0 {
            Kind::Extent { len: 0, .. } => {}
            Kind::Extent {
                source,
                offset,
                len,
                ..
            } => out.push(Stretch::of(&source.path, *offset, *len)),
            Kind::Spliced(spliced) => {
                for (_, piece) in &spliced.pieces {
                    match piece {
                        Piece::Inline(bytes) => out.push(Stretch::Memory(bytes.clone())),
                        Piece::Slice(blob) => blob.flatten(out),
                        Piece::File { path, offset, len } => {
                            out.push(Stretch::of(path, *offset, *len));
                        }
                        Piece::Zeros(len) => out.push(Stretch::Zeros(*len)),
                    }
                }
            }
        }
    }

    /// A reader from the start.
    pub fn reader(&self) -> BlobReader {
        BlobReader {
            blob: self.clone(),
            position: 0,
        }
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Extent {
                source,
                offset,
                len,
                ..
            } => {
                write!(f, "{}@{offset}+{len}", source.path.display())
            }
            Kind::Spliced(spliced) => write!(f, "spliced({} bytes)", spliced.len),
        }
    }
}

impl Piece {
    /// Takes in `next` when it continues this piece in the same file.
    fn absorb(&mut self, next: &Self) -> bool {
        match (self, next) {
            (Self::Inline(a), Self::Inline(b)) => {
                a.extend_from_slice(b);
                true
            }
            (
                Self::Slice(Blob(Kind::Extent {
                    source: a,
                    offset,
                    len,
                    ..
                })),
                Self::Slice(Blob(Kind::Extent {
                    source: b,
                    offset: next,
                    len: more,
                    ..
                })),
            ) => {
                let continues = Arc::ptr_eq(a, b) && *offset + *len == *next;
                if continues {
                    *len += more;
                }
                continues
            }
            _ => false,
        }
    }
}

impl Spliced {
    /// The index of the piece that holds `offset`.
    fn piece_at(&self, offset: u64) -> usize {
        self.pieces
            .partition_point(|(start, _)| *start <= offset)
            .saturating_sub(1)
    }

    fn read_exact_at(&self, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        let mut index = self.piece_at(offset);
        while !buf.is_empty() {
            let (start, piece) = &self.pieces[index];
            let inside = offset - start;
            let len = (buf.len() as u64).min(piece.len() - inside) as usize;
            let (head, tail) = buf.split_at_mut(len);
            piece.read_at(inside, head)?;
            buf = tail;
            offset += len as u64;
            index += 1;
        }
        Ok(())
    }

    fn cut(&self, range: Range<u64>) -> Vec<Piece> {
        let mut out = Vec::new();
        let mut offset = range.start;
        let mut index = self.piece_at(offset);
        while offset < range.end {
            let (start, piece) = &self.pieces[index];
            let from = offset - start;
            let to = piece.len().min(range.end - start);
            out.push(match piece {
                Piece::Inline(bytes) => Piece::Inline(bytes[from as usize..to as usize].to_vec()),
                Piece::Slice(blob) => Piece::Slice(blob.slice(from..to)),
                Piece::Zeros(_) => Piece::Zeros(to - from),
                Piece::File { path, offset, .. } => Piece::File {
                    path: path.clone(),
                    offset: offset + from,
                    len: to - from,
                },
            });
            offset += to - from;
            index += 1;
        }
        out
    }
}

/// A part of a blob in terms of what it is read from.
#[derive(PartialEq, Eq)]
enum Stretch {
    /// The identity of a file's path, an offset and a length.
    File(usize, u64, u64),
    Memory(Vec<u8>),
    Zeros(u64),
}

impl Stretch {
    fn of(path: &Arc<Path>, offset: u64, len: u64) -> Self {
        Self::File(Arc::as_ptr(path).cast::<u8>().addr(), offset, len)
    }
}

/// Reads a [`Blob`] from front to back, with seeking.
#[derive(Clone, Debug)]
pub struct BlobReader {
    blob: Blob,
    position: u64,
}

impl Read for BlobReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.blob.read_at(self.position, buf)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.blob.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
