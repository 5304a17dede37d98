//! apt and what came for it: its library and keys, the libraries that only these need, the rest of Perl where
//! nothing but packages' installation runs it, and what creates users while packages are installed.
//!
//! **Why it is guarded.** An image that is never changed from inside installs nothing. Whoever builds upon it
//! does: `RUN apt-get install` would fail. So it is left alone where the command is a shell or a bare
//! interpreter, where the image has `ONBUILD` steps, and where people or a clock get a shell in it (sshd,
//! Jupyter, sudo, cron).
//!
//! dpkg, `perl-base` and every other package that is marked essential stay, and so does dpkg's database:
//! `/var/lib/dpkg/status` is written anew without the packages that went, so it lists exactly what is there.
//!
//! **Evidence.** A package goes only as a whole. It stays when a package that stays depends on it or recommends
//! it (but for what only maintainer scripts need, where apt goes too), when somebody asked for it, when anything that stays has
//! the name or path of one of its programs or libraries, and, for Perl, when a program that stays uses one of
//! its modules or something that no package brought names perl. Only Debian's packages are understood so
//! far; apk and rpm are left alone. The tables are in `crates/analysis/src/knowledge/installation.toml`.
//!
//! **Example.** `apt`, `libapt-pkg6.0`, `gpgv`, `libgnutls30`, `perl-modules-5.36` in a web server's image: 60 MB.

mod asked;
mod doors;
mod perl;
mod relations;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ounce_image::{NodeId, Tree};
use rustc_hash::FxHashSet;
use serde::Deserialize;

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Installed, Unit, Word};
use crate::packages::status::Status;
use crate::packages::{Ecosystem, Package};
use relations::Relations;

pub(super) const RULE: Rule = Rule {
    id: "package-manager",
    title: "Package manager",
    tier: Tier::Guarded,
    why: "only installing packages needs it",
    source: include_str!("package_manager.rs"),
    find,
};

#[derive(Deserialize)]
struct Table {
    part: Vec<Part>,
    scripts: Vec<Scripts>,
    door: Vec<doors::Door>,
}

#[derive(Deserialize)]
struct Part {
    names: Vec<String>,
    #[serde(default)]
    asked: bool,
    /// For readers of the table; a test looks that every row has it.
    #[cfg(test)]
    source: String,
}

#[derive(Deserialize)]
struct Scripts {
    names: Vec<String>,
    #[cfg(test)]
    source: String,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../knowledge/installation.toml")).expect("a test reads the table")
});

fn find(context: &Context<'_>) -> Vec<Claim> {
    let Some(status) = Status::load(context.tree) else {
        return Vec::new();
    };
    let could_go = could_go(context, &status);
    let relations = Relations::new(&status);
    let mut names = relations.free(could_go.iter().map(|package| package.name.as_str()));
    let resolvers: Vec<&Package> = resolvers(context).collect();
    if resolvers
        .iter()
        .any(|package| !names.contains(package.name.as_str()))
    {
        let could_go = could_go.iter().map(|package| package.name.as_str());
        names = relations.free(could_go.filter(|name| !relations::is_for_scripts(name)));
    }
    if names.is_empty() {
        return Vec::new();
    }
    let packages: Vec<&Package> = could_go
        .into_iter()
        .filter(|package| names.contains(package.name.as_str()))
        .collect();
    let guard = doors::guard(context);
    let shared = shared(context);
    let used = perl::used_modules(context, &packages);
    let mut users: BTreeMap<&str, Vec<NodeId>> = BTreeMap::new();
    for user in &packages {
        for needed in relations.needed(&user.name, &names) {
            users.entry(needed).or_default().push(user.record);
        }
    }
    for name in names.iter().filter(|name| relations::is_for_scripts(name)) {
        let records = resolvers.iter().map(|package| package.record);
        users.entry(name).or_default().extend(records);
    }
    let claim = |package: &&Package| {
        let guard = match (&guard, used.get(&package.name)) {
            (Guard::Proved(_), Some(user)) => Guard::Refused(user.clone()),
            (guard, _) => guard.clone(),
        };
        let users = users.get(package.name.as_str()).into_iter().flatten();
        let users = users.filter(|record| **record != package.record);
        Claim {
            prefix: Some(package.record),
            follows: users.map(|record| (RULE.id, *record)).collect(),
            ..Claim::new(
                &RULE,
                None,
                vec![unit(context, &status, package, &shared, guard)],
            )
        }
    };
    packages.iter().map(claim).collect()
}

