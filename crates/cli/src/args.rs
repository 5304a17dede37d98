//! The command line. Only its shape is checked here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Deserialize;

const REFERENCES: &str = "\
References:
  docker-archive:PATH[:NAME]  what `docker save` writes
  oci:FOLDER[:TAG]            an OCI image layout
  oci-archive:PATH[:TAG]      an OCI image layout in a tar archive
  rootfs:FOLDER               the files of an image, unpacked
  PATH                        any of these, recognised by its content (for reading)
  host:                       this machine, as far as programs reach (for minimize, why and graph)

Exit status: 0 done, 1 the answer is no, 2 usage or input, 70 a bug in ounce.";

const ANALYZE_EXAMPLES: &str = "\
Examples:
  docker save -o image.tar myimage && ounce analyze image.tar
  ounce analyze oci:build --by layer
  ounce analyze image.tar --by path --top 40
  ounce analyze image.tar --owner conda:openjdk
  ounce analyze image.tar --format json --output report.json
  ounce analyze one.tar two.tar three.tar --format markdown";

const SLIM_EXAMPLES: &str = "\
Examples:
  ounce slim image.tar --output docker-archive:slim.tar:myimage:slim && docker load -i slim.tar
  ounce slim image.tar --dry-run
  ounce slim one.tar two.tar --output-dir slim --format markdown > pull-request.md
  ounce slim oci:build --output oci:slim --keep-layers 3
  ounce slim image.tar --output oci-archive:slim.tar:latest --disable logs --keep /usr/share/doc/mytool";

const DIFF_EXAMPLES: &str = "\
Examples:
  ounce diff image.tar oci:slim
  ounce diff release-1.tar release-2.tar --format markdown --output comment.md
  ounce diff before.tar after.tar --by path
  ounce diff before.tar after.tar --exit-code > /dev/null || echo they differ";

const VERIFY_EXAMPLES: &str = "\
Examples:
  ounce verify image.tar slim.tar --checks checks.toml
  ounce verify image.tar slim.tar --check 'tool --version' --check \"sh -c 'tool < /etc/passwd'\"
  ounce verify oci:build oci:slim --checks checks.toml --format markdown --report verify.json

Exit status: 0 all checks do the same, 1 a check differs, 2 a check fails in the original already.";
const RUN_EXAMPLES: &str = "\
Examples:
  ounce run image.tar
  ounce run image.tar -- tool --version
  ounce run oci:slim --volume ./data:/data:ro --workdir /data -- tool input.txt
  ounce run image.tar --entrypoint sh -- -c 'ls /opt'

What the command writes is thrown away at the end, but for what it writes to a volume.

Exit status: the command's; 128 and the signal's number when a signal ended it; 124 when it took longer than
--timeout, 125 when the container could not be made, 126 when the program cannot be executed, 127 when there is none;
2 usage, image, or no permission to make namespaces, 70 a bug in ounce.";

const TRACE_EXAMPLES: &str = "\
Examples:
  ounce trace image.tar -- tool --version
  ounce trace image.tar --checks checks.toml --output trace.json
  ounce trace image.tar --output trace.json --volume ./data:/data:ro -- tool /data/input.txt

Exit status: 0 done, 1 a command did not end as it should, 2 usage or input, 125 to 127 as `ounce run`,
70 a bug in ounce.";

const LINT_EXAMPLES: &str = "\
Examples:
  ounce lint
  ounce lint Dockerfile --fix
  ounce lint containers --diff --unsafe-fixes > changes.patch
  ounce lint Dockerfile --image image.tar
  ounce lint Dockerfile --fix --resolve
  ounce lint - < Dockerfile --select apt-lists-left,pip-cache-left
  ounce lint --format sarif > lint.sarif

A comment in an instruction, or right above it, silences rules for it: # ounce: ignore=RULE,RULE reason
docs/lint has a page for each rule.

Exit status: 0 nothing found, 1 findings, 2 usage, or a file that no builder takes.";

const MINIMIZE_EXAMPLES: &str = "\
Examples:
  ounce minimize image.tar --output docker-archive:small.tar:myimage:small && docker load -i small.tar
  ounce minimize host: --program git --output docker-archive:git.tar:git:small
  ounce minimize image.tar --program minimap2 --program samtools --output oci:small
  ounce minimize image.tar --base debian-slim.tar --output docker-archive:small.tar:myimage:small
  ounce minimize image.tar --keep '/usr/share/fonts/**' --output oci-archive:small.tar:latest --report small.json
  ounce minimize image.tar --dry-run --emit-dockerfile Dockerfile.small && docker build -f Dockerfile.small .";

const WHY_EXAMPLES: &str = "\
Examples:
  ounce why image.tar /usr/lib/x86_64-linux-gnu/libcrypto.so.3
  ounce why image.tar --package perl-base
  ounce why image.tar /usr --removed";

const GRAPH_EXAMPLES: &str = "\
Examples:
  ounce graph image.tar --format dot | dot -Tsvg > graph.svg
  ounce graph image.tar --from /usr/sbin/nginx --format json";

/// Makes container images as small as they can be without losing any function.
#[derive(Debug, Parser)]
#[command(version, after_help = REFERENCES, max_term_width = 100)]
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
#[command(after_help = ANALYZE_EXAMPLES)]
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
#[command(after_help = SLIM_EXAMPLES)]
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
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Also write the report to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
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
}

#[derive(Debug, clap::Args)]
#[command(after_help = MINIMIZE_EXAMPLES)]
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
    /// Say what would be done and write no image
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
    /// Also write the report to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Also write a Dockerfile that makes the same image out of this one
    #[arg(long, value_name = "FILE", conflicts_with = "base")]
    pub(crate) emit_dockerfile: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = WHY_EXAMPLES)]
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
#[command(after_help = GRAPH_EXAMPLES)]
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
#[command(after_help = DIFF_EXAMPLES)]
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
#[command(after_help = VERIFY_EXAMPLES)]
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
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Also write the report to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// What the user does with an image.
#[derive(Debug, clap::Args)]
pub(crate) struct Checks {
    /// Read the checks from this file; docs/checks.md describes it
    #[arg(long, value_name = "FILE")]
    pub(crate) checks: Option<PathBuf>,
    /// Run this command, quoted as for a shell; it must succeed
    #[arg(long, value_name = "COMMAND")]
    pub(crate) check: Vec<String>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = RUN_EXAMPLES)]
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
#[command(after_help = TRACE_EXAMPLES)]
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
#[command(after_help = LINT_EXAMPLES)]
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
