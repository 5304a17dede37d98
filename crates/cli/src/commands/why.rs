//! `ounce why`: the way from what the image starts to a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ounce_analysis::graph::{Closure, Graph};
use ounce_analysis::kinds;
use ounce_image::{ImagePath, NodeId, Tree};
use schemars::JsonSchema;
use serde::Serialize;

use super::aim::Aim;
use super::host::open;
use super::print;
use super::reach::{Reach, Start, reach};
use crate::args::{ListFormat, Why};
use crate::error::CommandError;
use crate::report::line;
use crate::report::minimal::{Step, Sum, way};
use crate::report::model::json;
use crate::report::text::{bytes, plural};
use crate::session::Run;

/// The version of this form.
const VERSION: u32 = 1;

/// Why files stay or go. Its schema is `docs/why.schema.json`.
#[derive(Debug, Serialize, JsonSchema)]
struct Answers {
    /// The version of this form: 1.
    version: u32,
    /// The version of ounce that wrote it.
    ounce: &'static str,
    /// The image.
    image: String,
    /// An answer for each name.
    answers: Vec<Answer>,
}

/// The answer for one name.
#[derive(Debug, Serialize, JsonSchema)]
struct Answer {
    /// The name.
    path: String,
    /// What it is, or what most of it is.
    what: &'static str,
    /// How much it is, with all that lies below it.
    #[serde(flatten)]
    sum: Sum,
    /// Whether it is kept.
    is_kept: bool,
    /// The way to it.
    way: Vec<Step>,
    /// What it belongs to.
    package: Option<String>,
}

pub(crate) fn run(args: &Why) -> Result<(), CommandError> {
    let aim = Aim::read(&args.purpose)?;
    let run = Run::start(&args.reading)?;
    let from = run.reference(&args.image)?;
    let session = open(&run, &from, &aim)?;
    let tree = Tree::build(&session.image.layers)?;
    let reach = reach(&session, &tree, &aim, Start::Purpose(Vec::new()))?;
    let nodes = asked(args, &tree, &reach)?;
    let answers: Vec<Answer> = nodes
        .into_iter()
        .map(|node| answer(&tree, &reach, node))
        .collect();
    run.finish();
    let answers = Answers {
        version: VERSION,
        ounce: env!("CARGO_PKG_VERSION"),
        image: from.to_string(),
        answers,
    };
    match args.format {
        ListFormat::Json => print(&json(&answers), None),
        ListFormat::Table => print(&render(&answers.answers), None),
    }
}

fn asked(args: &Why, tree: &Tree<'_>, reach: &Reach) -> Result<Vec<NodeId>, CommandError> {
    let mut nodes = Vec::new();
    for path in &args.paths {
        let end = tree.resolve(path.as_bytes());
        // The name itself, not what a link at its end leads to.
        let own = tree.get(&ImagePath::parse(path.as_bytes()).map_err(CommandError::input)?);
        let missing = || CommandError::input(format_args!("{path} is not in the image"));
        nodes.push(own.or(end).ok_or_else(missing)?);
    }
    if let Some(name) = &args.package {
        nodes.push(of_package(name, reach)?);
    }
    if args.removed {
        let below = |gone: &NodeId| {
            nodes.is_empty() || nodes.iter().any(|node| lies_in(tree, *gone, *node))
        };
        return Ok(removed(tree, reach).into_iter().filter(below).collect());
    }
    Ok(nodes)
}

fn lies_in(tree: &Tree<'_>, mut node: NodeId, folder: NodeId) -> bool {
    while node != folder && node != Tree::ROOT {
        node = tree.parent(node);
    }
    node == folder
}

/// The file of a package to which the shortest way leads, or its first.
fn of_package(name: &str, reach: &Reach) -> Result<NodeId, CommandError> {
    let missing = || CommandError::input(format_args!("there is no package {name:?} in the image"));
    let packages = reach.packages.find(name);
    let files = packages.iter().flat_map(|package| &package.files).copied();
    let first = files
        .clone()
        .next()
        .or_else(|| packages.first().map(|package| package.record));
    let shortest = files
        .filter_map(|file| Some((reach.closure.distance(&reach.graph, file)?, file)))
        .min();
    shortest.map(|(_, file)| file).or(first).ok_or_else(missing)
}

/// The topmost folders and files of which nothing is reached.
fn removed(tree: &Tree<'_>, reach: &Reach) -> Vec<NodeId> {
    let mut kept = BTreeSet::from([Tree::ROOT]);
    for mut node in reach
        .closure
        .names()
        .into_iter()
        .chain(reach.databases.names.iter().copied())
    {
        while kept.insert(node) {
            node = tree.parent(node);
        }
    }
    let below = kept.iter().flat_map(|node| tree.children(*node));
    let mut gone: Vec<NodeId> = below.filter(|child| !kept.contains(child)).collect();
    gone.sort_by_key(|node| tree.path(*node));
    gone
}

fn answer(tree: &Tree<'_>, reach: &Reach, node: NodeId) -> Answer {
    let steps = |closure: &Closure, graph: &Graph| -> Vec<Step> {
        let edges = closure.way(graph, tree, node).into_iter();
        edges.map(|edge| Step::new(tree, graph, edge)).collect()
    };
    // A way without guesses says more than a shorter one with them.
    let certain = steps(&reach.certain, &reach.graph);
    let way = if certain.is_empty() {
        steps(&reach.closure, &reach.graph)
    } else {
        certain
    };
    let (what, sum) = size(tree, node);
    let is_database = reach.databases.names.contains(&node);
    Answer {
        path: tree.path(node).to_string(),
        what,
        sum,
        is_kept: !way.is_empty() || is_database,
        way,
        package: reach
            .packages
            .owner(node)
            .map(|owner| format!("{}:{}", owner.ecosystem.name(), owner.name)),
    }
}

/// What most of it is, and how much it is.
fn size(tree: &Tree<'_>, node: NodeId) -> (&'static str, Sum) {
    let (mut sum, mut kinds, mut seen) = (Sum::default(), BTreeMap::new(), BTreeSet::new());
    for node in tree.walk(node) {
        if tree.leaf_of(node).is_some_and(|leaf| seen.insert(leaf)) {
            let size = tree.attributes(node).map_or(0, |entry| entry.size);
            sum.add(size);
            let kind = kinds::of(&tree.path(node)).title;
            // An empty file is of some kind too.
            *kinds.entry(kind).or_insert(0) += size + 1;
        }
    }
    let most = kinds.into_iter().max_by_key(|(_, size)| *size);
    (most.map_or("Empty folders", |(kind, _)| kind), sum)
}

fn render(answers: &[Answer]) -> String {
    let mut out = String::new();
    for answer in answers {
        let package = answer
            .package
            .as_ref()
            .map(|name| format!(" ({name})"))
            .unwrap_or_default();
        let end = match answer.is_kept {
            true if answer.way.is_empty() => ": tells scanners which packages stay",
            true => "",
            false => ": nothing that the image starts leads there",
        };
        let Sum { disk, files } = answer.sum;
        let word = plural(files, "file");
        let size = format!("{}, {files} {word}: {}", bytes(disk), answer.what);
        line!(out, "{}{package}{end}", answer.path);
        line!(out, "  {size}");
        way(&mut out, &answer.way, "  ");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_up_to_date() {
        crate::published::assert_written::<Answers>("why");
    }
}