/// The libraries that install nothing where a package lacks what it depends on (apt-get(8), `--fix-broken`).
fn resolvers<'c>(context: &Context<'c>) -> impl Iterator<Item = &'c Package> {
    let debian = |package: &&Package| package.ecosystem == Ecosystem::Dpkg;
    let list = context.packages.iter().filter(debian);
    list.filter(|package| package.name.starts_with("libapt-pkg"))
}

/// The packages that serve installing by themselves, and the libraries that these depend on.
fn could_go<'c>(context: &Context<'c>, status: &Status) -> Vec<&'c Package> {
    let list = context.packages.iter();
    let debian: Vec<&Package> = list
        .filter(|package| package.ecosystem == Ecosystem::Dpkg)
        .filter(|package| package.record != status.database)
        .filter(|package| may_be_taken(context, status, package))
        .collect();
    let asked = asked::Asked::new(context);
    let is_part = |package: &&&Package| {
        let fits = |name: &String| match name.strip_suffix('*') {
            Some(start) => package.name.starts_with(start),
            None => package.name == *name,
        };
        let row = TABLE.part.iter().find(|row| row.names.iter().any(fits));
        row.is_some_and(|row| !row.asked || !asked.for_package(package))
    };
    let mut out: Vec<&Package> = debian.iter().filter(is_part).copied().collect();
    let by_name: BTreeMap<&str, &Package> = debian
        .iter()
        .map(|package| (package.name.as_str(), *package))
        .collect();
    let mut known: BTreeSet<&str> = out.iter().map(|package| package.name.as_str()).collect();
    let mut at = 0;
    while let Some(package) = out.get(at).copied() {
        at += 1;
        let needs = package.depends.iter();
        for library in needs.filter_map(|name| by_name.get(name.as_str()).copied()) {
            let is_spare = is_library(context, status, library) && !asked.for_package(library);
            if is_spare && known.insert(&library.name) {
                out.push(library);
            }
        }
    }
    out
}

/// Whether dpkg's database would be true without a package, and nobody may count upon it unseen.
fn may_be_taken(context: &Context<'_>, status: &Status, package: &Package) -> bool {
    let entry = status.entries.get(&package.name);
    // What watches for changes of other packages is noted in one more place.
    let watches = info(context.tree, status, package).any(|node| {
        let leaf = context.tree.leaf_of(node);
        let is_triggers = context.tree.name(node).ends_with(b".triggers");
        leaf.filter(|_| is_triggers).is_some_and(|leaf| {
            let text = context
                .tree
                .read(leaf)
                .read_all(1 << 16)
                .unwrap_or_default();
            memchr::memmem::find(&text, b"interest").is_some()
        })
    });
    entry.is_some_and(|entry| !entry.is_essential) && !watches
}

/// Whether a package only serves programs: a library or modules, without programs of its own.
fn is_library(context: &Context<'_>, status: &Status, package: &Package) -> bool {
    let section = status
        .entries
        .get(&package.name)
        .map(|entry| entry.section.as_str());
    matches!(section, Some("libs" | "oldlibs" | "perl")) && programs(context, package).is_empty()
}

fn programs(context: &Context<'_>, package: &Package) -> Vec<NodeId> {
    let tree = context.tree;
    let folders: BTreeSet<NodeId> = context.program_folders().collect();
    let files = package.files.iter().copied();
    files
        .filter(|file| folders.contains(&tree.parent(*file)))
        .collect()
}

