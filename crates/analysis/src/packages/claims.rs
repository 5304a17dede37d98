//! Who has a file that several packages list.
//!
//! A database says what its package manager put there, not what became of it: pip writes over what
//! apt brought, conda keeps listing what pip replaced, a Debian package holds the `dist-info` of the
//! wheel it was made from. In this order, the first that tells two claims apart decides:
//!
//! 1. What a package brought as a whole belongs to it: where the record of a package is itself a
//!    file of another, the other has all that the first lists. (A wheel inside a Debian, rpm or conda
//!    package; distributions that setuptools carries with it.)
//! 2. The stronger kind of list ([`Strength`]).
//! 3. A record from the layer that the file is from: whoever wrote both wrote the file last.
//! 4. A language's package manager before the system's: pip writes over what apt brought, apt
//!    would not install over what pip brought.
//! 5. The order of the packages. (Two rpm packages may share a file that is equal in both.)

use std::collections::BTreeMap;

use ounce_image::{NodeId, Tree};
use rustc_hash::FxHashMap;

use super::{Ecosystem, Package};

/// How a package's files are known, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Only names are recorded, such as a module's, and files are taken to be theirs.
    Inferred,
    /// The files are those inside the package's own folder.
    Inside,
    /// The database lists the files.
    Listed,
    /// The database lists the files with their digests.
    Digest,
}

/// The package that has each file, by its place in the list.
pub(super) fn owners(tree: &Tree<'_>, packages: &[Package]) -> FxHashMap<NodeId, usize> {
    let claims = Claims { tree, packages };
    let bringers = claims.bringers();
    let mut owners = FxHashMap::default();
    for (index, package) in packages.iter().enumerate() {
        let claimant = outermost(&bringers, index);
        for file in &package.files {
            owners
                .entry(*file)
                .and_modify(|owner| {
                    if claims.beats(claimant, *owner, *file) {
                        *owner = claimant;
                    }
                })
                .or_insert(claimant);
        }
    }
    owners
}

struct Claims<'a> {
    tree: &'a Tree<'a>,
    packages: &'a [Package],
}

impl Claims<'_> {
    /// Whether the first package's claim to a file is better than the second's.
    fn beats(&self, new: usize, old: usize, file: NodeId) -> bool {
        self.rank(new, file) > self.rank(old, file)
    }

    fn rank(&self, package: usize, file: NodeId) -> (Strength, bool, u8) {
        let package = &self.packages[package];
        let is_together = self.layer(package.record) == self.layer(file);
        (package.strength, is_together, level(package.ecosystem))
    }

    fn layer(&self, node: NodeId) -> Option<u32> {
        let leaf = self.tree.leaf_of(node)?;
        Some(self.tree.leaf(leaf).data.layer)
    }

    /// For packages that another package brought as a whole, the other.
    fn bringers(&self) -> BTreeMap<usize, usize> {
        let mut by_record: FxHashMap<NodeId, Vec<usize>> = FxHashMap::default();
        for (index, package) in self.packages.iter().enumerate() {
            // Nobody brings the system's packages, whose record may be one file for thousands.
            if level(package.ecosystem) > 0 {
                by_record.entry(package.record).or_default().push(index);
            }
        }
        let mut bringers = BTreeMap::new();
        for (outer, package) in self.packages.iter().enumerate() {
            for file in &package.files {
                for inner in by_record.get(file).into_iter().flatten() {
                    if self.can_hold(outer, *inner) {
                        bringers.entry(*inner).or_insert(outer);
                    }
                }
            }
        }
        bringers
    }

    /// Whether one package can bring another: a system's package a language's, or one whose folder
    /// is around the other's. No package comes to bring itself in this way.
    fn can_hold(&self, outer: usize, inner: usize) -> bool {
        let [outer, inner] = [outer, inner].map(|index| &self.packages[index]);
        let is_around =
            outer.prefix != inner.prefix && self.tree.is_within(inner.prefix, outer.prefix);
        outer.strength >= Strength::Listed
            && match level(outer.ecosystem).cmp(&level(inner.ecosystem)) {
                std::cmp::Ordering::Less => true,
                std::cmp::Ordering::Equal => is_around,
                std::cmp::Ordering::Greater => false,
            }
    }
}

/// How near to the system a package manager works.
fn level(ecosystem: Ecosystem) -> u8 {
    match ecosystem {
        Ecosystem::Dpkg | Ecosystem::Apk | Ecosystem::Rpm => 0,
        Ecosystem::Conda => 1,
        Ecosystem::Pip
        | Ecosystem::Npm
        | Ecosystem::Gem
        | Ecosystem::Cran
        | Ecosystem::Jar
        | Ecosystem::Go
        | Ecosystem::Rust => 2,
    }
}

fn outermost(bringers: &BTreeMap<usize, usize>, index: usize) -> usize {
    let mut at = index;
    while let Some(outer) = bringers.get(&at) {
        at = *outer;
    }
    at
}

#[cfg(test)]
mod tests {
    use crate::packages::Packages;
    use crate::testing::layers;
    use ounce_image::Tree;

