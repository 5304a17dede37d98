//! What the content of files says. Inspectors never fail: what they cannot read gives no facts and
//! a problem, and a file without facts is kept.

mod anchors;
pub mod auditable;
pub mod bundle;
pub mod code;
pub mod counted;
pub mod elf;
pub mod go;
pub mod ld_so_cache;
pub mod locale_archive;
pub mod near;
pub mod needles;
pub mod packed;
pub mod paths;
pub mod pointers;
pub mod pyinstaller;
pub mod python;
pub mod script;
pub mod sections;
pub mod shell;
pub mod symbols;
pub mod zip;

/// So many files are one job for a thread where most take no time. A thread that is through takes over jobs that no other
/// has begun; without a bound rayon makes four of all files, and the last of them keeps one thread busy alone.
pub(crate) const JOB: usize = 16;
