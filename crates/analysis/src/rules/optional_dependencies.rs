//! Packages that another package draws in for one of its features.
//!
//! **Why it is opt-in.** The feature is lost. Who never uses it can install without the package
//! (`pip install --no-deps`, or conda's `--no-deps` for the one that asks for it).
//!
//! **Evidence.** A table of such packages, each with what it is for and where that is said:
//! `crates/analysis/src/knowledge/optional.toml`. It counts only where the package that draws it in is
//! installed too. And what packages themselves declare: a package that pip installed, that nobody asked for
//! by name, and that others require only for an extra (`Requires-Dist: x; extra == "y"`) which nothing
//! that is installed requires.
//!
//! **Example.** `kaleido`, 229 MB, with which `multiqc` writes plots as PNG.

use std::sync::LazyLock;

use serde::Deserialize;

mod extras;

use super::compilers::same_name;
use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};
use crate::packages::{Ecosystem, Package};
use extras::Extras;

pub(super) const RULE: Rule = Rule {
    id: "optional-dependencies",
    title: "Packages for one feature of another",
    tier: Tier::OptIn,
    why: "used only for that feature",
    source: include_str!("optional_dependencies.rs"),
    find,
};

#[derive(Deserialize)]
struct Table {
    dependency: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    /// Names in PyPI or conda.
    names: Vec<String>,
    /// The packages that draw it in.
    of: Vec<String>,
    /// The feature, behind "needs it only to".
    only_to: String,
    /// For readers of the table; a test looks that every row has it.
    #[cfg(test)]
    source: String,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../knowledge/optional.toml")).expect("a test reads the table")
});

fn find(context: &Context<'_>) -> Vec<Claim> {
    let python = || {
        context
            .packages
            .iter()
            .filter(|package| matches!(package.ecosystem, Ecosystem::Conda | Ecosystem::Pip))
    };
    let is_one_of = |package: &Package, names: &[String]| {
        names.iter().any(|name| same_name(name, &package.name))
    };
    let in_table = |package: &Package| {
        let row = TABLE
            .dependency
            .iter()
            .find(|row| is_one_of(package, &row.names))?;
        let user = python().find(|user| is_one_of(user, &row.of))?;
        Some(format!("{} needs it only to {}", user.name, row.only_to))
    };
    let extras = Extras::new(context);
    let claim = |package: &Package| {
        let cost = in_table(package).or_else(|| extras.cost(package))?;
        let unit = Unit {
            guard: Guard::Refused(cost),
            ..Unit::names(package.files.clone())
        };
        Some(Claim::new(&RULE, None, vec![unit]))
    };
    python().filter_map(claim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::decide_guarded;

    #[test]
    fn every_row_says_what_for_and_where_from() {
        for row in &TABLE.dependency {
            let is_full = !row.names.is_empty() && !row.of.is_empty() && !row.only_to.is_empty();
            assert!(
                is_full && row.source.starts_with("https://"),
                "{:?}",
                row.names
            );
        }
    }

    #[test]
    fn what_only_an_extra_asks_for_is_named() {
        let dist = |name: &str, metadata: &str| {
            format!(
                "p/{name}-1.dist-info/METADATA = Name: {name}\\nVersion: 1\\n{metadata}\np/{name}-1.dist-info/INSTALLER = pip\np/{name}-1.dist-info/RECORD = {name}/a.py,,\\n\np/{name}/a.py = x\n"
            )
        };
        let asked = "p/tool-1.dist-info/REQUESTED *0\n";
        let tool = dist("tool", "Requires-Dist: plotter (>=1) ; extra == 'plots'\\n");
        let image = format!(
            "[RUN pip install tool]\n{tool}{asked}{}",
            dist("plotter", "")
        );
        let held = decide_guarded(&image).held;
        assert_eq!(
            held["/p/plotter/a.py"],
            "it came for tool's extra plots, which nothing that is installed requires"
        );
        assert!(!held.contains_key("/p/tool/a.py"));
        for other in [
            "Requires-Dist: plotter\\n",
            "Requires-Dist: tool[plots]>=1\\n",
        ] {
            let more = format!("{image}{}", dist("other", other));
            assert!(
                !decide_guarded(&more).held.contains_key("/p/plotter/a.py"),
                "{other}"
            );
        }
        let wanted = format!("{image}p/plotter-1.dist-info/REQUESTED *0\n");
        assert!(!decide_guarded(&wanted).held.contains_key("/p/plotter/a.py"));
    }

    #[test]
    fn a_package_for_a_feature_is_named_beside_the_one_that_has_it() {
        let kaleido = "[a]\np/kaleido-1.dist-info/METADATA = Name: kaleido\\nVersion: 1\\n\np/kaleido-1.dist-info/RECORD = kaleido/a.py,,\\n\np/kaleido/a.py = x\n";
        let multiqc = "p/multiqc-1.dist-info/METADATA = Name: multiqc\\nVersion: 1\\n\np/multiqc-1.dist-info/RECORD = multiqc/a.py,,\\n\np/multiqc/a.py = x\n";
        assert!(decide_guarded(kaleido).held.is_empty());
        let found = decide_guarded(&format!("{kaleido}{multiqc}"));
        assert!(found.gone.is_empty());
        assert!(found.held["/p/kaleido/a.py"].starts_with("multiqc needs it only to write"));
    }
}
