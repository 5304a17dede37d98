//! `ounce trace`: which files commands touch in an image.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::ExitCode;

use ounce_image::{display, format};
use ounce_sandbox::Output;

use super::run::{explained, pass_on, process};
use super::{print, quoted};
use crate::args::{Format, Trace};
use crate::checks::Check;
use crate::error::{CommandError, EXIT_NO};
use crate::report::trace::{TraceReport, Traced};
use crate::roots::Roots;
use crate::session::{Run, Session};
use crate::verify::{Place, status, unexpected};

pub(crate) fn run(args: Trace) -> Result<ExitCode, CommandError> {
    let checks = args.checks.as_deref().map(Check::read).transpose()?;
    let output = args.output;
    let run = Run::start(&args.run.reading)?;
    let reference = run.reference(&args.run.image)?;
    if let Some(file) = &output {
        format::check_apart(&reference, file)?;
    }
    let session = run.open(&reference)?;
    let report = match checks {
        Some(checks) => {
            let report = of_checks(&session, &Roots::of(&args.run.reading), &checks)?;
            run.finish();
            report
        }
        None => of_command(run, &session, args.run, output.is_none())?,
    };
    let format = match output {
        Some(_) => Format::Json,
        None => Format::Table,
    };
    print(&report.text(format), output.as_deref())?;
    Ok(failures(&report))
}

/// Says what did not do what it should: a run that ended early says little about what an image needs.
fn failures(report: &TraceReport) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for run in &report.runs {
        if let Some(failure) = &run.failure {
            anstream::eprintln!("{}: {failure}", display(run.name.as_bytes()));
            code = ExitCode::from(EXIT_NO);
        }
    }
    code
}

fn of_checks(
    session: &Session,
    roots: &Roots,
    checks: &[Check],
) -> Result<TraceReport, CommandError> {
    let place = Place::new(session, roots)?;
    let mut runs = Vec::new();
    for check in checks {
        let trial = place
            .record(check)
            .map_err(|error| error.about(&check.name))?;
        let traced = Traced {
            name: check.name.clone(),
            failure: unexpected(check, &trial),
        };
        runs.push((traced, trial.trace.unwrap_or_default()));
    }
    let notes = place.notes().into_iter().collect();
    Ok(TraceReport::new(session, runs, notes))
}

/// Traces one command. Where the report goes to standard output the command's own output goes to standard error.
fn of_command(
    run: Run,
    session: &Session,
    args: crate::args::Run,
    is_apart: bool,
) -> Result<TraceReport, CommandError> {
    let roots = Roots::of(&args.reading);
    let mut process = process(session, args)?;
    process.trace = true;
    if is_apart {
        process.output = Output::Capture;
    }
    let name = shown(&process.args);
    let unpacked = roots.unpacked(session)?;
    let interrupts = run.finish();
    let scratch = roots.scratch()?;
    let running = ounce_sandbox::start(&unpacked.root, &process, &scratch.path())
        .map_err(|error| explained(error, session))?;
    if let Ok(signaller) = running.signaller() {
        std::thread::spawn(move || pass_on(&interrupts, &signaller));
    }
    let done = running.wait()?;
    let mut stderr = anstream::stderr().lock();
    stderr.write_all(&done.outcome.stdout)?;
    stderr.write_all(&done.outcome.stderr)?;
    let failure = match status(done.outcome.end) {
        Ok(0) => None,
        Ok(status) => Some(format!("exit status {status}")),
        Err(why) => Some(why),
    };
    let notes = unpacked.notes.iter().chain(&done.notes).cloned().collect();
    let runs = vec![(Traced { name, failure }, done.trace.unwrap_or_default())];
    Ok(TraceReport::new(session, runs, notes))
}

/// A command as it would be typed into a shell.
fn shown(words: &[OsString]) -> String {
    let words = words.iter().map(|word| quoted(&display(word.as_bytes())));
    words.collect::<Vec<_>>().join(" ")
}
