//! Why a package is there at all: the way from something that somebody asked for.
//!
//! Packages lead to what they depend on, by name, and to what lies inside them: a wheel in a conda
//! package, a jar in one of the distribution. Names mean what the ecosystem's own tool finds under
//! them from where the package is. Where no database tells who asked, nothing is guessed.

use std::collections::VecDeque;

use ounce_image::{NodeId, Tree};
use rustc_hash::FxHashMap;

use super::{Ecosystem, Package, Packages, conda, npm, pip};

/// Which package leads to which.
#[derive(Debug)]
pub struct Graph<'a> {
    tree: &'a Tree<'a>,
    packages: &'a Packages,
    needs: Vec<Vec<usize>>,
    needed_by: Vec<Vec<usize>>,
    /// The package that brought the record of another.
    holder: Vec<Option<usize>>,
}

/// The way from a package that was asked for to another one.
#[derive(Debug, Clone)]
pub struct Chain<'a> {
    /// What asked for the first package, where it is recorded: `python=3.12 (conda install ...)`.
    pub words: Option<String>,
    /// The packages on the way, the one asked for first.
    pub steps: Vec<Step<'a>>,
}

/// A package on the way.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The package.
    pub package: &'a Package,
    /// How the one before led to it; nothing led to the first one.
    pub how: Came,
}

/// How a package came to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// Somebody asked for it.
    Asked,
    /// The one before depends on it.
    Needed,
    /// It lies in the one before.
    Inside,
}

impl<'a> Graph<'a> {
    /// Looks up every dependency of every package.
    pub fn new(tree: &'a Tree<'a>, packages: &'a Packages) -> Self {
        let names = Names::new(tree, packages);
        let list = &packages.list;
        let needs: Vec<Vec<usize>> = (0..list.len()).map(|at| names.needs(at)).collect();
        let mut needed_by = vec![Vec::new(); list.len()];
        for (at, needs) in needs.iter().enumerate() {
            needs.iter().for_each(|need| needed_by[*need].push(at));
        }
        let holder = |at: usize| {
            let owner = packages.owners.get(&list[at].record).copied();
            owner.filter(|owner| list[*owner].record != list[at].record)
        };
        let holder = (0..list.len()).map(holder).collect();
        Self {
            tree,
            packages,
            needs,
            needed_by,
            holder,
        }
    }

    /// The packages that a package depends on and that are there.
    pub fn needs(&self, package: &Package) -> Vec<&'a Package> {
        self.list(self.index(package).map(|at| &self.needs[at]))
    }

    /// The packages that depend on a package.
    pub fn needed_by(&self, package: &Package) -> Vec<&'a Package> {
        self.list(self.index(package).map(|at| &self.needed_by[at]))
    }

    /// For each package, in their order, whether it is one of some roots, lies in one, or is needed by one, also by
    /// way of others.
    pub fn reached(&self, is_root: impl Fn(&Package) -> bool) -> Vec<bool> {
        let list = &self.packages.list;
        let mut inside = vec![Vec::new(); list.len()];
        for (at, holder) in self.holder.iter().enumerate() {
            holder.iter().for_each(|holder| inside[*holder].push(at));
        }
        let mut reached: Vec<bool> = list.iter().map(is_root).collect();
        let mut queue: Vec<usize> = (0..list.len()).filter(|at| reached[*at]).collect();
        while let Some(at) = queue.pop() {
            for &next in self.needs[at].iter().chain(&inside[at]) {
                if !reached[next] {
                    reached[next] = true;
                    queue.push(next);
                }
            }
        }
        reached
    }

    /// The package that a package lies in.
    pub fn holder(&self, package: &Package) -> Option<&'a Package> {
        let holder = self.holder[self.index(package)?]?;
        Some(&self.packages.list[holder])
    }

    /// The shortest ways to a package from packages that were asked for, at most `limit`, the
    /// shortest first; none when nothing tells. A package that was itself asked for is the first.
    pub fn chains(&self, package: &Package, limit: usize) -> Vec<Chain<'a>> {
        let Some(start) = self.index(package) else {
            return Vec::new();
        };
        // Backwards, so that each package on the way is known by what it leads to.
        let mut next: FxHashMap<usize, Option<usize>> = FxHashMap::from_iter([(start, None)]);
        let mut queue = VecDeque::from([start]);
        let mut out = Vec::new();
        while let Some(at) = queue.pop_front() {
            if self.packages.list[at].requested == Some(true) {
                out.push(self.chain(at, &next));
                if out.len() >= limit {
                    break;
                }
                continue;
            }
            // What lies in a package came with it, whoever else needs it.
            let before = match &self.holder[at] {
                Some(holder) => std::slice::from_ref(holder),
                None => &self.needed_by[at],
            };
            for &before in before {
                next.entry(before).or_insert_with(|| {
                    queue.push_back(before);
                    Some(at)
                });
            }
        }
        out
    }

    fn chain(&self, asked: usize, next: &FxHashMap<usize, Option<usize>>) -> Chain<'a> {
        let way: Vec<usize> =
            std::iter::successors(Some(asked), |at| next.get(at).copied().flatten()).collect();
        let package = |at: usize| &self.packages.list[at];
        let first = Step {
            package: package(asked),
            how: Came::Asked,
        };
        let rest = way.windows(2).map(|pair| Step {
            package: package(pair[1]),
            how: match self.holder[pair[1]] {
                Some(_) => Came::Inside,
                None => Came::Needed,
            },
        });
        Chain {
            words: words(self.tree, package(asked)),
            steps: std::iter::once(first).chain(rest).collect(),
        }
    }

    fn index(&self, package: &Package) -> Option<usize> {
        let list = &self.packages.list;
        list.iter().position(|known| std::ptr::eq(known, package))
    }

    fn list(&self, indexes: Option<&Vec<usize>>) -> Vec<&'a Package> {
        let indexes = indexes.into_iter().flatten();
        indexes.map(|at| &self.packages.list[*at]).collect()
    }
}

