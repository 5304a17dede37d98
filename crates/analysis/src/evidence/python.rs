//! Imports and texts of Python sources that lead to what could go.

use ounce_image::{LeafId, NodeId};

use super::{Pointer, Search, UnitId};
use crate::finding::{Evidence, How};
use crate::inspect::python::{Facts, Import, MAX_SOURCE};

/// Names of folders of tests, which whoever asks for data of tests writes.
const TESTS: [&[u8]; 2] = [b"tests", b"test"];

impl Search<'_> {
    /// What a source leads to, under each of its names that stay.
    pub(super) fn python(&self, names: &[NodeId], leaf: LeafId, out: &mut Vec<(UnitId, Evidence)>) {
        if !self.targets.has_modules() {
            return;
        }
        let Some(source) = self.context.modules().source(leaf) else {
            return;
        };
        for name in names {
            let from = self.pointer(*name);
            self.imports(&from, *name, &source.facts.imports, out);
            self.texts(&from, *name, &source.facts, out);
            self.beside_others(&from, *name, leaf, &source.facts, out);
        }
    }

    /// What lies beside modules that the file imports and asks for their place
    /// (`join(dirname(a.__file__), "tests", "x")`).
    fn beside_others(
        &self,
        from: &Pointer,
        file: NodeId,
        leaf: LeafId,
        facts: &Facts,
        out: &mut Vec<(UnitId, Evidence)>,
    ) {
        let (tree, modules) = (self.context.tree, self.context.modules());
        let parts = |text: &str| -> Vec<Vec<u8>> {
            let parts = text.split('/').filter(|part| !part.is_empty());
            parts.map(|part| part.as_bytes().to_vec()).collect()
        };
        let paths = facts.strings.iter().map(parts);
        let paths: Vec<_> = paths
            .filter(|path| {
                path.first()
                    .is_some_and(|name| TESTS.contains(&name.as_slice()))
            })
            .collect();
        let asks = || {
            let text = tree.read(leaf).read_all(MAX_SOURCE).unwrap_or_default();
            let asks = |place| memchr::memmem::find(&text, place).is_some();
            asks(b".__file__") || asks(b".__path__")
        };
        if paths.is_empty() || !asks() {
            return;
        }
        for import in &facts.imports {
            for module in modules.imported(tree, file, import) {
                let start = tree.child(module, b"__init__.py").unwrap_or(module);
                for path in &paths {
                    let path: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
                    self.modules(from, &modules.beside(tree, start, &path), How::Text, out);
                }
            }
        }
    }

    fn imports(
        &self,
        from: &Pointer,
        file: NodeId,
        imports: &[Import],
        out: &mut Vec<(UnitId, Evidence)>,
    ) {
        for import in imports {
            let name = import.name.as_deref();
            let parts = import.module.split('.').chain(name).map(str::as_bytes);
            if !self.targets.may_be_module(parts) {
                continue;
            }
            let modules = self.context.modules();
            let nodes = modules.imported(self.context.tree, file, import);
            self.modules(from, &nodes, How::Import, out);
        }
    }

    /// Dotted names and paths in texts, and names of what lies beside the file.
    fn texts(
        &self,
        from: &Pointer,
        file: NodeId,
        facts: &Facts,
        out: &mut Vec<(UnitId, Evidence)>,
    ) {
        let (tree, modules) = (self.context.tree, self.context.modules());
        // A name that begins inside of what could go is another one's.
        let is_start = |node| self.targets.module(node).is_none();
        for text in facts.strings.iter() {
            let parts = |by| {
                text.split(by)
                    .map(str::as_bytes)
                    .filter(|part| !part.is_empty())
            };
            if !self
                .targets
                .may_be_module(text.split(['/', '.']).map(str::as_bytes))
                && !self.targets.may_be_module(parts('/'))
            {
                continue;
            }
            let path: Vec<&[u8]> = parts('/').collect();
            self.modules(from, &modules.beside(tree, file, &path), How::Text, out);
            let name: Vec<&[u8]> = match path.len() {
                1 => parts('.').collect(),
                _ => path,
            };
            if name.len() > 1 {
                let named = modules.named(tree, &name, is_start);
                self.modules(from, &named, How::Text, out);
            }
        }
    }

    fn modules(
        &self,
        from: &Pointer,
        nodes: &[NodeId],
        how: How,
        out: &mut Vec<(UnitId, Evidence)>,
    ) {
        for node in nodes {
            if let Some(unit) = self.targets.module(*node) {
                self.note(from, *node, how, &[unit], out);
            }
        }
    }

    /// Modules that the config runs: `python -m module`.
    pub(super) fn run_by_config(
        &self,
        from: &Pointer,
        texts: &[String],
        out: &mut Vec<(UnitId, Evidence)>,
    ) {
        let words = texts.iter().flat_map(|text| text.split_whitespace());
        let words: Vec<&str> = words.collect();
        for pair in words.windows(2).filter(|pair| pair[0] == "-m") {
            let import = [Import::absolute(pair[1])];
            self.imports(from, ounce_image::Tree::ROOT, &import, out);
        }
    }

    /// Whether a file's imports are known: a source without a problem, or what was compiled from one.
    pub(super) fn is_source(&self, name: NodeId) -> bool {
        let tree = self.context.tree;
        if !self.targets.has_modules() {
            return false;
        }
        let source = match tree.name(tree.parent(name)) == b"__pycache__" {
            true => crate::rules::compiled_from(tree, name),
            false => Some(name),
        };
        source
            .and_then(|source| tree.leaf_of(source))
            .and_then(|leaf| self.context.modules().source(leaf))
            .is_some_and(|source| source.problem.is_none())
    }
}
