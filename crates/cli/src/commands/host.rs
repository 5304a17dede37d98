//! Opens what `minimize`, `why` and `graph` look at: an image, or a machine as far as the search goes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ounce_analysis::graph::{Closure, Graph, Kind, Memory};
use ounce_image::format::{Machine, Named, Reference, Refusal, Transport};
use ounce_image::{NodeId, Tree};

use super::aim::Aim;
use super::reach::{Begin, Found, search};
use crate::error::CommandError;
use crate::report::minimal;
use crate::session::{Run, Session};

/// A machine of which all is known that a search looks for.
pub(crate) struct Settled {
    pub(crate) machine: Machine,
    /// What the last search found, for whoever asks first.
    found: Mutex<Option<Found>>,
}

/// What was reached and may not be read.
#[derive(Default)]
pub(crate) struct LeftOut {
    pub(crate) names: BTreeSet<NodeId>,
    /// A sentence for each, or for many.
    pub(crate) notes: Vec<String>,
}

impl Settled {
    pub(crate) fn take(&self) -> Option<Found> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.take()
    }

    /// What has to stay on the machine.
    ///
    /// # Errors
    /// A program or library is among it, without which the image would not work.
    pub(crate) fn left_out(
        &self,
        tree: &Tree<'_>,
        graph: &Graph,
        closure: &Closure,
    ) -> Result<LeftOut, CommandError> {
        let mut out = LeftOut::default();
        let mut reasons: BTreeMap<Refusal, Vec<String>> = BTreeMap::new();
        for (path, refusal) in self.machine.refused() {
            let node = tree.get(path).filter(|node| tree.leaf_of(*node).is_some());
            let Some(node) = node else {
                continue;
            };
            let Some(edge) = closure.way(graph, tree, node).pop() else {
                continue;
            };
            let is_needed = matches!(
                edge.kind,
                Kind::Starts | Kind::Needed | Kind::Interpreter | Kind::Sources
            );
            if is_needed {
                let from = minimal::origin(tree, graph, edge.from);
                let message = format!("{from} {} {path}: {refusal}", edge.kind);
                return Err(CommandError::input(message)
                    .hint("let everybody read it (chmod o+r), or name it with --keep"));
            }
            out.names.insert(node);
            reasons.entry(*refusal).or_default().push(path.to_string());
        }
        let say = |(refusal, paths): (Refusal, Vec<String>)| {
            format!("left out, since {refusal}: {}", paths.join(", "))
        };
        out.notes = reasons.into_iter().map(say).collect();
        Ok(out)
    }
}

/// Opens an image; of a machine what the programs can reach, and what stands beside that.
///
/// A machine is read in rounds: what a search looked for and was not known is read, and the search made again,
/// until it looks for nothing that is there.
pub(crate) fn open(run: &Run, from: &Reference, aim: &Aim<'_>) -> Result<Session, CommandError> {
    if from.transport != Transport::Host {
        return Ok(run.open(from)?);
    }
    if aim.is_of_an_image() {
        let message = "checks and traces are of an image, and this is a machine";
        return Err(CommandError::input(message).hint("minimise the result once more with them"));
    }
    if aim.programs.is_empty() {
        let message = "a machine does not say what the image is for";
        return Err(CommandError::input(message).hint("name it with --program"));
    }
    let base = std::env::current_dir()?;
    let keep: Vec<String> = aim.keep.iter().map(|glob| literal(glob)).collect();
    let named = Named {
        programs: aim.programs,
        path: &std::env::var("PATH").unwrap_or_default(),
        base: &base,
        keep: &keep,
    };
    let mut machine = Machine::open(&from.path, &named, &run.progress)?;
    let memory = Memory::default();
    loop {
        let mut session = run.open_machine(from, &mut machine)?;
        let tree = Tree::build(&session.image.layers)?;
        let begin = Begin::Programs(machine.programs(), aim.keep, Vec::new());
        let found = search(&session, &tree, begin, Some(&memory))?;
        let asked = tree.take_asked();
        drop(tree);
        if !machine.read(&asked, &run.progress)? {
            session.machine = Some(Settled {
                machine,
                found: Mutex::new(Some(found)),
            });
            return Ok(session);
        }
    }
}

/// The folder or file with which everything begins that a glob matches.
fn literal(glob: &str) -> String {
    let is_literal = |part: &&str| !part.contains(['*', '?', '[', '{', '\\']);
    let parts: PathBuf = glob.split('/').take_while(is_literal).collect();
    format!("/{}", parts.display())
}
