//! apt and the library behind it, with which packages are installed.
//!
//! **Why it is guarded.** An image that is never changed from inside installs nothing. Whoever builds upon it
//! does: `RUN apt-get install` would fail.
//!
//! **Evidence.** It is reported with its size, and stays so far: a package goes only as a whole and with
//! its entry in `/var/lib/dpkg/status`, or scanners would be told of what is not there, and ounce does not
//! write that file anew yet.
//!
//! **Example.** `apt` and `libapt-pkg6.0`, 7 MB.

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};
use crate::packages::{Ecosystem, Package};

pub(super) const RULE: Rule = Rule {
    id: "package-manager",
    title: "Package manager",
    tier: Tier::Guarded,
    why: "installs packages; an image that is not built upon installs none",
    source: include_str!("package_manager.rs"),
    find,
};

/// Debian's source package apt (its `debian/control`); the library's name ends in its version.
const PACKAGES: [&str; 2] = ["apt", "apt-utils"];
const LIBRARY: &str = "libapt-pkg";

fn find(context: &Context<'_>) -> Vec<Claim> {
    let is_part = |package: &&Package| {
        package.ecosystem == Ecosystem::Dpkg
            && (PACKAGES.contains(&package.name.as_str()) || package.name.starts_with(LIBRARY))
    };
    let unit = |package: &Package| Unit {
        guard: Guard::Unknown(
            "its entry in dpkg's database would have to go with it, which ounce does not do yet"
                .to_owned(),
        ),
        ..Unit::names(package.files.clone())
    };
    let units: Vec<Unit> = context.packages.iter().filter(is_part).map(unit).collect();
    match units.is_empty() {
        true => Vec::new(),
        false => vec![Claim::new(&RULE, None, units)],
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::decide_guarded;

    #[test]
    fn it_is_reported_and_stays() {
        let found = decide_guarded(
            "[a]\nusr/bin/apt = x\nusr/bin/aptly = x\nvar/lib/dpkg/status = Package: apt\\nStatus: install ok installed\\nVersion: 2\\n\nvar/lib/dpkg/info/apt.list = /usr/bin/apt\\n\n",
        );
        assert!(found.gone.is_empty());
        assert!(found.held["/usr/bin/apt"].contains("dpkg's database"));
        assert!(!found.held.contains_key("/usr/bin/aptly"));
    }
}
