//! Applies fixes, each behind a gate.
//!
//! A fix is taken only when the result reads without problems, when all instructions and calls that it does
//! not touch are the same, when the finding is gone and no other has come. Otherwise the file stays as
//! it was.

use std::collections::BTreeMap;
use std::ops::Range;

use super::finding::{Edit, Finding, Fix, Safety};
use super::lint::{Beside, Options, lint};
use super::model::Model;
use super::parse::{Dockerfile, Instruction, Kind};

/// A file with its fixes applied.
#[derive(Debug)]
pub struct Fixed {
    /// The new text.
    pub text: Vec<u8>,
    /// What was put right: rule and what was done, in the order in which it was done.
    pub applied: Vec<Applied>,
}

/// A fix that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The name of the rule.
    pub rule: &'static str,
    /// What it did.
    pub title: String,
}

/// Applies all fixes up to a level of safety, until none is left.
///
/// The safe ones come first, so that no unsafe one stands in the way of what is surely right.
pub fn fix(text: &[u8], options: &Options, most: Safety, beside: Option<Beside<'_>>) -> Fixed {
    let mut fixed = Fixed {
        text: text.to_vec(),
        applied: Vec::new(),
    };
    for level in [Safety::Safe, Safety::Unsafe] {
        if level <= most {
            fixed = more(fixed, options, level, beside);
        }
    }
    fixed
}

fn more(fixed: Fixed, options: &Options, most: Safety, beside: Option<Beside<'_>>) -> Fixed {
    let Fixed {
        mut text,
        mut applied,
    } = fixed;
    let mut found = lint(&text, options, beside).findings;
    let mut at = 0;
    // Each step takes a finding away and adds none, so this ends.
    while let Some(finding) = found.get(at) {
        let fix = finding.fix.as_ref().filter(|fix| fix.safety <= most);
        let result = fix.and_then(|fix| {
            let new = apply(&text, &fix.edits)?;
            let after = lint(&new, options, beside);
            let is_good = after.problems.is_empty()
                && clears(&found, &after.findings, finding)
                && keeps_the_rest(&text, &new, fix);
            is_good.then_some((new, after.findings, fix))
        });
        match result {
            None => at += 1,
            Some((new, after, fix)) => {
                applied.push(Applied {
                    rule: finding.rule.id,
                    title: fix.title.clone(),
                });
                (text, found, at) = (new, after, 0);
            }
        }
    }
    Fixed { text, applied }
}

/// The text with edits applied; `None` when they overlap.
pub fn apply(text: &[u8], edits: &[Edit]) -> Option<Vec<u8>> {
    let edits = sorted(edits)?;
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(text.get(at..edit.range.start)?);
        out.extend_from_slice(edit.text.as_bytes());
        at = edit.range.end;
    }
    out.extend_from_slice(text.get(at..)?);
    Some(out)
}

fn sorted(edits: &[Edit]) -> Option<Vec<&Edit>> {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let overlaps = edits
        .windows(2)
        .any(|two| two[0].range.end > two[1].range.start);
    (!overlaps).then_some(edits)
}

/// Whether a finding went and no other came.
fn clears(before: &[Finding], after: &[Finding], gone: &Finding) -> bool {
    let count = |findings: &[Finding]| {
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        findings
            .iter()
            .for_each(|finding| *counts.entry(finding.rule.id).or_default() += 1);
        counts
    };
    let (mut allowed, counts) = (count(before), count(after));
    allowed.entry(gone.rule.id).and_modify(|count| *count -= 1);
    counts
        .iter()
        .all(|(rule, count)| allowed.get(rule).is_some_and(|allowed| count <= allowed))
}