/// What asked for a package, as far as it was written down.
fn words(tree: &Tree<'_>, package: &Package) -> Option<String> {
    match package.ecosystem {
        Ecosystem::Conda => conda::words(tree, package),
        Ecosystem::Pip => pip::words(tree, package),
        Ecosystem::Npm => npm::words(tree, package),
        _ => None,
    }
}

/// Where a package's dependencies are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    /// What the interpreters of the distribution search: `/usr` and `/usr/local` (Debian's policies
    /// for Python, Ruby and R), and Debian's `/var/lib/gems`.
    System,
    /// A folder of its own.
    Folder(NodeId),
    /// A single file.
    File(NodeId),
}

const SYSTEM: [&[u8]; 2] = [b"/usr", b"/var/lib/gems"];

/// Packages by the names that others know them by.
struct Names<'a> {
    tree: &'a Tree<'a>,
    list: &'a [Package],
    scopes: Vec<Scope>,
    by_name: FxHashMap<(Ecosystem, Scope, String), Vec<usize>>,
    /// Node modules by their folders.
    modules: FxHashMap<NodeId, usize>,
}

impl<'a> Names<'a> {
    fn new(tree: &'a Tree<'a>, packages: &'a Packages) -> Self {
        let list = packages.list.as_slice();
        let system: Vec<NodeId> = SYSTEM
            .iter()
            .filter_map(|path| tree.resolve(path))
            .collect();
        let scope = |package: &Package| match package.ecosystem {
            Ecosystem::Jar | Ecosystem::Go | Ecosystem::Rust => Scope::File(package.record),
            Ecosystem::Pip | Ecosystem::Gem | Ecosystem::Cran
                if system.iter().any(|at| tree.is_within(package.prefix, *at)) =>
            {
                Scope::System
            }
            _ => Scope::Folder(package.prefix),
        };
        let scopes: Vec<Scope> = list.iter().map(scope).collect();
        let mut out = Self {
            tree,
            list,
            scopes,
            by_name: FxHashMap::default(),
            modules: FxHashMap::default(),
        };
        for (at, package) in list.iter().enumerate() {
            if package.ecosystem == Ecosystem::Npm {
                out.modules.insert(tree.parent(package.record), at);
            }
            for name in std::iter::once(&package.name).chain(&package.provides) {
                let known = out.by_name.entry(out.key(at, name)).or_default();
                known.push(at);
            }
        }
        out
    }

    fn key(&self, at: usize, name: &str) -> (Ecosystem, Scope, String) {
        let ecosystem = self.list[at].ecosystem;
        (ecosystem, self.scopes[at], folded(ecosystem, name))
    }

    /// What a package depends on, by the order of all packages.
    fn needs(&self, at: usize) -> Vec<usize> {
        let package = &self.list[at];
        let names = package.depends.iter();
        let mut out: Vec<usize> = match package.ecosystem {
            Ecosystem::Npm => names
                .filter_map(|name| self.module(package, name))
                .collect(),
            _ => names
                .filter_map(|name| self.by_name.get(&self.key(at, name)))
                .flatten()
                .copied()
                .collect(),
        };
        out.retain(|need| *need != at);
        out.sort_unstable();
        out.dedup();
        out
    }

    fn module(&self, package: &Package, name: &str) -> Option<usize> {
        let folder = npm::resolve(self.tree, self.tree.parent(package.record), name)?;
        self.modules.get(&folder).copied()
    }
}

