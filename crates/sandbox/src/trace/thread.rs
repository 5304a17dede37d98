//! A traced thread: what its folder in `/proc` and its memory tell about it.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use libc::pid_t;

use super::kernel;
use super::place::View;
use super::plan::Plan;

/// The longest path that the kernel takes, with the zero at its end (`PATH_MAX`, `linux/limits.h`).
const PATH_MAX: usize = 4096;

/// A traced thread.
#[derive(Debug)]
pub(super) struct Thread {
    /// Its number, as the supervisor sees it.
    pub(super) id: pid_t,
    /// Its folder in the supervisor's `/proc`.
    pub(super) folder: PathBuf,
    /// What it runs, once that was asked for.
    pub(super) program: Option<Rc<Path>>,
    /// Its root, once that was asked for.
    pub(super) view: Option<Rc<View>>,
    /// The call that it is in.
    pub(super) plan: Option<Plan>,
}

impl Thread {
    pub(super) fn new(id: pid_t) -> Self {
        Self {
            id,
            folder: PathBuf::from(format!("/proc/{id}")),
            program: None,
            view: None,
            plan: None,
        }
    }

    /// The program that the thread runs.
    pub(super) fn program(&mut self) -> io::Result<Rc<Path>> {
        if let Some(program) = &self.program {
            return Ok(Rc::clone(program));
        }
        let program = std::fs::read_link(self.folder.join("exe"))?;
        Ok(Rc::clone(self.program.insert(program.into())))
    }

    /// The working folder.
    pub(super) fn working_folder(&self) -> io::Result<PathBuf> {
        self.named("cwd")
    }

    /// The path of what a descriptor is open on; `None` where it has none, or is not open.
    pub(super) fn descriptor(&self, descriptor: i32) -> io::Result<Option<PathBuf>> {
        match self.named(&format!("fd/{descriptor}")) {
            Ok(path) => Ok(Some(path).filter(|path| path.is_absolute())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where a link of the thread's folder in `/proc` leads; of what was removed, where it was.
    fn named(&self, link: &str) -> io::Result<PathBuf> {
        const GONE: &[u8] = b" (deleted)";
        let link = self.folder.join(link);
        let path = std::fs::read_link(&link)?;
        if let Some(name) = path.as_os_str().as_bytes().strip_suffix(GONE)
            && std::fs::metadata(&link).is_ok_and(|facts| facts.nlink() == 0)
        {
            return Ok(PathBuf::from(OsStr::from_bytes(name)));
        }
        Ok(path)
    }

    /// The path at an address, without the zero at its end; `None` where there is none that the kernel would take.
    pub(super) fn path(&self, address: u64) -> io::Result<Option<PathBuf>> {
        if address == 0 {
            return Ok(None);
        }
        let mut bytes = [0; PATH_MAX];
        let bytes = self.bytes(address, &mut bytes)?;
        let end = memchr::memchr(0, bytes);
        Ok(end.map(|end| PathBuf::from(OsStr::from_bytes(&bytes[..end]))))
    }

    /// What is in memory at an address, as far as there is something.
    pub(super) fn bytes<'a>(&self, address: u64, into: &'a mut [u8]) -> io::Result<&'a [u8]> {
        match kernel::read(self.id, address, into) {
            Ok(length) => Ok(&into[..length]),
            Err(error) if error.raw_os_error() == Some(libc::EFAULT) => Ok(&[]),
            Err(error) => Err(error),
        }
    }
}
