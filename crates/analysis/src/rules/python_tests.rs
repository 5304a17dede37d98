//! Tests that Python packages bring along: `tests` and `test` folders, and single test modules.
//!
//! **Why it is guarded.** Nothing imports them but a test runner, and none is installed. Who runs a
//! package's own tests in the image, or mounts a program that imports them, needs them.
//!
//! **Evidence.** A folder goes as a whole, with its data, and only if a package manager brought every
//! file of it and it holds tests by the names of its modules and functions. All of these keep it:
//!
//! - a test runner in the image (pytest, nose, twisted's trial, ...): `numpy.test()` and
//!   `pytest --pyargs numpy` reach it. Without one they only say that pytest is missing, before and after;
//! - an import of anything in it by a module or script that stays, also inside of a function or under
//!   `try`; `importlib.import_module("a.tests")`, `python -m a.tests`, `importlib.resources.files("a.tests")`;
//! - an entry point (pytest plugins, console scripts) or a `.pth` file that names it;
//! - a text in a source that names it (`"a.tests.data"`, `os.path.join(here, "tests", "x")`);
//! - the dotted name or the path in any other file that stays: compiled modules import by such names;
//! - a module of the same package that imports names which it puts together
//!   (`import_module(f"{__name__}.{name}")`), if the tests could be meant: it asks which modules there
//!   are (`pkgutil`), lists the folder that holds them, or takes names from whoever starts it
//!   (`sys.argv`, `os.environ`); or `tests` is written in a text of that module or of one that imports it;
//! - a module of the same package that cannot be parsed.
//!
//! A folder without test modules may be something that the package offers (`django.test`), and stays.
//!
//! **Example.** 40 MB of `/opt/conda/lib/python3.11/site-packages/pandas/tests`.

use ounce_image::{NodeId, Tree};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};
use crate::inspect::python::Facts;
use crate::modules::{Modules, Source, is_library, is_package};

pub(super) const RULE: Rule = Rule {
    id: "python-tests",
    title: "Tests of Python packages",
    tier: Tier::Guarded,
    why: "only test runners import them",
    source: include_str!("python_tests.rs"),
    find,
};

/// Folders of tests by their names; the last is CPython's for IDLE.
const FOLDERS: [&[u8]; 3] = [b"tests", b"test", b"idle_test"];

/// Modules that find and run tests by themselves.
const RUNNERS: [&str; 9] = [
    "pytest",
    "_pytest",
    "py",
    "nose",
    "nose2",
    "hypothesis",
    "testtools",
    "ward",
    "twisted",
];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let found = candidates(context);
    if found.is_empty() {
        return Vec::new();
    }
    let runner = RUNNERS
        .iter()
        .find(|name| context.modules().has_top_level(context.tree, name));
    let dynamic = Dynamic::new(context, &found);
    let units = found.iter().map(|node| {
        let guard = match runner {
            Some(runner) => {
                Guard::Refused(format!("{runner} is in the image and runs tests by name"))
            }
            None => guard(context, &dynamic, *node),
        };
        unit(context.tree, *node, guard)
    });
    vec![Claim::new(&RULE, None, units.collect())]
}

/// The outermost folders of tests, and test modules outside of them, in folders of libraries.
fn candidates(context: &Context<'_>) -> Vec<NodeId> {
    let tree = context.tree;
    let libraries = tree
        .walk(Tree::ROOT)
        .filter(|node| tree.is_directory(*node) && is_library(tree, *node));
    let mut found: FxHashSet<NodeId> = FxHashSet::default();
    for library in libraries {
        let is_candidate = |node: &NodeId| match tree.is_directory(*node) {
            true => FOLDERS.contains(&tree.name(*node)),
            false => is_test_module(context, *node),
        };
        found.extend(tree.walk(library).filter(is_candidate));
    }
    let is_outermost = |node: &NodeId| {
        let mut at = tree.parent(*node);
        while at != Tree::ROOT && !found.contains(&at) {
            at = tree.parent(at);
        }
        at == Tree::ROOT
    };
    let mut out: Vec<NodeId> = found.iter().copied().filter(is_outermost).collect();
    out.sort_unstable();
    out
}

