//! Where JDKs are, for the rules about them.

use ounce_image::{NodeId, Tree};

use super::Context;

/// Programs that build Java programs: they may link them with the JDK's own modules.
const BUILDERS: [&str; 15] = [
    "mvn",
    "mvnw",
    "mvnd",
    "gradle",
    "gradlew",
    "ant",
    "sbt",
    "mill",
    "lein",
    "bazel",
    "jbang",
    "jreleaser",
    "native-image",
    "proguard",
    "proguard.sh",
];

/// What an image starts that is not there for the JDK itself.
const RUNNERS: [&str; 1] = ["java"];

/// Shells, in which users may start anything.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "zsh", "fish"];

/// The homes of JDKs: folders whose `bin` holds `java` or `javac`.
pub(super) fn homes(context: &Context<'_>) -> Vec<NodeId> {
    let tree = context.tree;
    let bins = tree
        .walk(Tree::ROOT)
        .filter(|node| tree.name(*node) == b"bin" && tree.is_directory(*node));
    bins.filter(|bin| program(context, *bin, b"java") || program(context, *bin, b"javac"))
        .map(|bin| tree.parent(bin))
        .collect()
}

fn program(context: &Context<'_>, bin: NodeId, name: &[u8]) -> bool {
    let program = context.tree.child(bin, name);
    program.is_some_and(|node| !context.tree.is_directory(node))
}

/// Why this JDK's tools, and not only its virtual machine, are what the image is for.
pub(super) fn reason_to_keep(context: &Context<'_>, home: NodeId) -> Option<String> {
    let tree = context.tree;
    let is_builder = |name: &[u8]| BUILDERS.iter().any(|known| known.as_bytes() == name);
    let builder = tree
        .walk(Tree::ROOT)
        .find(|node| tree.leaf_of(*node).is_some() && is_builder(tree.name(*node)));
    if let Some(builder) = builder {
        return Some(format!("{} builds programs", tree.path(builder)));
    }
    let started = context.started();
    let is_tool = |name: &&String| {
        let bin = tree.child(home, b"bin");
        let tool = bin.and_then(|bin| tree.child(bin, name.as_bytes()));
        tool.is_some() && !RUNNERS.contains(&name.as_str())
    };
    if let Some(tool) = started.iter().find(is_tool) {
        return Some(format!("the image starts the JDK's {tool}"));
    }
    let is_open = started.iter().all(|name| SHELLS.contains(&name.as_str()));
    let chosen = context.config.env("JAVA_HOME");
    let is_chosen = chosen.is_some_and(|path| tree.resolve(path.as_bytes()) == Some(home));
    (is_open && is_chosen)
        .then(|| "the image starts nothing but a shell, and its JAVA_HOME is this JDK".to_owned())
}
