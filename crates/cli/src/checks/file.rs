//! The form of checks.toml, from which `docs/checks.schema.json` is made, and what of it makes sense.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ounce_sandbox::InputFile;
use regex::bytes::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::{Check, Request, Service, TIMEOUT};
use crate::written::Mistake;

/// A day: more than anybody waits.
const MAX_TIMEOUT: f64 = 86_400.0;
/// The modes of files that a check puts into an image.
const MODE: u32 = 0o644;
const MODE_OF_SCRIPTS: u32 = 0o755;

/// What the users of an image do with it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Each is run in both images and compared.
    check: Vec<Entry>,
}

/// One thing that a user does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// What the user does; each check has a name of its own.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// The program and its arguments, in place of the image's entrypoint and command.
    #[schemars(with = "Option<Vec<String>>")]
    command: Option<Spanned<Vec<String>>>,
    /// Whether `command` comes behind the image's entrypoint, in place of its command only.
    #[serde(default)]
    entrypoint: bool,
    /// Absolute path = text of files that are put into the container before it starts. They belong to root, with
    /// mode 0644, or 0755 when the text begins with `#!`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    files: BTreeMap<Spanned<String>, String>,
    /// As `files`, for binary files: the content is base64.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    base64_files: BTreeMap<Spanned<String>, Spanned<String>>,
    /// Text for standard input; without it there is none.
    #[schemars(with = "Option<String>")]
    stdin: Option<Spanned<String>>,
    /// Variables that are added to the image's environment.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    env: BTreeMap<Spanned<String>, Spanned<String>>,
    /// `user`, `uid`, `user:group` or `uid:gid`, in place of the image's.
    #[schemars(with = "Option<String>")]
    user: Option<Spanned<String>>,
    /// The working folder, in place of the image's.
    #[schemars(with = "Option<String>")]
    workdir: Option<Spanned<String>>,
    /// The exit status that the original must have, 0 when absent. Of a service: that of its first probe that failed.
    #[serde(default)]
    exit: u8,
    /// Regular expressions that must each match in the standard output of the original, or in a service's answers;
    /// `^` and `$` stand for the ends of a line.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    expect: Vec<Spanned<String>>,
    /// Regular expressions; a line of output, or a file by its path, that one matches may differ.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    ignore: Vec<Spanned<String>>,
    /// Seconds that a run may take, 60 when absent.
    #[schemars(with = "Option<f64>")]
    timeout: Option<Spanned<f64>>,
    /// The container is a server: how it is talked to.
    #[schemars(with = "Option<Asked>")]
    service: Option<Spanned<Asked>>,
}

/// How a server is talked to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The port that it listens on when it is ready.
    #[schemars(with = "u16", range(min = 1))]
    ready_port: Spanned<u16>,
    /// Requests: `GET /path`, and headers on further lines.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    http: Vec<Spanned<String>>,
    /// Texts that are sent as they are, each on a connection of its own; the answer is what comes until the server
    /// closes the connection or is silent for a second.
    #[serde(default)]
    tcp: Vec<String>,
    /// A program and its arguments that is run beside the server, or a list of such.
    #[schemars(with = "Option<Probes>")]
    probe: Option<Spanned<Probes>>,
    /// Whether the server is stopped by the image's stop signal in the end, and its exit status compared.
    #[serde(default)]
    stop: bool,
}

/// Commands that are run beside a server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a program and its arguments as a list of texts, or a list of such lists"
)]
enum Probes {
    One(Vec<String>),
    Several(Vec<Vec<String>>),
}

impl File {
    /// The checks, once all of them make sense.
    pub(super) fn checks(self) -> Result<Vec<Check>, Mistake> {
        let mut names = BTreeSet::new();
        for entry in &self.check {
            let name = &entry.name;
            require(
                name,
                !name.get_ref().trim().is_empty(),
                "a check needs a name",
            )?;
            let is_line = !name.get_ref().contains(char::is_control);
            require(name, is_line, "a name is one line of text")?;
            let is_new = names.insert(name.get_ref());
            require(name, is_new, "another check has this name")?;
        }
        self.check.into_iter().map(Entry::check).collect()
    }
}