/// Whether everything that no edit touches is read as before.
fn keeps_the_rest(old: &[u8], new: &[u8], fix: &Fix) -> bool {
    let (before, after) = (Dockerfile::parse(old), Dockerfile::parse(new));
    let touched = |range: &Range<usize>| {
        fix.edits
            .iter()
            .any(|edit| edit.range.start <= range.end && edit.range.end >= range.start)
    };
    let (Some(added), Some(shifted)) = (added(&fix.edits), shifted(&fix.edits)) else {
        return false;
    };
    let is_new = |range: &Range<usize>| {
        added
            .iter()
            .any(|own| own.start <= range.end && own.end >= range.start)
    };
    // What is touched may go or be joined by more; what is not stands in the same order.
    let same_instructions = {
        let old = before
            .instructions
            .iter()
            .filter(|one| !touched(&one.range));
        let new = after.instructions.iter().filter(|one| !is_new(&one.range));
        old.map(meaning).eq(new.map(meaning))
    };
    let same_tokens = {
        let text = |text: &[u8], range: &Range<usize>| text[range.clone()].to_vec();
        let kept = |kind: Kind| kind != Kind::Newline && kind != Kind::Blank;
        let old_tokens = before
            .tokens
            .iter()
            .filter(|token| kept(token.kind) && !touched(&token.range));
        let new_tokens = after
            .tokens
            .iter()
            .filter(|token| kept(token.kind) && !is_new(&token.range));
        let old_tokens = old_tokens.map(|token| (token.kind, text(old, &token.range)));
        old_tokens.eq(new_tokens.map(|token| (token.kind, text(new, &token.range))))
    };
    same_instructions && same_tokens && same_calls(&before, &after, &touched, &shifted)
}

fn meaning(instruction: &Instruction) -> (String, Vec<String>, String, Vec<usize>) {
    let flags = instruction
        .flags
        .iter()
        .map(|flag| flag.text.clone())
        .collect();
    let heredocs = instruction
        .heredocs
        .iter()
        .map(|heredoc| heredoc.body.len())
        .collect();
    (
        instruction.name.clone(),
        flags,
        instruction.argument(),
        heredocs,
    )
}

/// Whether the calls that no edit touches are there as before, with the same words, and in scripts that
/// are understood as before.
fn same_calls(
    before: &Dockerfile<'_>,
    after: &Dockerfile<'_>,
    touched: &dyn Fn(&Range<usize>) -> bool,
    shifted: &dyn Fn(usize) -> usize,
) -> bool {
    let (before, after) = (Model::new(before), Model::new(after));
    let is_read = |model: &Model<'_>| {
        model
            .scripts
            .values()
            .filter(|script| script.list.is_none())
            .count()
    };
    let mut now = BTreeMap::new();
    for call in after.scripts.values().flat_map(|script| &script.calls) {
        let words: Vec<String> = call
            .words
            .iter()
            .map(|word| after.text(word.range.clone()))
            .collect();
        now.insert((call.range.start, words.len()), words);
    }
    let kept = before
        .scripts
        .values()
        .flat_map(|script| &script.calls)
        .filter(|call| !touched(&call.range));
    let mut kept = kept.map(|call| {
        let words: Vec<String> = call
            .words
            .iter()
            .map(|word| before.text(word.range.clone()))
            .collect();
        ((shifted(call.range.start), words.len()), words)
    });
    is_read(&before) >= is_read(&after)
        && kept.all(|(place, words)| now.get(&place) == Some(&words))
}

/// Where in the new text the edits' texts are.
fn added(edits: &[Edit]) -> Option<Vec<Range<usize>>> {
    let mut out = Vec::new();
    let (mut grown, mut shrunk) = (0, 0);
    for edit in sorted(edits)? {
        let start = (edit.range.start + grown).checked_sub(shrunk)?;
        out.push(start..start + edit.text.len());
        grown += edit.text.len();
        shrunk += edit.range.len();
    }
    Some(out)
}

