use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Change;

fn said(stdout: &str) -> Outcome {
    Outcome {
        end: End::Exited(0),
        stdout: stdout.as_bytes().to_vec(),
        stderr: Vec::new(),
        time: Duration::ZERO,
        changes: Vec::new(),
    }
}

/// Files as `path content`, or `path -` for one that was removed.
fn wrote(files: &[&str]) -> Outcome {
    let changes = files.iter().map(|file| {
        let (path, content) = file.split_once(' ').unwrap();
        let now = if content == "-" {
            Now::Removed
        } else {
            self::file(content)
        };
        Change {
            path: path.into(),
            now,
        }
    });
    Outcome {
        changes: changes.collect(),
        ..said("")
    }
}

fn file(content: &str) -> Now {
    let mut digest = [0; 32];
    digest[..content.len()].copy_from_slice(content.as_bytes());
    Now::File {
        mode: 0o644,
        size: content.len() as u64,
        digest,
    }
}

fn compared(originals: &[Outcome], other: &Outcome) -> Comparison {
    with_roots(originals, other, &[], &[])
}

fn with_roots(
    originals: &[Outcome],
    other: &Outcome,
    root: &[&str],
    other_root: &[&str],
) -> Comparison {
    let find = |root: &[&str], path: &Path| {
        let files = root.iter().map(|file| file.split_once(' ').unwrap());
        files
            .into_iter()
            .find(|(name, _)| Path::new(name) == path)
            .map(|(_, content)| file(content))
    };
    compare(&Compared {
        originals,
        other,
        ignored: &|line| line.starts_with(b"ignored") || line.starts_with(b"/ignored"),
        before: &|path| find(root, path),
        other_before: &|path| find(other_root, path),
    })
}

/// The differing lines of a diff, or nothing when there are none.
fn diff(originals: &[&str], other: &str) -> String {
    let originals: Vec<_> = originals.iter().map(|text| said(text)).collect();
    let found = compared(&originals, &said(other));
    let rows = found
        .differences
        .iter()
        .flat_map(|difference| match difference {
            Difference::Output { rows, .. } => rows.clone(),
            other => panic!("{other:?}"),
        });
    let text = rows.map(|row| {
        let mark = match row.mark {
            Mark::Both => " ",
            Mark::Original => "-",
            Mark::Other => "+",
            Mark::Gap => return "~".to_owned(),
        };
        format!("{mark}{}", String::from_utf8(row.line).unwrap().trim_end())
    });
    text.collect::<Vec<_>>().join("|")
}

fn extent(originals: &[&str], other: &str) -> Option<(usize, Extent)> {
    let originals: Vec<_> = originals.iter().map(|text| said(text)).collect();
    let found = compared(&originals, &said(other));
    assert_eq!(found.differences, [], "{found:?}");
    found
        .variations
        .iter()
        .find_map(|variation| match variation {
            Variation::Lines { lines, extent, .. } => Some((*lines, *extent)),
            _ => None,
        })
}

#[test]
fn what_does_not_vary_must_be_the_same() {
    assert_eq!(diff(&["a\nb\n"], "a\nb\n"), "");
    assert_eq!(diff(&["a\nb\n", "a\nb\n"], "a\nB\n"), " a|-b|+B|~");
    assert_eq!(diff(&["a\nb\nc\nd\n"], "a\nb\nd\n"), " b|-c| d|~");
    assert_eq!(diff(&["a\n"], ""), "-a|~");
    assert_eq!(
        diff(&["a\n"], "a"),
        "-a|+a|~",
        "an end of line is output too"
    );
    assert_eq!(diff(&["a\nb\n"], "b\na\n"), "+b| a|~| a|-b|~");
}

#[test]
fn lines_that_are_ignored_may_differ() {
    assert_eq!(diff(&["a\nignored 1\n"], "ignored 2\nignored 3\na\n"), "");
    assert_eq!(
        diff(&["a\r\nignored\rb"], "a\r\nb"),
        "",
        "progress is lines too"
    );
}

