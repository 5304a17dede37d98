//! What commands share that ask what an image's programs can reach.

use ounce_analysis::graph::{Closure, Graph, Root, RootsError};
use ounce_analysis::packages::Databases;
use ounce_analysis::rules::Context;
use ounce_analysis::{Packages, Problem};
use ounce_image::{NodeId, Tree};

use crate::args::Purpose;
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
}

/// Finds what the image's programs can reach, beginning at what it starts or at `from`.
pub(crate) fn reach(
    session: &Session,
    tree: &Tree<'_>,
    purpose: &Purpose,
    from: Option<NodeId>,
) -> Result<Reach, CommandError> {
    let mut problems: Vec<Problem> = Vec::new();
    let packages = Packages::load(tree, &mut problems);
    let context = Context::new(tree, &session.image.config, &packages);
    let roots = match from {
        Some(node) => vec![Root::Keep(tree.path(node).to_string(), vec![node])],
        None => {
            let mut roots = Root::of(&context, &purpose.program).map_err(advise)?;
            roots.extend(kept(tree, &purpose.keep)?);
            roots
        }
    };
    let mut graph = Graph::build(&context, roots, &session.progress)?;
    graph.problems.append(&mut problems);
    graph.problems.sort();
    let closure = Closure::of(&graph);
    Ok(Reach {
        databases: packages.databases(tree, &closure.names()),
        closure,
        certain: Closure::without_guesses(&graph),
        graph,
        packages,
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
        RootsError::Missing { .. } => {
            "the image could not start it either; name another with --program"
        }
        RootsError::Unknown { .. } => "name what it stands for with --program",
    };
    CommandError::input(error).hint(hint)
}
