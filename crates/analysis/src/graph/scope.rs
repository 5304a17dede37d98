//! What a program means by what it names, on a machine.
//!
//! In an image everything was put there for its programs. A machine has everything, so that a word in a program
//! (`java` in git, which knows how to show differences of Java) is the name of another program that is there. What a
//! distribution's package cannot work without it declares (Debian Policy 7.2; Fedora Packaging Guidelines, "Dependencies"); so
//! there names and paths lead only to packages that are declared, or that are needed in a way that leaves no
//! doubt. What no package manager installed may mean anything.

use std::sync::Arc;

use ounce_image::{NodeId, Tree};
use rustc_hash::{FxHashMap, FxHashSet};

use super::collect::Target;
use super::loader::Chain;
use super::programs::is_executable;
use super::{Kind, Origin, Proof};
use crate::packages::{Ecosystem, Package, Packages, requests};
use crate::rules::Context;

/// What packages use without saying so: Debian's essential packages (Debian Policy 3.8) of release 12, by which names
/// other distributions have them too.
const ESSENTIAL: [&str; 22] = [
    "base-files",
    "base-passwd",
    "bash",
    "bsdutils",
    "coreutils",
    "dash",
    "debianutils",
    "diffutils",
    "dpkg",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "init-system-helpers",
    "libc-bin",
    "ncurses-base",
    "ncurses-bin",
    "perl-base",
    "sed",
    "sysvinit-utils",
    "tar",
    "util-linux",
];

/// Something that a name leads to outside of what is declared.
pub(super) struct Waiting {
    pub(super) from: Origin,
    pub(super) target: Target,
    pub(super) chain: Arc<Chain>,
}

/// The packages that are meant.
pub(super) struct Scope<'a> {
    tree: &'a Tree<'a>,
    packages: &'a Packages,
    relations: requests::Graph<'a>,
    /// Their names.
    inside: FxHashSet<&'a str>,
    /// Those of which programs may be called by name: what a program depends on. A library calls none.
    callable: FxHashSet<&'a str>,
    /// Folders that are meant with whatever they hold.
    whole: FxHashSet<NodeId>,
    /// Packages that have a program of this name.
    by_program: FxHashMap<&'a [u8], &'a Package>,
    /// What may still come to be meant.
    pub(super) waiting: Vec<Waiting>,
}

impl<'a> Scope<'a> {
    /// Of a machine; `None` for an image.
    pub(super) fn new(context: &Context<'a>) -> Option<Self> {
        let (tree, packages) = (context.tree, context.packages);
        if !tree.is_machine() {
            return None;
        }
        let mut by_program = FxHashMap::default();
        for package in packages.iter().filter(|package| is_distribution(package)) {
            let programs = package.files.iter();
            for file in programs.filter(|file| is_program(tree, **file)) {
                by_program.entry(tree.name(*file)).or_insert(package);
            }
        }
        let mut scope = Self {
            tree,
            packages,
            relations: requests::Graph::new(tree, packages),
            inside: FxHashSet::default(),
            callable: FxHashSet::default(),
            whole: FxHashSet::default(),
            by_program,
            waiting: Vec::new(),
        };
        let essential = packages.iter().filter(|package| {
            is_distribution(package) && ESSENTIAL.contains(&package.name.as_str())
        });
        essential.for_each(|package| scope.enter(package, true));
        Some(scope)
    }

    /// Whether something is meant; if it surely is, so is its package with what that depends on.
    pub(super) fn admits(&mut self, from: Origin, target: &Target) -> bool {
        if self.is_sure(from, target) {
            if self.tree.is_directory(target.to) {
                self.whole.insert(target.to);
            }
            if let Some(package) = self.owner(target.to) {
                self.enter(package, self.is_program(target.to));
                if matches!((from, target.kind), (Origin::Root(_), Kind::Starts)) {
                    self.enter_kin(package);
                }
            }
            return true;
        }
        let is_data = target.kind == Kind::Symlink && !self.is_program(target.to);
        is_data || self.is_inside(target.to)
    }

    /// Whether something belongs to a package that is meant, or to none. A program that no package has stands for the one of
    /// its name that a package has; where there is none, no package means it.
    fn is_inside(&self, node: NodeId) -> bool {
        let end = end(self.tree, node).unwrap_or(node);
        let owner = self.owner(node).or_else(|| self.owner(end));
        let owner = owner.or_else(|| self.twin(node));
        match owner {
            Some(package) if self.is_program(node) => self.callable.contains(package.name.as_str()),
            Some(package) => self.inside.contains(package.name.as_str()),
            None => !self.is_program(node),
        }
    }

