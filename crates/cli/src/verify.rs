//! Whether a check does the same in two images.
//!
//! The original is run again when something differs, as often as it takes to tell a difference from what varies by
//! itself; so a check that is the same at once takes one run in each image.

mod coverage;
mod heal;
mod http;
mod missing;
mod service;
mod suite;
mod trial;

use std::path::Path;
use std::time::Duration;

use ounce_sandbox::{
    Compared, Comparison, Difference, End, Now, Outcome, Stream, Trace, Variation, compare,
    differ_in_numbers,
};

use crate::checks::Check;
pub(crate) use coverage::Coverage;
pub(crate) use heal::{Case, Rebuilt, Verified};
pub(crate) use missing::{Missed, Removed};
pub(crate) use suite::Suite;
pub(crate) use trial::Place;

/// More runs of the original, until its own variation explains what differs: so many, then so many more.
const MORE_RUNS: [usize; 2] = [1, 2];

/// Runs of the slim image when only numbers differ.
const RUNS_FOR_NUMBERS: usize = 3;

/// One of the two images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The one that is right by definition.
    Original,
    /// The other one.
    Slim,
}

/// What a check did in one image.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    /// The command's outcome; of a service, its answers in place of the output.
    pub(crate) outcome: Outcome,
    /// Why a service could not be asked everything.
    pub(crate) failure: Option<String>,
    /// What it touched, where that was recorded.
    pub(crate) trace: Option<Trace>,
}

/// What came out for a check.
#[derive(Debug)]
pub(crate) struct Judgement {
    /// The answer.
    pub(crate) verdict: Verdict,
    /// What varies in the original by itself.
    pub(crate) variations: Vec<Variation>,
    /// How long the first run in the original took; of a service, until it listened.
    pub(crate) time: Duration,
    /// The same in the slim image, where it was run.
    pub(crate) time_slim: Option<Duration>,
    /// Runs in the original.
    pub(crate) runs: usize,
}

/// The answer for a check.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Both images do the same.
    Same,
    /// They do not.
    Different(Vec<What>),
    /// The check does not hold in the original, and this is why; so it says nothing.
    Broken(String),
}

/// What differs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// An outcome, with the last lines that the slim image wrote.
    Outcome(Difference, Vec<Vec<u8>>),
    /// The slim image does not do what the check expects.
    Expectation(String),
}

/// The roots as they are before anything runs.
pub(crate) type State<'a> = &'a dyn Fn(Side, &Path) -> Option<Now>;

/// Runs a check in both images as often as it takes.
///
/// # Errors
/// What `run` gives.
pub(crate) fn judge<E>(
    check: &Check,
    state: State<'_>,
    run: impl FnMut(Side) -> Result<Trial, E>,
) -> Result<Judgement, E> {
    let mut trials = Trials {
        check,
        state,
        run,
        originals: Vec::new(),
    };
    let mut time_slim = None;
    let (verdict, variations) = match trials.run_original()? {
        Some(why) => (Verdict::Broken(why), Vec::new()),
        None => {
            let slim = (trials.run)(Side::Slim)?;
            time_slim = Some(slim.outcome.time);
            trials.hold_against(&slim)?
        }
    };
    Ok(Judgement {
        verdict,
        variations,
        time: trials.originals[0].time,
        time_slim,
        runs: trials.originals.len(),
    })
}

/// The runs of a check in the original, and what more is needed.
struct Trials<'a, F> {
    check: &'a Check,
    state: State<'a>,
    run: F,
    originals: Vec<Outcome>,
}

