//! Where the dynamic loader finds the libraries of a process: glibc's (ld.so(8), elf/dl-load.c) and musl's
//! (ldso/dynlink.c).
//!
//! The search is theirs, in their order, with one difference: which processor the image will run on is not
//! known, so every variant of a library for some processors is found beside the plain one.

mod machine;

use std::collections::BTreeSet;
use std::sync::Arc;

use ounce_image::{LeafId, NodeId, Tree};
use rustc_hash::FxHashMap;

use super::collect::follow;
use crate::inspect::elf::{self, Elf};
use crate::inspect::ld_so_cache as cache;
use crate::rules::Context;
pub(super) use machine::Machine;

/// What a process hands down to the libraries that it loads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Chain {
    /// Whether musl's loader runs it.
    is_musl: bool,
    /// The folders of `DT_RPATH` of everything that led here, the nearest first.
    inherited: Vec<Vec<u8>>,
    /// Libraries that the program has unpacked, which come first.
    unpacked: Arc<BTreeSet<Vec<u8>>>,
}

/// The loader's settings.
#[derive(Debug)]
pub(super) struct Loader<'a> {
    tree: &'a Tree<'a>,
    /// `LD_LIBRARY_PATH` of the image.
    library_path: Vec<Vec<u8>>,
    /// The entries of `/etc/ld.so.cache` by the library's name; `None` where there is no cache.
    cache: Option<FxHashMap<Vec<u8>, Vec<cache::Entry>>>,
    /// The folders that `/etc/ld.so.conf` lists, which a cache would know.
    configured: Vec<Vec<u8>>,
    /// All folders of the search that are there, for whatever processor.
    everywhere: Vec<Vec<u8>>,
    /// Where musl looks.
    musl: Vec<Vec<u8>>,
}

/// A library that was found: the links on the way to it, and the file.
pub(super) type Found = (Vec<NodeId>, NodeId);

/// musl's folders where no file says otherwise (ldso/dynlink.c, `load_library`).
const MUSL_FOLDERS: &[u8] = b"/lib:/usr/local/lib:/usr/lib";
/// Names that musl's loader answers to itself (ldso/dynlink.c, `load_library`: `reserved`).
const MUSL_OWN: [&[u8]; 7] = [
    b"c.",
    b"pthread.",
    b"rt.",
    b"m.",
    b"dl.",
    b"util.",
    b"xnet.",
];
/// The most folders that are handed down; more are hostile.
const MAX_INHERITED: usize = 256;
/// Of a configuration file.
const MAX_TEXT: u64 = 1 << 20;

impl<'a> Loader<'a> {
    pub(super) fn new(context: &Context<'a>) -> Self {
        let tree = context.tree;
        let listed = context.config.env("LD_LIBRARY_PATH").unwrap_or_default();
        // Semicolons separate too (ld.so(8)).
        let library_path = folders(listed.as_bytes(), b":;");
        let (configured, musl) = (configured(tree), musl_folders(tree));
        let defaults = Machine::all_folders();
        let all = [&library_path, &defaults, &configured, &musl]
            .into_iter()
            .flatten();
        let mut seen = rustc_hash::FxHashSet::default();
        let there = all.filter(|folder| tree.resolve(folder).is_some_and(|node| seen.insert(node)));
        let everywhere = there.cloned().collect();
        Self {
            tree,
            everywhere,
            library_path,
            cache: read(tree, b"/etc/ld.so.cache", cache::MAX)
                .and_then(|bytes| cache::read(&bytes)),
            configured,
            musl,
        }
    }

    /// The chain of a program that this interpreter runs.
    pub(super) fn start(&self, interpreter: &[u8]) -> Arc<Chain> {
        let name = interpreter
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default();
        Arc::new(Chain {
            is_musl: name.starts_with(b"ld-musl"),
            inherited: Vec::new(),
            unpacked: Arc::default(),
        })
    }

