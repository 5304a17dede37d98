//! ldconfig's notes on the libraries that it has looked at, `/var/cache/ldconfig/aux-cache`.
//!
//! **Why it is safe.** Only ldconfig reads them, so as not to open each library again, and makes them
//! anew (glibc's elf/cache.c, `load_aux_cache`). The loader's own cache, `/etc/ld.so.cache`, stays.
//!
//! **Evidence.** Anything that stays and names the file, but for ldconfig.
//!
//! **Example.** `/var/cache/ldconfig/aux-cache`.

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Unit};

pub(super) const RULE: Rule = Rule {
    id: "ldconfig-cache",
    title: "ldconfig's auxiliary cache",
    tier: Tier::Safe,
    why: "read by ldconfig alone, which makes it anew",
    source: include_str!("ldconfig_cache.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let cache = tree
        .resolve(b"/var/cache/ldconfig/aux-cache")
        .filter(|node| tree.is_file(*node));
    let claim = |node| Claim::new(&RULE, None, vec![Unit::names(vec![node])]);
    cache.map(claim).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const CACHE: &str = "[a]\nvar/cache/ldconfig/aux-cache = x\netc/ld.so.cache = x\nsbin/ldconfig (0755) = \\x7fELF/var/cache/ldconfig/aux-cache\n";

    #[test]
    fn the_notes_go_and_the_cache_of_the_loader_stays() {
        assert_eq!(
            decide_text(CACHE).gone,
            set(&["/var/cache/ldconfig/aux-cache"])
        );
    }

    #[test]
    fn notes_that_a_program_reads_stay() {
        let found = decide_text(&format!("{CACHE}app/t = /var/cache/ldconfig/aux-cache\n"));
        assert_eq!(found.gone, set(&[]));
    }
}
