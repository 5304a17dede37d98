//! What is worth knowing of an image besides its causes.

use std::collections::BTreeMap;

use ounce_analysis::duplicates::Duplicate;
use ounce_analysis::ledger::Item;
use ounce_analysis::remarks::Remark;
use ounce_image::{ImagePath, Tree};

use super::build::{Analysis, is_hidden, stays};
use super::model::{Finding, Part, Report};
use super::rows::instruction;
use super::text::{bytes, plural};

/// The finding of files that are there more than once.
pub(super) const DUPLICATES: &str = "duplicate-content";
/// The findings of what could be smaller inside files.
pub(super) const REMARKS: [&str; 2] = ["debug-symbols", "gpu-code"];

/// Parts that a finding lists.
const MAX_PARTS: usize = 10;
/// Hidden bytes are worth a word from this share of the image, one part in so many.
const MUCH_HIDDEN: u64 = 100;
/// So is content without an owner.
const MUCH_UNOWNED: u64 = 20;
/// Set-user-ID and set-group-ID (inode(7)).
const SET_ID: u32 = 0o6000;

/// All findings.
pub(super) fn all(analysis: &Analysis<'_>) -> Vec<Finding> {
    let found = [hidden(analysis), unowned(analysis), set_id(analysis)];
    found.into_iter().flatten().collect()
}

/// What later layers hide, by the layer that carries it.
fn hidden(analysis: &Analysis<'_>) -> Option<Finding> {
    let image = &analysis.session.image;
    let steps = image.config.layer_steps(image.layers.len());
    let hidden: Vec<&Item<'_>> = analysis
        .items
        .iter()
        .filter(|item| is_hidden(item))
        .collect();
    let parts = sums(hidden.iter().map(|item| {
        let step = steps[item.layer].as_deref().map(instruction);
        let step = step.map_or(String::new(), |step| format!(": {step}"));
        (format!("layer {}{step}", item.layer + 1), item.size.disk)
    }));
    let disk = parts.iter().map(|part| part.disk).sum();
    if disk < analysis.size(|_| true).disk / MUCH_HIDDEN {
        return None;
    }
    let stay: u64 = hidden
        .iter()
        .filter(|item| stays(item))
        .map(|item| item.size.disk)
        .sum();
    let rest = match stay {
        0 => "all of it goes".to_owned(),
        stay if stay == disk => "it stays, because no rule that is on takes it".to_owned(),
        stay => format!("{} of it stays", bytes(stay)),
    };
    let files = hidden.len();
    finding(
        "hidden-bytes",
        "Bytes that later layers hide",
        disk,
        parts,
        |_| {
            let verb = if files == 1 { "is" } else { "are" };
            format!(
                "{files} {} with {} {verb} pulled, although a later layer replaces or removes {} ({rest})",
                plural(files as u64, "file"),
                bytes(disk),
                if files == 1 { "it" } else { "them" },
            )
        },
    )
}

/// What stays and no package database knows, by folder.
fn unowned(analysis: &Analysis<'_>) -> Option<Finding> {
    let items = analysis
        .items
        .iter()
        .filter(|item| stays(item) && item.owner.is_none());
    let parts = sums(items.filter_map(|item| {
        let path = analysis.tree.path(item.node?);
        Some((folder(&path), item.size.disk))
    }));
    let disk: u64 = parts.iter().map(|part| part.disk).sum();
    if disk < analysis.size(stays).disk / MUCH_UNOWNED {
        return None;
    }
    finding(
        "unowned-content",
        "Content that no package owns",
        disk,
        parts,
        |_| {
            format!(
                "{} that stays was copied in, downloaded or made during the build; \
             no package database knows it, so neither does a scanner",
                bytes(disk)
            )
        },
    )
}

/// The folder that stands for a path: at most three levels deep.
fn folder(path: &ImagePath) -> String {
    let folder = path.parent();
    let top: Vec<&[u8]> = folder.components().take(3).collect();
    format!("/{}", ounce_image::display(&top.join(&b'/')))
}

/// Programs that run with the rights of their owner or group.
fn set_id(analysis: &Analysis<'_>) -> Option<Finding> {
    let tree = analysis.tree;
    let is_set = |node: &_| {
        tree.is_file(*node)
            && tree
                .attributes(*node)
                .is_some_and(|entry| entry.mode & SET_ID != 0)
    };
    // How large they are does not matter.
    let paths = tree.walk(Tree::ROOT).filter(is_set);
    let (parts, disk) = (sums(paths.map(|node| (tree.path(node).to_string(), 0))), 0);
    finding(
        "set-id-programs",
        "Set-uid and set-gid programs",
        disk,
        parts,
        |count| {
            let verb = if count == 1 { "runs" } else { "run" };
            format!(
                "{count} {} {verb} with the rights of {} owner or group, whoever starts {}",
                plural(count as u64, "program"),
                if count == 1 { "its" } else { "their" },
                if count == 1 { "it" } else { "them" },
            )
        },
    )
}

impl Report {
    /// Adds what could be smaller inside files.
    pub(crate) fn with_remarks(mut self, found: &[Remark]) -> Self {
        for remark in found {
            let parts = remark.files.iter().map(|(path, disk)| Part {
                name: path.to_string(),
                disk: *disk,
            });
            let text = |count| {
                let files = plural(count as u64, "file");
                format!(
                    "{} in {count} {files}; {}",
                    bytes(remark.bytes),
                    remark.text
                )
            };
            let parts = parts.collect();
            self.findings
                .extend(finding(remark.id, remark.title, remark.bytes, parts, text));
        }
        self
    }

    /// Adds what stays although it is there more than once.
    pub(crate) fn with_duplicates(mut self, found: &[Duplicate]) -> Self {
        let parts: Vec<Part> = found
            .iter()
            .map(|group| Part {
                name: format!("{} and {} more", group.paths[0], group.paths.len() - 1),
                disk: group.waste(),
            })
            .collect();
        let disk = parts.iter().map(|part| part.disk).sum();
        self.findings.extend(finding(
            DUPLICATES,
            "Files of equal content",
            disk,
            parts,
            |count| {
                format!(
                    "one copy of each would save {}, in {count} {} of files that stay; \
                     they are left as they are, because a program may write to one of them",
                    bytes(disk),
                    plural(count as u64, "group")
                )
            },
        ));
        self
    }
}

/// Sums up by name, the largest first.
fn sums(parts: impl Iterator<Item = (String, u64)>) -> Vec<Part> {
    let mut by_name: BTreeMap<String, u64> = BTreeMap::new();
    for (name, disk) in parts {
        *by_name.entry(name).or_default() += disk;
    }
    let mut parts: Vec<Part> = by_name
        .into_iter()
        .map(|(name, disk)| Part { name, disk })
        .collect();
    parts.sort_by(|a, b| b.disk.cmp(&a.disk).then_with(|| a.name.cmp(&b.name)));
    parts
}

fn finding(
    id: &'static str,
    title: &'static str,
    disk: u64,
    mut parts: Vec<Part>,
    text: impl Fn(usize) -> String,
) -> Option<Finding> {
    let count = parts.len();
    parts.truncate(MAX_PARTS);
    (count > 0).then(|| Finding {
        id,
        title,
        text: text(count),
        disk,
        count,
        parts,
    })
}
