//! Go's module cache, `pkg/mod` below `~/go`, `$GOPATH` and `/go`, and its build cache,
//! `~/.cache/go-build`.
//!
//! **Why it is safe.** go reads them when it builds; the program that was built holds all it needs. `go
//! clean -cache -modcache` removes them. Toolchains that go fetched for itself
//! (`golang.org/toolchain@`) are not touched.
//!
//! **Evidence.** A program compiled without `-trimpath` names the sources it was made of, and may find
//! files beside them (`runtime.Caller`): their modules stay. Where go still is, with a `go.mod` that it
//! could build, or the image starts go, everything stays, and so does what a COPY put there: see
//! `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/root/.cache/go-build/00`, `/go/pkg/mod/cache/download`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "go-cache",
    title: "Go module and build cache",
    tier: Tier::Safe,
    why: "read by go when it builds, never by what is built",
    source: include_str!("go_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// cmd/go, "Build and test caching" and "Module cache" (go.dev/ref/mod#module-cache): modules are
/// `HOST/PATH@VERSION`. The second name of one below `golang.org` may be `toolchain@VERSION`.
const CACHE: Cache = Cache {
    tool: "go",
    places: &[
        Place::Home("go/pkg/mod"),
        Place::Path("/go/pkg/mod"),
        Place::Variable("GOPATH", "pkg/mod"),
        Place::Variable("GOMODCACHE", ""),
        Place::UserCache("go-build"),
        Place::Variable("GOCACHE", ""),
    ],
    marks: &["cache/lock", "00"],
    parts: &[
        "cache/download",
        "cache/vcs",
        "*/{[!t],t[!o]}*@v*",
        "*/*/?*@v*",
        "*/*/*/?*@v*",
        "*/*/*/*/?*@v*",
        "[0-9a-f][0-9a-f]",
    ],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const CACHE: &str = "[RUN go build]\nroot/.cache/go-build/README = x\nroot/.cache/go-build/00/00ab-d = x\nroot/go/pkg/mod/cache/lock *0\nroot/go/pkg/mod/cache/download/a.b/c/@v/v1.zip = x\nroot/go/pkg/mod/a.b/c/d@v1.0.0/d.go = x\nroot/go/pkg/mod/a.b/c/d@v1.0.0/go.mod = x\nroot/go/pkg/mod/gopkg.in/yaml.v3@v3.0.1/y.go = x\nroot/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.22.0.linux-amd64/bin/go (0755) = x\n";

    #[test]
    fn modules_and_objects_go_and_toolchains_stay() {
        let found = decide_text(CACHE);
        for path in [
            "/root/.cache/go-build/00/00ab-d",
            "/root/go/pkg/mod/cache/download/a.b/c/@v/v1.zip",
            "/root/go/pkg/mod/a.b/c/d@v1.0.0/d.go",
            "/root/go/pkg/mod/gopkg.in/yaml.v3@v3.0.1/y.go",
        ] {
            assert!(found.gone.contains(path), "{path}");
        }
        assert!(!found.gone.iter().any(|path| path.contains("toolchain")));
    }

    #[test]
    fn a_module_that_a_program_was_made_of_stays() {
        let found = decide_text(&format!(
            "{CACHE}usr/bin/t = \\x7fELF/root/go/pkg/mod/a.b/c/d@v1.0.0/d.go\n"
        ));
        assert!(!found.gone.contains("/root/go/pkg/mod/a.b/c/d@v1.0.0/d.go"));
        assert!(
            found
                .gone
                .contains("/root/go/pkg/mod/gopkg.in/yaml.v3@v3.0.1/y.go")
        );
    }

    #[test]
    fn an_image_to_build_in_keeps_everything() {
        let go = "usr/local/go/bin/go (0755) = x\nusr/local/go/src/go.mod = x\n";
        assert!(!decide_text(&format!("{CACHE}{go}")).gone.is_empty());
        assert_eq!(
            decide_text(&format!("{CACHE}{go}src/go.mod = x\n")).gone,
            set(&[])
        );
    }

    #[test]
    fn a_base_image_with_modules_for_others_keeps_them() {
        let base = CACHE.replace("go build", "go mod download");
        let go = "usr/local/go/bin/go (0755) = x\n";
        assert_eq!(decide_text(&format!("{base}{go}")).gone, set(&[]));
    }
}
