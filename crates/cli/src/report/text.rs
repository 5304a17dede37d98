//! Numbers and words as people read them.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::model::Size;

/// How much less (or more) there is, in per cent.
pub(crate) fn change(before: u64, after: u64) -> String {
    match (after as f64 - before as f64) / (before as f64).max(1.0) * 100.0 {
        change if change.abs() < 0.05 => "no change".to_owned(),
        change => format!("{change:+.1} %"),
    }
}

/// How much less there is, in per cent.
pub(crate) fn saved(before: u64, after: u64) -> String {
    let saved = (before as f64 - after as f64) / (before as f64).max(1.0) * 100.0;
    format!("{saved:.1} %")
}

/// A size to pull, marked when it was estimated.
pub(crate) fn pull(size: Size) -> String {
    let mark = if size.pull_is_estimated { "~" } else { "" };
    format!("{mark}{}", bytes(size.pull))
}

/// Bytes in powers of 1,000, as Docker writes them, with three digits.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = match (unit, value) {
        (0, _) => 0,
        (_, v) if v < 9.995 => 2,
        (_, v) if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A number with commas.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(String::from_utf8_lossy)
        .collect();
    groups.join(",")
}

/// A word, in the plural unless there is one.
pub(crate) fn plural(count: u64, word: &str) -> String {
    if count == 1 {
        word.to_owned()
    } else {
        format!("{word}s")
    }
}

/// Breaks text at spaces, and inside words that are longer than a line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() || line.width() + 1 + word.width() <= width {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
        while lines.last().is_some_and(|line| line.width() > width) {
            let line = lines.pop().expect("the condition saw one");
            let (head, rest) = split_at_width(&line, width);
            lines.extend([head.to_owned(), rest.to_owned()]);
        }
    }
    lines
}

/// Cuts text to a width, with an ellipsis in place of what does not fit.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (head, _) = split_at_width(text, width - 1);
    format!("{head}…")
}

/// As [`cut`], but the end is what is kept: of a path it says more.
pub(crate) fn cut_front(text: &str, width: usize) -> String {
    let excess = text.width().saturating_sub(width);
    if excess == 0 {
        return text.to_owned();
    }
    let (_, tail) = split_at_width(text, excess + 1);
    format!("…{tail}")
}

fn split_at_width(text: &str, width: usize) -> (&str, &str) {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > width
    });
    text.split_at(end.map_or(text.len(), |(at, _)| at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        let shown: Vec<_> = [0, 999, 1000, 9_994, 9_996, 99_960, 999_600, 2_834_000_000]
            .map(bytes)
            .into();
        assert_eq!(
            shown,
            [
                "0 B", "999 B", "1.00 kB", "9.99 kB", "10.0 kB", "100 kB", "1.00 MB", "2.83 GB"
            ]
        );
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn text_is_wrapped_and_cut_by_what_is_seen() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(cut("日本語", 5), "日本…");
    }
}
