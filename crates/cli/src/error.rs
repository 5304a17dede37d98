//! What a user is told when something goes wrong, and the exit codes.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use ounce_analysis::OptionsError;

/// The answer to what was asked is no.
pub(crate) const EXIT_NO: u8 = 1;
/// Wrong usage or an input that cannot be used.
pub(crate) const EXIT_INPUT: u8 = 2;
/// A fault of this program (`EX_SOFTWARE` of sysexits.h).
pub(crate) const EXIT_BUG: u8 = 70;
/// `ounce run`: the command did not end in time (timeout of GNU coreutils).
pub(crate) const EXIT_LATE: u8 = 124;
/// `ounce run`: the container could not be made (Docker's "exit status" of `docker run`, as the next two).
const EXIT_CONTAINER: u8 = 125;
/// `ounce run`: the program cannot be executed.
const EXIT_CANNOT_EXECUTE: u8 = 126;
/// `ounce run`: there is no such program.
const EXIT_NOT_FOUND: u8 = 127;
/// Ended by Ctrl-C, as shells report it.
const EXIT_INTERRUPTED: u8 = 130;

/// Whose fault it is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nobody's: all was done, and the answer is no.
    No,
    Input,
    Bug,
    /// A command could not be run in an image.
    Container,
    CannotExecute,
    NotFound,
    Interrupted,
    /// Nobody reads the output any more; nothing is said.
    Closed,
}

/// An error with advice.
#[derive(Debug)]
pub(crate) struct CommandError {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

impl CommandError {
    /// An error in what the user gave.
    pub(crate) fn input(message: impl fmt::Display) -> Self {
        Self {
            kind: Kind::Input,
            message: message.to_string(),
            hint: None,
        }
    }

    /// Limits that are not kept, a line for each.
    pub(crate) fn no(lines: &[String]) -> Self {
        Self {
            kind: Kind::No,
            message: lines.join("\n"),
            hint: None,
        }
    }

    /// Says which of several images it is about, unless the message does already.
    pub(crate) fn about(self, image: &str) -> Self {
        let is_named = self.message.contains(image) || self.kind == Kind::Interrupted;
        match is_named {
            true => self,
            false => Self {
                message: format!("{image}: {}", self.message),
                ..self
            },
        }
    }

    /// Says which outputs were finished before.
    pub(crate) fn after(self, written: &[String]) -> Self {
        if written.is_empty() {
            return self;
        }
        let message = match self.kind {
            Kind::Interrupted => "interrupted".to_owned(),
            _ => self.message,
        };
        let finished = written.join(", ");
        Self {
            message: format!("{message}\nwritten before that: {finished}"),
            ..self
        }
    }

    /// The same where no container was asked for, so that none can have failed: exit code 2.
    pub(crate) fn into_input(self) -> Self {
        let kind = match self.kind {
            Kind::Container | Kind::CannotExecute | Kind::NotFound => Kind::Input,
            kind => kind,
        };
        Self { kind, ..self }
    }

    /// Whether it is Ctrl-C.
    pub(crate) fn is_interrupt(&self) -> bool {
        self.kind == Kind::Interrupted
    }

    /// What is wrong, without advice.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Adds advice.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// An error of a file that is written to.
    pub(crate) fn writing(path: &Path, error: &std::io::Error) -> Self {
        Self::input(format_args!("writing {}: {error}", path.display()))
    }

    /// Prints the error and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if self.kind == Kind::Closed {
            return ExitCode::SUCCESS;
        }
        let bold = anstyle::Style::new()
            .bold()
            .fg_color(Some(anstyle::AnsiColor::Red.into()));
        match self.kind {
            Kind::No => anstream::eprintln!("{}", self.message),
            _ => anstream::eprintln!("{bold}error:{bold:#} {}", self.message),
        }
        if let Some(hint) = &self.hint {
            anstream::eprintln!("hint: {hint}");
        }
        match self.kind {
            Kind::No => ExitCode::from(EXIT_NO),
            Kind::Bug => ExitCode::from(EXIT_BUG),
            Kind::Container => ExitCode::from(EXIT_CONTAINER),
            Kind::CannotExecute => ExitCode::from(EXIT_CANNOT_EXECUTE),
            Kind::NotFound => ExitCode::from(EXIT_NOT_FOUND),
            Kind::Interrupted => ExitCode::from(EXIT_INTERRUPTED),
            Kind::Input | Kind::Closed => ExitCode::from(EXIT_INPUT),
        }
    }
}

