//! What can go wrong while an image is read, rewritten or written.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::digest::{Digest, DigestError};
use crate::path::{ImagePath, PathError, display};

/// An error of this crate; every one names the file, layer or path that it is about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the machine cannot be read or written.
    #[error("{action} {}: {source}", shown(path))]
    Io {
        /// What was being done, as a gerund.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The content of a layer cannot be read.
    #[error("reading {layer}: {source}")]
    Layer {
        /// The layer and the file that holds it.
        layer: String,
        /// What the decompressor or the file system answered.
        source: io::Error,
    },
    /// A tar header cannot be understood.
    #[error("reading {archive} at byte {offset}: {reason}")]
    Tar {
        /// The layer or archive.
        archive: String,
        /// Bytes from the start of the uncompressed archive.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// An entry's name is not a path inside the image.
    #[error("reading {archive} at byte {offset}: {source}")]
    Name {
        /// The layer or archive.
        archive: String,
        /// Bytes from the start of the uncompressed archive.
        offset: u64,
        /// What is wrong with the name.
        source: PathError,
    },
    /// The layers do not describe a file system.
    #[error("{layer}: {path}: {reason}")]
    Tree {
        /// The layer and the file that holds it.
        layer: String,
        /// The entry.
        path: ImagePath,
        /// What is wrong with it.
        reason: String,
    },
    /// Content is not what its digest says.
    #[error(
        "{} has the digest {actual}, but {expected} is recorded: the file is damaged or was changed",
        clean(what)
    )]
    DigestMismatch {
        /// The layer, config or blob.
        what: String,
        /// The digest that the manifest or config records.
        expected: Digest,
        /// The digest of the bytes that are there.
        actual: Digest,
    },
    /// A blob that the manifest names is not there.
    #[error("{} holds no {}", shown(path), clean(what))]
    Missing {
        /// The layout or archive.
        path: PathBuf,
        /// What it lacks.
        what: String,
    },
    /// The size of a blob differs from the descriptor's.
    #[error("{} has {actual} bytes, but {expected} are recorded", clean(what))]
    SizeMismatch {
        /// The blob.
        what: String,
        /// The recorded size in bytes.
        expected: u64,
        /// The actual size in bytes.
        actual: u64,
    },
    /// A media type that is not an image's.
    #[error(
        "{} has the media type {media_type:?}, which is not one of a container image",
        clean(what)
    )]
    MediaType {
        /// The manifest or layer.
        what: String,
        /// The media type found.
        media_type: String,
    },
    /// An image index offers other platforms only.
    #[error(
        "{} has no image for {}; it has {}",
        shown(path),
        clean(wanted),
        clean(available)
    )]
    Platform {
        /// The layout or archive.
        path: PathBuf,
        /// The platform looked for, as `os/architecture`.
        wanted: String,
        /// The platforms that are there, separated by commas.
        available: String,
    },
    /// A tag or image is not in the archive.
    #[error(
        "{} has no image named {wanted:?}; it has {}",
        shown(path),
        clean(available)
    )]
    Tag {
        /// The layout or archive.
        path: PathBuf,
        /// The name looked for.
        wanted: String,
        /// The names that are there, separated by commas.
        available: String,
    },
    /// Several images and no word which one is meant.
    #[error("{} holds {count} images: {}", shown(path), clean(available))]
    Ambiguous {
        /// The layout or archive.
        path: PathBuf,
        /// How many images there are.
        count: usize,
        /// Their names, separated by commas.
        available: String,
    },
    /// JSON that is not a manifest, index or config.
    #[error("reading {} in {}: {}", clean(what), shown(path), clean(reason))]
    Manifest {
        /// The layout or archive.
        path: PathBuf,
        /// The document's role.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A digest in a manifest cannot be read.
    #[error("reading {what}: {source}")]
    Digest {
        /// The document that holds it.
        what: String,
        /// What is wrong with it.
        source: DigestError,
    },
    /// A compressed layer grows beyond all measure.
    #[error(
        "{layer} expands from {compressed} to over {limit} bytes, more than {ratio} times: refusing what looks like a decompression bomb"
    )]
    Bomb {
        /// The layer and the file that holds it.
        layer: String,
        /// Its compressed size in bytes.
        compressed: u64,
        /// The most that is accepted at this size, in bytes.
        limit: u64,
        /// The largest ratio that is accepted at this size.
        ratio: u64,
    },
    /// A reference that names no known transport.
    #[error("{0:?} is not a reference to an image")]
    Reference(String),
    /// A machine where an image is wanted.
    #[error("{0} is a machine and no image")]
    NotAnImage(String),
    /// A program of a machine that is not there.
    #[error("there is no program {name} in {places}")]
    NoProgram {
        /// Its name or path.
        name: String,
        /// Where it was looked for.
        places: String,
    },
    /// A file whose content is not an image.
    #[error("{} is not a container image: {reason}", shown(path))]
    Unrecognised {
        /// The file or folder.
        path: PathBuf,
        /// What was looked for.
        reason: &'static str,
    },
    /// The output is there already.
    #[error("{} exists already", shown(.0))]
    Exists(PathBuf),
    /// The output is the input or lies in it.
    #[error("{} is the image that is being read", shown(.0))]
    SameAsInput(PathBuf),
    /// The user asked to stop.
    #[error("interrupted; nothing was written")]
    Cancelled,
    /// A rewritten image is not what was planned: a fault of this program.
    #[error("the rewritten image differs from the plan at {path}: {reason}")]
    Unfaithful {
        /// The path that differs.
        path: ImagePath,
        /// How it differs.
        reason: &'static str,
    },
}

/// A file of the machine in messages; those of a root folder were named by the image.
pub(crate) fn shown(path: &Path) -> String {
    display(path.as_os_str().as_bytes())
}

/// A text that a manifest may have chosen, in messages.
fn clean(text: &str) -> String {
    display(text.as_bytes())
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Turns an I/O error into an [`Error`] that says what was being done to which file.
pub(crate) trait IoContext<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T>;
    fn in_layer(self, layer: &str) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| match unwrap_cancelled(&source) {
            true => Error::Cancelled,
            false => Error::Io {
                action,
                path: path.to_owned(),
                source,
            },
        })
    }

    fn in_layer(self, layer: &str) -> Result<T> {
        self.map_err(|source| match unwrap_cancelled(&source) {
            true => Error::Cancelled,
            false => Error::Layer {
                layer: layer.to_owned(),
                source,
            },
        })
    }
}

fn unwrap_cancelled(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<crate::progress::Cancelled>())
}
