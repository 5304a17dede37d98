//! What the user of an image does with it: commands, what they are given, and what is expected of them.
//!
//! `docs/checks.md` describes the file. Here is what it means; `checks/file.rs` is its form.

mod file;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ounce_sandbox::InputFile;
use regex::bytes::Regex;

use crate::error::CommandError;
use crate::written;

/// Files that a check puts into an image are at most this large together; so is all of checks.toml.
const MAX_FILE: u64 = 64 << 20;
/// The time that a check has when it does not say.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One thing that a user does with an image.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    /// What the user does; no other check has this name.
    pub(crate) name: String,
    /// The program and its arguments; empty to run the image as it is.
    pub(crate) command: Vec<String>,
    /// Whether the image's entrypoint goes before the command.
    pub(crate) entrypoint: bool,
    /// Put into the container before it starts.
    pub(crate) files: Vec<InputFile>,
    /// Standard input.
    pub(crate) stdin: Vec<u8>,
    /// Added to the image's environment.
    pub(crate) env: BTreeMap<String, String>,
    /// In place of the image's.
    pub(crate) user: Option<String>,
    /// In place of the image's.
    pub(crate) workdir: Option<PathBuf>,
    /// The exit status that the original must have; of a service, that of its probes.
    pub(crate) exit: i32,
    /// Each must match in the original's standard output, or a service's answers.
    pub(crate) expect: Vec<Regex>,
    /// What matches a line of output or the path of a file may differ.
    pub(crate) ignore: Vec<Regex>,
    /// The longest time.
    pub(crate) timeout: Duration,
    /// How it is talked to, if it is a server.
    pub(crate) service: Option<Service>,
}

/// How a server is talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    /// The port that it listens on when it is ready.
    pub(crate) ready_port: u16,
    /// Asked in this order.
    pub(crate) http: Vec<Request>,
    /// Texts that are sent as they are, each on a connection of its own.
    pub(crate) tcp: Vec<String>,
    /// Commands that are run beside it.
    pub(crate) probe: Vec<Vec<String>>,
    /// Whether it is stopped by the image's signal, and its exit status compared.
    pub(crate) stop: bool,
}

/// A request of HTTP without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// `GET`, ...
    pub(crate) method: String,
    /// The path, with its query.
    pub(crate) path: String,
    /// Names and values.
    pub(crate) headers: Vec<(String, String)>,
}

impl Check {
    /// Reads a file of checks.
    ///
    /// # Errors
    /// It cannot be read, or something in it makes no sense; the message shows the place.
    pub(crate) fn read(path: &Path) -> Result<Vec<Self>, CommandError> {
        written::read(path, MAX_FILE, file::File::checks)
    }