/// A name as its ecosystem compares it: PyPI takes no notice of case, `-`, `_` and `.` (PEP 503).
pub fn folded(ecosystem: Ecosystem, name: &str) -> String {
    match ecosystem {
        Ecosystem::Pip => name.to_ascii_lowercase().replace(['_', '.'], "-"),
        Ecosystem::Conda => name.to_ascii_lowercase(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::layers;

    /// Why each package of an image is there, in words.
    fn reasons(text: &str, name: &str) -> Vec<String> {
        let layers = layers(&ounce_testkit::image(text));
        let tree = Tree::build(&layers).unwrap();
        let packages = Packages::load(&tree, &mut Vec::new());
        let graph = Graph::new(&tree, &packages);
        let package = packages.iter().find(|p| p.name == name).unwrap();
        let shown = |chain: Chain<'_>| {
            let steps: Vec<String> = chain
                .steps
                .iter()
                .map(|step| format!("{:?} {}", step.how, step.package.name))
                .collect();
            format!("{}: {}", chain.words.unwrap_or_default(), steps.join(", "))
        };
        graph.chains(package, 3).into_iter().map(shown).collect()
    }

    const CONDA: &str = "[conda]\n\
        c/conda-meta/history = # cmd: conda install x\\n# update specs: ['python=3.12']\\n\n\
        c/conda-meta/p.json = {\"name\":\"python\",\"version\":\"3.12\",\"depends\":[\"ld >=2\",\"__glibc\"]}\n\
        c/conda-meta/l.json = {\"name\":\"ld\",\"version\":\"2\",\"depends\":[\"libz\"]}\n\
        c/conda-meta/z.json = {\"name\":\"libz\",\"version\":\"1\",\"files\":[\"s/w.dist-info/METADATA\"]}\n\
        c/conda-meta/o.json = {\"name\":\"other\",\"version\":\"1\"}\n\
        c/s/w.dist-info/METADATA = Name: wheel\\n\n";

    #[test]
    fn a_chain_leads_from_the_request_to_the_package() {
        let wanted = "python=3.12 (conda install x): Asked python";
        assert_eq!(reasons(CONDA, "python"), [wanted]);
        let way = format!("{wanted}, Needed ld, Needed libz");
        assert_eq!(reasons(CONDA, "libz"), std::slice::from_ref(&way));
        assert_eq!(reasons(CONDA, "wheel"), [format!("{way}, Inside wheel")]);
        assert!(reasons(CONDA, "other").is_empty());
    }

    #[test]
    fn loops_end_and_several_requests_are_all_named() {
        let text = "[conda]\n\
            c/conda-meta/history = # update specs: ['a', 'b']\\n\n\
            c/conda-meta/a.json = {\"name\":\"a\",\"version\":\"1\",\"depends\":[\"x\"]}\n\
            c/conda-meta/b.json = {\"name\":\"b\",\"version\":\"1\",\"depends\":[\"y\"]}\n\
            c/conda-meta/x.json = {\"name\":\"x\",\"version\":\"1\",\"depends\":[\"y\"]}\n\
            c/conda-meta/y.json = {\"name\":\"y\",\"version\":\"1\",\"depends\":[\"x\"]}\n";
        let wanted = ["a: Asked a, Needed x", "b: Asked b, Needed y, Needed x"];
        assert_eq!(reasons(text, "x"), wanted);
    }

    #[test]
    fn nothing_is_found_in_other_environments() {
        let text = "[pip]\n\
            a/s/x.dist-info/METADATA = Name: x\\nRequires-Dist: Y_Z>1\\n\n\
            a/s/x.dist-info/REQUESTED\n\
            a/s/x.dist-info/INSTALLER = pip\\n\n\
            b/s/y_z.dist-info/METADATA = Name: y.z\\n\n";
        assert!(reasons(text, "y.z").is_empty());
        let same = text.replace("b/s", "a/s");
        assert_eq!(
            reasons(&same, "y.z"),
            ["by name, with pip: Asked x, Needed y.z"]
        );
    }

    const NODE: &str = "[npm]\n\
        app/package.json = {\"dependencies\":{\"a\":\"^1\"},\"devDependencies\":{\"@s/b\":\"2\"}}\n\
        app/node_modules/a/package.json = {\"name\":\"a\",\"dependencies\":{\"c\":\"2\"}}\n\
        app/node_modules/a/node_modules/c/package.json = {\"name\":\"c\",\"version\":\"2\"}\n\
        app/node_modules/@s/b/package.json = {\"version\":\"2\",\"dependencies\":{\"d\":\"*\"}}\n\
        app/node_modules/c/package.json = {\"name\":\"top\",\"version\":\"1\"}\n\
        app/node_modules/d/package.json = {\"name\":\"d\",\"peerDependencies\":{\"c\":\"1\"}}\n";

    #[test]
    fn node_finds_the_nearest_module() {
        let a = "a ^1 (dependencies of /app/package.json): Asked a";
        assert_eq!(reasons(NODE, "c"), [format!("{a}, Needed c")]);
        let b = "@s/b 2 (devDependencies of /app/package.json): Asked @s/b";
        assert_eq!(reasons(NODE, "top"), [format!("{b}, Needed d, Needed top")]);
    }
}
