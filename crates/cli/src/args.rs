//! The command line. Only its shape is checked here.

mod examples;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Deserialize;

/// Makes container images as small as they can be without losing any function.
#[derive(Debug, Parser)]
#[command(version, after_help = examples::REFERENCES, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what eats the space of an image, and what can go
    Analyze(Analyze),
    /// Write the image without what nothing in it needs
    Slim(Slim),
    /// Write an image of what its programs can reach, and nothing else
    Minimize(Minimize),
    /// Say why a file is reached: the way from what the image starts
    Why(Why),
    /// Print what leads to what, for other programs
    Graph(Graph),
    /// Say how two images differ: in size, files, packages, settings and attack surface
    Diff(Diff),
    /// Say whether a slim image does what the original does, by running checks in both
    Verify(Verify),
    /// Run a command in an image, without a daemon and without root
    Run(Run),
    /// Record which files commands touch in an image
    Trace(Trace),
    /// Find what makes an image big or unrepeatable in Dockerfiles, and put it right
    Lint(Lint),
    /// Say what the rules find, and why it can go
    Rules(Rules),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Where to read from, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Source {
    /// The images: TRANSPORT:PATH, with :TAG behind it where there are several, or a path that is recognised by its content
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// How to read.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Reading {
    /// The platform to take from an image for several [default: linux on this processor]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<String>,
    /// Do not keep decompressed layers and unpacked images for the next run
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// The most that the cache of decompressed layers may hold, and that of unpacked images, in GB
    #[arg(
        long,
        value_name = "GB",
        env = "OUNCE_CACHE_SIZE",
        default_value_t = 10,
        hide_env_values = true
    )]
    pub(crate) cache_size: u64,
}

/// What may go.
#[derive(Debug, clap::Args)]
pub(crate) struct Choice {
    /// How far removals may go [default: safe]
    #[arg(long, value_enum)]
    pub(crate) tier: Option<Tier>,
    /// Read settings from this file [default: ounce.toml in the working folder, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = examples::ANALYZE)]
pub(crate) struct Analyze {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// What the rows are
    #[arg(long, value_enum, default_value_t = By::Cause)]
    pub(crate) by: By,
    /// Show this package instead, and why it is there: NAME, or ECOSYSTEM:NAME as in dpkg:perl-base
    #[arg(long, value_name = "PACKAGE", conflicts_with_all = ["by", "top"])]
    pub(crate) owner: Option<String>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Show the N largest rows and sum up the others
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) top: Option<u32>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = examples::SLIM)]
pub(crate) struct Slim {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Where to write the image: TRANSPORT:PATH, with :TAG behind it to name it; it must not exist
    #[arg(long, short, value_name = "REF", required_unless_present_any = ["dry_run", "output_dir"])]
    pub(crate) output: Option<String>,
    /// The folder to write each image to, in the form it came in and under its own name
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub(crate) output_dir: Option<PathBuf>,
    /// Run only the rules that are named so
    #[arg(long, value_name = "RULE")]
    pub(crate) enable: Vec<String>,
    /// Do not run this rule
    #[arg(long, value_name = "RULE")]
    pub(crate) disable: Vec<String>,
    /// Keep what matches, and everything below a folder that does
    #[arg(long, value_name = "GLOB")]
    pub(crate) keep: Vec<String>,
    /// Leave the lowest N layers as they are, to go on sharing them [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) keep_layers: Option<usize>,
    #[command(flatten)]
    pub(crate) checks: Checks,
    /// Keep what checks would miss; without this an image in which a check differs is not written
    #[arg(long, requires = "Checks")]
    pub(crate) heal: bool,
    /// Say what would be done and write no image
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) showing: Showing,
}

