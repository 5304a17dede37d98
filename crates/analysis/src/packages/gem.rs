//! Ruby gems: `specifications/*.gemspec` of every gem folder, with `default/` for the gems that
//! are part of Ruby (guides.rubygems.org, "Specification Reference").
//!
//! A specification is Ruby code. RubyGems writes it in one way when it installs a gem
//! (`Gem::Specification#to_ruby`), and that is what is read; nothing is run.

use ounce_image::{NodeId, Tree, display};

use super::{Ecosystem, Package, Strength, below, locate, text};
use crate::finding::Problem;

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let mut packages = Vec::new();
    for record in tree.walk(Tree::ROOT) {
        let stem = tree.name(record).strip_suffix(b".gemspec");
        let (Some(stem), true) = (stem, tree.is_file(record)) else {
            continue;
        };
        let folder = tree.parent(record);
        let (is_default, specifications) = match tree.name(folder) {
            b"default" => (true, tree.parent(folder)),
            _ => (false, folder),
        };
        if tree.name(specifications) != b"specifications" {
            continue;
        }
        let Some(content) = text(tree, record, problems) else {
            continue;
        };
        let gems = tree.parent(specifications);
        let spec = Spec::parse(&content, &display(stem));
        let mut files = installed(tree, gems, stem);
        if is_default {
            files.extend(
                spec.files
                    .iter()
                    .filter_map(|file| match spec.program(file) {
                        Some(program) => program_file(tree, gems, program),
                        None => library(tree, gems, file),
                    }),
            );
        }
        files.push(record);
        packages.push(Package {
            ecosystem: Ecosystem::Gem,
            name: spec.name,
            version: spec.version,
            prefix: gems,
            record,
            strength: Strength::Inside,
            files,
            depends: spec.depends,
            provides: Vec::new(),
            source: None,
            requested: None,
        });
    }
    packages
}

/// The folders and files that carry a gem's full name, `NAME-VERSION[-PLATFORM]`.
fn installed(tree: &Tree<'_>, gems: NodeId, full_name: &[u8]) -> Vec<NodeId> {
    let child = |folder: NodeId, name: &[u8]| tree.child(folder, name);
    let list = |name: &[u8]| child(gems, name).into_iter().flat_map(|f| tree.children(f));
    // extensions/PLATFORM/API/FULL-NAME
    let extensions = list(b"extensions")
        .flat_map(|platform| tree.children(platform))
        .filter_map(|api| child(api, full_name));
    let info = [full_name, b".info"].concat();
    let named = [
        (&b"gems"[..], full_name),
        (b"doc", full_name),
        (b"build_info", &info),
    ];
    let named = named
        .iter()
        .filter_map(|(folder, name)| child(child(gems, folder)?, name));
    named
        .chain(extensions)
        .flat_map(|part| below(tree, part))
        .collect()
}

/// A file of a default gem, which lies in Ruby's own library: for gems in `lib/ruby/gems/3.1.0`
/// that is `lib/ruby/3.1.0`, for compiled parts a folder in it, or Debian's `lib/ARCH/ruby/3.1.0`
/// (`Gem::Commands::ContentsCommand#files_in_default_gem`).
fn library(tree: &Tree<'_>, gems: NodeId, file: &str) -> Option<NodeId> {
    let abi = tree.name(gems);
    let ruby = tree.parent(tree.parent(gems));
    let own = tree.child(ruby, abi)?;
    let is_file = |node: &NodeId| tree.leaf_of(*node).is_some();
    if !file.ends_with(".so") {
        return locate(tree, own, file.as_bytes()).filter(is_file);
    }
    let debian = tree
        .children(tree.parent(ruby))
        .filter_map(|arch| tree.child(tree.child(arch, b"ruby")?, abi));
    tree.children(own)
        .chain(debian)
        .filter_map(|arch| locate(tree, arch, file.as_bytes()))
        .find(is_file)
}

/// A program of a default gem, which lies in the `bin` beside the `lib` of Ruby.
fn program_file(tree: &Tree<'_>, gems: NodeId, name: &str) -> Option<NodeId> {
    let prefix = tree.parent(tree.parent(tree.parent(tree.parent(gems))));
    let bin = tree.child(prefix, b"bin")?;
    locate(tree, bin, name.as_bytes()).filter(|node| tree.leaf_of(*node).is_some())
}

/// What is needed of a specification.
#[derive(Debug, Default, PartialEq, Eq)]
struct Spec {
    name: String,
    version: String,
    files: Vec<String>,
    /// The folder of its programs.
    bindir: String,
    depends: Vec<String>,
}

