//! `#!` lines (execve(2), "Interpreter scripts").

/// What starts a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shebang {
    /// The interpreter's path.
    pub interpreter: Vec<u8>,
    /// The program that `env` is asked to find, when the interpreter is `env`.
    pub command: Option<Vec<u8>>,
}

/// The kernel reads no further (`BINPRM_BUF_SIZE` in Linux' include/uapi/linux/binfmts.h).
const MAX_LINE: usize = 256;

/// Reads the `#!` line at the start of a file; `None` when there is none.
pub fn shebang(start: &[u8]) -> Option<Shebang> {
    let line = start.strip_prefix(b"#!")?;
    let line = &line[..line.len().min(MAX_LINE)];
    let line = line.split(|&b| b == b'\n').next()?;
    let mut words = line
        .split(|b| b" \t\r".contains(b))
        .filter(|word| !word.is_empty());
    let interpreter = words.next()?.to_vec();
    let is_env = interpreter.rsplit(|&b| b == b'/').next() == Some(b"env");
    let command = words
        .find(|word| is_env && !word.starts_with(b"-") && !word.contains(&b'='))
        .map(<[u8]>::to_vec);
    Some(Shebang {
        interpreter,
        command,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, Option<String>)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        shebang(line.as_bytes()).map(|s| (text(s.interpreter), s.command.map(text)))
    }

    #[test]
    fn interpreters_and_env_are_told_apart() {
        assert_eq!(read("#!/bin/sh -e\n"), Some(("/bin/sh".into(), None)));
        assert_eq!(
            read("#! /usr/bin/env python3\r\n"),
            Some(("/usr/bin/env".into(), Some("python3".into())))
        );
        assert_eq!(
            read("#!/usr/bin/env -S A=1 perl -w"),
            Some(("/usr/bin/env".into(), Some("perl".into())))
        );
        assert_eq!(read("echo"), None);
        assert_eq!(read("#!\n"), None);
    }
}
