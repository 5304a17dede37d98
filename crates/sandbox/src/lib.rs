//! Runs a command in a root file system without a daemon and without root, records the files that it
//! touches, and compares two runs.
//!
//! Linux only. It knows nothing of images: it is given folders, and an argument list, environment and user
//! as a container's config has them. It never prints and never looks at the environment.

mod changes;
mod command;
mod compare;
mod confine;
mod delegate;
mod error;
mod ids;
mod init;
mod mounts;
mod outcome;
mod process;
mod root;
mod run;
mod sys;
mod trace;
mod users;
mod wire;

pub use compare::{
    Before, Compared, Comparison, Difference, Extent, Mark, Row, Stream, Variation, compare,
    differ_in_numbers,
};
pub use delegate::{as_root, ids, remove};
pub use error::Error;
pub use outcome::{Change, End, Now, Outcome};
pub use process::{Input, InputFile, Limits, Net, Output, Process, Volume};
pub use root::Root;
pub use run::{Run, Running, Signaller, run, start};
pub use trace::{Access, How, Trace, TraceError};
