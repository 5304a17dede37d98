//! The Python sources of an image, each read once, and where the modules that they name may lie.
//!
//! Which folders an interpreter searches is decided when it runs (`PYTHONPATH`, `.pth` files,
//! `sys.path`), so a name leads to every module of that name in the image, whichever interpreter it
//! belongs to: more is reached than could be imported, never less.

use ounce_image::{LeafId, NodeId, Tree};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::inspect::JOB;
use crate::inspect::python::{self, Facts, Import};

/// Every Python source of an image, and its modules by name.
#[derive(Debug)]
pub struct Modules {
    sources: FxHashMap<LeafId, Source>,
    /// Folders and modules by the name under which they are imported.
    named: FxHashMap<Box<[u8]>, Vec<NodeId>>,
}

/// A source.
#[derive(Debug)]
pub struct Source {
    /// What it says.
    pub facts: Facts,
    /// Why that may not be all.
    pub problem: Option<String>,
}

/// How much of a script is looked at for `python`, in bytes: what the kernel reads of a `#!` line.
const MAX_HEAD: u64 = 256;

impl Modules {
    /// Reads every source in the tree.
    pub fn load(tree: &Tree<'_>) -> Self {
        let leaves: Vec<LeafId> = tree.leaves().collect();
        // The syntax tree of a source is walked by recursion.
        let pool = rayon::ThreadPoolBuilder::new().stack_size(16 << 20).build();
        let read = || {
            let read = leaves
                .par_iter()
                .with_max_len(JOB)
                .filter_map(|leaf| Some((*leaf, source(tree, *leaf)?)));
            read.collect::<Vec<_>>()
        };
        let sources = pool.map_or_else(|_| Vec::new(), |pool| wait_for(|| pool.install(read)));
        let mut named: FxHashMap<Box<[u8]>, Vec<NodeId>> = FxHashMap::default();
        for node in tree
            .walk(Tree::ROOT)
            .filter(|node| holds_modules(tree, *node))
        {
            named
                .entry(stem(tree.name(node)).into())
                .or_default()
                .push(node);
        }
        Self {
            sources: sources.into_iter().collect(),
            named,
        }
    }

    /// A file's source; `None` when it is no Python, or too long to be read.
    pub fn source(&self, leaf: LeafId) -> Option<&Source> {
        self.sources.get(&leaf)
    }

    /// All sources.
    pub fn sources(&self) -> impl Iterator<Item = (LeafId, &Source)> {
        self.sources.iter().map(|(leaf, source)| (*leaf, source))
    }

    /// Whether a module of this name lies anywhere, by itself and not in a package.
    pub fn has_top_level(&self, tree: &Tree<'_>, name: &str) -> bool {
        let nodes = self.named.get(name.as_bytes());
        let mut nodes = nodes.into_iter().flatten();
        nodes.any(|node| !is_package(tree, tree.parent(*node)))
    }

    /// The modules that an import in a file may load: the packages on the way, the module, and what
    /// is taken from it.
    pub fn imported(&self, tree: &Tree<'_>, file: NodeId, import: &Import) -> Vec<NodeId> {
        let mut path: Vec<&[u8]> = import
            .module
            .split('.')
            .filter(|part| !part.is_empty())
            .map(str::as_bytes)
            .collect();
        let module = path.len();
        path.extend(import.name.iter().map(|name| name.as_bytes()));
        if import.level == 0 {
            return self.absolute(tree, file, &path, module);
        }
        // One dot is the folder of the file, and each further one the folder above.
        let mut folder = tree.parent(file);
        for _ in 1..import.level {
            folder = tree.parent(folder);
        }
        descend(tree, vec![folder], &path)
    }

    /// What a dotted name leads to. Its first part counts when it may be found by itself from this
    /// file; where it lies in a package (vendored, or a package that a program makes importable)
    /// only what follows counts, and only if the same package says so or nothing else has the name.
    /// The first `module` parts are a module's name, what follows may be something in it.
    fn absolute(
        &self,
        tree: &Tree<'_>,
        file: NodeId,
        path: &[&[u8]],
        module: usize,
    ) -> Vec<NodeId> {
        let Some((first, rest)) = path.split_first() else {
            return Vec::new();
        };
        let starts = self
            .named
            .get(*first)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut out: Vec<NodeId> = starts
            .iter()
            .copied()
            .filter(|node| is_root(tree, tree.parent(*node), file))
            .collect();
        let found = descend(tree, out.clone(), rest);
        // A source with errors may name no module at all.
        let last = path.get(1..module).and_then(<[_]>::last);
        let is_found = last.is_none_or(|last| {
            let mut found = found.iter();
            found.any(|node| stem(tree.name(*node)) == *last)
        });
        // A package may make what it carries importable for itself.
        let own = installed(tree, file);
        let carried = starts.iter().copied().filter(|node| {
            let is_own = own.is_some() && installed(tree, *node) == own;
            (is_own || out.is_empty() || !is_found) && !out.contains(node)
        });
        let carried = descend(tree, carried.collect(), rest);
        out.extend(found);
        out.extend(carried);
        out
    }

