//! pip, setuptools and wheel, where nothing in the image installs Python packages.
//!
//! **Why it is guarded.** They install and build packages, which happened when the image was made.
//! Who runs `pip install` in a container, or asks `pip list` what is in it, does without: that is
//! the price of the tier. Where the image is there to be worked in (it starts a shell or Python
//! itself, or nothing at all), nobody can tell, and they stay.
//!
//! **Evidence.** Each of the three is decided on its own and goes as a whole: its modules, programs,
//! compiled files and `dist-info`, and with conda its record in `conda-meta`, so that the package
//! databases still say what is there. All of these keep it:
//!
//! - another package depends on it (`Requires-Dist` without an extra, conda's `depends`), unless that is one
//!   of the three and goes too: `pip check` finds as much to complain about as before;
//! - any module or script that stays imports it, also inside of a function or under `try`: numpy's
//!   `f2py`, `torch.utils.cpp_extension`, numba and triton import `setuptools` when they build,
//!   others `pkg_resources`; where Python has no `distutils` of its own (3.12 and later), an import of
//!   that counts as one of `setuptools`;
//! - `[sys.executable, "-m", "pip"]`, an entry point that names it, a text in a source such as
//!   `"python -m pip install"` (jupyter's `%pip` is one), the image's command;
//! - a shell script or makefile that calls one of its programs.
//!
//! A package of the distribution (`python3-pip`) stays, since dpkg's status would still list it.
//! `ensurepip` is part of Python and stays: `venv` runs it, with wheels of its own. It asks for an
//! installed pip only to remove it.
//!
//! **Example.** 12 MB of `/opt/conda/lib/python3.11/site-packages/pip`.

use std::collections::BTreeSet;

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};
use crate::inspect::script::shebang;
use crate::modules::{Modules, is_library, is_package};
use crate::packages::{Ecosystem, Package};

pub(super) const RULE: Rule = Rule {
    id: "python-installers",
    title: "Python package installers",
    tier: Tier::Guarded,
    why: "install and build Python packages",
    source: include_str!("python_installers.rs"),
    find,
};

/// The packages; a later one may be required by those before it.
const INSTALLERS: [&str; 3] = ["pip", "wheel", "setuptools"];

/// Programs whose start without a script means that somebody works with the image by hand.
const INTERACTIVE: [&str; 12] = [
    "sh", "bash", "dash", "ash", "zsh", "fish", "ksh", "busybox", "ipython", "jupyter", "conda",
    "mamba",
];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let installed = context.packages.iter().filter(|package| {
        // setuptools carries others inside of itself.
        package.ecosystem == Ecosystem::Pip
            && INSTALLERS.contains(&package.name.as_str())
            && is_library(context.tree, package.prefix)
    });
    let installed: Vec<&Package> = installed.collect();
    let shared = (!installed.is_empty()).then(|| Shared::new(context));
    let claims = shared.iter().flat_map(|shared| {
        let claim = |package: &&Package| claim(context, shared, &installed, package);
        installed.iter().map(claim)
    });
    claims.collect()
}

/// What is asked once for all installers.
struct Shared<'c> {
    /// Why nobody can tell whether packages are installed by hand.
    interactive: Option<String>,
    /// Shell scripts and makefiles, with their content.
    scripts: Vec<(NodeId, Vec<u8>)>,
    /// What each package depends on.
    required: Vec<(&'c Package, BTreeSet<String>)>,
}

impl<'c> Shared<'c> {
    fn new(context: &'c Context<'_>) -> Self {
        let required = context
            .packages
            .iter()
            .map(|package| (package, requirements(package)));
        Self {
            interactive: interactive(context),
            scripts: scripts(context.tree),
            required: required.filter(|(_, names)| !names.is_empty()).collect(),
        }
    }
}

fn claim(
    context: &Context<'_>,
    shared: &Shared<'_>,
    installed: &[&Package],
    package: &Package,
) -> Claim {
    let names = names(context, package);
    // One of the three that requires this one: they go or stay together.
    let beside = |other: &&&Package| {
        other.prefix == package.prefix && other.name != package.name && {
            let mut required = shared.required.iter();
            required.any(|(by, names)| {
                by.name == other.name && names.contains(&package.name) && is_same(by, other)
            })
        }
    };
    let follows = installed.iter().find(beside).map(|other| other.record);
    let guard = guard(context, shared, installed, package, &names);
    let is_module = |node: &&NodeId| {
        context.tree.parent(**node) == package.prefix && is_package(context.tree, **node)
    };
    let modules = names.iter().filter(is_module);
    let unit = Unit {
        guard,
        modules: modules
            .flat_map(|module| Modules::written(context.tree, *module))
            .collect(),
        ..Unit::names(names.iter().copied().collect())
    };
    Claim {
        prefix: Some(package.record),
        follows: follows
            .map(|record| (RULE.id, record))
            .into_iter()
            .collect(),
        ..Claim::new(&RULE, None, vec![unit])
    }
}

