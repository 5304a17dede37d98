//! Compiled Python, `__pycache__/*.pyc`, of sources that stay.
//!
//! **Why it is guarded.** Python compiles what it does not find compiled. Where the folder can be
//! written it does so once in each container; where not (a read-only root, a user who does not own
//! the folder) at each start, which then takes longer: `python -c "import pandas"` as a user who cannot
//! write took 1.64 s of processor time instead of 0.49 s, 3.4 times as much (median of 10 runs, user
//! and system, on a busy machine with two cores; Python 3.11, pandas 2.2, `docker run --user appuser`, where
//! `PYTHONPYCACHEPREFIX=/nonexistent` stands for a removal of all compiled files).
//!
//! **Evidence.** A compiled file goes only when its source lies beside the folder (PEP 3147: `x.py`
//! is compiled to `__pycache__/x.TAG.pyc`; `importlib` never loads one without its source). The head
//! of the file (PEP 552) says when it is used at all: by time and size of the source, or by its hash.
//!
//! - Time or size are not the source's: Python does not use the file, and it can go.
//! - It is used without a look at the source ("unchecked hash", as conda's installers write it), and
//!   the hash is not the source's: it stays, since the source says something else.
//! - Else the interpreter that wrote it has compiled this very source. It stays where the compiler
//!   would write a warning that was silent so far (`"\d"`, `x is 1`), where the source cannot be
//!   parsed or is not UTF-8, and where not everybody who can read the compiled file can read the source.
//!
//! The tag of an interpreter that is not there makes no difference: nobody reads that file. A `.pyc`
//! outside of `__pycache__` is a module of its own and not looked at. Anything that stays and names a
//! compiled file keeps it.
//!
//! **Example.** `/usr/lib/python3.11/__pycache__/ast.cpython-311.pyc`.

use std::hash::Hasher as _;

use ounce_image::{NodeId, Tree};
use siphasher::sip::{SipHasher13, SipHasher24};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};
use crate::inspect::python::MAX_SOURCE;

