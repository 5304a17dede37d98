//! Compression of layers: recognising it, undoing it once, and doing it the same way every time.
//!
//! Compressed output is a row of independent members (gzip) or frames (zstd), one for each fixed
//! stretch of input, so the bytes do not depend on the number of threads. RFC 1952 section 2.2 and
//! RFC 8878 section 3.1 define such rows as one stream, and every container tool reads them so.

use std::io::{self, BufRead, BufReader, Read, Write};

use std::path::Path;
use std::sync::mpsc;

use flate2::bufread::MultiGzDecoder;
use rayon::prelude::*;

use crate::blob::{Blob, CHUNK};
use crate::compression::CompressionMap;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, IoContext as _, Result};
use crate::progress::Progress;

/// How a layer or archive is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// As it is.
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// 18 % less work than libdeflate's default of 6 for 0.5 % more bytes (787 and 791 MB of conda layers);
/// level 4 takes 14 % less again, for 1.8 %.
const GZIP_LEVEL: i32 = 5;
/// Twice the work of zstd's default for 5 % less; still faster than gzip.
const ZSTD_LEVEL: i32 = 9;
/// How much is compressed at a time at least, in bytes: the last stretches of each batch leave cores idle.
const MIN_BATCH: usize = 8 * CHUNK;

impl Codec {
    /// Recognises a compressed stream by its first bytes.
    ///
    /// # Errors
    /// The bytes cannot be read.
    pub fn detect(blob: &Blob) -> io::Result<Self> {
        let mut magic = [0; 4];
        let read = blob.read_at(0, &mut magic)?;
        Ok(match &magic[..read] {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Self::Zstd,
            _ => Self::Plain,
        })
    }

    /// The name and settings that compressed output depends on, for the record.
    pub fn settings(self) -> &'static str {
        match self {
            Self::Plain => "none",
            Self::Gzip => "gzip, libdeflate level 5, members of 1 MiB",
            Self::Zstd => "zstd, level 9, frames of 4 MiB",
        }
    }

    fn stretch(self) -> usize {
        match self {
            Self::Plain | Self::Gzip => CHUNK,
            Self::Zstd => 4 * CHUNK,
        }
    }
}

/// Compresses stretches one after the other. What that takes is made once: to make it anew
/// for each took two fifths of `slim`'s system time, and the allocator kept 200 MB more.
pub(crate) enum Press {
    Plain,
    Gzip {
        compressor: libdeflater::Compressor,
        room: Vec<u8>,
    },
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Press {
    fn new(codec: Codec) -> io::Result<Self> {
        Ok(match codec {
            Codec::Plain => Self::Plain,
            Codec::Gzip => Self::gzip(),
            Codec::Zstd => Self::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        })
    }

    pub(crate) fn gzip() -> Self {
        let level = libdeflater::CompressionLvl::new(GZIP_LEVEL);
        let level = level.expect("libdeflate has levels 0 to 12");
        Self::Gzip {
            compressor: libdeflater::Compressor::new(level),
            room: Vec::new(),
        }
    }

    /// A member or frame of its own: the same bytes whatever came before.
    pub(crate) fn stretch(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(bytes.to_vec()),
            Self::Gzip { compressor, room } => {
                let bound = compressor.gzip_compress_bound(bytes.len());
                room.resize(room.len().max(bound), 0);
                let len = compressor.gzip_compress(bytes, room);
                Ok(room[..len.map_err(io::Error::other)?].to_vec())
            }
            Self::Zstd(compressor) => compressor.compress(bytes),
        }
    }
}

/// How far a compressed stream may expand.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that any stream may expand to.
    pub floor: u64,
    /// Beyond the floor, the largest ratio of uncompressed to compressed bytes.
    pub ratio: u64,
}

impl Default for Limits {
    /// 4 GiB whatever the ratio, beyond that 200 times: real layers stay below 20, and zeros alone
    /// reach 1,000.
    fn default() -> Self {
        Self {
            floor: 4 << 30,
            ratio: 200,
        }
    }
}

