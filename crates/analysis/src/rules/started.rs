//! What the image starts: the commands of its config, and the scripts that they lead to.

use std::collections::BTreeSet;

use ounce_image::{NodeId, Tree};

use super::Context;

/// A text with commands.
pub(super) struct Started {
    /// `the image's Cmd`, or the script's path.
    pub(super) from: String,
    /// The text.
    pub(super) text: String,
}

/// The keys of the config that hold commands (OCI image specification, config.md; Healthcheck is
/// Docker's).
const KEYS: [&str; 3] = ["Entrypoint", "Cmd", "Healthcheck"];
/// What is larger is data with a first line that starts it.
const MAX_SCRIPT: u64 = 1 << 18;
/// Scripts that call scripts are followed until there are so many.
const MAX_SCRIPTS: usize = 64;

/// The image's commands and the scripts that they name, directly or through other scripts.
pub(super) fn texts(context: &Context<'_>) -> Vec<Started> {
    let tree = context.tree;
    let config = context.config.run_time_texts();
    let command = |key: &&str| {
        config.get(*key).map(|words| Started {
            from: format!("the image's {key}"),
            text: words.join(" "),
        })
    };
    let mut texts: Vec<Started> = KEYS.iter().filter_map(command).collect();
    let start = config
        .get("WorkingDir")
        .and_then(|list| tree.resolve(list.first()?.as_bytes()));
    let programs: Vec<NodeId> = context.program_folders().collect();
    let mut seen = BTreeSet::new();
    let mut at = 0;
    while at < texts.len() && seen.len() < MAX_SCRIPTS {
        let mut scripts: Vec<NodeId> = Vec::new();
        for word in words(&texts[at].text) {
            let from = |folder: &NodeId| tree.resolve_from(*folder, word.as_bytes(), |_| {});
            scripts.extend(from(&start.unwrap_or(Tree::ROOT)));
            scripts.extend(
                programs
                    .iter()
                    .filter(|_| !word.contains('/'))
                    .filter_map(from),
            );
        }
        scripts.retain(|script| seen.insert(*script));
        texts.extend(scripts.into_iter().filter_map(|script| read(tree, script)));
        at += 1;
    }
    texts
}

/// The words of a command line or script.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "'\";|&()`,[]{}".contains(c))
        .filter(|word| !word.is_empty())
}

/// The text of a file that begins with `#!` (execve(2), "Interpreter scripts").
fn read(tree: &Tree<'_>, node: NodeId) -> Option<Started> {
    let leaf = tree.leaf_of(node).filter(|_| tree.is_file(node))?;
    let content = tree.read(leaf);
    if !content.begins_with(b"#!") {
        return None;
    }
    let text = content.read_all(MAX_SCRIPT).ok()?;
    Some(Started {
        from: tree.path(node).to_string(),
        text: String::from_utf8_lossy(&text).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::decide;

    #[test]
    fn scripts_that_start_each_other_are_read_once() {
        let text = "[RUN x]\nroot/.cache/pip/http-v2/a = x\napp/a (0755) = #!/bin/sh\\n./b; ./a\napp/b (0755) = #!/bin/sh\\n./a; python -m pip install b\napp/e *0\n";
        let config = serde_json::json!({ "Cmd": ["./e", "./a"], "WorkingDir": "/app" });
        let found = decide(&ounce_testkit::image(text).with_config(config));
        assert_eq!(
            found.held["/root/.cache/pip/http-v2/a"],
            "/app/b starts pip install"
        );
    }
}
