//! The history of sources that a RUN step fetched: `.git`, `.hg`, `.svn` folders.
//!
//! **Why it is safe.** What was checked out stays; the folder holds how it came about, and the
//! program that reads it is not in the image.
//!
//! **Evidence.** The folder stays where its program (`git`, `hg`, `svn`), or a library that reads
//! repositories without one, is in the image: version numbers are asked of it at run time. It stays where the
//! image works in the checkout, where a COPY brought it, and where a file of the checkout says `.git`.
//! Only folders that are repositories are taken: `HEAD` with `objects` and `refs`
//! (gitrepository-layout(5)), `requires` with `store`, `wc.db`.
//!
//! **Example.** `/opt/tool/.git` after `RUN git clone ... && make && apt-get purge git`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit, Word};

pub(super) const RULE: Rule = Rule {
    id: "vcs-metadata",
    title: "History of fetched sources (.git, .hg, .svn)",
    tier: Tier::Safe,
    why: "how the sources came about; what would read it is not in the image",
    source: include_str!("vcs_metadata.rs"),
    find,
};

/// A version control system.
struct System {
    folder: &'static [u8],
    /// What a repository holds at least.
    holds: &'static [&'static [u8]],
    /// Beginnings of the names of programs and libraries that read it: the program itself and its
    /// extensions, libgit2 and what is made of it, pure implementations.
    readers: &'static [&'static str],
}

const SYSTEMS: [System; 3] = [
    System {
        folder: b".git",
        holds: &[b"HEAD", b"objects", b"refs"],
        readers: &[
            "git",
            "libgit2",
            "pygit2",
            "dulwich",
            "gix",
            "jgit",
            "org.eclipse.jgit",
            "isomorphic-git",
            "nodegit",
            "tig",
            "jj",
            "gitoxide",
            "libgit",
        ],
    },
    System {
        folder: b".hg",
        holds: &[b"requires", b"store"],
        readers: &["hg", "mercurial"],
    },
    System {
        folder: b".svn",
        holds: &[b"wc.db"],
        readers: &["svn", "libsvn"],
    },
];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let mut out = Vec::new();
    for system in &SYSTEMS {
        let is_repository = |node: &NodeId| {
            tree.name(*node) == system.folder
                && system
                    .holds
                    .iter()
                    .all(|name| tree.child(*node, name).is_some())
        };
        let found: Vec<NodeId> = tree.walk(Tree::ROOT).filter(is_repository).collect();
        if found.is_empty() {
            continue;
        }
        let reader = reader(context, system);
        for folder in found {
            let unit = context.whole(folder);
            let by_run = unit
                .nodes()
                .iter()
                .all(|node| tree.leaf_of(*node).is_none() || made_by_run(*node));
            if by_run {
                out.push(claim(context, system, folder, unit, reader));
            }
        }
    }
    out
}

fn claim(
    context: &Context<'_>,
    system: &System,
    folder: NodeId,
    unit: Unit,
    reader: Option<NodeId>,
) -> Claim {
    let tree = context.tree;
    let checkout = tree.parent(folder);
    let reason = match reader {
        Some(reader) => Some(format!("{} may read it", tree.path(reader))),
        None => context
            .works_in(checkout)
            .then(|| "the image works in the checkout".to_owned()),
    };
    let inside = Word {
        text: system.folder.to_vec(),
        within: Some(checkout),
    };
    // Whoever else looks for a version begins with these.
    let outside = system.holds.iter().map(|name| Word {
        text: [system.folder, b"/", name].concat(),
        within: None,
    });
    let words = [inside].into_iter().chain(outside);
    let unit = Unit {
        guard: Guard::refused(reason),
        words: words.collect(),
        ..unit
    };
    Claim::new(&RULE, None, vec![unit])
}

/// A program, library or module that reads such repositories.
fn reader(context: &Context<'_>, system: &System) -> Option<NodeId> {
    let tree = context.tree;
    tree.walk(Tree::ROOT).find(|node| {
        let name = tree.name(*node);
        let folder = tree.name(tree.parent(*node));
        let is_known = |reader: &&str| {
            let rest = name.strip_prefix(reader.as_bytes());
            rest.is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphabetic))
        };
        let is_place = tree.leaf_of(*node).is_some() && folder == b"bin"
            || name.starts_with(b"lib")
            || name.ends_with(b".jar")
            || [
                b"site-packages".as_slice(),
                b"dist-packages",
                b"node_modules",
            ]
            .contains(&folder);
        is_place && system.readers.iter().any(is_known)
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide, decide_text, set};

    const CLONE: &str = "[RUN git clone]\nopt/t/.git/HEAD = ref\nopt/t/.git/objects/pack/a.pack = x\nopt/t/.git/refs/heads/main = 1\nopt/t/tool.py = x\n";

    #[test]
    fn the_history_of_installed_sources_goes() {
        let found = decide_text(CLONE);
        assert!(
            found.gone.contains("/opt/t/.git")
                && found.gone.contains("/opt/t/.git/refs/heads/main")
        );
        assert!(!found.gone.contains("/opt/t/tool.py"));
    }

    #[test]
    fn git_in_the_image_keeps_it() {
        let found = decide_text(&format!("{CLONE}usr/bin/git (0755) = x\n"));
        assert_eq!(found.held["/opt/t/.git"], "/usr/bin/git may read it");
    }

    #[test]
    fn an_app_that_asks_for_its_revision_keeps_it() {
        // Without git, by reading the files.
        let found = decide_text(&format!("{CLONE}opt/t/version.py = open('.git/HEAD')\n"));
        assert_eq!(
            found.held["/opt/t/.git"],
            "/opt/t/version.py asks for /opt/t/.git"
        );
        let app = serde_json::json!({ "WorkingDir": "/opt/t", "Cmd": ["python3", "tool.py"] });
        let found = decide(&ounce_testkit::image(CLONE).with_config(app));
        assert_eq!(found.held["/opt/t/.git"], "the image works in the checkout");
    }

    #[test]
    fn a_copied_checkout_and_a_folder_of_that_name_stay() {
        assert_eq!(
            decide_text(&CLONE.replace("RUN git clone", "COPY . /opt/t")).gone,
            set(&[])
        );
        assert_eq!(
            decide_text("[RUN x]\nopt/t/.git/config = x\n").gone,
            set(&[])
        );
    }
}
