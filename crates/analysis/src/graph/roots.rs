//! Where a search begins: what the image starts, and what any process needs.

mod open;
mod usage;

use std::fmt;

use ounce_image::{Config, NodeId, Tree};

use super::collect::Collector;
use super::programs::{Programs, Started, is_executable, started};
use super::world::World;
use super::{Kind, Proof, companions, installs, literals, scripts, units};
use crate::globs;
use crate::inspect::shell::Word;
use crate::plan::OptionsError;
use crate::rules::Context;

pub(super) use open::Own;
pub use usage::{Touch, Usage};

/// Something that a search begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A command of the image's config, under this key.
    Config(String, Vec<String>),
    /// A program that somebody names.
    Program(String),
    /// What somebody wants to be kept, as names in the tree with all that they hold.
    Keep(String, Vec<NodeId>),
    /// What a user does with the image.
    Check(Usage),
    /// What the runs of a record touched, which has this name.
    Trace(String, Vec<Touch>),
    /// What the check of this name missed when it was not there.
    Healed(String, Vec<NodeId>),
    /// What the environment names.
    Environment,
    /// What any process needs: users, folders, mount points.
    Process,
    /// What tells scanners and people which system it is.
    Identity,
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(key, _) => write!(f, "the image's {key}"),
            Self::Program(name) => write!(f, "--program {name}"),
            Self::Keep(glob, _) => write!(f, "--keep {glob}"),
            Self::Check(Usage { name, .. }) => write!(f, "the check {name:?}"),
            Self::Healed(name, _) => write!(f, "--heal for the check {name:?}"),
            Self::Trace(name, _) => write!(f, "--trace {name}"),
            Self::Environment => write!(f, "the image's environment"),
            Self::Process => write!(f, "any process"),
            Self::Identity => write!(f, "what says which system this is"),
        }
    }
}

/// Why there is nothing to begin with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootsError {
    /// The image starts nothing, and nothing else is asked for.
    #[error("the image has no entrypoint and no command, so there is no telling what it is for")]
    Nothing,
    /// A program is there in name only.
    #[error("{root} starts {program}, whose symbolic links lead in a circle")]
    Loop {
        /// What asks for it.
        root: String,
        /// Its name or path.
        program: String,
    },
    /// A program is not there.
    #[error("{root} starts {program}, which is not in the image")]
    Missing {
        /// What asks for it.
        root: String,
        /// Its name or path.
        program: String,
    },
    /// What is started is only known when it runs.
    #[error("{root} starts {text}, which is only known when it runs")]
    Unknown {
        /// What asks for it.
        root: String,
        /// How it is written.
        text: String,
    },
}

const HEALTHCHECK: &str = "Healthcheck";
/// Keys of the config that hold commands, in the order in which they are put together.
const COMMAND: [&str; 2] = ["Entrypoint", "Cmd"];
/// Variables that are no paths to keep: what they say is read in other places, or is for people.
const NO_PATHS: [&str; 10] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "MANPATH",
    "INFOPATH",
    "PKG_CONFIG_PATH",
    "PWD",
    "OLDPWD",
    "SHELL",
    "SHLVL",
    "TERM",
];
/// What container engines mount over or make in every container (OCI runtime specification, "Default
/// Filesystems"; docker run, `--add-host`, `--dns`), and folders that programs take for granted (FHS 3.0).
const NEEDED: [&str; 20] = [
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
    "var/tmp",
    "var/run",
    "var/lock",
    "etc",
    "etc/hosts",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/mtab",
    "etc/passwd",
    "etc/group",
    "etc/nsswitch.conf",
    "etc/ld.so.cache",
    "etc/ld.so.preload",
    "dev/shm",
    "dev/pts",
];
/// os-release(5), and what distributions had before; package scanners begin with them.
const IDENTITY: [&str; 9] = [
    "etc/os-release",
    "usr/lib/os-release",
    "etc/lsb-release",
    "etc/debian_version",
    "etc/alpine-release",
    "etc/redhat-release",
    "etc/system-release",
    "etc/fedora-release",
    "etc/issue",
];

impl Root {
    /// The roots of an image: its commands, these programs, what is known of its use, and what any process needs.
    ///
    /// # Errors
    /// There is nothing to start, or it is not there.
    pub fn of(
        context: &Context<'_>,
        programs: &[String],
        usage: Vec<Self>,
    ) -> Result<Vec<Self>, RootsError> {
        let config = context.config;
        let command: Vec<String> = COMMAND.iter().flat_map(|key| config.list(key)).collect();
        let key = if config.list("Entrypoint").is_empty() {
            "Cmd"
        } else {
            "Entrypoint"
        };
        let mut out = Vec::new();
        if !command.is_empty() {
            out.push(Self::Config(key.to_owned(), command));
        }
        out.extend(programs.iter().cloned().map(Self::Program));
        out.extend(usage);
        if out.is_empty() {
            return Err(RootsError::Nothing);
        }
        let world = Begin::new(context);
        // Who names programs may do so because the image's own command is of no use.
        let mut asked = out
            .iter()
            .filter(|root| programs.is_empty() || !root.is_command());
        asked.try_for_each(|root| world.check(root))?;
        // An image whose health cannot be checked still does its work.
        out.extend(
            healthcheck(config).map(|command| Self::Config(HEALTHCHECK.to_owned(), command)),
        );
        out.extend([Self::Environment, Self::Process, Self::Identity]);
        Ok(out)
    }

