//! Numbers and phrases inside sentences.

use crate::report::model::Size;
use crate::report::text::bytes;

/// Bytes without digits that say nothing: `52 MB`, not `52.0 MB`.
pub(super) fn short(size: u64) -> String {
    let text = bytes(size);
    match text.split_once(' ') {
        Some((number, unit)) => {
            let whole = number.strip_suffix(".0").or(number.strip_suffix(".00"));
            format!("{} {unit}", whole.unwrap_or(number))
        }
        None => text,
    }
}

/// What a pull transfers.
pub(super) fn about(size: Size) -> String {
    let about = if size.pull_is_estimated { "about " } else { "" };
    format!("{about}{}", short(size.pull))
}

/// How much less there is, in words.
pub(super) fn less(before: u64, after: u64) -> String {
    let change = (before as f64 - after as f64) / (before as f64).max(1.0) * 100.0;
    let word = if change < 0.0 { "more" } else { "less" };
    match change.abs() {
        none if none < 0.05 => "as before".to_owned(),
        small if small < 9.95 => format!("{small:.1} % {word}"),
        much => format!("{much:.0} % {word}"),
    }
}

/// `a, b and c`.
pub(super) fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// First words of headings that keep their capital inside a sentence.
const NAMES: [&str; 12] = [
    "Python", "Perl", "Ruby", "Java", "Node", "R", "C", "Go", "Rust", "Maven", "Gradle", "Git",
];

/// A heading inside a sentence.
pub(super) fn lower(title: &str) -> String {
    let first = title.split(' ').next().unwrap_or_default();
    let is_word = first.chars().skip(1).all(char::is_lowercase);
    if NAMES.contains(&first) || !is_word {
        return title.to_owned();
    }
    let mut letters = title.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

/// A clause with a capital and a full stop.
pub(super) fn sentence(clause: &str) -> String {
    let clause = capital(clause);
    match clause.ends_with(['.', '!', '?']) {
        true => clause,
        false => format!("{clause}."),
    }
}

/// A clause with a capital.
pub(super) fn capital(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        assert_eq!(short(52_000_000), "52 MB");
        assert_eq!(short(2_100_000_000), "2.10 GB");
        assert_eq!(short(100), "100 B");
        assert_eq!(less(100, 75), "25 % less");
        assert_eq!(less(1000, 1012), "1.2 % more");
    }

    #[test]
    fn headings_fit_into_sentences() {
        assert_eq!(lower("Logs of the build"), "logs of the build");
        assert_eq!(lower("JDK sources"), "JDK sources");
        assert_eq!(lower("Python bytecode"), "Python bytecode");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(sentence("it stays"), "It stays.");
    }
}
