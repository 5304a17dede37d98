//! The report of one package: what it brought, what becomes of that, and why it is there.

mod table;

use ounce_analysis::ledger::{self, Item};
use ounce_analysis::packages::Package;
use ounce_analysis::packages::requests::{self, Came, Graph};
use ounce_analysis::{Packages, Plan};
use ounce_image::{Tree, display};

use super::build::{causes, instruction, paths};
use super::model::package::{self as model, PackageReport};
use super::model::{Image, Part, Size, VERSION};
use crate::session::Session;

pub(crate) use table::render;

/// Folders and files that are shown.
const PLACES: usize = 10;
/// Ways that lead to a package.
const REASONS: usize = 3;

impl PackageReport {
    /// The report of the packages that a name may mean.
    pub(crate) fn new(
        session: &Session,
        tree: &Tree<'_>,
        packages: &Packages,
        plan: &Plan,
        name: &str,
    ) -> std::io::Result<Self> {
        let items = ledger::items(&session.image, tree, packages, plan)?;
        let graph = Graph::new(tree, packages);
        let found = packages.find(name).into_iter();
        Ok(Self {
            version: VERSION,
            ounce: env!("CARGO_PKG_VERSION"),
            image: Image::of(session),
            owner: name.to_owned(),
            packages: found
                .map(|package| one(session, tree, plan, &graph, &items, package))
                .collect(),
        })
    }
}

fn one(
    session: &Session,
    tree: &Tree<'_>,
    plan: &Plan,
    graph: &Graph<'_>,
    items: &[Item<'_>],
    package: &Package,
) -> model::Package {
    let is_own = |item: &&Item<'_>| item.owner.is_some_and(|owner| std::ptr::eq(owner, package));
    let own: Vec<Item<'_>> = items.iter().filter(is_own).copied().collect();
    let size_of = |item: &Item<'_>| Size {
        disk: item.size.disk,
        pull: item.size.pull,
        pull_is_estimated: session.image.layers[item.layer]
            .map
            .get()
            .is_none_or(|map| !map.is_measured()),
        files: item.size.files,
    };
    let mut size = Size::default();
    own.iter().for_each(|item| size.add(size_of(item)));
    let places = paths(tree, &own, size_of, PLACES).into_iter();
    let largest = places.map(|row| Part {
        disk: row.size.disk,
        name: row.title,
    });
    model::Package {
        name: name(package),
        prefix: tree.path(package.prefix).to_string(),
        record: tree.path(package.record).to_string(),
        size,
        step: step(session, &own),
        causes: causes(&own, plan, size_of),
        largest: largest.filter(|part| part.disk > 0).collect(),
        inside: graph.holder(package).map(name),
        depends: package.depends.iter().map(|name| shown(name)).collect(),
        needs: graph.needs(package).into_iter().map(name).collect(),
        needed_by: graph.needed_by(package).into_iter().map(name).collect(),
        requested: package.requested,
        reasons: graph
            .chains(package, REASONS)
            .into_iter()
            .map(chain)
            .collect(),
    }
}

/// The step that made the layer with the most of it.
fn step(session: &Session, own: &[Item<'_>]) -> Option<String> {
    let layers = session.image.layers.len();
    let mut sizes = vec![0; layers];
    own.iter()
        .for_each(|item| sizes[item.layer] += item.size.disk);
    let largest = (0..layers).max_by_key(|layer| (sizes[*layer], layers - layer))?;
    let step = session
        .image
        .config
        .layer_steps(layers)
        .swap_remove(largest);
    step.filter(|step| sizes[largest] > 0 && !step.is_empty())
        .map(|step| instruction(&step))
}

fn name(package: &Package) -> model::Name {
    model::Name {
        ecosystem: package.ecosystem.name(),
        name: shown(&package.name),
        version: shown(&package.version),
    }
}

/// Text of a database, which may hold anything.
fn shown(text: &str) -> String {
    display(text.as_bytes())
}

fn chain(chain: requests::Chain<'_>) -> model::Chain {
    let steps = chain.steps.iter().map(|step| model::Step {
        name: name(step.package),
        how: match step.how {
            Came::Asked => model::How::Asked,
            Came::Needed => model::How::Needed,
            Came::Inside => model::How::Inside,
        },
    });
    model::Chain {
        words: chain.words.as_deref().map(shown),
        steps: steps.collect(),
    }
}
