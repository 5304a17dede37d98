//! Finds packages by what users call them.

use super::{Ecosystem, Package, Packages, requests::folded};

/// How much a name has to be like another one, of 1, to be meant by it.
const LIKENESS: f64 = 0.5;

impl Packages {
    /// The packages that `text` may mean: NAME or ECOSYSTEM:NAME. Other names that a package answers
    /// to count where none has the name itself.
    pub fn find(&self, text: &str) -> Vec<&Package> {
        let named = |wanted: Option<Ecosystem>, name: &str, provided: bool| {
            let is_meant = |package: &&Package| {
                let same = |known: &String| {
                    folded(package.ecosystem, known) == folded(package.ecosystem, name)
                };
                wanted.is_none_or(|ecosystem| ecosystem == package.ecosystem)
                    && match provided {
                        false => same(&package.name),
                        true => package.provides.iter().any(same),
                    }
            };
            self.list.iter().filter(is_meant).collect::<Vec<_>>()
        };
        let (ecosystem, name) = self.split(text);
        // Names of Maven hold a colon too.
        let readings = [
            (ecosystem, name, false),
            (None, text, false),
            (ecosystem, name, true),
        ];
        readings
            .into_iter()
            .map(|(ecosystem, name, provided)| named(ecosystem, name, provided))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// The packages whose names are most like `text`, at most `limit`, as ECOSYSTEM:NAME.
    pub fn nearest(&self, text: &str, limit: usize) -> Vec<String> {
        let (ecosystem, name) = self.split(text);
        let name = name.to_ascii_lowercase();
        let mut names: Vec<(f64, String)> = self
            .list
            .iter()
            .map(|package| {
                let like = package.name.to_ascii_lowercase();
                let likeness = strsim::normalized_damerau_levenshtein(&like, &name);
                // A part of a name says more than as many letters of another.
                let is_part = !name.is_empty() && like.contains(&name);
                let elsewhere = ecosystem.is_some_and(|wanted| wanted != package.ecosystem);
                let likeness = likeness + f64::from(u8::from(is_part));
                let known = format!("{}:{}", package.ecosystem.name(), package.name);
                (if elsewhere { likeness - 0.1 } else { likeness }, known)
            })
            .filter(|(likeness, _)| *likeness >= LIKENESS)
            .collect();
        names.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        names.dedup();
        names.truncate(limit);
        names.into_iter().map(|(_, name)| name).collect()
    }

    fn split<'t>(&self, text: &'t str) -> (Option<Ecosystem>, &'t str) {
        let parts = text.split_once(':').and_then(|(ecosystem, name)| {
            let known = self.list.iter().map(|package| package.ecosystem);
            let mut known = known.filter(|known| known.name() == ecosystem);
            Some((known.next()?, name))
        });
        parts.map_or((None, text), |(ecosystem, name)| (Some(ecosystem), name))
    }
}

#[cfg(test)]
mod tests {
    use ounce_image::Tree;

    use super::*;

    const IMAGE: &str = "[x]\n\
        c/conda-meta/n.json = {\"name\":\"numpy\",\"version\":\"2\"}\n\
        c/conda-meta/j.json = {\"name\":\"openjdk\",\"version\":\"17\"}\n\
        p/scikit_learn.dist-info/METADATA = Name: scikit-learn\\n\n\
        p/numpy.dist-info/METADATA = Name: NumPy\\n\n";

    fn with_packages(test: impl Fn(&Packages)) {
        let layers = crate::testing::layers(&ounce_testkit::image(IMAGE));
        let tree = Tree::build(&layers).unwrap();
        test(&Packages::load(&tree, &mut Vec::new()));
    }

    #[test]
    fn names_are_compared_as_their_ecosystem_does() {
        with_packages(|packages| {
            let count = |text| packages.find(text).len();
            assert_eq!(
                [count("numpy"), count("pip:numpy"), count("NUMPY")],
                [2, 1, 2]
            );
            assert_eq!(
                [count("Scikit.Learn"), count("open.jdk"), count("gem:numpy")],
                [1, 0, 0]
            );
        });
    }

    #[test]
    fn names_that_are_alike_are_offered() {
        with_packages(|packages| {
            assert_eq!(packages.nearest("jdk", 3), ["conda:openjdk"]);
            assert_eq!(packages.nearest("pip:nunpy", 1), ["pip:NumPy"]);
            assert!(packages.nearest("zzzzzzzzz", 3).is_empty());
        });
    }
}