    /// The chain of what `elf`, which lies at `file`, loads.
    pub(super) fn descend(&self, chain: &Arc<Chain>, elf: &Elf, file: NodeId) -> Arc<Chain> {
        let own = self.inheritable(chain, elf);
        if own.is_empty() {
            return chain.clone();
        }
        let mut inherited: Vec<Vec<u8>> = own
            .iter()
            .flat_map(|folder| self.expand(folder, elf, file))
            .collect();
        inherited.extend(chain.inherited.iter().cloned());
        let mut seen = rustc_hash::FxHashSet::default();
        inherited.retain(|folder| seen.insert(folder.clone()));
        inherited.truncate(MAX_INHERITED);
        Arc::new(Chain {
            inherited,
            ..Chain::clone(chain)
        })
    }

    /// glibc hands `DT_RPATH` down, unless there is a `DT_RUNPATH`; musl either of them.
    fn inheritable<'e>(&self, chain: &Chain, elf: &'e Elf) -> &'e [Vec<u8>] {
        match (chain.is_musl, elf.runpath.is_empty()) {
            (true, false) => &elf.runpath,
            (false, false) => &[],
            (_, true) => &elf.rpath,
        }
    }

    /// The files that the loader may take for a library, in its order: variants for some processors, then
    /// the one for all; nothing when there is none. `file` is what needs it.
    pub(super) fn find(
        &self,
        chain: &Chain,
        elf: &Elf,
        file: NodeId,
        library: &[u8],
    ) -> Vec<Found> {
        if library.contains(&b'/') {
            let paths = self.tokens(library, elf, file);
            let found = paths.iter().filter_map(|path| self.accepted(elf, path));
            return found.collect();
        }
        let mut out = Vec::new();
        if chain.is_musl {
            self.in_folders(&self.musl_order(chain, elf, file), elf, library, &mut out);
            return out;
        }
        let before = self.before_cache(chain, elf, file);
        if self.in_folders(&before, elf, library, &mut out) || self.in_cache(elf, library, &mut out)
        {
            return out;
        }
        let defaults = match elf.no_default_folders {
            true => Vec::new(),
            false => Machine::of(elf).default_folders(),
        };
        // Without a cache the folders of the configuration are not searched; a process that makes one may follow.
        let _ = self.in_folders(&defaults, elf, library, &mut out)
            || self.in_folders(&self.configured, elf, library, &mut out);
        out
    }

    /// All folders of the search that are there.
    pub(super) fn everywhere(&self) -> &[Vec<u8>] {
        &self.everywhere
    }

    /// A path of the table with each of the loader's own folders in place of `{lib}`.
    pub(super) fn with_folders(&self, path: &str) -> Vec<Vec<u8>> {
        let Some((head, tail)) = path.split_once("{lib}") else {
            return vec![path.as_bytes().to_vec()];
        };
        let folders = self.everywhere.iter();
        folders
            .map(|folder| [head.as_bytes(), folder, tail.as_bytes()].concat())
            .collect()
    }

    /// The files that a process may load under this name, whatever it is: for names in texts.
    pub(super) fn anywhere(&self, library: &[u8]) -> Vec<Vec<u8>> {
        let cached = self.cache.as_ref().and_then(|cache| cache.get(library));
        let cached = cached.into_iter().flatten().map(|entry| entry.path.clone());
        let listed = self
            .everywhere
            .iter()
            .map(|folder| [folder, b"/".as_slice(), library].concat());
        listed
            .chain(cached)
            .filter(|path| self.tree.resolve(path).is_some())
            .collect()
    }

    /// The chain of a program that unpacks these libraries into a folder of its own.
    pub(super) fn unpacking(&self, chain: &Arc<Chain>, libraries: BTreeSet<Vec<u8>>) -> Arc<Chain> {
        Arc::new(Chain {
            unpacked: Arc::new(libraries),
            ..Chain::clone(chain)
        })
    }

    /// Whether a library is no file of the image: it is unpacked, or musl's loader takes it for itself.
    pub(super) fn is_own(&self, chain: &Chain, library: &[u8]) -> bool {
        if chain.unpacked.contains(library) {
            return true;
        }
        let rest = library.strip_prefix(b"lib");
        chain.is_musl && rest.is_some_and(|rest| MUSL_OWN.iter().any(|own| rest.starts_with(own)))
    }

    /// dl-load.c, `_dl_map_object`: RPATHs of the file and of what led to it, unless it has a RUNPATH;
    /// `LD_LIBRARY_PATH`; RUNPATH.
    fn before_cache(&self, chain: &Chain, elf: &Elf, file: NodeId) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        if elf.runpath.is_empty() {
            out.extend(
                elf.rpath
                    .iter()
                    .flat_map(|folder| self.expand(folder, elf, file)),
            );
            out.extend(chain.inherited.iter().cloned());
        }
        out.extend(
            self.library_path
                .iter()
                .flat_map(|folder| self.expand(folder, elf, file)),
        );
        out.extend(
            elf.runpath
                .iter()
                .flat_map(|folder| self.expand(folder, elf, file)),
        );
        out
    }

    /// dynlink.c, `load_library`: `LD_LIBRARY_PATH`, the run paths of the file and of what led to it, its own
    /// folders.
    fn musl_order(&self, chain: &Chain, elf: &Elf, file: NodeId) -> Vec<Vec<u8>> {
        let own = match elf.runpath.is_empty() {
            true => &elf.rpath,
            false => &elf.runpath,
        };
        let mut out = self.library_path.clone();
        out.extend(own.iter().flat_map(|folder| self.expand(folder, elf, file)));
        out.extend(chain.inherited.iter().cloned());
        out.extend(self.musl.iter().cloned());
        out
    }

    /// Looks into folders until one has the library for all processors; whether one had.
    fn in_folders(
        &self,
        folders: &[Vec<u8>],
        elf: &Elf,
        library: &[u8],
        out: &mut Vec<Found>,
    ) -> bool {
        folders.iter().any(|folder| {
            for variant in self.variants(folder) {
                out.extend(self.accepted(elf, &[&variant, b"/".as_slice(), library].concat()));
            }
            let plain = self.accepted(elf, &[folder, b"/".as_slice(), library].concat());
            let is_there = plain.is_some();
            out.extend(plain);
            is_there
        })
    }

    /// The folders for some processors below a folder (ld.so(8), "glibc-hwcaps"; before glibc 2.37 also
    /// `tls`, `haswell`, ... directly below it).
    fn variants(&self, folder: &[u8]) -> Vec<Vec<u8>> {
        let Some(node) = self.tree.resolve(folder) else {
            return Vec::new();
        };
        let below = |node: NodeId, prefix: &[u8]| -> Vec<Vec<u8>> {
            let folders = self
                .tree
                .children(node)
                .filter(|child| self.tree.is_directory(*child));
            folders
                .map(|child| [prefix, b"/", self.tree.name(child)].concat())
                .collect()
        };
        let hwcaps = self.tree.child(node, b"glibc-hwcaps");
        let mut out = hwcaps.map_or_else(Vec::new, |node| {
            below(node, &[folder, b"/glibc-hwcaps"].concat())
        });
        let legacy = machine::LEGACY_VARIANTS.iter();
        let legacy = legacy.filter(|name| self.tree.child(node, name.as_bytes()).is_some());
        out.extend(legacy.map(|name| [folder, b"/", name.as_bytes()].concat()));
        out
    }

    /// Adds what the cache knows; whether it knows one for all processors.
    fn in_cache(&self, elf: &Elf, library: &[u8], out: &mut Vec<Found>) -> bool {
        let entries = self.cache.as_ref().and_then(|cache| cache.get(library));
        let mut is_there = false;
        for entry in entries.into_iter().flatten() {
            // A path in a default folder is not taken for a file that must not look there.
            let in_default = || {
                Machine::of(elf)
                    .default_folders()
                    .iter()
                    .any(|f| entry.path.starts_with(f))
            };
            if elf.no_default_folders && in_default() {
                continue;
            }
            if let Some(found) = self.accepted(elf, &entry.path) {
                out.push(found);
                is_there |= !entry.is_variant;
            }
        }
        is_there
    }

    /// The file at a path when the loader would not pass over it for its processor.
    fn accepted(&self, elf: &Elf, path: &[u8]) -> Option<Found> {
        let (links, end) = follow(self.tree, Tree::ROOT, path)?;
        let leaf = self.tree.leaf_of(end).filter(|_| self.tree.is_file(end))?;
        self.fits(elf, leaf).then_some((links, end))
    }

    fn fits(&self, elf: &Elf, leaf: LeafId) -> bool {
        match elf::inspect(&self.tree.read(leaf)) {
            Ok(Some(library)) => library.machine == elf.machine,
            // The loader would stop there with an error; the file stays for the same error.
            Ok(None) | Err(_) => true,
        }
    }

    fn expand(&self, folder: &[u8], elf: &Elf, file: NodeId) -> Vec<Vec<u8>> {
        let expanded = self.tokens(folder, elf, file);
        expanded
            .into_iter()
            .filter(|folder| folder.starts_with(b"/"))
            .collect()
    }

    /// A text with `$ORIGIN`, `$LIB` and `$PLATFORM` replaced (ld.so(8), "Dynamic string tokens"), by all that
    /// they may mean. `$ORIGIN` is the folder of the real file, not of a link to it.
    fn tokens(&self, text: &[u8], elf: &Elf, file: NodeId) -> Vec<Vec<u8>> {
        let machine = Machine::of(elf);
        let origin = [b"/", self.tree.path(self.tree.parent(file)).as_bytes()].concat();
        let tokens: [(&str, Vec<&[u8]>); 3] = [
            ("ORIGIN", vec![&origin]),
            (
                "LIB",
                machine.lib.iter().map(|lib| lib.as_bytes()).collect(),
            ),
            (
                "PLATFORM",
                machine
                    .platforms
                    .iter()
                    .map(|name| name.as_bytes())
                    .collect(),
            ),
        ];
        let mut out = vec![text.to_vec()];
        for (name, values) in tokens {
            for form in [format!("${name}"), format!("${{{name}}}")] {
                out = out
                    .iter()
                    .flat_map(|text| replaced(text, form.as_bytes(), &values))
                    .collect();
            }
        }
        out
    }
}

