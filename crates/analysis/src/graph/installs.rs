//! Commands by which an image installs packages when it runs (`apt-get install $EXTRA_PACKAGES`): nobody knows what those will
//! need. What their tool takes for installed stays with all its files, and where packages are built, every program.
//!
//! That counts in what the author of the image wrote: its own command and scripts that no package brought.

use std::sync::LazyLock;

use ounce_image::Tree;
use serde::Deserialize;

use super::collect::Collector;
use super::world::World;
use super::{Kind, Origin, Proof, companions};
use crate::inspect::shell::Word;
use crate::packages::Ecosystem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    install: Vec<Install>,
}

/// What tools of a kind do with the packages that they install.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Install {
    programs: Vec<String>,
    words: Vec<String>,
    #[serde(default)]
    texts: Vec<String>,
    /// What they take for installed, all of which new packages may count upon.
    ecosystem: Option<Ecosystem>,
    /// The tools' own folders.
    #[serde(default)]
    folders: Vec<String>,
    /// Whether packages are built, which may start any program.
    #[serde(default)]
    builds: bool,
    /// Whether there is little else to do with the tools.
    #[serde(default)]
    only: bool,
    /// Where that is written down.
    source: String,
}

static TABLE: LazyLock<Vec<Install>> = LazyLock::new(|| {
    let table: Table =
        toml::from_str(include_str!("../knowledge/installs.toml")).expect("a test reads the table");
    table.install
});

/// The row of a program, by its name or path.
fn row(program: &[u8]) -> Option<&'static Install> {
    let name = program.rsplit(|byte| *byte == b'/').next()?;
    TABLE
        .iter()
        .find(|row| row.programs.iter().any(|known| known.as_bytes() == name))
}

impl Install {
    /// Leads to the tools' own folders.
    fn own(&'static self, c: &mut Collector<'_>) {
        let proof = Proof::Row {
            key: self.programs[0].clone(),
            why: "packages are installed with it",
            source: &self.source,
        };
        for folder in &self.folders {
            if let Some(node) = c.path(Tree::ROOT, folder.as_bytes(), Kind::Opens, &proof) {
                c.whole(node, Kind::Opens, proof.clone());
            }
        }
    }

    /// Whether a word of a command line says that something is installed.
    fn says(&self, word: &[u8]) -> bool {
        let holds = |text: &String| memchr::memmem::find(word, text.as_bytes()).is_some();
        self.words.iter().any(|known| known.as_bytes() == word) || self.texts.iter().any(holds)
    }
}

/// Programs that are told what to say or look for, not to do.
const SAYING: [&[u8]; 6] = [b"echo", b"printf", b"grep", b"sed", b"awk", b"man"];
/// How many words behind a program in a text may say that it installs; options stand between.
const WORDS: usize = 6;

/// Leads from a command that installs packages to what they may need.
pub(super) fn of(world: &World<'_>, c: &mut Collector<'_>, words: &[Word], proof: &Proof) {
    let says = |word: &Word| word.values().any(|value| SAYING.contains(&value));
    if words.first().is_some_and(says) || !companions::are_meant(world, c.from) {
        return;
    }
    for (at, word) in words.iter().enumerate() {
        let rest = || words[at + 1..].iter().flat_map(Word::values);
        let is_all = words.len() == 1 && matches!(c.from, Origin::Root(_));
        for row in word.values().filter_map(row) {
            if is_all && row.only || rest().any(|word| row.says(word)) {
                lead(row, world, c, proof);
            }
        }
    }
}

/// Leads from the name of a program in a source, where what follows on its line says that packages are installed.
pub(super) fn in_source(
    world: &World<'_>,
    c: &mut Collector<'_>,
    name: &[u8],
    after: &[u8],
    proof: &Proof,
) {
    let Some(row) = row(name).filter(|_| companions::are_meant(world, c.from)) else {
        return;
    };
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:(".contains(&byte);
    let words = after.split(|byte| !is_part(*byte));
    let mut words = words.filter(|word| !word.is_empty()).take(WORDS);
    if words.any(|word| row.says(word)) {
        lead(row, world, c, proof);
    }
}

/// Leads to what tools of the image have of their own: somebody may install with them.
pub(super) fn tools(world: &World<'_>, c: &mut Collector<'_>) {
    if world.tree.is_machine() {
        return;
    }
    for row in TABLE.iter() {
        let is_there = |name: &String| world.programs.find(name.as_bytes()).is_some();
        if row.programs.iter().any(is_there) {
            row.own(c);
        }
    }
}

/// Whether a program installs packages.
pub(super) fn is_tool(program: &[u8]) -> bool {
    row(program).is_some()
}

fn lead(row: &'static Install, world: &World<'_>, c: &mut Collector<'_>, proof: &Proof) {
    // A machine's programs are not there for what one of them may install.
    if world.tree.is_machine() {
        return;
    }
    c.doubt(
        proof.clone(),
        "installs packages, which may need what is installed",
        b"",
    );
    if row.builds {
        world.programs.call_all(c, proof);
    }
    let ecosystem = row.ecosystem.map(|ecosystem| (ecosystem, proof.clone()));
    c.installs.extend(ecosystem);
    row.own(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_where_from_and_each_program_has_one() {
        let mut seen = std::collections::BTreeSet::new();
        for row in TABLE.iter() {
            assert!(!row.source.is_empty(), "{:?}", row.programs);
            for program in &row.programs {
                assert!(seen.insert(program), "{program}");
            }
        }
    }

    #[test]
    fn a_word_alone_or_a_part_of_a_text_says_it() {
        let says = |program: &[u8], word: &[u8]| row(program).unwrap().says(word);
        assert!(says(b"/usr/bin/apt-get", b"install"));
        assert!(!says(b"apt-get", b"update"));
        assert!(!says(b"pip", b"uninstall"));
        assert!(says(b"Rscript", b"install.packages(\"a\")"));
        assert!(row(b"apt-cache").is_none());
    }
}
