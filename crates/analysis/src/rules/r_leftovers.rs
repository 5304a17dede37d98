//! What R's package installer leaves when it is stopped: locks of libraries, `00LOCK*`, and sessions'
//! temporary folders, `/tmp/Rtmp*`.
//!
//! **Why it is safe.** A lock holds what was half installed, and R loads no package from there; a
//! session removes its temporary folder when it ends, and no other uses it (R's documentation,
//! `INSTALL` and `tempdir`). In a library with a lock no package can be installed.
//!
//! **Evidence.** A lock goes only from a folder that holds installed packages. Only what RUN steps made
//! goes, and not what anything that stays names.
//!
//! **Example.** `/tmp/RtmpQ0vq2B/downloaded_packages/Rcpp_1.0.12.tar.gz`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier, caches};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "r-leftovers",
    title: "Leftovers of R's package installer",
    tier: Tier::Safe,
    why: "left by an installation that was stopped; R loads nothing from there",
    source: include_str!("r_leftovers.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let is_leftover = |node: &NodeId| {
        (is_lock(tree, *node) || is_session(context, *node))
            && caches::leaves(tree, *node).all(&made_by_run)
    };
    tree.walk(Tree::ROOT)
        .filter(is_leftover)
        .map(|node| Claim::new(&RULE, Some(node), vec![context.whole(node)]))
        .collect()
}

/// `00LOCK` or `00LOCK-PACKAGE` in a library (R's documentation, `install.packages`, "Locking").
fn is_lock(tree: &Tree<'_>, node: NodeId) -> bool {
    let name = tree.name(node);
    let is_called_so = name == b"00LOCK" || name.starts_with(b"00LOCK-");
    let is_package = |package: NodeId| {
        ["DESCRIPTION", "Meta"]
            .iter()
            .all(|part| tree.child(package, part.as_bytes()).is_some())
    };
    is_called_so && tree.is_directory(node) && tree.children(tree.parent(node)).any(is_package)
}

/// `Rtmp` and six characters (R's src/unix/sys-std.c, `R_TempDir`), in the folder for them.
fn is_session(context: &Context<'_>, node: NodeId) -> bool {
    let tree = context.tree;
    let name = tree.name(node);
    name.len() == 10
        && name.starts_with(b"Rtmp")
        && tree.is_directory(node)
        && context.folder("/tmp") == Some(tree.parent(node))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const LIBRARY: &str = "[RUN Rscript -e install]\nusr/lib/R/library/a/DESCRIPTION = x\nusr/lib/R/library/a/Meta/package.rds = x\nusr/lib/R/library/00LOCK-b/b/libs/b.so = x\ntmp/RtmpQ0vq2B/downloaded_packages/b.tar.gz = x\ntmp/RtmpQ0vq2B/R.INSTALL1/b/configure (0755) = x\n";

    #[test]
    fn locks_and_sessions_go() {
        let found = decide_text(LIBRARY);
        for path in [
            "/usr/lib/R/library/00LOCK-b/b/libs/b.so",
            "/tmp/RtmpQ0vq2B/R.INSTALL1/b/configure",
        ] {
            assert!(found.gone.contains(path), "{path}");
        }
        assert!(!found.gone.contains("/usr/lib/R/library/a/DESCRIPTION"));
    }

    #[test]
    fn other_folders_of_that_name_stay() {
        let text = "[RUN x]\nsrv/00LOCK-b/x = x\nsrv/RtmpQ0vq2B/x = x\ntmp/Rtmp/x (0755) = x\n";
        assert_eq!(decide_text(text).gone, set(&[]));
    }

    #[test]
    fn a_session_that_a_script_uses_stays() {
        let found = decide_text(&format!(
            "{LIBRARY}app/t.R = file('/tmp/RtmpQ0vq2B/R.INSTALL1')\n"
        ));
        assert!(
            !found
                .gone
                .contains("/tmp/RtmpQ0vq2B/R.INSTALL1/b/configure")
        );
    }
}
