//! In which layer of a minimised image each name goes.
//!
//! What changes seldom comes first, so that images of one system share it and a new version of the application
//! is one small layer. Nothing is decided here about what stays.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{NodeId, Tree};

use crate::graph::{Graph, Kind, Origin, Root};
use crate::packages::{Databases, Ecosystem, Package, Packages};

/// A part of an image, in the order of how seldom it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The loader, the C library and what any process needs.
    System,
    /// Packages without programs.
    Libraries,
    /// Packages with programs, interpreters' packages and the package databases.
    Programs,
    /// What no package brought.
    Application,
}

impl Part {
    /// What it holds, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::System => "loader, C library and what any process needs",
            Self::Libraries => "libraries",
            Self::Programs => "programs and packages",
            Self::Application => "application and settings",
        }
    }
}

/// The parts of what stays, without empty ones. Names of one file are in one part.
pub fn arrange(
    tree: &Tree<'_>,
    packages: &Packages,
    graph: &Graph,
    databases: &Databases,
    names: &BTreeSet<NodeId>,
) -> BTreeMap<Part, BTreeSet<NodeId>> {
    let sorter = Sorter::new(tree, packages, graph, names);
    let mut leaves = BTreeMap::new();
    let mut folders: BTreeMap<NodeId, Part> = BTreeMap::new();
    let mut out: BTreeMap<Part, BTreeSet<NodeId>> = BTreeMap::new();
    for name in names {
        let Some(leaf) = tree.leaf_of(*name) else {
            continue;
        };
        let own = if databases.names.contains(name) {
            Part::Programs
        } else {
            sorter.part(*name)
        };
        let part = *leaves.entry(leaf).or_insert(own);
        out.entry(part).or_default().insert(*name);
        let mut above = tree.parent(*name);
        while above != Tree::ROOT {
            let first = folders.entry(above).or_insert(part);
            *first = part.min(*first);
            above = tree.parent(above);
        }
    }
    for folder in names.iter().filter(|name| tree.is_directory(**name)) {
        let part = folders.get(folder).copied();
        let part = part.unwrap_or_else(|| sorter.part(*folder));
        out.entry(part).or_default().insert(*folder);
    }
    out
}

/// A package, told from others of its kind.
type Key<'a> = (Ecosystem, &'a str, NodeId);

fn key(package: &Package) -> Key<'_> {
    (package.ecosystem, &package.name, package.prefix)
}

/// Says of each name which part it is of.
struct Sorter<'a> {
    tree: &'a Tree<'a>,
    packages: &'a Packages,
    /// Loaders, and folders and links that any process needs.
    own: BTreeSet<NodeId>,
    system: BTreeSet<Key<'a>>,
    programs: BTreeSet<Key<'a>>,
}

impl<'a> Sorter<'a> {
    fn new(
        tree: &'a Tree<'a>,
        packages: &'a Packages,
        graph: &Graph,
        names: &BTreeSet<NodeId>,
    ) -> Self {
        let needed = |origin| match origin {
            Origin::Root(number) => {
                matches!(graph.roots[number as usize], Root::Process | Root::Identity)
            }
            Origin::Node(_) => false,
        };
        let (mut own, mut first) = (BTreeSet::new(), Vec::new());
        for edge in &graph.edges {
            let is_loader = edge.kind == Kind::Interpreter && is_elf(tree, edge.from);
            if !is_loader && !needed(edge.from) {
                continue;
            }
            first.extend(owner(packages, edge.to));
            // Settings are the image's own.
            if is_loader || !tree.is_file(edge.to) {
                own.insert(edge.to);
            }
        }
        let is_program = |name: &&NodeId| is_program(tree, **name);
        let programs = names.iter().filter(is_program);
        Self {
            tree,
            packages,
            own,
            system: with_dependencies(packages, first),
            programs: programs
                .filter_map(|name| owner(packages, *name))
                .map(key)
                .collect(),
        }
    }

    fn part(&self, name: NodeId) -> Part {
        let is_top_link = self.tree.parent(name) == Tree::ROOT && self.tree.symlink(name).is_some();
        if is_top_link || self.own.contains(&name) {
            return Part::System;
        }
        match owner(self.packages, name) {
            None => Part::Application,
            Some(package) if self.system.contains(&key(package)) => Part::System,
            Some(package) if package.ecosystem.is_open() => Part::Programs,
            Some(package) if self.programs.contains(&key(package)) => Part::Programs,
            Some(_) => Part::Libraries,
        }
    }
}

/// The package that brought a file; not one that is the file itself.
fn owner(packages: &Packages, name: NodeId) -> Option<&Package> {
    packages.owner(name).filter(|_| packages.is_installed(name))
}

