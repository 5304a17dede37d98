//! What Python packages declare to need for an extra alone (Core metadata specifications, "Requires-Dist").

use std::collections::BTreeSet;

use super::same_name;
use crate::packages::{Ecosystem, Package};
use crate::rules::Context;

/// The longest `METADATA` that is read, in bytes; it holds a README.
const MAX_METADATA: u64 = 4 << 20;

/// A requirement of a package for one of its extras.
struct Extra {
    /// The package that has the extra.
    of: String,
    extra: String,
    /// What it draws in.
    name: String,
}

pub(super) struct Extras {
    declared: Vec<Extra>,
    /// Extras that something requires, as `package[extra]`.
    required: Vec<(String, String)>,
    /// What packages depend on without any extra.
    needed: BTreeSet<String>,
}

impl Extras {
    pub(super) fn new(context: &Context<'_>) -> Self {
        let mut out = Self {
            declared: Vec::new(),
            required: Vec::new(),
            needed: BTreeSet::new(),
        };
        let tree = context.tree;
        for package in context.packages.iter() {
            if !matches!(package.ecosystem, Ecosystem::Pip | Ecosystem::Conda) {
                continue;
            }
            out.needed
                .extend(package.depends.iter().map(|name| folded(name)));
            let folder = tree.parent(package.record);
            let metadata = tree
                .child(folder, b"METADATA")
                .and_then(|node| tree.leaf_of(node));
            let text = metadata.and_then(|leaf| tree.read(leaf).read_all(MAX_METADATA).ok());
            out.read(
                &package.name,
                &String::from_utf8_lossy(&text.unwrap_or_default()),
            );
        }
        out
    }

    fn read(&mut self, of: &str, metadata: &str) {
        let lines = metadata.lines().take_while(|line| !line.is_empty());
        for requirement in lines.filter_map(|line| line.strip_prefix("Requires-Dist:")) {
            let (spec, marker) = requirement.split_once(';').unwrap_or((requirement, ""));
            let spec = spec.trim();
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let (name, rest) = spec.split_at(spec.find(|c| !is_name(c)).unwrap_or(spec.len()));
            let list = rest.trim_start().strip_prefix('[');
            let list = list
                .and_then(|list| list.split_once(']'))
                .map_or("", |(list, _)| list);
            let extras = list
                .split(',')
                .map(str::trim)
                .filter(|extra| !extra.is_empty());
            self.required
                .extend(extras.map(|extra| (folded(name), folded(extra))));
            if let Some(extra) = extra(marker) {
                let (of, name) = (of.to_owned(), name.to_owned());
                self.declared.push(Extra { of, extra, name });
            }
        }
    }

    /// For a package that is there for an extra alone: what it would cost to go without it.
    pub(super) fn cost(&self, package: &Package) -> Option<String> {
        let is_drawn_in = package.ecosystem == Ecosystem::Pip && package.requested == Some(false);
        if !is_drawn_in || self.needed.contains(&folded(&package.name)) {
            return None;
        }
        let mut for_it = self
            .declared
            .iter()
            .filter(|extra| same_name(&extra.name, &package.name));
        let first = for_it.next()?;
        let is_required = |extra: &Extra| {
            self.required
                .contains(&(folded(&extra.of), folded(&extra.extra)))
        };
        let is_free = !is_required(first) && !for_it.any(is_required);
        is_free.then(|| {
            let Extra { of, extra, .. } = first;
            format!("it came for {of}'s extra {extra}, which nothing that is installed requires")
        })
    }
}

/// The extra in a marker such as `python_version < "3.12" and extra == "plots"`.
fn extra(marker: &str) -> Option<String> {
    let (_, rest) = marker.split_once("extra")?;
    let rest = rest.trim_start().strip_prefix("==")?.trim_start();
    let quote = rest.chars().next().filter(|c| "'\"".contains(*c))?;
    rest[1..]
        .split_once(quote)
        .map(|(extra, _)| extra.to_owned())
}

/// A name as PyPI compares it (PEP 503).
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}
