//! What the rules for documentation share.

use ounce_image::NodeId;

use super::Context;
use crate::finding::{Claim, Guard, Unit, Word};
use crate::rules::Rule;

/// Programs that show manual pages. Where one is there, the pages are what it is there for.
const MANUAL_READERS: [&str; 9] = [
    "man", "mandoc", "yelp", "xman", "tkman", "qman", "groff", "nroff", "emacs",
];
/// Programs that show info pages.
const INFO_READERS: [&str; 3] = ["info", "pinfo", "emacs"];

/// Folders of scripts and configuration to copy or source (Debian Policy 12.6).
const EXAMPLES: [&[u8]; 4] = [b"examples", b"contrib", b"samples", b"scripts"];

/// Beginnings of the names of licences and credits, which stay: distributing programs without them
/// breaks most licences.
const LICENCES: [&str; 8] = [
    "copyright",
    "copying",
    "license",
    "licence",
    "notice",
    "authors",
    "credits",
    "patents",
];

/// Folders that a program of their own shows, with the beginnings of its names: GNOME's help and its
/// developers' books, Debian's register of documents, notes for checking and reporting on packages.
const OTHERS: [(&str, &[&str]); 5] = [
    ("help", &["yelp", "gnome-help", "khelpcenter"]),
    ("devhelp", &["devhelp", "gnome-builder"]),
    ("doc-base", &["install-docs", "dwww", "dhelp", "doccentral"]),
    ("lintian", &["lintian"]),
    ("bug", &["reportbug", "querybts"]),
];

/// Tells of files whether they came with something installed; what did not is there on purpose.
type IsBrought<'a> = &'a dyn Fn(NodeId) -> bool;

/// The claims on documentation below a `share` folder.
pub(super) fn claims(
    context: &Context<'_>,
    rule: &'static Rule,
    share: NodeId,
    is_brought: IsBrought<'_>,
) -> Vec<Claim> {
    let tree = context.tree;
    let folder = |name: &str| {
        tree.child(share, name.as_bytes())
            .filter(|node| tree.is_directory(*node))
    };
    let mut out = Vec::new();
    for name in ["doc", "gtk-doc"] {
        // A program that reads one of its own documents may read its neighbours: a package's folder
        // stays or goes as one.
        out.extend(folder(name).map(|area| {
            Claim::new(
                rule,
                Some(area),
                tree.children(area)
                    .map(|child| Unit {
                        words: joins(name),
                        ..documents(context, child, is_brought)
                    })
                    .filter(|unit| !unit.nodes().is_empty())
                    .collect(),
            )
        }));
    }
    for (name, readers) in OTHERS {
        out.extend(folder(name).map(|area| {
            let guard = guard(context, name, readers);
            let unit = |child| Unit {
                guard: guard.clone(),
                ..documents(context, child, is_brought)
            };
            let units = tree.children(area).map(unit);
            let units = units.filter(|unit| !unit.nodes().is_empty());
            Claim::new(rule, Some(area), units.collect())
        }));
    }
    out.extend(folder("man").map(|area| manual(context, rule, area, is_brought)));
    out.extend(folder("info").map(|area| {
        let guard = guard(context, "info", &INFO_READERS);
        Claim::new(rule, Some(area), pages(context, area, &guard, is_brought))
    }));
    out
}

/// How Python, JavaScript and their like write the folder in parts: `join(prefix, "share", "doc", ...)`.
fn joins(name: &str) -> Vec<Word> {
    let mut out = Vec::new();
    for quote in ["'", "\""] {
        let part = |text: &str| format!("{quote}{text}{quote}");
        let (share, folder) = (part("share"), part(name));
        out.push(part(&format!("share/{name}")));
        out.extend([", ", ",", " / ", "/"].map(|between| format!("{share}{between}{folder}")));
    }
    let word = |text: String| Word {
        text: text.into_bytes(),
        within: None,
    };
    out.into_iter().map(word).collect()
}

/// The claim on a folder of manual pages.
pub(super) fn manual(
    context: &Context<'_>,
    rule: &'static Rule,
    area: NodeId,
    is_brought: impl Fn(NodeId) -> bool,
) -> Claim {
    let guard = guard(context, "man", &MANUAL_READERS);
    Claim::new(rule, Some(area), pages(context, area, &guard, &is_brought))
}

/// Refused where a program that shows such pages is in the image.
fn guard(context: &Context<'_>, name: &str, readers: &[&str]) -> Guard {
    let reader = context.has_program(|name| readers.iter().any(|reader| is_called(name, reader)));
    Guard::refused(reader.then(|| format!("a program that shows {name} pages is in the image")))
}

/// Whether a program is a reader or a variant of it, such as `emacs-nox` or `man.1`.
fn is_called(name: &[u8], reader: &str) -> bool {
    let rest = name.strip_prefix(reader.as_bytes());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-") || rest.starts_with(b"."))
}

/// Files below a folder that are no licences, and the links to such files. Folders and the links
/// to them stay: they cost nothing, and `copyright` is often found through them.
fn documents(context: &Context<'_>, folder: NodeId, is_brought: IsBrought<'_>) -> Unit {
    let tree = context.tree;
    let leads_to_document = |node: NodeId| {
        let target = tree
            .symlink(node)
            .map(|target| tree.resolve_from(tree.parent(node), target, |_| {}));
        target
            .is_none_or(|end| end.is_some_and(|end| tree.is_file(end) && !is_licence(context, end)))
    };
    let files = tree
        .walk(folder)
        .filter(|node| tree.leaf_of(*node).is_some());
    Unit::names(
        files
            .filter(|node| {
                is_brought(*node) && is_prose(context, *node) && leads_to_document(*node)
            })
            .collect(),
    )
}

/// Manual pages, and the links between them.
fn pages(
    context: &Context<'_>,
    area: NodeId,
    guard: &Guard,
    is_brought: IsBrought<'_>,
) -> Vec<Unit> {
    let pages = context
        .tree
        .walk(area)
        .filter(|node| context.tree.leaf_of(*node).is_some() && is_brought(*node));
    pages
        .map(|page| Unit {
            guard: guard.clone(),
            ..Unit::names(vec![page])
        })
        .collect()
}

/// Whether a document is there to be read: examples are there to be used, and licences must stay.
fn is_prose(context: &Context<'_>, node: NodeId) -> bool {
    let path = context.tree.path(node);
    let is_example = path.components().any(|part| EXAMPLES.contains(&part));
    let is_program = context.tree.is_file(node)
        && context
            .tree
            .attributes(node)
            .is_none_or(|file| file.mode & 0o111 != 0);
    !is_licence(context, node) && !is_example && !is_program
}

/// Whether a document must travel with what it came with, by its name.
pub(super) fn is_licence(context: &Context<'_>, node: NodeId) -> bool {
    let name = String::from_utf8_lossy(context.tree.name(node)).to_ascii_lowercase();
    LICENCES.iter().any(|known| name.starts_with(known))
}
