//! `ounce completions`: scripts for shells.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;

pub(crate) fn run(shell: Shell) {
    clap_complete::generate(shell, &mut Args::command(), "ounce", &mut std::io::stdout());
}
