//! npm's cache of downloads, `~/.npm/_cacache` of any user and `$npm_config_cache`, and npm's own logs.
//!
//! **Why it is safe.** npm reads it when it installs; `node_modules` holds copies. `npm cache clean
//! --force` removes it. The packages of `npx` (`_npx`), which lie in the same folder, are not touched:
//! `npx` starts them from there.
//!
//! **Evidence.** Anything that stays and names a file in it. The cache stays when the image starts npm to
//! install, when it is set to work offline, or a COPY put it there: see
//! `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/root/.npm/_cacache/content-v2/sha512`, `/root/.npm/_logs`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "npm-cache",
    title: "npm cache and logs",
    tier: Tier::Safe,
    why: "read by npm when it installs, never by what is installed",
    source: include_str!("npm_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// npm's documentation, folders, "Cache"; logging, "Logs".
const CACHE: Cache = Cache {
    tool: "npm",
    places: &[
        Place::Home(".npm"),
        Place::Variable("npm_config_cache", ""),
        Place::Variable("NPM_CONFIG_CACHE", ""),
    ],
    marks: &["_cacache/index-v*", "_logs/*-debug-*.log"],
    parts: &[
        "_cacache/content-v*",
        "_cacache/index-v*",
        "_cacache/tmp",
        "_logs/*.log",
    ],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    use crate::testing::decide;

    const CACHE: &str = "[RUN npm ci]\nroot/.npm/_cacache/content-v2/sha512/a = x\nroot/.npm/_cacache/index-v5/b = x\nroot/.npm/_logs/1-debug-0.log = x\nroot/.npm/_npx/1/node_modules/t/x.js = x\napp/node_modules/a/index.js = x\n";

    /// What goes when the image has this command and environment.
    fn gone(text: &str, command: &[&str], env: &[&str]) -> usize {
        let config = serde_json::json!({ "Cmd": command, "Env": env, "WorkingDir": "/app" });
        let found = decide(&ounce_testkit::image(text).with_config(config));
        found
            .gone
            .iter()
            .filter(|path| path.contains("npm/_"))
            .count()
    }

    #[test]
    fn downloads_and_logs_go_and_modules_stay() {
        let found = decide_text(CACHE);
        for path in [
            "_cacache/content-v2/sha512/a",
            "_cacache/index-v5/b",
            "_logs/1-debug-0.log",
        ] {
            assert!(found.gone.contains(&format!("/root/.npm/{path}")), "{path}");
        }
        assert!(!found.gone.iter().any(|path| path.contains("node_modules")));
    }

    #[test]
    fn an_image_that_installs_when_it_starts_keeps_it() {
        assert_ne!(gone(CACHE, &["npm", "start"], &[]), 0);
        assert_eq!(
            gone(CACHE, &["sh", "-c", "npm ci --offline && npm start"], &[]),
            0
        );
        let script = format!(
            "{CACHE}app/run.sh (0755) = #!/bin/sh\\n# starts\\ncd /app && npm install\\n\n"
        );
        assert_eq!(gone(&script, &["./run.sh"], &[]), 0);
        let through = format!("{script}usr/bin/entry (0755) = #!/bin/sh\\nexec /app/run.sh\\n");
        assert_eq!(gone(&through, &["entry"], &["PATH=/usr/bin"]), 0);
        assert_ne!(gone(&through, &["node", "x.js"], &["PATH=/usr/bin"]), 0);
    }

    #[test]
    fn an_image_that_works_offline_keeps_it() {
        assert_eq!(
            gone(CACHE, &["node", "x.js"], &["npm_config_offline=true"]),
            0
        );
        let settings = format!("{CACHE}root/.npmrc = prefer-offline = true\\n");
        assert_eq!(gone(&settings, &["node", "x.js"], &[]), 0);
    }

    #[test]
    fn a_cache_where_a_variable_says_goes() {
        let text = CACHE.replace("root/.npm", "var/npm");
        let env = ["npm_config_cache=/var/npm"];
        assert_eq!(
            gone(&text, &["node", "x.js"], &env),
            gone(CACHE, &["node", "x.js"], &[])
        );
        assert_eq!(decide_text(&text).gone, set(&[]));
    }

    #[test]
    fn a_cache_that_was_copied_there_stays() {
        let copied = CACHE.replace(
            "[RUN npm ci]",
            "[COPY --from=build /root/.npm /root/.npm # buildkit]",
        );
        assert_eq!(decide_text(&copied).gone, set(&[]));
    }

    #[test]
    fn what_an_app_serves_from_the_cache_stays() {
        let app = format!(
            "{CACHE}app/serve.js = const root = os.homedir() + '/.npm/_cacache/content-v2/'\n"
        );
        let found = decide_text(&app);
        assert!(
            !found
                .gone
                .contains("/root/.npm/_cacache/content-v2/sha512/a")
        );
        assert!(found.gone.contains("/root/.npm/_cacache/index-v5/b"));
    }

    #[test]
    fn a_cache_in_a_volume_stays() {
        let config = serde_json::json!({ "Volumes": { "/root": {} } });
        let found = decide(&ounce_testkit::image(CACHE).with_config(config));
        assert_eq!(found.gone, set(&[]));
        assert_eq!(
            found.held["/root/.npm/_cacache/index-v5/b"],
            "it lies in the image's volume /root"
        );
    }

    #[test]
    fn a_cache_that_a_link_stands_for_stays() {
        let text = CACHE.replace("root/.npm", "data/npm");
        let found = decide_text(&format!("{text}root/.npm -> /data/npm\n"));
        assert_eq!(found.gone, set(&[]));
    }
}
