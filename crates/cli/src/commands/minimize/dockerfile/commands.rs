//! Commands that put together, in a folder, what COPY would not copy as it is.

use std::collections::BTreeMap;

use ounce_image::{LeafId, NodeId, Tree};

use super::select::{Selection, has_xattrs, is_mounted, is_special};
use super::{refused, words};
use crate::commands::minimize::kept::Kept;
use crate::error::CommandError;

/// The longest RUN in bytes; one argument of a program holds 128 KiB (Linux, `MAX_ARG_STRLEN`).
const LONGEST: usize = 60_000;

/// RUN instructions that make a part in the folder `to`.
///
/// # Errors
/// A name or attribute that commands cannot give.
pub(super) fn runs(
    tree: &Tree<'_>,
    kept: &Kept,
    selection: &Selection,
    to: &str,
) -> Result<String, CommandError> {
    let mut lines = vec![format!("mkdir -p {to}")];
    lines.extend(folders(tree, selection, to)?);
    lines.extend(files(tree, kept, selection, to)?);
    lines.extend(attributes(tree, selection, to)?);
    let (mut out, mut run) = (String::new(), String::new());
    for line in lines {
        if run.len() + line.len() > LONGEST {
            out.push_str(&format!("RUN {run}\n"));
            run.clear();
        }
        run.push_str(if run.is_empty() {
            "umask 022 && \\\n    "
        } else {
            " && \\\n    "
        });
        run.push_str(&line);
    }
    Ok(format!("{out}RUN {run}\n"))
}

fn folders(tree: &Tree<'_>, selection: &Selection, to: &str) -> Result<Vec<String>, CommandError> {
    let paths = selection.folders.iter().map(|folder| tree.path(*folder));
    let mut paths: Vec<_> = paths.collect();
    paths.sort();
    let words = paths.iter().map(|path| word(to, path.as_bytes()));
    Ok(grouped(
        "mkdir -p",
        &words.collect::<Result<Vec<_>, _>>()?,
        "",
    ))
}

fn files(
    tree: &Tree<'_>,
    kept: &Kept,
    selection: &Selection,
    to: &str,
) -> Result<Vec<String>, CommandError> {
    let mut by_folder: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut first: BTreeMap<LeafId, NodeId> = BTreeMap::new();
    let (mut links, mut cuts) = (Vec::new(), Vec::new());
    for name in &selection.staged {
        let path = tree.path(*name);
        if is_mounted(&path)
            && let Some(target) = tree.symlink(*name)
        {
            let target =
                words::shell(target).ok_or_else(|| refused(format_args!("where {path} leads")))?;
            links.push(format!("ln -s {target} {}", word(to, path.as_bytes())?));
            continue;
        }
        if has_xattrs(tree, *name) || is_mounted(&path) || is_special(tree, *name) {
            return Err(refused(format_args!(
                "{path} is nothing that commands and COPY give again"
            )));
        }
        let leaf = tree.leaf_of(*name);
        if let Some(other) = leaf.and_then(|leaf| first.get(&leaf)) {
            let other = word(to, tree.path(*other).as_bytes())?;
            links.push(format!("ln -f {other} {}", word(to, path.as_bytes())?));
            continue;
        }
        first.extend(leaf.map(|leaf| (leaf, *name)));
        by_folder
            .entry(path.parent())
            .or_default()
            .push(word("", path.as_bytes())?);
        let named = leaf
            .map(|leaf| tree.leaf(leaf).names.as_slice())
            .unwrap_or_default();
        if let (Some(leaf), Some(content)) =
            (leaf, named.iter().find_map(|name| kept.contents.get(name)))
        {
            let (from, into) = (word("", path.as_bytes())?, word(to, path.as_bytes())?);
            cuts.extend(cut(tree, leaf, content, &from, &into));
        }
    }
    let mut out = Vec::new();
    for (folder, sources) in by_folder {
        let end = format!(" {}/", word(to, folder.as_bytes())?);
        out.extend(grouped("cp -a", &sources, &end));
    }
    out.extend(cuts);
    out.extend(links);
    Ok(out)
}