/// Tells where in the new text a place of the old one is.
fn shifted(edits: &[Edit]) -> Option<impl Fn(usize) -> usize> {
    let edits: Vec<Edit> = sorted(edits)?.into_iter().cloned().collect();
    Some(move |at: usize| {
        let before = edits.iter().filter(|edit| edit.range.end <= at);
        let (grown, shrunk) = before.fold((0, 0), |(grown, shrunk), edit| {
            (grown + edit.text.len(), shrunk + edit.range.len())
        });
        (at + grown).saturating_sub(shrunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that rules look at, and such that come between them.
    const LINES: [&str; 34] = [
        "FROM python:3.12\n",
        "FROM continuumio/miniconda3 AS a\n",
        "FROM a\n",
        "USER b\n",
        "RUN apt-get update\n",
        "RUN apt-get update && \\\n",
        "RUN apt-get update; \\\r\n",
        "  # note\n",
        "  apt-get install -y adduser git && \\\n",
        "  apt-get install -y \\\n",
        "  adduser --disabled-password --no-create-home x && \\\n",
        "  pip install x # why\n",
        "RUN pip install x; y &\n",
        "RUN conda install git && conda clean -ay\n",
        "RUN conda install -n base x\n",
        "RUN <<EOF\n",
        "EOF\n",
        "RUN cat <<EOF >f && npm ci\n",
        "ONBUILD RUN yum install x\n",
        "RUN yum install 'x\n",
        "RUN yum install x || exit 0\n",
        "COPY b /b\n",
        "RUN chown u:g /b\n",
        "ADD c /c\n",
        "RUN git clone d && ./e\n",
        "SHELL [\"pwsh\", \"-c\"]\n",
        "RUN wget -O /b https://example.org/b\n",
        "RUN tar -xf /b # why\n",
        "# note\n",
        "RUN rm -rf /b\n",
        "ENV A=b\n",
        "RUN gem install x && make install PREFIX=/opt/x\n",
        "RUN cargo build --release\n",
        "CMD [\"/opt/x/bin/x\"]\n",
    ];

    /// All words, in order; RUNs that are joined have one keyword.
    fn words(text: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(text);
        let apart = |c: char| c.is_whitespace() || ";&|\\".contains(c);
        let words = text.split(apart).filter(|word| !word.is_empty());
        let mut words: Vec<String> = words
            .filter(|word| *word != "RUN")
            .map(str::to_owned)
            .collect();
        // A removal may move to an earlier RUN.
        words.sort();
        words
    }

    proptest::proptest! {
        #[test]
        fn fixes_keep_files_valid_and_lose_no_word(
            picked in proptest::collection::vec(0..LINES.len(), 1..14)
        ) {
            let text: String = picked.iter().map(|at| LINES[*at]).collect();
            let options = Options::default();
            let safe = fix(text.as_bytes(), &options, Safety::Safe, None);
            let all = fix(text.as_bytes(), &options, Safety::Unsafe, None);
            if Dockerfile::parse(text.as_bytes()).problems.is_empty() {
                proptest::prop_assert_eq!(&Dockerfile::parse(&all.text).problems, &[]);
            } else {
                proptest::prop_assert_eq!(&all.text, text.as_bytes());
            }
            let after = words(&safe.text);
            let mut rest = after.iter();
            for word in words(text.as_bytes()) {
                proptest::prop_assert!(rest.any(|other| *other == word), "{} is lost", word);
            }
            let again = fix(&all.text, &options, Safety::Unsafe, None);
            proptest::prop_assert_eq!(again.text, all.text);
        }
    }

    #[test]
    fn edits_that_overlap_are_not_applied() {
        let edit = |range: Range<usize>| Edit {
            range,
            text: "x".to_owned(),
        };
        assert_eq!(
            apply(b"abcd", &[edit(2..3), edit(0..1)]).as_deref(),
            Some(&b"xbxd"[..])
        );
        assert_eq!(apply(b"abcd", &[edit(0..2), edit(1..3)]), None);
        assert_eq!(apply(b"abcd", &[edit(3..9)]), None);
    }

    /// The gate refuses what a wrong edit would do.
    #[test]
    fn what_reaches_beyond_its_edit_is_refused() {
        let keeps = |text: &str, range: Range<usize>, new: &str| {
            let edits = vec![Edit {
                range,
                text: new.to_owned(),
            }];
            let result = apply(text.as_bytes(), &edits).unwrap();
            let fix = Fix {
                safety: Safety::Safe,
                title: String::new(),
                edits,
            };
            keeps_the_rest(text.as_bytes(), &result, &fix)
        };
        let text = "FROM a\nRUN b && c\nUSER d\n";
        assert!(keeps(text, 17..17, " && e"));
        assert!(!keeps(text, 17..17, " \\"), "swallows the next instruction");
        assert!(!keeps(text, 17..17, " <<E"), "swallows the rest");
        assert!(!keeps(text, 12..12, " #"), "makes a comment of a command");
        assert!(!keeps(text, 12..12, " '"), "makes the script unreadable");
    }
}
