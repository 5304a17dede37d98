//! `ounce verify`: whether two images do the same.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ounce_image::format;
use ounce_sandbox::Now;

use super::{command_line, print};
use crate::args::{Format, Verify};
use crate::checks::Check;
use crate::error::{CommandError, EXIT_INPUT, EXIT_NO};
use crate::report::verify::Verification;
use crate::report::verify::model::Answer;
use crate::roots::Roots;
use crate::session::Run;
use crate::verify::{Judgement, Place, Side, judge};

pub(crate) fn run(args: &Verify) -> Result<ExitCode, CommandError> {
    let checks = checks(args)?;
    let run = Run::start(&args.reading)?;
    let images = [&args.original, &args.slim].map(|image| run.reference(image));
    let [original, slim] = images;
    let (original, slim) = (original?, slim?);
    if let Some(file) = &args.report {
        format::check_apart(&original, file)?;
        format::check_apart(&slim, file)?;
    }
    let (original, slim) = (run.open(&original)?, run.open(&slim)?);
    let roots = Roots::of(&args.reading);
    let places = [Place::new(&original, &roots)?, Place::new(&slim, &roots)?];
    run.finish();
    let judged = judge_all(&checks, &places, args.jobs.into())?;
    let notes: BTreeSet<String> = places.into_iter().flat_map(Place::notes).collect();
    let notes = notes.into_iter().collect();
    let judged = checks
        .into_iter()
        .map(|check| check.name)
        .zip(judged)
        .collect();
    let report = Verification::new(command_line(), [&original, &slim], judged, notes);
    if let Some(file) = &args.report {
        print(&report.text(Format::Json), Some(file))?;
    }
    print(&report.text(args.format), None)?;
    Ok(match report.answer {
        Answer::Same => ExitCode::SUCCESS,
        Answer::Different => ExitCode::from(EXIT_NO),
        Answer::Broken => ExitCode::from(EXIT_INPUT),
    })
}

/// The checks of the file, and those of the command line.
fn checks(args: &Verify) -> Result<Vec<Check>, CommandError> {
    let mut checks = Vec::new();
    if let Some(path) = &args.checks.checks {
        checks = Check::read(path)?;
    }
    for text in &args.checks.check {
        let check = Check::of_words(text)?;
        if checks.iter().any(|other| other.name == check.name) {
            let message = format_args!("--check {text:?}: another check has this name");
            return Err(CommandError::input(message));
        }
        checks.push(check);
    }
    match checks.is_empty() {
        true => Err(CommandError::input("there are no checks")
            .hint("give --checks FILE or --check 'COMMAND ARGUMENT...'")),
        false => Ok(checks),
    }
}

/// Judges the checks, so many at a time, and says on standard error how far it is.
fn judge_all(
    checks: &[Check],
    places: &[Place<'_>; 2],
    jobs: usize,
) -> Result<Vec<Judgement>, CommandError> {
    let bar =
        ProgressBar::with_draw_target(Some(checks.len() as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{pos} of {len} checks  {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let next = AtomicUsize::new(0);
    let judged = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(check) = checks.get(at) else {
                    return Ok(());
                };
                bar.set_message(check.name.clone());
                let judgement = one(check, places)?;
                bar.inc(1);
                judged
                    .lock()
                    .expect("no thread panics")
                    .insert(at, judgement);
            }
        };
        let workers: Vec<_> = (0..jobs.min(checks.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let ended = workers
            .into_iter()
            .map(|worker| worker.join().expect("judging does not panic"));
        ended.collect::<Result<(), CommandError>>()
    })?;
    bar.finish_and_clear();
    Ok(judged
        .into_inner()
        .expect("no thread panics")
        .into_values()
        .collect())
}

fn one(check: &Check, places: &[Place<'_>; 2]) -> Result<Judgement, CommandError> {
    let place = |side| match side {
        Side::Original => &places[0],
        Side::Slim => &places[1],
    };
    let known = RefCell::new(BTreeMap::<(Side, PathBuf), Option<Now>>::new());
    let state = |side: Side, path: &Path| {
        let mut known = known.borrow_mut();
        let now = known.entry((side, path.to_owned()));
        now.or_insert_with(|| place(side).now(path)).clone()
    };
    judge(check, &state, |side| place(side).run(check)).map_err(|error| error.about(&check.name))
}
