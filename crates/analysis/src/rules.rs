//! The rules, one file each: what kind of content cannot affect what the image does.
//!
//! A rule only finds. Whether something that stays points into what it found is looked up by
//! [`evidence`](crate::evidence), and [`plan`](mod@crate::plan) decides. The text at the head of a
//! rule's file is its page of documentation (`docs/rules/`).

mod apt_lists;
mod apt_package_cache;
mod conda_docs;
mod conda_headers;
mod conda_package_cache;
mod conda_toolchain;
mod distribution_docs;
mod jdk_sources;
mod logs;
mod pip_cache;
mod shadowed_content;
mod temporary_files;

mod compilers;
mod docs;

use ounce_image::{Config, NodeId, Tree};

use crate::finding::{Claim, Unit};
use crate::packages::Packages;

/// How far a rule's removals can be felt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Cannot affect what the image does.
    Safe,
}

impl Tier {
    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
        }
    }
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, a kebab-case noun.
    pub id: &'static str,
    /// What it finds, as a heading.
    pub title: &'static str,
    /// How far its removals can be felt.
    pub tier: Tier,
    /// Why the image does the same without it, one sentence.
    pub why: &'static str,
    /// The source file, whose head is the page of documentation.
    pub source: &'static str,
    /// Finds.
    pub find: fn(&Context<'_>) -> Vec<Claim>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Rule {
    /// The page of documentation, in Markdown.
    pub fn page(&self) -> String {
        let head = self
            .source
            .lines()
            .map_while(|line| line.strip_prefix("//!"));
        let text: Vec<_> = head
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        format!(
            "# {}\n\nRule `{}`, tier {}.\n\n{}\n",
            self.title,
            self.id,
            self.tier.name(),
            text.join("\n")
        )
    }
}

/// What rules look at.
#[derive(Debug)]
pub struct Context<'a> {
    /// The merged view.
    pub tree: &'a Tree<'a>,
    /// The image config.
    pub config: &'a Config,
    /// Who brought which file.
    pub packages: &'a Packages,
}

/// All rules. When two find the same file, the earlier one has it.
pub const RULES: [&Rule; 12] = [
    &shadowed_content::RULE,
    &conda_package_cache::RULE,
    &conda_toolchain::RULE,
    &conda_headers::RULE,
    &conda_docs::RULE,
    &jdk_sources::RULE,
    &apt_lists::RULE,
    &apt_package_cache::RULE,
    &pip_cache::RULE,
    &distribution_docs::RULE,
    &logs::RULE,
    &temporary_files::RULE,
];

impl Context<'_> {
    /// A folder by its absolute path, links followed.
    fn folder(&self, path: &str) -> Option<NodeId> {
        self.tree
            .resolve(path.as_bytes())
            .filter(|node| self.tree.is_directory(*node))
    }

    /// The regular files below a folder, each a unit of its own, that `wanted` says yes to.
    fn files(&self, folder: NodeId, wanted: impl Fn(NodeId) -> bool) -> Vec<Unit> {
        let files = self
            .tree
            .walk(folder)
            .filter(|node| self.tree.is_file(*node) && wanted(*node));
        files.map(|node| Unit::names(vec![node])).collect()
    }

    /// A name and everything below it as one unit.
    fn whole(&self, node: NodeId) -> Unit {
        Unit::names(self.tree.walk(node).collect())
    }

    /// Whether a program of this name is in a folder that programs are started from.
    fn has_program(&self, names: &[&str]) -> bool {
        self.program_folders().any(|folder| {
            names
                .iter()
                .any(|name| self.tree.child(folder, name.as_bytes()).is_some())
        })
    }

    /// The folders of the image's `PATH`, the usual ones, and the `bin` of every conda environment.
    fn program_folders(&self) -> impl Iterator<Item = NodeId> {
        let path = self.config.env("PATH").unwrap_or_default();
        let mut folders: Vec<NodeId> = path
            .split(':')
            .chain(PROGRAM_FOLDERS)
            .filter_map(|folder| self.folder(folder))
            .collect();
        folders.extend(
            crate::packages::conda_prefixes(self.tree)
                .iter()
                .filter_map(|prefix| self.tree.child(*prefix, b"bin")),
        );
        folders.sort_unstable();
        folders.dedup();
        folders.into_iter()
    }
}

/// The default search path of shells (dash's and bash's `_PATH_STDPATH`).
const PROGRAM_FOLDERS: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// `just docs` writes the pages anew.
    #[test]
    fn every_rule_has_its_page() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules");
        for rule in RULES {
            let path = format!("{folder}/{}.md", rule.id);
            if std::env::var_os("UPDATE_DOCS").is_some() {
                std::fs::create_dir_all(folder).unwrap();
                std::fs::write(&path, rule.page()).unwrap();
            }
            assert_eq!(
                std::fs::read_to_string(&path).unwrap_or_default(),
                rule.page(),
                "run `just docs`"
            );
            for part in ["**Why it is safe.**", "**Evidence.**", "**Example.**"] {
                assert!(rule.page().contains(part), "{}: {part}", rule.id);
            }
        }
    }
}
