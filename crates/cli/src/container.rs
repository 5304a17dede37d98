//! What an image's config makes a container do (OCI image specification, config.md), as Docker reads it.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use ounce_image::Config;
use ounce_sandbox::{Input, Limits, Net, Output, Process};

use crate::error::CommandError;

/// What Docker sets where an image sets none (moby, pkg/system, DefaultPathEnv).
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The name of the machine inside; the same in every run, so that two runs print the same.
const HOSTNAME: &str = "ounce";

/// What is said in place of the image's own settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Instead {
    /// The program in place of the entrypoint, or none: then the image's command does not count either.
    pub(crate) entrypoint: Option<Vec<OsString>>,
    /// The command; the image's own when it is empty.
    pub(crate) command: Vec<OsString>,
    /// Added to the environment.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// The user, as in a config.
    pub(crate) user: Option<String>,
    /// The working folder.
    pub(crate) workdir: Option<PathBuf>,
}

/// The process of a container; nothing goes in, what comes out is captured, there is no network.
///
/// # Errors
/// Neither the image nor the caller says what to run.
pub(crate) fn process(config: &Config, instead: Instead) -> Result<Process, CommandError> {
    Ok(Process {
        args: args(config, instead.entrypoint, instead.command)?,
        env: env(config, instead.env),
        workdir: instead
            .workdir
            .or_else(|| config.text("WorkingDir").map(PathBuf::from))
            .unwrap_or_default(),
        user: instead
            .user
            .or_else(|| config.text("User"))
            .unwrap_or_default(),
        hostname: HOSTNAME.to_owned(),
        files: Vec::new(),
        volumes: Vec::new(),
        net: Net::None,
        stdin: Input::Bytes(Vec::new()),
        output: Output::Capture,
        limits: Limits {
            time: None,
            output: MAX_OUTPUT,
            processes: MAX_PROCESSES,
        },
        trace: false,
    })
}

/// What is kept of a command's output, in bytes.
const MAX_OUTPUT: u64 = 256 << 20;
/// Processes and threads at one time; the largest services of the corpus have some hundred.
const MAX_PROCESSES: u32 = 4096;

fn args(
    config: &Config,
    entrypoint: Option<Vec<OsString>>,
    command: Vec<OsString>,
) -> Result<Vec<OsString>, CommandError> {
    let list = |key| config.list(key).into_iter().map(OsString::from);
    let is_replaced = entrypoint.is_some();
    let mut args = entrypoint.unwrap_or_else(|| list("Entrypoint").collect());
    match command.is_empty() && !is_replaced {
        true => args.extend(list("Cmd")),
        false => args.extend(command),
    }
    match args.is_empty() {
        true => Err(CommandError::input("the image does not say what to run")
            .hint("name a command behind --")),
        false => Ok(args),
    }
}

/// A later value of a name takes the place of an earlier one.
fn env(config: &Config, more: Vec<(OsString, OsString)>) -> Vec<(OsString, OsString)> {
    let mut env: Vec<(OsString, OsString)> = Vec::new();
    let own = [("PATH", PATH), ("HOSTNAME", HOSTNAME)];
    let own = own.map(|(name, value)| (name.into(), value.into()));
    let image = config.list("Env").into_iter().filter_map(|entry| {
        let (name, value) = entry.split_once('=')?;
        Some((name.into(), value.into()))
    });
    for (name, value) in own.into_iter().chain(image).chain(more) {
        match env.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => env.push((name, value)),
        }
    }
    env
}

/// The signal that ends the container (`StopSignal`), SIGTERM where none is named.
pub(crate) fn stop_signal(config: &Config) -> i32 {
    let text = config.text("StopSignal").unwrap_or_default();
    let name = text.strip_prefix("SIG").unwrap_or(&text);
    let number = || name.parse().ok().filter(|number| (1..=64).contains(number));
    let real_time = || {
        // As moby/sys/signal counts them: from 34 up and from 64 down.
        if let Some(above) = name.strip_prefix("RTMIN") {
            return Some(
                34 + above
                    .strip_prefix('+')
                    .map_or(Some(0), |n| n.parse().ok())?,
            );
        }
        let below = name.strip_prefix("RTMAX")?;
        Some(
            64 - below
                .strip_prefix('-')
                .map_or(Some(0), |n| n.parse().ok())?,
        )
    };
    let named = SIGNALS.iter().find(|(known, _)| *known == name);
    named
        .map(|(_, number)| *number)
        .or_else(number)
        .or_else(real_time)
        .filter(|number| (1..=64).contains(number))
        .unwrap_or(15)
}

