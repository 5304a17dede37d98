//! Text inside Markdown. Whatever comes from an image stands in code spans, where neither Markdown
//! nor HTML, links, mentions or issue numbers mean anything (GitHub Flavored Markdown 0.29, 6.3).

/// A code span; its fence is longer than any run of backticks in the text (6.3).
pub(in crate::report) fn code(text: &str) -> String {
    let text = ounce_image::display(text.as_bytes());
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let touches = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let space = if touches { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A code block, fenced as [`code`] is (4.5).
pub(in crate::report) fn block(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

/// A cell of a table: a bar would end it, even in a code span (4.10).
pub(in crate::report) fn cell(markdown: &str) -> String {
    markdown.replace('|', r"\|")
}

/// A sentence, in which words that are not plain ones stand in code spans.
pub(in crate::report) fn prose(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        let end = word
            .trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'', '"'])
            .len();
        let (body, after) = word.split_at(end);
        let start = body.len() - body.trim_start_matches(['(', '\'', '"']).len();
        let (before, body) = body.split_at(start);
        match is_plain(body) {
            true => word.to_owned(),
            false => format!("{before}{}{after}", code(body)),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a word means nothing but itself: letters and digits, with dashes, dots and the like only
/// where they cannot begin a list, a link or an emphasis.
fn is_plain(word: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || "-'’+%/".contains(c);
    let number = || word.chars().all(|c| c.is_ascii_digit() || ".,".contains(c));
    let starts = word.starts_with(char::is_alphanumeric);
    word.is_empty()
        || number()
        || (starts && word.chars().all(inner))
        || ["%", "–", "="].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_hold_anything() {
        assert_eq!(code("/usr/bin"), "`/usr/bin`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("<img src=x>\n# h"), "`<img src=x>\\n# h`");
        assert_eq!(cell(&code("a|b")), r"`a\|b`");
        assert_eq!(block("sh", "a ``` b"), "````sh\na ``` b\n````\n");
    }

    #[test]
    fn sentences_cannot_be_markdown() {
        assert_eq!(
            prose("kept by --keep /usr/*."),
            "kept by `--keep` `/usr/*`."
        );
        assert_eq!(
            prose("see (www.example.org), @you #1"),
            "see (`www.example.org`), `@you` `#1`"
        );
        assert_eq!(prose("**a** [b](c) <b>"), "`**a**` `[b](c`) `<b>`");
        assert_eq!(
            prose("C and C++ headers, 2.5 %"),
            "C and C++ headers, 2.5 %"
        );
    }
}