/// What an image is for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Purpose {
    /// A program that the image is for, beside what it starts: a name, found by PATH, or a path
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) program: Vec<String>,
    /// Keep what matches, with all that it leads to, and everything below a folder that does
    #[arg(long, value_name = "GLOB")]
    pub(crate) keep: Vec<String>,
    #[command(flatten)]
    pub(crate) checks: Checks,
    /// Keep what runs touched that `ounce trace --output FILE` recorded, with all that it leads to
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = examples::MINIMIZE)]
pub(crate) struct Minimize {
    /// The image, as for the other commands
    pub(crate) image: String,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) purpose: Purpose,
    /// Where to write the image: TRANSPORT:PATH, with :TAG behind it to name it; it must not exist
    #[arg(long, short, value_name = "REF", required_unless_present = "dry_run")]
    pub(crate) output: Option<String>,
    /// An image of the same system to put the result onto; only what it lacks or has otherwise is added
    #[arg(long, value_name = "scratch|IMAGE", default_value = "scratch")]
    pub(crate) base: String,
    /// Put back what checks miss, with all that it leads to; without this an image in which a check differs is not written
    #[arg(long, requires = "Checks")]
    pub(crate) heal: bool,
    /// Say what would be done and write no image
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) showing: Showing,
    /// Also write a Dockerfile that makes the same image out of this one
    #[arg(long, value_name = "FILE", conflicts_with = "base")]
    pub(crate) emit_dockerfile: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = examples::WHY)]
pub(crate) struct Why {
    /// The image, as for the other commands
    pub(crate) image: String,
    /// Files and folders of the image
    #[arg(required_unless_present_any = ["package", "removed"])]
    pub(crate) paths: Vec<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) purpose: Purpose,
    /// Say it of this package: NAME, or ECOSYSTEM:NAME
    #[arg(long, value_name = "PACKAGE")]
    pub(crate) package: Option<String>,
    /// List what nothing leads to, of all or of what lies in the PATHS
    #[arg(long, conflicts_with = "package")]
    pub(crate) removed: bool,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = examples::GRAPH)]
pub(crate) struct Graph {
    /// The image, as for the other commands
    pub(crate) image: String,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) purpose: Purpose,
    /// Begin at this file instead of what the image starts
    #[arg(long, value_name = "PATH")]
    pub(crate) from: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
    pub(crate) format: GraphFormat,
}

/// How a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// The language of Graphviz
    Dot,
    /// For programs
    Json,
}

#[derive(Debug, clap::Args)]
#[command(after_help = examples::DIFF)]
pub(crate) struct Diff {
    /// The one image, as for the other commands
    pub(crate) before: String,
    /// The other image
    pub(crate) after: String,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Show only this, and all of it
    #[arg(long, value_enum)]
    pub(crate) by: Option<DiffBy>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Exit with status 1 when files, settings or hidden bytes differ
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = examples::VERIFY)]
pub(crate) struct Verify {
    /// The image that is right by definition
    pub(crate) original: String,
    /// The image that is compared with it
    pub(crate) slim: String,
    #[command(flatten)]
    pub(crate) checks: Checks,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// How many checks run at a time; times say more with one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: u16,
    /// Put back from the original what checks that differ missed
    #[arg(long)]
    pub(crate) heal: bool,
    /// Where to write the image with what was put back, once all checks do the same in it; as `ounce slim` takes it
    #[arg(long, short, value_name = "REF", requires = "heal")]
    pub(crate) output: Option<String>,
    #[command(flatten)]
    pub(crate) showing: Showing,
}

/// How what was done is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Showing {
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Also write the report to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// What the user does with an image.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Checks {
    /// What the image's users do, from this file; docs/checks.md describes it
    #[arg(long, value_name = "FILE")]
    pub(crate) checks: Option<PathBuf>,
    /// One more check: this command, quoted as for a shell, must succeed
    #[arg(long, value_name = "COMMAND")]
    pub(crate) check: Vec<String>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = examples::RUN)]
