//! Requirements of Python distributions, as `numpy>=1.26; python_version < "3.13"` (PEP 508): the
//! name, when the requirement counts here. What the image does not tell counts as true.

use std::cmp::Ordering;

/// A version of Python as far as the name of its folder tells: `python3.12`.
pub(super) type Python = Option<(u32, u32)>;

/// The name that a requirement speaks of; `None` when its marker says that it does not count: those
/// of extras, other systems and other versions of Python.
pub(super) fn name(requirement: &str, python: Python) -> Option<String> {
    let (spec, marker) = match requirement.split_once(';') {
        Some((spec, marker)) => (spec, Some(marker)),
        None => (requirement, None),
    };
    let spec = spec.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name = &spec[..spec.find(|c| !is_name(c)).unwrap_or(spec.len())];
    let counts = marker.is_none_or(|marker| {
        let mut parser = Parser {
            tokens: tokens(marker),
            python,
            depth: 0,
        };
        parser.tokens.reverse();
        parser.any() != Some(false)
    });
    (counts && !name.is_empty()).then(|| name.to_owned())
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Text(String),
    /// A variable, `and`, `or`, `in`, `not`.
    Word(String),
    /// `==`, `(` and the like.
    Sign(String),
}

fn tokens(marker: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = marker.trim_start();
    while let Some(first) = rest.chars().next() {
        let end_of = |is_part: fn(char) -> bool| rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let end = match first {
            '\'' | '"' => {
                let text = rest[1..].split(first).next().unwrap_or_default();
                out.push(Token::Text(text.to_owned()));
                (text.len() + 2).min(rest.len())
            }
            '(' | ')' => 1,
            c if "<>=!~".contains(c) => end_of(|c| "<>=!~".contains(c)),
            c if c.is_alphanumeric() => end_of(|c| c.is_alphanumeric() || "_.".contains(c)),
            c => c.len_utf8(),
        };
        let token = &rest[..end];
        match first {
            '\'' | '"' => {}
            c if c.is_alphanumeric() => out.push(Token::Word(token.to_owned())),
            _ => out.push(Token::Sign(token.to_owned())),
        }
        rest = rest[end..].trim_start();
    }
    out
}

/// How deep parentheses are followed; what is deeper is not known.
const MAX_DEPTH: usize = 32;

/// Evaluates a marker; `None` is what is not known.
struct Parser {
    /// The last one comes next.
    tokens: Vec<Token>,
    python: Python,
    depth: usize,
}

impl Parser {
    fn word(&mut self, wanted: &str) -> bool {
        let is_next = matches!(self.tokens.last(), Some(Token::Word(word)) if word == wanted);
        if is_next {
            self.tokens.pop();
        }
        is_next
    }

    fn any(&mut self) -> Option<bool> {
        let mut out = self.all();
        while self.word("or") {
            out = match (out, self.all()) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
        }
        out
    }

    fn all(&mut self) -> Option<bool> {
        let mut out = self.one();
        while self.word("and") {
            out = match (out, self.one()) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        out
    }

    fn one(&mut self) -> Option<bool> {
        let left = self.tokens.pop()?;
        if left == Token::Sign("(".to_owned()) {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                self.tokens.clear();
                return None;
            }
            let inner = self.any();
            self.tokens.pop();
            self.depth -= 1;
            return inner;
        }
        let sign = match self.tokens.pop()? {
            Token::Sign(sign) => sign,
            Token::Word(word) if word == "in" => word,
            // `not in`
            Token::Word(_) => {
                self.tokens.pop();
                "not in".to_owned()
            }
            Token::Text(_) => return None,
        };
        let right = self.tokens.pop()?;
        match (left, right) {
            (Token::Word(variable), Token::Text(text)) => self.compare(&variable, &sign, &text),
            (Token::Text(text), Token::Word(variable)) => {
                self.compare(&variable, mirrored(&sign)?, &text)
            }
            _ => None,
        }
    }

    fn compare(&self, variable: &str, sign: &str, text: &str) -> Option<bool> {
        let value = match variable {
            "os_name" | "os.name" => "posix",
            "sys_platform" | "sys.platform" => "linux",
            "platform_system" => "Linux",
            // Which extras were asked for is written nowhere.
            "extra" => "",
            "python_version" => return versions(self.python?, sign, text),
            _ => return None,
        };
        match sign {
            "==" | "===" => Some(value == text),
            "!=" => Some(value != text),
            "in" => Some(text.contains(value)),
            "not in" => Some(!text.contains(value)),
            _ => None,
        }
    }
}

/// The sign with both sides changed over.
fn mirrored(sign: &str) -> Option<&'static str> {
    Some(match sign {
        "==" => "==",
        "!=" => "!=",
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        _ => return None,
    })
}

fn versions(python: (u32, u32), sign: &str, text: &str) -> Option<bool> {
    let mut wanted: Vec<u32> = text
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    // 3 is 3.0 (PEP 440, "Public version identifiers").
    wanted.resize(wanted.len().max(2), 0);
    let order = [python.0, python.1].as_slice().cmp(&wanted);
    Some(match sign {
        "==" | "===" => order == Ordering::Equal,
        "!=" => order != Ordering::Equal,
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        ">=" => order != Ordering::Less,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(marker: &str) -> bool {
        name(&format!("tool[x]>=1 ; {marker}"), Some((3, 11))).is_some()
    }

    #[test]
    fn the_name_ends_where_anything_else_begins() {
        let wanted = [
            ("numpy", "numpy"),
            ("ruamel.yaml.clib>=0.2.7", "ruamel.yaml.clib"),
            ("importlib-metadata (>=4)", "importlib-metadata"),
            ("pip @ file:///x", "pip"),
        ];
        for (requirement, wanted) in wanted {
            assert_eq!(name(requirement, None).as_deref(), Some(wanted));
        }
        assert_eq!(name(" ; x", None), None);
    }

    #[test]
    fn markers_of_this_system_count() {
        assert!(counts(
            "sys_platform == 'linux' and python_version >= \"3.9\""
        ));
        assert!(counts(
            "(os_name == 'nt' or platform_system != \"Windows\")"
        ));
        assert!(counts("'3.8' < python_version"));
        assert!(counts("sys_platform in 'linux darwin'"));
    }

    #[test]
    fn markers_of_others_do_not() {
        assert!(!counts("extra == 'test'"));
        assert!(!counts(
            "python_version < '3.9' and platform_machine == 'x86_64'"
        ));
        assert!(!counts("sys_platform == 'win32' or python_version<='3'"));
        assert!(!counts("sys_platform not in 'linux'"));
    }

    #[test]
    fn what_is_not_known_counts() {
        for marker in [
            "platform_machine == 'arm64'",
            "python_version ~= '3.8'",
            "x",
            "'",
            "((",
        ] {
            assert!(counts(marker), "{marker}");
        }
        assert!(name("a; python_version < '3'", None).is_some());
        assert!(counts(&"(".repeat(100_000)));
    }
}
