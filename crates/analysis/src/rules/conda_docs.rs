//! Documentation of conda environments: `share/doc`, `share/gtk-doc`, `share/man`, `share/info`.
//!
//! **Why it is safe.** Programs do not read it; people do, and not inside a container. Licences and
//! credits stay.
//!
//! **Evidence.** A program that names a document, with an absolute path or as `share/doc/...`,
//! keeps the documents of that package. Manual and info pages stay where a program that shows them
//! is in the image.
//!
//! **Example.** `/opt/conda/share/doc/sqlite`, `/opt/conda/share/man/man1/openssl.1`.

use super::{Context, Rule, Tier, docs};
use crate::finding::Claim;
use crate::packages::conda_prefixes;

pub(super) const RULE: Rule = Rule {
    id: "conda-docs",
    title: "conda documentation",
    tier: Tier::Safe,
    why: "for people to read; no program in the image names it",
    source: include_str!("conda_docs.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let shares = conda_prefixes(context.tree)
        .into_iter()
        .filter_map(|prefix| context.tree.child(prefix, b"share"));
    shares
        .flat_map(|share| docs::claims(context, &RULE, share))
        .collect()
}