/// Whether one record is pip's and the other conda's of the same installation.
fn is_same(a: &Package, b: &Package) -> bool {
    a.record == b.record || a.files.contains(&b.record) || b.files.contains(&a.record)
}

/// The files of a distribution, with conda's record of it, what was compiled from it, and folders that
/// hold nothing else.
fn names(context: &Context<'_>, package: &Package) -> BTreeSet<NodeId> {
    let tree = context.tree;
    let conda = context.packages.iter().filter(|other| {
        other.ecosystem == Ecosystem::Conda && other.files.contains(&package.record)
    });
    let mut names: BTreeSet<NodeId> = package.files.iter().copied().collect();
    names.extend(conda.flat_map(|conda| conda.files.iter().copied()));
    let compiled: Vec<NodeId> = names
        .iter()
        .filter_map(|source| tree.child(tree.parent(*source), b"__pycache__"))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .flat_map(|cache| tree.children(cache))
        .filter(|file| super::compiled_from(tree, *file).is_some_and(|of| names.contains(&of)))
        .collect();
    names.extend(compiled);
    let folders: BTreeSet<NodeId> = names
        .iter()
        .flat_map(|file| {
            std::iter::successors(Some(tree.parent(*file)), |at| Some(tree.parent(*at)))
                .take_while(|at| *at != package.prefix && tree.is_within(*at, package.prefix))
        })
        .collect();
    let is_whole = |folder: &NodeId| {
        tree.walk(*folder)
            .all(|below| tree.is_directory(below) || names.contains(&below))
    };
    let whole: Vec<NodeId> = folders.into_iter().filter(is_whole).collect();
    names.extend(whole);
    names
}

fn guard(
    context: &Context<'_>,
    shared: &Shared<'_>,
    installed: &[&Package],
    package: &Package,
    names: &BTreeSet<NodeId>,
) -> Guard {
    if let Some(reason) = &shared.interactive {
        return Guard::Unknown(reason.clone());
    }
    if let Some(other) = names.iter().find_map(|file| {
        let owner = context.packages.owner(*file)?;
        (owner.name != package.name || owner.ecosystem == Ecosystem::Dpkg).then_some(owner)
    }) {
        return Guard::Unknown(format!(
            "{} {} lists its files too",
            other.ecosystem.name(),
            other.name
        ));
    }
    let by = shared.required.iter().find(|(by, required)| {
        required.contains(&package.name) && !installed.iter().any(|other| is_same(by, other))
    });
    if let Some((by, _)) = by {
        return Guard::Refused(format!("{} {} depends on it", by.ecosystem.name(), by.name));
    }
    let calls = calls(context.tree, package, names);
    let caller = shared.scripts.iter().find(|(_, content)| {
        let mut calls = calls.iter();
        calls.any(|call| has_word(content, call))
    });
    if let Some((script, _)) = caller {
        return Guard::Refused(format!("{} calls it", context.tree.path(*script)));
    }
    match package.name == "setuptools"
        && !context.modules().has_top_level(context.tree, "distutils")
    {
        true => distutils(context, names),
        false => Guard::Proved("nothing requires, imports or calls it".to_owned()),
    }
}

/// Whether anything imports `distutils`, which setuptools stands in for since Python 3.12 (PEP 632).
fn distutils(context: &Context<'_>, names: &BTreeSet<NodeId>) -> Guard {
    let tree = context.tree;
    let importers = context.modules().sources().filter(|(_, source)| {
        let mut imports = source.facts.imports.iter();
        imports
            .any(|import| import.level == 0 && import.module.split('.').next() == Some("distutils"))
    });
    let importer = importers
        .filter_map(|(leaf, _)| {
            tree.leaf(leaf)
                .names
                .iter()
                .find(|name| !names.contains(name))
        })
        .map(|node| tree.path(*node))
        .min();
    match importer {
        Some(path) => Guard::Refused(format!("{path} imports distutils, which it provides")),
        None => Guard::Proved("nothing requires, imports or calls it, or distutils".to_owned()),
    }
}

