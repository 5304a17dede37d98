//! What commands share that ask what an image's programs can reach.

use std::collections::BTreeSet;

use ounce_analysis::graph::{Closure, Graph, Memory, Root, RootsError};
use ounce_analysis::packages::Databases;
use ounce_analysis::rules::Context;
use ounce_analysis::{Packages, Problem};
use ounce_image::{NodeId, Tree, display};

use super::aim::Aim;
use super::host::Settled;
use crate::error::CommandError;
use crate::session::Session;

/// What was found.
pub(crate) struct Reach {
    pub(crate) packages: Packages,
    pub(crate) graph: Graph,
    pub(crate) closure: Closure,
    /// What is reached without guesses.
    pub(crate) certain: Closure,
    /// What package managers know of what is reached.
    pub(crate) databases: Databases,
    /// What was reached and stays on the machine, with the reason.
    pub(crate) notes: Vec<String>,
}

/// What a search found, before anything is concluded from it.
pub(crate) struct Found {
    packages: Packages,
    graph: Graph,
}

/// Where a command begins.
pub(crate) enum Start {
    /// At what the image is for, and at these.
    Purpose(Vec<Root>),
    /// At one file.
    At(NodeId),
}

/// Finds what the image's programs can reach.
pub(crate) fn reach(
    session: &Session,
    tree: &Tree<'_>,
    aim: &Aim<'_>,
    start: Start,
) -> Result<Reach, CommandError> {
    let machine = session.machine.as_ref();
    let programs = machine.map_or(aim.programs, |it| it.machine.programs());
    let is_whole = matches!(start, Start::Purpose(_));
    let known = machine.filter(|_| is_whole).and_then(Settled::take);
    let Found { packages, graph } = match (known, start) {
        (Some(found), _) => found,
        (None, Start::At(node)) => search(session, tree, Begin::At(node), None)?,
        (None, Start::Purpose(missed)) => {
            let usage = aim
                .roots(&session.image.config)
                .into_iter()
                .chain(missed)
                .collect();
            let begin = Begin::Programs(programs, aim.keep, usage);
            search(session, tree, begin, None)?
        }
    };
    if is_whole && let Some(lack) = graph.lack(tree, aim.keep) {
        let hint = "it could not start in the image either: name another with --program, or with \
                    --keep what is only there when it runs";
        return Err(CommandError::input(lack).hint(hint));
    }
    let mut closure = Closure::of(&graph);
    let mut certain = Closure::without_guesses(&graph);
    let mut notes = aim.notes(session);
    let context = Context::new(tree, &session.image.config, &packages);
    notes.extend(of_other_processors(&context, &graph));
    if let Some(settled) = machine {
        let left_out = settled.left_out(tree, &graph, &closure)?;
        closure.leave_out(&left_out.names);
        certain.leave_out(&left_out.names);
        notes.extend(left_out.notes);
        notes.extend(outside(tree, &graph));
    }
    Ok(Reach {
        databases: packages.databases(tree, &closure.names(), &graph.installs),
        closure,
        certain,
        graph,
        packages,
        notes,
    })
}

/// Where a search begins.
pub(crate) enum Begin<'a> {
    /// At what the image starts, at these programs and at what is known of its use; what these globs match is kept too.
    Programs(&'a [String], &'a [String], Vec<Root>),
    /// At one file.
    At(NodeId),
}

/// Finds what leads to what; `memory` knows what files said in an earlier search.
pub(crate) fn search(
    session: &Session,
    tree: &Tree<'_>,
    begin: Begin<'_>,
    memory: Option<&Memory>,
) -> Result<Found, CommandError> {
    let mut problems: Vec<Problem> = Vec::new();
    let packages = Packages::load(tree, &mut problems);
    let context = Context::new(tree, &session.image.config, &packages);
    let roots = match begin {
        Begin::At(node) => vec![Root::Keep(tree.path(node).to_string(), vec![node])],
        Begin::Programs(programs, keep, usage) => {
            let mut roots = Root::of(&context, programs, usage).map_err(advise)?;
            roots.extend(kept(tree, keep)?);
            roots
        }
    };
    let mut graph = Graph::build(&context, roots, memory, &session.progress)?;
    graph.problems.append(&mut problems);
    graph.problems.sort();
    Ok(Found { packages, graph })
}

/// Says which programs are made for another processor.
fn of_other_processors(context: &Context<'_>, graph: &Graph) -> Vec<String> {
    let image = context.config.platform().architecture;
    let found = graph.of_other_processors(context).into_iter();
    let say = |(program, processor)| {
        let path = context.tree.path(program);
        format!(
            "{path} is made for {processor} and the image for {image} (--platform picks another)"
        )
    };
    found.map(say).collect()
}

/// Says which programs of a machine were named and not taken.
fn outside(tree: &Tree<'_>, graph: &Graph) -> Option<String> {
    let names = graph
        .outside
        .iter()
        .map(|program| display(tree.name(*program)));
    let names: BTreeSet<String> = names.collect();
    (!names.is_empty()).then(|| {
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        format!("named, but no declared need of what names them (--program adds one): {names}")
    })
}

fn kept(tree: &Tree<'_>, globs: &[String]) -> Result<Vec<Root>, CommandError> {
    let roots = globs
        .iter()
        .map(|glob| Root::keep(tree, glob).map_err(CommandError::from));
    roots.collect()
}

fn advise(error: RootsError) -> CommandError {
    let hint = match &error {
        RootsError::Nothing => "name what the image is for with --program",
        RootsError::Missing { .. } | RootsError::Loop { .. } => {
            "the image could not start it either; name another with --program"
        }
        RootsError::Unknown { .. } => "name what it stands for with --program",
    };
    CommandError::input(error).hint(hint)
}