#[test]
fn numbers_and_names_that_vary_are_left_out_and_nothing_else() {
    let runs = [
        "start\npid 123 took 0.12 s in /tmp/tmpa1b2/x\nend\n",
        "start\npid 127 took 0.13 s in /tmp/tmpq9zz/x\nend\n",
    ];
    let text = |line: &str| format!("start\n{line}\nend\n");
    assert_eq!(
        extent(&runs, &text("pid 99821 took 1.07 s in /tmp/tmp0000/x")),
        Some((1, Extent::Masked))
    );
    for wrong in [
        "pid 99821 took 1.07 s in /var/tmp0000/x",
        "pid 99821 took 1.07 s in /tmp/tmp0000/y",
        "pid 99821 took long in /tmp/tmp0000/x",
        "pid took 1.07 s in /tmp/tmp0000/x",
        "pid abc took 1.07 s in /tmp/tmp0000/x",
        "pid 1 took 1.07 s in /tmp//x",
        "error",
        "",
    ] {
        assert_ne!(diff(&runs, &text(wrong)), "", "{wrong}");
    }
    assert_ne!(diff(&runs, "start\nend\n"), "", "the line must be there");
    assert_ne!(
        diff(&runs, &text("pid 1 took 1 s in /tmp/tmp0000/x\nmore")),
        ""
    );
    assert_ne!(
        diff(&runs, "began\npid 1 took 1.0 s in /tmp/tmp0000/x\nend\n"),
        ""
    );
}

#[test]
fn times_of_any_form_are_one_number() {
    let runs = [
        "at 2026-11-22T16:18:41.25Z\n",
        "at 2026-11-22T16:18:42.75Z\n",
    ];
    assert_eq!(
        extent(&runs, "at 2027-01-01T00:00:00.50Z\n"),
        Some((1, Extent::Masked))
    );
    assert_ne!(diff(&runs, "at noon\n"), "");
    let columns = ["  9 ms x\n", "  7 ms x\n"];
    assert_eq!(extent(&columns, " 12 ms x\n"), Some((1, Extent::Masked)));
    assert_ne!(diff(&columns, " 12 ms y\n"), "");
}

#[test]
fn an_order_that_varies_is_left_out() {
    let runs = ["a\nb\nc\n", "c\na\nb\n"];
    assert!(matches!(
        extent(&runs, "b\nc\na\n"),
        Some((_, Extent::Reordered))
    ));
    assert_ne!(diff(&runs, "b\nc\na\na\n"), "");
    assert_ne!(diff(&runs, "b\nc\n"), "");
    let timed = [
        "worker 1: 10 ms\nworker 2 done: 7 ms\nend\n",
        "worker 2 done: 9 ms\nworker 1: 3 ms\nend\n",
    ];
    assert!(extent(&timed, "worker 2 done: 12 ms\nworker 1: 1 ms\nend\n").is_some());
    assert_ne!(
        diff(&timed, "worker 2 done: 12 ms\nworker 1 failed\nend\n"),
        ""
    );
}

#[test]
fn a_number_of_lines_that_varies_is_left_out() {
    let runs = [
        "begin\n10 %\n50 %\nend\n",
        "begin\n20 %\nend\n",
        "begin\n1 %\n2 %\n3 %\nend\n",
    ];
    assert_eq!(
        extent(&runs, "begin\n1 %\n9 %\n20 %\n99 %\nend\n"),
        Some((3, Extent::Masked))
    );
    assert_ne!(diff(&runs, "begin\nend\n"), "");
    assert_ne!(diff(&runs, "begin\n1 %\nfailed\nend\n"), "");
}

#[test]
fn what_cannot_be_foretold_must_be_there() {
    let runs = [
        "You will be rich.\n",
        "Beware of\nthe dog!\n",
        "No (maybe).\n",
    ];
    assert_ne!(
        diff(&runs[..2], "An apple; a day,\n"),
        "",
        "two runs do not show that it is by chance"
    );
    assert_eq!(
        extent(&runs, "An apple; a day,\n"),
        Some((2, Extent::Presence))
    );
    assert_ne!(diff(&runs, ""), "");
}

#[test]
fn ways_to_end_that_do_not_vary_must_be_the_same() {
    let ended = |end| Outcome { end, ..said("") };
    let (zero, one) = (ended(End::Exited(0)), ended(End::Exited(1)));
    let killed = ended(End::Signalled(9));
    let found = compared(std::slice::from_ref(&zero), &killed);
    assert_eq!(
        found.differences,
        [Difference::End {
            original: zero.end,
            other: killed.end
        }]
    );
    let found = compared(&[zero.clone(), one.clone()], &one);
    assert_eq!(
        (found.differences, found.variations),
        (vec![], vec![Variation::End])
    );
    assert_eq!(compared(&[zero, one], &killed).differences.len(), 1);
}

