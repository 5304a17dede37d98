//! The cache of unpacked images, and the folders that runs write to.
//!
//! An entry is a folder that holds `lock` and `root`. It is filled under another name and then renamed, so it
//! is there whole or not at all; whoever uses or fills an entry holds its lock, and what nobody holds may be
//! cleared away: what was used longest ago when the cache is too large, and what a run that was killed left.

mod apart;

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ounce_image::{Digest, Hasher, Image, Progress, format};
use ounce_sandbox::Root;

use crate::args::Reading;
use crate::error::CommandError;
use crate::session::{self, Session};

/// What names of unfinished entries begin with.
const PART: &str = ".part-";
const LOCK: &str = "lock";
const ROOT: &str = "root";

/// Where roots are kept.
#[derive(Debug)]
pub(crate) struct Roots {
    /// `None`: nothing is kept.
    folder: Option<PathBuf>,
    most: u64,
}

/// An image's root for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Unpacked {
    /// What a run takes.
    pub(crate) root: Root,
    /// What a user should know about it, a sentence each.
    pub(crate) notes: Vec<String>,
    /// Held, or removed at the end.
    _entry: Option<Entry>,
}

/// A folder with its lock.
#[derive(Debug)]
struct Entry {
    folder: PathBuf,
    lock: File,
    is_kept: bool,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed now is cleared away by another run.
            let _ = ounce_sandbox::remove(&self.folder);
        }
    }
}

/// An empty folder for a run, removed at the end.
#[derive(Debug)]
pub(crate) struct Scratch(Entry);

impl Scratch {
    pub(crate) fn path(&self) -> PathBuf {
        self.0.folder.join(ROOT)
    }
}

impl Roots {
    /// The cache of the user.
    pub(crate) fn of(reading: &Reading) -> Self {
        Self {
            folder: session::cache_folder(reading).map(|folder| folder.join("roots")),
            most: session::cache_bytes(reading),
        }
    }

    /// The files of an image, unpacked now or by an earlier run; then its layers were compared with their digests.
    pub(crate) fn unpacked(&self, session: &Session) -> Result<Unpacked, CommandError> {
        if session.reference.transport == format::Transport::Rootfs {
            // It is unpacked already.
            return Ok(Unpacked::plain(session.reference.path.clone(), None));
        }
        let name = name(session)?;
        if let Some(entry) = name.as_deref().and_then(|name| self.look_up(name)) {
            return Ok(Unpacked::plain(entry.folder.join(ROOT), Some(entry)));
        }
        let mut entry = self.new_entry()?;
        // Only faster.
        let _ = apart::move_apart(&entry.folder.join(ROOT));
        let notes = fill(session, &entry.folder.join(ROOT))?;
        if let (Some(folder), Some(name)) = (&self.folder, name) {
            self.keep(&mut entry, session, folder, &name)?;
        }
        let mut unpacked = Unpacked::plain(entry.folder.join(ROOT), Some(entry));
        unpacked.notes = notes;
        Ok(unpacked)
    }

    /// A root without some absolute paths and what lies below them. It takes the root's place as long as both values live.
    pub(crate) fn without(
        &self,
        root: &Root,
        paths: &BTreeSet<PathBuf>,
    ) -> Result<Unpacked, CommandError> {
        let entry = self.new_entry()?;
        let paths = paths.iter().map(PathBuf::as_path);
        let root = root.without(paths, &entry.folder.join(ROOT))?;
        Ok(Unpacked::of(root, entry))
    }

    /// A root with the files of an image over it; likewise.
    pub(crate) fn with(
        &self,
        root: &Root,
        image: &Image,
        progress: &Progress,
    ) -> Result<Unpacked, CommandError> {
        let mut unpacked = self.of_image(image, progress)?;
        unpacked.root.layers.extend(root.layers.clone());
        Ok(unpacked)
    }

    /// The files of an image that was made here, which nobody asks for again.
    pub(crate) fn of_image(
        &self,
        image: &Image,
        progress: &Progress,
    ) -> Result<Unpacked, CommandError> {
        let entry = self.new_entry()?;
        let folder = entry.folder.join(ROOT);
        let unpack = || match format::unpack(image, &folder, progress) {
            Ok(notes) => Ok(notes.join("\n")),
            Err(error) => Err(error.to_string()),
        };
        ounce_sandbox::as_root(unpack)?.map_err(CommandError::input)?;
        Ok(Unpacked::plain(folder, Some(entry)))
    }

    /// A folder that a run may write to.
    pub(crate) fn scratch(&self) -> Result<Scratch, CommandError> {
        self.new_entry().map(Scratch)
    }

    fn look_up(&self, name: &str) -> Option<Entry> {
        let folder = self.folder.as_ref()?.join(name);
        let lock = File::open(folder.join(LOCK)).ok()?;
        lock.lock_shared().ok()?;
        // The time of last use, for the clean-up; a cache on a read-only disk still serves.
        let _ = lock.set_modified(SystemTime::now());
        // It may have been cleared away, and even made again, before it was ours.
        let (held, there) = (lock.metadata(), fs::metadata(folder.join(LOCK)));
        let is_same = held.ok()?.ino() == there.ok()?.ino();
        is_same.then_some(Entry {
            folder,
            lock,
            is_kept: true,
        })
    }