    /// Whether it is what the image starts when nobody says otherwise.
    pub(super) fn is_command(&self) -> bool {
        matches!(self, Self::Config(key, _) if key != HEALTHCHECK)
    }

    /// A root for what a glob matches.
    ///
    /// # Errors
    /// The glob cannot be read.
    pub fn keep(tree: &Tree<'_>, glob: &str) -> Result<Self, OptionsError> {
        let wrong = |source| OptionsError::Glob {
            glob: glob.to_owned(),
            source,
        };
        let set = globs::set([glob]).map_err(wrong)?;
        let nodes = tree
            .walk(Tree::ROOT)
            .filter(|node| globs::matches(&set, &tree.path(*node)));
        Ok(Self::Keep(glob.to_owned(), nodes.collect()))
    }

    /// Whether it is known from runs alone.
    pub(super) fn is_of_runs(&self) -> bool {
        matches!(self, Self::Trace(..) | Self::Healed(..))
    }

    /// Collects what the root leads to.
    pub(super) fn collect(&self, world: &World<'_>, c: &mut Collector<'_>) {
        match self {
            Self::Config(key, command) => {
                let words: Vec<Word> = command
                    .iter()
                    .map(|word| Word::of(word.as_bytes()))
                    .collect();
                start(world, c, world.workdir, &words, None);
                // What an entrypoint is given may be a command too.
                let given = match key.as_str() {
                    "Entrypoint" => world.context.config.list("Entrypoint").len(),
                    _ => words.len(),
                };
                if key != HEALTHCHECK
                    && [&words[..], &words[given..]].into_iter().any(open::is_open)
                {
                    everything(world, c, &Proof::Itself);
                }
                command
                    .iter()
                    .for_each(|word| argument(world, c, world.workdir, word.as_bytes()));
            }
            Self::Program(name) => {
                let words = [Word::of(name.as_bytes())];
                start(world, c, world.workdir, &words, None);
            }
            Self::Check(usage) => usage.collect(world, c),
            Self::Trace(_, touches) => {
                for touch in touches {
                    usage::touched(world, c, touch);
                }
            }
            Self::Healed(_, nodes) => {
                for node in nodes {
                    usage::missed(world, c, *node);
                }
            }
            Self::Keep(_, nodes) => {
                let tree = world.tree;
                for node in nodes {
                    c.whole(*node, Kind::Needs, Proof::Itself);
                    let below = tree.walk(*node);
                    for folder in below.filter(|below| world.units.readers(tree, *below).is_some())
                    {
                        c.whole(folder, Kind::Needs, Proof::Itself);
                    }
                }
            }
            Self::Environment => environment(world, c),
            Self::Process => process(world, c),
            Self::Identity => names(c, &IDENTITY),
        }
    }
}

/// What is asked before a search begins.
struct Begin<'a> {
    context: &'a Context<'a>,
    programs: Programs,
}

impl<'a> Begin<'a> {
    fn new(context: &'a Context<'a>) -> Self {
        Self {
            context,
            programs: Programs::new(context),
        }
    }

    /// Whether what a root starts is there.
    fn check(&self, root: &Root) -> Result<(), RootsError> {
        let words: Vec<Word> = match root {
            Root::Config(_, command) => command
                .iter()
                .map(|word| Word::of(word.as_bytes()))
                .collect(),
            Root::Program(name) => vec![Word::of(name.as_bytes())],
            _ => return Ok(()),
        };
        let Some(Started::Program(name)) = started(&words).into_iter().next() else {
            return Ok(());
        };
        let shown = || ounce_image::display(&name);
        if name.contains(&b'$') {
            return Err(RootsError::Unknown {
                root: root.to_string(),
                text: shown(),
            });
        }
        let tree = self.context.tree;
        let base = workdir(self.context);
        let found = match name.contains(&b'/') {
            true => tree.resolve_from(base, &name, |_| {}),
            false => self
                .programs
                .find(&name)
                .and_then(|path| tree.resolve(path)),
        };
        match found {
            Some(_) => Ok(()),
            None if name.contains(&b'/') && tree.loops_from(base, &name) => Err(RootsError::Loop {
                root: root.to_string(),
                program: shown(),
            }),
            None => Err(RootsError::Missing {
                root: root.to_string(),
                program: shown(),
            }),
        }
    }
}