    /// Whether a name leads to a file that can be started; libraries may be marked so too.
    fn is_program(&self, node: NodeId) -> bool {
        is_program(self.tree, node)
    }

    /// The package that has a program by a name of this file.
    fn twin(&self, node: NodeId) -> Option<&'a Package> {
        let leaf = self.tree.leaf(self.tree.leaf_of(node)?);
        let mut names = leaf.names.iter().map(|name| self.tree.name(*name));
        names.find_map(|name| self.by_program.get(name).copied())
    }

    /// Takes what waited and is meant by now.
    pub(super) fn take_admitted(&mut self) -> Vec<Waiting> {
        let waiting = std::mem::take(&mut self.waiting);
        let (now, later) = waiting
            .into_iter()
            .partition(|waiting| self.is_inside(waiting.target.to));
        self.waiting = later;
        now
    }

    /// The programs that wait.
    pub(super) fn programs(&self) -> impl Iterator<Item = NodeId> {
        let targets = self.waiting.iter().map(|waiting| &waiting.target);
        let called = targets.filter(|target| matches!(target.kind, Kind::Calls | Kind::NamesPath));
        called
            .map(|target| target.to)
            .filter(|program| self.is_program(*program))
    }

    fn is_sure(&mut self, from: Origin, target: &Target) -> bool {
        match (from, target.kind) {
            (Origin::Node(folder), Kind::Holds | Kind::Symlink) => self.whole.contains(&folder),
            (_, Kind::Modules | Kind::Package | Kind::Alias | Kind::Companion) => false,
            (_, Kind::Starts | Kind::Needs | Kind::Needed | Kind::Interpreter) => true,
            (_, Kind::Sources | Kind::Dlopens | Kind::Opens) => true,
            _ if target.is_guess => false,
            (_, Kind::Calls) if matches!(target.proof, Proof::Row { .. }) => true,
            (Origin::Root(_), _) => true,
            (Origin::Node(file), _) => self.may_mean_anything(file),
        }
    }

    /// Whether nobody declares what a program needs: neither its package, nor one that has a program of its name. Data
    /// starts nothing.
    fn may_mean_anything(&mut self, file: NodeId) -> bool {
        if self.owner(file).is_some() || !self.is_program(file) {
            return false;
        }
        let twin = self.twin(file);
        if let Some(twin) = twin {
            self.enter(twin, true);
        }
        twin.is_none()
    }

    /// What was built from the same source is meant by who asks for a program: an interpreter's modules may be in a package
    /// that it does without (`python3-minimal`). Their programs are not.
    fn enter_kin(&mut self, package: &Package) {
        let kin = self.packages.iter().filter(|other| {
            let is_same = other.source.is_some() && other.source == package.source;
            is_same && other.ecosystem == package.ecosystem
        });
        kin.for_each(|other| self.enter(other, false));
    }

    fn enter(&mut self, package: &'a Package, by_program: bool) {
        let mut next = vec![package];
        while let Some(package) = next.pop() {
            let name = package.name.as_str();
            let is_new = self.inside.insert(name);
            if is_new || (by_program && self.callable.insert(name)) {
                next.extend(self.relations.needs(package));
            }
            if by_program {
                self.callable.insert(name);
            }
        }
    }

    /// The distribution's package that a file belongs to.
    fn owner(&self, file: NodeId) -> Option<&'a Package> {
        self.packages
            .owner(file)
            .filter(|package| is_distribution(package))
    }
}

/// Whether a name leads to what can be started, and is no library.
fn is_program(tree: &Tree<'_>, node: NodeId) -> bool {
    let is_library = |node| memchr::memmem::find(tree.name(node), b".so").is_some();
    end(tree, node).is_some_and(|end| is_executable(tree, end) && !is_library(end))
}

/// What a link leads to, or the name itself.
fn end(tree: &Tree<'_>, node: NodeId) -> Option<NodeId> {
    match tree.symlink(node) {
        Some(target) => tree.resolve_from(tree.parent(node), target, |_| {}),
        None => Some(node),
    }
}

/// Whether a package is one of a distribution, which declares what it needs.
fn is_distribution(package: &Package) -> bool {
    matches!(
        package.ecosystem,
        Ecosystem::Dpkg | Ecosystem::Apk | Ecosystem::Rpm
    )
}
