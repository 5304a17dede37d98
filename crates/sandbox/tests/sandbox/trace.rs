//! What a run in a root of its own touches.

use std::path::Path;

use ounce_sandbox::{Access, How, Trace};

use crate::common::{Command, has_namespaces, sh};

fn trace(command: Command) -> Trace {
    let command = command.with(|process| process.trace = true);
    command.try_run().unwrap().trace.unwrap()
}

fn of<'a>(trace: &'a Trace, path: &str) -> Vec<&'a Access> {
    let accesses = trace.accesses.iter();
    accesses.filter(|a| a.path == Path::new(path)).collect()
}

#[test]
fn two_runs_touch_the_same() {
    if !has_namespaces() {
        return;
    }
    let script =
        "cd /etc; read x < issue; (read y < ../etc/missing); : > /tmp/made; test -e /proc/self/exe";
    let (one, two) = (trace(sh(script)), trace(sh(script)));
    assert_eq!(one, two);
    let real = |path| {
        let found = of(&one, path);
        found.iter().find_map(|access| access.real.clone())
    };
    assert!(real("/bin/sh").is_some_and(|shell| of(&one, "/etc/issue")[0].program == shell));
    assert_eq!(of(&one, "/etc/../etc/missing")[0].error, Some(2));
    assert_eq!(of(&one, "/tmp/made")[0].how, How::Write);
    let is_loader = |access: &&Access| {
        access.how == How::Execute && access.path.to_string_lossy().contains("ld-linux")
    };
    assert!(one.accesses.iter().any(|access| is_loader(&access)));
    let is_ours = |access: &Access| {
        access.program.as_os_str().is_empty() || access.program.starts_with("/proc")
    };
    assert!(!one.accesses.iter().any(is_ours));
}

#[test]
fn what_another_user_may_not_read_is_told() {
    if !has_namespaces() {
        return;
    }
    // Where there is one id alone, nobody else can be anybody.
    let command =
        || sh("read x < /root/file; read x < /etc/shadow").with(|p| p.user = "65534".into());
    if command().try_run().is_err() {
        return;
    }
    let trace = trace(command());
    let denied = Some(13);
    assert_eq!(of(&trace, "/root/file")[0].error, denied);
}

#[test]
fn a_trace_ends_with_its_run() {
    if !has_namespaces() {
        return;
    }
    let script = "(: > /tmp/child; while :; do :; done) & while ! test -e /tmp/child; do :; done";
    let trace = trace(sh(script));
    assert!(
        of(&trace, "/tmp/child")
            .iter()
            .any(|access| access.how == How::Write)
    );
}
