//! `ounce analyze --owner`: one package, and why it is there.

use ounce_analysis::{Options, Packages};
use ounce_image::{Tree, format};

use super::{analyse, print};
use crate::args::{Analyze, Format};
use crate::error::CommandError;
use crate::report::model::package::PackageReport;
use crate::report::package;
use crate::session::Session;

/// Names offered in place of one that is not there.
const OFFERED: usize = 5;

pub(super) fn run(args: &Analyze, name: &str) -> Result<(), CommandError> {
    let session = Session::open(&args.source, |from| {
        let file = args.output.as_deref();
        Ok(file.map_or(Ok(()), |file| format::check_apart(from, file))?)
    })?;
    let report = std::thread::scope(|scope| {
        let verified = scope.spawn(|| session.image.verify(&session.progress));
        let tree = Tree::build(&session.image.layers)?;
        let (packages, plan) = analyse(&session, &tree, &Options::default())?;
        if packages.find(name).is_empty() {
            return Err(unknown(&packages, name));
        }
        let report = PackageReport::new(&session, &tree, &packages, &plan, name)?;
        verified.join().expect("verifying does not panic")?;
        Ok::<_, CommandError>(report)
    })?;
    session.finish();
    let text = match args.format {
        Format::Table => package::render(&report),
        Format::Json => report.to_json(),
    };
    print(&text, args.output.as_deref())
}

fn unknown(packages: &Packages, name: &str) -> CommandError {
    let error = CommandError::input(format_args!("there is no package {name:?} in the image"));
    let nearest = packages.nearest(name, OFFERED);
    match nearest.as_slice() {
        [] => error.hint("`--by owner --format json` lists the packages"),
        names => error.hint(format!("did you mean {}?", names.join(" or "))),
    }
}
