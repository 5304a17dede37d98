//! Documentation of the distribution: `/usr/share/doc`, `man`, `info`, `gtk-doc`, and the same
//! under `/usr/local`.
//!
//! **Why it is safe.** Programs do not read it. Debian allows leaving it out at installation
//! (dpkg.cfg(5), `path-exclude`) and ships its own minimal images so. Copyright files and other
//! licences stay, as Debian policy 12.5 and most licences demand; links and folders stay too.
//!
//! **Evidence.** A program that names a document keeps the documents of that package. Manual and
//! info pages stay where a program that shows them is in the image. The lists of files that package
//! managers keep, and the links of `update-alternatives` from one manual page to another, do not
//! count: see `crates/analysis/src/knowledge/harmless.toml`.
//!
//! **Example.** `/usr/share/doc/libc6/changelog.Debian.gz`.

use super::{Context, Rule, Tier, docs};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "distribution-docs",
    title: "Distribution documentation",
    tier: Tier::Safe,
    why: "for people to read; no program in the image names it",
    source: include_str!("distribution_docs.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let shares = ["/usr/share", "/usr/local/share"]
        .into_iter()
        .filter_map(|path| context.folder(path));
    shares
        .flat_map(|share| docs::claims(context, &RULE, share))
        .collect()
}
