//! Packages that came, went, have another version or other bytes.

use std::collections::BTreeMap;

use ounce_analysis::ledger::Item;
use ounce_image::display;

use super::build::{joined, largest_change};
use super::lines::count;
use super::model::{Became, Owner, Sides};
use super::side::Side;

/// Who has bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Package(&'static str, String),
    Unowned,
    Hidden,
}

/// Packages, what no package owns, and what no container sees; the largest change first. A package
/// that is installed several times is one row; packages that are the same share one.
pub(super) fn rows(before: &Side<'_>, after: &Side<'_>) -> Vec<Owner> {
    let (mut old, mut new) = (versions(before), versions(after));
    let mut sums = joined(before.sums(key), after.sums(key));
    // Packages whose files are all gone, or another's, are still installed.
    for known in old.keys().chain(new.keys()) {
        sums.entry(known.clone()).or_default();
    }
    let (mut rows, mut same, mut same_count) = (Vec::new(), Sides::default(), 0);
    for (key, size) in sums {
        let versions_before = old.remove(&key).unwrap_or_default();
        let versions_after = new.remove(&key).unwrap_or_default();
        let became = match (versions_before.is_empty(), versions_after.is_empty()) {
            (true, false) => Became::Added,
            (false, true) => Became::Removed,
            _ if versions_before == versions_after && size.is_same() => Became::Same,
            _ => Became::Changed,
        };
        let (id, title) = match &key {
            Key::Package(..) if became == Became::Same => {
                same_count += 1;
                same += size;
                continue;
            }
            Key::Package(ecosystem, name) => {
                let id = format!("{ecosystem}:{}", display(name.as_bytes()));
                (id.clone(), id)
            }
            Key::Unowned => ("unowned".to_owned(), "no package".to_owned()),
            Key::Hidden => ("hidden".to_owned(), "hidden by later layers".to_owned()),
        };
        rows.push(Owner {
            id,
            title,
            became,
            versions_before,
            versions_after,
            size,
        });
    }
    rows.sort_by(|a, b| {
        largest_change(&a.size)
            .cmp(&largest_change(&b.size))
            .then_with(|| a.id.cmp(&b.id))
    });
    if same_count > 0 {
        rows.push(Owner {
            id: "same".to_owned(),
            title: format!("{} unchanged", count(same_count, "package")),
            became: Became::Same,
            versions_before: Vec::new(),
            versions_after: Vec::new(),
            size: same,
        });
    }
    rows
}

fn key(item: &Item<'_>) -> Key {
    match (item.owner, item.node) {
        (Some(owner), _) => Key::Package(owner.ecosystem.name(), owner.name.clone()),
        (None, Some(_)) => Key::Unowned,
        (None, None) => Key::Hidden,
    }
}

/// The versions of every package, one for each installation.
fn versions(side: &Side<'_>) -> BTreeMap<Key, Vec<String>> {
    let mut out: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for package in side.packages.iter() {
        let key = Key::Package(package.ecosystem.name(), package.name.clone());
        let versions = out.entry(key).or_default();
        versions.push(display(package.version.as_bytes()));
    }
    out.values_mut().for_each(|versions| versions.sort());
    out
}
