//! `gradle build` without removing Gradle's caches in the same RUN: dependencies, plugins, and what the wrapper
//! downloaded.
//!
//! **Fix.** The folders `caches` and `wrapper` of Gradle's home are removed at the end of the RUN. *Unsafe*: a container
//! may be started by Gradle; no fix where the file shows that. None either without `--no-daemon`, as a daemon that still
//! runs writes there, and where a later RUN builds from what this one downloaded: mount the caches there, `RUN
//! --mount=type=cache,target=/root/.gradle`.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN ./gradlew --no-daemon bootJar
//! ENTRYPOINT ["java", "-jar", "/src/build/libs/app.jar"]
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN ./gradlew --no-daemon bootJar && rm -rf "${GRADLE_USER_HOME:-$HOME/.gradle}/caches" "${GRADLE_USER_HOME:-$HOME/.gradle}/wrapper"
//! ENTRYPOINT ["java", "-jar", "/src/build/libs/app.jar"]
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule, started};
use crate::dockerfile::model::Call;

pub(super) static RULE: Rule = Rule {
    id: "gradle-cache-left",
    title: "Gradle's caches left in a layer",
    others: &[],
    cost: "100 MB to 1 GB",
    source: include_str!("gradle_cache_left.rs"),
    find,
};

const PROGRAMS: &[&str] = &["gradle", "gradlew"];

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| works(call) && !cleaning::is_sudo(call),
    cleans: |call| {
        call.program == "rm"
            && call
                .words
                .iter()
                .any(|word| word.pattern.contains(".gradle"))
    },
    paths: &["/root/.gradle", "/home/gradle/.gradle"],
    mounted_as: &["gradle"],
    moved_by: &[],
    command: |_| {
        let home = "${GRADLE_USER_HOME:-$HOME/.gradle}";
        format!("rm -rf \"{home}/caches\" \"{home}/wrapper\"")
    },
    needs_program: false,
    uses: None,
    feeds: Some(works),
    is_known: |_, _| false,
    what: "Gradle's caches stay in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut found = CLEANING.find(context);
    for finding in &mut found {
        let script = context.model.scripts.get(&finding.instruction);
        let has_daemon = script.is_none_or(|script| {
            let mut calls = script.calls.iter().filter(|call| works(call));
            calls.any(|call| !call.has(&["--no-daemon"]))
        });
        let is_alone = started::starts_none(context, finding.instruction, PROGRAMS);
        if has_daemon || !is_alone {
            finding.fix = None;
        }
    }
    found
}

fn works(call: &Call) -> bool {
    let has_home = call.has(&["-g", "--gradle-user-home", "--version", "-v", "--help"]);
    PROGRAMS.contains(&call.program.as_str()) && call.words.len() > 1 && !has_home
}
