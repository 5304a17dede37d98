//! Which files a run touched.
//!
//! Kept are names, not content: what was opened, executed, asked for, read as a link, listed or changed, by path.
//! Of sockets only those with a path, when they are bound or connected to.

mod calls;
mod filter;
mod interpreter;
mod kernel;
mod place;
mod plan;
mod record;
mod supervisor;
#[cfg(test)]
mod tests;
mod thread;

use std::io;
use std::path::PathBuf;

pub(crate) use filter::install;
pub(crate) use supervisor::{Supervisor, channel};

/// Every access of a run, once each, in order.
///
/// A trace is complete or there is none: an event that may have been lost makes the run an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// The accesses, sorted, without repetition.
    pub accesses: Vec<Access>,
}

/// One process' look at one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// The absolute path inside the root as the process asked for it: joined with the working folder or the
    /// folder descriptor, `.` and `..` not yet resolved through links.
    pub path: PathBuf,
    /// The path after all links, where something is there.
    pub real: Option<PathBuf>,
    /// What was done.
    pub how: How,
    /// `None` when it succeeded, or the error number (`ENOENT` above all). Where something is there all the same
    /// ([`Access::real`]), the call missed something else: the interpreter of a script, the other name of a `rename`.
    pub error: Option<i32>,
    /// The program that the process ran (its path inside the root).
    pub program: PathBuf,
}

/// What was done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The kernel does not let us trace the process.
    #[error("tracing the command: {0}")]
    Attach(#[source] io::Error),
    /// What the process did could not be read.
    #[error("tracing the command: an access may have been missed: {0}")]
    Lost(#[from] io::Error),
    /// A program is made for another architecture, whose system calls have other numbers.
    #[error("tracing {}: it makes system calls of another architecture", .program.display())]
    Foreign {
        /// The program.
        program: PathBuf,
    },
    /// A program starts processes that cannot be followed (`CLONE_UNTRACED`).
    #[error("tracing {}: it starts a process that may not be traced", .program.display())]
    Hidden {
        /// The program.
        program: PathBuf,
    },
    /// More was touched than can be kept.
    #[error("tracing the command: it touches too many names to keep them all")]
    TooMuch,
}
