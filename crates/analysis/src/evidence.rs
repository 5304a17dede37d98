//! Looks for anything that stays and points into what could go.
//!
//! Starting from what no rule claims and from the image config, every file that stays is searched
//! once for symbolic links, needed libraries, literal paths and names of programs. A unit that
//! something points at is held back, which makes its own files stay, so they are searched next,
//! until nothing new is held.

mod loader;
mod targets;

use std::collections::BTreeMap;
use std::io;

use ounce_image::{EntryKind, LeafId, NodeId, Progress, Tree};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Claim, Evidence, How, Problem, Referrer};
use crate::harmless;
use crate::inspect::elf;
use crate::inspect::paths::{Hit, Scanner};
use crate::rules::Context;

pub use targets::UnitId;

use loader::Loader;
use targets::Targets;

/// What the search found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The units that must stay, each with the first reference to it (by the name of what points).
    pub held: BTreeMap<UnitId, Evidence>,
    /// Files that could not be understood.
    pub problems: Vec<Problem>,
}

/// Searches everything that stays when all units but those for which `stays` says yes go; `owner`
/// gives each claimed name the unit that it is decided with.
///
/// # Errors
/// Content cannot be read, or `progress` asks to stop.
pub fn search(
    context: &Context<'_>,
    claims: &[Claim],
    owner: &FxHashMap<NodeId, UnitId>,
    stays: impl Fn(UnitId) -> bool,
    progress: &Progress,
) -> io::Result<Outcome> {
    let tree = context.tree;
    let targets = Targets::new(tree, claims, owner, &stays);
    let mut outcome = Outcome::default();
    let Some(scanner) = targets.scanner() else {
        return Ok(outcome);
    };
    let search = Search {
        context,
        targets: &targets,
        scanner: &scanner,
        loader: Loader::new(context),
        progress,
    };
    let mut found = search.config();
    let mut next: Vec<LeafId> = tree
        .leaves()
        .filter(|leaf| targets.leaf_stays(tree, *leaf))
        .collect();
    let mut searched: FxHashSet<LeafId> = next.iter().copied().collect();
    loop {
        let results: Vec<Findings> = next
            .par_iter()
            .map(|leaf| search.leaf(*leaf))
            .collect::<io::Result<_>>()?;
        for result in results {
            found.extend(result.evidence);
            outcome.problems.extend(result.problem);
        }
        // The smallest evidence of each unit, whatever the order of threads.
        let mut fresh: BTreeMap<UnitId, Evidence> = BTreeMap::new();
        for (unit, evidence) in found
            .drain(..)
            .filter(|(unit, _)| !outcome.held.contains_key(unit))
        {
            let slot = fresh.entry(unit).or_insert_with(|| evidence.clone());
            if evidence < *slot {
                *slot = evidence;
            }
        }
        next = fresh
            .keys()
            .flat_map(|unit| targets.leaves(tree, *unit))
            .filter(|leaf| searched.insert(*leaf))
            .collect();
        if fresh.is_empty() {
            break;
        }
        outcome.held.extend(fresh);
    }
    outcome.problems.sort();
    Ok(outcome)
}

#[derive(Default)]
struct Findings {
    evidence: Vec<(UnitId, Evidence)>,
    problem: Option<Problem>,
}

struct Search<'a> {
    context: &'a Context<'a>,
    targets: &'a Targets,
    scanner: &'a Scanner,
    loader: Loader,
    progress: &'a Progress,
}

