//! Go and Rust programs that say what they were built from. The program is a package that owns
//! itself where no other package does; its modules or crates are packages without files.
//!
//! Every file is looked at, whatever its name and mode, but only its first bytes and, of ELF files,
//! the tables.

use ounce_image::{Blob, NodeId, Tree, display};
use rayon::prelude::*;

use super::{Ecosystem, Package, Strength};
use crate::finding::Problem;
use crate::inspect::JOB;
use crate::inspect::auditable::{self, Crate, Kind};
use crate::inspect::go::{self, BuildInfo, Module};
use crate::inspect::sections;

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let leaves: Vec<_> = tree.leaves().collect();
    let found: Vec<_> = leaves
        .par_iter()
        .with_max_len(JOB)
        .filter_map(|leaf| {
            let names = &tree.leaf(*leaf).names;
            let record = names.first().copied().filter(|name| tree.is_file(*name))?;
            let (contents, reasons) = inspect(&tree.read(*leaf));
            Some((names, record, contents, reasons))
        })
        .filter(|(_, _, contents, reasons)| !contents.is_empty() || !reasons.is_empty())
        .collect();
    let mut packages = Vec::new();
    for (names, record, contents, reasons) in found {
        problems.extend(reasons.into_iter().map(|reason| Problem {
            path: tree.path(record),
            reason,
        }));
        for contents in contents {
            let mut parts = contents.packages(tree, record);
            if let Some(program) = parts.first_mut() {
                program.files.clone_from(names);
            }
            packages.append(&mut parts);
        }
    }
    packages
}

enum Contents {
    Go(BuildInfo),
    Rust(Vec<Crate>),
}

fn inspect(content: &Blob) -> (Vec<Contents>, Vec<String>) {
    let Some(sections) = sections::read(content) else {
        return Default::default();
    };
    let go = go::inspect(content, &sections).map(|info| info.map(Contents::Go));
    let rust = auditable::inspect(content, &sections).map(|list| list.map(Contents::Rust));
    let (mut found, mut reasons) = (Vec::new(), Vec::new());
    for result in [go, rust] {
        match result {
            Ok(contents) => found.extend(contents),
            Err(reason) => reasons.push(reason),
        }
    }
    (found, reasons)
}

impl Contents {
    /// The program, and behind it what it was built from.
    fn packages(self, tree: &Tree<'_>, record: NodeId) -> Vec<Package> {
        let package = |ecosystem, name: &str, version: &str| Package {
            ecosystem,
            name: name.to_owned(),
            version: version.to_owned(),
            prefix: tree.parent(record),
            record,
            strength: Strength::Inside,
            files: Vec::new(),
            depends: Vec::new(),
            provides: Vec::new(),
            source: None,
            requested: None,
        };
        let file = display(tree.name(record));
        match self {
            Self::Go(info) => go_packages(info, &file, |name, version| {
                package(Ecosystem::Go, name, version)
            }),
            Self::Rust(list) => rust_packages(&list, &file, |name, version| {
                package(Ecosystem::Rust, name, version)
            }),
        }
    }
}

/// A program is called as the package that it was built from, which a module may have several of.
fn go_packages(
    info: BuildInfo,
    file: &str,
    package: impl Fn(&str, &str) -> Package,
) -> Vec<Package> {
    // What `go build FILE.go` gives its package.
    let is_named = !matches!(info.path.as_str(), "" | "command-line-arguments");
    let main = info.main.as_ref();
    let name = match main {
        _ if is_named => &info.path,
        Some(module) => &module.path,
        None => file,
    };
    // Programs of Go itself are in no module and have its version.
    let version = main.map_or(info.go.as_str(), |module| &module.version);
    // The standard library as databases of vulnerabilities call it (vuln.go.dev, "stdlib").
    let library = Module {
        path: "stdlib".to_owned(),
        version: info.go.strip_prefix("go").unwrap_or(&info.go).to_owned(),
        replaces: None,
    };
    let modules = info.modules.iter().chain([&library]);
    let modules: Vec<Package> = modules
        .map(|module| Package {
            provides: module.replaces.iter().cloned().collect(),
            ..package(&module.path, &module.version)
        })
        .collect();
    let program = Package {
        depends: modules.iter().map(|module| module.name.clone()).collect(),
        provides: main
            .iter()
            .map(|module| module.path.clone())
            .filter(|path| path != name)
            .collect(),
        ..package(name, version)
    };
    std::iter::once(program).chain(modules).collect()
}