/// Whether a file is a module that holds tests and has the name of one, in a package; what only has
/// the name (`aiohttp.test_utils`) is for others to use.
fn is_test_module(context: &Context<'_>, node: NodeId) -> bool {
    let tree = context.tree;
    let Some(stem) = tree.name(node).strip_suffix(b".py") else {
        return false;
    };
    let in_package = is_package(tree, tree.parent(node));
    if stem == b"conftest" {
        return in_package;
    }
    let is_named = stem.starts_with(b"test_") || stem.ends_with(b"_test");
    in_package && is_named && facts(context, node).is_some_and(|facts| facts.holds_tests)
}

fn facts<'c>(context: &'c Context<'_>, node: NodeId) -> Option<&'c Facts> {
    let source = context.modules().source(context.tree.leaf_of(node)?)?;
    Some(&source.facts)
}

fn guard(context: &Context<'_>, dynamic: &Dynamic, node: NodeId) -> Guard {
    let tree = context.tree;
    let foreign = |file: &NodeId| {
        tree.leaf_of(*file).is_some()
            && context.packages.owner(*file).is_none()
            && !tree.name(*file).ends_with(b".pyc")
    };
    if let Some(file) = tree.walk(node).find(foreign) {
        return Guard::Unknown(format!("no package brought {}", tree.path(file)));
    }
    let is_test = |file: NodeId| {
        let name = tree.name(file);
        let is_named = name.starts_with(b"test_")
            || [&b"_test.py"[..], b"_tests.py"]
                .iter()
                .any(|end| name.ends_with(end));
        is_named && facts(context, file).is_some_and(|facts| facts.holds_tests)
    };
    if tree.is_directory(node) && !tree.walk(node).any(is_test) {
        return Guard::Unknown("no module in it is a test by its name and content".to_owned());
    }
    match dynamic.reaches(tree, node) {
        Some(reason) => Guard::Unknown(reason),
        None => Guard::Proved("nothing imports it, and no test runner is installed".to_owned()),
    }
}

/// A unit with its compiled files; those of what stays are another rule's.
fn unit(tree: &Tree<'_>, node: NodeId, guard: Guard) -> Unit {
    let goes = guard.reason_to_keep().is_none();
    let mut names: Vec<NodeId> = tree
        .walk(node)
        .filter(|below| goes || !is_compiled(tree, *below))
        .collect();
    if goes && !tree.is_directory(node) {
        let cache = tree.child(tree.parent(node), b"__pycache__");
        let compiled = cache.into_iter().flat_map(|cache| tree.children(cache));
        names.extend(compiled.filter(|file| super::compiled_from(tree, *file) == Some(node)));
    }
    Unit {
        guard,
        modules: Modules::written(tree, node),
        ..Unit::names(names)
    }
}

fn is_compiled(tree: &Tree<'_>, node: NodeId) -> bool {
    tree.name(node) == b"__pycache__" || tree.name(tree.parent(node)) == b"__pycache__"
}

/// By package, the modules outside of tests whose imports are not all known.
struct Dynamic<'c> {
    packages: FxHashMap<NodeId, Package<'c>>,
    /// The names of folders of tests that some module has in a text, with the packages it imports.
    written: FxHashSet<(&'c str, &'c str)>,
}

#[derive(Default)]
struct Package<'c> {
    /// Each with its dotted name and its file.
    sources: Vec<(String, NodeId, &'c Source)>,
    /// The modules that have the name of a folder of tests in a text, and their own dotted name.
    written: Vec<(&'c str, String, &'c Facts)>,
}

impl<'c> Dynamic<'c> {
    fn new(context: &'c Context<'_>, tests: &[NodeId]) -> Self {
        let tree = context.tree;
        let tests: FxHashSet<NodeId> = tests.iter().copied().collect();
        let is_test = |node: NodeId| {
            let above = std::iter::successors(Some(node), |at| Some(tree.parent(*at)));
            let mut above = above.take_while(|at| *at != Tree::ROOT);
            above.any(|at| tests.contains(&at))
        };
        let mut packages: FxHashMap<NodeId, Package<'_>> = FxHashMap::default();
        let mut written = FxHashSet::default();
        for (leaf, source) in context.modules().sources() {
            let names = tree.leaf(leaf).names.iter().copied();
            for file in names.filter(|file| !is_test(*file)) {
                let Some(package) = Modules::package(tree, file) else {
                    continue;
                };
                let package = packages.entry(package).or_default();
                if !source.facts.dynamic.is_empty() || source.problem.is_some() {
                    let own = Modules::dotted(tree, file);
                    package.sources.push((own, file, source));
                }
                for word in folders_in(&source.facts) {
                    let own = Modules::dotted(tree, file);
                    package.written.push((word, own, &source.facts));
                }
            }
            let names = tree.leaf(leaf).names.iter();
            if names.copied().any(|file| !is_test(file)) {
                for word in folders_in(&source.facts) {
                    let imports = source.facts.imports.iter();
                    let imported = imports.filter_map(|import| import.module.split('.').next());
                    written.extend(imported.map(|package| (word, package)));
                }
            }
        }
        for package in packages.values_mut() {
            package
                .sources
                .sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        }
        Self { packages, written }
    }

