//! What checks missed, what was put back for them, and what no check touched.

use std::collections::{BTreeMap, BTreeSet};

use ounce_analysis::Packages;
use ounce_image::{NodeId, Tree};
use schemars::JsonSchema;
use serde::Serialize;

use crate::report::text::{bytes, grouped, plural};
use crate::verify::{self, Missed};

/// The most paths that a report lists for one check.
const MAX_MISSING: usize = 100;

/// Where a file of the original comes from, and what took it away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Origin {
    /// The absolute path.
    pub(crate) path: String,
    /// Its size on disk; of a folder 0.
    pub(crate) bytes: u64,
    /// The package that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) package: Option<String>,
    /// The rule of ounce that takes it away; absent where no rule does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
}

/// A file that a check missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Missing {
    /// The file.
    #[serde(flatten)]
    pub(crate) origin: Origin,
    /// How it is known.
    pub(crate) why: Why,
}

/// How it is known that a file was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Why {
    /// The run in the slim image looked for it in vain.
    Asked,
    /// The run in the original used it.
    Used,
    /// The run in the original listed its folder.
    Listed,
}

/// A file that was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PutBack {
    /// The file.
    #[serde(flatten)]
    pub(crate) origin: Origin,
    /// The first check that missed it.
    pub(crate) check: String,
}

/// What the checks say nothing about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Coverage {
    /// Files of the slim image; one with several names counts once.
    pub(crate) files: u64,
    /// Their bytes on disk.
    pub(crate) bytes: u64,
    /// Those that no check touched.
    pub(crate) untouched_files: u64,
    /// Their bytes.
    pub(crate) untouched_bytes: u64,
    /// The same by package, the largest first.
    pub(crate) untouched: Vec<Untouched>,
    /// Names that the slim image lacks and a check used in the original, although the outcome is what is compared.
    pub(crate) removed_but_used: Vec<PutBack>,
    /// Checks of which it is not known what they touch.
    pub(crate) unknown: Vec<Unknown>,
}

/// The files of a package that no check touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Untouched {
    /// The package; absent for the files of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) package: Option<String>,
    /// Files.
    pub(crate) files: u64,
    /// Bytes on disk.
    pub(crate) bytes: u64,
}

/// A check that could not be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Unknown {
    /// The check.
    pub(crate) check: String,
    /// Why.
    pub(crate) why: String,
}

/// Tells where files of the original come from.
pub(crate) struct Origins<'a> {
    /// Its merged view.
    pub(crate) tree: &'a Tree<'a>,
    /// Its packages.
    pub(crate) packages: &'a Packages,
    /// The rule that each name is decided by.
    pub(crate) rules: BTreeMap<NodeId, &'static str>,
}

impl Origins<'_> {
    pub(crate) fn of(&self, node: NodeId) -> Origin {
        let size = self.tree.leaf_of(node).and(self.tree.attributes(node));
        Origin {
            path: self.tree.path(node).to_string(),
            bytes: size.map_or(0, |entry| entry.size),
            package: self.packages.owner(node).map(|owner| owner.name.clone()),
            rule: self.rules.get(&node).map(|rule| (*rule).to_owned()),
        }
    }

    /// What a check missed, the surest first: only what is surer than the rest, and no folder of another name in the list.
    pub(crate) fn missing(&self, missed: &Missed) -> Vec<Missing> {
        let kinds = [
            (&missed.asked, Why::Asked),
            (&missed.used, Why::Used),
            (&missed.listed, Why::Listed),
        ];
        let Some((nodes, why)) = kinds.into_iter().find(|(nodes, _)| !nodes.is_empty()) else {
            return Vec::new();
        };
        let folders: BTreeSet<NodeId> = nodes.iter().map(|node| self.tree.parent(*node)).collect();
        let nodes = nodes.iter().filter(|node| !folders.contains(node));
        let mut missing: Vec<Missing> = nodes
            .map(|node| Missing {
                origin: self.of(*node),
                why,
            })
            .collect();
        missing.sort_by(|a, b| a.origin.path.cmp(&b.origin.path));
        missing.truncate(MAX_MISSING);
        missing
    }

    /// Names with the check that missed or used them.
    pub(crate) fn with_checks(
        &self,
        names: &BTreeMap<NodeId, usize>,
        checks: &[String],
    ) -> Vec<PutBack> {
        let mut out: Vec<PutBack> = names
            .iter()
            .map(|(node, number)| PutBack {
                origin: self.of(*node),
                check: checks[*number].clone(),
            })
            .collect();
        out.sort_by(|a, b| a.origin.path.cmp(&b.origin.path));
        out
    }

    /// What no check touched.
    pub(crate) fn coverage(&self, coverage: &verify::Coverage, checks: &[String]) -> Coverage {
        let mut untouched: Vec<Untouched> = coverage
            .by_package
            .iter()
            .map(|(package, share)| Untouched {
                package: package.clone(),
                files: share.files,
                bytes: share.bytes,
            })
            .collect();
        untouched.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.package.cmp(&b.package)));
        let unknown = coverage.unknown.iter().map(|(number, why)| Unknown {
            check: checks[*number].clone(),
            why: why.clone(),
        });
        Coverage {
            files: coverage.all.files,
            bytes: coverage.all.bytes,
            untouched_files: coverage.untouched.files,
            untouched_bytes: coverage.untouched.bytes,
            untouched,
            removed_but_used: self.with_checks(&coverage.removed, checks),
            unknown: unknown.collect(),
        }
    }
}

