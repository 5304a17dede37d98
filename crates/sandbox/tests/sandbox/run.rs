//! What a command gets to see, and what comes back.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{command, has_namespaces, sh};
use ounce_sandbox::{Change, End, Error, Input, InputFile, Now};

#[test]
fn exit_status_and_both_outputs_come_back() {
    if !has_namespaces() {
        return;
    }
    let outcome = sh("echo one; echo two >&2; exit 7").run().outcome;
    assert_eq!(outcome.end, End::Exited(7));
    assert_eq!(outcome.stdout, b"one\n");
    assert_eq!(outcome.stderr, b"two\n");
    assert_eq!(outcome.changes, []);
}

#[test]
fn a_real_program_finds_its_files() {
    if !has_namespaces() {
        return;
    }
    let fortune = command(&["fortune", "-s"]).output();
    assert!(fortune.len() > 10, "{fortune}");
}

#[test]
fn standard_input_ends() {
    if !has_namespaces() {
        return;
    }
    let echo = "while read -r line; do echo \"<$line>\"; done";
    assert_eq!(sh(echo).output(), "");
    let large = "x".repeat(300_000);
    let input = Input::Bytes(format!("{large}\nend\n").into_bytes());
    let output = sh(echo).with(|p| p.stdin = input).output();
    assert_eq!(output, format!("<{large}>\n<end>\n"));
    // Nobody reads it.
    let unread = Input::Bytes(vec![b'x'; 1 << 20]);
    assert_eq!(
        sh("echo done").with(|p| p.stdin = unread).output(),
        "done\n"
    );
}

#[test]
fn surroundings_are_those_of_an_engine() {
    if !has_namespaces() {
        return;
    }
    let script = "echo $$ $HOME $(umask) $(pwd); read name < /etc/hostname; echo $name; \
                  read hosts < /etc/hosts; echo $hosts; ulimit -c; echo /dev/*; echo /proc/[0-9]*";
    let output = sh(script).with(|p| p.workdir = "/new/work".into()).output();
    let expected = "1 /root 0022 /new/work\ninside\n127.0.0.1 localhost\n0\n\
        /dev/core /dev/fd /dev/full /dev/mqueue /dev/null /dev/ptmx /dev/pts /dev/random /dev/shm /dev/stderr \
        /dev/stdin /dev/stdout /dev/tty /dev/urandom /dev/zero\n/proc/1\n";
    assert_eq!(
        output.replace(" /dev/mqueue", ""),
        expected.replace(" /dev/mqueue", "")
    );
}

#[test]
fn only_the_three_streams_are_open() {
    if !has_namespaces() {
        return;
    }
    // 10 is dash's own copy while it expands.
    let output = sh("for f in /proc/self/fd/*; do echo ${f##*/}; done").output();
    assert!(output.starts_with("0\n1\n2\n"), "{output}");
    assert!(!output.contains("4\n"), "{output}");
}

#[test]
fn a_user_is_one_of_the_image() {
    if !has_namespaces() {
        return;
    }
    let script = "while read -r key rest; do case $key in Uid:|Gid:|CapEff:|NoNewPrivs:) echo $key $rest;; esac; \
                  done < /proc/self/status; echo $HOME";
    let daemon = sh(script).with(|p| p.user = "daemon".into()).output();
    let expected =
        "Uid: 1 1 1 1\nGid: 1 1 1 1\nCapEff: 0000000000000000\nNoNewPrivs: 1\n/usr/sbin\n";
    assert_eq!(daemon, expected);
    let root = sh(script).output();
    let expected = "Uid: 0 0 0 0\nGid: 0 0 0 0\nCapEff: 00000000a80425fb\nNoNewPrivs: 1\n/root\n";
    assert_eq!(root, expected);
    let error = sh(script).with(|p| p.user = "eve".into()).try_run();
    assert!(matches!(error, Err(Error::User { .. })));
}

#[test]
fn a_program_that_is_not_there_is_told_from_one_that_cannot_be_executed() {
    if !has_namespaces() {
        return;
    }
    for missing in ["nothing", "/bin/nothing", "/etc/passwd/x", "./sh", ""] {
        let error = command(&[missing]).try_run().unwrap_err();
        assert!(
            matches!(error, Error::NotFound { .. }),
            "{missing}: {error}"
        );
    }
    for other in ["/etc/passwd", "/etc"] {
        let error = command(&[other]).try_run().unwrap_err();
        assert!(
            matches!(error, Error::CannotExecute { .. }),
            "{other}: {error}"
        );
    }
    let executable = |content: &str| {
        let content = content.into();
        let file = InputFile {
            path: "/x".into(),
            content,
            mode: 0o755,
        };
        command(&["/x"]).with(|p| p.files.push(file)).try_run()
    };
    let error = executable("no format").unwrap_err();
    assert!(matches!(error, Error::CannotExecute { .. }), "{error}");
    // The interpreter is missing.
    let error = executable("#!/bin/nothing\n").unwrap_err();
    assert!(
        matches!(error, Error::CannotExecute { .. } | Error::NotFound { .. }),
        "{error}"
    );
    assert!(executable("#!/bin/sh\nexit 0\n").is_ok());
}

