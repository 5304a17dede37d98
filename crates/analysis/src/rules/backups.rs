//! Backups that package managers and account tools make of their own files: `/var/lib/dpkg/status-old`,
//! `/etc/passwd-`, `/var/cache/debconf/*.dat-old`, `/var/backups`.
//!
//! **Why it is safe.** Each is the state before the last change, written anew with the next one; only a
//! person who repairs a system by hand reads it. The files themselves, which scanners and
//! programs read, stay.
//!
//! **Evidence.** Only where the file that it is a backup of is still there. In `/var/backups` only what
//! Debian's own daily job puts there, and in `/etc` also the versions of configuration that dpkg, ucf
//! and rpm set aside while a RUN step installed (`*.dpkg-dist`, `*.rpmnew`), but not where a program reads all
//! files of a folder. Anything that stays and names the backup keeps it.
//!
//! **Example.** `/var/lib/dpkg/status-old`, `/etc/shadow-`.

use std::sync::LazyLock;

use globset::GlobSet;
use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Unit};
use crate::globs;

pub(super) const RULE: Rule = Rule {
    id: "backups",
    title: "Backups of databases and accounts",
    tier: Tier::Safe,
    why: "the state before the last change; the files themselves stay",
    source: include_str!("backups.rs"),
    find,
};

/// Endings of backups by where they are: dpkg(1) and debconf(7) write `-old`, shadow's tools `-`
/// (lib/commonio.c, `create_backup`).
const BESIDE: [(&str, &str); 4] = [
    (
        "/var/lib/dpkg/{status,available,diversions,statoverride}-old",
        "-old",
    ),
    (
        "/var/cache/debconf/{config,passwords,templates}.dat-old",
        "-old",
    ),
    ("/etc/{passwd,group,shadow,gshadow,subuid,subgid}-", "-"),
    ("/var/lib/apt/extended_states-old", "-old"),
];

/// What dpkg-db-backup and apt's daily job copy there (dpkg's debian/dpkg.cron.daily).
const DAILY: [&str; 6] = [
    "/var/backups/dpkg.status.*",
    "/var/backups/dpkg.diversions.*",
    "/var/backups/dpkg.statoverride.*",
    "/var/backups/dpkg.arch.*",
    "/var/backups/alternatives.tar.*",
    "/var/backups/apt.extended_states.*",
];

/// What is set aside when a configuration file changed on both sides: dpkg(1), ucf(1), rpm(8).
const ASIDE: [&str; 9] = [
    ".dpkg-old",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-bak",
    ".ucf-old",
    ".ucf-dist",
    ".ucf-new",
    ".rpmnew",
    ".rpmsave",
];

static DAILY_GLOBS: LazyLock<GlobSet> =
    LazyLock::new(|| globs::set(DAILY).expect("a test builds the list"));
static BESIDE_GLOBS: LazyLock<Vec<(GlobSet, &str)>> = LazyLock::new(|| {
    let build = |glob| globs::set([glob]).expect("a test builds the list");
    BESIDE.map(|(glob, ending)| (build(glob), ending)).into()
});

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let backups = tree.walk(Tree::ROOT).filter(|node| {
        tree.is_file(*node)
            && (is_beside(context, *node)
                || globs::matches(&DAILY_GLOBS, &tree.path(*node))
                || (is_aside(context, *node) && made_by_run(*node)))
    });
    backups
        .map(|node| Claim::new(&RULE, None, vec![Unit::names(vec![node])]))
        .collect()
}

fn is_beside(context: &Context<'_>, node: NodeId) -> bool {
    let name = context.tree.name(node);
    // Most names are told apart without putting their path together.
    if !name.ends_with(b"-") && !name.ends_with(b"-old") {
        return false;
    }
    let path = context.tree.path(node);
    BESIDE_GLOBS
        .iter()
        .any(|(globs, ending)| globs::matches(globs, &path) && has_original(context, node, ending))
}

/// A configuration file below a folder of `/etc` whose files are named one by one, not read all: those are
/// called `*.d`, `*-enabled`, `cron.*`.
fn is_aside(context: &Context<'_>, node: NodeId) -> bool {
    let tree = context.tree;
    let Some(ending) = ASIDE
        .iter()
        .find(|ending| tree.name(node).ends_with(ending.as_bytes()))
    else {
        return false;
    };
    let folder = tree.name(tree.parent(node));
    let reads_all =
        folder.ends_with(b".d") || folder.ends_with(b"-enabled") || folder.starts_with(b"cron.");
    tree.path(node).components().next() == Some(b"etc")
        && !reads_all
        && has_original(context, node, ending)
}

fn has_original(context: &Context<'_>, node: NodeId, ending: &str) -> bool {
    let tree = context.tree;
    let original = tree.name(node).strip_suffix(ending.as_bytes());
    original.is_some_and(|original| tree.child(tree.parent(node), original).is_some())
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    #[test]
    fn backups_go_where_the_file_stays() {
        let found = decide_text(
            "[RUN x]\nvar/lib/dpkg/status = \\n\nvar/lib/dpkg/status-old = x\netc/shadow = x\netc/shadow- = x\netc/group- = x\nvar/cache/debconf/config.dat = x\nvar/cache/debconf/config.dat-old = x\netc/a.conf = x\netc/a.conf.dpkg-dist = x\n",
        );
        let gone = set(&[
            "/var/lib/dpkg/status-old",
            "/etc/shadow-",
            "/var/cache/debconf/config.dat-old",
            "/etc/a.conf.dpkg-dist",
        ]);
        assert_eq!(found.gone, gone);
    }

    #[test]
    fn files_that_only_look_like_backups_stay() {
        let found = decide_text(
            "[RUN x]\nsrv/passwd = x\nsrv/passwd- = x\nvar/backups/db.sql = x\netc/conf.d/a = x\netc/conf.d/a.dpkg-old = x\n",
        );
        assert_eq!(found.gone, set(&[]));
    }

    #[test]
    fn a_backup_that_a_job_compares_with_stays() {
        let found = decide_text(
            "[RUN x]\netc/shadow = x\netc/shadow- = x\nsrv/audit.sh = diff /etc/shadow /etc/shadow-\n",
        );
        assert_eq!(
            found.held["/etc/shadow-"],
            "/srv/audit.sh names /etc/shadow-"
        );
    }
}
