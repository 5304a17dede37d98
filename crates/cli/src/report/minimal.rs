//! The report of a minimised image: what was kept and why, and what to look at next.

mod markdown;
mod sums;
mod table;

use std::collections::BTreeSet;

use ounce_analysis::graph::{Edge, Graph, Origin, Proof};
use ounce_image::format::{Reference, Written};
use ounce_image::{EntryKind, Tree, display};
use schemars::JsonSchema;
use serde::Serialize;

use self::sums::Sums;
use crate::args::Format;
use crate::commands::minimize::kept::Kept as Stays;
use crate::commands::reach::Reach;
use crate::report::model::json;
use crate::report::text::{bytes, plural, saved};
use crate::report::verify::Verification;
use crate::report::verify::model::Answer;
use crate::session::Session;

pub(crate) use table::way;

/// The version of this form.
const VERSION: u32 = 1;
/// Rows of each list for people; `--report` has all.
const ROWS: usize = 12;

/// What was kept of an image. Its schema is `docs/minimize.schema.json`.
#[derive(Debug, Serialize, JsonSchema)]
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
    /// Bytes and files of the image, in all layers; `null` for a machine, which is not read as a whole.
    before: Option<Sum>,
    /// Bytes and files of the result.
    after: Sum,
    /// What the search began with.
    roots: Vec<String>,
    /// What was kept by how it was reached, the largest first.
    kept: Vec<Reason>,
    /// What goes by what it is, the largest first. With what stays it adds up to `before` exactly; nothing goes from a
    /// machine.
    dropped: Vec<Reason>,
    /// What was kept only for want of knowledge, by what it was kept for, the largest first: where to look next.
    uncertain: Vec<Guess>,
    /// The largest files with the way to each.
    largest: Vec<Kept>,
    /// What is asked for and was not in the image either.
    missing: Vec<String>,
    /// What could not be resolved.
    unresolved: Vec<String>,
    /// Files that could not be understood; they stay where something leads to them.
    problems: Vec<String>,
    /// How many names were put back because checks missed them, which the search should have found; absent without checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    healed: Option<usize>,
    /// What checks say of the result; absent when there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verification: Option<Box<Verification>>,
    /// What the result cannot do, and what else is to be known.
    notes: Vec<String>,
}

/// Bytes and files.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub(crate) struct Sum {
    /// Bytes on disk, as Docker counts them.
    pub(crate) disk: u64,
    /// Files and links.
    pub(crate) files: u64,
}

impl Sum {
    pub(crate) fn add(&mut self, disk: u64) {
        self.disk += disk;
        self.files += 1;
    }
}

/// Files that share a reason.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Reason {
    /// The kind of the last step to what is kept, or what it is that goes.
    name: String,
    #[serde(flatten)]
    sum: Sum,
}

/// What was kept because there is no telling that it is not needed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Guess {
    /// What may lead there, in one way.
    step: Step,
    /// How many other names that may lead to in this way.
    others: u64,
    #[serde(flatten)]
    sum: Sum,
}

/// A file that was kept.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Kept {
    path: String,
    disk: u64,
    /// The way from what the image starts.
    way: Vec<Step>,
}

/// One step of a way.
#[derive(Debug, Serialize, JsonSchema)]
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

impl Minimal {
    /// The report as text; colours are marks that only a terminal shows.
    pub(crate) fn text(&self, format: Format) -> String {
        match format {
            Format::Table => table::render(self),
            Format::Markdown => markdown::render(self),
            Format::Json => json(self),
        }
    }
}