/// These packages and all that they need.
fn with_dependencies<'a>(packages: &'a Packages, first: Vec<&'a Package>) -> BTreeSet<Key<'a>> {
    let mut by_name: BTreeMap<(Ecosystem, &str), Vec<&Package>> = BTreeMap::new();
    for package in packages.iter() {
        for name in std::iter::once(&package.name).chain(&package.provides) {
            let named = by_name.entry((package.ecosystem, name)).or_default();
            named.push(package);
        }
    }
    let mut out = BTreeSet::new();
    let mut next = first;
    while let Some(package) = next.pop() {
        if out.insert(key(package)) {
            let names = package.depends.iter();
            let found = names.filter_map(|name| by_name.get(&(package.ecosystem, name.as_str())));
            next.extend(found.flatten());
        }
    }
    out
}

fn is_elf(tree: &Tree<'_>, origin: Origin) -> bool {
    let Origin::Node(node) = origin else {
        return false;
    };
    let mut start = [0; 4];
    let content = tree.leaf_of(node).map(|leaf| tree.read(leaf));
    content.is_some_and(|content| content.read_exact_at(0, &mut start).is_ok())
        && start == *b"\x7fELF"
}

/// Whether a file is a program; shared libraries may be executable too.
fn is_program(tree: &Tree<'_>, name: NodeId) -> bool {
    tree.is_file(name)
        && memchr::memmem::find(tree.name(name), b".so").is_none()
        && tree
            .attributes(name)
            .is_some_and(|entry| entry.mode & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use ounce_image::Progress;

    use super::*;
    use crate::graph::Closure;
    use crate::rules::Context;
    use crate::testing::layers;

    /// `PART: NAMES` of what an image reaches.
    fn parts(text: &str) -> Vec<String> {
        let image = ounce_testkit::image(text);
        let layers = layers(&image);
        let config = serde_json::json!({"rootfs": {"diff_ids": []}, "config": {"Cmd": ["tool"]}});
        let config = ounce_image::Config::parse(
            config.to_string().into_bytes(),
            std::path::Path::new("test"),
        );
        let config = config.unwrap();
        let tree = Tree::build(&layers).unwrap();
        let packages = Packages::load(&tree, &mut Vec::new());
        let context = Context::new(&tree, &config, &packages);
        let roots = Root::of(&context, &[], Vec::new()).unwrap();
        let graph = Graph::build(&context, roots, None, &Progress::default()).unwrap();
        let mut names = Closure::of(&graph).names();
        let databases = packages.databases(&tree, &names, &BTreeSet::new());
        names.extend(&databases.names);
        let parts = arrange(&tree, &packages, &graph, &databases, &names).into_iter();
        let show = |(part, names): (Part, BTreeSet<NodeId>)| {
            let names = names.iter().map(|name| tree.path(*name).to_string());
            format!("{part:?}: {}", names.collect::<Vec<_>>().join(" "))
        };
        parts.map(show).collect()
    }

    #[test]
    fn what_changes_seldom_comes_first() {
        let text = "[a]
            usr/bin/tool (0755) = #!/bin/sh\\nhelper --data /usr/share/table /app/own /var/empty\\n
            bin/sh (0755) *3000
            usr/bin/helper (0755) *40
            usr/bin/again (0755) == usr/bin/helper
            usr/share/table *7
            app/own *9
            var/empty/ (0700)
            etc/os-release = ID=test\\n
            tmp/ (1777)
            lib -> usr/lib
            usr/lib/
            etc/passwd = root:x:0:0::/:\\n
            var/lib/dpkg/status = Package: tool\\nStatus: install ok installed\\n\\nPackage: data\\nStatus: install ok installed\\n\\nPackage: base\\nStatus: install ok installed\\n
            var/lib/dpkg/info/tool.list = /usr/bin/helper\\n/usr/bin/tool\\n
            var/lib/dpkg/info/data.list = /usr/share/table\\n
            var/lib/dpkg/info/base.list = /etc/os-release\\n";
        let found = parts(text);
        let of = |part: &str| {
            let line = found.iter().find(|line| line.starts_with(part));
            line.unwrap_or_else(|| panic!("no {part} in {found:#?}"))
                .clone()
        };
        assert!(of("System").contains("/etc/os-release"), "{found:#?}");
        assert!(of("System").contains("/tmp"), "{found:#?}");
        assert_eq!(of("Libraries"), "Libraries: /usr/share/table");
        assert!(of("Programs").contains("/usr/bin/tool"), "{found:#?}");
        assert!(of("Programs").contains("/var/lib/dpkg/status"));
        assert!(of("Application").contains("/etc/passwd"), "{found:#?}");
        assert!(of("Application").contains("/app/own"), "{found:#?}");
        assert!(of("Application").contains("/var/empty"), "{found:#?}");
    }
}
