//! Decides: of everything that rules found, what goes, what is held back, and by what.
//!
//! This is the one place that decides. Rules only find; only a unit that nothing speaks against is
//! turned into entries to drop.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;

use globset::GlobSet;
use ounce_image::{
    Edit, EntryId, ImagePath, LeafId, NodeId, Progress, Tree, leftover, lost_folders,
};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::covered::Covered;
use crate::evidence::{Search, Targets, UnitId};
use crate::finding::{Claim, Content, Evidence, Problem};
use crate::globs;
use crate::nearest::nearest;
use crate::packages::paragraphs::without;
use crate::rules::{Context, RULES, Rule, Tier};

/// What the user wants.
#[derive(Debug, Clone, Default)]
pub struct Options {
    disabled: Vec<&'static Rule>,
    keep: Vec<String>,
    keep_globs: Option<GlobSet>,
    /// Paths of names that stay because a check needs them.
    keep_paths: BTreeSet<ImagePath>,
    /// The number of layers, from the lowest, that are not touched.
    pub frozen: usize,
    /// The highest tier whose rules take something away.
    pub tier: Tier,
}

/// Options that make no sense.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// A rule that does not exist.
    #[error("there is no rule {name:?}")]
    UnknownRule {
        /// What was asked for.
        name: String,
        /// The rule whose name is nearest.
        nearest: Option<&'static str>,
    },
    /// A glob that cannot be read.
    #[error("{glob:?} is not a glob: {source}")]
    Glob {
        /// What was given.
        glob: String,
        /// What is wrong with it.
        source: globset::Error,
    },
}

impl Options {
    /// Builds options from names of rules and globs of paths to keep. When `enable` is not empty
    /// only those rules run; `disable` takes rules away.
    ///
    /// # Errors
    /// An unknown rule or a glob that cannot be read.
    pub fn new(
        enable: &[String],
        disable: &[String],
        keep: &[String],
        frozen: usize,
    ) -> Result<Self, OptionsError> {
        let enabled = enable
            .iter()
            .map(|name| rule(name))
            .collect::<Result<Vec<_>, _>>()?;
        let mut disabled = disable
            .iter()
            .map(|name| rule(name))
            .collect::<Result<Vec<_>, _>>()?;
        if !enabled.is_empty() {
            disabled.extend(RULES.iter().copied().filter(|rule| !enabled.contains(rule)));
        }
        for glob in keep {
            globs::glob(glob).map_err(|source| OptionsError::Glob {
                glob: glob.clone(),
                source,
            })?;
        }
        let keep_globs = match keep {
            [] => None,
            // A folder keeps what is in it.
            _ => globs::set(
                keep.iter()
                    .cloned()
                    .chain(keep.iter().map(|glob| format!("{glob}/**")))
                    .collect::<Vec<_>>()
                    .iter()
                    .map(String::as_str),
            )
            .ok(),
        };
        Ok(Self {
            disabled,
            keep: keep.to_vec(),
            keep_globs,
            keep_paths: BTreeSet::new(),
            frozen,
            tier: Tier::Safe,
        })
    }

    /// Keeps these paths too, and no others than these with them.
    #[must_use]
    pub fn with_paths(self, paths: BTreeSet<ImagePath>) -> Self {
        Self {
            keep_paths: paths,
            ..self
        }
    }

    /// Takes what rules up to this tier find.
    #[must_use]
    pub fn with_tier(self, tier: Tier) -> Self {
        Self { tier, ..self }
    }
}

/// The rule of this name.
///
/// # Errors
/// There is none; the error names the nearest.
pub fn rule(name: &str) -> Result<&'static Rule, OptionsError> {
    let found = RULES.iter().copied().find(|rule| rule.id == name);
    found.ok_or_else(|| OptionsError::UnknownRule {
        name: name.to_owned(),
        nearest: nearest(name, RULES.iter().map(|rule| rule.id)),
    })
}

/// What was decided on a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It goes.
    Gone,
    /// It stays; the text says why.
    Kept(String),
    /// It stays because something points at it.
    Held(Evidence),
    /// It stays, but would go if the tier of its rule were asked for.
    Offered,
    /// It stays because it is of use; the text says what it would cost to go without.
    OptIn(String),
}

/// Everything that was decided.
#[derive(Debug)]
pub struct Plan {
    /// What rules found.
    pub claims: Vec<Claim>,
    /// The decision on each unit.
    pub decisions: FxHashMap<UnitId, Decision>,
    /// The unit that each claimed name is decided with.
    pub unit_of: FxHashMap<NodeId, UnitId>,
    /// The unit that each hidden entry is decided with.
    pub unit_of_hidden: FxHashMap<EntryId, UnitId>,
    /// What [`ounce_image::rewrite`] has to leave out.
    pub edit: Edit,
    /// Files that could not be understood; they stay.
    pub problems: Vec<Problem>,
}

