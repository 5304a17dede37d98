//! Looks for anything that stays and points into what could go.
//!
//! Starting from what no rule claims and from the image config, every file that stays is searched
//! once for symbolic links, needed libraries, literal paths and names of programs. A unit that
//! something points at is held back, which makes its own files stay, so they are searched next,
//! until nothing new is held.

mod loader;
mod python;
mod targets;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io;

use ounce_image::{Blob, EntryKind, LeafId, NodeId, Progress, Tree};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::finding::{Evidence, How, Problem, Referrer};
use crate::harmless;
use crate::inspect::counted;
use crate::inspect::elf::{self, Elf};
use crate::inspect::paths::{Hit, Scanner};
use crate::inspect::sections::{self, Sections};
use crate::rules::Context;

pub use targets::{Targets, UnitId};

use loader::Loader;
use targets::NameKind;

/// A search that goes on as long as more is found to stay.
pub struct Search<'a> {
    context: &'a Context<'a>,
    targets: &'a Targets,
    scanner: Option<Scanner>,
    loader: Loader,
    progress: &'a Progress,
    searched: FxHashSet<LeafId>,
    /// Units that stay for another reason than a reference.
    staying: FxHashSet<UnitId>,
    /// The units that must stay, each with the first reference to it (by the name of what points).
    pub held: BTreeMap<UnitId, Evidence>,
    /// Files that could not be understood.
    pub problems: Vec<Problem>,
}

impl<'a> Search<'a> {
    /// Searches the image config and every file that stays when all units of `targets` go.
    ///
    /// # Errors
    /// Content cannot be read, or `progress` asks to stop.
    pub fn new(
        context: &'a Context<'a>,
        targets: &'a Targets,
        progress: &'a Progress,
    ) -> io::Result<Self> {
        let mut search = Self {
            context,
            targets,
            scanner: targets.scanner(),
            loader: Loader::new(context),
            progress,
            searched: FxHashSet::default(),
            staying: FxHashSet::default(),
            held: BTreeMap::new(),
            problems: Vec::new(),
        };
        let tree = context.tree;
        if targets.has_modules() {
            // Read now: a thread of the search that waited for it would hold up all the others.
            context.modules();
        }
        let stay = tree
            .leaves()
            .filter(|leaf| targets.leaf_stays(tree, *leaf))
            .collect();
        let found = search.config();
        search.go_on(stay, found)?;
        Ok(search)
    }

    /// Searches these units' files too, because they stay for another reason.
    ///
    /// # Errors
    /// As for [`Search::new`].
    pub fn also(&mut self, units: &[UnitId]) -> io::Result<()> {
        self.staying.extend(units);
        self.go_on(self.leaves(units), Vec::new())
    }

