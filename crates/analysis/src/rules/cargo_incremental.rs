//! The compiler's notes for the next build in a cargo `target` folder: `incremental`.
//!
//! **Why it is safe.** They spare the compiler work when the same crate is built once more, and it does
//! without when they are not there (rustc's development guide, "Incremental compilation"). Programs and
//! libraries, which lie beside, are not touched.
//!
//! **Evidence.** The folder counts only in a `target` that cargo marked (`CACHEDIR.TAG` or
//! `.rustc_info.json`), and only when RUN steps made it. Anything that stays and names a file in it keeps it.
//!
//! **Example.** `/app/target/debug/incremental`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier, caches};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "cargo-incremental",
    title: "Incremental state of Rust builds",
    tier: Tier::Safe,
    why: "spares the compiler work in the next build, never read by what is built",
    source: include_str!("cargo_incremental.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let is_leftover = |node: &NodeId| {
        tree.name(*node) == b"incremental"
            && tree.is_directory(*node)
            && is_in_target(tree, *node)
            && caches::leaves(tree, *node).all(&made_by_run)
    };
    tree.walk(Tree::ROOT)
        .filter(is_leftover)
        .map(|node| Claim::new(&RULE, Some(node), vec![context.whole(node)]))
        .collect()
}

/// `TARGET/PROFILE/incremental` or `TARGET/TRIPLE/PROFILE/incremental` (the Cargo book, "Build cache").
fn is_in_target(tree: &Tree<'_>, folder: NodeId) -> bool {
    let profile = tree.parent(folder);
    let above = [tree.parent(profile), tree.parent(tree.parent(profile))];
    let is_marked = above.iter().any(|target| {
        [&b"CACHEDIR.TAG"[..], b".rustc_info.json"]
            .iter()
            .any(|mark| tree.child(*target, mark).is_some())
    });
    is_marked && tree.child(profile, b".fingerprint").is_some()
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const TARGET: &str = "[RUN cargo build]\napp/target/CACHEDIR.TAG = x\napp/target/debug/.fingerprint/a/b = x\napp/target/debug/incremental/a-1/s-2/dep-graph.bin = x\napp/target/debug/deps/liba.rlib = x\napp/target/debug/a (0755) = x\n";

    #[test]
    fn notes_go_and_what_was_built_stays() {
        assert_eq!(
            decide_text(TARGET).gone,
            set(&[
                "/app/target/debug/incremental",
                "/app/target/debug/incremental/a-1",
                "/app/target/debug/incremental/a-1/s-2",
                "/app/target/debug/incremental/a-1/s-2/dep-graph.bin",
            ])
        );
    }

    #[test]
    fn a_folder_of_that_name_elsewhere_stays() {
        let text = "[RUN x]\nvar/backup/incremental/1.tar = x\nvar/CACHEDIR.TAG = x\n";
        assert_eq!(decide_text(text).gone, set(&[]));
        let copied = TARGET.replace("[RUN cargo build]", "[COPY . . # buildkit]");
        assert_eq!(decide_text(&copied).gone, set(&[]));
    }
}
