use std::path::PathBuf;
use std::time::Duration;

use ounce_sandbox::{self as sandbox, End, Mark, Now, Row};
use unicode_width::UnicodeWidthStr as _;

use super::model::{Checked, Verification};
use crate::args::Format;
use crate::report::model::Image;
use crate::verify::{Judgement, Verdict, What};

fn judgement(verdict: Verdict, variations: Vec<sandbox::Variation>) -> Judgement {
    let time_slim = match verdict {
        Verdict::Broken(_) => None,
        _ => Some(Duration::from_millis(1234)),
    };
    Judgement {
        verdict,
        variations,
        time: Duration::from_millis(41),
        time_slim,
        runs: 2,
    }
}

fn lines(stream: sandbox::Stream, lines: usize, extent: sandbox::Extent) -> sandbox::Variation {
    sandbox::Variation::Lines {
        stream,
        lines,
        extent,
    }
}

fn same() -> Judgement {
    let mut variations = vec![
        lines(sandbox::Stream::Stderr, 1200, sandbox::Extent::Masked),
        lines(sandbox::Stream::Stdout, 2, sandbox::Extent::Reordered),
    ];
    let file = |n| sandbox::Variation::File {
        path: format!("/tmp/{n}/with a name that is rather long").into(),
    };
    variations.extend((0..7).map(file));
    variations.push(sandbox::Variation::NewBeginning {
        path: "/var/log/x".into(),
    });
    judgement(Verdict::Same, variations)
}

fn different() -> Judgement {
    let row = |mark, line: &str| Row {
        mark,
        line: line.as_bytes().to_vec(),
    };
    let rows = vec![
        row(Mark::Both, "before\n"),
        row(
            Mark::Original,
            "a `line` with \u{1b}[31mcolour and <b>more | than</b> fits into eighty columns of a page, really\n",
        ),
        row(Mark::Other, "Traceback"),
        row(Mark::Gap, ""),
    ];
    let rows = rows.into_iter().cycle().take(70).collect();
    let file = |digest| {
        Some(Now::File {
            mode: 0o644,
            size: 2048,
            digest: [digest; 32],
        })
    };
    let difference = |difference| {
        What::Outcome(
            difference,
            vec![
                b"Traceback (most recent call last):".to_vec(),
                b"ImportError: No module named \xff".to_vec(),
            ],
        )
    };
    let what = vec![
        difference(sandbox::Difference::End {
            original: End::Exited(0),
            other: End::Signalled(11),
        }),
        difference(sandbox::Difference::Output {
            stream: sandbox::Stream::Stderr,
            rows,
        }),
        difference(sandbox::Difference::File {
            path: "/out/a".into(),
            original: file(1),
            other: file(2),
        }),
        difference(sandbox::Difference::File {
            path: "/out/b".into(),
            original: Some(Now::Symlink {
                target: PathBuf::from("x"),
            }),
            other: None,
        }),
        What::Expectation("nothing listened on port 80 within 60s".to_owned()),
    ];
    judgement(
        Verdict::Different(what),
        vec![lines(sandbox::Stream::Stdout, 3, sandbox::Extent::Presence)],
    )
}

fn verification(judged: Vec<(&str, Judgement)>) -> Verification {
    let image = |name: &str| Image {
        reference: format!(
            "docker-archive:/a/folder/with/a/long/name/that/does/not/fit/into/the/page/{name}.tar"
        ),
        name: name.to_owned(),
        names: vec![name.to_owned()],
        platform: "linux/amd64".to_owned(),
        config: None,
        layers: Vec::new(),
    };
    let checks = judged
        .into_iter()
        .map(|(name, judgement)| Checked::new(name.to_owned(), judgement));
    let notes = vec!["only one user id can be mapped here; programs that change to another user fail in both images".to_owned()];
    Verification::of_checks(
        "ounce verify a b".to_owned(),
        [image("original"), image("slim")],
        checks.collect(),
        notes,
    )
}

fn three() -> Verification {
    verification(vec![
        (
            "reads, and its name is one of those that take a line more",
            same(),
        ),
        ("writes `x|y`", different()),
        (
            "never worked",
            judgement(
                Verdict::Broken("exit status 1, expected 0: no".to_owned()),
                Vec::new(),
            ),
        ),
    ])
}

#[test]
fn a_table_fits_80_columns() {
    let text = three().text(Format::Table);
    let text = anstream::adapter::strip_str(&text).to_string();
    for line in text.lines() {
        assert!(line.width() <= 80, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn markdown_holds_anything() {
    insta::assert_snapshot!(three().text(Format::Markdown));
}

#[test]
fn the_first_line_is_the_answer() {
    let broken = || judgement(Verdict::Broken("no".to_owned()), Vec::new());
    let first = |judged: Vec<Judgement>| {
        let judged = judged
            .into_iter()
            .map(|judgement| ("x", judgement))
            .collect();
        let text = verification(judged).text(Format::Table);
        anstream::adapter::strip_str(&text)
            .to_string()
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        first(vec![same()]),
        "same: the check does the same in both images"
    );
    assert_eq!(
        first(vec![same(), same()]),
        "same: all 2 checks do the same in both images"
    );
    assert_eq!(
        first(vec![same(), different()]),
        "different: 1 of 2 checks differs in the slim image"
    );
    assert_eq!(
        first(vec![different(), different()]),
        "different: all 2 checks differ in the slim image"
    );
    assert_eq!(
        first(vec![broken(), different()]),
        "different: 1 of 2 checks differs in the slim image; 1 of 2 checks fails in the"
    );
    assert_eq!(
        first(vec![broken(), same()]),
        "broken: 1 of 2 checks fails in the original already; 1 of 2 checks does the same"
            .to_owned()
    );
}
