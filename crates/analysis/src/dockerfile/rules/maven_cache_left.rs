//! `mvn package` without removing Maven's repository in the same RUN: plugins and dependencies that only the build
//! needs, as the packed application brings its own.
//!
//! **Fix.** `~/.m2/repository` is removed at the end of the RUN. *Unsafe*: a container may be started by Maven, or with a
//! class path into the repository; no fix where the file shows that. No fix either where a later RUN builds
//! from what this one downloaded: mount the repository there, `RUN --mount=type=cache,target=/root/.m2`.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN mvn -B package
//! ENTRYPOINT ["java", "-jar", "/src/target/app.jar"]
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN mvn -B package && rm -rf ~/.m2/repository
//! ENTRYPOINT ["java", "-jar", "/src/target/app.jar"]
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule, started};
use crate::dockerfile::model::Call;

pub(super) static RULE: Rule = Rule {
    id: "maven-cache-left",
    title: "Maven's repository left in a layer",
    others: &[],
    cost: "50 to 500 MB",
    source: include_str!("maven_cache_left.rs"),
    find,
};

const PROGRAMS: &[&str] = &["mvn", "mvnw"];

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| works(call) && !cleaning::is_sudo(call),
    cleans: |call| {
        call.program == "rm" && call.words.iter().any(|word| word.pattern.contains(".m2"))
    },
    paths: &["/root/.m2"],
    mounted_as: &[".m2", "maven"],
    moved_by: &["MAVEN_OPTS", "MAVEN_ARGS"],
    command: |_| "rm -rf ~/.m2/repository".to_owned(),
    needs_program: false,
    uses: None,
    feeds: Some(works),
    is_known: |_, _| false,
    what: "Maven's repository stays in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut found = CLEANING.find(context);
    let names_repository = memchr::memmem::find(context.model.file.text, b".m2").is_some();
    for finding in &mut found {
        let is_alone = started::starts_none(context, finding.instruction, PROGRAMS);
        if names_repository || !is_alone {
            finding.fix = None;
        }
    }
    found
}

fn works(call: &Call) -> bool {
    let goals = call.arguments().any(|word| !word.starts_with('-'));
    let is_elsewhere = call
        .arguments()
        .any(|word| word.contains("maven.repo.local"));
    PROGRAMS.contains(&call.program.as_str()) && goals && !is_elsewhere
}
