//! Commands that go on while others are run beside them.

use std::time::{Duration, Instant};

use ounce_sandbox::{End, Input};

use crate::common::{has_namespaces, sh};

#[test]
fn one_more_command_runs_beside_it() {
    if !has_namespaces() {
        return;
    }
    let service = sh("echo begun > /state; trap 'echo bye; exit 5' TERM; while :; do :; done");
    let scratch = tempfile::tempdir().unwrap();
    let running = ounce_sandbox::start(&service.root(), &service.process, scratch.path()).unwrap();
    let wait = "until read state < /state; do :; done 2>/dev/null; echo $state $PPID; cd /proc; echo [0-9]*";
    let beside = running.exec(&sh(wait).process).unwrap();
    assert_eq!(beside.end, End::Exited(0));
    let output = String::from_utf8(beside.stdout).unwrap();
    assert!(output.starts_with("begun 0\n1 "), "{output}");
    let input = sh("read line; echo $line >&2; exit 3").with(|p| {
        p.stdin = Input::Bytes(b"given\n".to_vec());
        p.user = "daemon".into();
    });
    let beside = running.exec(&input.process).unwrap();
    let expected = (End::Exited(3), &b"given\n"[..]);
    assert_eq!((beside.end, &*beside.stderr), expected);
    assert!(!running.has_ended());
    running.signal(15).unwrap();
    let outcome = running.wait().unwrap().outcome;
    let expected = (End::Exited(5), &b"bye\n"[..]);
    assert_eq!((outcome.end, &*outcome.stdout), expected);
}

#[test]
fn a_command_beside_it_has_its_own_limits() {
    if !has_namespaces() {
        return;
    }
    let service = sh("while :; do :; done");
    let scratch = tempfile::tempdir().unwrap();
    let running = ounce_sandbox::start(&service.root(), &service.process, scratch.path()).unwrap();
    let hang = sh("while :; do :; done").with(|p| p.limits.time = Some(Duration::from_millis(200)));
    assert_eq!(running.exec(&hang.process).unwrap().end, End::TimedOut);
    assert!(!running.has_ended());
}

#[test]
fn dropping_it_ends_everything_inside() {
    if !has_namespaces() {
        return;
    }
    let service = sh("trap '' TERM; (while :; do :; done) & while :; do :; done");
    let scratch = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let running = ounce_sandbox::start(&service.root(), &service.process, scratch.path()).unwrap();
    let signaller = running.signaller().unwrap();
    drop(running);
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(signaller.signal(9).is_err(), "it still lives");
}

#[test]
fn a_signal_that_is_not_handled_has_no_effect_but_for_kill() {
    if !has_namespaces() {
        return;
    }
    let service = sh("while :; do :; done");
    let scratch = tempfile::tempdir().unwrap();
    let running = ounce_sandbox::start(&service.root(), &service.process, scratch.path()).unwrap();
    running.signal(15).unwrap();
    let beside = running.exec(&sh("exit 0").process).unwrap();
    assert_eq!(beside.end, End::Exited(0));
    running.signal(9).unwrap();
    assert_eq!(running.wait().unwrap().outcome.end, End::Signalled(9));
}
