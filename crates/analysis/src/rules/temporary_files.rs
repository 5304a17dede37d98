//! Files in `/tmp` and `/var/tmp`.
//!
//! **Why it is safe.** The File Hierarchy Standard (3.18, 5.15) lets them vanish at any time
//! between two runs of a program. The folders themselves, their modes and every folder in them
//! stay.
//!
//! **Evidence.** Only files that a RUN step made are found; what a COPY or ADD may have put there, in
//! whatever layer, or what no history tells of, stays. So does a file that can be executed.
//! Anything that stays, or the image's own command, environment, working folder or volumes, and names
//! a file or folder in `/tmp` keeps what is there. `/tmp` itself counts where the image's config or
//! a home in `/etc/passwd` names it; programs name it for files of their own.
//!
//! **Example.** `/tmp/hsperfdata_root/17`, `/tmp/tmpx0a7.tar.gz`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier, caches};
use crate::finding::{Claim, Guard, Word};

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
    let made_by_run = context.made_by_run();
    let folders = ["/tmp", "/var/tmp"]
        .into_iter()
        .filter_map(|path| context.folder(path));
    let claim = |(folder, top): (NodeId, NodeId)| {
        let guard = Guard::refused(
            named(context, folder)
                .then(|| "the image's config or a home names this folder".to_owned()),
        );
        let mut units = context.files(top, |node| is_data(context, node) && made_by_run(node));
        for unit in &mut units {
            unit.guard.clone_from(&guard);
            unit.words = name(tree, top);
        }
        Claim::new(&RULE, Some(top), units)
    };
    // An area for each name in the folder: every program names /tmp, and means files of its own.
    let tops = folders.flat_map(|folder| {
        tree.children(folder)
            .map(move |top| (folder, top))
            .collect::<Vec<_>>()
    });
    tops.map(claim)
        .filter(|claim| !claim.units.is_empty())
        .collect()
}

/// The name of what lies in `/tmp` itself, for programs that ask where that is (`tempfile.gettempdir()`);
/// not one that is just a word.
fn name(tree: &Tree<'_>, top: NodeId) -> Vec<Word> {
    let text = tree.name(top).to_vec();
    let is_name = text.len() > 4 && text.iter().any(|b| !b.is_ascii_alphabetic());
    let word = Word { text, within: None };
    is_name.then_some(word).into_iter().collect()
}

fn is_data(context: &Context<'_>, node: NodeId) -> bool {
    context
        .tree
        .attributes(node)
        .is_some_and(|file| file.mode & 0o111 == 0)
}

/// Whether the config or a user's home is this folder, or a place in it where the image starts.
fn named(context: &Context<'_>, folder: NodeId) -> bool {
    let tree = context.tree;
    let texts = context.config.run_time_texts();
    let start = texts
        .get("WorkingDir")
        .and_then(|list| list.first())
        .and_then(|path| tree.resolve(path.as_bytes()));
    let words = texts
        .values()
        .flatten()
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || "=:,;'\"".contains(c)));
    let homes = caches::passwd_homes(tree);
    let homes = homes.iter().map(String::as_str);
    let is_folder =
        |path: &str| path.starts_with('/') && tree.resolve(path.as_bytes()) == Some(folder);
    start.is_some_and(|start| tree.is_within(start, folder)) || words.chain(homes).any(is_folder)
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
    fn what_a_copy_may_have_put_there_stays() {
        let copy = "[/bin/sh -c #(nop) COPY file:1 in /tmp/]\ntmp/a.py = x\n";
        assert_eq!(decide_text(copy).gone, set(&[]));
        let chown = format!("{copy}[/bin/sh -c chown nobody /tmp/a.py]\ntmp/a.py (9:9) = x\n");
        assert!(!decide_text(&chown).gone.contains("/tmp/a.py"));
        assert_eq!(
            decide_text("[Imported from -]\ntmp/a.py = x").gone,
            set(&[])
        );
    }

    #[test]
    fn an_image_that_works_in_the_folder_keeps_it() {
        let text = "[RUN x]\ntmp/a.py = x";
        for config in [
            serde_json::json!({ "WorkingDir": "/tmp" }),
            serde_json::json!({ "Env": ["PYTHONPATH=/tmp"] }),
            serde_json::json!({ "Volumes": { "/tmp": {} } }),
        ] {
            let found = decide(&ounce_testkit::image(text).with_config(config));
            assert_eq!(found.gone, set(&[]));
        }
        let home = format!("{text}\netc/passwd = svc:x:9:9::/tmp:/bin/sh\\n");
        assert_eq!(decide_text(&home).gone, set(&[]));
    }
}
