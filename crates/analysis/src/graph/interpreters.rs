//! Interpreters, whose modules are found by names that are made when they run: all of them stay, and the
//! packages that brought them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use ounce_image::{NodeId, Tree};
use serde::Deserialize;

use super::collect::Collector;
use super::units::{self, is_shared};
use super::world::World;
use super::{Kind, Proof, content, patterns};
use crate::globs;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    interpreter: Vec<Interpreter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Interpreter {
    name: String,
    /// Globs of its programs and of the library that is it.
    files: Vec<String>,
    /// Ends of the names of what it runs.
    #[serde(default)]
    endings: Vec<String>,
    /// Where its modules are; `{prefix}` is the folder above the program's or library's own, `{home}` two above.
    /// `*` stands for any part of a name.
    folders: Vec<String>,
    source: String,
}

struct Compiled {
    files: globset::GlobSet,
    row: Interpreter,
}

static TABLE: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let table: Table = toml::from_str(include_str!("../knowledge/interpreters.toml"))
        .expect("a test reads the table");
    let compile = |row: Interpreter| Compiled {
        files: globs::set(row.files.iter().map(String::as_str)).expect("a test builds the globs"),
        row,
    };
    table.interpreter.into_iter().map(compile).collect()
});

/// Leads from an interpreter to all of its modules and their packages.
pub(super) fn of(world: &World<'_>, collector: &mut Collector<'_>, node: NodeId) {
    let path = world.tree.path(node);
    for Compiled { files, row } in TABLE.iter() {
        if globs::matches(files, &path) {
            row.lead(world, collector, node);
        }
    }
}

/// Leads from what an interpreter runs to what it may load from around it: modules are looked for beside a script.
pub(super) fn around(world: &World<'_>, collector: &mut Collector<'_>, node: NodeId) {
    let name = world.tree.name(node);
    let by_name = |row: &Interpreter| row.endings.iter().any(|end| name.ends_with(end.as_bytes()));
    let runner = content::runner(world, node).map(|runner| world.tree.path(runner));
    let runs = |compiled: &&Compiled| {
        let is_runner = runner
            .as_ref()
            .is_some_and(|path| globs::matches(&compiled.files, path));
        is_runner || by_name(&compiled.row)
    };
    if let Some(Compiled { row, .. }) = TABLE.iter().find(runs) {
        let proof = Proof::Row {
            key: row.name.clone(),
            why: "modules are looked for around what it runs",
            source: &row.source,
        };
        units::beside(world, collector, node, &proof, false);
    }
}

impl Interpreter {
    fn lead(&'static self, world: &World<'_>, collector: &mut Collector<'_>, node: NodeId) {
        let tree = world.tree;
        let folders: BTreeSet<NodeId> = self
            .folders
            .iter()
            .flat_map(|pattern| expand(tree, pattern, node))
            .collect();
        let proof = Proof::Row {
            key: self.name.clone(),
            why: "modules are loaded by names that are made when it runs",
            source: &self.source,
        };
        let mut records = BTreeSet::new();
        for folder in folders {
            collector
                .whole(folder, Kind::Modules, proof.clone())
                .is_guess = true;
            let files = tree
                .walk(folder)
                .filter(|file| tree.leaf_of(*file).is_some());
            let packages = files.filter_map(|file| world.context.packages.owner(file));
            records.extend(packages.map(|package| package.record));
        }
        let packages = world
            .context
            .packages
            .iter()
            .filter(|package| records.contains(&package.record));
        let files = packages.flat_map(|package| &package.files);
        for file in files.filter(|file| !world.units.is_litter(tree, **file)) {
            collector.name(*file, Kind::Package, proof.clone()).is_guess = true;
        }
    }
}

/// The folders that a pattern stands for.
fn expand(tree: &Tree<'_>, pattern: &str, node: NodeId) -> Vec<NodeId> {
    let above = |levels: usize| (0..levels).fold(node, |at, _| tree.parent(at));
    let (base, rest) = match pattern.split_once('/') {
        Some(("{prefix}", rest)) => (above(2), rest),
        Some(("{home}", rest)) => (above(3), rest),
        _ => (Tree::ROOT, pattern),
    };
    patterns::matching(tree, base, rest.as_bytes())
        .into_iter()
        .map(|(_, folder)| folder)
        .filter(|folder| tree.is_directory(*folder) && !is_shared(tree, *folder))
        .collect()
}

#[cfg(test)]
mod tests {
    use ounce_testkit::image;

    use super::*;

    #[test]
    fn every_row_gives_its_source_and_folders_that_can_be_read() {
        for Compiled { row, .. } in TABLE.iter() {
            assert!(row.source.len() > 5, "{}", row.name);
            for part in row.folders.iter().flat_map(|folder| folder.split('/')) {
                globs::set([part]).unwrap();
            }
        }
    }

    #[test]
    fn patterns_stand_for_folders_with_several_unknown_parts() {
        let image = image(
            "[a]\nusr/bin/tool = x\nusr/lib/x86_64-linux-gnu/perl5/A.pm = x\nusr/lib/x86_64-linux-gnu/perl/B.pm = x\nusr/lib/python3.11/os.py = x\nusr/lib/other/perl/C.pm = x\n",
        );
        let layers = crate::testing::layers(&image);
        let tree = Tree::build(&layers).unwrap();
        let tool = tree.resolve(b"/usr/bin/tool").unwrap();
        for (pattern, wanted) in [
            (
                "/usr/lib/*-linux-*/perl*",
                &[
                    "/usr/lib/x86_64-linux-gnu/perl",
                    "/usr/lib/x86_64-linux-gnu/perl5",
                ][..],
            ),
            ("{prefix}/lib/python[23]*", &["/usr/lib/python3.11"]),
            ("{prefix}/lib/python2*", &[]),
        ] {
            let mut found: Vec<_> = expand(&tree, pattern, tool)
                .into_iter()
                .map(|folder| tree.path(folder).to_string())
                .collect();
            found.sort();
            assert_eq!(found, wanted, "{pattern}");
        }
    }
}
