//! The rules for Dockerfiles, one file each.
//!
//! A rule finds, and says what would put it right; [`fix`](super::fix) decides whether that is done. The text
//! at the head of a rule's file is its page of documentation (`docs/lint/`).

mod add_local_file;
mod adduser_package;
mod apk_cache_left;
mod apt_archives_left;
mod apt_lists_left;
mod apt_recommends;
mod apt_update_alone;
mod cargo_cache_left;
mod compilers_left;
mod composer_cache_left;
mod conda_build_files;
mod conda_cache_left;
mod copied_then_changed;
mod development_base;
mod dnf_cache_left;
mod download_left;
mod full_clone;
mod gem_cache_left;
mod git_in_conda;
mod go_cache_left;
mod gradle_cache_left;
mod late_removal;
mod maven_cache_left;
mod mkdir_then_cd;
mod npm_cache_left;
mod pip_cache_left;
mod pnpm_cache_left;
mod poetry_cache_left;
mod r_downloads_left;
mod shell_less_base;
mod source_without_compiler;
mod unlocked_environment;
mod unpinned_base;
mod uv_cache_left;
mod whole_context;
mod yarn_cache_left;
mod zypper_cache_left;

mod bases;
mod cleaning;
mod conda;
mod copied;
mod started;
mod two_stages;

use super::finding::Finding;
use super::lint::Context;
use crate::nearest::nearest;
use crate::pages;

pub(crate) use compilers_left::is_tool;
pub use unpinned_base::{Pin, Unpinned, unpinned};

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, a kebab-case noun.
    pub id: &'static str,
    /// What it finds, as a heading.
    pub title: &'static str,
    /// What other linters call it: `DL3009` of hadolint, names of BuildKit's checks.
    pub others: &'static [&'static str],
    /// What it costs, one sentence.
    pub cost: &'static str,
    /// The source file, whose head is the page of documentation.
    pub source: &'static str,
    /// Finds.
    pub find: fn(&Context<'_>) -> Vec<Finding>,
}

/// All rules.
pub const RULES: &[&Rule] = &[
    &apt_lists_left::RULE,
    &apt_archives_left::RULE,
    &apt_recommends::RULE,
    &apt_update_alone::RULE,
    &pip_cache_left::RULE,
    &conda_cache_left::RULE,
    &conda_build_files::RULE,
    &git_in_conda::RULE,
    &adduser_package::RULE,
    &apk_cache_left::RULE,
    &dnf_cache_left::RULE,
    &zypper_cache_left::RULE,
    &npm_cache_left::RULE,
    &yarn_cache_left::RULE,
    &pnpm_cache_left::RULE,
    &uv_cache_left::RULE,
    &poetry_cache_left::RULE,
    &cargo_cache_left::RULE,
    &go_cache_left::RULE,
    &gem_cache_left::RULE,
    &composer_cache_left::RULE,
    &r_downloads_left::RULE,
    &maven_cache_left::RULE,
    &gradle_cache_left::RULE,
    &late_removal::RULE,
    &download_left::RULE,
    &mkdir_then_cd::RULE,
    &copied_then_changed::RULE,
    &development_base::RULE,
    &compilers_left::RULE,
    &source_without_compiler::RULE,
    &unpinned_base::RULE,
    &unlocked_environment::RULE,
    &add_local_file::RULE,
    &whole_context::RULE,
    &full_clone::RULE,
    &shell_less_base::RULE,
];

/// There is no rule of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule {name:?} for Dockerfiles")]
pub struct UnknownRule {
    /// The name.
    pub name: String,
    /// The rule that may be meant.
    pub nearest: Option<&'static str>,
}

/// The rule of a name.
///
/// # Errors
/// There is none.
pub fn rule(name: &str) -> Result<&'static Rule, UnknownRule> {
    let found = RULES.iter().copied().find(|rule| rule.id == name);
    found.ok_or_else(|| UnknownRule {
        name: name.to_owned(),
        nearest: nearest(name, RULES.iter().map(|rule| rule.id)),
    })
}

impl Rule {
    /// The page of documentation, in Markdown.
    pub fn page(&self) -> String {
        let others = match self.others {
            [] => String::new(),
            others => format!(" Elsewhere: {}.", others.join(", ")),
        };
        format!(
            "# {}\n\nRule `{}`.{others} Cost: {}.\n\n{}\n",
            self.title,
            self.id,
            self.cost,
            pages::head(self.source)
        )
    }
}

#[cfg(test)]
mod tests;
