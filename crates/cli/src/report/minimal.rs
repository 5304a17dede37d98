//! The report of a minimised image: what was kept and why, and what to look at next.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use ounce_analysis::graph::{Edge, Graph, Origin, Proof};
use ounce_image::format::{Reference, Written};
use ounce_image::{EntryKind, LeafId, NodeId, Tree, display};
use serde::Serialize;

use crate::commands::reach::Reach;
use crate::session::Session;

pub(crate) use table::{render, way};

/// The version of this form.
const VERSION: u32 = 1;
/// What is kept so that scanners see what stays.
const DATABASE: &str = "package-database";
/// How many of the largest are listed with their ways.
const LARGEST: usize = 20;

/// What was kept of an image.
#[derive(Debug, Serialize)]
pub(crate) struct Minimal {
    /// The version of this form.
    version: u32,
    /// The version of ounce.
    ounce: &'static str,
    /// How it was called.
    command: String,
    /// The image.
    image: String,
    /// Where the result is.
    output: Option<String>,
    /// Bytes and files of the image, in all layers.
    before: Sum,
    /// Bytes and files of the result.
    after: Sum,
    /// What the search began with.
    roots: Vec<String>,
    /// What was kept by how it was reached, the largest first.
    kept: Vec<Reason>,
    /// What was kept only for want of knowledge, by package, the largest first.
    uncertain: Vec<Reason>,
    /// The largest files with the way to each.
    largest: Vec<Kept>,
    /// What is asked for and was not in the image either.
    missing: Vec<String>,
    /// What could not be resolved.
    unresolved: Vec<String>,
    /// Files that could not be understood; they stay where something leads to them.
    problems: Vec<String>,
    /// What the result cannot do.
    notes: Vec<String>,
}

/// Bytes and files.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Sum {
    /// Bytes on disk, as Docker counts them.
    disk: u64,
    /// Files and links.
    files: u64,
}

impl Sum {
    fn add(&mut self, disk: u64) {
        self.disk += disk;
        self.files += 1;
    }
}

/// Why files were kept.
#[derive(Debug, Serialize)]
pub(crate) struct Reason {
    /// The kind of the last step to them, or the package.
    name: String,
    #[serde(flatten)]
    sum: Sum,
}

/// A file that was kept.
#[derive(Debug, Serialize)]
pub(crate) struct Kept {
    path: String,
    disk: u64,
    /// The way from what the image starts.
    way: Vec<Step>,
}

/// One step of a way.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    /// Where it begins.
    pub(crate) from: String,
    /// How it leads on.
    pub(crate) kind: &'static str,
    /// The same for people.
    #[serde(skip)]
    pub(crate) words: String,
    /// Where that is written.
    pub(crate) proof: String,
    /// Where it leads.
    pub(crate) to: String,
    /// Whether it is kept only because there is no telling that it is not needed.
    pub(crate) is_guess: bool,
}

impl Step {
    pub(crate) fn new(tree: &Tree<'_>, graph: &Graph, edge: &Edge) -> Self {
        Self {
            from: origin(tree, graph, edge.from),
            kind: edge.kind.id(),
            words: edge.kind.to_string(),
            proof: edge.proof.to_string(),
            to: tree.path(edge.to).to_string(),
            is_guess: edge.is_guess,
        }
    }
}

/// What an edge begins at, for people.
pub(crate) fn origin(tree: &Tree<'_>, graph: &Graph, origin: Origin) -> String {
    match origin {
        Origin::Root(number) => graph.roots[number as usize].to_string(),
        Origin::Node(node) => tree.path(node).to_string(),
    }
}

/// What is known before the result is written.
pub(crate) struct Draft {
    image: String,
    report: Minimal,
}

