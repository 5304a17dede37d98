//! `ounce why`: the way from what the image starts to a file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ounce_analysis::graph::{Closure, Graph};
use ounce_image::{ImagePath, NodeId, Tree};
use serde::Serialize;

use super::host::open;
use super::print;
use super::reach::{Reach, reach};
use crate::args::{ListFormat, Why};
use crate::error::CommandError;
use crate::report::line;
use crate::report::minimal::{Step, way};
use crate::report::model::json;
use crate::session::Run;

/// The answer for one name.
#[derive(Debug, Serialize)]
struct Answer {
    /// What was asked.
    path: String,
    /// Whether it is kept.
    is_kept: bool,
    /// The way to it.
    way: Vec<Step>,
    /// What it belongs to.
    package: Option<String>,
}

pub(crate) fn run(args: &Why) -> Result<(), CommandError> {
    let run = Run::start(&args.reading)?;
    let from = run.reference(&args.image)?;
    let session = open(&run, &from, &args.purpose)?;
    let tree = Tree::build(&session.image.layers)?;
    let reach = reach(&session, &tree, &args.purpose, None)?;
    let nodes = asked(args, &tree, &reach)?;
    let answers: Vec<Answer> = nodes
        .into_iter()
        .map(|node| answer(&tree, &reach, node))
        .collect();
    run.finish();
    match args.format {
        ListFormat::Json => print(&json(&answers), None),
        ListFormat::Table => print(&render(&answers), None),
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
    if args.removed && args.paths.is_empty() && args.package.is_none() {
        nodes.extend(removed(tree, reach));
    }
    Ok(nodes)
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
    let is_database = reach.databases.names.contains(&node);
    Answer {
        path: tree.path(node).to_string(),
        is_kept: !way.is_empty() || is_database,
        way,
        package: reach
            .packages
            .owner(node)
            .map(|owner| format!("{}:{}", owner.ecosystem.name(), owner.name)),
    }
}

fn render(answers: &[Answer]) -> String {
    let mut out = String::new();
    for answer in answers {
        let package = answer
            .package
            .as_ref()
            .map(|name| format!(" ({name})"))
            .unwrap_or_default();
        match answer.is_kept {
            true if answer.way.is_empty() => {
                line!(
                    out,
                    "{}{package}: tells scanners which packages stay",
                    answer.path
                );
            }
            true => line!(out, "{}{package}", answer.path),
            false => line!(
                out,
                "{}{package}: nothing that the image starts leads there",
                answer.path
            ),
        }
        way(&mut out, &answer.way, "  ");
    }
    out
}
