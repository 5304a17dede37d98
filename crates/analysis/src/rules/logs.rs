//! What installers wrote while the image was built: logs in `/var/log`.
//!
//! **Why it is safe.** Only logs of package managers and installers are taken, which those append to
//! and make again. A file goes only when its owner can do so: it belongs to root, or to the owner
//! of its folder. Logs of services, folders, links (to `/dev/stdout`), pipes and empty files stay.
//!
//! **Evidence.** Anything that stays and names a log by its path, or a folder of logs below
//! `/var/log` or all of them (`/var/log/*.log`), keeps it: a service that opens a log without creating it would fail.
//!
//! **Example.** `/var/log/dpkg.log`, `/var/log/apt/history.log`.

use std::sync::LazyLock;

use globset::GlobSet;
use ounce_image::NodeId;

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Word};
use crate::globs;

pub(super) const RULE: Rule = Rule {
    id: "logs",
    title: "Logs of the build",
    tier: Tier::Safe,
    why: "written while the image was built; a program that logs there makes the file anew",
    source: include_str!("logs.rs"),
    find,
};

/// Logs that package managers and installers append to: dpkg(1) --log, update-alternatives(1),
/// apt.conf(5) Dir::Log, debootstrap(8), fc-cache of Debian's fontconfig, dnf(8), yum(8), zypper(8).
const INSTALLERS: [&str; 12] = [
    "dpkg.log*",
    "alternatives.log*",
    "bootstrap.log",
    "fontconfig.log",
    "apt/*",
    "installer/**",
    "unattended-upgrades/*",
    "dnf*.log*",
    "hawkey.log*",
    "yum.log*",
    "zypper.log*",
    "zypp/*",
];

static LOGS: LazyLock<GlobSet> = LazyLock::new(|| {
    let globs: Vec<_> = INSTALLERS
        .iter()
        .map(|log| format!("/var/log/{log}"))
        .collect();
    globs::set(globs.iter().map(String::as_str)).expect("a test builds the list")
});

/// Write permission of group and others.
const SHARED_WRITE: u32 = 0o022;

fn find(context: &Context<'_>) -> Vec<Claim> {
    let Some(log) = context.folder("/var/log") else {
        return Vec::new();
    };
    let claim = |top: NodeId| {
        let mut units = context.files(top, |node| {
            is_of_installer(context, node) && can_be_made_again(context, node)
        });
        for unit in &mut units {
            // Whoever follows all logs there are.
            unit.words = vec![Word {
                text: b"/var/log/*".to_vec(),
                within: None,
            }];
        }
        Claim::new(&RULE, Some(top), units)
    };
    // An area for each name in the folder: every program names /var/log, and means logs of its own.
    context
        .tree
        .children(log)
        .map(claim)
        .filter(|claim| !claim.units.is_empty())
        .collect()
}

fn is_of_installer(context: &Context<'_>, node: NodeId) -> bool {
    globs::matches(&LOGS, &context.tree.path(node))
}

fn can_be_made_again(context: &Context<'_>, node: NodeId) -> bool {
    let Some(file) = context.tree.attributes(node) else {
        return false;
    };
    let folder = context.tree.attributes(context.tree.parent(node));
    let owns_folder =
        folder.is_some_and(|folder| folder.uid == file.uid && folder.mode & 0o200 != 0);
    file.size > 0 && owns_folder && file.mode & SHARED_WRITE == 0
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide, decide_text, set};

    const LOG: &str = "[a]\nvar/log/ (0755)\nvar/log/dpkg.log = x\nvar/log/alternatives.log *0\nvar/log/apt/ (0755)\nvar/log/apt/term.log (0640) = x\nvar/log/out.log -> /dev/stdout\n";

    #[test]
    fn logs_of_installers_go() {
        assert_eq!(
            decide_text(LOG).gone,
            set(&["/var/log/dpkg.log", "/var/log/apt/term.log"])
        );
    }

    #[test]
    fn logs_of_services_and_logs_that_others_own_stay() {
        let found = decide_text(&format!(
            "{LOG}var/log/db/db.log = x\nvar/log/dnf.log (0664 7:7) = x\n"
        ));
        assert_eq!(found.gone, decide_text(LOG).gone);
    }

    #[test]
    fn the_folder_that_a_service_logs_to_stays() {
        let service = "var/log/mysql/ (0750 7:7)\nvar/log/unattended-upgrades/ (0755)\nvar/log/unattended-upgrades/a.log = x\n";
        let found = decide_text(&format!("{LOG}{service}"));
        assert!(found.gone.contains("/var/log/unattended-upgrades/a.log"));
        assert!(!found.gone.contains("/var/log/mysql"));
        assert!(!found.gone.contains("/var/log/unattended-upgrades"));
    }

    #[test]
    fn logs_of_a_folder_that_the_image_follows_stay() {
        let config = serde_json::json!({ "Cmd": ["sh", "-c", "tail -F /var/log/apt/*.log"] });
        let found = decide(&ounce_testkit::image(LOG).with_config(config));
        assert_eq!(found.gone, set(&["/var/log/dpkg.log"]));
    }

    #[test]
    fn a_log_that_a_program_opens_stays() {
        let found = decide_text(&format!("{LOG}srv/report.conf = log=/var/log/dpkg.log\n"));
        assert_eq!(
            found.held["/var/log/dpkg.log"],
            "/srv/report.conf names /var/log/dpkg.log"
        );
    }
}