impl Limits {
    /// Refuses what grows from `stored` to `expanded` bytes.
    pub(crate) fn check(self, name: &str, stored: u64, expanded: u64) -> Result<()> {
        let limit = self.floor.max(self.ratio.saturating_mul(stored));
        match expanded <= limit {
            true => Ok(()),
            false => Err(Error::Bomb {
                layer: name.to_owned(),
                compressed: stored,
                limit,
                ratio: self.ratio,
            }),
        }
    }
}

/// What was written of a layer.
#[derive(Debug, Clone, Copy)]
pub struct Streamed {
    /// The digest of the uncompressed bytes.
    pub diff_id: Digest,
    /// Uncompressed bytes.
    pub len: u64,
    /// The digest of the compressed bytes; of a plain stream its diff id.
    pub digest: Digest,
    /// Compressed bytes.
    pub size: u64,
}

/// Undoes the compression of `blob` into `out`, a file at `path`; `name` is the layer in errors.
/// Returns the digest of the compressed bytes, and which of them hold which uncompressed ones.
///
/// # Errors
/// A damaged or cut-off stream, one that expands beyond `limits`, a full disk.
pub(crate) fn decompress(
    blob: &Blob,
    codec: Codec,
    name: &str,
    (out, path): (&mut dyn Write, &Path),
    limits: Limits,
    progress: &Progress,
) -> Result<(Digest, CompressionMap)> {
    let mut input = BufReader::with_capacity(
        CHUNK / 4,
        Hashing {
            inner: blob.reader(),
            hasher: Hasher::default(),
        },
    );
    let (mut len, mut map) = (0, CompressionMap::start());
    let mut chunk = vec![0; CHUNK];
    {
        let mut decoder = Decoder::new(&mut input, codec).in_layer(name)?;
        loop {
            let read = read_full(&mut decoder, &mut chunk).in_layer(name)?;
            if read == 0 {
                break;
            }
            len += read as u64;
            limits.check(name, blob.len(), len)?;
            out.write_all(&chunk[..read]).doing("writing", path)?;
            map.push(len, decoder.consumed());
            progress.advance(read as u64).in_layer(name)?;
        }
    }
    // What a decoder leaves behind the stream belongs to the blob's digest.
    io::copy(&mut input, &mut io::sink()).in_layer(name)?;
    map.finish(len, blob.len());
    Ok((input.into_inner().hasher.finish(), map))
}

/// Compresses `tar` into `out`: the same bytes for any number of threads.
///
/// # Errors
/// The content cannot be read, `out` cannot be written, or the work was stopped.
pub(crate) fn compress(
    tar: &Blob,
    codec: Codec,
    out: &mut (dyn Write + Send),
    progress: &Progress,
) -> io::Result<Streamed> {
    let stretches = rayon::current_num_threads().max(1) * 2;
    let stretches = stretches.max(MIN_BATCH / codec.stretch());
    let mut presses = (0..stretches)
        .map(|_| Press::new(codec))
        .collect::<io::Result<Vec<_>>>()?;
    std::thread::scope(|scope| {
        // A thread of its own takes what is ready, so that no core waits for the output.
        let (ready, waiting) = mpsc::sync_channel::<Vec<Vec<u8>>>(1);
        let writer = scope.spawn(move || write_batches(&waiting, out));
        let compressed = compress_batches(tar, codec.stretch(), &mut presses, &ready, progress);
        drop(ready);
        let (digest, size) = writer.join().expect("writing does not panic")?;
        Ok(Streamed {
            diff_id: compressed?,
            len: tar.len(),
            digest,
            size,
        })
    })
}

/// Sends `tar` compressed, a batch of as many stretches as there are presses at a time; returns the
/// digest of the uncompressed bytes.
fn compress_batches(
    tar: &Blob,
    stretch: usize,
    presses: &mut [Press],
    ready: &mpsc::SyncSender<Vec<Vec<u8>>>,
    progress: &Progress,
) -> io::Result<Digest> {
    hashing(tar, stretch * presses.len(), progress, |bytes| {
        let stretches = bytes
            .par_chunks(stretch)
            .zip(presses.par_iter_mut())
            .map(|(bytes, press)| press.stretch(bytes))
            .collect::<io::Result<_>>()?;
        // A writer that gave up says why itself.
        let sent = ready.send(stretches);
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    })
}