/// Names of files or packages that a sentence lists.
const FEW: usize = 5;

impl Origin {
    fn sentence(&self) -> String {
        let package = self.package.iter().map(|package| format!("of {package}"));
        let rule = self.rule.iter().map(|rule| format!("taken by {rule}"));
        let about: Vec<String> = package.chain(rule).collect();
        match about.is_empty() {
            true => self.path.clone(),
            false => format!("{} ({})", self.path, about.join(", ")),
        }
    }
}

/// What a check missed, as sentences; a few files of many.
pub(super) fn missing(missing: &[Missing]) -> Vec<String> {
    let lines = missing.iter().take(FEW).map(|missing| {
        let verb = match missing.why {
            Why::Asked => "it looks in vain for",
            Why::Used => "in the original it uses",
            Why::Listed => "in the original it lists the folder of",
        };
        format!("{verb} {}", missing.origin.sentence())
    });
    let more = missing.len().saturating_sub(FEW);
    let more = (more > 0).then(|| format!("and {} more files", grouped(more as u64)));
    lines.chain(more).collect()
}

/// What was put back, a line each.
pub(super) fn put_back(files: &[PutBack]) -> Vec<String> {
    let line = |file: &PutBack| format!("{} for {:?}", file.origin.sentence(), file.check);
    files.iter().map(line).collect()
}

impl Coverage {
    /// What the checks say nothing about, a sentence each.
    pub(super) fn sentences(&self) -> Vec<String> {
        let files = |files: u64| format!("{} {}", grouped(files), plural(files, "file"));
        let packages = self.untouched.iter().take(FEW).map(|share| {
            let package = share.package.as_deref().unwrap_or("no package");
            format!("{package} {}", bytes(share.bytes))
        });
        let packages: Vec<String> = packages.collect();
        let mut out = vec![format!(
            "no check touched {} of {} ({} of {}) in the slim image: {}",
            grouped(self.untouched_files),
            files(self.files),
            bytes(self.untouched_bytes),
            bytes(self.bytes),
            packages.join(", ")
        )];
        if self.untouched_files == 0 {
            out = vec![format!("the checks touched all {}", files(self.files))];
        }
        if !self.removed_but_used.is_empty() {
            let names = self.removed_but_used.iter().take(FEW);
            let names: Vec<String> = names.map(|file| file.origin.sentence()).collect();
            out.push(format!(
                "checks used {} in the original that the slim image lacks: {}",
                files(self.removed_but_used.len() as u64),
                names.join(", ")
            ));
        }
        let unknown = self.unknown.iter();
        out.extend(unknown.map(|unknown| {
            format!(
                "what {:?} touches is not known: {}",
                unknown.check, unknown.why
            )
        }));
        out
    }
}