    /// Why some module of the same package may import the tests by a name that it puts together.
    fn reaches(&self, tree: &Tree<'_>, tests: NodeId) -> Option<String> {
        let package = self.packages.get(&Modules::package(tree, tests)?)?;
        let name = Modules::dotted(tree, tests);
        let last = name.rsplit('.').next().unwrap_or(&name);
        let first = name.split('.').next().unwrap_or(&name);
        package.sources.iter().find_map(|(own, file, source)| {
            if let Some(problem) = &source.problem {
                return Some(format!("{own} is not understood: {problem}"));
            }
            let looks = source.facts.looks;
            let lists =
                looks.packages || (looks.folders && tree.is_within(tests, tree.parent(*file)));
            // Other packages do not call what is private to this one.
            let is_private = own.split('.').any(|part| part.starts_with('_'));
            let is_written =
                package.writes(last, own) || (!is_private && self.written.contains(&(last, first)));
            let may_be = source.facts.dynamic.iter().any(|pattern| {
                // Where names come from no other place, they are written in the package.
                let is_known = lists || looks.input || is_written || pattern.writes(last);
                match pattern.is_bound() {
                    true => is_known && pattern.may_be(&name, own, lists || looks.input),
                    // Who gives a whole name starts what it names, as with `python -m`.
                    false => lists,
                }
            });
            may_be.then(|| format!("{own} imports modules by names that it puts together"))
        })
    }
}

impl Package<'_> {
    /// Whether a module, or one that imports it and so may call it, has the word in a text.
    fn writes(&self, word: &str, module: &str) -> bool {
        let last = module.rsplit('.').next().unwrap_or(module);
        self.written.iter().any(|(written, by, facts)| {
            let imports = || {
                facts.imports.iter().any(|import| {
                    import.module.split('.').any(|part| part == last)
                        || import.name.as_deref() == Some(last)
                        || (import.level > 0 && import.module.is_empty())
                })
            };
            *written == word && (by == module || imports())
        })
    }
}

