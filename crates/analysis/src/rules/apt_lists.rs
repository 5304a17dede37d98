//! apt's package lists, `/var/lib/apt/lists`.
//!
//! **Why it is safe.** The lists say what could be installed; nothing that is installed reads them.
//! They are out of date soon, and `apt-get update` brings them back. The folder, its `partial` and
//! its lock stay, so that it can.
//!
//! **Evidence.** Anything that stays and names a list by its path; a program that searches them, such
//! as `apt-file`; and an image that starts apt to install or to search, by itself or in a script.
//!
//! **Example.** `/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages`.

use super::{Context, Rule, Tier, installers};
use crate::finding::{Claim, Guard};

pub(super) const RULE: Rule = Rule {
    id: "apt-lists",
    title: "apt package lists",
    tier: Tier::Safe,
    why: "say what could be installed; apt-get update brings them back",
    source: include_str!("apt_lists.rs"),
    find,
};

/// Programs that search the lists when they are started, not to install.
const READERS: [&[u8]; 5] = [
    b"apt-file",
    b"apt-show-versions",
    b"aptitude",
    b"debsecan",
    b"reprepro",
];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let lists = context.folder("/var/lib/apt/lists");
    let reader = context.has_program(|name| READERS.contains(&name));
    let reader = Guard::refused(
        reader.then(|| "a program that searches the lists is in the image".to_owned()),
    );
    let claim = |area| {
        let guard = match &reader {
            Guard::Refused(_) => reader.clone(),
            _ => installers::guard(context, "apt", area),
        };
        let mut units = context.files(area, |node| context.tree.name(node) != b"lock");
        units
            .iter_mut()
            .for_each(|unit| unit.guard.clone_from(&guard));
        Claim::new(&RULE, Some(area), units)
    };
    lists.map(claim).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    #[test]
    fn lists_go_and_the_folder_and_its_lock_stay() {
        let found = decide_text(
            "[a]\nvar/lib/apt/lists/lock *0\nvar/lib/apt/lists/partial/\nvar/lib/apt/lists/x_Packages = p",
        );
        assert_eq!(found.gone, set(&["/var/lib/apt/lists/x_Packages"]));
    }

    #[test]
    fn a_list_that_a_script_reads_stays() {
        let found = decide_text(
            "[a]\nvar/lib/apt/lists/x_Packages = p\napp/versions.sh = grep Version /var/lib/apt/lists/x_Packages",
        );
        assert_eq!(
            found.held["/var/lib/apt/lists/x_Packages"],
            "/app/versions.sh names /var/lib/apt/lists/x_Packages"
        );
    }
}
