//! The part of a report on files of equal content.

use ounce_analysis::duplicates::Duplicate;

use super::model::{Copies, Duplicates, Report};

/// Groups that are listed.
const MAX_GROUPS: usize = 5;
/// Paths of a group that are listed.
const MAX_PATHS: usize = 10;

impl Report {
    /// Adds what is there more than once, the most wasteful first.
    pub(crate) fn with_duplicates(mut self, found: &[Duplicate]) -> Self {
        let copies = |group: &Duplicate| Copies {
            waste: group.waste(),
            files: group.paths.len(),
            paths: group
                .paths
                .iter()
                .take(MAX_PATHS)
                .map(ToString::to_string)
                .collect(),
        };
        self.duplicates = Some(Duplicates {
            waste: found.iter().map(Duplicate::waste).sum(),
            groups: found.len(),
            largest: found.iter().take(MAX_GROUPS).map(copies).collect(),
        });
        self
    }
}
