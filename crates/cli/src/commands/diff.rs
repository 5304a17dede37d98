//! `ounce diff`: how two images differ.

use std::process::ExitCode;

use ounce_analysis::Options;
use ounce_image::format::{self, Reference};
use ounce_image::{Tree, compare};

use super::{analyse, print};
use crate::args::{Diff, Source};
use crate::error::{CommandError, EXIT_NO};
use crate::report::diff::{self, Side};
use crate::session::Session;

pub(crate) fn run(args: &Diff) -> Result<ExitCode, CommandError> {
    let source = |image: &String| Source {
        image: image.clone(),
        reading: args.reading.clone(),
    };
    let check = |from: &Reference| {
        let file = args.output.as_deref();
        Ok(file.map_or(Ok(()), |file| format::check_apart(from, file))?)
    };
    let before = Session::open(&source(&args.before), check)?;
    let after = before.open_beside(&source(&args.after), check)?;
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
    before.finish();
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
