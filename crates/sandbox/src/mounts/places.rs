//! Files and folders of a root that nobody trusts, found without ever leaving it.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, fchmod, mkdirat, openat2};
use rustix::io::Errno;

use crate::error::{Doing as _, Error, shown};

/// The most that is read of a file like `/etc/passwd`.
const SMALL: u64 = 16 << 20;

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
        let doing = || format!("making the folder {} in the image", shown(path));
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let mut made = PathBuf::from("/");
        let mut folder = self.open(&made, flags).doing(doing)?;
        for part in path.components() {
            match part {
                Component::Normal(name) => made.push(name),
                Component::ParentDir => {
                    made.pop();
                }
                _ => continue,
            }
            folder = match self.open(&made, flags) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if let Component::Normal(name) = part {
                        mkdirat(&folder, name, Mode::from_raw_mode(0o755)).doing(doing)?;
                    }
                    self.open(&made, flags).doing(doing)?
                }
                done => done.doing(doing)?,
            };
        }
        Ok(folder)
    }

    /// The file at a path, made empty where it lacks.
    pub(crate) fn file_at(&self, path: &Path) -> Result<OwnedFd, Error> {
        match self.open(path, OFlags::PATH) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.create(path, Mode::from_raw_mode(0o644))?;
                let doing = || format!("opening {} in the image", shown(path));
                self.open(path, OFlags::PATH).doing(doing)
            }
            done => done.doing(|| format!("opening {} in the image", shown(path))),
        }
    }

    fn create(&self, path: &Path, mode: Mode) -> Result<OwnedFd, Error> {
        if let Some(folder) = path.parent() {
            self.folder_at(folder)?;
        }
        // Non-blocking: a fifo of that name must not hang us.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NONBLOCK;
        self.open_new(path, flags, mode)
            .doing(|| format!("writing {} in the image", shown(path)))
    }

    /// Writes a file with these permission bits.
    pub(crate) fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
        let doing = || format!("writing {} in the image", shown(path));
        let mode = Mode::from_raw_mode(mode & 0o7777);
        let file = self.create(path, mode)?;
        fchmod(&file, mode).doing(doing)?;
        std::fs::File::from(file).write_all(content).doing(doing)
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
