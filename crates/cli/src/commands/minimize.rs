//! `ounce minimize`: an image of what its programs can reach, and nothing else.

use ounce_image::format::{self, Reference};
use ounce_image::{Codec, Fate, Image, Progress, Tree, graft};

use super::host::open;
use super::reach::{Reach, reach};
use super::{command_line, print};
use crate::args::{ListFormat, Minimize};
use crate::error::CommandError;
use crate::report::minimal::{self, Minimal};
use crate::report::model::json;
use crate::session::Run;

pub(crate) fn run(args: &Minimize) -> Result<(), CommandError> {
    let to = args.output.as_deref().map(Reference::parse).transpose()?;
    let to = to.filter(|_| !args.dry_run);
    let run = Run::start(&args.reading)?;
    let from = run.reference(&args.image)?;
    if let Some(to) = &to {
        format::check_apart(&from, &to.path)?;
        format::check_output(to)?;
    }
    if let Some(report) = &args.report {
        format::check_apart(&from, report)?;
    }
    let report = one(&run, &from, to.as_ref(), args).map_err(|error| error.about(&args.image))?;
    run.finish();
    if let Some(path) = &args.report {
        print(&json(&report), Some(path))?;
    }
    match args.format {
        ListFormat::Table => print(&minimal::render(&report), None),
        ListFormat::Json => print(&json(&report), None),
    }
}

fn one(
    run: &Run,
    from: &Reference,
    to: Option<&Reference>,
    args: &Minimize,
) -> Result<Minimal, CommandError> {
    let session = open(run, from, &args.purpose)?;
    std::thread::scope(|scope| {
        let verified = scope.spawn(|| session.image.verify(&session.progress));
        let ready = || verified.join().expect("verifying does not panic");
        let tree = Tree::build(&session.image.layers)?;
        let reach = reach(&session, &tree, &args.purpose, None)?;
        let report = Minimal::draft(&session, &tree, &reach);
        let Some(to) = to else {
            ready()?;
            return Ok(report.finish(&command_line(), None));
        };
        let image = scratch(&session.image, &tree, &reach, &session.progress)?;
        let fates = fates(&image);
        let annotations = [
            ("dev.ounce.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("dev.ounce.compression", Codec::Gzip.settings().to_owned()),
        ];
        let written = format::write(&image, &fates, to, &annotations, &session.progress, ready)?;
        Ok(report.finish(&command_line(), Some((to, &written))))
    })
}

/// The image with one more layer, which holds what is reached alone, and the package databases cut to it.
fn scratch(
    image: &Image,
    tree: &Tree<'_>,
    reach: &Reach,
    progress: &Progress,
) -> Result<Image, CommandError> {
    let empty = Tree::build(&[])?;
    let mut names = reach.closure.names();
    names.extend(&reach.databases.names);
    let layer = graft(tree, &names, &reach.databases.contents, &empty)?;
    Ok(image.with_layer(layer, "ounce minimize", progress)?)
}

/// All layers go but the last.
fn fates(image: &Image) -> Vec<Fate> {
    let mut fates = vec![Fate::Gone; image.layers.len() - 1];
    fates.push(Fate::Same);
    fates
}
