//! Packages that a step installed although nothing that was asked for depends on them.

use ounce_image::Tree;

use crate::packages::requests::Graph;
use crate::packages::{Ecosystem, Package, Packages};

/// The packages that a package manager says it installed on its own, that a layer brought, and that nothing
/// depends on which somebody asked for: apt took them because they are recommended.
pub(super) fn recommended<'a>(
    tree: &'a Tree<'a>,
    packages: &'a Packages,
    layer: usize,
) -> Vec<&'a Package> {
    let is_apt = |package: &Package| package.ecosystem == Ecosystem::Dpkg;
    let came =
        |package: &Package| package.requested == Some(false) && brought(tree, package, layer);
    let reached = Graph::new(tree, packages).reached(|package| !(is_apt(package) && came(package)));
    let all = packages.iter().zip(reached);
    all.filter(|(package, is_reached)| is_apt(package) && !is_reached)
        .map(|(package, _)| package)
        .collect()
}

/// The packages of some kind that a layer brought, and what that layer brought for them alone.
pub(super) fn with<'a>(
    tree: &'a Tree<'a>,
    packages: &'a Packages,
    layer: usize,
    is_meant: impl Fn(&Package) -> bool,
) -> Vec<&'a Package> {
    let is_it = |package: &Package| is_meant(package) && brought(tree, package, layer);
    let came =
        |package: &Package| package.requested == Some(false) && brought(tree, package, layer);
    let graph = Graph::new(tree, packages);
    let others = graph.reached(|package| !is_it(package) && !came(package));
    let all = graph.reached(|package| is_it(package) || !came(package));
    let reached = packages.iter().zip(all.into_iter().zip(others));
    reached
        .filter(|(_, (with, without))| *with && !without)
        .map(|(package, _)| package)
        .collect()
}

/// Whether a layer has what the package manager wrote when it installed the package.
fn brought(tree: &Tree<'_>, package: &Package, layer: usize) -> bool {
    let entry = tree.node_entry(package.record);
    entry.is_some_and(|entry| entry.layer as usize == layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::layers;

    /// `a` is asked for, depends on `b` and recommends `r`, which depends on `s` and `b`.
    const IMAGE: &str = "[base]\n\
        usr/a\n\
        [apt]\n\
        var/lib/dpkg/info/a.list = /usr/a\\n\n\
        var/lib/dpkg/info/b.list = /usr/b\\n\n\
        var/lib/dpkg/info/r.list = /usr/r\\n\n\
        var/lib/dpkg/info/s.list = /usr/s\\n\n\
        var/lib/apt/extended_states = Package: b\\nArchitecture: all\\nAuto-Installed: 1\\n\\nPackage: r\\nArchitecture: all\\nAuto-Installed: 1\\n\\nPackage: s\\nArchitecture: all\\nAuto-Installed: 1\\n\n\
        var/lib/dpkg/status = Package: a\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\nDepends: b\\nRecommends: r\\n\\nPackage: b\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\n\\nPackage: r\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\nDepends: s, b\\n\\nPackage: s\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\n\n";

    fn names(look: impl for<'a> Fn(&'a Tree<'a>, &'a Packages) -> Vec<&'a Package>) -> Vec<String> {
        let layers = layers(&ounce_testkit::image(IMAGE));
        let tree = Tree::build(&layers).unwrap();
        let packages = Packages::load(&tree, &mut Vec::new());
        look(&tree, &packages)
            .into_iter()
            .map(|package| package.name.clone())
            .collect()
    }

    #[test]
    fn what_is_recommended_comes_with_what_it_needs_itself() {
        assert_eq!(
            names(|tree, packages| recommended(tree, packages, 1)),
            ["r", "s"]
        );
        assert!(names(|tree, packages| recommended(tree, packages, 0)).is_empty());
    }

    #[test]
    fn a_package_comes_with_what_no_other_needs() {
        let with = |name: &'static str| {
            names(move |tree, packages| with(tree, packages, 1, |package| package.name == name))
        };
        assert_eq!(with("a"), ["a", "b"]);
        assert!(with("x").is_empty());
    }
}