impl Minimal {
    /// Sums up what was reached.
    pub(crate) fn draft(session: &Session, tree: &Tree<'_>, reach: &Reach) -> Draft {
        let (graph, closure) = (&reach.graph, &reach.closure);
        let mut names = closure.names();
        let mut sure = reach.certain.names();
        names.extend(&reach.databases.names);
        sure.extend(&reach.databases.names);
        let mut seen: BTreeSet<LeafId> = BTreeSet::new();
        let mut after = Sum::default();
        let mut kept: BTreeMap<&str, Sum> = BTreeMap::new();
        let mut uncertain: BTreeMap<String, Sum> = BTreeMap::new();
        let mut largest: Vec<(u64, NodeId)> = Vec::new();
        for node in &names {
            let Some(leaf) = tree.leaf_of(*node).filter(|leaf| seen.insert(*leaf)) else {
                continue;
            };
            let cut = reach
                .databases
                .contents
                .get(node)
                .map(|content| content.len() as u64);
            let size = cut.unwrap_or(tree.entry(tree.leaf(leaf).data).size);
            after.add(size);
            let last = closure
                .way(graph, tree, *node)
                .last()
                .map(|edge| edge.kind.id());
            kept.entry(last.unwrap_or(DATABASE)).or_default().add(size);
            if !sure.contains(node) {
                let owner = reach.packages.owner(*node);
                let name = owner.map(|owner| format!("{}:{}", owner.ecosystem.name(), owner.name));
                uncertain
                    .entry(name.unwrap_or_else(|| "no package".to_owned()))
                    .or_default()
                    .add(size);
            }
            largest.push((size, *node));
        }
        largest.sort_by_key(|(size, node)| (std::cmp::Reverse(*size), tree.path(*node)));
        largest.truncate(LARGEST);
        let largest = largest.into_iter().map(|(disk, node)| Kept {
            path: tree.path(node).to_string(),
            disk,
            way: closure
                .way(graph, tree, node)
                .into_iter()
                .map(|edge| Step::new(tree, graph, edge))
                .collect(),
        });
        Draft {
            image: session.reference.to_string(),
            report: Self {
                version: VERSION,
                ounce: env!("CARGO_PKG_VERSION"),
                command: String::new(),
                image: String::new(),
                output: None,
                before: before(tree),
                after,
                roots: graph.roots.iter().map(ToString::to_string).collect(),
                kept: sorted(kept.into_iter().map(|(kind, sum)| (kind.to_owned(), sum))),
                uncertain: sorted(uncertain),
                largest: largest.collect(),
                missing: missing(tree, graph),
                unresolved: unresolved(tree, graph),
                problems: graph
                    .problems
                    .iter()
                    .map(|p| format!("{}: {}", p.path, p.reason))
                    .collect(),
                notes: notes(tree, &names)
                    .into_iter()
                    .chain(reach.notes.iter().cloned())
                    .collect(),
            },
        }
    }
}

impl Draft {
    /// The report, with where the result was written.
    pub(crate) fn finish(self, command: &str, written: Option<(&Reference, &Written)>) -> Minimal {
        let mut report = self.report;
        report.command = command.to_owned();
        report.image = self.image;
        report.output = written.map(|(to, _)| to.to_string());
        report.notes.extend(
            written
                .into_iter()
                .flat_map(|(_, written)| written.notes.clone()),
        );
        report
    }
}

fn sorted(rows: impl IntoIterator<Item = (String, Sum)>) -> Vec<Reason> {
    let mut rows: Vec<Reason> = rows
        .into_iter()
        .map(|(name, sum)| Reason { name, sum })
        .collect();
    rows.sort_by(|a, b| b.sum.cmp(&a.sum).then_with(|| a.name.cmp(&b.name)));
    rows
}

/// All layers, as Docker counts them: what a later layer hides too.
fn before(tree: &Tree<'_>) -> Sum {
    let mut sum = Sum::default();
    let entries = tree.layers().iter().flat_map(|layer| &layer.entries);
    for entry in
        entries.filter(|entry| matches!(entry.kind, EntryKind::File | EntryKind::Symlink(_)))
    {
        sum.add(entry.size);
    }
    sum
}

fn missing(tree: &Tree<'_>, graph: &Graph) -> Vec<String> {
    let lines = graph.missing.iter().map(|missing| {
        let from = origin(tree, graph, missing.from);
        format!("{from} {} {}", missing.kind, display(&missing.what))
    });
    lines.collect::<BTreeSet<_>>().into_iter().collect()
}

fn unresolved(tree: &Tree<'_>, graph: &Graph) -> Vec<String> {
    let lines = graph.doubts.iter().map(|doubt| {
        let from = origin(tree, graph, doubt.from);
        match &doubt.proof {
            Proof::Itself => format!("{from} {}", doubt.text),
            proof => format!("{from}, {proof}: {}", doubt.text),
        }
    });
    lines.collect::<BTreeSet<_>>().into_iter().collect()
}

fn notes(tree: &Tree<'_>, names: &BTreeSet<NodeId>) -> Vec<String> {
    let had = tree.resolve(b"/bin/sh");
    let lost = had.is_some_and(|shell| !names.contains(&shell));
    let text = "no shell was reached: `docker exec IMAGE sh`, RUN steps and commands in shell form will not work";
    lost.then(|| text.to_owned()).into_iter().collect()
}