impl Search<'_> {
    /// References in what a container engine acts on.
    fn config(&self) -> Vec<(UnitId, Evidence)> {
        let tree = self.context.tree;
        let config = self.context.config;
        let texts = config.run_time_texts();
        let start = texts
            .get("WorkingDir")
            .and_then(|list| list.first())
            .and_then(|path| tree.resolve(path.as_bytes()));
        let path = config.env("PATH").unwrap_or_default();
        let mut out = Vec::new();
        for (key, texts) in &texts {
            let from = Referrer::Config(key.clone());
            for text in texts {
                let blob = ounce_image::Blob::from_bytes(text.clone().into_bytes());
                let found = |at, hit: Hit<'_>| self.hit(&from, at, hit, &mut out);
                self.scanner
                    .scan(&blob, |_| Ok(()), found)
                    .expect("bytes in memory can be read");
                if key == "Env" {
                    continue;
                }
                // Words may be programs of the PATH or files relative to the working folder.
                for word in text
                    .split(|c: char| c.is_whitespace() || "'\";|&()".contains(c))
                    .filter(|word| !word.is_empty())
                {
                    let programs = path.split(':').filter_map(|folder| {
                        tree.child(tree.resolve(folder.as_bytes())?, word.as_bytes())
                    });
                    let relative =
                        tree.resolve_from(start.unwrap_or(Tree::ROOT), word.as_bytes(), |_| {});
                    for node in programs.chain(relative) {
                        self.add(&from, node, How::Path(0), &mut out);
                    }
                }
            }
        }
        out
    }

    fn leaf(&self, leaf: LeafId) -> io::Result<Findings> {
        let tree = self.context.tree;
        let mut out = Findings::default();
        let names: Vec<NodeId> = tree
            .leaf(leaf)
            .names
            .iter()
            .copied()
            .filter(|name| self.targets.unit_of(*name).is_none())
            .collect();
        // What is held back is searched under the name it stays with.
        let Some(name) = names.first().or(tree.leaf(leaf).names.first()).copied() else {
            return Ok(out);
        };
        let path = tree.path(name);
        match tree.attributes(name).map(|entry| &entry.kind) {
            Some(EntryKind::Symlink(target)) => {
                for name in if names.is_empty() { vec![name] } else { names } {
                    let from = Referrer::File(tree.path(name));
                    let mut visited = Vec::new();
                    let end =
                        tree.resolve_from(tree.parent(name), target, |node| visited.push(node));
                    visited.extend(end);
                    for node in visited {
                        self.add(&from, node, How::Symlink, &mut out.evidence);
                    }
                }
            }
            Some(EntryKind::File) => {
                let content = tree.read(leaf);
                let from = Referrer::File(path.clone());
                match elf::inspect(&content) {
                    Ok(Some(elf)) => {
                        for node in
                            self.loader
                                .candidates(tree, &elf, tree.parent(name), self.targets)
                        {
                            self.add(&from, node, How::Needed, &mut out.evidence);
                        }
                    }
                    Ok(None) => {}
                    Err(reason) => {
                        out.problem = Some(Problem {
                            path: path.clone(),
                            reason,
                        })
                    }
                }
                if !harmless::is_silent(&path) {
                    let advance = |bytes| self.progress.advance(bytes);
                    self.scanner.scan(&content, advance, |at, hit| {
                        self.hit(&from, at, hit, &mut out.evidence)
                    })?;
                }
            }
            _ => {}
        }
        Ok(out)
    }

    fn hit(&self, from: &Referrer, at: u64, hit: Hit<'_>, out: &mut Vec<(UnitId, Evidence)>) {
        let tree = self.context.tree;
        match hit {
            Hit::Path(path) => {
                for node in targets::resolve(tree, Tree::ROOT, path) {
                    self.add(from, node, How::Path(at), out);
                }
            }
            Hit::Relative(path) => {
                for node in self.targets.relative(tree, path) {
                    self.add(from, node, How::Path(at), out);
                }
            }
            Hit::Name(number) => {
                for node in self.targets.programs(number) {
                    self.add(from, *node, How::Command(at), out);
                }
            }
        }
    }

    /// Notes a reference to a name, unless it is known to do no harm or leads to no unit.
    fn add(&self, from: &Referrer, to: NodeId, how: How, out: &mut Vec<(UnitId, Evidence)>) {
        let units = self.targets.units_at(self.context.tree, to);
        if units.is_empty() {
            return;
        }
        let path = self.context.tree.path(to);
        if !harmless::is_harmless(from, &path, how) {
            let evidence = Evidence {
                from: from.clone(),
                to: path,
                how,
            };
            out.extend(units.into_iter().map(|unit| (unit, evidence.clone())));
        }
    }
}