impl Spec {
    /// Reads a specification line by line; `full_name` is that of its file.
    fn parse(content: &str, full_name: &str) -> Self {
        let mut out = Self::from_full_name(full_name);
        let (mut runtime, mut any, mut development) = (Vec::new(), Vec::new(), Vec::new());
        for line in content.lines().map(str::trim) {
            let Some((subject, rest)) = line.split_once('.') else {
                continue;
            };
            if !subject.chars().all(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let (attribute, value) = rest.split_at(end.unwrap_or(rest.len()));
            match attribute {
                "name" => out.name = strings(value).next().unwrap_or(out.name),
                "version" => out.version = strings(value).next().unwrap_or(out.version),
                "files" => out.files = strings(value).collect(),
                "bindir" => out.bindir = strings(value).next().unwrap_or_default(),
                "add_runtime_dependency" => runtime.extend(strings(value).next()),
                "add_dependency" => any.extend(strings(value).next()),
                "add_development_dependency" => development.extend(strings(value).next()),
                _ => {}
            }
        }
        // Older versions write everything once more for still older ones, which knew one kind.
        any.retain(|name| !development.contains(name));
        out.depends = if runtime.is_empty() { any } else { runtime };
        out.depends.sort_unstable();
        out.depends.dedup();
        out
    }

    /// The name of a program among the files, below the folder of programs.
    fn program<'f>(&self, file: &'f str) -> Option<&'f str> {
        let bindir = match self.bindir.as_str() {
            "" => "bin",
            bindir => bindir,
        };
        file.strip_prefix(bindir)?.strip_prefix('/')
    }

    /// `NAME-VERSION[-PLATFORM]`, where only a version begins with a digit.
    fn from_full_name(full_name: &str) -> Self {
        let mut starts = full_name.match_indices('-').map(|(at, _)| at);
        let at = starts.find(|at| full_name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
        let (name, version) = at.map_or((full_name, ""), |at| {
            (&full_name[..at], &full_name[at + 1..])
        });
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            ..Self::default()
        }
    }
}

/// The string literals in a piece of Ruby: `"x"`, `'x'`, `%q<x>`, `%q{x}`, `%q(x)`. Escapes stay as
/// they are written; names and paths of gems hold none.
fn strings(code: &str) -> impl Iterator<Item = String> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let start = rest.find(['"', '\'', '%'])?;
        let (skip, close) = match &rest.as_bytes()[start..] {
            [b'%', b'q' | b'Q', open @ (b'<' | b'{' | b'('), ..] => (3, closing(*open)),
            [b'%', ..] => {
                rest = &rest[start + 1..];
                return Some(None);
            }
            [quote, ..] => (1, char::from(*quote)),
            [] => return None,
        };
        let tail = &rest[start + skip..];
        let end = tail.find(close)?;
        rest = &tail[end + 1..];
        Some(Some(tail[..end].to_owned()))
    })
    .flatten()
}

fn closing(open: u8) -> char {
    match open {
        b'<' => '>',
        b'{' => '}',
        _ => ')',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::packages;

    #[test]
    fn gems_own_what_carries_their_name() {
        let found = packages(&[
            (
                "g/3.1.0/specifications/a-1.0.gemspec",
                b"s.name = \"a\".freeze\n",
            ),
            ("g/3.1.0/gems/a-1.0/lib/a.rb", b""),
            ("g/3.1.0/gems/a-1.0.1/lib/a.rb", b""),
            ("g/3.1.0/extensions/x86_64-linux/3.1.0/a-1.0/a.so", b""),
            ("src/a.gemspec", b""),
        ]);
        let (gem, ext) = (
            "gems/a-1.0/lib/a.rb",
            "extensions/x86_64-linux/3.1.0/a-1.0/a.so",
        );
        let own = "specifications/a-1.0.gemspec";
        assert_eq!(
            found,
            [format!(
                "a 1.0: /g/3.1.0/{ext} /g/3.1.0/{gem} /g/3.1.0/{own} > "
            )]
        );
    }

    #[test]
    fn default_gems_own_their_part_of_the_library() {
        let spec = "l/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec";
        let found = packages(&[
            (
                spec,
                b"s.bindir = \"exe\".freeze\ns.files = [\"json.rb\", \"json/ext/p.so\", \"exe/j\"]\n",
            ),
            ("bin/j", b""),
            ("l/ruby/3.1.0/json.rb", b""),
            ("l/x86_64-linux-gnu/ruby/3.1.0/json/ext/p.so", b""),
        ]);
        let files = "/l/ruby/3.1.0/json.rb /l/ruby/gems/3.1.0/specifications/default";
        let ext = "/l/x86_64-linux-gnu/ruby/3.1.0/json/ext/p.so";
        assert_eq!(
            found,
            [format!(
                "json 2.6.1: /bin/j {files}/json-2.6.1.gemspec {ext} > "
            )]
        );
    }

    #[test]
    fn what_rubygems_writes_is_read() {
        let text = "# -*- encoding: utf-8 -*-\n# stub: net-pop 0.1.1 ruby lib\n\n\
            Gem::Specification.new do |s|\n  s.name = \"net-pop\".freeze\n  \
            s.version = \"0.1.1\"\n  s.files = [\"lib/a.rb\".freeze, 'b %.so']\n  \
            if s.respond_to? :specification_version then\n    \
            s.add_runtime_dependency(%q<net-protocol>.freeze, [\">= 0\"])\n  else\n    \
            s.add_dependency(%q<net-protocol>.freeze, [\">= 0\"])\n    \
            s.add_development_dependency(%q<rake>.freeze, [\">= 0\"])\n    \
             s.add_dependency(%q<rake>.freeze, [\">= 0\"])\n  end\nend\n";
        let spec = Spec {
            name: "net-pop".into(),
            version: "0.1.1".into(),
            files: vec!["lib/a.rb".into(), "b %.so".into()],
            bindir: String::new(),
            depends: vec!["net-protocol".into()],
        };
        assert_eq!(Spec::parse(text, "x-1"), spec);
    }

    #[test]
    fn a_name_that_is_computed_is_that_of_the_file() {
        let spec = Spec::parse("s.version = VERSION\ns.name = NAME\n", "a-b-1.2.pre-x86");
        assert_eq!((&*spec.name, &*spec.version), ("a-b", "1.2.pre-x86"));
        assert_eq!(Spec::from_full_name("tool").name, "tool");
        assert_eq!(strings("%q<a").count() + strings("\"").count(), 0);
    }
}
