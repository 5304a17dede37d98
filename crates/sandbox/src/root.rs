//! The root file system that a command runs in.

use std::path::PathBuf;

/// Folders that are merged into one root (overlayfs), topmost first; a run never writes into them.
///
/// Each is the result of unpacking, or holds whiteouts (character devices 0/0) over what shall not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The folders, topmost first; at least one.
    pub layers: Vec<PathBuf>,
}
