//! `ounce analyze`: what eats the space.

use ounce_analysis::{duplicates, remarks};
use ounce_image::Tree;
use ounce_image::format::{self, Reference};

use super::{analyse, check, command_line, deliver, owner};
use crate::args::Analyze;
use crate::error::CommandError;
use crate::report::{Analysis, Document, Report, Totals};
use crate::session::Run;
use crate::settings::Settings;

pub(crate) fn run(args: &Analyze) -> Result<(), CommandError> {
    let settings = Settings::of_analysis(&args.choice)?;
    if let Some(name) = &args.owner {
        return owner::run(args, &settings, name);
    }
    let run = Run::start(&args.source.reading)?;
    let references = run.references(&args.source.images)?;
    for from in &references {
        let file = args.output.as_deref();
        file.map_or(Ok(()), |file| format::check_apart(from, file))?;
    }
    let top = args.top.map(|top| top as usize);
    let mut totals = Totals::new(args.by.into(), top);
    let mut reports = Vec::new();
    for (from, name) in references.iter().zip(&args.source.images) {
        let report = one(&run, from, &settings, args, &mut totals).map_err(|e| e.about(name))?;
        reports.push(report);
    }
    run.finish();
    let document = Document::new(command_line(), settings.shown, reports, totals);
    let document = document.with_top(top, args.format);
    deliver(&document, args.format, args.output.as_deref())?;
    check(&document)
}

fn one(
    run: &Run,
    from: &Reference,
    settings: &Settings,
    args: &Analyze,
    totals: &mut Totals,
) -> Result<Report, CommandError> {
    let session = run.open(from)?;
    let top = args.top.map(|top| top as usize);
    std::thread::scope(|scope| {
        // Nothing is said before every layer has shown its digest.
        let verified = scope.spawn(|| session.image.verify(&session.progress));
        let tree = Tree::build(&session.image.layers)?;
        let (packages, plan) = analyse(&session, &tree, &settings.options)?;
        let analysis = Analysis::new(&session, &tree, &packages, &plan)?;
        let mut report = analysis.report(&command_line(), &settings.shown, args.by.into(), top);
        report.limits = settings.limits.of_image(&report);
        let found = duplicates::find(&tree, &plan, &session.progress)?;
        let remarks = remarks::find(&tree, &plan, &session.progress)?;
        let report = report.with_duplicates(&found).with_remarks(&remarks);
        totals.add(&analysis, &report, None);
        verified.join().expect("verifying does not panic")?;
        Ok(report)
    })
}