    /// What a dotted name or a path of at least two parts leads to, from any module of the first name
    /// that `is_start` says yes to.
    pub fn named(
        &self,
        tree: &Tree<'_>,
        path: &[&[u8]],
        is_start: impl Fn(NodeId) -> bool,
    ) -> Vec<NodeId> {
        let Some((first, rest)) = path.split_first() else {
            return Vec::new();
        };
        let starts = self.named.get(*first).into_iter().flatten();
        descend(
            tree,
            starts.copied().filter(|node| is_start(*node)).collect(),
            rest,
        )
    }

    /// What a path leads to from the folder of a file and those above it, as far up as its package
    /// goes and one folder more: `os.path.join(here, "tests", "data")`.
    pub fn beside(&self, tree: &Tree<'_>, file: NodeId, path: &[&[u8]]) -> Vec<NodeId> {
        let mut out = Vec::new();
        let mut folder = tree.parent(file);
        while !is_library(tree, folder) && folder != Tree::ROOT {
            out.extend(descend(tree, vec![folder], path));
            if !is_package(tree, folder) {
                break;
            }
            folder = tree.parent(folder);
        }
        out
    }

    /// The dotted name of a module, from the outermost folder that is a package.
    pub fn dotted(tree: &Tree<'_>, node: NodeId) -> String {
        let mut parts = vec![String::from_utf8_lossy(stem(tree.name(node))).into_owned()];
        if parts[0] == "__init__" {
            parts.clear();
        }
        let mut folder = tree.parent(node);
        while is_package(tree, folder) {
            parts.push(String::from_utf8_lossy(tree.name(folder)).into_owned());
            folder = tree.parent(folder);
        }
        parts.reverse();
        parts.join(".")
    }

    /// How other files write the name of a module or package: dotted, and as a path below the folder
    /// of the library. A name without a package says nothing; there it is the names in it.
    pub fn written(tree: &Tree<'_>, node: NodeId) -> Vec<Vec<u8>> {
        let name = |node: NodeId| {
            let name = tree.name(node);
            name.strip_suffix(b".py").unwrap_or(name).to_vec()
        };
        let mut parts = vec![name(node)];
        let mut folder = tree.parent(node);
        while !is_library(tree, folder) && folder != Tree::ROOT {
            parts.insert(0, tree.name(folder).to_vec());
            folder = tree.parent(folder);
        }
        if parts.len() > 1 {
            return vec![parts.join(&b'.'), parts.join(&b'/')];
        }
        let inner = tree.children(node).map(name);
        inner
            .flat_map(|name| [b'.', b'/'].map(|by| [parts[0].clone(), name.clone()].join(&by)))
            .collect()
    }

    /// The outermost package that a file or folder lies in.
    pub fn package(tree: &Tree<'_>, node: NodeId) -> Option<NodeId> {
        let folders = std::iter::successors(Some(tree.parent(node)), |at| Some(tree.parent(*at)));
        folders
            .take_while(|folder| is_package(tree, *folder))
            .last()
    }
}

/// Waits for what another pool of threads does. A thread of this pool that waited by itself would do
/// other work of its pool meanwhile, which may come to wait for the very same.
fn wait_for<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().expect("reading does not panic"))
}

/// Whether modules are installed into a folder, each on its own.
pub fn is_library(tree: &Tree<'_>, folder: NodeId) -> bool {
    let name = tree.name(folder);
    name == b"site-packages"
        || name == b"dist-packages"
        || name == b"lib-dynload"
        || (name.starts_with(b"python") && tree.child(folder, b"os.py").is_some())
}

/// Whether a folder is a package in its own right; namespaces are not told from plain folders.
pub fn is_package(tree: &Tree<'_>, folder: NodeId) -> bool {
    let children = [&b"__init__.py"[..], b"__init__.pyc", b"__init__.pyi"];
    folder != Tree::ROOT
        && children
            .iter()
            .any(|name| tree.child(folder, name).is_some())
}

/// Whether a folder may be searched for modules that a file names: one of those above it, beside the
/// `dist-info` that it lies in, or one that no package holds.
fn is_root(tree: &Tree<'_>, folder: NodeId, file: NodeId) -> bool {
    let beside = tree.parent(tree.parent(file));
    if tree.name(file) == b"entry_points.txt" && is_inside_package(tree, beside) {
        return folder == beside;
    }
    tree.is_within(file, folder) || !is_inside_package(tree, folder)
}

