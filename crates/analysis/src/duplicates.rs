//! Files of equal content that are no names of one file: what is there more than once, and the waste.
//!
//! Nothing is taken away: a copy may be changed on its own, and a hard link between folders is
//! something else than two files. Small files are left out, since they are many and waste little, files
//! with holes, which claim more than they take, and what goes anyway.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::io;

use ounce_image::{Digest, Hasher, ImagePath, LeafId, Progress, Tree};
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;

use crate::plan::Plan;

/// Smaller files are not compared, in bytes.
const SMALLEST: u64 = 4096;
/// Files of one size are told apart by this many bytes in their middle before they are read, where
/// formats differ more than at their beginning.
const SAMPLE: u64 = 4096;

/// Files of equal content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The size of each, in bytes.
    pub size: u64,
    /// One name of each file, in order.
    pub paths: Vec<ImagePath>,
}

impl Duplicate {
    /// Bytes that one copy would save.
    pub fn waste(&self) -> u64 {
        self.size * (self.paths.len() as u64 - 1)
    }
}

/// All groups of equal files among those that stay, the most wasteful first.
///
/// # Errors
/// Content cannot be read, or `progress` asks to stop.
pub fn find(tree: &Tree<'_>, plan: &Plan, progress: &Progress) -> io::Result<Vec<Duplicate>> {
    let mut by_size: BTreeMap<u64, Vec<(ImagePath, LeafId)>> = BTreeMap::new();
    for leaf in tree.leaves() {
        let entry = tree.entry(tree.leaf(leaf).data);
        let size = entry.size;
        if let Some(path) = (size >= SMALLEST && entry.sparse.is_none())
            .then(|| plan.name_of(tree, leaf))
            .flatten()
        {
            by_size.entry(size).or_default().push((path, leaf));
        }
    }
    let groups = by_size.into_iter().filter(|(_, files)| files.len() > 1);
    let groups: Vec<_> = groups.collect();
    let found: Vec<Vec<Duplicate>> = groups
        .into_par_iter()
        .with_max_len(1)
        .map(|(size, files)| equal(tree, size, files, progress))
        .collect::<io::Result<_>>()?;
    let mut found: Vec<Duplicate> = found.into_iter().flatten().collect();
    found.sort_by(|a, b| {
        b.waste()
            .cmp(&a.waste())
            .then_with(|| a.paths.cmp(&b.paths))
    });
    Ok(found)
}

/// Of files of one size, the groups of equal ones.
fn equal(
    tree: &Tree<'_>,
    size: u64,
    files: Vec<(ImagePath, LeafId)>,
    progress: &Progress,
) -> io::Result<Vec<Duplicate>> {
    let mut by_sample: BTreeMap<u64, Vec<(ImagePath, LeafId)>> = BTreeMap::new();
    for (path, leaf) in files {
        let sample = sample(tree, leaf)?;
        by_sample.entry(sample).or_default().push((path, leaf));
    }
    let mut by_digest: BTreeMap<Digest, Vec<ImagePath>> = BTreeMap::new();
    for (path, leaf) in by_sample
        .into_values()
        .filter(|list| list.len() > 1)
        .flatten()
    {
        let mut hasher = Hasher::default();
        tree.read(leaf).for_each_chunk(|chunk| {
            hasher.update(chunk);
            progress.advance(0)
        })?;
        by_digest.entry(hasher.finish()).or_default().push(path);
    }
    let groups = by_digest.into_values().filter(|paths| paths.len() > 1);
    Ok(groups
        .map(|mut paths| {
            paths.sort();
            Duplicate { size, paths }
        })
        .collect())
}

fn sample(tree: &Tree<'_>, leaf: LeafId) -> io::Result<u64> {
    let content = tree.read(leaf);
    let mut bytes = [0; SAMPLE as usize];
    let start = (content.len() / 2).min(content.len().saturating_sub(SAMPLE));
    let read = content.read_at(start, &mut bytes)?;
    Ok(FxBuildHasher.hash_one(&bytes[..read]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::planned;

    fn groups(text: &str) -> Vec<(u64, Vec<String>)> {
        planned(&ounce_testkit::image(text), |tree, plan| {
            let found = find(tree, plan, &Progress::default()).unwrap();
            let paths = |group: &Duplicate| group.paths.iter().map(ToString::to_string).collect();
            found
                .iter()
                .map(|group| (group.waste(), paths(group)))
                .collect()
        })
    }

    /// Two contents of 5000 bytes that differ at the end only.
    fn content(last: &str) -> String {
        format!("{}{last}", "x".repeat(4999))
    }

    #[test]
    fn copies_are_found_and_links_and_small_files_are_not() {
        let text = format!(
            "[a]\na/1 = {same}\na/2 = {same}\na/link == a/1\na/other = {other}\nb/1 = small\nb/2 = small\n[b]\nc/3 = {same}\n",
            same = content("s"),
            other = content("o"),
        );
        assert_eq!(
            groups(&text),
            [(10_000, ["/a/1", "/a/2", "/c/3"].map(str::to_owned).into())]
        );
    }

    /// A TB of zeros would not be read to the end here.
    #[test]
    fn files_with_holes_are_not_read() {
        let text = "[a]\na ^1000000000000 0:text\nb ^1000000000000 0:text\n";
        assert_eq!(groups(text), []);
    }

    #[test]
    fn what_goes_anyway_is_no_waste() {
        let same = content("s");
        let text = format!("[a]\nvar/lib/apt/lists/x = {same}\nsrv/x = {same}\n");
        assert_eq!(groups(&text), []);
    }
}