impl Entry {
    fn check(self) -> Result<Check, Mistake> {
        let files = files(self.files, self.base64_files)?;
        if let (Some(stdin), Some(_)) = (&self.stdin, &self.service) {
            require(stdin, false, "a service has no standard input")?;
        }
        let command = self
            .command
            .map(|words| {
                argv(&words, words.get_ref())?;
                Ok(words.into_inner())
            })
            .transpose()?;
        Ok(Check {
            name: self.name.into_inner(),
            command: command.unwrap_or_default(),
            entrypoint: self.entrypoint,
            files,
            stdin: self
                .stdin
                .map(Spanned::into_inner)
                .unwrap_or_default()
                .into(),
            env: environment(self.env)?,
            user: self.user.map(user).transpose()?,
            workdir: self.workdir.map(|path| absolute(&path)).transpose()?,
            exit: i32::from(self.exit),
            expect: self.expect.iter().map(pattern).collect::<Result<_, _>>()?,
            ignore: self.ignore.iter().map(pattern).collect::<Result<_, _>>()?,
            timeout: self.timeout.map_or(Ok(TIMEOUT), |seconds| time(&seconds))?,
            service: self
                .service
                .map(|asked| asked.into_inner().service())
                .transpose()?,
        })
    }
}

impl Asked {
    fn service(self) -> Result<Service, Mistake> {
        let port = &self.ready_port;
        require(port, *port.get_ref() > 0, "0 is not a port")?;
        let probe = match self.probe {
            None => Vec::new(),
            Some(probes) => {
                let span = probes.span();
                let probes = match probes.into_inner() {
                    Probes::One(words) if words.is_empty() => Vec::new(),
                    Probes::One(words) => vec![words],
                    Probes::Several(probes) => probes,
                };
                for words in &probes {
                    let is_program = words.first().is_some_and(|program| !program.is_empty());
                    require(
                        &Spanned::new(span.clone(), ()),
                        is_program,
                        "a probe needs a program",
                    )?;
                    argv(&Spanned::new(span.clone(), ()), words)?;
                }
                probes
            }
        };
        Ok(Service {
            ready_port: self.ready_port.into_inner(),
            http: self.http.iter().map(request).collect::<Result<_, _>>()?,
            tcp: self.tcp,
            probe,
            stop: self.stop,
        })
    }
}

/// A mistake at a place unless something holds.
fn require<T>(place: &Spanned<T>, holds: bool, message: &str) -> Result<(), Mistake> {
    match holds {
        true => Ok(()),
        false => Err((place.span(), message.to_owned())),
    }
}

/// Arguments that a system call takes, with a program at their front where there are any.
fn argv<T>(place: &Spanned<T>, words: &[String]) -> Result<(), Mistake> {
    let is_clean = words.iter().all(|word| !word.contains('\0'));
    require(place, is_clean, "an argument cannot hold a NUL")?;
    let has_program = words.first().is_none_or(|program| !program.is_empty());
    require(place, has_program, "a command begins with a program")
}

fn files(
    texts: BTreeMap<Spanned<String>, String>,
    binaries: BTreeMap<Spanned<String>, Spanned<String>>,
) -> Result<Vec<InputFile>, Mistake> {
    let mut files = BTreeMap::new();
    let texts = texts
        .into_iter()
        .map(|(path, text)| Ok((path, text.into_bytes())));
    let binaries = binaries.into_iter().map(|(path, text)| {
        let content = BASE64.decode(text.get_ref());
        Ok((
            path,
            content.map_err(|e| (text.span(), format!("this is not base64: {e}")))?,
        ))
    });
    for file in texts.chain(binaries) {
        let (path, content) = file?;
        let place = absolute(&path)?;
        require(&path, place != Path::new("/"), "this is a folder")?;
        let mode = match content.starts_with(b"#!") {
            true => MODE_OF_SCRIPTS,
            false => MODE,
        };
        let is_new = files.insert(place, (content, mode)).is_none();
        require(&path, is_new, "this file is given twice")?;
    }
    let files = files.into_iter().map(|(path, (content, mode))| InputFile {
        path,
        content,
        mode,
    });
    Ok(files.collect())
}

