//! Files that people write: read whole, and quoted at the place that is wrong.

use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::CommandError;
use crate::snippet::{Place, shown};

/// A mistake and where in the text it is, in bytes.
pub(crate) type Mistake = (Range<usize>, String);

/// Reads a TOML file of at most `most` bytes; `check` finds what its types cannot tell.
///
/// # Errors
/// The file cannot be read, or something in it makes no sense; the message shows the place.
pub(crate) fn read<T: DeserializeOwned, U>(
    path: &Path,
    most: u64,
    check: impl FnOnce(T) -> Result<U, Mistake>,
) -> Result<U, CommandError> {
    let failed = |reason: String| {
        let place = path.display();
        CommandError::input(format_args!("reading {place}: {reason}"))
    };
    let size = path.metadata().map_err(|e| failed(e.to_string()))?.len();
    if size > most {
        return Err(failed("it is too large for a file of this kind".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    parse(&text, check)
        .map_err(|(span, message)| CommandError::input(explain(path, &text, span, &message)))
}

/// Reads TOML; `check` finds what its types cannot tell.
///
/// # Errors
/// The first mistake, with its place.
pub(crate) fn parse<T: DeserializeOwned, U>(
    text: &str,
    check: impl FnOnce(T) -> Result<U, Mistake>,
) -> Result<U, Mistake> {
    let read = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        (span, with_nearest(error.message()))
    })?;
    check(read)
}

/// An error with the place and the text that it is about.
fn explain(path: &Path, text: &str, span: Range<usize>, message: &str) -> String {
    let Place { line, column } = Place::of(text, span.start);
    let shown = shown(text, span);
    let path = path.display();
    format!("{path}:{line}:{column}: {}\n{shown}", message.trim_end())
}

/// Serde's words for a name that there is not (``unknown field `x`, expected one of `a`, `b` ``), with
/// the nearest of those that there are.
fn with_nearest(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let (true, Some(wrong)) = (message.starts_with("unknown "), names.next()) else {
        return message.to_owned();
    };
    match nearest(wrong, names) {
        Some(name) => format!("{}; did you mean `{name}`?", message.trim_end()),
        None => message.to_owned(),
    }
}

/// The name that is most like a wrong one, if any is like it at all.
fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Two names of which half the letters are the same.
    const LEAST: f64 = 0.5;
    names
        .map(|name| (strsim::normalized_damerau_levenshtein(wrong, name), name))
        .filter(|(likeness, _)| *likeness >= LEAST)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}
