//! What `/var/lib/dpkg/status` says of each package, and where: for those who take packages away and
//! must keep the file true (dpkg(1), deb-control(5)).

use std::collections::BTreeMap;
use std::ops::Range;

use deb822_fast::ParagraphReader;
use ounce_image::{NodeId, Tree};

use super::relations::names;
use crate::packages::MAX_TEXT;
use crate::packages::paragraphs::paragraphs;

/// The status file.
#[derive(Debug)]
pub struct Status {
    /// The file.
    pub database: NodeId,
    /// The folder with lists of files and maintainer scripts, one for each package and purpose.
    pub info: NodeId,
    /// Installed packages that are there once, by name.
    pub entries: BTreeMap<String, Entry>,
}

/// One installed package.
#[derive(Debug)]
pub struct Entry {
    /// Where the file speaks of it, in bytes, with the empty line behind.
    pub range: Range<usize>,
    /// Whether others may use it without saying so (Debian Policy 3.8).
    pub is_essential: bool,
    /// Its section, without an area (`contrib/`).
    pub section: String,
    /// What it depends on or recommends: of each group one name is enough.
    pub relations: Vec<Vec<String>>,
    /// Other names it answers to.
    pub provides: Vec<String>,
}

impl Status {
    /// Reads the file; `None` when it is not there, or cannot be read or written anew.
    pub fn load(tree: &Tree<'_>) -> Option<Self> {
        let folder = tree.resolve(b"/var/lib/dpkg")?;
        let database = tree.child(folder, b"status")?;
        let is_plain = tree
            .attributes(database)
            .is_some_and(|entry| entry.sparse.is_none());
        let leaf = tree
            .leaf_of(database)
            .filter(|_| tree.is_file(database) && is_plain)?;
        let content = tree.read(leaf).read_all(MAX_TEXT).ok()?;
        let mut entries: BTreeMap<String, Option<Entry>> = BTreeMap::new();
        for range in paragraphs(&content) {
            let Some((name, entry)) = read(&content, range) else {
                continue;
            };
            // For several architectures, or by mistake.
            let twice = entries.contains_key(&name);
            entries.insert(name, Some(entry).filter(|_| !twice));
        }
        let entries = entries.into_iter();
        Some(Self {
            database,
            info: tree.child(folder, b"info")?,
            entries: entries
                .filter_map(|(name, entry)| Some((name, entry?)))
                .collect(),
        })
    }
}

fn read(content: &[u8], range: Range<usize>) -> Option<(String, Entry)> {
    let text = String::from_utf8_lossy(&content[range.clone()]).into_owned();
    let paragraph = ParagraphReader::new(text.as_bytes()).next()?.ok()?;
    let is_installed = paragraph.get("Status")?.ends_with(" installed");
    let field = |key| paragraph.get(key).unwrap_or_default();
    let relations = ["Pre-Depends", "Depends", "Recommends"].map(field);
    let groups = relations.iter().flat_map(|field| field.split(','));
    let section = field("Section");
    let entry = Entry {
        range,
        is_essential: field("Essential") == "yes",
        section: section.rsplit('/').next().unwrap_or(section).to_owned(),
        relations: groups
            .map(names)
            .filter(|group| !group.is_empty())
            .collect(),
        provides: names(field("Provides")),
    };
    is_installed.then(|| (field("Package").to_owned(), entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_groups_of_which_one_is_enough() {
        let text = b"Package: a\nStatus: install ok installed\nEssential: yes\nSection: contrib/libs\nPre-Depends: b (>= 1), c | d:any\nRecommends: e\nProvides: f (= 2)\n";
        let (name, entry) = read(text, 0..text.len()).unwrap();
        assert_eq!((name.as_str(), entry.section.as_str()), ("a", "libs"));
        assert!(entry.is_essential);
        assert_eq!(entry.relations, [vec!["b"], vec!["c", "d"], vec!["e"]]);
        assert_eq!(entry.provides, ["f"]);
        let removed = b"Package: a\nStatus: deinstall ok config-files\n";
        assert!(read(removed, 0..removed.len()).is_none());
    }
}
