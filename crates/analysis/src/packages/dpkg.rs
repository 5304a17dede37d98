//! dpkg: `/var/lib/dpkg/status` with `info/*.list`, and `status.d/` of distroless images
//! (dpkg(1), deb-control(5); github.com/GoogleContainerTools/distroless, "Package Metadata").
//! Who was asked for is in apt's `extended_states`.

mod lists;
mod relations;
pub mod status;

use deb822_fast::{Paragraph, ParagraphReader};
use ounce_image::{NodeId, Tree};
use rayon::prelude::*;

use super::{Ecosystem, Package, Strength, text, unique};
use crate::finding::Problem;
use lists::Lists;
use relations::{AutoInstalled, names};

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let Some(folder) = tree.resolve(b"/var/lib/dpkg") else {
        return Vec::new();
    };
    let databases = databases(tree, folder);
    if databases.is_empty() {
        return Vec::new();
    }
    let lists = Lists::load(tree, folder, problems);
    let auto = AutoInstalled::load(tree, problems);
    let mut packages = Vec::new();
    for database in databases {
        // Each has a list of its own to read.
        let read: Vec<_> = paragraphs(tree, database, problems)
            .par_iter()
            .map(|paragraph| {
                let mut problems = Vec::new();
                let package = package(tree, database, paragraph, &lists, &auto, &mut problems);
                (package, problems)
            })
            .collect();
        for (package, found) in read {
            packages.extend(package);
            problems.extend(found);
        }
    }
    packages
}

/// The files that describe packages.
fn databases(tree: &Tree<'_>, folder: NodeId) -> Vec<NodeId> {
    let single = tree.child(folder, b"status.d");
    let single = single.into_iter().flat_map(|folder| tree.children(folder));
    tree.child(folder, b"status")
        .into_iter()
        .chain(single.filter(|node| !tree.name(*node).ends_with(b".md5sums")))
        .collect()
}

/// The paragraphs of a control file, as far as it can be read.
fn paragraphs(tree: &Tree<'_>, node: NodeId, problems: &mut Vec<Problem>) -> Vec<Paragraph> {
    let content = text(tree, node, problems).unwrap_or_default();
    let mut out = Vec::new();
    for paragraph in ParagraphReader::new(content.as_bytes()) {
        match paragraph {
            Ok(paragraph) => out.push(paragraph),
            Err(e) => {
                problems.push(Problem {
                    path: tree.path(node),
                    reason: e.to_string(),
                });
                break;
            }
        }
    }
    out
}

fn package(
    tree: &Tree<'_>,
    database: NodeId,
    paragraph: &Paragraph,
    lists: &Lists,
    auto: &AutoInstalled,
    problems: &mut Vec<Problem>,
) -> Option<Package> {
    let name = paragraph.get("Package")?;
    // Removed packages stay listed until they are purged (dpkg(1), "Package states").
    let state = paragraph.get("Status").unwrap_or("install ok installed");
    if state.ends_with(" not-installed") || state.ends_with(" config-files") {
        return None;
    }
    let architecture = paragraph.get("Architecture").unwrap_or_default();
    let own = lists.of(name, architecture);
    let field = |key| names(paragraph.get(key).unwrap_or_default());
    Some(Package {
        ecosystem: Ecosystem::Dpkg,
        name: name.to_owned(),
        version: paragraph.get("Version").unwrap_or_default().to_owned(),
        prefix: Tree::ROOT,
        record: own.first().map_or(database, |list| list.node),
        strength: match own.iter().any(|list| list.has_digests) {
            true => Strength::Digest,
            false => Strength::Listed,
        },
        files: lists.files(tree, name, own, problems),
        depends: unique([field("Pre-Depends"), field("Depends")].concat()),
        provides: field("Provides"),
        source: Some(source(paragraph).unwrap_or(name).to_owned()),
        requested: auto.requested(name, architecture, is_base(paragraph)),
    })
}

/// The source package where it has another name: `redis (5:7.0.15-1)` (deb-control(5), "Source").
fn source(paragraph: &Paragraph) -> Option<&str> {
    paragraph.get("Source")?.split_whitespace().next()
}

/// Whether every system has the package, asked for or not (Debian Policy 2.5 and 3.8).
fn is_base(paragraph: &Paragraph) -> bool {
    paragraph.get("Essential") == Some("yes") || paragraph.get("Priority") == Some("required")
}
