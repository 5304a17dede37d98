//! Where images are read from and written to, one file per format, under skopeo's names.

mod archive;
mod disk;
mod docker_archive;
mod files;
mod host;
mod oci;
mod output;
mod rootfs;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::blob::Blob;
use crate::codec::{Codec, Streamed};
use crate::config::Platform;
use crate::digest::Digest;
use crate::error::{Error, IoContext as _, Result};
use crate::image::Image;
use crate::path::ImagePath;
use crate::progress::Progress;
use crate::rewrite::Fate;
use crate::store::Store;

use files::Files;
pub use host::{Machine, Named, Refusal};
pub use rootfs::unpack;

/// A way in which images are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// What `docker save` writes, `docker-archive:`.
    DockerArchive,
    /// An OCI image layout in a folder, `oci:`.
    Oci,
    /// An OCI image layout in a tar archive, `oci-archive:`.
    OciArchive,
    /// A folder that holds the files of an image, `rootfs:`.
    Rootfs,
    /// The machine itself, `host:`, or one whose root is a folder; see [`Machine`].
    Host,
}

/// All transports with the names that references begin with.
const TRANSPORTS: [(&str, Transport); 5] = [
    ("docker-archive", Transport::DockerArchive),
    ("oci", Transport::Oci),
    ("oci-archive", Transport::OciArchive),
    ("rootfs", Transport::Rootfs),
    ("host", Transport::Host),
];

/// Where an image is: `TRANSPORT:PATH[:TAG]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// How it is stored.
    pub transport: Transport,
    /// The file or folder.
    pub path: PathBuf,
    /// Which image of several, or the name to give it.
    pub tag: Option<String>,
}

impl Reference {
    /// Reads a reference that names its transport.
    ///
    /// As with skopeo, the path ends at the first colon; a root folder has no tag, so its path may
    /// hold colons. The path of a machine is its root, `/` when none is given.
    ///
    /// # Errors
    /// An unknown transport or an empty path.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::Reference(text.to_owned());
        let (name, rest) = text.split_once(':').ok_or_else(wrong)?;
        let (_, transport) = *TRANSPORTS
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(wrong)?;
        let (path, tag) = match transport {
            Transport::Host if rest.is_empty() => ("/", None),
            Transport::Rootfs | Transport::Host => (rest, None),
            _ => rest
                .split_once(':')
                .map_or((rest, None), |(path, tag)| (path, Some(tag.to_owned()))),
        };
        if path.is_empty() || tag.as_ref().is_some_and(String::is_empty) {
            return Err(wrong());
        }
        Ok(Self {
            transport,
            path: path.into(),
            tag,
        })
    }

    /// Reads a reference to an existing image: with a transport, or a bare path that is recognised
    /// by its content.
    ///
    /// # Errors
    /// As [`Reference::parse`]; or the path holds nothing that looks like an image.
    pub fn parse_existing(text: &str, store: &Store, progress: &Progress) -> Result<Self> {
        let names_transport = text
            .split_once(':')
            .is_some_and(|(name, _)| TRANSPORTS.iter().any(|(known, _)| *known == name));
        match names_transport && !Path::new(text).exists() {
            true => Self::parse(text),
            false => Self::recognise(Path::new(text), store, progress),
        }
    }

    fn recognise(path: &Path, store: &Store, progress: &Progress) -> Result<Self> {
        let metadata = fs::metadata(path).doing("reading", path)?;
        let is_folder = metadata.is_dir();
        let found = if is_folder && path.join("index.json").is_file() {
            Some(Transport::Oci)
        } else if is_folder {
            ["usr", "bin", "etc"]
                .iter()
                .any(|name| path.join(name).exists())
                .then_some(Transport::Rootfs)
        } else {
            let files = Files::archive(path, store, progress)?;
            let has = |name: &str| files.get(name).map(|found| found.is_some());
            match (has("manifest.json")?, has("index.json")?) {
                (true, _) => Some(Transport::DockerArchive),
                (false, true) => Some(Transport::OciArchive),
                (false, false) => None,
            }
        };
        let reason = match is_folder {
            true => "it is no OCI layout (no index.json) and no root folder (no usr, bin or etc)",
            false => "it is a tar archive without manifest.json or index.json",
        };
        let transport = found.ok_or_else(|| Error::Unrecognised {
            path: path.to_owned(),
            reason,
        })?;
        Ok(Self {
            transport,
            path: path.to_owned(),
            tag: None,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = TRANSPORTS
            .iter()
            .find(|(_, transport)| *transport == self.transport)
            .map_or("", |(name, _)| name);
        if self.transport == Transport::Host && self.path == Path::new("/") {
            return write!(f, "{name}:");
        }
        write!(f, "{name}:{}", self.path.display())?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))
    }
}

