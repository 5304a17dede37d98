//! A folder of Python wheels whose distributions are all installed.
//!
//! **Why it is guarded.** A wheel is what pip unpacks. A Dockerfile that builds wheels in one stage and
//! copies them into the next leaves them there, in a layer of their own; nothing imports them. They
//! would be of use to somebody who installs them once more, into another environment.
//!
//! **Evidence.** The folder stays when one of its wheels is not installed in the same version: then it
//! is there to install from. It stays when anything that stays, the environment (`PIP_FIND_LINKS`) or
//! pip's configuration names the folder or a wheel. Wheels that belong to a package, such as those of
//! `ensurepip` and `virtualenv`, are not looked at.
//!
//! **Example.** `/wheels/tensorflow_cpu-2.18.0-cp311-cp311-manylinux_2_17_x86_64.whl`, 230 MB.

use std::collections::BTreeMap;

use ounce_image::{NodeId, Tree};

use super::compilers::same_name;
use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};
use crate::packages::Ecosystem;

pub(super) const RULE: Rule = Rule {
    id: "installed-wheels",
    title: "Wheels that are installed",
    tier: Tier::Guarded,
    why: "pip has unpacked them; nothing imports the archives",
    source: include_str!("installed_wheels.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let is_wheel = |node: &NodeId| {
        tree.name(*node).ends_with(b".whl")
            && tree.is_file(*node)
            && context.packages.owner(*node).is_none()
    };
    let mut houses: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for wheel in tree.walk(Tree::ROOT).filter(is_wheel) {
        houses.entry(tree.parent(wheel)).or_default().push(wheel);
    }
    let claim = |(folder, wheels): (NodeId, Vec<NodeId>)| {
        let other = wheels.iter().find(|wheel| !is_installed(context, **wheel));
        let guard = match other {
            None => Guard::Proved("every wheel of the folder is installed in its version".into()),
            Some(wheel) => Guard::Refused(format!(
                "{} is not installed in this version, so the folder is there to install from",
                tree.path(*wheel)
            )),
        };
        let unit = Unit {
            guard,
            ..Unit::names(wheels)
        };
        Claim::new(&RULE, Some(folder), vec![unit])
    };
    houses.into_iter().map(claim).collect()
}

/// Whether the distribution of a wheel is installed in the same version; the name of a wheel begins
/// with both (PyPA, "Binary distribution format", file name convention).
fn is_installed(context: &Context<'_>, wheel: NodeId) -> bool {
    let name = String::from_utf8_lossy(context.tree.name(wheel));
    let mut parts = name.split('-');
    let (Some(name), Some(version)) = (parts.next(), parts.next()) else {
        return false;
    };
    context.packages.iter().any(|package| {
        package.ecosystem == Ecosystem::Pip
            && same_name(&package.name, name)
            && same_name(&package.version, version)
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_guarded, decide_text, set};

    const HOUSE: &str = "[COPY x]\nwheels/my_tool-1.0-py3-none-any.whl = zip\nlib/site-packages/my_tool-1.0.dist-info/METADATA = Name: my-tool\\nVersion: 1.0\\n\n";

    #[test]
    fn a_wheelhouse_that_is_installed_goes_when_asked_for() {
        let wheel = set(&["/wheels/my_tool-1.0-py3-none-any.whl"]);
        assert_eq!(decide_guarded(HOUSE).gone, wheel);
        assert_eq!(decide_text(HOUSE).offered, wheel);
    }

    #[test]
    fn a_wheelhouse_with_more_than_is_installed_stays_whole() {
        let found = decide_guarded(&format!("{HOUSE}wheels/other-2-py3-none-any.whl = zip\n"));
        assert_eq!(found.gone, set(&[]));
        assert!(
            found.held["/wheels/my_tool-1.0-py3-none-any.whl"]
                .starts_with("/wheels/other-2-py3-none-any.whl is not installed")
        );
        let older = HOUSE.replace("Version: 1.0", "Version: 0.9");
        assert_eq!(decide_guarded(&older).gone, set(&[]));
    }

    #[test]
    fn a_wheelhouse_that_pip_is_told_of_stays() {
        for line in [
            "etc/pip.conf = [global]\\nfind-links = /wheels\\n\n",
            "app/setup (0755) = #!/bin/sh\\npip install --no-index -f /wheels my-tool\n",
        ] {
            assert_eq!(
                decide_guarded(&format!("{HOUSE}{line}")).gone,
                set(&[]),
                "{line}"
            );
        }
    }

    #[test]
    fn the_wheels_of_a_package_are_its_own() {
        let text = format!(
            "{HOUSE}lib/site-packages/virtualenv-1.dist-info/RECORD = embed/my_tool-1.0-py3-none-any.whl,,\\n\nlib/site-packages/embed/my_tool-1.0-py3-none-any.whl = zip\n"
        );
        assert_eq!(
            decide_guarded(&text).gone,
            set(&["/wheels/my_tool-1.0-py3-none-any.whl"])
        );
    }
}