/// Commands that give a file its content: the lines of the old one, where it is made of these.
fn cut(tree: &Tree<'_>, leaf: LeafId, content: &[u8], from: &str, into: &str) -> Vec<String> {
    let mut old = vec![0; tree.read(leaf).len() as usize];
    let is_read = tree.read(leaf).read_exact_at(0, &mut old).is_ok();
    if let Some(ranges) = lines_of(&old, content).filter(|_| is_read && !old.contains(&0)) {
        let pieces = ranges.chunks(2_000).enumerate();
        let line = |(number, ranges): (usize, &[(usize, usize)])| {
            let script: Vec<String> = ranges
                .iter()
                .map(|(first, last)| {
                    if first == last {
                        format!("{first}p")
                    } else {
                        format!("{first},{last}p")
                    }
                })
                .collect();
            let mark = if number == 0 { ">" } else { ">>" };
            format!("sed -n '{}' {from} {mark} {into}", script.join(";"))
        };
        let lines: Vec<String> = pieces.map(line).collect();
        return if lines.is_empty() {
            vec![format!(": > {into}")]
        } else {
            lines
        };
    }
    let chunks = content
        .chunks(LONGEST / 8)
        .map(|chunk| format!("printf %b '{}' >> {into}", words::escaped(chunk)));
    std::iter::once(format!(": > {into}"))
        .chain(chunks)
        .collect()
}

/// The ranges of lines, from 1 and with their last, that `new` is made of in this order.
fn lines_of(old: &[u8], new: &[u8]) -> Option<Vec<(usize, usize)>> {
    let mut wanted = new.split_inclusive(|byte| *byte == b'\n').peekable();
    let mut out: Vec<(usize, usize)> = Vec::new();
    for (number, line) in (1..).zip(old.split_inclusive(|byte| *byte == b'\n')) {
        if wanted.next_if_eq(&line).is_some() {
            match out.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => out.push((number, number)),
            }
        }
    }
    wanted.peek().is_none().then_some(out)
}

/// Commands that give folders their owners and modes, in this order as owners take set-id bits away.
fn attributes(
    tree: &Tree<'_>,
    selection: &Selection,
    to: &str,
) -> Result<Vec<String>, CommandError> {
    let (mut owners, mut modes) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
    for folder in &selection.folders {
        let Some(entry) = tree.attributes(*folder) else {
            continue;
        };
        let path = tree.path(*folder);
        if has_xattrs(tree, *folder) {
            return Err(refused(format_args!(
                "the folder {path} has extended attributes"
            )));
        }
        let word = word(to, path.as_bytes())?;
        if (entry.uid, entry.gid) != (0, 0) {
            owners
                .entry((entry.uid, entry.gid))
                .or_default()
                .push(word.clone());
        }
        if entry.mode & 0o7777 != 0o755 {
            modes.entry(entry.mode & 0o7777).or_default().push(word);
        }
    }
    let owners = owners
        .iter()
        .flat_map(|((uid, gid), words)| grouped(&format!("chown {uid}:{gid}"), words, ""));
    let modes = modes
        .iter()
        .flat_map(|(mode, words)| grouped(&format!("chmod {mode:04o}"), words, ""));
    Ok(owners.chain(modes).collect())
}

/// A command with these words, several times where they are many.
fn grouped(command: &str, words: &[String], end: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut line = String::new();
    for word in words {
        if line.len() + word.len() > LONGEST / 2 {
            out.push(std::mem::take(&mut line) + end);
        }
        if line.is_empty() {
            line.push_str(command);
        }
        line.push_str(&format!(" \\\n        {word}"));
    }
    if !line.is_empty() {
        out.push(line + end);
    }
    out
}

/// A path of the image below a folder, as a word of a shell.
fn word(folder: &str, path: &[u8]) -> Result<String, CommandError> {
    let mut full = folder.as_bytes().to_vec();
    if !path.is_empty() {
        full.push(b'/');
    }
    full.extend(path);
    words::shell(&full).ok_or_else(|| {
        refused(format_args!(
            "a name ends with a line break: {}",
            ounce_image::display(path)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_file_is_lines_of_the_old_one() {
        assert_eq!(lines_of(b"a\nb\nc\nd", b"b\nc\n"), Some(vec![(2, 3)]));
        assert_eq!(lines_of(b"a\nb\nc\nd", b"a\nd"), Some(vec![(1, 1), (4, 4)]));
        assert_eq!(lines_of(b"a\nb\n", b"b\na\n"), None);
        assert_eq!(lines_of(b"a\nb\n", b""), Some(vec![]));
    }
}