pub(crate) struct Run {
    /// The image, as for the other commands
    pub(crate) image: String,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// The network: a loopback interface alone, or this machine's
    #[arg(long, value_enum, default_value_t = Net::None)]
    pub(crate) net: Net,
    /// Set an environment variable: NAME=VALUE, or NAME for the value that it has here
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<OsString>,
    /// The user, and perhaps the group, in place of the image's: a name or a number
    #[arg(long, short, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// The working folder in place of the image's
    #[arg(long, short, value_name = "DIR")]
    pub(crate) workdir: Option<PathBuf>,
    /// Show a file or folder of this machine inside, writable or read-only
    #[arg(long, short, value_name = "SRC:DST[:ro]")]
    pub(crate) volume: Vec<OsString>,
    /// The program in place of the image's entrypoint; COMMAND is its arguments then
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) entrypoint: Option<OsString>,
    /// End the command after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// The command in place of the image's, behind its entrypoint if it has one
    #[arg(last = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = examples::TRACE)]
pub(crate) struct Trace {
    #[command(flatten)]
    pub(crate) run: Run,
    /// Record what these checks touch, in place of one command; docs/checks.md describes the file
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["command", "entrypoint", "env", "user", "workdir", "volume", "net", "timeout"],
    )]
    pub(crate) checks: Option<PathBuf>,
    /// Write the record to a file, as JSON, in place of a table of it to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// The network of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Net {
    /// A loopback interface alone
    None,
    /// The network of this machine
    Host,
}

impl Checks {
    /// Whether none were given.
    pub(crate) fn is_empty(&self) -> bool {
        self.checks.is_none() && self.check.is_empty()
    }
}

/// A part of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffBy {
    /// Why the bytes are there
    Cause,
    /// The packages
    Owner,
    /// The files and folders
    Path,
    /// The layers, and which are shared
    Layer,
    /// The settings: environment, entrypoint, labels, ...
    Config,
    /// The attack surface
    Surface,
}

#[derive(Debug, clap::Args)]
#[command(after_help = examples::LINT)]
pub(crate) struct Lint {
    /// Dockerfiles, folders to search for them, or - for standard input [default: the working folder]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Put right what can be, where the image surely does the same afterwards
    #[arg(long)]
    pub(crate) fix: bool,
    /// With --fix or --diff, also make changes that need a look or a build
    #[arg(long)]
    pub(crate) unsafe_fixes: bool,
    /// Print what --fix would change, as a patch, and change nothing
    #[arg(long, conflicts_with_all = ["fix", "format", "statistics"])]
    pub(crate) diff: bool,
    /// Run only the rules that are named so
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// Do not run this rule
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Say what each finding costs in this image, which was built from the Dockerfile
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Ask the registries for the digests of base images without one; all else works without a network
    #[arg(long)]
    pub(crate) resolve: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// How findings are written
    #[arg(long, value_enum, default_value_t = LintFormat::Text)]
    pub(crate) format: LintFormat,
    /// Print how often each rule found something, and no findings
    #[arg(long)]
    pub(crate) statistics: bool,
    /// Read settings from this file [default: ounce.toml in the working folder, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    /// For people
    Text,
    /// For programs; see docs/lint.schema.json
    Json,
    /// For code scanning (SARIF 2.1.0)
    Sarif,
    /// Annotations of GitHub's workflows
    Github,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rules {
    /// The rule to explain; without one, all are listed
    pub(crate) rule: Option<String>,
    /// How they are written
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
}

/// How far removals may go. What costs a feature is reported and never taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tier {
    /// What cannot affect what the image does
    #[default]
    Safe,
    /// Also what a guard of its own shows not to be needed
    Guarded,
}

/// What the rows of a report are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Why the bytes are there, and whether they can go
    Cause,
    /// The package that brought them
    Owner,
    /// The layer, with the step that made it
    Layer,
    /// The folder
    Path,
}

impl From<By> for crate::report::View {
    fn from(by: By) -> Self {
        match by {
            By::Cause => Self::Cause,
            By::Owner => Self::Owner,
            By::Layer => Self::Layer,
            By::Path => Self::Path,
        }
    }
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// The text of a pull request
    Markdown,
    /// For programs; see docs/report.schema.json
    Json,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Table,
    /// For programs; see docs/rules.schema.json
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }
}
