#![expect(unsafe_code, reason = "what runs between fork and exec")]

use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use super::*;

/// Runs a command on this machine's own root and traces it.
fn trace(mut command: Command) -> Result<Trace, TraceError> {
    let (ours, theirs) = channel().unwrap();
    let supervisor = Supervisor::start(ours).unwrap();
    // SAFETY: `install` is made for this place.
    unsafe { command.pre_exec(move || install(theirs.as_fd())) };
    drop(command.spawn().unwrap());
    drop(command);
    supervisor.finish()
}

#[test]
fn by_hand() {
    let Some(words) = std::env::var_os("BY_HAND") else {
        return;
    };
    let words: Vec<String> = words
        .into_string()
        .unwrap()
        .split('\u{1f}')
        .map(str::to_owned)
        .collect();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    if std::env::var_os("QUIET").is_some() {
        command.stdout(Stdio::null());
    }
    let trace = trace(command);
    if std::env::var_os("QUIET").is_some() {
        eprintln!("accesses {:?}", trace.map(|t| t.accesses.len()));
        return;
    }
    for access in trace.unwrap().accesses {
        println!(
            "@ {:?} {} {} {}{}",
            access.how,
            access.error.unwrap_or(0),
            access.program.display(),
            access.path.display(),
            access
                .real
                .filter(|r| *r != access.path)
                .map(|r| format!(" -> {}", r.display()))
                .unwrap_or_default()
        );
    }
}
