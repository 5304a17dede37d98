//! What checks did not touch: they say nothing about it.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;

use ounce_analysis::Packages;
use ounce_image::{LeafId, NodeId, Tree};
use ounce_sandbox::Trace;
use rustc_hash::FxHashSet;

use super::missing::Removed;
use super::suite::Recorded;

/// How much of the slim image checks touched, and what they touched in the original that the slim image lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// All files of the slim image.
    pub(crate) all: Share,
    /// Those that no check touched.
    pub(crate) untouched: Share,
    /// The same by package, `None` for files of no package.
    pub(crate) by_package: BTreeMap<Option<String>, Share>,
    /// Names that the slim image lacks and a check used in the original, with the number of the first such check.
    pub(crate) removed: BTreeMap<NodeId, usize>,
    /// Checks of which it is not known, by number, with the reason.
    pub(crate) unknown: BTreeMap<usize, String>,
}

/// A number of files with their size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// Files; one with several names counts once.
    pub(crate) files: u64,
    /// Bytes on disk.
    pub(crate) bytes: u64,
}

impl Share {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

impl Coverage {
    /// Takes together what all checks touched.
    pub(crate) fn of(
        slim: &Tree<'_>,
        packages: &Packages,
        removed: &Removed<'_>,
        recorded: &BTreeMap<usize, Recorded>,
    ) -> Self {
        let mut coverage = Self::default();
        let mut touched = FxHashSet::default();
        for (number, traces) in recorded {
            for trace in traces {
                if let Err(why) = trace {
                    coverage.unknown.insert(*number, why.clone());
                }
            }
            let [original, in_slim] = traces;
            if let Ok(trace) = in_slim {
                touched.extend(leaves(slim, trace));
            }
            let missed = removed.missed(original.as_ref().ok(), None);
            for node in missed.used {
                coverage.removed.entry(node).or_insert(*number);
            }
        }
        for leaf in slim.leaves() {
            let data = slim.leaf(leaf);
            let bytes = slim.entry(data.data).size;
            coverage.all.add(bytes);
            if touched.contains(&leaf) {
                continue;
            }
            coverage.untouched.add(bytes);
            let owners = data.names.iter().filter_map(|name| packages.owner(*name));
            let owner = owners.map(|package| package.name.clone()).next();
            coverage.by_package.entry(owner).or_default().add(bytes);
        }
        coverage
    }
}

/// The files, links and devices that a run touched.
fn leaves(tree: &Tree<'_>, trace: &Trace) -> Vec<LeafId> {
    let mut out = Vec::new();
    for access in trace
        .accesses
        .iter()
        .filter(|access| access.error.is_none())
    {
        let path = access.path.as_os_str().as_bytes();
        tree.resolve_from(Tree::ROOT, path, |node| out.extend(tree.leaf_of(node)));
    }
    out
}
