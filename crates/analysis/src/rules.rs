//! The rules, one file each: what kind of content cannot affect what the image does.
//!
//! A rule only finds. Whether something that stays points into what it found is looked up by
//! [`evidence`](crate::evidence), and [`plan`](mod@crate::plan) decides. The text at the head of a
//! rule's file is its page of documentation (`docs/rules/`).

mod apk_cache;
mod apt_lists;
mod apt_package_cache;
mod backups;
mod cargo_cache;
mod cargo_incremental;
mod composer_cache;
mod conda_docs;
mod conda_headers;
mod conda_package_cache;
mod conda_toolchain;
mod core_dumps;
mod cpu_variants;
mod cython_sources;
mod debug_files;
mod development_files;
mod distribution_docs;
mod dnf_cache;
mod editor_leftovers;
mod gem_cache;
mod go_cache;
mod gradle_cache;
mod installed_wheels;
mod jdk_extras;
mod jdk_modules;
mod jdk_runtime_modules;
mod jdk_sources;
mod ldconfig_cache;
mod logs;
mod maven_repository;
mod node_docs;
mod node_installers;
mod node_source_maps;
mod node_typescript;
mod npm_cache;
mod optional_dependencies;
mod package_manager;
mod pacman_cache;
mod perl_docs;
mod pip_cache;
mod pnpm_store;
mod poetry_cache;
mod prefix_docs;
mod python_bytecode;
mod python_ensurepip;
mod python_installers;
mod python_tests;
mod r_help;
mod r_leftovers;
mod several_runtimes;
mod shadowed_content;
mod spare_locales;
mod temporary_files;
mod uv_cache;
mod vcs_metadata;
mod yarn_cache;
mod zypper_cache;

mod caches;
pub(crate) mod compilers;
mod docs;
mod installers;
mod jdk;
mod node_packages;
mod started;
pub(crate) mod translations;

use std::sync::OnceLock;

pub(crate) use conda_package_cache::caches as conda_caches;
pub(crate) use python_bytecode::compiled_from;

use ounce_image::{Config, ImagePath, NodeId, Tree};
use rustc_hash::FxHashSet;

use crate::finding::{Claim, Unit};
use crate::modules::Modules;
use crate::packages::{self, Packages};
use crate::pages;

/// How far a rule's removals can be felt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Tier {
    /// Cannot affect what the image does.
    #[default]
    Safe,
    /// Cannot affect it as long as what its guard looked at is all there is; taken when asked for.
    Guarded,
    /// Costs a feature or a kind of machine; reported with its size, never taken.
    OptIn,
}

impl Tier {
    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Guarded => "guarded",
            Self::OptIn => "opt-in",
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
        format!(
            "# {}\n\nRule `{}`, tier {}.\n\n{}\n",
            self.title,
            self.id,
            self.tier.name(),
            pages::head(self.source)
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
    /// The conda environments.
    conda_prefixes: Vec<NodeId>,
    /// The Python sources, read when they are first asked for.
    modules: OnceLock<Modules>,
}

/// All rules. When two find the same file, the earlier one has it.
pub const RULES: &[&Rule] = &[
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
    &r_leftovers::RULE,
    &temporary_files::RULE,
    &prefix_docs::RULE,
    &jdk_modules::RULE,
    &jdk_extras::RULE,
    &vcs_metadata::RULE,
    &core_dumps::RULE,
    &editor_leftovers::RULE,
    &backups::RULE,
    &debug_files::RULE,
    &cython_sources::RULE,
    &perl_docs::RULE,
    &node_docs::RULE,
    &node_source_maps::RULE,
    &node_typescript::RULE,
    &apk_cache::RULE,
    &dnf_cache::RULE,
    &zypper_cache::RULE,
    &pacman_cache::RULE,
    &ldconfig_cache::RULE,
    &uv_cache::RULE,
    &poetry_cache::RULE,
    &npm_cache::RULE,
    &yarn_cache::RULE,
    &pnpm_store::RULE,
    &cargo_cache::RULE,
    &cargo_incremental::RULE,
    &go_cache::RULE,
    &maven_repository::RULE,
    &gradle_cache::RULE,
    &gem_cache::RULE,
    &composer_cache::RULE,
    &python_installers::RULE,
    &python_tests::RULE,
    &python_bytecode::RULE,
    &python_ensurepip::RULE,
    &installed_wheels::RULE,
    &r_help::RULE,
    &translations::RULE,
    &development_files::RULE,
    &package_manager::RULE,
    &jdk_runtime_modules::RULE,
    &cpu_variants::RULE,
    &optional_dependencies::RULE,
    &several_runtimes::RULE,
    &node_installers::RULE,
    &spare_locales::RULE,
];

impl<'a> Context<'a> {
    /// What there is to look at.
    pub fn new(tree: &'a Tree<'a>, config: &'a Config, packages: &'a Packages) -> Self {
        Self {
            tree,
            config,
            packages,
            conda_prefixes: packages::conda_prefixes(tree),
            modules: OnceLock::new(),
        }
    }

    /// The Python sources.
    pub fn modules(&self) -> &Modules {
        self.modules.get_or_init(|| Modules::load(self.tree))
    }

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

