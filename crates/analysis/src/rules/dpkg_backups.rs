//! The versions before the last of dpkg's and debconf's databases: `*-old` in `/var/lib/dpkg` and
//! `/var/cache/debconf`.
//!
//! **Why it is safe.** dpkg and debconf write them beside each new version and never read them (dpkg(1),
//! "Files"; debconf.conf(5), "File", Backup). What is read, `status`, `templates.dat` and the rest,
//! stays.
//!
//! **Evidence.** A file goes only with the one that it is a copy of beside it. Anything that stays and
//! names it keeps it.
//!
//! **Example.** `/var/cache/debconf/templates.dat-old`, `/var/lib/dpkg/status-old`.

use ounce_image::NodeId;

use super::{Context, Rule, Tier};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "dpkg-backups",
    title: "Backups of dpkg's databases",
    tier: Tier::Safe,
    why: "the versions before the last; nothing reads them",
    source: include_str!("dpkg_backups.rs"),
    find,
};

/// Databases that are written with a backup (dpkg's lib/dpkg/atomic-file.c and its users; debconf's
/// Debconf/DbDriver/File.pm).
const DATABASES: [(&str, &[&str]); 2] = [
    (
        "/var/lib/dpkg",
        &["status", "available", "diversions", "statoverride"],
    ),
    (
        "/var/cache/debconf",
        &["config.dat", "templates.dat", "passwords.dat"],
    ),
];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let claim = |(folder, names): (&str, &[&str])| {
        let folder = context.folder(folder)?;
        let is_backup = |node: NodeId| {
            let of = tree.name(node).strip_suffix(b"-old");
            of.is_some_and(|of| {
                names.iter().any(|name| name.as_bytes() == of) && tree.child(folder, of).is_some()
            })
        };
        Some(Claim::new(&RULE, None, context.files(folder, is_backup)))
    };
    let claims = DATABASES.into_iter().filter_map(claim);
    claims.filter(|claim| !claim.units.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    #[test]
    fn backups_go_and_databases_stay() {
        let found = decide_text(
            "[a]\nvar/lib/dpkg/status = x\nvar/lib/dpkg/status-old = x\nvar/cache/debconf/templates.dat = x\nvar/cache/debconf/templates.dat-old = x\n",
        );
        assert_eq!(
            found.gone,
            set(&[
                "/var/cache/debconf/templates.dat-old",
                "/var/lib/dpkg/status-old"
            ])
        );
    }

    #[test]
    fn a_backup_that_is_the_last_copy_stays() {
        let found = decide_text(
            "[a]\nvar/lib/dpkg/status-old = x\nvar/lib/dpkg/info/a-old = x\nvar/lib/dpkg/info/a = x\n",
        );
        assert_eq!(found.gone, set(&[]));
    }

    #[test]
    fn a_backup_that_a_script_compares_stays() {
        let found = decide_text(
            "[a]\nvar/lib/dpkg/status = x\nvar/lib/dpkg/status-old = x\napp/d.sh = diff /var/lib/dpkg/status-old /var/lib/dpkg/status\n",
        );
        assert_eq!(found.gone, set(&[]));
    }
}