impl Plan {
    /// A unit of the plan.
    pub fn unit(&self, id: UnitId) -> (&Claim, &crate::finding::Unit) {
        let claim = &self.claims[id.claim as usize];
        (claim, &claim.units[id.unit as usize])
    }

    /// The first of a regular file's names that stay.
    pub(crate) fn name_of(&self, tree: &Tree<'_>, leaf: LeafId) -> Option<ImagePath> {
        let goes = |entry: EntryId| self.edit.drop.contains(&entry);
        let names = tree.leaf(leaf).names.iter().copied();
        let names =
            names.filter(|node| tree.is_file(*node) && !tree.node_entry(*node).is_some_and(goes));
        names.map(|node| tree.path(node)).min()
    }
}

/// Runs the rules and decides.
///
/// # Errors
/// Content cannot be read, or `progress` asks to stop.
pub fn plan(context: &Context<'_>, options: &Options, progress: &Progress) -> io::Result<Plan> {
    let found = RULES
        .par_iter()
        .with_max_len(1)
        .map(|rule| (rule.find)(context));
    let claims: Vec<Claim> = found.collect::<Vec<_>>().into_iter().flatten().collect();
    let mut plan = Plan {
        decisions: FxHashMap::default(),
        unit_of: FxHashMap::default(),
        unit_of_hidden: FxHashMap::default(),
        edit: Edit::default(),
        problems: Vec::new(),
        claims,
    };
    assign(&mut plan);
    let covered = Covered::new(context.tree);
    for id in unit_ids(&plan.claims) {
        let (claim, unit) = plan.unit(id);
        if claim.rule.tier == Tier::OptIn {
            let cost = unit.guard.reason_to_keep().unwrap_or_default().to_owned();
            plan.decisions.insert(id, Decision::OptIn(cost));
        } else if let Some(reason) = reason_to_keep(context, options, &plan, &covered, id) {
            plan.decisions.insert(id, Decision::Kept(reason));
        }
    }
    let stays = |id: UnitId| plan.decisions.contains_key(&id);
    let targets = Targets::new(context.tree, &plan.claims, &plan.unit_of, stays);
    let mut search = Search::new(context, &targets, progress)?;
    settle(&mut plan, &mut search)?;
    // What could go in a higher tier stays here, and what it points at with it.
    let offered = offered(&plan, &search, options.tier);
    plan.decisions
        .extend(offered.iter().map(|id| (*id, Decision::Offered)));
    search.also(&offered)?;
    settle(&mut plan, &mut search)?;
    search.problems.sort();
    plan.problems = search.problems;
    for (id, evidence) in search.held {
        plan.decisions.insert(id, Decision::Held(evidence));
    }
    for id in unit_ids(&plan.claims) {
        plan.decisions.entry(id).or_insert(Decision::Gone);
    }
    plan.edit = edit(context.tree, &plan, &covered, options)?;
    Ok(plan)
}

/// Lets everything stay that follows from what stays, until nothing more does.
fn settle(plan: &mut Plan, search: &mut Search<'_>) -> io::Result<()> {
    loop {
        let followers = followers(plan, &search.held);
        if followers.is_empty() {
            return Ok(());
        }
        let units: Vec<UnitId> = followers.iter().map(|(id, _)| *id).collect();
        plan.decisions.extend(followers);
        search.also(&units)?;
    }
}

/// The units of tiers above this one that nothing keeps.
fn offered(plan: &Plan, search: &Search<'_>, tier: Tier) -> Vec<UnitId> {
    let is_offered = |id: &UnitId| {
        plan.unit(*id).0.rule.tier > tier
            && !search.held.contains_key(id)
            && !plan.decisions.contains_key(id)
    };
    unit_ids(&plan.claims)
        .into_iter()
        .filter(is_offered)
        .collect()
}

fn unit_ids(claims: &[Claim]) -> Vec<UnitId> {
    let units = |(claim, c): (usize, &Claim)| {
        (0..c.units.len())
            .map(move |unit| UnitId {
                claim: claim as u32,
                unit: unit as u32,
            })
            .collect::<Vec<_>>()
    };
    claims.iter().enumerate().flat_map(units).collect()
}

