//! A conda environment installed from an environment file: what is solved for today is not what was solved for
//! when the image was tested.
//!
//! **Fix.** None: write an explicit lock, `conda list --explicit --sha256` in an image that works, and install that.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN micromamba install -y -n base -f /env.yml
//! ```
//!
//! is better written as
//!
//! ```dockerfile
//! RUN micromamba install -y -n base -f /explicit.lock
//! ```

use super::{Context, Finding, Rule, conda};

pub(super) static RULE: Rule = Rule {
    id: "unlocked-environment",
    title: "A conda environment without a lock",
    others: &[],
    cost: "nothing but that no build can be repeated",
    source: include_str!("unlocked_environment.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        for call in script.calls.iter().filter(|call| conda::installs(call)) {
            let parts = conda::parts(call).unwrap_or_default();
            let files = conda::values(&parts, &["-f", "--file"]);
            let file = files
                .iter()
                .find(|path| path.ends_with(".yml") || path.ends_with(".yaml"));
            if let Some(file) = file.filter(|path| !path.contains("lock")) {
                let message =
                    format!("{file} is solved anew in every build; an explicit lock is not");
                out.push(Finding::new(&RULE, *at, call.range.clone(), message));
            }
        }
    }
    out
}
