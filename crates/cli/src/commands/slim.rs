//! `ounce slim`: the image without what nothing in it needs.

use ounce_analysis::Options;
use ounce_image::format::{self, Reference, Written};
use ounce_image::{Codec, Fate, Tree, rewrite};

use super::{analyse, deliver};
use crate::args::{By, Format, Slim};
use crate::error::CommandError;
use crate::report::Report;
use crate::session::Session;

pub(crate) fn run(args: &Slim) -> Result<(), CommandError> {
    let options = Options::new(&args.enable, &args.disable, &args.keep, args.keep_layers)?;
    let to = args.output.as_deref().map(Reference::parse).transpose()?;
    let session = Session::open(&args.source, |from| {
        if let Some(to) = to.as_ref().filter(|_| !args.dry_run) {
            format::check_apart(from, &to.path)?;
            format::check_output(to)?;
        }
        if let Some(report) = &args.report {
            format::check_apart(from, report)?;
            if to.as_ref().is_some_and(|to| to.path == *report) {
                let reason = "the report and the image cannot have the same name";
                return Err(CommandError::input(format_args!(
                    "{}: {reason}",
                    report.display()
                )));
            }
        }
        Ok(())
    })?;
    let report = std::thread::scope(|scope| {
        let verified = scope.spawn(|| session.image.verify(&session.progress));
        let ready = || verified.join().expect("verifying does not panic");
        let tree = Tree::build(&session.image.layers)?;
        let (packages, plan) = analyse(&session, &tree, &options)?;
        let fates = rewrite(&tree, &plan.edit)?;
        let report = Report::analysis(&session, &tree, &packages, &plan, By::Cause, None)?;
        match to.as_ref().filter(|_| !args.dry_run) {
            Some(to) => {
                let written = write(&session, &fates, to, ready)?;
                Ok::<_, CommandError>(report.with_result(&fates, Some((to, &written))))
            }
            None => {
                ready()?;
                Ok(report.with_result(&fates, None))
            }
        }
    })?;
    session.finish();
    if let Some(path) = &args.report {
        deliver(&report, Format::Json, Some(path))?;
    }
    deliver(&report.with_top(None, args.format), args.format, None)
}

fn write(
    session: &Session,
    fates: &[Fate],
    to: &Reference,
    ready: impl FnOnce() -> ounce_image::Result<()>,
) -> ounce_image::Result<Written> {
    let bytes = session
        .image
        .layers
        .iter()
        .zip(fates)
        .map(|(layer, fate)| match fate {
            Fate::Same => layer.tar.len(),
            Fate::Changed(tar) => tar.len(),
            Fate::Gone => 0,
        });
    session.progress.expect(bytes.sum());
    // Compressed bytes depend on these: whoever wants them again needs to know.
    let annotations = [
        ("dev.ounce.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("dev.ounce.compression", Codec::Gzip.settings().to_owned()),
    ];
    format::write(
        &session.image,
        fates,
        to,
        &annotations,
        &session.progress,
        ready,
    )
}