pub(super) const RULE: Rule = Rule {
    id: "python-bytecode",
    title: "Compiled Python",
    tier: Tier::Guarded,
    why: "Python compiles its sources, which stay, when it starts",
    source: include_str!("python_bytecode.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let folders = tree
        .walk(Tree::ROOT)
        .filter(|node| tree.name(*node) == b"__pycache__" && tree.is_directory(*node));
    let claims = folders.map(|folder| {
        let compiled = tree.children(folder).filter(|node| tree.is_file(*node));
        let unit = |node| Unit {
            guard: guard(context, node),
            ..Unit::names(vec![node])
        };
        Claim::new(&RULE, None, compiled.map(unit).collect())
    });
    claims.filter(|claim| !claim.units.is_empty()).collect()
}

/// The source that a file in `__pycache__` was compiled from, links followed: its name is the
/// source's without `.py`, then a tag, then perhaps an optimisation (PEP 488).
pub(crate) fn compiled_from(tree: &Tree<'_>, compiled: NodeId) -> Option<NodeId> {
    let stem = tree.name(compiled).strip_suffix(b".pyc")?;
    let (stem, last) = cut_last(stem)?;
    let stem = match last.starts_with(b"opt-") {
        true => cut_last(stem)?.0,
        false => stem,
    };
    let folder = tree.parent(tree.parent(compiled));
    let source = tree.resolve_from(folder, &[stem, b".py"].concat(), |_| {});
    source.filter(|source| tree.is_file(*source))
}

fn cut_last(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memrchr(b'.', name)?;
    Some((&name[..at], &name[at + 1..]))
}

fn guard(context: &Context<'_>, compiled: NodeId) -> Guard {
    let tree = context.tree;
    if !tree.name(compiled).ends_with(b".pyc") {
        return Guard::Unknown("it is no compiled module by its name".to_owned());
    }
    let Some(source) = compiled_from(tree, compiled) else {
        return Guard::Unknown("there is no source beside it".to_owned());
    };
    match head(tree, compiled) {
        Head::Unreadable => Guard::Unknown("its head is not that of a compiled module".to_owned()),
        Head::Unchecked(hash) if !hash.is_of(tree, source) => {
            Guard::Unknown("Python runs it although its source says something else".to_owned())
        }
        Head::Source { mtime, size } if !fits(tree, source, mtime, size) => {
            Guard::Proved("it is older than its source, so that Python does not use it".to_owned())
        }
        Head::Source { .. } | Head::Hash | Head::Unchecked(_) => {
            compiles(context, compiled, source)
        }
    }
}

/// Whether compiling the source again shows in nothing but time.
fn compiles(context: &Context<'_>, compiled: NodeId, source: NodeId) -> Guard {
    let read = context
        .tree
        .leaf_of(source)
        .and_then(|leaf| context.modules().source(leaf));
    if !can_be_read_alike(context.tree, compiled, source) {
        return Guard::Refused("not everybody who can read it can read its source".to_owned());
    }
    match read {
        None => Guard::Unknown("its source cannot be read".to_owned()),
        Some(read) => match (&read.problem, read.facts.warning) {
            (Some(problem), _) => {
                Guard::Unknown(format!("its source is not understood: {problem}"))
            }
            (None, Some(warning)) => {
                Guard::Refused(format!("compiling its source writes a warning: {warning}"))
            }
            (None, None) => Guard::Proved("its source beside it compiles in silence".to_owned()),
        },
    }
}

/// What the head of a compiled file says of its source.
enum Head {
    /// It fits a source of this time (seconds since 1970) and size in bytes, both modulo 2^32.
    Source {
        mtime: u32,
        size: u32,
    },
    /// It fits a source with a hash, and Python compares it.
    Hash,
    /// It is of a source with this hash, but Python does not look at the source.
    Unchecked(SourceHash),
    Unreadable,
}

/// The hash of a source (`importlib.util.source_hash`): SipHash with the file's magic number as key,
/// with 2 and 4 rounds, since CPython 3.11 with 1 and 3 (Python/pyhash.c, `_Py_KeyedHash`).
struct SourceHash {
    key: u64,
    hash: u64,
}

impl SourceHash {
    fn is_of(&self, tree: &Tree<'_>, source: NodeId) -> bool {
        let content = tree
            .leaf_of(source)
            .and_then(|leaf| tree.read(leaf).read_all(MAX_SOURCE).ok());
        content.is_some_and(|content| {
            let mut new = SipHasher13::new_with_keys(self.key, 0);
            new.write(&content);
            let is_old = || {
                let mut old = SipHasher24::new_with_keys(self.key, 0);
                old.write(&content);
                old.finish() == self.hash
            };
            new.finish() == self.hash || is_old()
        })
    }
}

/// Reads the first 16 bytes (PEP 552; before Python 3.7, which PEP 552 came with, there were 12,
/// without the word of flags).
fn head(tree: &Tree<'_>, compiled: NodeId) -> Head {
    let mut bytes = [0; 16];
    let Some(leaf) = tree.leaf_of(compiled) else {
        return Head::Unreadable;
    };
    if tree.read(leaf).read_exact_at(0, &mut bytes).is_err() || bytes[2..4] != *b"\r\n" {
        return Head::Unreadable;
    }
    let word = |at: usize| {
        let word = bytes[at..at + 4]
            .try_into()
            .expect("four bytes are four bytes");
        u32::from_le_bytes(word)
    };
    match word(4) {
        0 => Head::Source {
            mtime: word(8),
            size: word(12),
        },
        0b01 => Head::Unchecked(SourceHash {
            key: u64::from(word(0)),
            hash: u64::from(word(8)) | u64::from(word(12)) << 32,
        }),
        0b11 => Head::Hash,
        // A time, by its size: CPython 3.6 and PyPy of the same age.
        mtime if mtime > 0xffff => Head::Source {
            mtime,
            size: word(8),
        },
        _ => Head::Unreadable,
    }
}

#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "importlib compares the lowest 32 bits (importlib/_bootstrap_external.py)"
)]
fn fits(tree: &Tree<'_>, source: NodeId, mtime: u32, size: u32) -> bool {
    tree.attributes(source)
        .is_some_and(|entry| entry.mtime.secs as u32 == mtime && entry.size as u32 == size)
}