/// Crates that only ran while the program was built are not in it.
fn rust_packages(
    list: &[Crate],
    file: &str,
    package: impl Fn(&str, &str) -> Package,
) -> Vec<Package> {
    let depends = |part: &Crate| {
        let parts = part.dependencies.iter().filter_map(|at| list.get(*at));
        parts
            .filter(|part| part.kind == Kind::Runtime)
            .map(|part| part.name.clone())
            .collect()
    };
    let described = |part: &Crate| Package {
        depends: depends(part),
        ..package(&part.name, &part.version)
    };
    let program = list.iter().find(|part| part.root);
    let program = program.map_or_else(|| package(file, ""), described);
    let crates = list
        .iter()
        .filter(|part| !part.root && part.kind == Kind::Runtime)
        .map(described);
    std::iter::once(program).chain(crates).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use crate::testing::{elf, packages};

    const MODULES: &str = "<<<<<<<<<<<<<<<<path\tex.org/t/cmd/t\nmod\tex.org/t\tv1.0.0\th1:x=\n\
        dep\tex.org/a\tv0.1.0\th1:y=\n>>>>>>>>>>>>>>>>";
    const WANTED: [&str; 3] = [
        "ex.org/t/cmd/t v1.0.0: /bin/t > ex.org/a stdlib",
        "ex.org/a v0.1.0:  > ",
        "stdlib 1.22.1:  > ",
    ];

    fn go(flags: u8) -> Vec<u8> {
        let mut out = [b"\xff Go buildinf:\x08", &[flags][..]].concat();
        out.resize(32, 0);
        out
    }

    #[test]
    fn go_programs_are_read() {
        let length = [
            0x80 | (MODULES.len() & 0x7f) as u8,
            (MODULES.len() >> 7) as u8,
        ];
        let info = [&go(2), &b"\x08go1.22.1"[..], &length, MODULES.as_bytes()].concat();
        let program = elf(&[(".text", b"x"), (".go.buildinfo", &info)]);
        assert_eq!(packages(&[("bin/t", &program)]), WANTED);
    }

    #[test]
    fn old_go_programs_have_addresses_of_texts() {
        // Sections begin at 128: the header, two strings of Go, and their texts.
        let at = |offset: u64| (0x10000 + 128 + offset).to_le_bytes();
        let mut info = go(0)[..16].to_vec();
        info.extend([at(32), at(48)].concat());
        info.extend([at(64), 8u64.to_le_bytes()].concat());
        info.extend([at(72), (MODULES.len() as u64).to_le_bytes()].concat());
        info.extend(b"go1.22.1");
        info.extend(MODULES.as_bytes());
        let program = elf(&[(".go.buildinfo", &info)]);
        assert_eq!(packages(&[("bin/t", &program)]), WANTED);
    }

    #[test]
    fn crates_of_rust_programs_are_read_without_those_that_built_them() {
        let json = br#"{"packages":[
            {"name":"cc","version":"1","kind":"build"},
            {"name":"t","version":"0.2.0","root":true,"dependencies":[0,2,9]},
            {"name":"log","version":"0.4.1","source":"crates.io"}]}"#;
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(json).unwrap();
        let program = elf(&[(".dep-v0", &packed.finish().unwrap())]);
        let wanted = ["t 0.2.0: /bin/t > log", "log 0.4.1:  > "];
        assert_eq!(packages(&[("bin/t", &program)]), wanted);
    }

    #[test]
    fn damage_is_a_problem() {
        let programs = [
            elf(&[(".go.buildinfo", &go(0))]),
            elf(&[(".go.buildinfo", &[go(2), vec![0xff; 10]].concat())]),
            elf(&[(".dep-v0", b"no zlib")]),
        ];
        for program in programs {
            assert_eq!(packages(&[("bin/t", &program)]), ["problem /bin/t"]);
        }
        let other = elf(&[(".text", b"x")]);
        assert!(packages(&[("bin/t", &other), ("a", b"\x7fELF\x02\x01")]).is_empty());
    }
}