/// Gives `tar` to `take` piece by piece; meanwhile its digest is computed, and the next piece read.
fn hashing(
    tar: &Blob,
    piece: usize,
    progress: &Progress,
    mut take: impl FnMut(&[u8]) -> io::Result<()> + Send,
) -> io::Result<Digest> {
    let mut buf = vec![0; piece.min(tar.len() as usize)];
    let mut next = buf.clone();
    let (mut hasher, mut offset) = (Hasher::default(), 0);
    let mut read = tar.read_at(0, &mut buf)?;
    while read > 0 {
        let bytes = &buf[..read];
        offset += read as u64;
        let read_on = || tar.read_at(offset, &mut next);
        let ((taken, next_read), ()) = rayon::join(
            || rayon::join(|| take(bytes), read_on),
            || hasher.update(bytes),
        );
        taken?;
        progress.advance(read as u64)?;
        read = next_read?;
        std::mem::swap(&mut buf, &mut next);
    }
    Ok(hasher.finish())
}

/// Writes what arrives; returns its digest and length.
fn write_batches(
    waiting: &mpsc::Receiver<Vec<Vec<u8>>>,
    out: &mut (dyn Write + Send),
) -> io::Result<(Digest, u64)> {
    let (mut packed, mut size) = (Hasher::default(), 0);
    for stretch in waiting.iter().flatten() {
        packed.update(&stretch);
        out.write_all(&stretch)?;
        size += stretch.len() as u64;
    }
    Ok((packed.finish(), size))
}

/// Copies `tar` into `out` as it is and computes its digest on the way.
///
/// # Errors
/// As [`compress`].
pub(crate) fn copy(
    tar: &Blob,
    out: &mut (dyn Write + Send),
    progress: &Progress,
) -> io::Result<Streamed> {
    let digest = hashing(tar, CHUNK, progress, |bytes| out.write_all(bytes))?;
    Ok(Streamed {
        diff_id: digest,
        len: tar.len(),
        digest,
        size: tar.len(),
    })
}

/// The digest of a blob's bytes.
///
/// # Errors
/// The content cannot be read, or the work was stopped.
pub(crate) fn digest(blob: &Blob, progress: &Progress) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    blob.for_each_chunk(|bytes| {
        hasher.update(bytes);
        progress.advance(bytes.len() as u64)
    })?;
    Ok(hasher.finish())
}

/// Reads until `buf` is full or the stream ends.
fn read_full(reader: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match reader.read(&mut buf[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

struct Hashing<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.hasher.update(&buf[..read]);
        Ok(read)
    }
}

/// A buffered input that knows how much of it a decoder has taken.
struct Counted<'a, R> {
    inner: &'a mut BufReader<Hashing<R>>,
    consumed: u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.consumed += read as u64;
        Ok(read)
    }
}

impl<R: Read> BufRead for Counted<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.consumed += amount as u64;
        self.inner.consume(amount);
    }
}

enum Decoder<'a, R: Read> {
    Plain(Counted<'a, R>),
    Gzip(Box<MultiGzDecoder<Counted<'a, R>>>),
    Zstd(zstd::stream::read::Decoder<'static, Counted<'a, R>>),
}

impl<'a, R: Read> Decoder<'a, R> {
    fn new(inner: &'a mut BufReader<Hashing<R>>, codec: Codec) -> io::Result<Self> {
        let input = Counted { inner, consumed: 0 };
        Ok(match codec {
            Codec::Plain => Self::Plain(input),
            Codec::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(input))),
            Codec::Zstd => Self::Zstd(zstd::stream::read::Decoder::with_buffer(input)?),
        })
    }

    fn consumed(&self) -> u64 {
        match self {
            Self::Plain(input) => input.consumed,
            Self::Gzip(decoder) => decoder.get_ref().consumed,
            Self::Zstd(decoder) => decoder.get_ref().consumed,
        }
    }
}

impl<R: Read> Read for Decoder<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buf),
            Self::Gzip(decoder) => decoder.read(buf),
            Self::Zstd(decoder) => decoder.read(buf),
        }
    }
}
