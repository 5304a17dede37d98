//! What a run did.

use std::path::PathBuf;
use std::time::Duration;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Standard output, whole; empty when it was not captured.
    pub stdout: Vec<u8>,
    /// Standard error, whole; empty when it was not captured.
    pub stderr: Vec<u8>,
    /// From just before the program was started until its end.
    pub time: Duration,
    /// What it left behind in the file system, by path.
    pub changes: Vec<Change>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It was killed because it took longer than [`crate::Limits::time`].
    TimedOut,
    /// It was killed because it wrote more than [`crate::Limits::output`].
    TooMuchOutput,
}

/// A path of the root that is not as it was before the run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The absolute path inside.
    pub path: PathBuf,
    /// What is there now.
    pub now: Now,
}

/// What is at a path after a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Now {
    /// Nothing: it was removed.
    Removed,
    /// A folder.
    Folder {
        /// Permission bits.
        mode: u32,
    },
    /// A file.
    File {
        /// Permission bits.
        mode: u32,
        /// Length in bytes; of compiled Python that of its head, which tells the source.
        size: u64,
        /// SHA-256 of so much of the content.
        digest: [u8; 32],
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: PathBuf,
    },
    /// A fifo, socket or device.
    Other,
}