    /// An entry of our own that is not in the cache.
    fn new_entry(&self) -> Result<Entry, CommandError> {
        let parent = self.folder.clone().unwrap_or_else(std::env::temp_dir);
        let failed = |error: &io::Error| CommandError::writing(&parent, error);
        fs::create_dir_all(&parent).map_err(|error| failed(&error))?;
        let folder = tempfile::Builder::new()
            .prefix(PART)
            .tempdir_in(&parent)
            .map_err(|error| failed(&error))?
            .keep();
        let make = || -> io::Result<File> {
            // Nobody sees it before it is held.
            let lock = tempfile::NamedTempFile::new_in(&folder)?;
            lock.as_file().lock_shared()?;
            let lock = lock.persist(folder.join(LOCK)).map_err(|e| e.error)?;
            fs::create_dir(folder.join(ROOT))?;
            Ok(lock)
        };
        let lock = make().map_err(|error| failed(&error))?;
        Ok(Entry {
            folder,
            lock,
            is_kept: false,
        })
    }

    fn keep(
        &self,
        entry: &mut Entry,
        session: &Session,
        folder: &Path,
        name: &str,
    ) -> Result<(), CommandError> {
        let failed = |error: io::Error| CommandError::writing(&entry.folder, &error);
        // The size, for the clean-up.
        write!(entry.lock, "{}", session.image.tar_bytes()).map_err(failed)?;
        let place = folder.join(name);
        // Another run may have been faster: then ours is as good, and goes at the end.
        if fs::rename(&entry.folder, &place).is_ok() {
            entry.folder = place;
            entry.is_kept = true;
        }
        self.clean(folder);
        Ok(())
    }

    /// Clears away what was left unfinished, and what was used longest ago until the rest fits.
    fn clean(&self, folder: &Path) {
        let Ok(listing) = fs::read_dir(folder) else {
            return;
        };
        let mut kept = Vec::new();
        for entry in listing.flatten() {
            let path = entry.path();
            if entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(PART.as_bytes())
            {
                clear_away(&path);
                continue;
            }
            let lock = path.join(LOCK);
            let used = fs::metadata(&lock).and_then(|metadata| metadata.modified());
            let size = fs::read_to_string(&lock)
                .ok()
                .and_then(|text| text.parse::<u64>().ok());
            kept.push((
                used.unwrap_or(SystemTime::UNIX_EPOCH),
                path,
                size.unwrap_or(0),
            ));
        }
        kept.sort_by(|a, b| b.cmp(a));
        let mut total = 0u64;
        for (_, path, size) in kept {
            total = total.saturating_add(size);
            if total > self.most {
                clear_away(&path);
            }
        }
    }
}

/// Removes an entry that nobody holds.
fn clear_away(entry: &Path) {
    let Ok(lock) = File::options().read(true).open(entry.join(LOCK)) else {
        return;
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return,
    }
    // Under another name, so that nobody finds it half removed.
    let Some(parent) = entry.parent() else {
        return;
    };
    let Ok(gone) = tempfile::Builder::new().prefix(PART).tempdir_in(parent) else {
        return;
    };
    let gone = gone.keep();
    if fs::rename(entry, &gone).is_ok() {
        let _ = ounce_sandbox::remove(&gone);
    }
}

impl Unpacked {
    fn of(root: Root, entry: Entry) -> Self {
        Self {
            root,
            notes: Vec::new(),
            _entry: Some(entry),
        }
    }

    fn plain(folder: PathBuf, entry: Option<Entry>) -> Self {
        Self {
            root: Root {
                layers: vec![folder],
            },
            notes: Vec::new(),
            _entry: entry,
        }
    }
}

/// The name of an image's root: what its layers are and whose files they become; `None` where a layer has no digest.
fn name(session: &Session) -> Result<Option<String>, CommandError> {
    let mut sum = Hasher::default();
    for layer in &session.image.layers {
        match layer.diff_id {
            Some(id) => sum.update(id.to_string().as_bytes()),
            None => return Ok(None),
        }
    }
    let digest: Digest = sum.finish();
    let ids = ounce_sandbox::ids()?;
    Ok(Some(format!("{}-{ids}", digest.hex())))
}

/// Unpacks, and meanwhile compares every layer with its digest.
fn fill(session: &Session, folder: &Path) -> Result<Vec<String>, CommandError> {
    std::thread::scope(|scope| {
        let verified = scope.spawn(|| session.image.verify(&session.progress));
        let unpacked = ounce_sandbox::as_root(|| {
            let notes = format::unpack(&session.image, folder, &session.progress);
            notes.map_or_else(|error| Err(error.to_string()), |notes| Ok(notes.join("\n")))
        });
        verified.join().expect("verifying does not panic")?;
        let notes = unpacked?.map_err(CommandError::input)?;
        Ok(notes.lines().map(str::to_owned).collect())
    })
}
