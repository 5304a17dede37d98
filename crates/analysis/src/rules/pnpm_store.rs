//! pnpm's store of files by their content, `~/.local/share/pnpm/store`, `.pnpm-store` and what
//! `$PNPM_HOME` says, and its copy of the index, `~/.cache/pnpm`.
//!
//! **Why it is safe.** pnpm hard-links or copies files from the store into `node_modules/.pnpm`, where they
//! live on; only their names in the store go. `pnpm store prune` and deleting the folder are
//! documented as safe. `links`, the global virtual store, and `dlx`, from which programs run, are not
//! touched.
//!
//! **Evidence.** A link that stays and leads into the store. The store stays when the image starts pnpm
//! to install, when the last step that calls pnpm only fetches, or a COPY put it there: see
//! `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/root/.local/share/pnpm/store/v10/files/00/3f5c...`, one more name of a file below
//! `/app/node_modules/.pnpm`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "pnpm-store",
    title: "pnpm store",
    tier: Tier::Safe,
    why: "read by pnpm when it installs, never by what is installed",
    source: include_str!("pnpm_store.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// pnpm's documentation, "Settings", `storeDir` and `cacheDir`; `pnpm store`.
const CACHE: Cache = Cache {
    tool: "pnpm",
    places: &[
        Place::Home(".local/share/pnpm/store"),
        Place::Home(".pnpm-store"),
        Place::Variable("PNPM_HOME", "store"),
        Place::Variable("XDG_DATA_HOME", "pnpm/store"),
        Place::Variable("npm_config_store_dir", ""),
        Place::UserCache("pnpm"),
    ],
    marks: &[
        "v[0-9]*/files/[0-9a-f][0-9a-f]",
        "metadata-v[0-9]*",
        "metadata-f*-v[0-9]*",
        "metadata/registry.*",
    ],
    parts: &["v[0-9]*/files", "v[0-9]*/index", "metadata*"],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    use crate::testing::decide;

    const STORE: &str = "[RUN pnpm install]\nroot/.local/share/pnpm/store/v10/files/00/ab = x\nroot/.local/share/pnpm/store/v10/index/00/ab.json = x\nroot/.cache/pnpm/metadata-v1.3/r/a.json = x\nroot/.cache/pnpm/dlx/1/node_modules/t.js = x\napp/node_modules/.modules.yaml = {\"storeDir\": \"/root/.local/share/pnpm/store/v10\"}\napp/node_modules/.pnpm/a@1/node_modules/a/i.js == root/.local/share/pnpm/store/v10/files/00/ab\n";

    #[test]
    fn the_store_goes_and_hard_linked_files_live_on() {
        let found = decide_text(STORE);
        for path in [
            "/root/.local/share/pnpm/store/v10/files/00/ab",
            "/root/.local/share/pnpm/store/v10/index/00/ab.json",
            "/root/.cache/pnpm/metadata-v1.3/r/a.json",
        ] {
            assert!(found.gone.contains(path), "{path}");
        }
        assert!(!found.gone.iter().any(|path| path.contains("node_modules")));
    }

    #[test]
    fn modules_that_are_links_into_the_store_keep_it() {
        let found = decide_text(&format!(
            "{STORE}app/node_modules/b -> /root/.local/share/pnpm/store/v10/files/00/ab\n"
        ));
        assert!(
            !found
                .gone
                .contains("/root/.local/share/pnpm/store/v10/files/00/ab")
        );
        let global = "[RUN pnpm install]\nroot/.local/share/pnpm/store/v10/links/a@1/i.js = x\napp/node_modules/a -> /root/.local/share/pnpm/store/v10/links/a@1\n";
        assert_eq!(decide_text(global).gone, set(&[]));
    }

    #[test]
    fn a_store_that_was_fetched_for_others_stays() {
        let pnpm = "usr/local/bin/pnpm (0755) = x\n";
        let base = STORE.replace("pnpm install", "pnpm fetch");
        assert_eq!(decide_text(&format!("{base}{pnpm}")).gone, set(&[]));
        let used = base.replace("pnpm fetch", "pnpm fetch && pnpm install --offline");
        assert!(!decide_text(&format!("{used}{pnpm}")).gone.is_empty());
        let later = format!("{base}{pnpm}[RUN pnpm install --offline]\napp/x = x\n");
        assert!(!decide_text(&later).gone.is_empty());
    }

    #[test]
    fn a_store_where_a_variable_says_goes() {
        let text = "[RUN pnpm i]\npnpm/store/v10/files/00/ab = x\n";
        let config = serde_json::json!({ "Env": ["PNPM_HOME=/pnpm"] });
        let found = decide(&ounce_testkit::image(text).with_config(config));
        assert!(found.gone.contains("/pnpm/store/v10/files/00/ab"));
    }
}
