//! What a search looks for beyond what a tree holds: a machine that is read in place is known in part only.

use std::collections::BTreeSet;

use super::{NodeId, Tree};
use crate::path::ImagePath;

/// The most names that are remembered; more are found when these are known.
const MAX_NAMES: usize = 1 << 17;

/// What was looked for in folders of which not all names are known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Absolute paths.
    pub names: BTreeSet<Vec<u8>>,
    /// Folders whose names are wanted.
    pub listings: BTreeSet<ImagePath>,
    /// Folders that are wanted with all that they hold.
    pub wholes: BTreeSet<ImagePath>,
}

impl Tree<'_> {
    /// Whether a folder may hold names that are not known.
    pub fn is_partial(&self, folder: NodeId) -> bool {
        self.partial.contains(&folder)
    }

    /// Whether this is a machine that is read in place, of which only a part is known.
    pub fn is_machine(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Notes that the names in a folder are wanted.
    pub fn ask_listing(&self, folder: NodeId) {
        if self.is_partial(folder) {
            self.note(|asked| {
                asked.listings.insert(self.path(folder));
            });
        }
    }

    /// Notes that a folder is wanted with all that it holds.
    pub fn ask_whole(&self, folder: NodeId) {
        if self.is_partial(folder) {
            self.note(|asked| {
                asked.wholes.insert(self.path(folder));
            });
        }
    }

    /// Takes what was looked for and is not known.
    pub fn take_asked(&self) -> Asked {
        let mut taken = Asked::default();
        self.note(|asked| taken = std::mem::take(asked));
        taken
    }

    /// Notes that a name was looked for, and from there on the others, the next one last.
    pub(super) fn ask_name(&self, folder: NodeId, name: &[u8], rest: &[&[u8]]) {
        if !self.is_partial(folder) {
            return;
        }
        let mut path = [b"/", self.path(folder).as_bytes(), b"/", name].concat();
        for part in rest.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        self.note(|asked| {
            if asked.names.len() < MAX_NAMES {
                asked.names.insert(path);
            }
        });
    }

    fn note(&self, note: impl FnOnce(&mut Asked)) {
        let mut asked = self
            .asked
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        note(&mut asked);
    }
}
