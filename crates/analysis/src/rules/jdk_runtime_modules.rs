//! The modules of a Java runtime, `lib/modules`, which holds all of them whatever the programs use.
//!
//! **Why it is opt-in.** `jlink` makes a runtime of only the modules that are asked for. Which ones a
//! program needs, `jdeps --print-module-deps` tells of the classes that it names; providers of services,
//! character sets (`jdk.charsets`), languages (`jdk.localedata`), elliptic curves (`jdk.crypto.ec`) and
//! classes that are loaded by name are not among them and are missed when the program runs.
//!
//! **Evidence.** A file `modules` beside the `release` file of a runtime, in which `MODULES` lists what it
//! holds (JEP 220, JEP 282).
//!
//! **Example.** `/opt/conda/lib/jvm/lib/modules`, 129 MB with 70 modules, where a program may be content
//! with `java.base`, `java.desktop` and `java.logging`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "jdk-runtime-modules",
    title: "All modules of a Java runtime",
    tier: Tier::OptIn,
    why: "programs use some of them",
    source: include_str!("jdk_runtime_modules.rs"),
    find,
};

/// Bytes of a `release` file, at most.
const MAX_RELEASE: u64 = 1 << 16;

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let found = tree.walk(Tree::ROOT).filter_map(|node| {
        let count = modules(tree, node)?;
        let text = format!(
            "jlink can make a runtime of those of its {count} modules that programs use; classes, services, languages and character sets of the others would be missing"
        );
        let unit = Unit {
            guard: Guard::Refused(text),
            ..Unit::names(vec![node])
        };
        Some(Claim::new(&RULE, None, vec![unit]))
    });
    found.collect()
}

/// How many modules the file holds; nothing when it is not a runtime's.
fn modules(tree: &Tree<'_>, node: NodeId) -> Option<usize> {
    let lib = tree.parent(node);
    if tree.name(node) != b"modules" || tree.name(lib) != b"lib" || !tree.is_file(node) {
        return None;
    }
    let release = tree.resolve_from(tree.parent(lib), b"release", |_| {})?;
    let release = tree.leaf_of(release).filter(|_| tree.is_file(release))?;
    let text = tree.read(release).read_all(MAX_RELEASE).ok()?;
    let text = String::from_utf8_lossy(&text);
    let list = text
        .lines()
        .find_map(|line| line.strip_prefix("MODULES="))?;
    Some(list.trim_matches('"').split_whitespace().count())
}

#[cfg(test)]
mod tests {
    use crate::testing::decide_guarded;

    #[test]
    fn all_modules_of_a_runtime_are_said_to_be_there() {
        let text = "[a]\njvm/release = MODULES=\"java.base java.sql\"\\n\njvm/lib/modules = x\nsrv/lib/modules = x\n";
        let found = decide_guarded(text);
        assert!(found.gone.is_empty());
        assert_eq!(found.held.keys().collect::<Vec<_>>(), ["/jvm/lib/modules"]);
        assert!(found.held["/jvm/lib/modules"].contains("2 modules"));
    }
}
