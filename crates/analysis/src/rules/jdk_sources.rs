//! The Java sources of a JDK, `src.zip`.
//!
//! **Why it is safe.** The virtual machine runs class files from `lib/modules`; `src.zip` is there
//! for editors and debuggers that show the library's source.
//!
//! **Evidence.** Anything that stays and names the archive by its path keeps it. A link to it goes
//! with it.
//!
//! **Example.** `/opt/conda/lib/jvm/lib/src.zip`, 52 MB.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Unit};

pub(super) const RULE: Rule = Rule {
    id: "jdk-sources",
    title: "JDK sources (src.zip)",
    tier: Tier::Safe,
    why: "shown by editors; the virtual machine never opens it",
    source: include_str!("jdk_sources.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let found = context
        .tree
        .walk(Tree::ROOT)
        .filter(|node| is_source(context, *node));
    found
        .map(|node| Claim::new(&RULE, None, vec![Unit::names(vec![node])]))
        .collect()
}

/// `src.zip` beside the virtual machine's files: in `lib` of a JDK from version 9 on, in its root
/// before; or, where Debian packages it alone, in a package's folder below `jvm`.
fn is_source(context: &Context<'_>, node: NodeId) -> bool {
    let tree = context.tree;
    if tree.name(node) != b"src.zip" || tree.leaf_of(node).is_none() {
        return false;
    }
    let folder = tree.parent(node);
    let file = |folder: NodeId, name: &[u8]| {
        tree.child(folder, name)
            .is_some_and(|node| !tree.is_directory(node))
    };
    let is_home = |home: NodeId| {
        tree.child(home, b"bin")
            .is_some_and(|bin| file(bin, b"java") || file(bin, b"javac"))
    };
    let in_jvm = || tree.path(node).components().any(|part| part == b"jvm");
    is_home(folder)
        || (is_home(tree.parent(folder)) && tree.name(folder) == b"lib")
        || (context.packages.is_installed(node) && in_jvm())
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    #[test]
    fn the_sources_of_a_jdk_go_with_links_to_them() {
        let found = decide_text(
            "[a]\nopt/jdk/lib/modules = x\nopt/jdk/lib/src.zip = z\nopt/jdk/bin/java = x\nopt/jdk/src.zip -> lib/src.zip",
        );
        assert_eq!(
            found.gone,
            set(&["/opt/jdk/lib/src.zip", "/opt/jdk/src.zip"])
        );
    }

    #[test]
    fn an_archive_that_is_only_called_so_stays() {
        assert_eq!(
            decide_text("[a]\nsrv/data/src.zip = z\nsrv/data/modules/x = x").gone,
            set(&[])
        );
    }

    #[test]
    fn a_program_that_names_the_archive_keeps_it() {
        let found = decide_text(
            "[a]\nopt/jdk/bin/java = x\nopt/jdk/lib/src.zip = z\napp/ide.conf = src=/opt/jdk/lib/src.zip",
        );
        assert_eq!(
            found.held["/opt/jdk/lib/src.zip"],
            "/app/ide.conf names /opt/jdk/lib/src.zip"
        );
    }
}
