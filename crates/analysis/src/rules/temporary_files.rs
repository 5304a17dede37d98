//! Files in `/tmp` and `/var/tmp`.
//!
//! **Why it is safe.** The File Hierarchy Standard (3.18, 5.15) lets them vanish at any time
//! between two runs of a program. The folders themselves, their modes and every folder in them
//! stay.
//!
//! **Evidence.** Anything that stays, or the image's own command, environment, working folder or
//! volumes, and names a file or folder in `/tmp` keeps what is there; naming `/tmp` itself does not
//! count. A file that can be executed, one that a `COPY` or `ADD` put there, and every file when the
//! image starts in `/tmp` stay: they were perhaps put there on purpose.
//!
//! **Example.** `/tmp/hsperfdata_root/17`, `/tmp/tmpx0a7.tar.gz`.

use ounce_image::NodeId;

use super::{Context, Rule, Tier};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "temporary-files",
    title: "Temporary files",
    tier: Tier::Safe,
    why: "left behind by the build where nothing may rely on files",
    source: include_str!("temporary_files.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let steps = context.config.layer_steps(tree.layers().len());
    let working_folder = context
        .config
        .run_time_texts()
        .remove("WorkingDir")
        .unwrap_or_default();
    let start = working_folder
        .first()
        .and_then(|path| tree.resolve(path.as_bytes()));
    let folders = ["/tmp", "/var/tmp"]
        .into_iter()
        .filter_map(|path| context.folder(path));
    let claim = |top: NodeId| {
        let starts_here = start.is_some_and(|start| tree.is_within(start, tree.parent(top)));
        let mut units = context.files(top, |node| !can_be_executed(context, node));
        for unit in &mut units {
            unit.guard = if starts_here {
                Some("the image starts in this folder".to_owned())
            } else {
                copied(context, unit.nodes()[0], &steps)
            };
        }
        Claim {
            rule: &RULE,
            area: Some(top),
            units,
        }
    };
    // An area for each name in the folder: every program names /tmp, and means files of its own.
    folders
        .flat_map(|folder| tree.children(folder).collect::<Vec<_>>())
        .map(claim)
        .filter(|claim| !claim.units.is_empty())
        .collect()
}

fn can_be_executed(context: &Context<'_>, node: NodeId) -> bool {
    context
        .tree
        .attributes(node)
        .is_none_or(|file| file.mode & 0o111 != 0)
}

/// Whether the step that made the file's layer copied it there.
fn copied(context: &Context<'_>, node: NodeId, steps: &[Option<String>]) -> Option<String> {
    let layer = context.tree.node_entry(node)?.layer as usize;
    let step = steps.get(layer)?.as_deref()?;
    // Docker's classic builder writes `/bin/sh -c #(nop) COPY ...`, BuildKit `COPY ... # buildkit`.
    let instruction = step
        .split_once("#(nop)")
        .map_or(step, |(_, instruction)| instruction)
        .trim_start();
    ["COPY", "ADD"]
        .iter()
        .any(|word| instruction.starts_with(word))
        .then(|| "a COPY or ADD of the Dockerfile put it there".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide, decide_text, set};

    #[test]
    fn files_go_and_folders_and_programs_stay() {
        let found = decide_text(
            "[RUN make]\ntmp/ (1777)\ntmp/build/a.o = x\ntmp/tool (0755) = x\ntmp/cache/",
        );
        assert_eq!(found.gone, set(&["/tmp/build/a.o"]));
    }

    #[test]
    fn what_the_image_names_stays() {
        let text = "[RUN make]\ntmp/data/x = x\ntmp/y = y";
        let found = decide(
            &ounce_testkit::image(text)
                .with_config(serde_json::json!({ "Env": ["DATA=/tmp/data"] })),
        );
        assert_eq!(found.gone, set(&["/tmp/y"]));
    }

    #[test]
    fn what_a_copy_put_there_and_where_the_image_starts_stays() {
        let copied = decide_text("[/bin/sh -c #(nop) COPY file:1 in /tmp/]\ntmp/a.py = x");
        assert_eq!(
            copied.held["/tmp/a.py"],
            "a COPY or ADD of the Dockerfile put it there"
        );
        let starts = decide(
            &ounce_testkit::image("[RUN x]\ntmp/a.py = x")
                .with_config(serde_json::json!({ "WorkingDir": "/tmp" })),
        );
        assert_eq!(starts.gone, set(&[]));
    }
}