fn workdir(context: &Context<'_>) -> NodeId {
    let texts = context.config.run_time_texts();
    let path = texts.get("WorkingDir").and_then(|list| list.first());
    path.and_then(|path| context.tree.resolve(path.as_bytes()))
        .unwrap_or(Tree::ROOT)
}

/// The command of a health check (Docker image specification, "Healthcheck"): `CMD` and words, or `CMD-SHELL` and
/// a text for the image's shell.
fn healthcheck(config: &Config) -> Option<Vec<String>> {
    let texts = config.run_time_texts();
    let words = texts.get(HEALTHCHECK)?;
    let at = words
        .iter()
        .position(|word| word == "CMD" || word == "CMD-SHELL")?;
    let command = words[at + 1..].to_vec();
    match words[at].as_str() {
        "CMD" => Some(command),
        _ => {
            let shell = config.list("Shell");
            let shell = if shell.is_empty() {
                vec!["/bin/sh".into(), "-c".into()]
            } else {
                shell
            };
            Some(
                shell
                    .into_iter()
                    .chain(command.into_iter().take(1))
                    .collect(),
            )
        }
    }
}

/// What a command starts. A shell without anything else to do reads `input`, or what anybody types where that is not known.
fn start(
    world: &World<'_>,
    c: &mut Collector<'_>,
    base: NodeId,
    words: &[Word],
    input: Option<&[u8]>,
) {
    installs::of(world, c, words, &Proof::Itself);
    for what in started(words) {
        match &what {
            Started::Program(name) => {
                let before = c.targets.len();
                let Some(program) =
                    world
                        .programs
                        .call(c, base, name, Kind::Starts, &Proof::Itself)
                else {
                    c.miss(Kind::Starts, name);
                    continue;
                };
                let called: Vec<NodeId> =
                    c.targets[before..].iter().map(|target| target.to).collect();
                companions::of(world, c, name, &called, program);
                if !units::is_shared(world.tree, world.tree.parent(program)) {
                    units::around(world, c, program, &Proof::Itself);
                }
            }
            Started::Interactive => match input {
                Some(text) => scripts::text(world, c, text, base, 0),
                None => everything(world, c, &Proof::Itself),
            },
            Started::Text(text) => scripts::text(world, c, text, base, 0),
            other => scripts::begin(world, c, other, base, &Proof::Itself, 1),
        }
    }
}

/// Whoever starts the image says what to do: all programs may be called, and be given all that the image's author put there.
pub(super) fn everything(world: &World<'_>, c: &mut Collector<'_>, proof: &Proof) {
    if std::mem::replace(&mut c.calls_all, true) {
        return;
    }
    c.doubt(
        proof.clone(),
        "does what anybody may tell it when it runs",
        b"",
    );
    world.programs.call_all(c, proof);
    units::local(world, c);
    installs::tools(world, c);
}

/// A word of a command: a file or folder that it names, with the folder that the file is part of; a
/// program that an entrypoint is given to start.
fn argument(world: &World<'_>, c: &mut Collector<'_>, base: NodeId, word: &[u8]) {
    let tree = world.tree;
    literals::text(world, c, word, 0);
    let relative = tree
        .resolve_from(base, word, |_| {})
        .filter(|node| *node != Tree::ROOT);
    let named = relative.into_iter().chain(paths_in(tree, word));
    for node in named {
        c.unit(node, Kind::NamesPath, &Proof::Itself);
        if tree.is_file(node) {
            units::around(world, c, node, &Proof::Itself);
        }
    }
    if !word.contains(&b'/') {
        let started = Started::Program(word.to_vec());
        scripts::begin(world, c, &started, base, &Proof::Itself, 1);
    }
}

/// The files that a word holds the absolute paths of, as in `-jar /app/x.jar` or `file=/etc/x`.
fn paths_in(tree: &Tree<'_>, word: &[u8]) -> Vec<NodeId> {
    let parts = word.split(|byte| b"=:, \t'\"".contains(byte));
    let paths = parts.filter(|part| part.starts_with(b"/"));
    paths
        .filter_map(|path| tree.resolve(path))
        .filter(|node| tree.is_file(*node))
        .collect()
}

