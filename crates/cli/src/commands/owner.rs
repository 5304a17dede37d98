//! `ounce analyze --owner`: one package, and why it is there.

use ounce_analysis::Packages;
use ounce_image::{Tree, format};

use super::{analyse, print};
use crate::args::{Analyze, Format};
use crate::error::CommandError;
use crate::report::model::json;
use crate::report::model::package::PackageReport;
use crate::report::{Analysis, package};
use crate::session::Run;
use crate::settings::Settings;

/// Names offered in place of one that is not there.
const OFFERED: usize = 5;

pub(super) fn run(args: &Analyze, settings: &Settings, name: &str) -> Result<(), CommandError> {
    let write: fn(&PackageReport) -> String = match args.format {
        Format::Table => package::render,
        Format::Json => json,
        Format::Markdown => {
            let message = "a package is written as a table or as JSON";
            return Err(CommandError::input(message).hint("leave --format or --owner away"));
        }
    };
    let [image] = args.source.images.as_slice() else {
        return Err(CommandError::input("--owner takes one image only"));
    };
    let run = Run::start(&args.source.reading)?;
    let from = run.reference(image)?;
    let file = args.output.as_deref();
    file.map_or(Ok(()), |file| format::check_apart(&from, file))?;
    let session = run.open(&from)?;
    let report = std::thread::scope(|scope| {
        let verified = scope.spawn(|| session.image.verify(&session.progress));
        let tree = Tree::build(&session.image.layers)?;
        let (packages, plan) = analyse(&session, &tree, &settings.options)?;
        if packages.find(name).is_empty() {
            return Err(unknown(&packages, name));
        }
        let analysis = Analysis::new(&session, &tree, &packages, &plan)?;
        let report = PackageReport::new(&analysis, &packages, name);
        verified.join().expect("verifying does not panic")?;
        Ok::<_, CommandError>(report)
    })?;
    run.finish();
    print(&write(&report), file)
}

fn unknown(packages: &Packages, name: &str) -> CommandError {
    let error = CommandError::input(format_args!("there is no package {name:?} in the image"));
    let nearest = packages.nearest(name, OFFERED);
    match nearest.as_slice() {
        [] => error.hint("`--by owner --format json` lists the packages"),
        names => error.hint(format!("did you mean {}?", names.join(" or "))),
    }
}
