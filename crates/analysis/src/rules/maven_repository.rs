//! Maven's local repository of downloaded artifacts, `~/.m2/repository` of any user.
//!
//! **Why it is safe.** Maven reads it when it builds, and fetches it again; what was built and put
//! together runs without. Where nothing else can use it, it is a leftover.
//!
//! **Evidence.** Programs may run off the repository: whoever names one file of it, as a class path does,
//! keeps all of it, because jars name others. Where Maven still is, with a `pom.xml` that it could
//! build, a wrapper (`mvnw`), artifacts that were installed here and are nowhere else, or the setting
//! `offline`, everything stays, and so does what a COPY put there: see
//! `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/root/.m2/repository`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "maven-repository",
    title: "Maven local repository",
    tier: Tier::Safe,
    why: "read by Maven when it builds, never by what is built",
    source: include_str!("maven_repository.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// Maven's documentation, "Settings Reference", localRepository.
const CACHE: Cache = Cache {
    tool: "maven",
    places: &[Place::Home(".m2")],
    marks: &["repository"],
    parts: &["repository"],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    use crate::testing::decide;

    const CACHE: &str = "[RUN mvn package]\nroot/.m2/repository/org/a/1/a-1.jar = x\nroot/.m2/repository/org/b/1/b-1.jar = x\nroot/.m2/settings.xml = x\napp/app.jar = x\n";

    #[test]
    fn the_repository_goes_and_settings_stay() {
        let found = decide_text(CACHE);
        assert!(found.gone.contains("/root/.m2/repository/org/a/1/a-1.jar"));
        assert!(!found.gone.contains("/root/.m2/settings.xml"));
    }

    #[test]
    fn a_class_path_into_the_repository_keeps_all_of_it() {
        for text in [
            "java -cp /root/.m2/repository/org/a/1/a-1.jar A",
            "java -cp ~/.m2/repository/org/a/1/a-1.jar A",
        ] {
            let found = decide_text(&format!("{CACHE}app/start = {text}\n"));
            assert_eq!(found.gone, set(&[]), "{text}");
        }
    }

    #[test]
    fn a_script_that_collects_the_jars_keeps_them() {
        let script =
            "app/start (0755) = #!/bin/sh\\njava -cp $(find ~/.m2/repository -name '*.jar') A\n";
        let config = serde_json::json!({ "Entrypoint": ["/app/start"] });
        let found = decide(&ounce_testkit::image(&format!("{CACHE}{script}")).with_config(config));
        assert_eq!(found.gone, set(&[]));
    }

    #[test]
    fn an_image_that_runs_through_maven_keeps_it() {
        let config = serde_json::json!({ "Cmd": ["mvn", "-o", "exec:java"] });
        let found = decide(&ounce_testkit::image(CACHE).with_config(config));
        assert_eq!(found.gone, set(&[]));
        let project = format!("{CACHE}usr/bin/mvn (0755) = x\nsrc/pom.xml = x\n");
        assert_eq!(decide_text(&project).gone, set(&[]));
        let installed = format!("{CACHE}root/.m2/repository/me/a/maven-metadata-local.xml = x\n");
        assert_eq!(decide_text(&installed).gone, set(&[]));
    }
}
