//! What a Debian package depends on, and whether somebody asked for it.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::Tree;

use super::paragraphs;
use crate::finding::Problem;

/// The names in a field of relations, with all alternatives (Debian Policy 7.1):
/// `a, b (>= 1) | c:any [amd64]` names a, b and c.
pub(super) fn names(field: &str) -> Vec<String> {
    field
        .split([',', '|'])
        .filter_map(|relation| {
            relation
                .split([' ', '\t', '\n', '(', ':', '[', '<'])
                .find(|word| !word.is_empty())
        })
        .map(str::to_owned)
        .collect()
}

/// The packages that apt installed because others need them: `/var/lib/apt/extended_states`
/// (apt-mark(8)), by name with their architectures. `None` where apt keeps no record.
pub(super) struct AutoInstalled(Option<BTreeMap<String, BTreeSet<String>>>);

impl AutoInstalled {
    pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Self {
        let states = tree.resolve(b"/var/lib/apt/extended_states");
        Self(states.map(|node| {
            let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for paragraph in paragraphs(tree, node, problems) {
                let field = |key| paragraph.get(key).unwrap_or_default().to_owned();
                if field("Auto-Installed") == "1" {
                    let architectures = out.entry(field("Package")).or_default();
                    architectures.insert(field("Architecture"));
                }
            }
            out
        }))
    }

    /// Whether somebody asked for a package. apt takes all that is not marked for asked for, also what
    /// the system was made of (`is_base`), for which nobody needs to ask.
    pub(super) fn requested(&self, name: &str, architecture: &str, is_base: bool) -> Option<bool> {
        let auto = self.0.as_ref()?;
        let is_auto = auto.get(name).is_some_and(|noted| {
            // apt notes packages for all architectures under the system's own.
            architecture == "all" || noted.contains(architecture)
        });
        Some(!is_auto && !is_base)
    }
}
