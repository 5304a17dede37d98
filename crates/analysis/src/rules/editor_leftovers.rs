//! What editors and file managers leave beside the files that people look at: vi's swap files,
//! `.DS_Store` of macOS, `Thumbs.db` of Windows.
//!
//! **Why it is safe.** They hold the state of a program on somebody's desk: unsaved changes, the place of
//! icons, small pictures. Each is taken only when it begins as its format does, and when a package or
//! a RUN step brought it: a COPY may be on purpose. Backups such as `x~` stay: a service that reads
//! all files of a folder reads them too.
//!
//! **Evidence.** Anything that stays and names the file keeps it.
//!
//! **Example.** `/app/node_modules/x/.DS_Store`, `/etc/.nginx.conf.swp`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Unit};

pub(super) const RULE: Rule = Rule {
    id: "editor-leftovers",
    title: "Leftovers of editors and file managers",
    tier: Tier::Safe,
    why: "state of a program on somebody's desk",
    source: include_str!("editor_leftovers.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let left = tree.walk(Tree::ROOT).filter(|node| {
        let magic = magic(tree.name(*node));
        let is_brought = || {
            let in_package = || {
                tree.path(*node)
                    .components()
                    .any(|part| part == b"node_modules")
            };
            made_by_run(*node) || context.packages.is_installed(*node) || in_package()
        };
        magic.is_some_and(|magic| begins_with(context, *node, magic)) && is_brought()
    });
    left.map(|node| Claim::new(&RULE, None, vec![Unit::names(vec![node])]))
        .collect()
}

/// How a file of this name begins. vim: `B0_MAGIC` in memline.c. `.DS_Store`: the buddy allocator's
/// header. `Thumbs.db`: a compound file (MS-CFB 2.2).
fn magic(name: &[u8]) -> Option<&'static [u8]> {
    match name {
        b".DS_Store" => Some(b"\0\0\0\x01Bud1"),
        b"Thumbs.db" => Some(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        _ if name.starts_with(b".") && (name.ends_with(b".swp") || name.ends_with(b".swo")) => {
            Some(b"b0VIM ")
        }
        _ => None,
    }
}

fn begins_with(context: &Context<'_>, node: NodeId, magic: &[u8]) -> bool {
    let start = context.start::<8>(node);
    start.is_some_and(|start| start.starts_with(magic))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const LEFT: &str =
        "etc/.a.conf.swp = b0VIM 9.0\nsrv/.DS_Store = \\x00\\x00\\x00\\x01Bud1\\x00\n";

    #[test]
    fn leftovers_of_a_build_go() {
        let found = decide_text(&format!("[RUN vi]\n{LEFT}"));
        assert_eq!(found.gone, set(&["/etc/.a.conf.swp", "/srv/.DS_Store"]));
    }

    #[test]
    fn other_files_of_such_names_and_backups_stay() {
        let found = decide_text(
            "[RUN x]\netc/.a.swp = data\nsrv/.DS_Store = x\netc/nginx/sites/a~ = x\netc/nginx/sites/a = y\n",
        );
        assert_eq!(found.gone, set(&[]));
    }

    #[test]
    fn what_was_copied_stays_outside_of_packages() {
        let found = decide_text(&format!(
            "[COPY . /]\n{LEFT}app/node_modules/x/.DS_Store = \\x00\\x00\\x00\\x01Bud1\\x00\n"
        ));
        assert_eq!(found.gone, set(&["/app/node_modules/x/.DS_Store"]));
    }
}