    fn leaves<'u>(&self, units: impl IntoIterator<Item = &'u UnitId>) -> Vec<LeafId> {
        let leaves = |unit: &UnitId| self.targets.leaves(self.context.tree, *unit);
        units.into_iter().flat_map(leaves).collect()
    }

    /// Searches files, then those of the units that they point at, until nothing new is held.
    fn go_on(
        &mut self,
        mut next: Vec<LeafId>,
        mut found: Vec<(UnitId, Evidence)>,
    ) -> io::Result<()> {
        let Some(scanner) = self.scanner.take() else {
            return Ok(());
        };
        loop {
            next.retain(|leaf| self.searched.insert(*leaf));
            let results: Vec<Findings> = next
                .par_iter()
                .with_max_len(1)
                .map(|leaf| self.leaf(&scanner, *leaf))
                .collect::<io::Result<_>>()?;
            for result in results {
                found.extend(result.evidence);
                self.problems.extend(result.problem);
            }
            // The smallest evidence of each unit, whatever the order of threads.
            let mut fresh: BTreeMap<UnitId, Evidence> = BTreeMap::new();
            for (unit, evidence) in found.drain(..).filter(|(unit, _)| !self.stays(*unit)) {
                let slot = fresh.entry(unit).or_insert_with(|| evidence.clone());
                if evidence < *slot {
                    *slot = evidence;
                }
            }
            if fresh.is_empty() {
                break;
            }
            next = self.leaves(fresh.keys());
            self.held.extend(fresh);
        }
        self.scanner = Some(scanner);
        Ok(())
    }

    fn stays(&self, unit: UnitId) -> bool {
        self.held.contains_key(&unit) || self.staying.contains(&unit)
    }

    /// References in what a container engine acts on.
    fn config(&self) -> Vec<(UnitId, Evidence)> {
        let tree = self.context.tree;
        let config = self.context.config;
        let Some(scanner) = &self.scanner else {
            return Vec::new();
        };
        let texts = config.run_time_texts();
        let start = texts
            .get("WorkingDir")
            .and_then(|list| list.first())
            .and_then(|path| tree.resolve(path.as_bytes()));
        let path = config.env("PATH").unwrap_or_default();
        let mut out = Vec::new();
        for (key, texts) in &texts {
            let from = Pointer {
                referrer: Referrer::Config(key.clone()),
                file: None,
                is_packaged: false,
                is_elf: false,
                is_source: false,
                harmless: OnceCell::new(),
            };
            self.run_by_config(&from, texts, &mut out);
            for text in texts {
                let from = Pointer {
                    referrer: Referrer::Config(config_key(key, text)),
                    file: None,
                    is_packaged: false,
                    is_elf: false,
                    is_source: false,
                    harmless: OnceCell::new(),
                };
                let blob = ounce_image::Blob::from_bytes(text.clone().into_bytes());
                let found = |at, hit: Hit<'_>| self.hit(&from, at, hit, &mut out);
                scanner
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

    /// References in one file or link, under a name that stays.
    fn leaf(&self, scanner: &Scanner, leaf: LeafId) -> io::Result<Findings> {
        let tree = self.context.tree;
        let mut out = Findings::default();
        let stays = |name: &NodeId| {
            self.targets
                .unit_of(*name)
                .is_none_or(|unit| self.stays(unit))
        };
        let names: Vec<NodeId> = tree
            .leaf(leaf)
            .names
            .iter()
            .copied()
            .filter(stays)
            .collect();
        let Some(first) = names.first().copied() else {
            return Ok(out);
        };
        match tree.attributes(first).map(|entry| &entry.kind) {
            Some(EntryKind::Symlink(target)) => {
                for name in names {
                    self.symlink(name, target, &mut out.evidence);
                }
            }
            Some(EntryKind::File) => {
                self.file(scanner, first, leaf, &mut out)?;
                self.python(&names, leaf, &mut out.evidence);
            }
            _ => {}
        }
        Ok(out)
    }

    fn pointer(&self, name: NodeId) -> Pointer {
        Pointer {
            referrer: Referrer::File(self.context.tree.path(name)),
            file: Some(name),
            is_packaged: self
                .context
                .packages
                .owner(name)
                .is_some_and(|owner| !owner.ecosystem.is_open()),
            is_elf: false,
            is_source: self.is_source(name),
            harmless: OnceCell::new(),
        }
    }

    fn symlink(&self, link: NodeId, target: &[u8], out: &mut Vec<(UnitId, Evidence)>) {
        let tree = self.context.tree;
        let from = self.pointer(link);
        for node in targets::resolve(tree, tree.parent(link), target) {
            self.add(&from, node, How::Symlink, out);
        }
    }

    fn file(
        &self,
        scanner: &Scanner,
        name: NodeId,
        leaf: LeafId,
        out: &mut Findings,
    ) -> io::Result<()> {
        let tree = self.context.tree;
        let (path, content) = (tree.path(name), tree.read(leaf));
        let mut from = self.pointer(name);
        let elf = elf::inspect(&content);
        from.is_elf = !matches!(elf, Ok(None));
        match elf {
            Ok(Some(elf)) => {
                for node in self
                    .loader
                    .candidates(tree, &elf, tree.parent(name), self.targets)
                {
                    self.add(&from, node, How::Needed, &mut out.evidence);
                }
                // A program; one without libraries needs no loader.
                if elf.interpreter.is_some() || elf.needed.is_empty() {
                    self.counted(&from, &elf, &content, &mut out.evidence);
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
        if harmless::is_silent(&path) {
            return Ok(());
        }
        let advance = |bytes| self.progress.advance(bytes);
        scanner.scan(&content, advance, |at, hit| {
            self.hit(&from, at, hit, &mut out.evidence)
        })
    }

    /// Names in a program of Go or Rust, in which no text is a word by itself.
    fn counted(
        &self,
        from: &Pointer,
        elf: &Elf,
        content: &Blob,
        out: &mut Vec<(UnitId, Evidence)>,
    ) {
        let lengths = self.targets.lengths();
        let is_counted = |sections: &Sections| counted::is_counted(content, sections);
        let sections = sections::read(content).filter(|_| !lengths.is_empty());
        let Some(sections) = sections.filter(is_counted) else {
            return;
        };
        // What cannot be read makes the search fail where all of it is read.
        let _ = counted::each(content, elf.machine.1, &sections, lengths, |at, text| {
            if let Some(number) = self.targets.program(text) {
                self.hit(from, at, Hit::Name(number), out);
            }
        });
    }

    fn hit(&self, from: &Pointer, at: u64, hit: Hit<'_>, out: &mut Vec<(UnitId, Evidence)>) {
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
            // An end of a word is no word.
            Hit::End(_) => {}
            Hit::Name(number) => {
                for meaning in self.targets.meanings(number) {
                    let how = match meaning.kind {
                        NameKind::Program => How::Command(at),
                        NameKind::Word => How::Word(at),
                        // What a source says is known better than by searching it.
                        NameKind::Module if from.is_source => continue,
                        NameKind::Module => How::Module(at),
                    };
                    let means = |folder| {
                        from.file
                            .is_some_and(|file| self.context.tree.is_within(file, folder))
                    };
                    if meaning.within.is_none_or(means) {
                        self.note(from, meaning.to, how, &[meaning.unit], out);
                    }
                }
            }
        }
    }

    /// Notes a reference to a name, unless it is known to do no harm or leads to no unit.
    fn add(&self, from: &Pointer, to: NodeId, how: How, out: &mut Vec<(UnitId, Evidence)>) {
        let units = self.targets.units_at(self.context.tree, to);
        if !units.is_empty() {
            self.note(from, to, how, &units, out);
        }
    }

    fn note(
        &self,
        from: &Pointer,
        to: NodeId,
        how: How,
        units: &[UnitId],
        out: &mut Vec<(UnitId, Evidence)>,
    ) {
        let path = self.context.tree.path(to);
        let rows = from.harmless.get_or_init(|| harmless::rows_of(from));
        if !harmless::is_harmless(rows, &path, how) {
            let evidence = Evidence {
                from: from.referrer.clone(),
                to: path,
                how,
            };
            out.extend(units.iter().map(|unit| (*unit, evidence.clone())));
        }
    }
}

#[derive(Default)]
struct Findings {
    evidence: Vec<(UnitId, Evidence)>,
    problem: Option<Problem>,
}

/// What points.
pub(crate) struct Pointer {
    pub(crate) referrer: Referrer,
    /// The file, when it is one.
    pub(crate) file: Option<NodeId>,
    /// Whether a package of the distribution or of conda brought it; wheels are made by anybody.
    pub(crate) is_packaged: bool,
    /// Whether it is an ELF file, broken or not.
    pub(crate) is_elf: bool,
    /// Whether it is a Python source that was understood, or was compiled from one.
    pub(crate) is_source: bool,
    /// What is known to do no harm of what it points at; asked for with the first reference.
    pub(crate) harmless: OnceCell<Vec<&'static harmless::Compiled>>,
}

/// The key of a text of the config; that of the environment with the variable's name.
fn config_key(key: &str, text: &str) -> String {
    match text.split_once('=') {
        Some((name, _)) if key == "Env" => format!("{key} {name}"),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::decide_text;

    /// A list that a file of the image names in this way must stay.
    fn keeps(content: &str) -> bool {
        let text = "[RUN x]\nvar/lib/apt/lists/data.txt = x\napp/tool = ";
        decide_text(&format!("{text}{content}\n")).gone.is_empty()
    }

    #[test]
    fn paths_are_found_whatever_stands_around_them() {
        // A Rust or Go binary, a .pyc, a Java class, an option, an escape in a string.
        assert!(keeps("\\x00/var/lib/apt/lists/data.txtrtool version 1"));
        assert!(keeps("\\xfa\\x1f/var/lib/apt/lists/data.txt\\xa9\\x02"));
        assert!(keeps("\\x01\\x00\\x344/var/lib/apt/lists/data.txtN"));
        assert!(keeps("sed -f/var/lib/apt/lists/data.txt"));
        assert!(keeps("\\\\n/var/lib/apt/lists/data.txt"));
    }

    #[test]
    fn other_paths_are_no_evidence() {
        assert!(!keeps(
            "/var/lib/apt/lists/other.txt and /var/lib/apt-lists/data.txt"
        ));
    }
}
