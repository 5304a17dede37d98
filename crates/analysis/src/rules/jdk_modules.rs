//! The modules of a JDK for linking, `jmods/*.jmod`.
//!
//! **Why it is safe.** The virtual machine and the compiler read the library from `lib/modules`. The
//! archives in `jmods` hold the same classes once more, for `jlink`, which makes runtimes of them
//! ([JEP 282](https://openjdk.org/jeps/282)), for `jmod` and for `jpackage`.
//!
//! **Evidence.** A call of `jlink`, `jmod` or `jpackage` by name in anything that stays keeps them, and so
//! does a file that names them by path. They stay, too, where the JDK's tools are what the image is
//! for: where it starts one of them, where Maven, Gradle or another build tool is in it, or where it
//! starts nothing but a shell and `JAVA_HOME` says which JDK is meant. The JDK's own files name
//! these programs; they do not count.
//!
//! **Example.** `/usr/lib/jvm/java-17-openjdk-amd64/jmods/java.base.jmod`, 78 MB in all.

use ounce_image::NodeId;

use super::{Context, Rule, Tier, jdk};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "jdk-modules",
    title: "JDK modules for linking (jmods)",
    tier: Tier::Safe,
    why: "the library once more, for jlink, which nothing in the image calls",
    source: include_str!("jdk_modules.rs"),
    find,
};

/// The programs that read the archives.
const READERS: [&[u8]; 3] = [b"jlink", b"jmod", b"jpackage"];

fn find(context: &Context<'_>) -> Vec<Claim> {
    jdk::homes(context)
        .into_iter()
        .filter_map(|home| claim(context, home))
        .collect()
}

fn claim(context: &Context<'_>, home: NodeId) -> Option<Claim> {
    let tree = context.tree;
    let jmods = tree.child(home, b"jmods")?;
    tree.child(jmods, b"java.base.jmod")?;
    // A runtime that was linked without its library has nothing else to run from.
    let library = tree.child(home, b"lib")?;
    tree.child(library, b"modules")?;
    let bin = tree.child(home, b"bin")?;
    let unit = Unit {
        guard: Guard::refused(jdk::reason_to_keep(context, home)),
        programs: READERS
            .iter()
            .filter_map(|name| tree.child(bin, name))
            .collect(),
        ..context.whole(jmods)
    };
    Some(Claim::new(&RULE, None, vec![unit]))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide, decide_text, set};

    const JDK: &str = "[a]\nopt/jdk/bin/java (0755) = x\nopt/jdk/bin/jlink (0755) = jlink\nopt/jdk/lib/modules = jlink jmod\nopt/jdk/jmods/java.base.jmod = JM\n";

    fn gone() -> std::collections::BTreeSet<String> {
        set(&["/opt/jdk/jmods", "/opt/jdk/jmods/java.base.jmod"])
    }

    #[test]
    fn the_modules_go_although_the_jdk_itself_says_jlink() {
        assert_eq!(decide_text(JDK).gone, gone());
    }

    #[test]
    fn a_script_that_links_keeps_them() {
        let script =
            "app/build.sh (0755) = #!/bin/sh\\njlink --add-modules java.base --output /out\n";
        let found = decide_text(&format!("{JDK}{script}"));
        assert_eq!(
            found.held["/opt/jdk/jmods"],
            "/app/build.sh calls /opt/jdk/bin/jlink"
        );
    }

    #[test]
    fn a_builder_image_keeps_them() {
        let found = decide_text(&format!("{JDK}opt/maven/bin/mvn (0755) = x\n"));
        assert_eq!(
            found.held["/opt/jdk/jmods"],
            "/opt/maven/bin/mvn builds programs"
        );
        let start = |config| decide(&ounce_testkit::image(JDK).with_config(config));
        let shell = serde_json::json!({ "Cmd": ["jshell"] });
        assert_eq!(start(shell).gone, gone());
        let with_tool = format!("{JDK}opt/jdk/bin/jshell (0755) = x\n");
        let shell = serde_json::json!({ "Cmd": ["jshell"] });
        let found = decide(&ounce_testkit::image(&with_tool).with_config(shell));
        assert_eq!(
            found.held["/opt/jdk/jmods"],
            "the image starts the JDK's jshell"
        );
        let open = serde_json::json!({ "Cmd": ["/bin/bash"], "Env": ["JAVA_HOME=/opt/jdk"] });
        assert_eq!(start(open).gone, set(&[]));
    }

    #[test]
    fn a_runtime_without_its_library_keeps_them() {
        let text = JDK.replace("opt/jdk/lib/modules = jlink jmod\n", "");
        assert_eq!(decide_text(&text).gone, set(&[]));
    }
}
