//! `ounce minimize`: an image of what its programs can reach, and nothing else.

mod base;
mod dockerfile;
pub(crate) mod kept;
mod result;

use std::collections::BTreeSet;

use ounce_image::format::{self, Reference};
use ounce_image::{Fate, Image, Tree};

use self::kept::Kept;
use super::host::open;
use super::reach::reach;
use super::{annotations, command_line, print};
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
    for file in args.report.iter().chain(&args.emit_dockerfile) {
        format::check_apart(&from, file)?;
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
        let base = Some(args.base.as_str()).filter(|name| *name != "scratch");
        let base = base.map(|name| base::open(run, name, &session.image.config, &tree));
        let base = base.transpose()?;
        let on = base.as_ref().map(|base| Tree::build(&base.image.layers));
        let on = on.transpose()?;
        let mut kept = Kept::new(&session.image.config, &tree, &reach, &BTreeSet::new());
        if let Some(file) = &args.emit_dockerfile {
            if session.machine.is_some() {
                return Err(
                    CommandError::input("a Dockerfile cannot begin with a machine")
                        .hint("leave --emit-dockerfile out"),
                );
            }
            let name = name(&session.image, from);
            let text = dockerfile::dockerfile(&tree, &kept, &session.image.config, &name)?;
            print(&text, Some(file))?;
        }
        let mut report = Minimal::draft(&session, &tree, &reach, &kept, on.as_ref());
        if let Some((base, on)) = base.as_ref().zip(on.as_ref()) {
            report.note(base::subtract(&mut kept, &tree, &reach.graph, base, on)?);
        }
        let Some(to) = to else {
            ready()?;
            return Ok(report.finish(&command_line(), None));
        };
        let image = result::image(
            &session.image,
            base.as_ref().map(|base| &base.image),
            &tree,
            &kept,
            &session.progress,
        )?;
        let fates = vec![Fate::Same; image.layers.len()];
        let annotations = annotations();
        let written = format::write(&image, &fates, to, &annotations, &session.progress, ready)?;
        Ok(report.finish(&command_line(), Some((to, &written))))
    })
}

/// What the image is called, if it says so; otherwise a name that shows what is to be put there.
fn name(image: &Image, from: &Reference) -> String {
    let names = from.tag.iter().chain(&image.names);
    // A bare tag does not tell of what.
    let mut names = names.filter(|name| name.contains([':', '/']));
    names
        .next()
        .cloned()
        .unwrap_or_else(|| "original-image".to_owned())
}