impl From<std::io::Error> for CommandError {
    /// An error of standard output, or of content that is read during an analysis.
    fn from(error: std::io::Error) -> Self {
        let is_cancelled = error
            .get_ref()
            .is_some_and(|inner| inner.is::<ounce_image::Cancelled>());
        let kind = match error.kind() {
            std::io::ErrorKind::BrokenPipe => Kind::Closed,
            _ if is_cancelled => Kind::Interrupted,
            _ => Kind::Input,
        };
        let message = if is_cancelled {
            ounce_image::Error::Cancelled.to_string()
        } else {
            error.to_string()
        };
        Self {
            kind,
            message,
            hint: None,
        }
    }
}

impl From<OptionsError> for CommandError {
    fn from(error: OptionsError) -> Self {
        let hint = match &error {
            OptionsError::UnknownRule {
                nearest: Some(nearest),
                ..
            } => format!("did you mean {nearest}?"),
            OptionsError::UnknownRule { .. } => {
                let names: Vec<_> = ounce_analysis::RULES.iter().map(|rule| rule.id).collect();
                format!("the rules are {}", names.join(", "))
            }
            OptionsError::Glob { .. } => {
                "`*` matches within a name, `**` across folders; quote it for the shell".to_owned()
            }
        };
        Self::input(error).hint(hint)
    }
}

impl From<ounce_analysis::dockerfile::UnknownRule> for CommandError {
    fn from(error: ounce_analysis::dockerfile::UnknownRule) -> Self {
        let hint = match error.nearest {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => {
                let rules = ounce_analysis::dockerfile::RULES.iter();
                let names: Vec<_> = rules.map(|rule| rule.id).collect();
                format!("the rules are {}", names.join(", "))
            }
        };
        Self::input(error).hint(hint)
    }
}

impl From<ounce_image::Error> for CommandError {
    fn from(error: ounce_image::Error) -> Self {
        use ounce_image::Error as E;
        let kind = match &error {
            E::Cancelled => Kind::Interrupted,
            E::Unfaithful { .. } => Kind::Bug,
            _ => Kind::Input,
        };
        Self {
            kind,
            message: error.to_string(),
            hint: hint(&error),
        }
    }
}

impl From<ounce_sandbox::Error> for CommandError {
    fn from(error: ounce_sandbox::Error) -> Self {
        use ounce_sandbox::Error as E;
        let (kind, hint) = match &error {
            E::Namespaces(_) => (Kind::Input, Some(namespaces_hint())),
            E::NotFound { .. } => (Kind::NotFound, None),
            E::CannotExecute { source, .. } => (
                Kind::CannotExecute,
                (source.kind() == std::io::ErrorKind::NotFound).then(|| {
                    "the loader or the interpreter that it names is not in the image".to_owned()
                }),
            ),
            _ => (Kind::Container, None),
        };
        Self {
            kind,
            message: error.to_string(),
            hint,
        }
    }
}

/// What forbids ordinary users, or everybody, to make namespaces, and how to allow it.
fn namespaces_hint() -> String {
    let value = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    // Each with the value that forbids, and what to set.
    let switches = [
        ("user.max_user_namespaces", "0", "15000"),
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ];
    let closed = switches.iter().find(|(name, forbids, _)| {
        value(&format!("/proc/sys/{}", name.replace('.', "/"))).trim() == *forbids
    });
    match closed {
        Some((name, _, allows)) => format!("as root: sysctl -w {name}={allows}"),
        None => "inside a container, that one must be allowed to make user namespaces: \
                 docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined"
            .to_owned(),
    }
}

fn hint(error: &ounce_image::Error) -> Option<String> {
    use ounce_image::Error as E;
    let hint = match error {
        E::Reference(_) => {
            "write docker-archive:PATH, oci:FOLDER, oci-archive:PATH or rootfs:FOLDER, with :NAME behind a path if needed"
        }
        E::Exists(_) => "choose another name, or remove it first",
        E::SameAsInput(_) => "ounce never changes its input; choose another place",
        E::Tag { .. } | E::Ambiguous { .. } => {
            "put the name behind the path, as in docker-archive:PATH:NAME"
        }
        E::Platform { .. } => "choose one with --platform",
        E::DigestMismatch { .. } | E::SizeMismatch { .. } | E::Missing { .. } => {
            "save or pull the image again"
        }
        E::Unrecognised { .. } => {
            "an image comes from `docker save`, `podman save` or `skopeo copy ... oci:FOLDER`"
        }
        E::Io { source, .. } | E::Layer { source, .. }
            if source.kind() == std::io::ErrorKind::StorageFull =>
        {
            "free some space, or write to another disk; nothing was left behind"
        }
        E::Unfaithful { .. } => "this is a bug in ounce; nothing was written; please report it",
        _ => return None,
    };
    Some(hint.to_owned())
}