/// The numbers of signals on every machine that ounce runs on (signal(7), x86 and ARM).
const SIGNALS: [(&str, i32); 15] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ABRT", 6),
    ("KILL", 9),
    ("USR1", 10),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("WINCH", 28),
    ("PWR", 30),
];

/// Reads `NAME=VALUE`; a name alone takes the value that it has here, as with Docker.
pub(crate) fn variable(text: &OsStr) -> Option<(OsString, OsString)> {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = text.as_bytes();
    match bytes.iter().position(|&b| b == b'=') {
        Some(at) => Some((
            OsStr::from_bytes(&bytes[..at]).to_owned(),
            OsStr::from_bytes(&bytes[at + 1..]).to_owned(),
        )),
        None => Some((text.to_owned(), std::env::var_os(text)?)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(run_time: &str) -> Config {
        let json = format!(r#"{{"config":{run_time},"rootfs":{{"type":"layers","diff_ids":[]}}}}"#);
        Config::parse(json.into_bytes(), Path::new("test")).unwrap()
    }

    fn args_of(run_time: &str, entrypoint: Option<&[&str]>, command: &[&str]) -> Vec<OsString> {
        let list = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        let instead = Instead {
            entrypoint: entrypoint.map(list),
            command: list(command),
            ..Instead::default()
        };
        process(&config(run_time), instead).unwrap().args
    }

    #[test]
    fn entrypoint_and_command_are_put_together_as_docker_does() {
        let both = r#"{"Entrypoint":["tool"],"Cmd":["serve"]}"#;
        assert_eq!(args_of(both, None, &[]), ["tool", "serve"]);
        assert_eq!(args_of(both, None, &["help"]), ["tool", "help"]);
        assert_eq!(args_of(both, Some(&["sh"]), &[]), ["sh"]);
        assert_eq!(args_of(both, Some(&[]), &["sh", "-c"]), ["sh", "-c"]);
        assert_eq!(args_of(r#"{"Cmd":["bash"]}"#, None, &[]), ["bash"]);
    }

    #[test]
    fn an_image_that_runs_nothing_is_an_error() {
        assert!(process(&config("{}"), Instead::default()).is_err());
    }

    #[test]
    fn the_environment_is_the_image_s_over_docker_s_own() {
        let config = config(r#"{"Cmd":["x"],"Env":["A=1","PATH=/opt","A=2=3","broken"]}"#);
        let instead = Instead {
            env: vec![("B".into(), "4".into()), ("HOSTNAME".into(), "h".into())],
            ..Instead::default()
        };
        let env = process(&config, instead).unwrap().env;
        let expected = [
            ("PATH", "/opt"),
            ("HOSTNAME", "h"),
            ("A", "2=3"),
            ("B", "4"),
        ];
        assert_eq!(env, expected.map(|(n, v)| (n.into(), v.into())));
    }

    #[test]
    fn stop_signals_are_names_or_numbers() {
        let signal = |text: &str| stop_signal(&config(&format!(r#"{{"StopSignal":"{text}"}}"#)));
        assert_eq!(signal("SIGQUIT"), 3);
        assert_eq!(signal("QUIT"), 3);
        assert_eq!(signal("9"), 9);
        assert_eq!(signal("SIGRTMIN+3"), 37);
        assert_eq!(signal("RTMAX-1"), 63);
        for nonsense in [
            "",
            "SIGNO",
            "0",
            "65",
            "RTMIN+99",
            "-3",
            "RTMIN+99999999999",
        ] {
            assert_eq!(signal(nonsense), 15, "{nonsense}");
        }
    }
}
