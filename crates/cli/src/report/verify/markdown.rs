//! A verification as Markdown (GitHub Flavored Markdown Spec 0.29), for a comment on a pull request.

use super::found::{self, Coverage};
use super::lines;
use super::model::{Answer, Checked, Difference, Times, Verification};
use crate::report::markdown::escape::{block, cell, code, prose};

/// Writes a verification as Markdown.
pub(super) fn render(verification: &Verification) -> String {
    let mut out = vec![
        format!(
            "## {} → {}",
            code(&verification.original.reference),
            code(&verification.slim.reference)
        ),
        String::new(),
        format!("**{}**", lines::answer(verification)),
        String::new(),
        "| check | | original | slim | ratio |".to_owned(),
        "| --- | --- | ---: | ---: | ---: |".to_owned(),
    ];
    out.extend(verification.checks.iter().map(row));
    if verification.times.slim.is_some() {
        out.push(format!("| all | | {} |", times(verification.times)));
    }
    for check in verification
        .checks
        .iter()
        .filter(|check| check.answer != Answer::Same)
    {
        details(&mut out, check);
    }
    if !verification.put_back.is_empty() {
        out.extend([String::new(), "### Put back".to_owned(), String::new()]);
    }
    let put_back = found::put_back(&verification.put_back);
    out.extend(put_back.iter().map(|line| format!("- {}", prose(line))));
    for sentence in verification.coverage.iter().flat_map(Coverage::sentences) {
        out.extend([String::new(), prose(&sentence)]);
    }
    for note in &verification.notes {
        out.extend([String::new(), format!("Note: {}", prose(note))]);
    }
    out.extend([
        String::new(),
        format!("Made by {}.", code(&verification.command)),
    ]);
    out.join("\n") + "\n"
}

fn row(check: &Checked) -> String {
    let answer = match check.answer {
        Answer::Same => "same",
        Answer::Different => "**differs**",
        Answer::Broken => "**broken**",
    };
    let notes: String = lines::variations(check)
        .iter()
        .map(|note| format!("<br>{}", prose(note)))
        .collect();
    format!(
        "| {} | {answer} | {} |",
        cell(&(code(&check.name) + &notes)),
        times(check.times)
    )
}

fn times(times: Times) -> String {
    let slim = times.slim.map_or_else(|| "-".to_owned(), lines::seconds);
    format!(
        "{} | {slim} | {}",
        lines::seconds(times.original),
        lines::ratio(times.ratio)
    )
}

fn details(out: &mut Vec<String>, check: &Checked) {
    out.extend([
        String::new(),
        format!("### {}", code(&check.name)),
        String::new(),
    ]);
    if let Some(why) = &check.broken {
        out.push(format!("Does not hold in the original: {}", code(why)));
    }
    for difference in &check.differences {
        out.extend(differing(difference));
    }
    let missing = found::missing(&check.missing);
    out.extend(missing.iter().map(|line| format!("- {}", prose(line))));
}

fn differing(difference: &Difference) -> Vec<String> {
    match difference {
        Difference::End {
            original,
            slim,
            last_lines,
        } => {
            let sentence = format!("{original} in the original, {slim} in the slim image.");
            let last = (!last_lines.is_empty()).then(|| block("", &last_lines.join("\n")));
            [sentence, String::new()].into_iter().chain(last).collect()
        }
        Difference::Expectation { text } => {
            vec![format!("In the slim image: {}", code(text)), String::new()]
        }
        Difference::Output { stream, diff, more } => {
            let mut lines = diff.clone();
            if *more > 0 {
                lines.push(format!("@@ {more} more lines"));
            }
            vec![
                format!("{} differs:", stream.name()),
                String::new(),
                block("diff", &lines.join("\n")),
            ]
        }
        Difference::File {
            path,
            original,
            slim,
        } => {
            let sentence = format!(
                "{}: {} in the original, {} in the slim image.",
                code(path),
                prose(original),
                prose(slim)
            );
            vec![sentence, String::new()]
        }
    }
}