#[test]
fn changes_are_what_the_command_left_behind() {
    if !has_namespaces() {
        return;
    }
    let script = "echo new > /new; echo seen > /given; read line < /etc/issue; : > /etc/issue.net; \
                  umask 077; echo x > /tmp/private; exec 3<> /etc/debian_version";
    let run = sh(script)
        .file("/given", "seen\n")
        .file("/in/deep/kept", "x")
        .run();
    let changes: Vec<String> = run.outcome.changes.iter().map(shown).collect();
    assert_eq!(
        changes,
        ["/etc/issue.net 644 0", "/new 644 4", "/tmp/private 600 2"]
    );
}

fn shown(change: &Change) -> String {
    let path = change.path.display();
    match &change.now {
        Now::Removed => format!("{path} removed"),
        Now::Folder { mode } => format!("{path} folder {mode:o}"),
        Now::File { mode, size, .. } => format!("{path} {mode:o} {size}"),
        Now::Symlink { target } => format!("{path} -> {}", target.display()),
        Now::Other => format!("{path} other"),
    }
}

#[test]
fn a_root_says_what_is_at_a_path() {
    let root = sh("").root();
    let now = |path: &str| root.now(Path::new(path)).unwrap();
    assert_eq!(now("/tmp"), Some(Now::Folder { mode: 0o1777 }));
    assert_eq!(
        now("/bin"),
        Some(Now::Symlink {
            target: "usr/bin".into()
        })
    );
    assert_eq!(now("/bin/sh"), None, "links above are not followed");
    assert_eq!(now("/no/such"), None);
    assert!(matches!(
        now("/etc/passwd"),
        Some(Now::File { mode: 0o644, .. })
    ));
}

#[test]
fn a_hang_ends_in_time() {
    if !has_namespaces() {
        return;
    }
    let begin = Instant::now();
    let hang = sh("trap '' TERM INT HUP; echo begun; (while :; do :; done) & while :; do :; done");
    let outcome = hang
        .with(|p| p.limits.time = Some(Duration::from_secs(1)))
        .run()
        .outcome;
    assert_eq!(outcome.end, End::TimedOut);
    assert_eq!(outcome.stdout, b"begun\n");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_flood_is_cut_off() {
    if !has_namespaces() {
        return;
    }
    // A thousand times a megabyte.
    let flood = "s=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do s=$s$s; done; \
                 i=0; while [ $i -lt 1000 ]; do echo $s; i=$((i+1)); done";
    let outcome = sh(flood).run().outcome;
    assert_eq!(outcome.end, End::TooMuchOutput);
    assert!(outcome.stdout.len() < 17 << 20);
}

#[test]
fn output_up_to_the_limit_comes_whole() {
    if !has_namespaces() {
        return;
    }
    let loud = "s=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do s=$s$s; done; \
                for i in 1 2 3 4 5; do echo $s; echo $s >&2; done";
    let outcome = sh(loud).run().outcome;
    assert_eq!(outcome.end, End::Exited(0));
    assert_eq!(outcome.stdout.len(), 5 * ((1 << 20) + 1));
    assert_eq!(outcome.stderr, outcome.stdout);
}

#[test]
fn forks_without_end_are_bounded() {
    if !has_namespaces() {
        return;
    }
    let bomb = sh("bomb() { bomb | bomb & }; bomb; while :; do :; done");
    let outcome = bomb
        .with(|p| p.limits.time = Some(Duration::from_secs(2)))
        .run()
        .outcome;
    assert!(
        matches!(outcome.end, End::TimedOut | End::TooMuchOutput),
        "{:?}",
        outcome.end
    );
}

#[test]
fn what_goes_on_in_the_background_ends_with_the_command() {
    if !has_namespaces() {
        return;
    }
    let begin = Instant::now();
    let outcome =
        sh("(while :; do :; done) & (trap '' TERM; while :; do :; done) & echo left").run();
    assert_eq!(outcome.outcome.end, End::Exited(0));
    assert_eq!(outcome.outcome.stdout, b"left\n");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn there_is_no_parent_to_kill_and_no_terminal_to_read() {
    if !has_namespaces() {
        return;
    }
    let output =
        sh("echo $PPID; kill -9 $$; kill -9 -1; echo alive; read x < /dev/tty || echo none")
            .output();
    assert_eq!(output, "0\nalive\nnone\n");
}
