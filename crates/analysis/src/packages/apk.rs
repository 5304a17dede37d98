//! apk: `lib/apk/db/installed` of Alpine and Wolfi, the form of apk-tools 2 that apk-tools 3 still
//! writes (wiki.alpinelinux.org, "Apk spec"), and `/etc/apk/world` (apk-world(5)).

use std::collections::BTreeSet;

use ounce_image::{NodeId, Tree, display};

use super::{Ecosystem, Package, Strength, bytes, file, unique};
use crate::finding::Problem;

/// Where the database is; distributions that merged /usr have it in the second place.
pub(super) const DATABASES: [&[u8]; 2] = [b"/lib/apk/db/installed", b"/usr/lib/apk/db/installed"];

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let databases = DATABASES.iter().filter_map(|path| tree.resolve(path));
    let world = tree.resolve(b"/etc/apk/world");
    let world = world.and_then(|node| bytes(tree, node, problems));
    let world: Option<BTreeSet<String>> = world.map(|content| names(&content).collect());
    let mut packages = Vec::new();
    for database in unique(databases.collect()) {
        let content = bytes(tree, database, problems).unwrap_or_default();
        // Packages are parted by empty lines.
        for lines in content
            .split(|&b| b == b'\n')
            .collect::<Vec<_>>()
            .split(|line| line.is_empty())
        {
            packages.extend(package(tree, database, lines, world.as_ref()));
        }
    }
    packages
}

/// A package from its lines: a letter, a colon, the value.
fn package(
    tree: &Tree<'_>,
    database: NodeId,
    lines: &[&[u8]],
    world: Option<&BTreeSet<String>>,
) -> Option<Package> {
    let (mut name, mut version, mut source) = (None, String::new(), None);
    let (mut depends, mut provides) = (Vec::new(), Vec::new());
    let (mut folder, mut files) = (&b""[..], Vec::new());
    for line in lines {
        let [key, b':', value @ ..] = line else {
            continue;
        };
        match key {
            b'P' => name = Some(display(value)),
            b'V' => version = display(value),
            b'o' => source = Some(display(value)),
            b'D' => depends = names(value).collect(),
            b'p' => provides = names(value).collect(),
            b'F' => folder = value,
            b'R' => files.extend(file(tree, Tree::ROOT, &[folder, b"/", value].concat())),
            _ => {}
        }
    }
    let name = name?;
    let requested = world.map(|world| {
        let mut answers = std::iter::once(&name).chain(&provides);
        answers.any(|name| world.contains(name))
    });
    Some(Package {
        ecosystem: Ecosystem::Apk,
        name,
        version,
        prefix: Tree::ROOT,
        record: database,
        // Each file is followed by a `Z:` with its digest.
        strength: Strength::Digest,
        files: unique(files),
        depends,
        provides,
        source,
        requested,
    })
}

/// The names in a list of dependencies (apk-package(5), "depend"), without versions, repositories
/// and what must not be there: `so:libc.so.1 a>=1.2 b@edge !c`.
fn names(list: &[u8]) -> impl Iterator<Item = String> {
    list.split(u8::is_ascii_whitespace)
        .filter(|word| !word.starts_with(b"!"))
        .filter_map(|word| word.split(|b| b"=<>~@".contains(b)).next())
        .filter(|name| !name.is_empty())
        .map(display)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::layers;

    /// `NAME VERSION REQUESTED FILES...` of each package of an image.
    fn loaded(image: &str) -> Vec<String> {
        let layers = layers(&ounce_testkit::image(image));
        let tree = Tree::build(&layers).unwrap();
        let describe = |package: Package| {
            let files = package
                .files
                .iter()
                .map(|file| tree.path(*file).to_string());
            let files: Vec<_> = files.collect();
            let requested = package.requested;
            format!(
                "{} {} {requested:?} {}",
                package.name,
                package.version,
                files.join(" ")
            )
        };
        let packages = load(&tree, &mut Vec::new());
        packages.into_iter().map(describe).collect()
    }

    #[test]
    fn a_database_in_merged_usr_is_read_once() {
        let image = "[apk]
lib -> usr/lib
usr/lib/libc.so = x
usr/lib/apk/db/installed = P:musl\\nV:1-r0\\nF:lib\\nR:libc.so\\n
";
        assert_eq!(loaded(image), ["musl 1-r0 None /usr/lib/libc.so"]);
    }

    #[test]
    fn packages_of_one_source_are_known() {
        let image = "[apk]
lib/apk/db/installed = P:redis-cli\\nV:1\\no:redis\\n\\nP:own\\nV:1\\n
";
        let layers = layers(&ounce_testkit::image(image));
        let tree = Tree::build(&layers).unwrap();
        let packages = load(&tree, &mut Vec::new());
        let sources: Vec<_> = packages.iter().map(|p| p.source.as_deref()).collect();
        assert_eq!(sources, [Some("redis"), None]);
    }

    #[test]
    fn names_that_are_no_text_are_found_and_nonsense_is_passed_over() {
        let image = "[apk]
lib/apk/db/installed = \\n\\nV\\n:\\nP:a\\nnonsense\\nR:top\\nF:../../etc\\nR:\\xff\\nR:missing\\nR:\\n\\nV:2\\n\\nP:b
etc/\\xff = x
etc/apk/world = b>1\\n
top = x
";
        assert_eq!(
            loaded(image),
            ["a  Some(false) /etc/\\xff /top", "b  Some(true) "]
        );
    }
}