/// Sentences for people, with a title for each list of them.
fn lists(report: &Minimal) -> [(&'static str, &[String]); 4] {
    [
        ("Asked for, but not in the image either", &report.missing),
        ("Not resolved, so more was kept", &report.unresolved),
        ("Not understood", &report.problems),
        ("Note", &report.notes),
    ]
}

/// How much stays, and how many files. A machine is not read as a whole, so that nobody knows its size.
fn kept(report: &Minimal) -> (String, String) {
    let after = report.after;
    match report.before {
        Some(before) => (
            format!(
                "{} of {} kept, {} less",
                bytes(after.disk),
                bytes(before.disk),
                saved(before.disk, after.disk)
            ),
            format!("{} of {} files", after.files, before.files),
        ),
        None => (
            format!("{} taken", bytes(after.disk)),
            format!("{} files", after.files),
        ),
    }
}

/// How much the search did not find, where checks can tell.
fn healed(report: &Minimal) -> Option<String> {
    let is_same = report.verification.as_ref()?.answer == Answer::Same;
    match report.healed? {
        0 => is_same.then(|| "nothing had to be put back for the checks".to_owned()),
        names => Some(format!(
            "{names} {} had to be put back for the checks",
            plural(names as u64, "name")
        )),
    }
}

/// What is known before the result is written.
pub(crate) struct Draft {
    image: String,
    report: Minimal,
}

impl Minimal {
    /// Sums up what was reached; the result is put onto a base, or stands alone.
    pub(crate) fn draft(
        session: &Session,
        tree: &Tree<'_>,
        reach: &Reach,
        stays: &Stays,
        on: Option<&Tree<'_>>,
    ) -> Draft {
        let graph = &reach.graph;
        let before = session.machine.is_none().then(|| before(tree));
        let mut sums = Sums::default();
        for node in &stays.names {
            sums.keep(tree, reach, stays, *node);
        }
        let problems = graph.problems.iter();
        Draft {
            image: session.reference.to_string(),
            report: Self {
                version: VERSION,
                ounce: env!("CARGO_PKG_VERSION"),
                command: String::new(),
                image: String::new(),
                output: None,
                before,
                after: sums.after,
                roots: graph.roots.iter().map(ToString::to_string).collect(),
                dropped: before.map_or_else(Vec::new, |before| sums.dropped(tree, stays, before)),
                uncertain: sums.uncertain(tree, graph),
                largest: sums.largest(tree, reach),
                kept: sums.kept(),
                missing: missing(tree, graph),
                unresolved: unresolved(tree, graph),
                problems: problems
                    .map(|p| format!("{}: {}", p.path, p.reason))
                    .collect(),
                healed: None,
                verification: None,
                notes: notes(tree, stays, on)
                    .into_iter()
                    .chain(reach.notes.iter().cloned())
                    .collect(),
            },
        }
    }
}

impl Draft {
    /// Adds remarks for people.
    pub(crate) fn note(&mut self, notes: Vec<String>) {
        self.report.notes.extend(notes);
    }

    /// The report, with what checks say and where the result was written.
    pub(crate) fn finish(
        self,
        command: &str,
        verification: Option<Verification>,
        written: Option<(&Reference, &Written)>,
    ) -> Minimal {
        let mut report = self.report;
        report.healed = verification.as_ref().map(|it| it.put_back.len());
        report.verification = verification.map(Box::new);
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

fn notes(tree: &Tree<'_>, stays: &Stays, on: Option<&Tree<'_>>) -> Vec<String> {
    let mut notes = Vec::new();
    let shell = |tree: &Tree<'_>| tree.resolve(b"/bin/sh");
    let is_lost = shell(tree).is_some_and(|shell| !stays.names.contains(&shell));
    if is_lost && on.and_then(shell).is_none() {
        notes.push(
            "no shell was reached: `docker exec IMAGE sh`, RUN steps and commands in shell form will not work"
                .to_owned(),
        );
    }
    if !stays.users.is_empty() {
        let users = stays.users.iter().map(String::as_str).collect::<Vec<_>>();
        notes.push(format!(
            "no user or group of these names is known any more: {}",
            users.join(", ")
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_up_to_date() {
        crate::published::assert_written::<Minimal>("minimize");
    }
}