#[test]
fn files_are_compared_as_they_are_in_the_end() {
    let differs = |original: &[&str], other: &[&str]| {
        !compared(&[wrote(original)], &wrote(other))
            .differences
            .is_empty()
    };
    assert!(!differs(&["/a 1"], &["/a 1"]));
    assert!(differs(&["/a 1"], &["/a 2"]));
    assert!(differs(&["/a 1"], &[]));
    assert!(differs(&[], &["/a 1"]));
    assert!(!differs(&["/ignored/a 1"], &["/ignored/b 2"]));
    let restored = with_roots(&[wrote(&[])], &wrote(&["/cache 1"]), &["/cache 1"], &[]);
    assert_eq!(
        restored,
        Comparison::default(),
        "the cache is as it was in the original"
    );
    let other = with_roots(&[wrote(&[])], &wrote(&["/cache 2"]), &["/cache 1"], &[]);
    assert_eq!(other.differences.len(), 1);
    let removed = with_roots(&[wrote(&["/log -"])], &wrote(&[]), &["/log 1"], &[]);
    assert_eq!(
        removed,
        Comparison::default(),
        "it is in neither in the end"
    );
    let kept = with_roots(&[wrote(&["/log -"])], &wrote(&[]), &["/log 1"], &["/log 1"]);
    assert_eq!(kept.differences.len(), 1);
}

#[test]
fn a_file_that_one_root_lacks_to_begin_with_has_no_content_to_compare() {
    let path = PathBuf::from("/var/log/x");
    let log = with_roots(
        &[wrote(&["/var/log/x 12"])],
        &wrote(&["/var/log/x 2"]),
        &["/var/log/x 1"],
        &[],
    );
    assert_eq!(log.variations, [Variation::NewBeginning { path }]);
    assert_eq!(log.differences, []);
    let missing = with_roots(
        &[wrote(&["/var/log/x 12"])],
        &wrote(&[]),
        &["/var/log/x 1"],
        &[],
    );
    assert_eq!(missing.differences.len(), 1);
}

#[test]
fn names_and_contents_of_files_may_vary() {
    let run = |name: &str, content: &str| {
        wrote(&[
            "/out/result 42",
            &format!("/tmp/tmp{name}/log {content}"),
            &format!("/run/pid {content}"),
        ])
    };
    let runs = [run("a1b2", "x"), run("c3d4", "y")];
    let found = compared(&runs, &run("zz99", "z"));
    assert_eq!(found.differences, []);
    let paths = ["/run/pid", "/tmp/tmpa1b2/log"].map(|path| Variation::File { path: path.into() });
    assert_eq!(found.variations, paths);
    let mut other = run("zz99", "z");
    other.changes.push(Change {
        path: "/tmp/core".into(),
        now: file("1"),
    });
    assert!(!compared(&runs, &other).differences.is_empty());
    let mut other = run("zz99", "z");
    other
        .changes
        .retain(|change| !change.path.starts_with("/tmp"));
    assert!(!compared(&runs, &other).differences.is_empty());
    let mut other = run("zz99", "z");
    other.changes[2].now = Now::Folder { mode: 0o755 };
    assert!(!compared(&runs, &other).differences.is_empty());
}

#[test]
fn binary_output_is_compared_byte_by_byte() {
    let image = |time: u8, last: u8| {
        let mut bytes = vec![7; 10_000];
        bytes[100] = time;
        bytes[6000] = time;
        bytes[9_999] = last;
        Outcome {
            stdout: bytes,
            ..said("")
        }
    };
    let runs = [image(1, 0), image(2, 0)];
    assert_eq!(compared(&runs, &image(3, 0)).differences, []);
    assert_eq!(compared(&runs, &image(3, 1)).differences.len(), 1);
}

#[test]
fn much_output_is_compared_in_time() {
    let lines = |word: &str| {
        (0..100_000)
            .map(|n| format!("{word} {n} {}\n", n * 7 % 1000))
            .collect::<String>()
    };
    let (one, two) = (lines("a"), lines("b"));
    assert_ne!(diff(&[&one], &two), "");
    assert_ne!(diff(&[&one, &two], &lines("c ")), "");
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec("[ab1]{0,3}( [0-9.:]{1,4})?", 0..6).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn a_run_of_the_original_is_no_difference(runs in proptest::collection::vec(text(), 1..5), which in 0_usize..5) {
        let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
        prop_assert_eq!(diff(&runs, runs[which % runs.len()]), "");
    }

    #[test]
    fn without_variation_nothing_else_passes(one in text(), two in text(), runs in 1_usize..4) {
        let runs = vec![one.as_str(); runs];
        prop_assert_eq!(diff(&runs, &two).is_empty(), one == two);
    }

    #[test]
    fn any_bytes_are_compared(runs in proptest::collection::vec(any::<Vec<u8>>(), 1..5), other in any::<Vec<u8>>()) {
        let run = |bytes: &Vec<u8>| Outcome { stdout: bytes.clone(), stderr: bytes.clone(), ..said("") };
        let runs: Vec<_> = runs.iter().map(run).collect();
        let _ = compared(&runs, &run(&other));
    }
}
