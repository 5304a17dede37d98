//! Images that nearly look like what rules take away: something in each of them is needed after all.
//!
//! Each case says what makes it so (`user` or `config`). The same image without it loses at least one of the
//! files, so no case passes because its files are of no interest to any rule.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

use std::collections::BTreeSet;
use std::path::Path;

use ounce_analysis::rules::Context;
use ounce_analysis::{Options, Packages, Tier, plan};
use ounce_image::{Blob, Config, Layer, Progress, Tree, rewrite};
use serde_json::{Value, json};

mod cases;

use cases::{CASES, Case};

/// What is not there any more after an image was slimmed in a tier.
fn gone(text: &str, config: &Value, tier: Tier) -> BTreeSet<String> {
    let image = ounce_testkit::image(text).with_config(config.clone());
    let layers: Vec<Layer> = image
        .layers
        .iter()
        .map(|bytes| Layer::plain(Blob::from_bytes(bytes.clone()), "test").unwrap())
        .collect();
    let tree = Tree::build(&layers).unwrap();
    let config = Config::parse(image.config.to_string().into_bytes(), Path::new("test")).unwrap();
    let packages = Packages::load(&tree, &mut Vec::new());
    let context = Context::new(&tree, &config, &packages);
    let options = Options::default().with_tier(tier);
    let plan = plan(&context, &options, &Progress::default()).unwrap();
    rewrite(&tree, &plan.edit).unwrap();
    let nodes = tree.walk(Tree::ROOT).filter(|node| {
        let entry = tree.node_entry(*node);
        entry.is_some_and(|entry| plan.edit.drop.contains(&entry))
    });
    nodes.map(|node| tree.path(node).to_string()).collect()
}

/// A service that needs nothing of the image but itself.
fn service() -> Value {
    json!({ "Cmd": ["/app/serve", "--all"], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"] })
}

/// What is wrong with a case, if anything is.
fn fault(case: &Case) -> Option<String> {
    let config = match case.config {
        "" => service(),
        text => serde_json::from_str(text).unwrap(),
    };
    let with = format!("{}\n{}\n", case.image, case.user);
    let lost = |tier| {
        let gone = gone(&with, &config, tier);
        case.needed.iter().find(|path| gone.contains(**path))
    };
    if let Some(path) = lost(Tier::Safe).or_else(|| lost(Tier::Guarded)) {
        return Some(format!("{}: {path} is lost", case.name));
    }
    let config = if case.user.is_empty() {
        service()
    } else {
        config
    };
    let gone = gone(case.image, &config, Tier::Guarded);
    let is_taken = case.needed.iter().any(|path| gone.contains(*path));
    (!is_taken).then(|| format!("{}: no rule takes {:?} anyway", case.name, case.needed))
}

#[test]
fn nothing_that_is_needed_is_lost() {
    let faults: Vec<String> = CASES.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn there_are_many_and_each_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
    assert!(names.len() == CASES.len() && names.len() >= 30);
}
