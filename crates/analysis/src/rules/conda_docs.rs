//! Documentation of conda environments: `share/doc`, `share/gtk-doc`, `share/man`, `share/info`.
//!
//! **Why it is safe.** Programs do not read it; people do, and not inside a container. Licences and
//! credits stay, and so do examples, programs, and documents that no package brought.
//!
//! **Evidence.** A program that names a document, with an absolute path or as `share/doc/...`,
//! keeps the documents of that package. Manual and info pages stay where a program that shows them
//! is in the image.
//!
//! **Example.** `/opt/conda/share/doc/sqlite`, `/opt/conda/share/man/man1/openssl.1`.

use super::{Context, Rule, Tier, docs};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "conda-docs",
    title: "conda documentation",
    tier: Tier::Safe,
    why: "manuals and help pages of packages; no program in the image names them",
    source: include_str!("conda_docs.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let shares = context
        .conda_prefixes
        .iter()
        .filter_map(|prefix| context.tree.child(*prefix, b"share"));
    let is_owned = |node| context.packages.is_installed(node);
    shares
        .flat_map(|share| docs::claims(context, &RULE, share, &is_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const PREFIX: &str = "[conda]\nc/conda-meta/s.json = {\"name\":\"s\",\"version\":\"1\",\"files\":[\"share/doc/s/index.html\",\"share/doc/s/LICENSE\",\"share/man/man1/s.1\",\"share/info/s.info\"]}\nc/share/doc/s/index.html = x\nc/share/doc/s/LICENSE = free\nc/share/man/man1/s.1 = x\nc/share/info/s.info = x\n";

    #[test]
    fn documents_go_and_licences_stay() {
        let found = decide_text(PREFIX);
        assert_eq!(
            found.gone,
            set(&[
                "/c/share/doc/s/index.html",
                "/c/share/man/man1/s.1",
                "/c/share/info/s.info"
            ])
        );
    }

    #[test]
    fn a_program_that_shows_its_own_documents_keeps_them() {
        let found = decide_text(&format!(
            "{PREFIX}c/bin/s = #!/bin/sh\\nopen $PREFIX/share/doc/s/index.html\n"
        ));
        assert_eq!(
            found.held["/c/share/doc/s/index.html"],
            "/c/bin/s names /c/share/doc/s/index.html"
        );
    }
}
