//! R packages: `DESCRIPTION` in the folders of a library (R, "Writing R Extensions", 1.1.1).
//!
//! A package's source has a `DESCRIPTION` too; only an installed one says for which R it was
//! `Built`, and has its metadata as R reads it in `Meta/package.rds`.

use deb822_fast::ParagraphReader;
use ounce_image::{NodeId, Tree};

use super::{Ecosystem, Package, Strength, below, text};
use crate::finding::Problem;

/// The fields with packages that must be there (R, "Writing R Extensions", 1.1.3).
const NEEDED: [&str; 3] = ["Depends", "Imports", "LinkingTo"];

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let descriptions = tree.walk(Tree::ROOT).filter(|node| {
        tree.name(*node) == b"DESCRIPTION" && is_installed(tree, tree.parent(*node))
    });
    descriptions
        .filter_map(|record| package(tree, record, problems))
        .collect()
}

fn is_installed(tree: &Tree<'_>, folder: NodeId) -> bool {
    let meta = tree.child(folder, b"Meta");
    meta.is_some_and(|meta| tree.child(meta, b"package.rds").is_some())
}

fn package(tree: &Tree<'_>, record: NodeId, problems: &mut Vec<Problem>) -> Option<Package> {
    let content = text(tree, record, problems)?;
    let fields = match ParagraphReader::new(content.as_bytes()).next()? {
        Ok(fields) => fields,
        Err(e) => {
            problems.push(Problem {
                path: tree.path(record),
                reason: e.to_string(),
            });
            return None;
        }
    };
    fields.get("Built")?;
    let folder = tree.parent(record);
    Some(Package {
        ecosystem: Ecosystem::Cran,
        name: fields.get("Package")?.trim().to_owned(),
        version: fields.get("Version").unwrap_or_default().trim().to_owned(),
        prefix: tree.parent(folder),
        record,
        strength: Strength::Inside,
        files: below(tree, folder).collect(),
        depends: depends(NEEDED.iter().filter_map(|key| fields.get(key))),
        provides: Vec::new(),
        source: None,
        requested: None,
    })
}

/// The names in lists such as `R (>= 4.1), methods, Rcpp (>= 1.0.0)`; R itself is no package.
fn depends<'a>(lists: impl Iterator<Item = &'a str>) -> Vec<String> {
    let words = lists.flat_map(|list| list.split(','));
    let names = words.map(|word| {
        let end = word.find('(').unwrap_or(word.len());
        word[..end].trim()
    });
    let mut out: Vec<String> = names
        .filter(|name| !name.is_empty() && *name != "R")
        .map(str::to_owned)
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

#[cfg(test)]
mod tests {
    use crate::testing::packages;

    const DESCRIPTION: &[u8] =
        b"Package: car\nVersion: 3.1-2\nDepends: R (>= 3.5.0), carData (>=\n\
        \t3.0-0)\nImports: abind, MASS,\n    scales\nSuggests: rgl\nBuilt: R 4.2.2; ; x; unix\n";

    #[test]
    fn installed_packages_own_their_folder() {
        let found = packages(&[
            ("l/car/DESCRIPTION", DESCRIPTION),
            ("l/car/Meta/package.rds", b""),
            ("src/car/DESCRIPTION", DESCRIPTION),
            ("l/raw/DESCRIPTION", b"Package: raw\nVersion: 1\n"),
            ("l/raw/Meta/package.rds", b""),
        ]);
        let files = "/l/car/DESCRIPTION /l/car/Meta/package.rds";
        assert_eq!(
            found,
            [format!("car 3.1-2: {files} > MASS abind carData scales")]
        );
    }
}
