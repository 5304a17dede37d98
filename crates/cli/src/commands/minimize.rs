//! `ounce minimize`: an image of what its programs can reach, and nothing else.

mod base;
mod dockerfile;
pub(crate) mod kept;
mod result;

use std::collections::BTreeMap;

use ounce_analysis::Packages;
use ounce_image::format::{self, Reference};
use ounce_image::{Fate, Image, Tree};

use self::result::{Minimised, Source};
use super::aim::Aim;
use super::host::open;
use super::prove::{self, Trial};
use super::{annotations, command_line, print};
use crate::args::{Format, Minimize};
use crate::error::CommandError;
use crate::report::minimal::Minimal;
use crate::report::verify::Verification;
use crate::report::verify::model::Answer;
use crate::roots::Roots;
use crate::session::Run;

pub(crate) fn run(args: &Minimize) -> Result<(), CommandError> {
    let to = args.output.as_deref().map(Reference::parse).transpose()?;
    let to = to.filter(|_| !args.dry_run);
    let aim = Aim::read(&args.purpose)?;
    let run = Run::start(&args.reading)?;
    let from = run.reference(&args.image)?;
    if let Some(to) = &to {
        format::check_apart(&from, &to.path)?;
        format::check_output(to)?;
    }
    for file in args.showing.report.iter().chain(&args.emit_dockerfile) {
        format::check_apart(&from, file)?;
    }
    let report =
        one(&run, &from, to.as_ref(), &aim, args).map_err(|error| error.about(&args.image))?;
    run.finish();
    if let Some(path) = &args.showing.report {
        print(&report.text(Format::Json), Some(path))?;
    }
    print(&report.text(args.showing.format), None)?;
    let verification = report.verification.as_deref();
    verification.map_or(Ok(()), |it| prove::same(it, args.heal))
}

fn one(
    run: &Run,
    from: &Reference,
    to: Option<&Reference>,
    aim: &Aim<'_>,
    args: &Minimize,
) -> Result<Minimal, CommandError> {
    let session = open(run, from, aim)?;
    std::thread::scope(|scope| {
        let verified = scope.spawn(|| session.image.verify(&session.progress));
        let ready = || verified.join().expect("verifying does not panic");
        let tree = Tree::build(&session.image.layers)?;
        let base = Some(args.base.as_str()).filter(|name| *name != "scratch");
        let base = base.map(|name| base::open(run, name, &session.image.config, &tree));
        let base = base.transpose()?;
        let on = base.as_ref().map(|base| Tree::build(&base.image.layers));
        let on = on.transpose()?;
        let source = Source {
            session: &session,
            tree: &tree,
            aim,
            base: base.as_ref().zip(on.as_ref()),
        };
        let (result, verification) = proved(&source, args)?;
        let is_same = verification
            .as_ref()
            .is_none_or(|report| report.answer == Answer::Same);
        if let Some(file) = args.emit_dockerfile.as_ref().filter(|_| is_same) {
            if session.machine.is_some() {
                return Err(
                    CommandError::input("a Dockerfile cannot begin with a machine")
                        .hint("leave --emit-dockerfile out"),
                );
            }
            let name = name(&session.image, from);
            let text = dockerfile::dockerfile(&tree, &result.kept, &session.image.config, &name)?;
            print(&text, Some(file))?;
        }
        let written = match to.filter(|_| is_same) {
            None => {
                ready()?;
                None
            }
            Some(to) => {
                let image = result.image()?;
                let fates = vec![Fate::Same; image.layers.len()];
                let progress = &session.progress;
                let written = format::write(image, &fates, to, &annotations(), progress, ready)?;
                Some((to, written))
            }
        };
        let written = written.as_ref().map(|(to, written)| (*to, written));
        Ok(result.draft.finish(&command_line(), verification, written))
    })
}

/// What is reached, as it has to be for the checks, and what they say of it.
fn proved<'a>(
    source: &'a Source<'a>,
    args: &Minimize,
) -> Result<(Minimised<'a>, Option<Verification>), CommandError> {
    let result = source.minimised(&BTreeMap::new())?;
    if source.aim.checks.is_empty() {
        return Ok((result, None));
    }
    let packages = Packages::load(source.tree, &mut Vec::new());
    let trial = Trial {
        session: source.session,
        tree: source.tree,
        packages: &packages,
        checks: &source.aim.checks,
        roots: &Roots::of(&args.reading),
        heal: args.heal,
    };
    let (result, report) = trial.prove(result)?;
    Ok((result, Some(report)))
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