    /// `ECOSYSTEM NAME` of who has a file of an image.
    fn owner(image: &str, path: &str) -> String {
        let layers = layers(&ounce_testkit::image(image));
        let tree = Tree::build(&layers).unwrap();
        let packages = Packages::load(&tree, &mut Vec::new());
        let file = tree.resolve(path.as_bytes()).unwrap();
        let owner = packages.owner(file).unwrap();
        format!("{} {}", owner.ecosystem.name(), owner.name)
    }

    /// A Debian package of a Python module, with the `egg-info` that it was made from.
    const DEBIAN: &str = "[apt]
var/lib/dpkg/status = Package: python3-a\\nVersion: 1\\n
var/lib/dpkg/info/python3-a.list = /usr/lib/python3/a/x.py\\n/usr/lib/python3/a-1.egg-info/PKG-INFO\\n
var/lib/dpkg/info/python3-a.md5sums = 0  usr/lib/python3/a/x.py\\n
usr/lib/python3/a/x.py = 1
usr/lib/python3/a/made-later.txt = 1
usr/lib/python3/a-1.egg-info/PKG-INFO = Name: a\\nVersion: 1\\n\\n
usr/lib/python3/a-1.egg-info/top_level.txt = a\\n
";

    #[test]
    fn a_wheel_in_a_system_package_is_the_package() {
        for path in ["a/x.py", "a/made-later.txt", "a-1.egg-info/top_level.txt"] {
            assert_eq!(
                owner(DEBIAN, &format!("/usr/lib/python3/{path}")),
                "dpkg python3-a"
            );
        }
    }

    #[test]
    fn what_pip_wrote_over_a_system_package_is_pips() {
        let image = format!(
            "{DEBIAN}[pip]
usr/lib/python3/a/x.py = 2
usr/lib/python3/a-2.dist-info/METADATA = Name: a\\nVersion: 2\\n\\n
usr/lib/python3/a-2.dist-info/RECORD = a/x.py,sha256=x,1\\n
"
        );
        assert_eq!(owner(&image, "/usr/lib/python3/a/x.py"), "pip a");
    }

    #[test]
    fn what_a_later_system_package_wrote_over_pips_is_the_systems() {
        let pip = "[pip]
usr/lib/python3/a/x.py = 2
usr/lib/python3/a-2.dist-info/METADATA = Name: a\\nVersion: 2\\n\\n
usr/lib/python3/a-2.dist-info/RECORD = a/x.py,sha256=x,1\\n
";
        assert_eq!(
            owner(&format!("{pip}{DEBIAN}"), "/usr/lib/python3/a/x.py"),
            "dpkg python3-a"
        );
    }

    const CONDA: &str = "[conda]
opt/c/conda-meta/a-1-0.json = {\"name\":\"a\",\"version\":\"1\",\"files\":[\"lib/a/x.py\",\"lib/a-1.dist-info/RECORD\"],\"paths_data\":{}}
opt/c/lib/a/x.py = 1
";

    #[test]
    fn a_file_that_conda_and_its_wheel_list_is_condas() {
        let wheel = "opt/c/lib/a-1.dist-info/RECORD = a/x.py,,\\n\\n";
        assert_eq!(
            owner(&format!("{CONDA}{wheel}"), "/opt/c/lib/a/x.py"),
            "conda a"
        );
    }

    #[test]
    fn a_file_that_pip_upgraded_in_a_conda_environment_is_pips() {
        let upgrade = "[pip]
opt/c/lib/a/x.py = 2
opt/c/lib/a-2.dist-info/RECORD = a/x.py,,\\n
";
        assert_eq!(
            owner(&format!("{CONDA}{upgrade}"), "/opt/c/lib/a/x.py"),
            "pip a"
        );
        let squashed = format!("{CONDA}opt/c/lib/a-2.dist-info/RECORD = a/x.py,,\\n\\n");
        assert_eq!(owner(&squashed, "/opt/c/lib/a/x.py"), "pip a");
    }

    #[test]
    fn a_list_is_stronger_than_the_name_of_a_module() {
        let image = "[pip]
site/shared-1.egg-info/PKG-INFO = Name: shared\\nVersion: 1\\n\\n
site/shared-1.egg-info/top_level.txt = shared\\n
site/shared/mine.py = 1
site/shared/other.py = 1
site/other-1.dist-info/RECORD = shared/other.py,,\\n
";
        assert_eq!(owner(image, "/site/shared/mine.py"), "pip shared");
        assert_eq!(owner(image, "/site/shared/other.py"), "pip other");
    }

    #[test]
    fn what_a_distribution_carries_with_it_is_its_own() {
        let image = "[pip]
site/big-1.dist-info/RECORD = big/_vendor/small/x.py,,\\nbig/_vendor/small-1.dist-info/RECORD,,\\n
site/big/_vendor/small/x.py = 1
site/big/_vendor/small-1.dist-info/RECORD = small/x.py,,\\n
";
        assert_eq!(owner(image, "/site/big/_vendor/small/x.py"), "pip big");
    }
}
