//! The image that a minimised one is put onto.

use std::collections::BTreeSet;

use ounce_analysis::graph::{Extent, Graph};
use ounce_analysis::join::{is_list, joined};
use ounce_image::{Aspect, Change, Config, NamePair, NodeId, Tree, compare};

use super::kept::Kept;
use crate::error::CommandError;
use crate::session::{Run, Session};

/// Longer files are no lists.
const MAX_LIST: u64 = 64 << 20;
/// What decides which libraries are loaded, whoever asks (ld.so(8)).
const LOADER: [&str; 2] = ["/etc/ld.so.cache", "/etc/ld.so.preload"];

/// Opens a base that fits an image.
pub(super) fn open(
    run: &Run,
    name: &str,
    config: &Config,
    tree: &Tree<'_>,
) -> Result<Session, CommandError> {
    let open = || {
        let session = run.open(&run.reference(name)?)?;
        let (own, other) = (config.platform(), session.image.config.platform());
        if (&own.os, &own.architecture) != (&other.os, &other.architecture) {
            return Err(CommandError::input(format_args!(
                "it is for {other}, the image for {own}"
            )));
        }
        let base = Tree::build(&session.image.layers)?;
        // Programs would load what is there for those of another system.
        if system(&base) != system(tree) {
            let has_loader = LOADER
                .iter()
                .any(|path| base.resolve(path.as_bytes()).is_some());
            if has_loader || system(&base).is_some() {
                return Err(
                    CommandError::input("it is of another system than the image").hint(
                        "take a base with the same ID and VERSION_ID in /etc/os-release, or none",
                    ),
                );
            }
        }
        let preload = |tree: &Tree<'_>| content(tree, tree.resolve(LOADER[1].as_bytes())?);
        if preload(&base).is_some() && preload(&base) != preload(tree) {
            return Err(CommandError::input(format_args!(
                "it has a {} of its own",
                LOADER[1]
            )));
        }
        session.image.verify(&session.progress)?;
        Ok(session)
    };
    open().map_err(|error: CommandError| error.about(name))
}

/// The lines of os-release(5) that name a system.
fn system(tree: &Tree<'_>) -> Option<Vec<Vec<u8>>> {
    let places = ["/etc/os-release", "/usr/lib/os-release"];
    let text = places
        .iter()
        .find_map(|path| content(tree, tree.resolve(path.as_bytes())?))?;
    let lines = text.split(|byte| *byte == b'\n');
    let says = |line: &&[u8]| line.starts_with(b"ID=") || line.starts_with(b"VERSION_ID=");
    let mut lines: Vec<Vec<u8>> = lines.filter(says).map(<[u8]>::to_vec).collect();
    lines.sort();
    Some(lines)
}

fn content(tree: &Tree<'_>, node: NodeId) -> Option<Vec<u8>> {
    let leaf = tree.leaf_of(node).filter(|_| tree.is_file(node))?;
    tree.read(leaf).read_all(MAX_LIST).ok()
}

/// Leaves only what the base lacks or has otherwise; lists say what both say. What is to be known of it, for people.
///
/// # Errors
/// A folder of the base is no folder in the image, or content cannot be read.
pub(super) fn subtract(
    kept: &mut Kept,
    tree: &Tree<'_>,
    graph: &Graph,
    base: &Session,
    on: &Tree<'_>,
) -> Result<Vec<String>, CommandError> {
    let pairs = compare(tree, on, &base.progress)?;
    let whole = graph
        .edges
        .iter()
        .filter(|edge| edge.extent == Extent::Whole);
    let whole: BTreeSet<NodeId> = whole.map(|edge| edge.to).collect();
    let (mut added, mut foreign) = (BTreeSet::new(), BTreeSet::new());
    for pair in &pairs {
        if let Some(own) = pair.before.filter(|own| kept.names.contains(own)) {
            if differs(kept, tree, on, pair, own)? {
                added.insert(own);
            }
        } else if let (None, Some(theirs)) = (pair.before, pair.after) {
            // Programs read all that a folder holds.
            let above = tree.get(&on.path(on.parent(theirs)));
            if above.is_some_and(|folder| whole.contains(&folder)) {
                foreign.insert(on.path(theirs).to_string());
            }
        }
    }
    // Names of one file stay names of one file.
    let leaves: BTreeSet<_> = added
        .iter()
        .filter_map(|name| tree.leaf_of(*name))
        .collect();
    let is_added = |name: &NodeId| {
        added.contains(name)
            || tree
                .leaf_of(*name)
                .is_some_and(|leaf| leaves.contains(&leaf))
    };
    let all = kept.names.len();
    for names in kept.parts.values_mut() {
        names.retain(is_added);
    }
    kept.parts.retain(|_, names| !names.is_empty());
    let count: usize = kept.parts.values().map(BTreeSet::len).sum();
    let mut notes = vec![format!(
        "put onto {}, which has {} of the {all} names that are kept",
        base.reference,
        all - count
    )];
    if !foreign.is_empty() {
        let names = foreign.into_iter().collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "the base has more in folders that programs read whole: {names}"
        ));
    }
    Ok(notes)
}

/// Whether a name must come from the image. Lists of both are joined on the way.
fn differs(
    kept: &mut Kept,
    tree: &Tree<'_>,
    on: &Tree<'_>,
    pair: &NamePair,
    own: NodeId,
) -> Result<bool, CommandError> {
    let Some(theirs) = pair.after else {
        return Ok(true);
    };
    let path = tree.path(own);
    let is_other_kind = pair
        .changes
        .iter()
        .any(|change| change.aspect == Aspect::Kind);
    if is_other_kind && on.is_directory(theirs) {
        return Err(CommandError::input(format_args!(
            "{path} is a folder in the base and none in the image"
        )));
    }
    let is_cut = kept.contents.contains_key(&own);
    if !is_list(&path) {
        return Ok(pair.differs() || is_cut);
    }
    let cut = kept.contents.get(&own).cloned();
    let texts = cut.or_else(|| content(tree, own)).zip(content(on, theirs));
    let Some((text, old)) = texts else {
        return Ok(pair.differs() || is_cut);
    };
    let new = joined(&path, &text, &old).unwrap_or(text);
    let is_other = |change: &Change| change.aspect != Aspect::Content;
    let differs = new != old || pair.changes.iter().any(is_other);
    kept.contents.insert(own, new);
    Ok(differs)
}