impl<E, F: FnMut(Side) -> Result<Trial, E>> Trials<'_, F> {
    /// Runs the original once more, and says what it did that it should not have done.
    fn run_original(&mut self) -> Result<Option<String>, E> {
        let trial = (self.run)(Side::Original)?;
        let why = unexpected(self.check, &trial);
        self.originals.push(trial.outcome);
        Ok(why)
    }

    fn compared(&self, slim: &Outcome) -> Comparison {
        compare(&Compared {
            originals: &self.originals,
            other: slim,
            ignored: &|line| {
                let mut patterns = self.check.ignore.iter();
                patterns.any(|pattern| pattern.is_match(line))
            },
            before: &|path| (self.state)(Side::Original, path),
            other_before: &|path| (self.state)(Side::Slim, path),
        })
    }

    /// Holds a run of the slim image against as many of the original as it takes.
    fn hold_against(&mut self, slim: &Trial) -> Result<(Verdict, Vec<Variation>), E> {
        let mut found = self.compared(&slim.outcome);
        for more in MORE_RUNS {
            if found.differences.is_empty() || slim.failure.is_some() {
                break;
            }
            for _ in 0..more {
                if let Some(why) = self.run_original()? {
                    let runs = self.originals.len();
                    let why = format!("it fails in one of {runs} runs of the original: {why}");
                    return Ok((Verdict::Broken(why), Vec::new()));
                }
            }
            found = self.compared(&slim.outcome);
            let varies = !found.variations.is_empty();
            if !found.differences.is_empty() && !varies && !self.fits_again(1)? {
                break;
            }
        }
        if self.is_chance(&found)? {
            found.differences.clear();
        }
        Ok((self.verdict(found.differences, slim), found.variations))
    }

    /// Whether one of so many further runs of the slim image does what the original does.
    fn fits_again(&mut self, runs: usize) -> Result<bool, E> {
        for _ in 0..runs {
            let again = (self.run)(Side::Slim)?;
            if again.failure.is_none() && self.compared(&again.outcome).differences.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether all that differs are numbers, in output in which lines vary in the original too, and the slim image
    /// does the same as the original in another run: times and sizes of memory that the few runs of the original
    /// happened to have in common.
    fn is_chance(&mut self, found: &Comparison) -> Result<bool, E> {
        let varies = |stream: Stream| {
            let mut variations = found.variations.iter();
            variations.any(|variation| matches!(variation, Variation::Lines { stream: it, .. } if *it == stream))
        };
        let is_number = |difference: &Difference| match difference {
            Difference::Output { stream, rows } => varies(*stream) && differ_in_numbers(rows),
            _ => false,
        };
        let is_possible = !found.differences.is_empty() && found.differences.iter().all(is_number);
        Ok(is_possible && self.fits_again(RUNS_FOR_NUMBERS)?)
    }

    fn verdict(&self, differences: Vec<Difference>, slim: &Trial) -> Verdict {
        let last = last_lines(&slim.outcome);
        let what = differences.into_iter();
        let mut what: Vec<What> = what
            .map(|difference| What::Outcome(difference, last.clone()))
            .collect();
        if what.is_empty() || slim.failure.is_some() {
            let unexpected = unexpected(self.check, slim);
            what.splice(0..0, unexpected.map(What::Expectation));
        }
        match what.is_empty() {
            true => Verdict::Same,
            false => Verdict::Different(what),
        }
    }
}

/// What a check did that it should not have done, if anything.
pub(crate) fn unexpected(check: &Check, trial: &Trial) -> Option<String> {
    if let Some(failure) = &trial.failure {
        return Some(with_last_line(failure.clone(), &trial.outcome));
    }
    let expected = check.exit;
    match status(trial.outcome.end) {
        Err(why) => return Some(why),
        Ok(status) if status != expected => {
            let text = format!("exit status {status}, expected {expected}");
            return Some(with_last_line(text, &trial.outcome));
        }
        Ok(_) => {}
    }
    let is_missing = |pattern: &&regex::bytes::Regex| !pattern.is_match(&trial.outcome.stdout);
    let missing = check.expect.iter().find(is_missing)?;
    Some(format!(
        "nothing in its output matches {:?}",
        missing.as_str()
    ))
}

fn with_last_line(text: String, outcome: &Outcome) -> String {
    match last_lines(outcome).last() {
        Some(line) => format!("{text}: {}", String::from_utf8_lossy(line)),
        None => text,
    }
}

/// The last lines of standard error, or of standard output when there are none.
fn last_lines(outcome: &Outcome) -> Vec<Vec<u8>> {
    /// As many as an error message with its place has.
    const LINES: usize = 4;
    let lines = |text: &[u8]| -> Vec<Vec<u8>> {
        let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
        lines
            .filter(|line| !line.trim_ascii().is_empty())
            .map(<[u8]>::to_vec)
            .collect()
    };
    let said = [&outcome.stderr, &outcome.stdout].map(|text| lines(text));
    let said = said
        .into_iter()
        .find(|lines| !lines.is_empty())
        .unwrap_or_default();
    said[said.len().saturating_sub(LINES)..].to_vec()
}

/// An exit status as shells and engines give it: 128 and the number of the signal.
///
/// # Errors
/// It was ended from here; why.
pub(crate) fn status(end: End) -> Result<i32, String> {
    match end {
        End::Exited(status) => Ok(status),
        End::Signalled(signal) => Ok(128 + signal),
        End::TimedOut => Err("it did not end in time".to_owned()),
        End::TooMuchOutput => Err("it wrote more than can be kept".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn trial(stdout: &str, exit: i32) -> Trial {
        let outcome = Outcome {
            end: End::Exited(exit),
            stdout: stdout.as_bytes().to_vec(),
            stderr: Vec::new(),
            time: Duration::from_millis(5),
            changes: Vec::new(),
        };
        Trial {
            outcome,
            failure: None,
            trace: None,
        }
    }

    /// Judges a check whose runs print these, an original and a slim one in turn as they are asked for.
    fn judged(check: &Check, original: &[&str], slim: &[&str]) -> (Judgement, usize, usize) {
        let (mut originals, mut slims) = (0, 0);
        let judgement = judge::<Infallible>(check, &|_, _| None, |side| {
            let (count, texts) = match side {
                Side::Original => (&mut originals, original),
                Side::Slim => (&mut slims, slim),
            };
            let text = texts[*count % texts.len()];
            *count += 1;
            let (text, exit) = text.split_once('!').unwrap_or((text, "0"));
            Ok(trial(text, exit.parse().unwrap()))
        });
        let Ok(judgement) = judgement;
        (judgement, originals, slims)
    }

    fn check() -> Check {
        Check::of_words("x").unwrap()
    }

    fn is_different(judgement: &Judgement) -> bool {
        matches!(judgement.verdict, Verdict::Different(_))
    }

    #[test]
    fn what_is_the_same_at_once_is_run_once() {
        let (judgement, originals, slims) = judged(&check(), &["a\n"], &["a\n"]);
        assert!(matches!(judgement.verdict, Verdict::Same));
        assert_eq!((originals, slims, judgement.runs), (1, 1, 1));
    }

    #[test]
    fn what_always_differs_is_seen_soon() {
        let (judgement, originals, slims) = judged(&check(), &["a\n"], &["b\n"]);
        assert!(is_different(&judgement));
        assert_eq!((originals, slims), (2, 2));
    }

    #[test]
    fn what_varies_by_itself_is_no_difference() {
        let (judgement, originals, _) = judged(&check(), &["pid 1\n", "pid 2\n"], &["pid 3\n"]);
        assert!(matches!(judgement.verdict, Verdict::Same));
        assert_eq!((originals, judgement.variations.len()), (2, 1));
        let (judgement, ..) = judged(
            &check(),
            &["a\nb\n", "a\nb\n", "b\na\n"],
            &["b\na\n", "a\nb\n"],
        );
        assert!(
            matches!(judgement.verdict, Verdict::Same),
            "the third run shows it"
        );
        let (judgement, originals, _) = judged(&check(), &["pid 1\n", "pid 2\n"], &["failed\n"]);
        assert!(is_different(&judgement));
        assert_eq!(originals, 4);
    }

    #[test]
    fn numbers_that_the_original_had_in_common_by_chance_are_no_difference() {
        let original = ["cpu 0.004 real 0.010\n", "cpu 0.004 real 0.020\n"];
        let slim = [
            "cpu 0.003 real 0.010\n",
            "cpu 0.003 real 0.010\n",
            "cpu 0.004 real 0.015\n",
        ];
        let (judgement, originals, _) = judged(&check(), &original, &slim);
        assert!(matches!(judgement.verdict, Verdict::Same));
        assert_eq!(originals, 4);
        let always = ["cpu 0.003 real 0.010\n"];
        assert!(is_different(&judged(&check(), &original, &always).0));
        let constant = ["cpu 0.004 real 0.010\n"];
        assert!(
            is_different(&judged(&check(), &constant, &slim).0),
            "nothing varies in the original"
        );
        let words = ["cpu 0.004 failed\n", "cpu 0.004 real 0.010\n"];
        assert!(is_different(&judged(&check(), &original, &words).0));
    }

    #[test]
    fn a_check_that_does_not_hold_in_the_original_says_nothing() {
        let why =
            |original: &[&str], check: &Check| match judged(check, original, &["a\n"]).0.verdict {
                Verdict::Broken(why) => why,
                other => panic!("{other:?}"),
            };
        assert_eq!(why(&["no\n!1"], &check()), "exit status 1, expected 0: no");
        assert_eq!(
            why(&["b\n", "b\n!3"], &check()),
            "it fails in one of 2 runs of the original: exit status 3, expected 0: b"
        );
        let mut strict = check();
        strict.expect.push(regex::bytes::Regex::new("b+c").unwrap());
        assert_eq!(
            why(&["b\n"], &strict),
            "nothing in its output matches \"b+c\""
        );
    }

    #[test]
    fn what_is_expected_is_expected_of_both_images() {
        let mut lax = check();
        lax.ignore.push(regex::bytes::Regex::new(".*").unwrap());
        let (judgement, ..) = judged(&lax, &["a\n"], &["b\n"]);
        assert!(matches!(judgement.verdict, Verdict::Same));
        lax.expect.push(regex::bytes::Regex::new("a").unwrap());
        let (judgement, ..) = judged(&lax, &["a\n"], &["b\n"]);
        let Verdict::Different(what) = judgement.verdict else {
            panic!()
        };
        assert_eq!(
            what,
            [What::Expectation(
                "nothing in its output matches \"a\"".to_owned()
            )]
        );
        let (judgement, ..) = judged(&lax, &["a\n"], &["b\n!1"]);
        assert!(is_different(&judgement));
    }

    #[test]
    fn a_service_that_cannot_be_asked_differs() {
        let asked = judge::<Infallible>(&check(), &|_, _| None, |side| {
            let failure = (side == Side::Slim).then(|| "it ended".to_owned());
            Ok(Trial {
                failure,
                ..trial("a\n", 0)
            })
        });
        let Ok(asked) = asked;
        let Verdict::Different(what) = asked.verdict else {
            panic!()
        };
        assert_eq!(what, [What::Expectation("it ended: a".to_owned())]);
    }
}