/// A path from the root that means one place only.
fn absolute(text: &Spanned<String>) -> Result<PathBuf, Mistake> {
    let path = Path::new(text.get_ref());
    require(text, path.is_absolute(), "this is not an absolute path")?;
    let is_plain = !path.components().any(|part| part == Component::ParentDir);
    require(text, is_plain, "a path here has no ..")?;
    require(
        text,
        !text.get_ref().contains('\0'),
        "a path cannot hold a NUL",
    )?;
    Ok(path.components().collect())
}

fn environment(
    env: BTreeMap<Spanned<String>, Spanned<String>>,
) -> Result<BTreeMap<String, String>, Mistake> {
    env.into_iter()
        .map(|(name, value)| {
            let is_name = !name.get_ref().is_empty() && !name.get_ref().contains(['=', '\0']);
            require(&name, is_name, "this is not a name of a variable")?;
            require(
                &value,
                !value.get_ref().contains('\0'),
                "a variable cannot hold a NUL",
            )?;
            Ok((name.into_inner(), value.into_inner()))
        })
        .collect()
}

fn user(text: Spanned<String>) -> Result<String, Mistake> {
    let parts: Vec<&str> = text.get_ref().split(':').collect();
    let is_user = parts.len() <= 2
        && parts
            .iter()
            .all(|part| !part.is_empty() && !part.contains('\0'));
    require(
        &text,
        is_user,
        "write a user as user, uid, user:group or uid:gid",
    )?;
    Ok(text.into_inner())
}

fn time(seconds: &Spanned<f64>) -> Result<Duration, Mistake> {
    let is_time = *seconds.get_ref() > 0.0 && *seconds.get_ref() <= MAX_TIMEOUT;
    require(
        seconds,
        is_time,
        "write a time in seconds, at most a day (86400)",
    )?;
    Ok(Duration::from_secs_f64(*seconds.get_ref()))
}

fn pattern(text: &Spanned<String>) -> Result<Regex, Mistake> {
    RegexBuilder::new(text.get_ref())
        .multi_line(true)
        .build()
        .map_err(|error| {
            // The last line says what is wrong, those before it show where; the place is shown here anyway.
            let error = error.to_string();
            let reason = error.lines().next_back().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            (text.span(), format!("not a regular expression: {reason}"))
        })
}

/// `METHOD /path`, and a header on each further line. Each line ends up on a line of its own in the request, so
/// nothing that ends one may stand within.
fn request(text: &Spanned<String>) -> Result<Request, Mistake> {
    let mut lines = text.get_ref().split('\n');
    let first = lines.next().unwrap_or_default();
    let wrong = "write a request as \"GET /path\", and headers as \"Name: value\" on further lines";
    let is_clean = !text
        .get_ref()
        .contains(|c: char| c.is_control() && c != '\n');
    let (method, path) = first.split_once(' ').unwrap_or_default();
    let is_method = !method.is_empty() && method.chars().all(|c| c.is_ascii_uppercase());
    let is_path = path.starts_with('/') && !path.contains(' ');
    require(text, is_clean && is_method && is_path, wrong)?;
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        let is_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let is_header = !name.is_empty() && name.chars().all(is_name);
        require(text, is_header, wrong)?;
        Ok((name.to_owned(), value.trim().to_owned()))
    });
    Ok(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers.collect::<Result<_, _>>()?,
    })
}