/// The units that must stay because what their claim depends on stays, or a part of their package
/// does, and that nothing keeps yet.
fn followers(plan: &Plan, held: &BTreeMap<UnitId, Evidence>) -> Vec<(UnitId, Decision)> {
    let is_kept = |id: &UnitId| held.contains_key(id) || plan.decisions.contains_key(id);
    let all = unit_ids(&plan.claims);
    let kept = all.iter().filter(|id| is_kept(id));
    let leaders: FxHashSet<(&str, NodeId)> = kept
        .filter_map(|id| {
            let (claim, _) = plan.unit(*id);
            Some((claim.rule.id, claim.prefix?))
        })
        .collect();
    let reason = |id: UnitId| {
        let (claim, unit) = plan.unit(id);
        let mut leads = claim.follows.iter().filter(|lead| leaders.contains(lead));
        let package = unit.package.iter().flat_map(|package| &package.names);
        let mut parts = package.filter_map(|node| plan.unit_of.get(node));
        match leads.next() {
            Some((rule, _)) if *rule == claim.rule.id => {
                Some("what depends on it stays".to_owned())
            }
            Some((rule, _)) => Some(format!("what {rule} found stays")),
            None => parts
                .find(|part| **part != id && is_kept(part))
                .map(|part| {
                    let rule = plan.unit(*part).0.rule.id;
                    format!("a part of it stays, which {rule} found")
                }),
        }
    };
    let free = all.iter().filter(|id| !is_kept(id));
    free.filter_map(|id| Some((*id, Decision::Kept(reason(*id)?))))
        .collect()
}

/// Gives every claimed name and entry to the first unit that claims it.
fn assign(plan: &mut Plan) {
    for id in unit_ids(&plan.claims) {
        match &plan.claims[id.claim as usize].units[id.unit as usize].content {
            Content::Names(names) => {
                for node in names {
                    plan.unit_of.entry(*node).or_insert(id);
                }
            }
            Content::Hidden(entries) => {
                for entry in entries {
                    plan.unit_of_hidden.entry(*entry).or_insert(id);
                }
            }
        }
    }
}

/// A reason that needs no search: the user's word, a frozen layer, or the rule's own guard.
fn reason_to_keep(
    context: &Context<'_>,
    options: &Options,
    plan: &Plan,
    covered: &Covered,
    id: UnitId,
) -> Option<String> {
    let (claim, unit) = plan.unit(id);
    if options.disabled.contains(&claim.rule) {
        return Some("the rule is turned off".to_owned());
    }
    if let Some(reason) = unit.guard.reason_to_keep() {
        return Some(reason.to_owned());
    }
    let tree = context.tree;
    let mut entries: Vec<EntryId> = match &unit.content {
        Content::Names(names) => names
            .iter()
            .flat_map(|node| covered.entries_of(tree, *node))
            .collect(),
        Content::Hidden(entries) => entries.clone(),
    };
    // The database is written anew in the layer where it lies.
    let database = unit.package.as_ref().map(|package| package.database);
    entries.extend(database.and_then(|node| carrier(tree, node)));
    if entries
        .iter()
        .any(|entry| (entry.layer as usize) < options.frozen)
    {
        let frozen = options.frozen;
        return Some(format!(
            "it lies in the lowest {frozen} layers, which --keep-layers leaves alone"
        ));
    }
    if entries.iter().any(|entry| tree.is_disputed(*entry)) {
        return Some("container engines disagree on what it hides in lower layers".to_owned());
    }
    let is_needed = |entry: &EntryId| options.keep_paths.contains(&tree.entry(*entry).path);
    if entries.iter().any(is_needed) {
        return Some("a check needs it".to_owned());
    }
    let globs = options.keep_globs.as_ref()?;
    let kept = entries
        .iter()
        .any(|entry| globs::matches(globs, &tree.entry(*entry).path));
    kept.then(|| format!("--keep {}", options.keep.join(" --keep ")))
}

/// The entries to drop: those of all units that go, what would come to light under them, and what
/// means nothing without them; and the folders to list in their place.
fn edit(tree: &Tree<'_>, plan: &Plan, covered: &Covered, options: &Options) -> io::Result<Edit> {
    let goes = |id: &UnitId| plan.decisions.get(id) == Some(&Decision::Gone);
    let gone: FxHashSet<NodeId> = plan
        .unit_of
        .iter()
        .filter(|(_, id)| goes(id))
        .map(|(node, _)| *node)
        .collect();
    let hidden = plan.unit_of_hidden.iter().filter(|(_, id)| goes(id));
    let mut drop: FxHashSet<EntryId> = hidden.map(|(entry, _)| *entry).collect();
    for node in &gone {
        // A folder goes only with everything in it.
        if tree.walk(*node).all(|below| gone.contains(&below)) {
            drop.extend(covered.entries_of(tree, *node));
        }
    }
    let takes_hidden = !options
        .disabled
        .iter()
        .any(|rule| rule.id == "shadowed-content");
    if takes_hidden || !drop.is_empty() {
        drop.extend(leftover(tree, &drop, options.frozen));
    }
    let folders = lost_folders(tree, &drop, |node| gone.contains(&node));
    Ok(Edit {
        drop,
        replace: databases(tree, plan)?,
        folders,
    })
}

