//! Which files a run touched.

use std::path::PathBuf;

/// Every access of a run, once each, in order.
///
/// A trace is complete or there is none: an event that may have been lost makes the run an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// The accesses, sorted, without repetition.
    pub accesses: Vec<Access>,
}

/// One process' look at one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// The absolute path inside the root as the process asked for it: joined with the working folder or the
    /// folder descriptor, `.` and `..` not yet resolved through links.
    pub path: PathBuf,
    /// The path after all links, where something is there.
    pub real: Option<PathBuf>,
    /// What was done.
    pub how: How,
    /// `None` when it succeeded, or the error number (`ENOENT` above all).
    pub error: Option<i32>,
    /// The program that the process ran (its path inside the root).
    pub program: PathBuf,
}

/// What was done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Opened for reading, or mapped.
    Open,
    /// Opened for writing, made, renamed, removed, or its attributes changed.
    Write,
    /// Executed, or loaded by the kernel for that: the interpreter of an ELF file or of a `#!` line.
    Execute,
    /// Its attributes or its existence were asked for.
    Stat,
    /// Read as a symbolic link, or walked through as one.
    Link,
    /// Listed, or entered as working folder or root.
    Folder,
}

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::error::Error;

/// The ends of ounce and of the command's process.
pub(crate) fn channel() -> io::Result<(OwnedFd, OwnedFd)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Makes every file access of this process and its children known.
pub(crate) fn install(_theirs: BorrowedFd<'_>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Records accesses while a command runs.
pub(crate) struct Supervisor;

impl Supervisor {
    pub(crate) fn start(_ours: OwnedFd) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn finish(self) -> Result<Trace, Error> {
        Ok(Trace::default())
    }
}
