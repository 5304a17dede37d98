//! Who uses Perl's modules. Debian's `perl-base` is essential and has what packages may use without saying
//! so; whoever needs more depends on `perl` (Debian Perl Policy, "Base Package"). That is looked at, and so
//! is every Perl file: what it uses must not lie in a package that could go.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{Blob, NodeId, Tree};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::inspect::JOB;
use crate::packages::Package;
use crate::rules::Context;

/// What is larger is no source.
const MAX_SOURCE: u64 = 4 << 20;
/// Folders whose Perl files do without what is missing, with the reason.
const DOES_WITHOUT: [(&str, &str); 4] = [
    (
        "/perl-base/",
        "is essential and complete by itself (Debian Perl Policy)",
    ),
    (
        "/share/perl5/Debconf/",
        "falls back to plainer frontends; it asks questions during installation (debconf(7))",
    ),
    (
        "/usr/bin/deb-systemd-helper",
        "prints less for debugging without Data::Dumper (its own comment)",
    ),
    (
        "/usr/sbin/dpkg-fsys-usrunmess",
        "takes a system's merged /usr apart for dpkg; dpkg asks for no perl",
    ),
];

/// The program `perl`, for a package that holds Perl's modules; its name speaks for the package.
pub(super) fn interpreter(context: &Context<'_>, package: &Package) -> Vec<NodeId> {
    let tree = context.tree;
    let holds = package
        .files
        .iter()
        .any(|file| module(tree, *file).is_some());
    let perl = tree.resolve(b"/usr/bin/perl").filter(|_| holds);
    perl.into_iter().collect()
}

/// For each of these packages whose modules something else uses: a sentence that says what.
pub(super) fn used_modules(
    context: &Context<'_>,
    packages: &[&Package],
) -> BTreeMap<String, String> {
    let tree = context.tree;
    let mut modules: FxHashMap<Vec<u8>, &Package> = FxHashMap::default();
    for package in packages {
        let names = package.files.iter().filter_map(|file| module(tree, *file));
        modules.extend(names.map(|name| (name.into_bytes(), *package)));
    }
    let going: BTreeSet<NodeId> = packages
        .iter()
        .flat_map(|package| package.files.iter().copied())
        .collect();
    // What is also there without them is found without them.
    for node in tree.walk(Tree::ROOT).filter(|node| !going.contains(node)) {
        if let Some(name) = module(tree, node) {
            modules.remove(name.as_bytes());
        }
    }
    let mut out = BTreeMap::new();
    if modules.is_empty() {
        return out;
    }
    // A file with several names is read once.
    let mut known = FxHashSet::default();
    let stays = tree.walk(Tree::ROOT).filter(|node| !going.contains(node));
    let sources: Vec<NodeId> = stays
        .filter(|node| source(tree, *node).is_some() && known.insert(tree.leaf_of(*node)))
        .collect();
    let used = sources
        .into_par_iter()
        .with_max_len(JOB)
        .filter_map(|node| {
            let text = source(tree, node)?.read_all(MAX_SOURCE).ok()?;
            let mut used: BTreeMap<&str, String> = BTreeMap::new();
            for name in uses(&text) {
                if let Some(package) = modules.get(name) {
                    let name = String::from_utf8_lossy(name);
                    let reason = || format!("{} uses {name}", tree.path(node));
                    used.entry(&package.name).or_insert_with(reason);
                }
            }
            Some(used)
        });
    // The first that uses a package, in the order of the tree.
    for (package, reason) in used.collect::<Vec<_>>().into_iter().flatten() {
        out.entry(package.to_owned()).or_insert(reason);
    }
    out
}

/// The name of the module that a file is (perlmod(1)): its path below a folder of `@INC`.
fn module(tree: &Tree<'_>, file: NodeId) -> Option<String> {
    if !tree.name(file).ends_with(b".pm") {
        return None;
    }
    let path = tree.path(file).to_string();
    let path = path.strip_suffix(".pm")?;
    let parts: Vec<&str> = path.split('/').collect();
    let is_version = |part: &str| {
        part.starts_with("5.") && part[2..].bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    let at = parts
        .iter()
        .rposition(|part| matches!(*part, "perl" | "perl5" | "perl-base"))?;
    let rest = &parts[at + 1..];
    let rest = match rest.first() {
        Some(first) if is_version(first) => &rest[1..],
        _ => rest,
    };
    (!rest.is_empty()).then(|| rest.join("::"))
}

/// The content of a Perl file that does not do without what is missing.
fn source(tree: &Tree<'_>, node: NodeId) -> Option<Blob> {
    let leaf = tree.leaf_of(node).filter(|_| tree.is_file(node))?;
    let content = tree.read(leaf);
    let is_named = [".pm", ".pl", ".plx", ".cgi", ".t", ".al"]
        .iter()
        .any(|ending| tree.name(node).ends_with(ending.as_bytes()));
    if !is_named && !content.begins_with(b"#!") {
        return None;
    }
    let path = tree.path(node).to_string();
    if DOES_WITHOUT.iter().any(|(folder, _)| path.contains(folder)) || path.contains("/share/doc/")
    {
        return None;
    }
    let mut start = [0; 64];
    let len = (content.len() as usize).min(start.len());
    content.read_exact_at(0, &mut start[..len]).ok()?;
    let is_script = start.starts_with(b"#!") && memchr::memmem::find(&start, b"perl").is_some();
    let is_perl = (is_named || is_script) && content.len() <= MAX_SOURCE;
    is_perl.then_some(content)
}

/// The modules that a text may load: the words behind `use`, `require`, `no`, and in quotes.
fn uses(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b':';
    let mut is_behind = false;
    let lines = text
        .split(|&b| b == b'\n')
        .filter(|line| !line.trim_ascii_start().starts_with(b"#"));
    let words = lines.flat_map(move |line| line.split(move |b| !is_name(*b)));
    words.filter(move |word| {
        if word.is_empty() {
            return false;
        }
        let counts = is_behind || word.windows(2).any(|pair| pair == b"::");
        is_behind = matches!(
            *word,
            b"use" | b"require" | b"no" | b"base" | b"parent" | b"qw"
        );
        counts
    })
}
