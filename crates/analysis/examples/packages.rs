//! Prints the packages of an image with their files, for `tests/native-packages`.
//!
//! `packages REFERENCE`: a line `ECOSYSTEM NAME VERSION REQUESTED` for each package, and behind it
//! one for each file, parted by tabs and begun with one.

use std::error::Error;
use std::io::Write as _;

use ounce_analysis::Packages;
use ounce_image::format::{self, Reference};
use ounce_image::{Platform, Progress, Store, Tree};

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("packages REFERENCE")?;
    let (store, progress) = (Store::none(), Progress::default());
    let reference = Reference::parse_existing(&name, &store, &progress)?;
    let image = format::open(&reference, &Platform::host(), &store, &progress)?;
    let tree = Tree::build(&image.layers)?;
    let mut problems = Vec::new();
    let packages = Packages::load(&tree, &mut problems);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for package in packages.iter() {
        let ecosystem = package.ecosystem.name();
        let requested = package
            .requested
            .map_or("unknown", |asked| if asked { "yes" } else { "no" });
        writeln!(
            out,
            "{ecosystem}\t{}\t{}\t{requested}",
            package.name, package.version
        )?;
        for file in &package.files {
            out.write_all(b"\t/")?;
            out.write_all(tree.path(*file).as_bytes())?;
            out.write_all(b"\n")?;
        }
    }
    for problem in problems {
        writeln!(out, "problem\t{}\t{}", problem.path, problem.reason)?;
    }
    Ok(out.flush()?)
}
