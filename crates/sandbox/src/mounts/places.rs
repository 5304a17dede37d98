//! Files and folders of a root that nobody trusts, found without ever leaving it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    FileType, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, fchmod, fstat, fstatfs, mkdirat,
    openat2, readlinkat,
};
use rustix::io::Errno;

use crate::error::{Doing as _, Error, shown};

/// The most that is read of a file like `/etc/passwd`.
const SMALL: u64 = 16 << 20;

/// The longest chain of links (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// A root folder, open.
pub(crate) struct Root(OwnedFd);

impl Root {
    pub(crate) fn new(folder: OwnedFd) -> Self {
        Self(folder)
    }

    pub(crate) fn folder(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Opens what is at a path, links followed as a process inside would, but never out.
    pub(crate) fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        self.open_new(path, flags, Mode::empty())
    }

    fn open_new(&self, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() {
            Path::new("/")
        } else {
            path
        };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        // EAGAIN: something was renamed meanwhile, and the kernel cannot tell whether it is still inside.
        for _ in 0..64 {
            match openat2(&self.0, path, flags | OFlags::CLOEXEC, mode, resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                done => return Ok(done?),
            }
        }
        Err(Errno::AGAIN.into())
    }

    /// The folder at a path, made with all above it where it lacks.
    pub(crate) fn folder_at(&self, path: &Path) -> Result<OwnedFd, Error> {
        let find = || -> io::Result<OwnedFd> {
            let place = self.resolve(path)?;
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            self.open(&place, flags)
                .or_else(|error| match error.kind() {
                    io::ErrorKind::NotFound => {
                        self.make_folder(&place)?;
                        self.open(&place, flags)
                    }
                    _ => Err(error),
                })
        };
        find().doing(|| format!("making the folder {} in the image", shown(path)))
    }

    /// The file at a path, made empty where it lacks.
    pub(crate) fn file_at(&self, path: &Path) -> Result<OwnedFd, Error> {
        let find = || -> io::Result<OwnedFd> {
            let place = self.resolve(path)?;
            self.open(&place, OFlags::PATH)
                .or_else(|error| match error.kind() {
                    io::ErrorKind::NotFound => {
                        self.create(&place, Mode::from_raw_mode(0o644))?;
                        self.open(&place, OFlags::PATH)
                    }
                    _ => Err(error),
                })
        };
        find().doing(|| format!("opening {} in the image", shown(path)))
    }

    /// Follows links until none is left in a path, also those that lead to nothing yet, and makes the folders above it:
    /// many images have a `/etc/resolv.conf` that leads into a folder that a service would make.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let mut place = PathBuf::from("/");
        let mut left: Vec<OsString> = Vec::new();
        push_names(&mut left, path);
        let mut links = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                place.pop();
                continue;
            }
            place.push(name);
            let found = match self.open(&place, OFlags::PATH | OFlags::NOFOLLOW) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if !left.is_empty() {
                        self.make_folder(&place)?;
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            if FileType::from_raw_mode(fstat(&found)?.st_mode) != FileType::Symlink {
                continue;
            }
            links += 1;
            // A link of /proc leads to what a process has open, not to a path.
            if links > MAX_LINKS || fstatfs(&found)?.f_type == PROC_SUPER_MAGIC {
                return Err(Errno::LOOP.into());
            }
            let target = readlinkat(&found, "", Vec::new())?;
            let target = Path::new(OsStr::from_bytes(target.as_bytes()));
            match target.is_absolute() {
                true => place = PathBuf::from("/"),
                false => {
                    place.pop();
                }
            }
            push_names(&mut left, target);
        }
        Ok(place)
    }

    fn make_folder(&self, place: &Path) -> io::Result<()> {
        let (Some(above), Some(name)) = (place.parent(), place.file_name()) else {
            return Ok(());
        };
        let above = self.open(above, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(mkdirat(above, name, Mode::from_raw_mode(0o755))?)
    }

    fn create(&self, place: &Path, mode: Mode) -> io::Result<OwnedFd> {
        // Non-blocking: a fifo of that name must not hang us.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NONBLOCK;
        self.open_new(place, flags, mode)
    }

    /// Writes a file with these permission bits.
    pub(crate) fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
        let doing = || format!("writing {} in the image", shown(path));
        let mode = Mode::from_raw_mode(mode & 0o7777);
        let place = self.resolve(path).doing(doing)?;
        let file = self.create(&place, mode).doing(doing)?;
        fchmod(&file, mode).doing(doing)?;
        std::fs::File::from(file).write_all(content).doing(doing)
    }
}

/// Puts the names of a path on a stack, the first on top.
fn push_names(stack: &mut Vec<OsString>, path: &Path) {
    for part in path.components().rev() {
        if let Component::Normal(name) = part {
            stack.push(name.to_owned());
        } else if part == Component::ParentDir {
            stack.push("..".into());
        }
    }
}

/// The content of a regular file, nothing where there is none; what is too long is cut.
pub(crate) fn read_small(root: &Root, path: &Path) -> Vec<u8> {
    let read = || -> io::Result<Vec<u8>> {
        let file = std::fs::File::from(root.open(path, OFlags::RDONLY | OFlags::NONBLOCK)?);
        if !file.metadata()?.is_file() {
            return Ok(Vec::new());
        }
        let mut content = Vec::new();
        file.take(SMALL).read_to_end(&mut content)?;
        Ok(content)
    };
    read().unwrap_or_default()
}
