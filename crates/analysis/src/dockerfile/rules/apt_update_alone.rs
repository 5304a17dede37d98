//! `apt-get update` in one RUN and `apt-get install` in a later one. A builder keeps the first layer for as
//! long as its text does not change, so packages are installed from lists that are days or months old: the
//! install fails when a version is gone from the archive. It also keeps the lists in the image.
//!
//! **Fix.** The two become one RUN where the install follows at once. *Safe* where nothing but the layers can differ
//! afterwards; *unsafe* where they call programs that ounce does not know. No fix where something stands between them.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN apt-get update
//! RUN apt-get install -y curl
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN apt-get update && \
//!     apt-get install -y curl
//! ```

use super::apt_lists_left::APT;
use super::{Context, Finding, Rule};
use crate::dockerfile::model::{Call, Script};
use crate::dockerfile::runs;

pub(super) static RULE: Rule = Rule {
    id: "apt-update-alone",
    title: "apt's lists updated in another RUN than the install",
    others: &[],
    cost: "builds that fail, and 20 to 50 MB",
    source: include_str!("apt_update_alone.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let model = context.model;
    let update = |call: &&Call| call.is(APT, &["update"]);
    let install = |call: &Call| call.is(APT, &["install"]);
    let installs_from_old = |script: &Script| {
        let first = script.calls.iter().position(&install);
        first.is_some_and(|first| !script.calls[..first].iter().any(|call| update(&call)))
    };
    let mut out = Vec::new();
    for (at, script) in &model.scripts {
        let Some(call) = script.calls.iter().find(update) else {
            continue;
        };
        let mut later = model
            .after(*at)
            .into_iter()
            .filter_map(|at| model.scripts.get(&at));
        if !script.calls.iter().any(&install) && later.any(installs_from_old) {
            let message = "a later RUN installs from these lists, however old they are by then";
            let finding = Finding::new(&RULE, *at, call.range.clone(), message);
            let next = model.scripts.get(&(at + 1));
            let joining = next
                .filter(|next| installs_from_old(next))
                .and_then(|_| runs::join(model, *at, at + 1));
            out.push(match joining {
                Some(joining) => {
                    let title = "update and install in one RUN";
                    finding.with_fix(joining.safety, title, joining.edits)
                }
                None => finding,
            });
        }
    }
    out
}
