//! Decisions on images written as text, for the tests of this crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ounce_image::{Blob, Config, Layer, Progress, Tree, rewrite};
use ounce_testkit::TestImage;

use crate::packages::Packages;
use crate::plan::{Decision, Options, plan};
use crate::rules::{Context, Tier};

/// The layers of a test image, opened.
pub(crate) fn layers(image: &TestImage) -> Vec<Layer> {
    let open = |bytes: &Vec<u8>| Layer::plain(Blob::from_bytes(bytes.clone()), "test").unwrap();
    image.layers.iter().map(open).collect()
}

/// What was decided, by path; hidden entries are marked with their layer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decided {
    /// What goes.
    pub(crate) gone: BTreeSet<String>,
    /// What would go in a higher tier.
    pub(crate) offered: BTreeSet<String>,
    /// What a rule found but stays, and why.
    pub(crate) held: BTreeMap<String, String>,
}

/// Decides on an image with every rule.
pub(crate) fn decide(image: &TestImage) -> Decided {
    decide_with(image, &Options::default())
}

/// Decides on an image written as text.
pub(crate) fn decide_text(text: &str) -> Decided {
    decide(&ounce_testkit::image(text))
}

/// Decides on an image written as text, the guarded tier taken too.
pub(crate) fn decide_guarded(text: &str) -> Decided {
    let options = Options::default().with_tier(Tier::Guarded);
    decide_with(&ounce_testkit::image(text), &options)
}

/// Decides on an image with options, and rewrites it to see that the plan can be carried out.
pub(crate) fn decide_with(image: &TestImage, options: &Options) -> Decided {
    let layers = layers(image);
    let tree = Tree::build(&layers).unwrap();
    let config = Config::parse(image.config.to_string().into_bytes(), Path::new("test")).unwrap();
    let packages = Packages::load(&tree, &mut Vec::new());
    let context = Context::new(&tree, &config, &packages);
    let plan = plan(&context, options, &Progress::default()).unwrap();
    rewrite(&tree, &plan.edit).unwrap();
    let mut out = Decided::default();
    let units = plan
        .unit_of
        .iter()
        .map(|(node, unit)| (tree.path(*node).to_string(), unit));
    let hidden = plan
        .unit_of_hidden
        .iter()
        .map(|(entry, unit)| (format!("{}@{}", tree.entry(*entry).path, entry.layer), unit));
    for (path, unit) in units.chain(hidden) {
        match &plan.decisions[unit] {
            Decision::Gone => {
                out.gone.insert(path);
            }
            Decision::Offered => {
                out.offered.insert(path);
            }
            Decision::Kept(reason) | Decision::OptIn(reason) => {
                out.held.insert(path, reason.clone());
            }
            Decision::Held(evidence) => {
                out.held.insert(
                    path,
                    format!("{} {} {}", evidence.from, evidence.how, evidence.to),
                );
            }
        }
    }
    out
}

/// The paths as a set, for comparing.
pub(crate) fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}
