//! Whether what is asked for can start: the kernel and the loader give up where an interpreter or a library is missing.
//!
//! Only the programs that somebody asks for are looked at. What they may call later may be broken in an image that works.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{LeafId, NodeId, Tree, display};

use super::loader::Machine;
use super::{Graph, Kind, Missing, Origin, Root};
use crate::inspect::elf;
use crate::rules::Context;

/// Beginnings of the names of libraries that the engine puts into a container when it starts, from the machine's drivers
/// (github.com/NVIDIA/libnvidia-container, src/nvc_info.c; WSL's libdxcore likewise).
const MOUNTED: [&str; 8] = [
    "libcuda.so",
    "libcudadebugger.so",
    "libnvidia-",
    "libnvcuvid.so",
    "libnvoptix.so",
    "libGLX_nvidia.so",
    "libEGL_nvidia.so",
    "libdxcore.so",
];

const NOWHERE: &str = "which is not there";
const FOREIGN: &str = "which is there for another processor only";
const CIRCLE: &str = "whose symbolic links lead in a circle";

/// Why a program cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{root} cannot start: {by} {kind} {what}, {why}")]
pub struct Lack {
    /// What asks for the program.
    pub root: String,
    /// The program, or a library that it needs.
    pub by: String,
    /// How it asks for what is missing.
    pub kind: Kind,
    /// What is missing.
    pub what: String,
    why: &'static str,
}

impl Graph {
    /// The first thing that a program which is asked for cannot start without, and that is not there, nor among `promised`:
    /// paths of which somebody says that they will be.
    pub fn lack(&self, tree: &Tree<'_>, promised: &[String]) -> Option<Lack> {
        let mut missing: BTreeMap<NodeId, Vec<&Missing>> = BTreeMap::new();
        for miss in &self.missing {
            if let (Origin::Node(node), Kind::Needed | Kind::Interpreter) = (miss.from, miss.kind) {
                missing.entry(node).or_default().push(miss);
            }
        }
        if missing.is_empty() {
            return None;
        }
        let mut roots = self.asked_for().into_iter();
        roots.find_map(|root| {
            let started = self.started(root);
            let lacks = started.iter().filter_map(|node| missing.get(node));
            let found = lacks.flatten().find_map(|miss| {
                let Origin::Node(by) = miss.from else {
                    return None;
                };
                Some((miss, by, why(tree, by, &miss.what, promised)?))
            });
            let (miss, by, why) = found?;
            Some(Lack {
                root: self.roots[root as usize].to_string(),
                by: tree.path(by).to_string(),
                kind: miss.kind,
                what: display(&miss.what),
                why,
            })
        })
    }

    /// Programs that are asked for and made for another processor than the image, with the one that they are made for.
    pub fn of_other_processors(&self, context: &Context<'_>) -> BTreeMap<NodeId, &'static str> {
        let (tree, image) = (context.tree, context.config.platform().architecture);
        let starts = self.edges.iter().filter(|edge| edge.kind == Kind::Starts);
        let files = starts.filter_map(|edge| Some((edge.to, tree.leaf_of(edge.to)?)));
        let files = files.filter(|(file, _)| tree.is_file(*file));
        let machine = |leaf| Some(Machine::of(&elf::inspect(&tree.read(leaf)).ok()??));
        files
            .filter_map(|(file, leaf)| Some((file, machine(leaf)?)))
            .filter(|(_, machine)| machine.is_foreign_to(&image))
            .map(|(file, machine)| (file, machine.platform))
            .collect()
    }

    /// The roots that are programs which somebody names, or else the image's command.
    fn asked_for(&self) -> Vec<u32> {
        let of = |wanted: fn(&Root) -> bool| -> Vec<u32> {
            let roots = (0..).zip(&self.roots);
            roots
                .filter(|(_, root)| wanted(root))
                .map(|(number, _)| number)
                .collect()
        };
        let named = of(|root| matches!(root, Root::Program(_)));
        match named.is_empty() {
            true => of(Root::is_command),
            false => named,
        }
    }

    /// What the kernel and the loader read before a program of a root does anything.
    fn started(&self, root: u32) -> BTreeSet<NodeId> {
        let mut ways: BTreeMap<Origin, Vec<NodeId>> = BTreeMap::new();
        let is_way = |kind| {
            matches!(
                kind,
                Kind::Starts | Kind::Symlink | Kind::Needed | Kind::Interpreter
            )
        };
        for edge in self.edges.iter().filter(|edge| is_way(edge.kind)) {
            ways.entry(edge.from).or_default().push(edge.to);
        }
        let (mut seen, mut next) = (BTreeSet::new(), vec![Origin::Root(root)]);
        while let Some(at) = next.pop() {
            for to in ways.get(&at).into_iter().flatten() {
                if seen.insert(*to) {
                    next.push(Origin::Node(*to));
                }
            }
        }
        seen
    }
}

/// Why what `by` asks for surely is not found; `None` where it may be: what is there in some other place may be found there
/// when it runs.
fn why(tree: &Tree<'_>, by: NodeId, what: &[u8], promised: &[String]) -> Option<&'static str> {
    let name = file_name(what);
    let is_promised = |path: &String| file_name(path.as_bytes()) == name;
    let is_mounted = MOUNTED
        .iter()
        .any(|start| name.starts_with(start.as_bytes()));
    // A path that does not begin in the root begins where the program is started.
    let is_relative = what.contains(&b'/') && !what.starts_with(b"/");
    if is_mounted || is_relative || promised.iter().any(is_promised) {
        return None;
    }
    let mut why = NOWHERE;
    let places: Vec<(NodeId, &[u8])> = match what.contains(&b'/') {
        true => vec![(Tree::ROOT, what)],
        false => called(tree, name)
            .map(|node| (tree.parent(node), name))
            .collect(),
    };
    for (folder, path) in places {
        let file = tree.resolve_from(folder, path, |_| {});
        match file.and_then(|file| tree.leaf_of(file)) {
            Some(leaf) if fits(tree, by, leaf) => return None,
            Some(_) => why = FOREIGN,
            None if tree.loops_from(folder, path) => why = CIRCLE,
            None => {}
        }
    }
    Some(why)
}

/// Whether a library is for the processor of what needs it, as far as can be told.
fn fits(tree: &Tree<'_>, by: NodeId, library: LeafId) -> bool {
    let machine = |leaf| elf::inspect(&tree.read(leaf)).ok().flatten();
    let needs = tree.leaf_of(by).and_then(machine);
    match needs.zip(machine(library)) {
        Some((needs, library)) => needs.machine == library.machine,
        None => true,
    }
}

/// All names that are the same in other folders.
fn called<'t>(tree: &'t Tree<'_>, name: &'t [u8]) -> impl Iterator<Item = NodeId> + 't {
    tree.walk(Tree::ROOT)
        .filter(move |node| tree.name(*node) == name)
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}
