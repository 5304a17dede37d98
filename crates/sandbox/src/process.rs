//! What is run: the fields of a container's config and of a check, resolved by the caller but for what only the
//! root file system tells (users, the program's place).

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// A command and everything it gets to see.
#[derive(Debug, Clone)]
pub struct Process {
    /// The program and its arguments; a name without a slash is looked up in `PATH` of `env`.
    pub args: Vec<OsString>,
    /// The whole environment; `HOME` is added from the root's `/etc/passwd` where it lacks, as engines do.
    pub env: Vec<(OsString, OsString)>,
    /// The working folder inside, made where it lacks, as engines do; `/` when empty.
    pub workdir: PathBuf,
    /// `user`, `uid`, `user:group` or `uid:gid` as in the config (OCI image specification, config.md, `User`);
    /// root when empty.
    pub user: String,
    /// The name of the machine inside.
    pub hostname: String,
    /// Files that are put into the root before the command starts.
    pub files: Vec<InputFile>,
    /// Folders and files of this machine that are seen inside.
    pub volumes: Vec<Volume>,
    /// The network.
    pub net: Net,
    /// Standard input.
    pub stdin: Input,
    /// Standard output and error.
    pub output: Output,
    /// Bounds of the run.
    pub limits: Limits,
    /// Whether file accesses are recorded.
    pub trace: bool,
}

/// A file that is put into the root, owned by root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Its absolute path inside; folders above it are made.
    pub path: PathBuf,
    /// Its bytes.
    pub content: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
}

/// A part of this machine that is seen inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The path outside.
    pub source: PathBuf,
    /// The absolute path inside.
    pub target: PathBuf,
    /// Whether nothing may be written there.
    pub read_only: bool,
}

/// The network that a command sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Net {
    /// A loopback interface and nothing else.
    #[default]
    None,
    /// This machine's network.
    Host,
}

/// Standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// The caller's own.
    Inherit,
}

/// Standard output and error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Kept whole; see [`Limits::output`].
    Capture,
    /// The caller's own.
    Inherit,
}

/// Bounds of a run; what passes one is killed with all its children, and the outcome says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest time.
    pub time: Option<Duration>,
    /// The most bytes of standard output and error together that are captured.
    pub output: u64,
    /// The most processes and threads at one time.
    pub processes: u32,
}
