//! What a JDK brings for people: `demo`, `sample` and manual pages in its home.
//!
//! **Why it is safe.** Demonstrations and samples are sources and archives to look at; the virtual
//! machine's class path never holds them. The manual pages are those of its tools.
//!
//! **Evidence.** Anything that stays and names one of them by path keeps it. Manual pages stay where a
//! program that shows them is in the image, and demonstrations where the JDK's tools are what the image
//! is for.
//!
//! **Example.** `/opt/conda/lib/jvm/man/man1/javac.1`, `/usr/lib/jvm/java-17-openjdk-amd64/demo`.

use ounce_image::NodeId;

use super::{Context, Rule, Tier, docs, jdk};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "jdk-extras",
    title: "JDK demonstrations and manual pages",
    tier: Tier::Safe,
    why: "for people to look at; the virtual machine never opens them",
    source: include_str!("jdk_extras.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    // A runtime that was linked for a program may lie in the folder of the program.
    let is_whole = |home: &NodeId| {
        let file = |folder: &[u8], name: &[u8]| {
            let folder = tree.child(*home, folder);
            folder.is_some_and(|folder| {
                tree.child(folder, name)
                    .is_some_and(|node| tree.is_file(node))
            })
        };
        file(b"bin", b"javac") && (file(b"lib", b"modules") || file(b"lib", b"tools.jar"))
    };
    let homes = jdk::homes(context).into_iter().filter(is_whole);
    homes.flat_map(|home| claims(context, home)).collect()
}

fn claims(context: &Context<'_>, home: NodeId) -> Vec<Claim> {
    let tree = context.tree;
    let folder = |name: &&[u8]| {
        tree.child(home, name)
            .filter(|node| tree.is_directory(*node))
    };
    let guard = Guard::refused(jdk::reason_to_keep(context, home));
    let shown = [b"demo".as_slice(), b"sample"];
    let mut out: Vec<Claim> = shown
        .iter()
        .filter_map(folder)
        .map(|area| {
            let unit = Unit {
                guard: guard.clone(),
                ..context.whole(area)
            };
            Claim::new(&RULE, None, vec![unit])
        })
        .collect();
    out.extend(folder(&b"man".as_slice()).map(|area| docs::manual(context, &RULE, area, |_| true)));
    out
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const JDK: &str = "[a]\nopt/jdk/bin/java (0755) = x\nopt/jdk/bin/javac (0755) = x\nopt/jdk/lib/modules = x\nopt/jdk/demo/jfc/J2D.jar = x\nopt/jdk/man/man1/java.1 = x\n";

    #[test]
    fn demonstrations_and_pages_go() {
        let found = decide_text(JDK);
        assert_eq!(
            found.gone,
            set(&[
                "/opt/jdk/demo",
                "/opt/jdk/demo/jfc",
                "/opt/jdk/demo/jfc/J2D.jar",
                "/opt/jdk/man/man1/java.1"
            ])
        );
    }

    #[test]
    fn a_demo_that_the_image_runs_stays() {
        let found = decide_text(&format!(
            "{JDK}app/run = java -jar /opt/jdk/demo/jfc/J2D.jar\n"
        ));
        assert!(found.held.contains_key("/opt/jdk/demo/jfc/J2D.jar"));
    }

    #[test]
    fn a_demo_folder_of_something_else_stays() {
        let runtime = JDK.replace("bin/javac", "bin/app");
        assert_eq!(decide_text(&runtime).gone, set(&[]));
    }

    #[test]
    fn a_man_page_viewer_keeps_the_pages() {
        let found = decide_text(&format!("{JDK}usr/bin/man (0755) = x\n"));
        assert!(found.held.contains_key("/opt/jdk/man/man1/java.1"));
    }
}