fn environment(world: &World<'_>, c: &mut Collector<'_>) {
    for text in world.context.config.list("Env") {
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        if !NO_PATHS.contains(&name) {
            literals::text(world, c, value.as_bytes(), 0);
        }
        // Libraries that are loaded into every process (ld.so(8)).
        if name == "LD_PRELOAD" {
            for library in value
                .split([':', ' '])
                .filter(|library| !library.is_empty())
            {
                preload(world, c, library.as_bytes());
            }
        }
    }
    if let Some(leaf) = world
        .tree
        .resolve(b"/etc/ld.so.preload")
        .and_then(|node| world.tree.leaf_of(node))
    {
        let text = world.tree.read(leaf).read_all(1 << 16).unwrap_or_default();
        let words = text.split(|byte| byte.is_ascii_whitespace() || *byte == b':');
        words
            .filter(|word| !word.is_empty())
            .for_each(|library| preload(world, c, library));
    }
    let folders: Vec<Vec<u8>> = world.programs.own_folders().map(<[u8]>::to_vec).collect();
    for folder in folders {
        let Some(node) = world.tree.resolve(&folder) else {
            continue;
        };
        let _ = c.path(Tree::ROOT, &folder, Kind::NamesPath, &Proof::Itself);
        for child in world.tree.children(node) {
            let path = [&folder, b"/".as_slice(), world.tree.name(child)].concat();
            if world
                .tree
                .resolve(&path)
                .is_some_and(|file| is_executable(world.tree, file))
            {
                let _ = c.path(Tree::ROOT, &path, Kind::Calls, &Proof::Itself);
            }
        }
    }
}

fn preload(world: &World<'_>, c: &mut Collector<'_>, library: &[u8]) {
    let paths = match library.contains(&b'/') {
        true => vec![library.to_vec()],
        false => world.loader.anywhere(library),
    };
    for path in paths {
        let _ = c.path(Tree::ROOT, &path, Kind::Needed, &Proof::Itself);
    }
}

fn process(world: &World<'_>, c: &mut Collector<'_>) {
    names(c, &NEEDED);
    let texts = world.context.config.run_time_texts();
    let of = |key: &str| texts.get(key).cloned().unwrap_or_default();
    let user = of("User");
    let user = user.first().and_then(|user| user.split(':').next());
    let homes = home(
        world,
        user.filter(|user| !user.is_empty()).unwrap_or("root"),
    );
    let folders = of("WorkingDir").into_iter().chain(of("Volumes"));
    for folder in folders.map(String::into_bytes).chain(homes) {
        used(world, c, &folder);
    }
}

/// A folder that the image says it uses: all that is not other packages' is its own. On a machine it is somebody's home.
fn used(world: &World<'_>, c: &mut Collector<'_>, folder: &[u8]) {
    let found = c.path(Tree::ROOT, folder, Kind::Needs, &Proof::Itself);
    if let Some(node) = found.filter(|_| !world.tree.is_machine()) {
        // Where nothing else is said a process works in the root: that says nothing of its folders.
        let is_meant = |child| node != Tree::ROOT || !world.tree.is_directory(child);
        units::own(world, c, node, Kind::Needs, &Proof::Itself, is_meant);
    }
}

/// What people may do who log in: anything, in their homes.
pub(super) fn login(world: &World<'_>, c: &mut Collector<'_>) {
    everything(world, c, &Proof::Itself);
    let may_log_in = |row: &[&[u8]]| !row[6].ends_with(b"/nologin") && !row[6].ends_with(b"/false");
    for home in homes(world, may_log_in) {
        used(world, c, &home);
    }
}

fn names(c: &mut Collector<'_>, paths: &[&str]) {
    for path in paths {
        let _ = c.path(Tree::ROOT, path.as_bytes(), Kind::Needs, &Proof::Itself);
    }
}

/// The start-up files of shells in the homes of those who may run one; those of a machine's users are their own.
pub(super) fn startup_files(
    world: &World<'_>,
    c: &mut Collector<'_>,
    names: &[String],
    proof: &Proof,
) {
    if names.is_empty() || world.tree.is_machine() {
        return;
    }
    for home in homes(world, |_| true) {
        for name in names {
            let path = [&home, b"/".as_slice(), name.as_bytes()].concat();
            let _ = c.path(Tree::ROOT, &path, Kind::Opens, proof);
        }
    }
}

/// The home of a user, by name or number.
fn home(world: &World<'_>, user: &str) -> Option<Vec<u8>> {
    let is_user = |row: &[&[u8]]| row[0] == user.as_bytes() || row[2] == user.as_bytes();
    homes(world, is_user).into_iter().next()
}

/// The homes of users, by their rows of `/etc/passwd` (passwd(5)).
fn homes(world: &World<'_>, wanted: impl Fn(&[&[u8]]) -> bool) -> Vec<Vec<u8>> {
    let text = world.passwd().unwrap_or_default();
    let rows = text
        .split(|byte| *byte == b'\n')
        .map(|row| row.split(|byte| *byte == b':').collect::<Vec<_>>());
    rows.filter(|row| row.len() == 7 && wanted(row))
        .map(|row| row[5].to_vec())
        .collect()
}
