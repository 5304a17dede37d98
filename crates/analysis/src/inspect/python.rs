//! What a Python source imports, and what it says that may become an import.
//!
//! The source is parsed, never run: imports count wherever they stand, in functions, under `try` and
//! under `if TYPE_CHECKING` too. Names that are put together when the program runs are kept as
//! [`Pattern`]s, texts as they are written; what they lead to is for others to say.

mod depth;
mod strings;
mod visit;
mod warnings;

use ruff_python_ast::PySourceType;
use ruff_python_parser::parse_unchecked_source;

pub use strings::Strings;

/// The longest source that is read, in bytes; a longer one is not understood.
pub const MAX_SOURCE: u64 = 8 << 20;

/// What a source says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Modules that it imports by a name that is written out, sorted, each once.
    pub imports: Vec<Import>,
    /// Names of modules that are put together when it runs.
    pub dynamic: Vec<Pattern>,
    /// Texts that are one word: names, paths, dotted names.
    pub strings: Strings,
    /// Where it may have names from.
    pub looks: Looks,
    /// Whether a function or method in it is a test by its name (docs.pytest.org, "Conventions for
    /// Python test discovery"; unittest does the same).
    pub holds_tests: bool,
    /// Why compiling it writes a warning, which a compiled file beside it silences.
    pub warning: Option<&'static str>,
}

/// An imported module (The Python Language Reference, 7.11).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The number of dots before a relative name; 0 for an absolute one.
    pub level: u32,
    /// The dotted name; empty in `from . import x`.
    pub module: Box<str>,
    /// What is taken from the module, which may be a module itself; `*` for everything.
    pub name: Option<Box<str>>,
}

/// The name of a module of which only parts are written out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(pub Vec<Part>);

/// A part of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Written out.
    Text(Box<str>),
    /// `__name__` or `__package__`: the module's own name, or its package's.
    Own,
    /// Anything.
    Any,
}

/// Where a source may have names from that are not written in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Looks {
    /// What lies in folders (`os.listdir`).
    pub folders: bool,
    /// The modules of packages (`pkgutil.iter_modules`).
    pub packages: bool,
    /// Whoever starts the program (`sys.argv`, `os.environ`).
    pub input: bool,
}

/// Reads a source. What cannot be parsed gives the facts up to there, and the reason.
pub fn inspect(source: &[u8]) -> (Facts, Option<String>) {
    let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    let Ok(text) = std::str::from_utf8(source) else {
        return problem("it is not UTF-8");
    };
    if let Some(encoding) = foreign_encoding(text) {
        return problem(&format!("it is written in {encoding}"));
    }
    if depth::is_too_deep(text) {
        return problem("it is nested too deeply");
    }
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    let mut facts = visit::facts(parsed.suite());
    facts.warning = facts
        .warning
        .or_else(|| warnings::in_tokens(text, parsed.tokens()));
    let error = parsed.errors().first().map(ToString::to_string);
    (facts, error)
}

fn problem(reason: &str) -> (Facts, Option<String>) {
    (Facts::default(), Some(reason.to_owned()))
}

/// An encoding other than UTF-8 and those that agree with it on what is UTF-8 here (PEP 263: a
/// comment in one of the first two lines).
fn foreign_encoding(text: &str) -> Option<&str> {
    let comments = text.lines().take(2).map(str::trim_start);
    let declared = comments
        .filter(|line| line.starts_with('#'))
        .find_map(|line| {
            let rest = &line[line.find("coding")? + "coding".len()..];
            let name = rest.strip_prefix([':', '='])?.trim_start();
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
            Some(&name[..end.unwrap_or(name.len())])
        })?;
    let plain = declared.to_ascii_lowercase().replace('_', "-");
    let is_known = ["utf-8", "utf8", "ascii", "us-ascii", "utf-8-unix"].contains(&plain.as_str());
    let is_latin = plain.starts_with("latin") || plain.starts_with("iso-8859");
    let agrees = is_known || (is_latin && text.is_ascii());
    (!agrees).then_some(declared)
}

/// The modules that the lines of a `.pth` file import: `site` executes those that begin with
/// `import` (docs.python.org/3/library/site.html).
pub fn pth(content: &[u8]) -> Facts {
    let is_code = |line: &&[u8]| line.starts_with(b"import ") || line.starts_with(b"import\t");
    let code: Vec<&[u8]> = content
        .split(|&b| b == b'\n')
        .filter(is_code)
        .map(<[u8]>::trim_ascii)
        .collect();
    inspect(&code.join(&b'\n')).0
}

/// The modules of `entry_points.txt`, `name = module:object [extra]` (packaging.python.org, "Entry
/// points specification").
pub fn entry_points(content: &[u8]) -> Facts {
    let text = String::from_utf8_lossy(content);
    let modules = text.lines().filter_map(|line| {
        let (_, value) = line.split_once('=')?;
        let end = value.find([':', '[']).unwrap_or(value.len());
        Some(Import::absolute(value[..end].trim()))
    });
    let mut imports: Vec<_> = modules.filter(|import| !import.module.is_empty()).collect();
    imports.sort();
    imports.dedup();
    Facts {
        imports,
        ..Facts::default()
    }
}

impl Import {
    /// `import module`.
    pub fn absolute(module: &str) -> Self {
        Self {
            level: 0,
            module: module.into(),
            name: None,
        }
    }
}

