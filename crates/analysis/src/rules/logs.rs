//! What installers wrote while the image was built: logs in `/var/log`.
//!
//! **Why it is safe.** A log is written, not read. A file goes only when whoever would write it can
//! make it again: it belongs to root, or to the owner of its folder. Folders stay, and so do links
//! (to `/dev/stdout`), pipes and empty files.
//!
//! **Evidence.** Anything that stays and names a log by its path, or a folder of logs below
//! `/var/log`, keeps it: a service that opens a log without creating it would fail.
//!
//! **Example.** `/var/log/dpkg.log`, `/var/log/apt/history.log`.

use ounce_image::NodeId;

use super::{Context, Rule, Tier};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "logs",
    title: "Logs of the build",
    tier: Tier::Safe,
    why: "written while the image was built; whoever appends makes them again",
    source: include_str!("logs.rs"),
    find,
};

/// Write permission of group and others.
const SHARED_WRITE: u32 = 0o022;

fn find(context: &Context<'_>) -> Vec<Claim> {
    let Some(log) = context.folder("/var/log") else {
        return Vec::new();
    };
    let claim = |top: NodeId| {
        let units = context.files(top, |node| can_be_made_again(context, node));
        Claim {
            rule: &RULE,
            area: Some(top),
            units,
        }
    };
    // An area for each name in the folder: every program names /var/log, and means logs of its own.
    context
        .tree
        .children(log)
        .map(claim)
        .filter(|claim| !claim.units.is_empty())
        .collect()
}

fn can_be_made_again(context: &Context<'_>, node: NodeId) -> bool {
    let Some(file) = context.tree.attributes(node) else {
        return false;
    };
    let folder = context.tree.attributes(context.tree.parent(node));
    let owns_folder =
        folder.is_some_and(|folder| folder.uid == file.uid && folder.mode & 0o200 != 0);
    file.size > 0 && owns_folder && (file.uid != 0 || file.mode & SHARED_WRITE == 0)
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide, decide_text, set};

    const LOG: &str = "[a]\nvar/log/ (0755)\nvar/log/dpkg.log = x\nvar/log/empty.log *0\nvar/log/out.log -> /dev/stdout\nvar/log/db/ (0750 9:9)\nvar/log/db/db.log (0640 9:9) = x\n";

    #[test]
    fn what_its_owner_can_write_again_goes() {
        assert_eq!(
            decide_text(LOG).gone,
            set(&["/var/log/dpkg.log", "/var/log/db/db.log"])
        );
    }

    #[test]
    fn a_log_in_a_folder_of_another_owner_stays() {
        let found = decide_text(&format!("{LOG}var/log/app.log (0644 7:7) = x\n"));
        assert!(!found.gone.contains("/var/log/app.log"));
    }

    #[test]
    fn logs_of_a_folder_that_the_image_follows_stay() {
        let config = serde_json::json!({ "Cmd": ["sh", "-c", "tail -F /var/log/db/*.log"] });
        let found = decide(&ounce_testkit::image(LOG).with_config(config));
        assert_eq!(found.gone, set(&["/var/log/dpkg.log"]));
    }

    #[test]
    fn a_log_that_a_service_opens_stays() {
        let found = decide_text(&format!("{LOG}etc/db.conf = log=/var/log/db/db.log\n"));
        assert_eq!(
            found.held["/var/log/db/db.log"],
            "/etc/db.conf names /var/log/db/db.log"
        );
    }
}
