//! `ounce diff`: how two images differ.

use std::process::ExitCode;

use ounce_analysis::Options;
use ounce_image::format;
use ounce_image::{Tree, compare};

use super::{analyse, print};
use crate::args::Diff;
use crate::error::{CommandError, EXIT_NO};
use crate::report::diff::{self, Side};
use crate::session::{Run, Session};

pub(crate) fn run(args: &Diff) -> Result<ExitCode, CommandError> {
    let run = Run::start(&args.reading)?;
    let (before, after) = (run.reference(&args.before)?, run.reference(&args.after)?);
    if let Some(file) = &args.output {
        format::check_apart(&before, file)?;
        format::check_apart(&after, file)?;
    }
    let (before, after) = (run.open(&before)?, run.open(&after)?);
    let diff = std::thread::scope(|scope| {
        // Nothing is said before every layer has shown its digest.
        let verified = scope.spawn(|| {
            before.image.verify(&before.progress)?;
            after.image.verify(&after.progress)
        });
        let diff = compared(&before, &after)?;
        verified.join().expect("verifying does not panic")?;
        Ok::<_, CommandError>(diff)
    })?;
    run.finish();
    let code = match args.exit_code && diff.differs {
        true => ExitCode::from(EXIT_NO),
        false => ExitCode::SUCCESS,
    };
    let text = diff.only(args.by).text(args.format, args.by.is_some());
    print(&text, args.output.as_deref())?;
    Ok(code)
}

fn compared(before: &Session, after: &Session) -> Result<diff::Diff, CommandError> {
    let old = Tree::build(&before.image.layers)?;
    let new = Tree::build(&after.image.layers)?;
    let pairs = compare(&old, &new, &before.progress)?;
    // One after the other: the search for evidence takes the most memory.
    let (old_packages, plan) = analyse(before, &old, &Options::default())?;
    let old = Side::new(before, &old, &old_packages, plan)?;
    let (new_packages, plan) = analyse(after, &new, &Options::default())?;
    let new = Side::new(after, &new, &new_packages, plan)?;
    Ok(diff::Diff::new(&old, &new, &pairs))
}
