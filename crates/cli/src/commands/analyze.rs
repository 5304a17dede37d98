//! `ounce analyze`: what eats the space.

use ounce_analysis::{Options, duplicates};
use ounce_image::{Tree, format};

use super::{analyse, deliver, owner};
use crate::args::Analyze;
use crate::error::CommandError;
use crate::report::Report;
use crate::session::Session;

pub(crate) fn run(args: &Analyze) -> Result<(), CommandError> {
    if let Some(name) = &args.owner {
        return owner::run(args, name);
    }
    let session = Session::open(&args.source, |from| {
        let file = args.output.as_deref();
        Ok(file.map_or(Ok(()), |file| format::check_apart(from, file))?)
    })?;
    let top = args.top.map(|top| top as usize);
    let report = std::thread::scope(|scope| {
        // Nothing is said before every layer has shown its digest.
        let verified = scope.spawn(|| session.image.verify(&session.progress));
        let tree = Tree::build(&session.image.layers)?;
        let (packages, plan) = analyse(&session, &tree, &Options::default())?;
        let report = Report::analysis(&session, &tree, &packages, &plan, args.by, top)?;
        let duplicates = duplicates::find(&tree, &plan, &session.progress)?;
        let report = report.with_duplicates(&duplicates);
        verified.join().expect("verifying does not panic")?;
        Ok::<_, CommandError>(report)
    })?;
    session.finish();
    let report = report.with_top(top, args.format);
    deliver(&report, args.format, args.output.as_deref())
}