impl Pattern {
    /// Whether any part of the name is known.
    pub fn is_bound(&self) -> bool {
        self.0.iter().any(|part| *part != Part::Any)
    }

    /// Whether this word is written out in it.
    pub fn writes(&self, word: &str) -> bool {
        let mut texts = self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Own | Part::Any => None,
        });
        texts.any(|text| text.split('.').any(|part| part == word))
    }

    /// Whether the name of a module may be meant; `own` is the name of the module that says so, and
    /// `deep` whether an unknown part may hold dots.
    pub fn may_be(&self, module: &str, own: &str, deep: bool) -> bool {
        let package = own.rsplit_once('.').map_or(own, |(package, _)| package);
        // `__name__` is the package's in `__init__.py`; elsewhere both are possible.
        [own, package]
            .iter()
            .any(|own| matches(&self.0, module, own, deep))
    }
}

fn matches(parts: &[Part], rest: &str, own: &str, deep: bool) -> bool {
    let Some((first, parts)) = parts.split_first() else {
        return rest.is_empty();
    };
    let tail = |text: &str| {
        let tail = rest.strip_prefix(text);
        tail.is_some_and(|tail| matches(parts, tail, own, deep))
    };
    match first {
        Part::Text(text) => tail(text),
        Part::Own => tail(own),
        Part::Any => {
            let end = match deep {
                true => rest.len(),
                false => rest.find('.').unwrap_or(rest.len()),
            };
            let mut ends = (0..=end).filter(|end| rest.is_char_boundary(*end));
            ends.any(|end| matches(parts, &rest[end..], own, deep))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(source: &str) -> Vec<String> {
        let (facts, error) = inspect(source.as_bytes());
        assert_eq!(error, None);
        let show = |import: &Import| {
            let dots = ".".repeat(import.level as usize);
            let name = import.name.as_ref().map(|name| format!(" {name}"));
            format!("{dots}{}{}", import.module, name.unwrap_or_default())
        };
        facts.imports.iter().map(show).collect()
    }

    #[test]
    fn imports_count_wherever_they_stand() {
        let source = "import a.b, c as d\ndef f():\n  try:\n    from e import g, h as i\n  except ImportError: pass\nclass K:\n  from ..l import *\n  from . import m\nx = lambda: __import__('n.o')\n";
        assert_eq!(
            imports(source),
            ["a.b", "c", "e g", "e h", "n.o", ". m", "..l *"]
        );
    }

    #[test]
    fn modules_that_are_run_or_asked_for_count_too() {
        let source = "import_module('a')\nimportlib.import_module('..b', __package__)\nrun([sys.executable, '-m', 'pip', 'list'])\nos.system('python -m c.d --help')\nutil.find_spec(name='e')\nexec('import f; g()')\n";
        assert_eq!(imports(source), ["a", "c.d", "e", "f", "pip", "..b"]);
    }

    #[test]
    fn names_that_are_put_together_are_patterns() {
        let source = "import_module(f'{__name__}.{x}')\nimport_module('a.' + b)\nimport_module('c.%s' % d)\nimport_module('.' + e, package='p')\n__import__(f)\n";
        let (facts, _) = inspect(source.as_bytes());
        let may = |module: &str, own: &str| {
            let patterns = facts.dynamic.iter();
            patterns
                .filter(|pattern| pattern.may_be(module, own, false))
                .count()
        };
        // The variable alone may be any name without a dot.
        assert_eq!(may("k.tests", "k"), 1);
        assert_eq!(may("k.tests", "k.m"), 1);
        assert_eq!(may("a.tests", "k"), 1);
        assert_eq!(may("c.tests", "k"), 1);
        assert_eq!(may("p.tests", "k"), 1);
        assert_eq!(may("a.b.tests", "k"), 0);
        assert_eq!(may("tests", "k"), 1);
    }

    #[test]
    fn what_cannot_be_parsed_gives_the_facts_so_far_and_a_problem() {
        let (facts, error) = inspect(b"import a\nif x y:\n  (\n");
        assert_eq!(facts.imports, [Import::absolute("a")]);
        assert!(error.is_some());
        assert!(inspect(b"\xff\xfe").1.is_some());
        assert!(inspect(b"# coding: utf-7\nimport a\n").1.is_some());
        assert!(
            inspect(b"# -*- coding: latin-1 -*-\nimport a\n")
                .1
                .is_none()
        );
    }

    #[test]
    fn nesting_without_end_is_a_problem_and_no_crash() {
        for deep in ["(", "[", "-", "a.", "1+", "not ", "x[", "lambda:"] {
            let (_, error) = inspect(deep.repeat(100_000).as_bytes());
            assert!(error.is_some(), "{deep}");
        }
        let wide = format!("x = [{}]\n", "'a', ".repeat(100_000));
        assert_eq!(inspect(wide.as_bytes()).1, None);
    }

    #[test]
    fn lines_of_pth_files_and_entry_points_import() {
        let facts = pth(b"/some/folder\nimport os; __import__('_distutils_hack').add_shim()\n");
        let modules: Vec<_> = facts.imports.iter().map(|import| &*import.module).collect();
        assert_eq!(modules, ["_distutils_hack", "os"]);
        let facts = entry_points(b"[pytest11]\nx = a.tests.plugin:hook [extra]\n");
        assert_eq!(facts.imports, [Import::absolute("a.tests.plugin")]);
    }
}