/// Whether everybody who can read one file can read the other.
fn can_be_read_alike(tree: &Tree<'_>, compiled: NodeId, source: NodeId) -> bool {
    let (Some(from), Some(to)) = (tree.attributes(compiled), tree.attributes(source)) else {
        return false;
    };
    let same_people = (from.uid, from.gid) == (to.uid, to.gid);
    to.mode & 0o004 != 0 || (same_people && to.mode & from.mode & 0o444 == from.mode & 0o444)
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_guarded, decide_text, set};

    /// The head of a file that CPython 3.11 compiled from a source of 1 byte and the testkit's time.
    const HEAD: &str =
        "\\xa7\\x0d\\x0d\\x0a\\x00\\x00\\x00\\x00\\x00\\xf1\\x53\\x65\\x01\\x00\\x00\\x00";

    fn module(head: &str) -> String {
        format!("[a]\nlib/m.py = x\nlib/__pycache__/m.cpython-311.pyc = {head}code\n")
    }

    const COMPILED: &str = "/lib/__pycache__/m.cpython-311.pyc";

    fn kept(text: &str) -> String {
        decide_guarded(text)
            .held
            .remove(COMPILED)
            .unwrap_or_default()
    }

    #[test]
    fn what_has_a_source_goes_and_what_has_none_stays() {
        let other = "lib/__pycache__/n.cpython-311.pyc = x\nlib/legacy.pyc = x\n";
        let found = decide_guarded(&format!("{}{other}", module(HEAD)));
        assert_eq!(found.gone, set(&[COMPILED]));
        assert_eq!(
            found.held["/lib/__pycache__/n.cpython-311.pyc"],
            "there is no source beside it"
        );
        assert!(!found.held.contains_key("/lib/legacy.pyc"));
    }

    #[test]
    fn names_may_have_dots_and_an_optimisation() {
        let text =
            format!("[a]\nlib/a.b.py = x\nlib/__pycache__/a.b.cpython-311.opt-2.pyc = {HEAD}\n");
        assert_eq!(decide_guarded(&text).gone.len(), 1);
    }

    #[test]
    fn an_unchecked_hash_stays_and_a_checked_one_goes() {
        let with = |flags| {
            HEAD.replacen(
                "\\x00\\x00\\x00\\x00",
                &format!("\\x0{flags}\\x00\\x00\\x00"),
                1,
            )
        };
        assert_eq!(
            kept(&module(&with(1))),
            "Python runs it although its source says something else"
        );
        assert_eq!(kept(&module(&with(3))), "");
        assert!(kept(&module(&with(7))).contains("head"));
        assert!(kept(&module("short")).contains("head"));
    }

    /// `importlib.util.MAGIC_NUMBER`, flags 1 and `importlib.util.source_hash(b"x")` of CPython 3.9
    /// and 3.11.
    #[test]
    fn an_unchecked_hash_of_the_very_source_goes() {
        let old =
            "\\x61\\x0d\\x0d\\x0a\\x01\\x00\\x00\\x00\\x80\\x83\\x9a\\xc1\\x83\\xe0\\x26\\xf9";
        let new =
            "\\xa7\\x0d\\x0d\\x0a\\x01\\x00\\x00\\x00\\xc2\\xb4\\x88\\x31\\x20\\xda\\x94\\x71";
        for head in [old, new] {
            assert_eq!(kept(&module(head)), "");
            let other = module(head).replace("m.py = x", "m.py = y");
            assert!(kept(&other).contains("something else"));
        }
    }

    #[test]
    fn what_python_does_not_use_goes_whatever_the_source_says() {
        let text = module(HEAD).replace("m.py = x", "m.py = x is 1");
        assert_eq!(kept(&text), "");
    }

    #[test]
    fn a_source_that_warns_or_cannot_be_parsed_keeps_it() {
        let of_five = HEAD.replace("\\x01\\x00\\x00\\x00", "\\x06\\x00\\x00\\x00");
        let with =
            |source: &str| kept(&module(&of_five).replace("m.py = x", &format!("m.py = {source}")));
        assert_eq!(with("x == 1"), "");
        assert!(with("x is 1").contains("an identity test with a literal"));
        assert!(with("x y  z").contains("not understood"));
    }

    #[test]
    fn a_source_that_fewer_can_read_keeps_it() {
        let text = module(HEAD).replace("m.py =", "m.py (0600) =");
        assert_eq!(
            kept(&text),
            "not everybody who can read it can read its source"
        );
    }

    #[test]
    fn the_safe_tier_only_says_so() {
        let found = decide_text(&module(HEAD));
        assert_eq!(found.gone, set(&[]));
        assert_eq!(found.offered, set(&[COMPILED]));
    }

    #[test]
    fn what_a_higher_tier_would_take_is_searched_for_references_here() {
        let text = format!("{} /var/lib/apt/lists/data\n", module(HEAD).trim_end());
        let text = text.replace("[a]", "[RUN x]\nvar/lib/apt/lists/data = x");
        assert_eq!(decide_text(&text).gone, set(&[]));
        assert_eq!(decide_guarded(&text).gone.len(), 2);
    }
}
