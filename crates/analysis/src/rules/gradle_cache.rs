//! Gradle's downloads and intermediate results, `caches` below `~/.gradle` of any user and
//! `$GRADLE_USER_HOME`, and the logs of its daemons.
//!
//! **Why it is safe.** Gradle reads them when it builds, and makes them again; what was built and put
//! together runs without. Distributions that the wrapper fetched (`wrapper`) are not touched.
//!
//! **Evidence.** Whoever names one file of the caches, as a class path does, keeps all of them. Where
//! Gradle still is, with a project that it could build, or a wrapper (`gradlew`) anywhere, everything
//! stays, and so does what a COPY put there: see `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/root/.gradle/caches/modules-2`, `/root/.gradle/daemon/8.5/daemon-17.out.log`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "gradle-cache",
    title: "Gradle cache",
    tier: Tier::Safe,
    why: "read by Gradle when it builds, never by what is built",
    source: include_str!("gradle_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// Gradle's user manual, "Directories and Files", Gradle User Home directory.
const CACHE: Cache = Cache {
    tool: "gradle",
    places: &[
        Place::Home(".gradle"),
        Place::Variable("GRADLE_USER_HOME", ""),
    ],
    marks: &["caches/modules-*", "caches/jars-*", "caches/CACHEDIR.TAG"],
    parts: &["caches", "daemon/*/daemon-*.out.log"],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const CACHE: &str = "[RUN gradle build]\nroot/.gradle/caches/modules-2/files-2.1/a.jar = x\nroot/.gradle/daemon/8.5/daemon-17.out.log = x\nroot/.gradle/wrapper/dists/gradle-8.5/bin/gradle = x\nroot/.gradle/gradle.properties = x\n";

    #[test]
    fn caches_and_logs_go_and_distributions_and_settings_stay() {
        let found = decide_text(CACHE);
        assert!(
            found
                .gone
                .contains("/root/.gradle/caches/modules-2/files-2.1/a.jar")
        );
        assert!(
            found
                .gone
                .contains("/root/.gradle/daemon/8.5/daemon-17.out.log")
        );
        assert!(
            !found
                .gone
                .iter()
                .any(|path| path.contains("wrapper") || path.contains("properties"))
        );
    }

    #[test]
    fn an_image_to_build_in_keeps_everything() {
        for project in [
            "app/gradlew (0755) = x\n",
            "opt/gradle/bin/gradle (0755) = x\napp/build.gradle.kts = x\n",
        ] {
            assert_eq!(
                decide_text(&format!("{CACHE}{project}")).gone,
                set(&[]),
                "{project}"
            );
        }
    }
}
