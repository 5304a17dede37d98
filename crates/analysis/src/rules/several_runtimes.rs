//! Pythons and JDKs beside the one that the image's `PATH` leads to.
//!
//! **Why it is opt-in.** Something may start each of them: a conda environment's own Python, a script with the
//! version in its first line. Who knows that all of it runs with one of them can build the image with that
//! one alone.
//!
//! **Evidence.** Folders with `os.py` below `lib` (`lib/python3.11`), and homes of JDKs; the first one that `PATH`
//! or `JAVA_HOME` leads to is the one that is kept without a word.
//!
//! **Example.** `/usr/lib/python3.11` of Debian beside `/opt/conda/lib/python3.12`, 30 MB.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier, jdk};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "several-runtimes",
    title: "Second Pythons and JDKs",
    tier: Tier::OptIn,
    why: "the image has another one, which its PATH leads to",
    source: include_str!("several_runtimes.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let pythons = pythons(context.tree);
    let mut jdks = jdk::homes(context);
    jdks.retain(|home| *home != Tree::ROOT && context.tree.child(*home, b"lib").is_some());
    jdks.retain(|home| context.tree.child(*home, b"release").is_some());
    let python = on_path(context, &["python3", "python"]).and_then(|program| {
        let home = context.tree.parent(context.tree.parent(program));
        let below = |node: &&NodeId| context.tree.is_within(**node, home);
        let name = context.tree.name(program);
        let named = pythons.iter().filter(below);
        named
            .clone()
            .find(|node| context.tree.name(**node) == name)
            .or_else(|| named.clone().next())
    });
    let java_home = context
        .config
        .env("JAVA_HOME")
        .and_then(|home| context.folder(&home));
    let java = on_path(context, &["java"]).or(java_home);
    let java = java.and_then(|at| jdks.iter().find(|home| context.tree.is_within(at, **home)));
    let mut out = claims(context, "Pythons", &pythons, python);
    out.extend(claims(context, "JDKs", &jdks, java));
    out
}

/// The libraries of Pythons: `lib/python3.11` with `os.py`.
fn pythons(tree: &Tree<'_>) -> Vec<NodeId> {
    let is_library = |node: &NodeId| {
        tree.name(*node).starts_with(b"python3.")
            && tree.name(tree.parent(*node)) == b"lib"
            && tree.child(*node, b"os.py").is_some()
    };
    tree.walk(Tree::ROOT).filter(is_library).collect()
}

/// The file that the first folder of `PATH` has under one of these names, links followed.
fn on_path(context: &Context<'_>, names: &[&str]) -> Option<NodeId> {
    let path = context.config.env("PATH").unwrap_or_default();
    let folders = path.split(':').filter_map(|folder| context.folder(folder));
    folders
        .flat_map(|folder| names.iter().map(move |name| (folder, name)))
        .find_map(|(folder, name)| context.tree.resolve_from(folder, name.as_bytes(), |_| {}))
}

/// A claim for each runtime but the one that is found first; none when that is not known.
fn claims(context: &Context<'_>, kind: &str, all: &[NodeId], first: Option<&NodeId>) -> Vec<Claim> {
    let Some(first) = first.filter(|_| all.len() > 1) else {
        return Vec::new();
    };
    let others = all.iter().filter(|node| *node != first);
    let claim = |node: &NodeId| {
        let (count, first) = (all.len(), context.tree.path(*first));
        let unit = Unit {
            guard: Guard::Refused(format!(
                "one of {count} {kind}; what starts it would have to run with the one in {first}"
            )),
            ..context.whole(*node)
        };
        Claim::new(&RULE, None, vec![unit])
    };
    others.map(claim).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::decide_image_guarded;

    const TWO: &str = "[a]\nusr/bin/python3 -> python3.11\nusr/bin/python3.11 (0755) = x\nusr/lib/python3.11/os.py = x\nopt/c/bin/python3 (0755) = x\nopt/c/lib/python3.12/os.py = x\nopt/c/lib/python3.12/a.py = x\n";

    fn held(path: &str) -> Vec<String> {
        let config = serde_json::json!({ "Env": [format!("PATH={path}")], "Cmd": ["app"] });
        let found = decide_image_guarded(&ounce_testkit::image(TWO).with_config(config));
        found
            .held
            .into_keys()
            .filter(|path| path.ends_with(".py"))
            .collect()
    }

    #[test]
    fn the_one_that_the_path_does_not_lead_to_is_named() {
        assert_eq!(held("/opt/c/bin:/usr/bin"), ["/usr/lib/python3.11/os.py"]);
        let other = ["/opt/c/lib/python3.12/a.py", "/opt/c/lib/python3.12/os.py"];
        assert_eq!(held("/usr/bin:/opt/c/bin"), other);
        assert_eq!(held("/bin"), [""; 0]);
    }
}
