//! `ounce run`: a command in an image, its streams the caller's.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use ounce_image::Platform;
use ounce_sandbox::{End, Input, Output, Process, Signaller, Volume};

use crate::args;
use crate::container::{self, Instead};
use crate::error::{CommandError, EXIT_LATE};
use crate::roots::Roots;
use crate::session::{Run, Session};

pub(crate) fn run(args: args::Run) -> Result<ExitCode, CommandError> {
    let roots = Roots::of(&args.reading);
    let run = Run::start(&args.reading)?;
    let session = run.open(&run.reference(&args.image)?)?;
    let process = process(&session, args)?;
    let unpacked = roots.unpacked(&session)?;
    let interrupts = run.finish();
    let scratch = roots.scratch()?;
    let running = ounce_sandbox::start(&unpacked.root, &process, &scratch.path())
        .map_err(|error| explained(error, &session))?;
    if let Ok(signaller) = running.signaller() {
        std::thread::spawn(move || pass_on(&interrupts, &signaller));
    }
    let done = running.wait()?;
    for note in unpacked.notes.iter().chain(&done.notes) {
        anstream::eprintln!("note: {note}");
    }
    Ok(match done.outcome.end {
        End::Exited(status) => ExitCode::from(status as u8),
        End::Signalled(signal) => ExitCode::from(128u8.wrapping_add(signal as u8)),
        End::TimedOut | End::TooMuchOutput => {
            anstream::eprintln!("ounce: the command took too long");
            ExitCode::from(EXIT_LATE)
        }
    })
}

/// The process that the command line asks for.
pub(super) fn process(session: &Session, args: args::Run) -> Result<Process, CommandError> {
    let volumes = args.volume.iter().map(|text| volume(text));
    let volumes = volumes.collect::<Result<Vec<_>, _>>()?;
    let instead = Instead {
        entrypoint: args.entrypoint.map(|program| vec![program]),
        command: args.command,
        env: args
            .env
            .iter()
            .filter_map(|text| container::variable(text))
            .collect(),
        user: args.user,
        workdir: args.workdir,
    };
    let mut process = container::process(&session.image.config, instead)?;
    process.net = match args.net {
        args::Net::None => ounce_sandbox::Net::None,
        args::Net::Host => ounce_sandbox::Net::Host,
    };
    process.volumes = volumes;
    process.stdin = Input::Inherit;
    process.output = Output::Inherit;
    process.limits.time = args.timeout.map(Duration::from_secs);
    Ok(process)
}

/// `SRC:DST[:ro]`, as Docker writes it.
fn volume(text: &OsStr) -> Result<Volume, CommandError> {
    let wrong = || {
        CommandError::input(format_args!("{}: not a volume", text.display()))
            .hint("write it as SOURCE:/TARGET or SOURCE:/TARGET:ro")
    };
    let parts: Vec<&[u8]> = text.as_bytes().split(|&b| b == b':').collect();
    let (source, target, read_only) = match parts[..] {
        [source, target] | [source, target, b"rw"] => (source, target, false),
        [source, target, b"ro"] => (source, target, true),
        _ => return Err(wrong()),
    };
    if source.is_empty() || !target.starts_with(b"/") {
        return Err(wrong());
    }
    let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
    let source = path(source);
    Ok(Volume {
        source: source
            .canonicalize()
            .map_err(|error| CommandError::input(format_args!("{}: {error}", source.display())))?,
        target: path(target),
        read_only,
    })
}

/// What an engine would not say: that the image is for another processor.
pub(super) fn explained(error: ounce_sandbox::Error, session: &Session) -> CommandError {
    let (image, here) = (session.image.config.platform(), Platform::host());
    let is_foreign = image.architecture != here.architecture;
    let is_refused = matches!(&error, ounce_sandbox::Error::CannotExecute { source, .. }
        if source.raw_os_error() == Some(NO_SUCH_FORMAT));
    let error = CommandError::from(error);
    match is_refused && is_foreign {
        true => error.hint(format!(
            "the image is for {image}, and this machine is {here}"
        )),
        false => error,
    }
}

/// `ENOEXEC`.
const NO_SUCH_FORMAT: i32 = 8;

/// Ctrl-C asks the command to end; a while later, or when it is pressed again, it has to.
pub(super) fn pass_on(interrupts: &Receiver<()>, signaller: &Signaller) {
    const INTERRUPT: i32 = 2;
    const KILL: i32 = 9;
    if interrupts.recv().is_ok() {
        let _ = signaller.signal(INTERRUPT);
        let _ = interrupts.recv_timeout(Duration::from_secs(10));
        let _ = signaller.signal(KILL);
    }
}
