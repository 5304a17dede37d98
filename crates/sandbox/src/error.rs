//! Why a command could not be run.

use std::io;

use crate::trace::TraceError;

/// Why a command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine lets this user make no namespaces.
    #[error("this machine does not let you make namespaces: {0}")]
    Namespaces(#[source] io::Error),
    /// There is no such program in the root.
    #[error("{program}: not found in the image")]
    NotFound {
        /// As it was given.
        program: String,
    },
    /// The program is there and cannot be executed.
    #[error("{program}: cannot be executed: {source}")]
    CannotExecute {
        /// As it was given.
        program: String,
        /// What the kernel says.
        source: io::Error,
    },
    /// The user or the group is not known in the root.
    #[error("user {user}: {reason}")]
    User {
        /// As it was given.
        user: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A step of making the surroundings failed.
    #[error("{doing}: {source}")]
    Setup {
        /// The step, in the form "mounting …".
        doing: String,
        /// What the kernel says.
        source: io::Error,
    },
    /// The process that watches over the command was killed from outside.
    #[error("the sandbox was killed from outside")]
    Killed,
    /// The file accesses could not be recorded whole.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

impl Error {
    pub(crate) fn setup(doing: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Setup {
            doing: doing.into(),
            source: source.into(),
        }
    }

    /// As bytes for the process that can tell the user.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (kind, text, number) = match self {
            Self::Namespaces(source) => (b'n', String::new(), source.raw_os_error()),
            Self::NotFound { program } => (b'f', program.clone(), None),
            Self::CannotExecute { program, source } => {
                (b'x', program.clone(), source.raw_os_error())
            }
            Self::User { user, reason } => (b'u', format!("{user}\0{reason}"), None),
            Self::Setup { doing, source } => match source.raw_os_error() {
                Some(number) => (b's', doing.clone(), Some(number)),
                None => (b'o', format!("{doing}\0{source}"), None),
            },
            Self::Killed => (b'k', String::new(), None),
            Self::Trace(TraceError::Attach(source)) => (b't', String::new(), source.raw_os_error()),
            // The others are found by the supervisor, which writes to nobody.
            Self::Trace(_) => (b'k', String::new(), None),
        };
        let mut bytes = vec![kind];
        bytes.extend(number.unwrap_or(0).to_le_bytes());
        bytes.extend(text.into_bytes());
        bytes
    }

    /// What [`Self::to_bytes`] made.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let Some((&kind, rest)) = bytes.split_first() else {
            return Self::Killed;
        };
        let Some((number, text)) = rest.split_first_chunk() else {
            return Self::Killed;
        };
        let source = io::Error::from_raw_os_error(i32::from_le_bytes(*number));
        let text = String::from_utf8_lossy(text).into_owned();
        let two = || match text.split_once('\0') {
            Some((one, two)) => (one.to_owned(), two.to_owned()),
            None => (text.clone(), String::new()),
        };
        match kind {
            b'n' => Self::Namespaces(source),
            b'f' => Self::NotFound { program: text },
            b'x' => Self::CannotExecute {
                program: text,
                source,
            },
            b'u' => {
                let (user, reason) = two();
                Self::User { user, reason }
            }
            b's' => Self::Setup {
                doing: text,
                source,
            },
            b'o' => {
                let (doing, reason) = two();
                Self::Setup {
                    doing,
                    source: io::Error::other(reason),
                }
            }
            b't' => Self::Trace(TraceError::Attach(source)),
            _ => Self::Killed,
        }
    }
}

/// Says what was being done when a system call failed.
pub(crate) trait Doing<T> {
    fn doing(self, step: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, step: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|error| Error::setup(step(), error))
    }
}

/// A path for a message.
pub(crate) fn shown(path: &std::path::Path) -> String {
    path.display().to_string()
}