/// The entry with the content of a file.
fn carrier(tree: &Tree<'_>, file: NodeId) -> Option<EntryId> {
    tree.leaf_of(file).map(|leaf| tree.leaf(leaf).data)
}

/// The databases of packages that go, without what they say of these.
fn databases(tree: &Tree<'_>, plan: &Plan) -> io::Result<BTreeMap<EntryId, Vec<u8>>> {
    let mut cuts: BTreeMap<LeafId, Vec<Range<usize>>> = BTreeMap::new();
    for id in unit_ids(&plan.claims) {
        let package = plan.unit(id).1.package.as_ref();
        let goes = plan.decisions.get(&id) == Some(&Decision::Gone);
        if let Some(package) = package.filter(|_| goes)
            && let Some(leaf) = tree.leaf_of(package.database)
        {
            cuts.entry(leaf).or_default().push(package.entry.clone());
        }
    }
    let cut = |(leaf, cuts): (LeafId, Vec<Range<usize>>)| {
        let content = tree.read(leaf).read_all(u64::MAX)?;
        Ok((tree.leaf(leaf).data, without(&content, cuts)))
    };
    cuts.into_iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{decide_with, set};

    /// A list that is in two layers, so that taking away the upper one would show the lower one.
    const TWICE: &str = "[a]\nvar/lib/apt/lists/x = old\n[b]\nvar/lib/apt/lists/x = new";

    fn options(disable: &[&str], frozen: usize) -> Options {
        let disable: Vec<_> = disable.iter().map(|rule| (*rule).to_owned()).collect();
        Options::new(&[], &disable, &[], frozen).unwrap()
    }

    #[test]
    fn a_mistyped_rule_has_a_nearest() {
        for (name, meant) in [
            ("conda-cache", Some("conda-package-cache")),
            ("lgos", Some("logs")),
            ("cnoda-toolchian", Some("conda-toolchain")),
            ("apt-list", Some("apt-lists")),
            ("xyz", None),
        ] {
            let names = RULES.iter().map(|rule| rule.id);
            assert_eq!(nearest(name, names), meant, "{name}");
        }
    }

    #[test]
    fn what_would_come_to_light_goes_too() {
        // The test's own rewriting fails when the old list shows.
        let found = decide_with(
            &ounce_testkit::image(TWICE),
            &options(&["shadowed-content"], 0),
        );
        assert_eq!(found.gone, set(&["/var/lib/apt/lists/x"]));
    }

    #[test]
    fn what_would_show_a_frozen_layer_stays() {
        let found = decide_with(&ounce_testkit::image(TWICE), &options(&[], 1));
        assert_eq!(found.gone, set(&[]));
        assert!(found.held["/var/lib/apt/lists/x"].contains("--keep-layers"));
    }

    #[test]
    fn a_folder_with_hidden_content_does_not_come_back() {
        let cache = "[a]\nc/pkgs/a-1/info/index.json = {}\nc/pkgs/a-1/x = x\n[b]\nc/pkgs/a-1/.wh.x";
        let found = decide_with(
            &ounce_testkit::image(cache),
            &options(&["shadowed-content"], 0),
        );
        assert!(found.gone.contains("/c/pkgs/a-1"));
    }

    #[test]
    fn an_empty_folder_that_no_layer_lists_stays() {
        let text = "[a]\nsrv/x/y = y\nsrv/z = z\n[b]\nsrv/x/.wh.y";
        let layers = crate::testing::layers(&ounce_testkit::image(text));
        let tree = Tree::build(&layers).unwrap();
        let drop = FxHashSet::from_iter(tree.hidden().into_iter().map(|(entry, _)| entry));
        let folders = lost_folders(&tree, &drop, |_| false);
        assert_eq!(
            folders[&0],
            [ounce_image::ImagePath::parse(b"srv/x").unwrap()]
        );
        let found = decide_with(&ounce_testkit::image(text), &options(&[], 0));
        assert_eq!(found.gone, set(&["/srv/x/y@0"]));
    }

    #[test]
    fn a_folder_that_is_kept_keeps_what_is_in_it() {
        let options = Options::new(&[], &[], &["/var/lib/apt".to_owned()], 0).unwrap();
        let found = decide_with(&ounce_testkit::image(TWICE), &options);
        assert_eq!(found.held["/var/lib/apt/lists/x"], "--keep /var/lib/apt");
    }
}