    /// A check of one command as it would be typed into a shell: it must succeed.
    ///
    /// # Errors
    /// The words need a shell to be understood, or there are none.
    pub(crate) fn of_words(text: &str) -> Result<Self, CommandError> {
        let command = words::split(text)
            .map_err(|why| CommandError::input(format_args!("--check {text:?}: {why}")))?;
        Ok(Self {
            name: text.to_owned(),
            command,
            entrypoint: false,
            files: Vec::new(),
            stdin: Vec::new(),
            env: BTreeMap::new(),
            user: None,
            workdir: None,
            exit: 0,
            expect: Vec::new(),
            ignore: Vec::new(),
            timeout: TIMEOUT,
            service: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Check>, String> {
        written::parse(text, file::File::checks).map_err(|(span, message)| {
            let line = text[..span.start].matches('\n').count() + 1;
            format!("{line} {:?}: {message}", &text[span])
        })
    }

    fn example() -> &'static str {
        let page = include_str!("../../../docs/checks.md");
        let example = page.split("```toml\n").nth(1).unwrap();
        example.split("```").next().unwrap()
    }

    #[test]
    fn the_documented_file_is_understood() {
        let checks = parse(example()).unwrap();
        let [convert, server] = checks.as_slice() else {
            panic!("{checks:?}")
        };
        assert_eq!(convert.command, ["convert", "/data/a.csv", "-"]);
        assert!(convert.entrypoint && server.command.is_empty());
        let files: Vec<_> = convert
            .files
            .iter()
            .map(|f| (f.path.to_str().unwrap(), f.mode))
            .collect();
        assert_eq!(
            files,
            [
                ("/data/a.csv", 0o644),
                ("/data/filter.sh", 0o755),
                ("/data/logo.png", 0o644)
            ]
        );
        assert_eq!(convert.files[2].content, b"\x89PNG");
        assert_eq!(convert.stdin, b"yes\n");
        assert_eq!(convert.env["LANG"], "C.UTF-8");
        assert_eq!(convert.user.as_deref(), Some("1000:1000"));
        assert_eq!(convert.workdir.as_deref(), Some(Path::new("/data")));
        assert_eq!(
            (convert.exit, convert.timeout),
            (3, Duration::from_secs(120))
        );
        assert!(convert.expect[0].is_match(b"one\n2 rows\n"));
        assert!(convert.ignore[0].is_match(b"took 3 seconds"));
        let service = server.service.as_ref().unwrap();
        assert_eq!((service.ready_port, service.stop), (8080, true));
        assert_eq!(
            service.http[1].headers,
            [("Accept".to_owned(), "text/html".to_owned())]
        );
        assert_eq!(service.tcp, ["PING\r\n"]);
        assert_eq!(service.probe, [["tool", "status"], ["tool", "list"]]);
    }

    #[test]
    fn what_is_not_said_has_its_usual_meaning() {
        let checks = parse("[[check]]\nname = 'a'\ncommand = ['x']\n").unwrap();
        let check = &checks[0];
        assert!(!check.entrypoint && check.service.is_none() && check.user.is_none());
        assert_eq!((check.exit, check.timeout), (0, TIMEOUT));
        let text = "[[check]]\nname = 'a'\nservice = { ready_port = 80, probe = ['a', 'b'] }";
        let service = parse(text).unwrap().remove(0).service.unwrap();
        assert_eq!(service.probe, [["a", "b"]]);
        assert!(!service.stop);
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        for (text, wrong) in [
            (
                "comand = ['x']",
                "3 \"comand\": unknown field `comand`, expected one of",
            ),
            ("comand = ['x']", "; did you mean `command`?"),
            ("command = 'x y'", "3 \"'x y'\": invalid type: string"),
            ("command = ['']", "begins with a program"),
            (
                "command = ['a', \"\\u0000\"]",
                "3 \"['a', \\\"\\\\u0000\\\"]\": an argument cannot hold a NUL",
            ),
            (
                "files = { 'data/x' = '' }",
                "3 \"'data/x'\": this is not an absolute path",
            ),
            ("files = { '/a/../x' = '' }", "has no .."),
            ("files = { '/' = '' }", "this is a folder"),
            (
                "base64_files = { '/a' = '*' }",
                "3 \"'*'\": this is not base64",
            ),
            (
                "files = { '/a' = '' }\nbase64_files = { '//a' = '' }",
                "4 \"'//a'\": this file is given twice",
            ),
            ("workdir = 'x'", "3 \"'x'\": this is not an absolute path"),
            ("user = 'a:b:c'", "3 \"'a:b:c'\": write a user as"),
            (
                "env = { 'A=B' = '' }",
                "3 \"'A=B'\": this is not a name of a variable",
            ),
            ("exit = 256", "3 \"256\": invalid value: integer `256`"),
            ("exit = -1", "3 \"-1\": invalid value"),
            ("timeout = 0", "3 \"0\": write a time in seconds"),
            ("timeout = nan", "write a time in seconds"),
            (
                "expect = ['a', '(b']",
                "3 \"'(b'\": not a regular expression: unclosed group",
            ),
            (
                "ignore = ['a', 'b(?=c)']",
                "3 \"'b(?=c)'\": not a regular expression: look-around",
            ),
            ("service = {}", "3 \"{}\": missing field `ready_port`"),
            ("service = { ready_port = 0 }", "3 \"0\": 0 is not a port"),
            (
                "service = { ready_port = 1, http = ['/x'] }",
                "3 \"'/x'\": write a request as",
            ),
            (
                "service = { ready_port = 1, http = [\"GET /x\\nA\"] }",
                "write a request as",
            ),
            (
                "service = { ready_port = 1, http = [\"GET /x\\r\\nA: b\"] }",
                "write a request as",
            ),
            (
                "service = { ready_port = 1, probe = [['']] }",
                "a probe needs a program",
            ),
            (
                "service = { ready_port = 1, probe = 'x' }",
                "a program and its arguments as a list",
            ),
            (
                "service = { ready_port = 1, prob = ['x'] }",
                "did you mean `probe`?",
            ),
            (
                "stdin = 'x'\nservice = { ready_port = 1 }",
                "3 \"'x'\": a service has no standard input",
            ),
            (
                "\n[[check]]\nname = 'a'",
                "5 \"'a'\": another check has this name",
            ),
            ("\n[[check]]\nname = ' '", "a check needs a name"),
            ("\n[[check]]\nname = \"a\\nb\"", "one line"),
            ("\n[[check]]\nexit = 1", "missing field `name`"),
            ("\n[check]\n", "duplicate key"),
        ] {
            let error = parse(&format!("[[check]]\nname = 'a'\n{text}")).unwrap_err();
            assert!(error.contains(wrong), "{text}\n{error}\n{wrong}");
        }
        let error = parse("[[chek]]\nname = 'a'").unwrap_err();
        assert!(error.contains("unknown field `chek`"), "{error}");
    }

    #[test]
    fn the_published_schema_is_up_to_date() {
        crate::published::assert_read::<file::File>("checks");
    }
}
