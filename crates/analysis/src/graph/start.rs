//! Whether what is asked for can start: the kernel and the loader give up where an interpreter or a library is missing.
//!
//! Only the programs that somebody asks for are looked at. What they may call later may be broken in an image that works.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{NodeId, Tree, display};

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
            let fatal = |miss: &&&Missing| is_fatal(tree, &miss.what, promised);
            let miss = lacks.flatten().find(fatal)?;
            let Origin::Node(by) = miss.from else {
                return None;
            };
            Some(Lack {
                root: self.roots[root as usize].to_string(),
                by: tree.path(by).to_string(),
                kind: miss.kind,
                what: display(&miss.what),
                why: match is_loop(tree, &miss.what) {
                    true => "whose symbolic links lead in a circle",
                    false => "which is not there",
                },
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

/// Whether nothing starts without this. What is there in some other place may be found there when it runs.
fn is_fatal(tree: &Tree<'_>, what: &[u8], promised: &[String]) -> bool {
    let name = file_name(what);
    let is_promised = |path: &String| file_name(path.as_bytes()) == name;
    let is_mounted = MOUNTED
        .iter()
        .any(|start| name.starts_with(start.as_bytes()));
    if is_mounted || promised.iter().any(is_promised) {
        return false;
    }
    match what.contains(&b'/') {
        // Other paths begin where the program is started.
        true => what.starts_with(b"/") && tree.resolve(what).is_none(),
        false => !called(tree, name).any(|node| {
            let file = tree.resolve_from(tree.parent(node), name, |_| {});
            file.is_some_and(|file| tree.is_file(file))
        }),
    }
}

fn is_loop(tree: &Tree<'_>, what: &[u8]) -> bool {
    let loops = |node| tree.loops_from(tree.parent(node), tree.name(node));
    match what.contains(&b'/') {
        true => tree.loops_from(Tree::ROOT, what),
        false => called(tree, what).any(loops),
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