/// Opens an image. `platform` chooses from an index that offers several.
///
/// # Errors
/// Nothing there, no image of this format, damaged content; each names the file and the place.
pub fn open(
    reference: &Reference,
    platform: &Platform,
    store: &Store,
    progress: &Progress,
) -> Result<Image> {
    let Reference {
        transport,
        path,
        tag,
    } = reference;
    let tag = tag.as_deref();
    match transport {
        Transport::DockerArchive => docker_archive::open(
            &Files::archive(path, store, progress)?,
            tag,
            store,
            progress,
        ),
        Transport::Oci => oci::open(&Files::folder(path)?, tag, platform, store, progress),
        Transport::OciArchive => oci::open(
            &Files::archive(path, store, progress)?,
            tag,
            platform,
            store,
            progress,
        ),
        Transport::Rootfs => rootfs::open(path, platform, store, progress),
        Transport::Host => Err(Error::NotAnImage(reference.to_string())),
    }
}

/// The names that the source gives an image, as [`Image::names`] has them, without opening it.
///
/// # Errors
/// As for [`open`], as far as only the list of images is read.
pub fn names(reference: &Reference, store: &Store, progress: &Progress) -> Result<Vec<String>> {
    let Reference {
        transport,
        path,
        tag,
    } = reference;
    let tag = tag.as_deref();
    let archive = || Files::archive(path, store, progress);
    match transport {
        Transport::DockerArchive => docker_archive::names(&archive()?, tag),
        Transport::Oci => oci::names(&Files::folder(path)?, tag),
        Transport::OciArchive => oci::names(&archive()?, tag),
        Transport::Rootfs | Transport::Host => Ok(Vec::new()),
    }
}

/// What [`write()`] wrote.
#[derive(Debug, Clone)]
pub struct Written {
    /// The digest of the manifest; `None` for formats without one.
    pub manifest: Option<Digest>,
    /// The digest of the config, Docker's image id; `None` for a root folder.
    pub config: Option<Digest>,
    /// Each layer of the new image: the number of the old layer that it came from, and its sums.
    pub layers: Vec<(usize, Streamed)>,
    /// What could not be kept, as sentences for the user; empty when everything was.
    pub notes: Vec<String>,
}

/// Writes an image with the fates that its layers met. The output appears whole or not at all:
/// under its own name only after `ready` said yes, which may wait for [`Image::verify`].
///
/// # Errors
/// The output exists; it cannot be written; content cannot be read; what `ready` returns.
pub fn write(
    image: &Image,
    fates: &[Fate],
    to: &Reference,
    annotations: &[(&str, String)],
    progress: &Progress,
    ready: impl FnOnce() -> Result<()>,
) -> Result<Written> {
    check_output(to)?;
    let job = output::Job {
        image,
        fates,
        tag: to.tag.as_deref(),
        annotations,
        progress,
    };
    match to.transport {
        Transport::DockerArchive => output::whole_file(&to.path, ready, |file, path| {
            docker_archive::write(&job, file, path)
        }),
        Transport::Oci => {
            output::whole_folder(&to.path, ready, |folder| oci::write_folder(&job, folder))
        }
        Transport::OciArchive => output::whole_file(&to.path, ready, |file, path| {
            oci::write_archive(&job, file, path)
        }),
        Transport::Rootfs => {
            output::whole_folder(&to.path, ready, |folder| rootfs::write(&job, folder))
        }
        Transport::Host => Err(Error::NotAnImage(to.to_string())),
    }
}

/// Refuses an output that exists. [`write()`] checks it again; call this before long work.
///
/// # Errors
/// The path exists, whatever it is.
pub fn check_output(to: &Reference) -> Result<()> {
    match fs::symlink_metadata(&to.path) {
        Ok(_) => Err(Error::Exists(to.path.clone())),
        Err(_) => Ok(()),
    }
}

/// Refuses to write to a path that is the input or lies inside an input folder.
///
/// # Errors
/// [`Error::SameAsInput`].
pub fn check_apart(from: &Reference, to: &Path) -> Result<()> {
    // Everything lies in the machine; its files are not those of the result.
    if from.transport == Transport::Host {
        return Ok(());
    }
    match (fs::canonicalize(&from.path).ok(), future_path(to)) {
        (Some(from), Some(target))
            if target == from || (from.is_dir() && target.starts_with(&from)) =>
        {
            Err(Error::SameAsInput(to.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Where a path will be once it and the folders above it exist.
fn future_path(path: &Path) -> Option<PathBuf> {
    if let Ok(real) = fs::canonicalize(path) {
        return Some(real);
    }
    let parent = match path.parent()? {
        parent if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent,
    };
    Some(future_path(parent)?.join(path.file_name()?))
}

/// Opens a file of the machine as a blob.
fn file_blob(path: &Path) -> Result<Blob> {
    // Asked before it is opened: opening a pipe waits for a writer.
    if !fs::metadata(path).doing("opening", path)?.is_file() {
        return Err(Error::Unrecognised {
            path: path.to_owned(),
            reason: "it is neither a file nor a folder; save a stream to a file first",
        });
    }
    let file = fs::File::open(path).doing("opening", path)?;
    Blob::from_file(file, path).doing("reading", path)
}

/// A name inside a layout or archive; manifests are not trusted to stay inside.
fn inner_name(name: &str) -> Option<ImagePath> {
    ImagePath::parse(name.as_bytes())
        .ok()
        .filter(|path| !path.is_root())
}

fn detect(blob: &Blob, path: &Path) -> Result<Codec> {
    Codec::detect(blob).doing("reading", path)
}