/// Why an image may be there to be worked in.
fn interactive(context: &Context<'_>) -> Option<String> {
    let words: Vec<String> = ["Entrypoint", "Cmd"]
        .iter()
        .flat_map(|key| context.config.list(key))
        .collect();
    let Some((program, arguments)) = words.split_first() else {
        return Some("the image starts nothing of its own".to_owned());
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    let is_interactive = INTERACTIVE.contains(&name) || name.starts_with("python");
    let has_task = arguments
        .iter()
        .any(|word| !word.starts_with('-') || word == "-c" || word == "-m");
    (is_interactive && !has_task).then(|| format!("the image starts {name}, to be worked in"))
}

/// Names that a package depends on, as PyPI writes them (PEP 503), without what an extra asks for.
fn requirements(package: &Package) -> BTreeSet<String> {
    let is_python = matches!(package.ecosystem, Ecosystem::Pip | Ecosystem::Conda);
    let names = package.depends.iter().filter(|_| is_python);
    names
        .map(|name| name.to_ascii_lowercase().replace(['_', '.'], "-"))
        .collect()
}

/// Larger files are no scripts but archives behind a script that unpacks them.
const MAX_SCRIPT: u64 = 1 << 20;

/// What a shell or make reads: by its first line or by its name.
fn scripts(tree: &Tree<'_>) -> Vec<(NodeId, Vec<u8>)> {
    let files = tree
        .leaves()
        .filter_map(|leaf| tree.leaf(leaf).names.first().copied());
    files
        .filter(|node| tree.is_file(*node))
        .filter_map(|node| {
            let content = tree.read(tree.leaf_of(node)?);
            if !is_script_name(tree.name(node)) && !content.begins_with(b"#!") {
                return None;
            }
            let content = content.read_all(MAX_SCRIPT).ok()?;
            let interpreter = shebang(&content);
            let is_python = interpreter.is_some_and(|line| {
                [Some(line.interpreter), line.command]
                    .iter()
                    .flatten()
                    .any(|name| memchr::memmem::find(name, b"python").is_some())
            });
            (!is_python).then_some((node, content))
        })
        .collect()
}

fn is_script_name(name: &[u8]) -> bool {
    let names: [&[u8]; 4] = [b"Makefile", b"makefile", b"justfile", b"crontab"];
    names.contains(&name)
        || [&b".sh"[..], b".bash", b".mk"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// How shells start it: its programs, and its packages as modules.
fn calls(tree: &Tree<'_>, package: &Package, names: &BTreeSet<NodeId>) -> Vec<Vec<u8>> {
    let call = |node: &NodeId| {
        let (name, folder) = (tree.name(*node), tree.parent(*node));
        if tree.leaf_of(*node).is_some() && tree.name(folder) == b"bin" {
            return Some(name.to_vec());
        }
        let is_module = folder == package.prefix && is_package(tree, *node);
        is_module.then(|| [b"-m ", name].concat())
    };
    names.iter().filter_map(call).collect()
}

fn has_word(content: &[u8], word: &[u8]) -> bool {
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b));
    memchr::memmem::find_iter(content, word).any(|at| {
        let before = at.checked_sub(1).and_then(|at| content.get(at));
        !is_word(before) && !is_word(content.get(at + word.len()))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide, decide_with, set};
    use crate::{Options, Tier};

    const SITE: &str = "usr/local/lib/python3.11/site-packages";

    /// Installers, and what the test adds, in an image that starts a program of its own.
    fn held(extra: &str, name: &str) -> Option<String> {
        held_with(extra, name, serde_json::json!({ "Cmd": ["/app/run"] }))
    }

    fn text(extra: &str) -> String {
        let dist = |name: &str, record: &str| {
            format!(
                "{SITE}/{name}-1.dist-info/METADATA = Name: {name}\n{SITE}/{name}-1.dist-info/RECORD = {name}/__init__.py,,\\n{record}\n{SITE}/{name}/__init__.py = x = 1\n{SITE}/{name}/__pycache__/__init__.cpython-311.pyc = x\n"
            )
        };
        let dists = [
            dist("pip", "../../../bin/pip,,"),
            dist(
                "setuptools",
                "pkg_resources.py,,\\ndistutils-precedence.pth,,",
            ),
            dist("wheel", ""),
        ];
        format!(
            "[pip]\n{}{SITE}/pkg_resources.py = x = 1\n{SITE}/distutils-precedence.pth = import setuptools\nusr/local/lib/python3.11/os.py = #\nusr/local/lib/python3.11/distutils/__init__.py = #\nusr/local/bin/pip (0755) = #!/usr/bin/python3\\nimport pip\n{}\n",
            dists.concat(),
            extra.replace("SITE", SITE)
        )
    }

    fn held_with(extra: &str, name: &str, config: serde_json::Value) -> Option<String> {
        let image = ounce_testkit::image(&text(extra)).with_config(config);
        let options = Options::default().with_tier(Tier::Guarded);
        let mut found = decide_with(&image, &options);
        let path = format!("/{SITE}/{name}/__init__.py");
        let reason = found.held.remove(&path);
        assert_ne!(reason.is_some(), found.gone.contains(&path), "{path}");
        reason
    }

    #[test]
    fn they_go_whole_where_nothing_needs_them() {
        for name in ["pip", "setuptools", "wheel"] {
            assert_eq!(held("", name), None);
        }
        let config = serde_json::json!({ "Cmd": ["/app/run"] });
        let found = decide(&ounce_testkit::image(&text("")).with_config(config));
        assert_eq!(found.gone, set(&[]));
        for path in [
            "pip",
            "pip-1.dist-info",
            "pip/__pycache__/__init__.cpython-311.pyc",
            "distutils-precedence.pth",
        ] {
            assert!(found.offered.contains(&format!("/{SITE}/{path}")), "{path}");
        }
        assert!(found.offered.contains("/usr/local/bin/pip"));
    }

    #[test]
    fn an_import_inside_of_a_function_keeps_what_it_imports() {
        let extra = "SITE/t.py = def build():\\n  try:\\n    import setuptools\\n  except ImportError: pass";
        let expected = format!("/{SITE}/t.py imports /{SITE}/setuptools");
        assert_eq!(held(extra, "setuptools"), Some(expected));
        assert_eq!(held(extra, "pip"), None);
        assert!(held("SITE/t.py = import pkg_resources", "setuptools").is_some());
        assert!(
            held(
                "SITE/t.py = run([sys.executable, '-m', 'pip', 'install', x])",
                "pip"
            )
            .is_some()
        );
        assert!(held("SITE/t.py = import distutils.core", "setuptools").is_none());
    }

    #[test]
    fn where_python_has_no_distutils_setuptools_stands_in() {
        let with =
            text("SITE/t.py = import distutils.core").replace("3.11/distutils/", "3.11/nothing/");
        let config = serde_json::json!({ "Cmd": ["/app/run"] });
        let options = Options::default().with_tier(Tier::Guarded);
        let found = decide_with(&ounce_testkit::image(&with).with_config(config), &options);
        assert!(found.held[&format!("/{SITE}/setuptools/__init__.py")].contains("distutils"));
    }

    #[test]
    fn what_another_package_requires_stays() {
        let requires = |what: &str| {
            format!("SITE/q-1.dist-info/METADATA = Name: q\\nRequires-Dist: {what}\\n\n")
        };
        let reason = held(&requires("Setuptools (>=40)"), "setuptools");
        assert_eq!(reason.as_deref(), Some("pip q depends on it"));
        assert_eq!(
            held(&requires("setuptools ; extra == 'build'"), "setuptools"),
            None
        );
    }

    #[test]
    fn a_script_that_calls_pip_keeps_it() {
        let extra = "app/start = #!/bin/sh\\npip install -r /data/requirements.txt\\n";
        assert_eq!(held(extra, "pip").as_deref(), Some("/app/start calls it"));
        assert_eq!(held("app/start = #!/bin/sh\\necho pipe pip-x", "pip"), None);
    }

    #[test]
    fn an_image_to_work_in_keeps_them() {
        let with = |config| held_with("", "pip", config);
        assert!(with(serde_json::json!({})).is_some());
        assert!(with(serde_json::json!({ "Cmd": ["/bin/bash"] })).is_some());
        assert!(with(serde_json::json!({ "Entrypoint": ["python3"], "Cmd": ["-i"] })).is_some());
        assert!(with(serde_json::json!({ "Cmd": ["python3", "-m", "pip", "list"] })).is_some());
        assert!(with(serde_json::json!({ "Cmd": ["sh", "-c", "exec /app/run"] })).is_none());
    }

    #[test]
    fn the_record_of_conda_goes_along_and_dependents_stay() {
        let record = |name: &str, depends: &str| {
            format!(
                "c/conda-meta/{name}.json = {{\"name\":\"{name}\",\"version\":\"1\",\"files\":[\"lib/python3.11/site-packages/{name}-1.dist-info/METADATA\",\"lib/python3.11/site-packages/{name}/__init__.py\"],\"depends\":[{depends}]}}\nc/lib/python3.11/site-packages/{name}-1.dist-info/METADATA = Name: {name}\nc/lib/python3.11/site-packages/{name}/__init__.py = x = 1\n"
            )
        };
        let base = format!(
            "[c]\n{}{}",
            record("pip", "\"setuptools\""),
            record("setuptools", "")
        );
        let decide = |text: &str| {
            let config = serde_json::json!({ "Cmd": ["/app/run"] });
            let options = Options::default().with_tier(Tier::Guarded);
            decide_with(&ounce_testkit::image(text).with_config(config), &options)
        };
        let found = decide(&base);
        assert!(found.gone.contains("/c/conda-meta/pip.json"));
        assert!(found.gone.contains("/c/conda-meta/setuptools.json"));
        let kept = decide(&format!("{base}app/x.sh = python -m pip list\n"));
        assert_eq!(kept.gone, set(&[]));
    }
}