/// The text with each value in place of `token`; the text alone when it does not hold it.
fn replaced(text: &[u8], token: &[u8], values: &[&[u8]]) -> Vec<Vec<u8>> {
    let Some(at) = memchr::memmem::find(text, token) else {
        return vec![text.to_vec()];
    };
    let (head, tail) = (&text[..at], &text[at + token.len()..]);
    values
        .iter()
        .map(|value| [head, value, tail].concat())
        .collect()
}

fn folders(list: &[u8], separators: &[u8]) -> Vec<Vec<u8>> {
    list.split(|byte| separators.contains(byte))
        .map(<[u8]>::trim_ascii)
        .filter(|folder| !folder.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

fn read(tree: &Tree<'_>, path: &[u8], most: u64) -> Option<Vec<u8>> {
    let node = tree.resolve(path).filter(|node| tree.is_file(*node))?;
    tree.read(tree.leaf_of(node)?).read_all(most).ok()
}

/// The folders in `/etc/ld.so.conf` and in the files that it includes (ldconfig(8)).
fn configured(tree: &Tree<'_>) -> Vec<Vec<u8>> {
    let main = read(tree, b"/etc/ld.so.conf", MAX_TEXT).unwrap_or_default();
    let folder = tree.resolve(b"/etc/ld.so.conf.d");
    let parts = folder.into_iter().flat_map(|folder| tree.children(folder));
    let parts = parts.filter(|part| tree.name(*part).ends_with(b".conf"));
    let texts = parts.filter_map(|part| tree.read(tree.leaf_of(part)?).read_all(MAX_TEXT).ok());
    std::iter::once(main)
        .chain(texts)
        .flat_map(|text| folders(&text, b"\n"))
        .filter(|line| line.starts_with(b"/"))
        .collect()
}

/// What `/etc/ld-musl-ARCH.path` lists, by colons or lines, or else the default.
fn musl_folders(tree: &Tree<'_>) -> Vec<Vec<u8>> {
    let etc = tree.resolve(b"/etc");
    let mut files = etc.into_iter().flat_map(|etc| tree.children(etc));
    let file = files.find(|file| {
        let name = tree.name(*file);
        name.starts_with(b"ld-musl-") && name.ends_with(b".path")
    });
    let text = file.and_then(|file| tree.read(tree.leaf_of(file)?).read_all(MAX_TEXT).ok());
    folders(text.as_deref().unwrap_or(MUSL_FOLDERS), b":\n")
}

#[cfg(test)]
mod tests;