    /// Tells of files whether a RUN step of the Dockerfile made them: not when a COPY or ADD may have
    /// put them there on purpose, under this name or in a lower layer, or the history does not tell.
    fn made_by_run(&self) -> impl Fn(NodeId) -> bool {
        let tree = self.tree;
        let is_run: Vec<bool> = (0..tree.layers().len())
            .map(|layer| self.is_run(layer))
            .collect();
        let hidden = tree.hidden().into_iter().map(|(entry, _)| entry);
        let copied: FxHashSet<&ImagePath> = hidden
            .filter(|entry| !is_run[entry.layer as usize])
            .map(|entry| &tree.entry(entry).path)
            .collect();
        move |node| {
            let layer = tree.node_entry(node).map(|entry| entry.layer as usize);
            layer.is_some_and(|layer| is_run[layer]) && !copied.contains(&tree.path(node))
        }
    }

    /// Whether the step that made a layer, and those before it that are said to have made none
    /// (buildah puts several into one layer), ran commands.
    fn is_run(&self, layer: usize) -> bool {
        let history = self.config.history();
        let made: Vec<usize> = (0..history.len())
            .filter(|at| !history[*at].is_empty)
            .collect();
        if made.len() != self.tree.layers().len() {
            return false;
        }
        let first = layer.checked_sub(1).map_or(0, |before| made[before] + 1);
        let is_copy = |step: &ounce_image::Step| {
            ["COPY", "ADD"]
                .iter()
                .any(|word| instruction(&step.created_by).starts_with(word))
        };
        // Docker's classic builder writes `/bin/sh -c ...`, BuildKit `RUN /bin/sh -c ... # buildkit`.
        let text = &history[made[layer]].created_by;
        let ran = text.starts_with("RUN ") || (text.contains(" -c ") && !text.contains("#(nop)"));
        ran && !history[first..made[layer]].iter().any(is_copy)
    }

    /// The first bytes of a regular file; `None` when it is shorter or cannot be read.
    fn start<const N: usize>(&self, node: NodeId) -> Option<[u8; N]> {
        let leaf = self
            .tree
            .leaf_of(node)
            .filter(|_| self.tree.is_file(node))?;
        let mut start = [0; N];
        let read = self.tree.read(leaf).read_at(0, &mut start).ok()?;
        (read == N).then_some(start)
    }

    /// The words of the image's entrypoint and command, without white space and quotes.
    fn command(&self) -> Vec<String> {
        let texts = ["Entrypoint", "Cmd"].map(|key| self.config.list(key));
        let split = |c: char| c.is_whitespace() || "'\";|&()".contains(c);
        let texts = texts.iter().flatten();
        let words = texts.flat_map(|text| text.split(split).map(str::to_owned));
        words.filter(|word| !word.is_empty()).collect()
    }

    /// The names of programs that the image starts, and of the programs that those are given: words of
    /// the command that are no options, without their folders.
    fn started(&self) -> Vec<String> {
        let name = |word: String| word.rsplit('/').next().unwrap_or_default().to_owned();
        let words = self.command().into_iter();
        words
            .filter(|word| !word.starts_with('-'))
            .map(name)
            .collect()
    }

    /// The files that words of the command lead to, by `PATH` or from the working folder.
    fn command_files(&self) -> Vec<NodeId> {
        let tree = self.tree;
        let path = self.config.env("PATH").unwrap_or_default();
        let texts = self.config.run_time_texts();
        let folder = texts.get("WorkingDir").and_then(|list| list.first());
        let start = folder.and_then(|path| self.folder(path));
        let start = start.unwrap_or(Tree::ROOT);
        let mut out = Vec::new();
        for word in self.command() {
            let folders = path.split(':').filter_map(|folder| self.folder(folder));
            let program = |folder| tree.resolve_from(folder, word.as_bytes(), |_| {});
            out.extend(folders.chain([start]).filter_map(program));
        }
        out
    }

    /// Whether the image is at work in a folder: its working folder, a word of its command or a volume lies
    /// there.
    fn works_in(&self, folder: NodeId) -> bool {
        let texts = self.config.run_time_texts();
        let texts = texts.iter().filter(|(key, _)| *key != "Env");
        let words = texts.flat_map(|(_, texts)| texts.iter().flat_map(|text| text.split(' ')));
        let paths = words.filter_map(|word| self.tree.resolve(word.as_bytes()));
        let is_root = |node: &NodeId| *node == Tree::ROOT;
        let mut places = paths
            .filter(|node| !is_root(node))
            .chain(self.command_files());
        folder == Tree::ROOT || places.any(|node| self.tree.is_within(node, folder))
    }

    /// Whether a program whose name `wanted` says yes to is in a folder that programs are started
    /// from.
    fn has_program(&self, wanted: impl Fn(&[u8]) -> bool) -> bool {
        let mut folders = self.program_folders();
        folders.any(|folder| {
            self.tree
                .children(folder)
                .any(|node| wanted(self.tree.name(node)))
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
            self.conda_prefixes
                .iter()
                .filter_map(|prefix| self.tree.child(*prefix, b"bin")),
        );
        folders.sort_unstable();
        folders.dedup();
        folders.into_iter()
    }
}

/// A step without what the classic builder writes before an instruction that runs nothing.
fn instruction(step: &str) -> &str {
    step.split_once("#(nop)")
        .map_or(step, |(_, instruction)| instruction)
        .trim_start()
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
        for rule in RULES.iter().copied() {
            pages::assert_written("rules", rule.id, &rule.page());
            let why = format!("**Why it is {}.**", rule.tier.name());
            for part in [why.as_str(), "**Evidence.**", "**Example.**"] {
                assert!(rule.page().contains(part), "{}: {part}", rule.id);
            }
        }
    }
}
