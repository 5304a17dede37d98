//! Documentation below the `share` folder of other prefixes than the distribution's and conda's: programs in
//! `/opt`, virtual environments, what a tarball brought.
//!
//! **Why it is safe.** As for the distribution's documentation: programs do not read it. Licences, examples,
//! programs stay, and so do documents that neither a package nor a RUN step brought.
//!
//! **Evidence.** A program that names a document, with an absolute path or as `share/doc/...`, keeps the documents
//! of that package. Manual and info pages stay where a program that shows them is in the image.
//!
//! **Example.** `/opt/texlive/share/man/man1/tex.1`, `/venv/share/man/man1/ipython.1`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier, docs};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "prefix-docs",
    title: "Documentation of other prefixes",
    tier: Tier::Safe,
    why: "for people to read; no program in the image names it",
    source: include_str!("prefix_docs.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let others: Vec<NodeId> = ["/usr/share", "/usr/local/share"]
        .iter()
        .filter_map(|path| context.folder(path))
        .chain(
            context
                .conda_prefixes
                .iter()
                .filter_map(|prefix| tree.child(*prefix, b"share")),
        )
        .collect();
    let made_by_run = context.made_by_run();
    let is_brought = |node| context.packages.is_installed(node) || made_by_run(node);
    let shares = tree.walk(Tree::ROOT).filter(|node| {
        tree.name(*node) == b"share"
            && tree.is_directory(*node)
            && is_prefix(tree, tree.parent(*node))
            && !others.contains(node)
    });
    shares
        .flat_map(|share| docs::claims(context, &RULE, share, &is_brought))
        .filter(|claim| !claim.units.is_empty())
        .collect()
}

/// Whether programs are installed into a folder (the GNU coding standards' `prefix`).
fn is_prefix(tree: &Tree<'_>, folder: NodeId) -> bool {
    let has = |name: &[u8]| {
        tree.child(folder, name)
            .is_some_and(|node| tree.is_directory(node))
    };
    has(b"bin") || has(b"sbin")
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const TOOL: &str = "[RUN make install]\nopt/t/bin/t (0755) = x\nopt/t/share/man/man1/t.1 = x\nopt/t/share/doc/t/guide.html = x\nopt/t/share/doc/t/LICENSE = x\n";

    #[test]
    fn documents_go_and_licences_stay() {
        let gone = set(&["/opt/t/share/man/man1/t.1", "/opt/t/share/doc/t/guide.html"]);
        assert_eq!(decide_text(TOOL).gone, gone);
    }

    #[test]
    fn a_program_that_shows_its_guide_keeps_it() {
        let found = decide_text(&TOOL.replace(
            "bin/t (0755) = x",
            "bin/t (0755) = open $ROOT/share/doc/t/guide.html",
        ));
        assert_eq!(found.gone, set(&["/opt/t/share/man/man1/t.1"]));
    }

    #[test]
    fn documents_that_were_copied_and_a_folder_without_programs_stay() {
        assert_eq!(
            decide_text(&TOOL.replace("RUN make install", "COPY t /opt/t")).gone,
            set(&[])
        );
        assert_eq!(
            decide_text("[RUN x]\nsrv/share/doc/a/x.html = x").gone,
            set(&[])
        );
    }
}
