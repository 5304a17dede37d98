//! The root file system that a command runs in.

mod without;

use std::io;
use std::path::{Path, PathBuf};

use crate::changes;
use crate::outcome::Now;

/// Folders that are merged into one root (overlayfs), topmost first; a run never writes into them.
///
/// Each is the result of unpacking, or holds whiteouts (character devices 0/0) over what shall not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The folders, topmost first; at least one.
    pub layers: Vec<PathBuf>,
}

impl Root {
    /// What is at an absolute path before any run, in the terms of [`crate::Change`]; links above it are not
    /// followed.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn now(&self, path: &Path) -> io::Result<Option<Now>> {
        changes::look_up(&self.layers, path)
    }
}