/// The names of folders of tests in a source's texts.
fn folders_in(facts: &Facts) -> impl Iterator<Item = &str> {
    let words = facts.strings.iter();
    let words = words.flat_map(|text| text.split(['.', '/']));
    words.filter(|word| FOLDERS.contains(&word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_guarded, set};

    /// A wheel with tests, and a module that the test adds.
    fn image(extra: &str) -> String {
        let site = "usr/lib/python3/dist-packages";
        let record = "p/__init__.py,,\\np/m.py,,\\np/tests/__init__.py,,\\np/tests/test_a.py,,\\np/tests/data.txt,,\\n";
        let extra = extra.replace("SITE", site);
        format!(
            "[pip]\n{site}/p-1.dist-info/RECORD = {record}\n{site}/p/__init__.py = import os\n{site}/p/tests/__init__.py = #\n{site}/p/tests/test_a.py = def test_a(): pass\n{site}/p/tests/data.txt = x\n{site}/p/tests/__pycache__/test_a.cpython-311.pyc = x\n{extra}\n"
        )
    }

    fn kept(extra: &str) -> Option<String> {
        let mut found = decide_guarded(&image(extra));
        let folder = "/usr/lib/python3/dist-packages/p/tests";
        let reason = found.held.remove(folder);
        assert_ne!(reason.is_some(), found.gone.contains(folder));
        reason
    }

    #[test]
    fn tests_go_with_their_data_where_nothing_imports_them() {
        let found = decide_guarded(&image("SITE/p/m.py = import p.testing"));
        let below = |name: &str| format!("/usr/lib/python3/dist-packages/p/tests{name}");
        let paths = [
            "",
            "/__init__.py",
            "/test_a.py",
            "/data.txt",
            "/__pycache__",
            "/__pycache__/test_a.cpython-311.pyc",
        ]
        .map(below);
        assert_eq!(found.gone, set(&paths.each_ref().map(String::as_str)));
    }

    #[test]
    fn any_import_of_them_keeps_them() {
        for source in [
            "import p.tests",
            "from p import tests",
            "from . import tests",
            "from .tests.test_a import x",
            "def f():\\n  try:\\n    from p.tests import y\\n  except ImportError: pass",
            "import importlib\\nimportlib.import_module('p.tests.test_a')",
            "x = __import__('p.tests')",
            "from importlib.resources import files\\nfiles('p.tests')",
            "run([sys.executable, '-m', 'p.tests'])",
            "suite = 'p.tests.test_a.Case'",
            "import os\\nx = os.path.join(here, 'tests', 'data.txt')",
            "x = __file__ + '/tests/data.txt'",
            "x = pathlib.Path(here) / 'tests' / 'data.txt'",
        ] {
            assert!(
                kept(&format!("SITE/p/m.py = {source}")).is_some(),
                "{source}"
            );
        }
        assert_eq!(
            kept("app/run (0755) = #!/usr/bin/env python3\\nimport p.tests").as_deref(),
            Some("/app/run imports /usr/lib/python3/dist-packages/p/tests")
        );
    }

    #[test]
    fn a_test_runner_keeps_them() {
        let reason = kept("SITE/pytest/__init__.py = import _pytest");
        assert_eq!(
            reason.as_deref(),
            Some("pytest is in the image and runs tests by name")
        );
    }

    #[test]
    fn a_plugin_that_lies_among_them_keeps_them() {
        let reason =
            kept("SITE/p-1.dist-info/entry_points.txt = [pytest11]\\np = p.tests.test_a:hook");
        assert!(reason.unwrap().contains("entry_points.txt imports"));
    }

    #[test]
    fn other_files_that_name_them_keep_them() {
        assert!(kept("app/start.sh = python3 -c 'from p.tests import x'").is_some());
        assert!(kept("app/suite.json = [\"p.tests.test_a\"]").is_some());
        assert!(kept("SITE/q/c.cpython-311.so = \\x00p.tests\\x00").is_some());
        assert_eq!(kept("SITE/q/c.py = # as p.tests does"), None);
        assert!(kept("SITE/q/legacy.pyc = z\\x07p.testsZ").is_some());
    }

    #[test]
    fn names_that_are_put_together_keep_them_if_they_could_be_meant() {
        let with = |source: &str| {
            kept(&format!(
                "SITE/p/m.py = from importlib import import_module\\n{source}"
            ))
        };
        assert!(
            with("import_module(f'{__package__}.{sys.argv[1]}')")
                .unwrap()
                .contains("puts together")
        );
        assert!(with("import_module('p.' + os.environ['X'])").is_some());
        assert!(with("import_module(f'p.tests.{x}')").is_some());
        assert!(with("for m in os.listdir(here): import_module(m)").is_some());
        assert!(
            with(
                "import_module(f'p.{x}')\\napp/r.py = import p\\np.load('tests.test_a')"
                    .replace("\\napp", "\napp")
                    .as_str()
            )
            .is_some()
        );
        assert_eq!(with("import_module(f'p.{x}')"), None);
        assert!(with("for m in pkgutil.walk_packages(p): import_module(m.name)").is_some());
        assert_eq!(with("import_module(f'p.plugins.{x}')"), None);
        assert_eq!(with("import_module(x)"), None);
    }

    #[test]
    fn a_module_that_cannot_be_parsed_keeps_them() {
        assert_eq!(
            kept("app/m.py = from import x\\nfrom . import\\nimport_module('')"),
            None
        );
        assert!(
            kept("SITE/p/m.py = import (")
                .unwrap()
                .contains("not understood")
        );
    }

    #[test]
    fn what_no_package_brought_or_is_no_test_stays() {
        assert!(
            kept("SITE/p/tests/mine.txt = x")
                .unwrap()
                .contains("no package brought")
        );
        let api = image("").replace("def test_a", "def client");
        assert_eq!(decide_guarded(&api).gone, set(&[]));
    }

    #[test]
    fn what_one_kept_test_imports_from_another_stays_too() {
        let other = "SITE/q-1.dist-info/RECORD = q/__init__.py,,\\nq/tests/test_b.py,,\\nSITE/q/__init__.py = #\nSITE/q/tests/test_b.py = from p.tests import x\\ndef test_b(): pass\n";
        assert_eq!(kept(other), None);
        assert!(kept(&format!("{other}app/r.py = import q.tests.test_b")).is_some());
    }
}
