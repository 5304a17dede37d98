//! Who asked for a package, where rpm's front ends note it: dnf 5, dnf 4 and microdnf, zypper.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{NodeId, Tree, display};
use serde::Deserialize;

use super::dnf_history::reasons;
use crate::finding::Problem;
use crate::packages::{bytes, text};

/// What is known of who was asked for.
pub(super) enum Requests {
    /// By `NAME.ARCHITECTURE`, whether somebody asked for it.
    Reasons(BTreeMap<String, bool>),
    /// The names of all that nobody asked for.
    AutoInstalled(BTreeSet<String>),
    /// Nothing.
    Unknown,
}

impl Requests {
    pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Self {
        if let Some(node) = tree.resolve(b"/usr/lib/sysimage/libdnf5/packages.toml") {
            return Self::dnf5(&text(tree, node, problems).unwrap_or_default())
                .unwrap_or_else(|reason| unknown(tree, node, reason, problems));
        }
        if let Some(node) = tree.resolve(b"/var/lib/dnf/history.sqlite") {
            let log = tree.child(tree.parent(node), b"history.sqlite-wal");
            let mut read = |node| bytes(tree, node, problems).unwrap_or_default();
            let (content, log) = (read(node), log.map(&mut read));
            return reasons(&content, &log.unwrap_or_default())
                .map(Self::Reasons)
                .unwrap_or_else(|reason| unknown(tree, node, reason, problems));
        }
        if let Some(node) = tree.resolve(b"/var/lib/zypp/AutoInstalled") {
            return Self::zypper(&text(tree, node, problems).unwrap_or_default());
        }
        Self::Unknown
    }

    pub(super) fn requested(&self, name: &str, arch: &str) -> Option<bool> {
        match self {
            Self::Reasons(reasons) => reasons.get(&format!("{name}.{arch}")).copied(),
            Self::AutoInstalled(names) => Some(!names.contains(name)),
            Self::Unknown => None,
        }
    }

    /// dnf5's system state (dnf5-system-state(7)).
    fn dnf5(content: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct State {
            packages: BTreeMap<String, Installed>,
        }
        #[derive(Deserialize)]
        struct Installed {
            reason: String,
        }
        let state: State = toml::from_str(content).map_err(|e| display(e.message().as_bytes()))?;
        let reasons = state.packages.into_iter().filter_map(|(name, installed)| {
            match installed.reason.to_ascii_lowercase().as_str() {
                // External: with rpm itself, by hand.
                "user" | "external user" => Some((name, true)),
                "dependency" | "weak dependency" => Some((name, false)),
                _ => None,
            }
        });
        Ok(Self::Reasons(reasons.collect()))
    }

    /// One name a line behind comments (libzypp, `zypp/target/TargetImpl.cc`).
    fn zypper(content: &str) -> Self {
        let lines = content.lines().map(str::trim);
        let names = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self::AutoInstalled(names.map(str::to_owned).collect())
    }
}

fn unknown(tree: &Tree<'_>, node: NodeId, reason: String, problems: &mut Vec<Problem>) -> Requests {
    problems.push(Problem {
        path: tree.path(node),
        reason,
    });
    Requests::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_dnf5() {
        let state = r#"
            version = "1.0"
            [packages]
            "bash.x86_64" = {reason = "Dependency"}
            "vim.x86_64" = {reason = "User"}
            "local.noarch" = {reason = "External User"}
        "#;
        let requests = Requests::dnf5(state).unwrap();
        assert_eq!(requests.requested("bash", "x86_64"), Some(false));
        assert_eq!(requests.requested("vim", "x86_64"), Some(true));
        assert_eq!(requests.requested("vim", "i686"), None);
        assert_eq!(requests.requested("local", "noarch"), Some(true));
        assert!(Requests::dnf5("packages = 1").is_err());
    }

    #[test]
    fn what_zypper_did_not_mark_was_asked_for() {
        let requests = Requests::zypper("# AutoInstalled generated on 2025\nlibfoo1\n");
        assert_eq!(requests.requested("libfoo1", "x86_64"), Some(false));
        assert_eq!(requests.requested("vim", "x86_64"), Some(true));
    }
}
