//! Cargo's downloads: the registry's index, archives and unpacked sources, and clones of git
//! dependencies, below `~/.cargo` of any user and `$CARGO_HOME`.
//!
//! **Why it is safe.** cargo reads them when it builds; programs that were installed (`bin`) do not.
//! Cargo's documentation ("Cargo Home") lists them as what can be removed and is fetched again.
//!
//! **Evidence.** A folder of the sources that stays named, as `env!("CARGO_MANIFEST_DIR")` compiles it
//! into a program, keeps the crate; the file names of panic messages do not. Where cargo still is, with
//! a `Cargo.toml` that it could build, or set to work offline, or started by the image, everything
//! stays, and so does what a COPY put there: see `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/usr/local/cargo/registry/src/index.crates.io-1949cf8c6b5b557f/syn-2.0.119`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "cargo-cache",
    title: "Cargo registry cache",
    tier: Tier::Safe,
    why: "read by cargo when it builds, never by what is built",
    source: include_str!("cargo_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// The Cargo book, "Cargo Home": a registry's folder ends in a hash of its address.
const CACHE: Cache = Cache {
    tool: "cargo",
    places: &[
        Place::Home(".cargo/registry"),
        Place::Home(".cargo/git"),
        Place::Variable("CARGO_HOME", "registry"),
        Place::Variable("CARGO_HOME", "git"),
    ],
    marks: &["index/*-????????????????", "db/*-????????????????"],
    parts: &[
        "cache/*-????????????????/*.crate",
        "index/*-????????????????",
        "src/*-????????????????/*",
        "checkouts/*-????????????????",
        "db/*-????????????????",
    ],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    use crate::testing::decide;

    const CACHE: &str = "[RUN cargo install tool]\nroot/.cargo/bin/tool (0755) = \\x7fELF/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/a-1.0.0/src/lib.rs\nroot/.cargo/registry/cache/index.crates.io-1949cf8c6b5b557f/a-1.0.0.crate = x\nroot/.cargo/registry/index/index.crates.io-1949cf8c6b5b557f/.cache/a = x\nroot/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/a-1.0.0/src/lib.rs = x\nroot/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/a-1.0.0/data.txt = x\nroot/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/a-1.0.0/Cargo.toml = x\nroot/.cargo/git/db/b-0123456789abcdef/HEAD = x\nroot/.cargo/git/checkouts/b-0123456789abcdef/1/lib.rs = x\n";
    const SOURCE: &str =
        "/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/a-1.0.0/src/lib.rs";
    const ARCHIVE: &str =
        "/root/.cargo/registry/cache/index.crates.io-1949cf8c6b5b557f/a-1.0.0.crate";

    #[test]
    fn downloads_go_and_programs_stay() {
        let found = decide_text(CACHE);
        for path in [
            ARCHIVE,
            SOURCE,
            "/root/.cargo/git/db/b-0123456789abcdef/HEAD",
            "/root/.cargo/git/checkouts/b-0123456789abcdef/1/lib.rs",
            "/root/.cargo/registry/index/index.crates.io-1949cf8c6b5b557f/.cache/a",
        ] {
            assert!(found.gone.contains(path), "{path} {:?}", found.held);
        }
        assert!(!found.gone.contains("/root/.cargo/bin/tool"));
    }

    #[test]
    fn a_crate_whose_files_a_program_reads_stays() {
        let found = decide_text(&format!(
            "{CACHE}usr/bin/t = \\x7fELF /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/a-1.0.0\n"
        ));
        assert!(!found.gone.contains(SOURCE));
        assert!(found.gone.contains(ARCHIVE));
    }

    #[test]
    fn a_script_that_reads_a_source_keeps_it() {
        let found = decide_text(&format!("{CACHE}app/t.sh = cat {SOURCE}\n"));
        assert!(!found.gone.contains(SOURCE));
    }

    #[test]
    fn an_image_to_build_in_keeps_everything() {
        let cargo = "usr/bin/cargo (0755) = x\n";
        assert!(!decide_text(&format!("{CACHE}{cargo}")).gone.is_empty());
        let project = format!("{CACHE}{cargo}app/Cargo.toml = x\n");
        let found = decide_text(&project);
        assert_eq!(found.gone, set(&[]));
        assert_eq!(
            found.held[ARCHIVE],
            "cargo is in the image, and /app/Cargo.toml, which it may be there to build"
        );
        let offline = format!("{CACHE}root/.cargo/config.toml = [net]\\noffline = true\\n");
        assert_eq!(decide_text(&offline).gone, set(&[]));
        let config = serde_json::json!({ "Entrypoint": ["cargo"], "Cmd": ["build"] });
        let found = decide(&ounce_testkit::image(CACHE).with_config(config));
        assert_eq!(found.gone, set(&[]));
    }
}
