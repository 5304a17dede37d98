//! All checks of a verification, several at a time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ounce_sandbox::{Now, Trace};

use super::{Judgement, Place, Side, judge};
use crate::checks::Check;
use crate::error::CommandError;

/// Checks to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suite<'a> {
    /// In their order.
    pub(crate) checks: &'a [Check],
    /// How many run at a time.
    pub(crate) jobs: usize,
}

/// What a check touched in the original and in the slim image; why that is not known, where it is not.
pub(crate) type Recorded = [Result<Trace, String>; 2];

impl Suite<'_> {
    /// Judges these checks, by number.
    ///
    /// # Errors
    /// The sandbox cannot be made, or Ctrl-C was pressed.
    pub(crate) fn judge(
        &self,
        numbers: &[usize],
        original: &Place<'_>,
        slim: &Place<'_>,
    ) -> Result<BTreeMap<usize, Judgement>, CommandError> {
        self.all(numbers, "", |check| one(check, original, slim))
    }

    /// Runs these checks once more in both images and records what they touch.
    ///
    /// # Errors
    /// Ctrl-C was pressed.
    pub(crate) fn record(
        &self,
        numbers: &[usize],
        original: &Place<'_>,
        slim: &Place<'_>,
    ) -> Result<BTreeMap<usize, Recorded>, CommandError> {
        self.all(numbers, "recording: ", |check| {
            let record = |place: &Place<'_>| match place.record(check) {
                Ok(trial) => {
                    let nothing = || "it could not be started".to_owned();
                    Ok(trial.trace.ok_or_else(nothing))
                }
                Err(error) if error.is_interrupt() => Err(error),
                Err(error) => Ok(Err(error.message().to_owned())),
            };
            Ok([record(original)?, record(slim)?])
        })
    }

    /// Does something with these checks, so many at a time, and says on standard error how far it is.
    fn all<T: Send>(
        &self,
        numbers: &[usize],
        doing: &str,
        one: impl Fn(&Check) -> Result<T, CommandError> + Sync,
    ) -> Result<BTreeMap<usize, T>, CommandError> {
        let target = ProgressDrawTarget::stderr();
        let bar = ProgressBar::with_draw_target(Some(numbers.len() as u64), target);
        let style = ProgressStyle::with_template("{pos} of {len} checks  {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let next = AtomicUsize::new(0);
        let done = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            let work = || {
                while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let check = &self.checks[*number];
                    bar.set_message(format!("{doing}{}", check.name));
                    let result = one(check).map_err(|error| error.about(&check.name))?;
                    bar.inc(1);
                    done.lock()
                        .expect("no thread panics")
                        .insert(*number, result);
                }
                Ok(())
            };
            let workers: Vec<_> = (0..self.jobs.min(numbers.len()))
                .map(|_| scope.spawn(work))
                .collect();
            let ended = workers
                .into_iter()
                .map(|worker| worker.join().expect("running checks does not panic"));
            ended.collect::<Result<(), CommandError>>()
        })?;
        bar.finish_and_clear();
        Ok(done.into_inner().expect("no thread panics"))
    }
}

fn one(check: &Check, original: &Place<'_>, slim: &Place<'_>) -> Result<Judgement, CommandError> {
    let place = |side| match side {
        Side::Original => original,
        Side::Slim => slim,
    };
    let known = RefCell::new(BTreeMap::<(Side, PathBuf), Option<Now>>::new());
    let state = |side: Side, path: &Path| {
        let mut known = known.borrow_mut();
        let now = known.entry((side, path.to_owned()));
        now.or_insert_with(|| place(side).now(path)).clone()
    };
    judge(check, &state, |side| place(side).run(check))
}