/// What lies in a library's folder itself and holds a file or folder.
fn installed(tree: &Tree<'_>, node: NodeId) -> Option<NodeId> {
    let above = std::iter::successors(Some(node), |at| Some(tree.parent(*at)));
    above
        .take_while(|at| *at != Tree::ROOT)
        .find(|at| is_library(tree, tree.parent(*at)))
}

fn is_inside_package(tree: &Tree<'_>, folder: NodeId) -> bool {
    let above = std::iter::successors(Some(folder), |at| Some(tree.parent(*at)));
    let mut above = above.take_while(|at| *at != Tree::ROOT && !is_library(tree, *at));
    above.any(|at| is_package(tree, at))
}

/// Follows names from some modules and collects all that are there.
fn descend(tree: &Tree<'_>, mut at: Vec<NodeId>, path: &[&[u8]]) -> Vec<NodeId> {
    let mut out = Vec::new();
    for part in path {
        let next = at.iter().flat_map(|folder| modules_in(tree, *folder, part));
        at = next.collect();
        out.extend(&at);
    }
    out
}

/// What stands behind the name of a module in that of its folder, source, compiled file or extension
/// module (importlib.machinery, `all_suffixes`).
const SUFFIXES: [&[u8]; 4] = [b"", b".py", b".pyc", b".so"];

/// All names by which a file or folder may be meant as a module.
pub(crate) fn names(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let exact = SUFFIXES
        .into_iter()
        .filter_map(|end| name.strip_suffix(end));
    exact.chain([stem(name)])
}

/// The folder, source, compiled file and extension modules of a name.
fn modules_in(tree: &Tree<'_>, folder: NodeId, name: &[u8]) -> Vec<NodeId> {
    if name == b"*" {
        return Vec::new();
    }
    let exact = SUFFIXES.map(|suffix| [name, suffix].concat());
    exact
        .iter()
        .filter_map(|name| tree.child(folder, name))
        .flat_map(|node| [Some(node), followed(tree, node)])
        .flatten()
        .collect()
}

/// What a symbolic link leads to.
pub(crate) fn followed(tree: &Tree<'_>, node: NodeId) -> Option<NodeId> {
    let target = tree.symlink(node)?;
    tree.resolve_from(tree.parent(node), target, |_| {})
}

/// Whether a file is a module, or a folder one that may hold modules.
fn holds_modules(tree: &Tree<'_>, node: NodeId) -> bool {
    let name = tree.name(node);
    // What is compiled is found through its source; the others hold data of installers.
    let is_other = |name: &[u8]| {
        name == b"__pycache__" || name.ends_with(b".dist-info") || name.ends_with(b".egg-info")
    };
    if tree.is_directory(node) {
        let mut children = tree.children(node);
        return !is_other(name) && children.any(|child| holds_modules(tree, child));
    }
    let is_module = [&b".py"[..], b".pyc", b".so"]
        .iter()
        .any(|end| name.ends_with(end));
    (is_module && !is_other(tree.name(tree.parent(node)))) || tree.symlink(node).is_some()
}

fn stem(name: &[u8]) -> &[u8] {
    name.split(|&b| b == b'.').next().unwrap_or(name)
}

/// Reads a file if it is Python: a module by its name, or a script by its first line.
fn source(tree: &Tree<'_>, leaf: LeafId) -> Option<Source> {
    let names = &tree.leaf(leaf).names;
    let first = *names.first()?;
    if !tree.is_file(first) {
        return None;
    }
    let ends = |suffix: &[u8]| names.iter().any(|name| tree.name(*name).ends_with(suffix));
    let content = tree.read(leaf);
    let read: fn(&[u8]) -> (Facts, Option<String>) = if ends(b".pth") {
        |content| (python::pth(content), None)
    } else if ends(b"entry_points.txt") {
        |content| (python::entry_points(content), None)
    } else if ends(b".py") || ends(b".pyw") || is_script(&content) {
        python::inspect
    } else {
        return None;
    };
    let (facts, problem) = match content.read_all(python::MAX_SOURCE) {
        Ok(bytes) => read(&bytes),
        Err(e) => (Facts::default(), Some(e.to_string())),
    };
    Some(Source { facts, problem })
}

/// Whether a file is started with Python: by its `#!` line, or by the shell line behind it that
/// installers write where the interpreter's path is too long for one.
fn is_script(content: &ounce_image::Blob) -> bool {
    let mut head = vec![0; MAX_HEAD.min(content.len()) as usize];
    content.begins_with(b"#!")
        && content.read_exact_at(0, &mut head).is_ok()
        && memchr::memmem::find(&head, b"python").is_some()
}