/// What dpkg keeps of a package: `info/NAME.KIND` or `info/NAME:ARCHITECTURE.KIND`.
fn info<'c>(
    tree: &'c Tree<'_>,
    status: &Status,
    package: &'c Package,
) -> impl Iterator<Item = NodeId> + 'c {
    tree.children(status.info).filter(|node| {
        let rest = tree.name(*node).strip_prefix(package.name.as_bytes());
        let rest = rest.and_then(|rest| match rest.strip_prefix(b":") {
            Some(rest) => rest.iter().position(|&b| b == b'.').map(|at| &rest[at..]),
            None => Some(rest),
        });
        rest.is_some_and(|rest| {
            rest.strip_prefix(b".")
                .is_some_and(|kind| !kind.contains(&b'.'))
        })
    })
}

fn unit(
    context: &Context<'_>,
    status: &Status,
    package: &Package,
    shared: &FxHashSet<NodeId>,
    guard: Guard,
) -> Unit {
    let tree = context.tree;
    let mut names = own_files(context, package, shared);
    names.extend(info(tree, status, package));
    names.extend(enabling_links(context, &names));
    names.sort_unstable();
    names.dedup();
    let libraries: Vec<NodeId> = package
        .files
        .iter()
        .copied()
        .filter(|file| {
            let name = tree.name(*file);
            name.starts_with(b"lib") && memchr::memmem::find(name, b".so").is_some()
        })
        .collect();
    let words = libraries
        .iter()
        .flat_map(|file| python_words(tree.name(*file)));
    let entry = status
        .entries
        .get(&package.name)
        .map(|entry| entry.range.clone());
    Unit {
        guard,
        words: words.collect(),
        programs: [
            programs(context, package),
            libraries.clone(),
            perl::interpreter(context, package),
        ]
        .concat(),
        package: Some(Installed {
            names: names.clone(),
            database: status.database,
            entry: entry.unwrap_or_default(),
        }),
        ..Unit::names(names)
    }
}

/// The files that nobody but this package has. dpkg lists folders too, of which some are links by now
/// (`/lib`).
fn own_files(context: &Context<'_>, package: &Package, shared: &FxHashSet<NodeId>) -> Vec<NodeId> {
    let tree = context.tree;
    let mut above: FxHashSet<NodeId> = FxHashSet::from_iter([Tree::ROOT]);
    for file in &package.files {
        let mut at = tree.parent(*file);
        while above.insert(at) {
            at = tree.parent(at);
        }
    }
    let is_folder = |file: &NodeId| {
        let target = tree.symlink(*file);
        let target =
            target.and_then(|target| tree.resolve_from(tree.parent(*file), target, |_| {}));
        target.is_some_and(|target| tree.parent(*file) == Tree::ROOT || above.contains(&target))
    };
    let files = package.files.iter().copied();
    files
        .filter(|file| !shared.contains(file) && !is_folder(file))
        .collect()
}

/// The files that more than one package lists.
fn shared(context: &Context<'_>) -> FxHashSet<NodeId> {
    let mut seen = FxHashSet::default();
    let files = context.packages.iter().flat_map(|package| &package.files);
    files.copied().filter(|file| !seen.insert(*file)).collect()
}

/// How Python asks for a library without its whole name (`ctypes.util.find_library`).
fn python_words(library: &[u8]) -> Vec<Word> {
    let stem = library.strip_prefix(b"lib").unwrap_or(library);
    let stem = &stem[..memchr::memmem::find(stem, b".so").unwrap_or(stem.len())];
    let quoted = |quote: &[u8]| Word {
        text: [quote, stem, quote].concat(),
        within: None,
    };
    vec![quoted(b"'"), quoted(b"\"")]
}

/// The links by which `deb-systemd-helper` enables units of a package when it is installed.
fn enabling_links(context: &Context<'_>, names: &[NodeId]) -> Vec<NodeId> {
    let tree = context.tree;
    let Some(folder) = context.folder("/etc/systemd/system") else {
        return Vec::new();
    };
    let names: BTreeSet<NodeId> = names.iter().copied().collect();
    let links = tree.walk(folder).filter(|node| {
        let target = tree.symlink(*node);
        let target =
            target.and_then(|target| tree.resolve_from(tree.parent(*node), target, |_| {}));
        target.is_some_and(|target| names.contains(&target))
    });
    links.collect()
}

#[cfg(test)]
mod tests;
