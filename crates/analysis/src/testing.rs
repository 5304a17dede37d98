//! Decisions on images written as text, for the tests of this crate.

pub(crate) mod assembly;
pub(crate) mod beam;
pub(crate) mod bundle;
pub(crate) mod java;
pub(crate) mod packed;
pub(crate) mod pyinstaller;
pub(crate) mod r;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ounce_image::{Blob, Config, Fate, Layer, Progress, Tree, rewrite};
use ounce_testkit::TestImage;

use crate::packages::Packages;
use crate::plan::{Decision, Options, Plan, plan};
use crate::rules::{Context, Tier};

/// The layers of a test image, opened.
pub(crate) fn layers(image: &TestImage) -> Vec<Layer> {
    let open = |bytes: &Vec<u8>| Layer::plain(Blob::from_bytes(bytes.clone()), "test").unwrap();
    image.layers.iter().map(open).collect()
}

/// What was decided, by path; hidden entries are marked with their layer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decided {
    /// What goes.
    pub(crate) gone: BTreeSet<String>,
    /// What would go in a higher tier.
    pub(crate) offered: BTreeSet<String>,
    /// What a rule found but stays, and why.
    pub(crate) held: BTreeMap<String, String>,
}

/// Decides on an image with every rule.
pub(crate) fn decide(image: &TestImage) -> Decided {
    decide_with(image, &Options::default())
}

/// Decides on an image written as text.
pub(crate) fn decide_text(text: &str) -> Decided {
    decide(&ounce_testkit::image(text))
}

/// Decides on an image written as text, the guarded tier taken too.
pub(crate) fn decide_guarded(text: &str) -> Decided {
    decide_image_guarded(&ounce_testkit::image(text))
}

/// Decides on an image, the guarded tier taken too.
pub(crate) fn decide_image_guarded(image: &TestImage) -> Decided {
    decide_with(image, &Options::default().with_tier(Tier::Guarded))
}

/// The plan for an image with the default options.
pub(crate) fn planned<T>(image: &TestImage, look: impl FnOnce(&Tree<'_>, &Plan) -> T) -> T {
    with_plan(image, &Options::default(), look)
}

fn with_plan<T>(
    image: &TestImage,
    options: &Options,
    look: impl FnOnce(&Tree<'_>, &Plan) -> T,
) -> T {
    let layers = layers(image);
    let tree = Tree::build(&layers).unwrap();
    let config = Config::parse(image.config.to_string().into_bytes(), Path::new("test")).unwrap();
    let packages = Packages::load(&tree, &mut Vec::new());
    let context = Context::new(&tree, &config, &packages);
    let plan = plan(&context, options, &Progress::default()).unwrap();
    look(&tree, &plan)
}

/// Decides on an image with options, and rewrites it to see that the plan can be carried out.
pub(crate) fn decide_with(image: &TestImage, options: &Options) -> Decided {
    with_plan(image, options, decided)
}

fn decided(tree: &Tree<'_>, plan: &Plan) -> Decided {
    rewrite(tree, &plan.edit).unwrap();
    let mut out = Decided::default();
    let units = plan
        .unit_of
        .iter()
        .map(|(node, unit)| (tree.path(*node).to_string(), unit));
    let hidden = plan
        .unit_of_hidden
        .iter()
        .map(|(entry, unit)| (format!("{}@{}", tree.entry(*entry).path, entry.layer), unit));
    for (path, unit) in units.chain(hidden) {
        match &plan.decisions[unit] {
            Decision::Gone => {
                out.gone.insert(path);
            }
            Decision::Offered => {
                out.offered.insert(path);
            }
            Decision::Kept(reason) | Decision::OptIn(reason) => {
                out.held.insert(path, reason.clone());
            }
            Decision::Held(evidence) => {
                out.held.insert(
                    path,
                    format!("{} {} {}", evidence.from, evidence.how, evidence.to),
                );
            }
        }
    }
    out
}

/// Every text file of an image after the guarded tier was taken, by path.
pub(crate) fn rewritten(image: &TestImage) -> BTreeMap<String, String> {
    let options = Options::default().with_tier(Tier::Guarded);
    with_plan(image, &options, |tree, plan| {
        let fates = rewrite(tree, &plan.edit).unwrap();
        let layers = tree.layers().iter().zip(fates);
        let layers: Vec<Layer> = layers
            .filter_map(|(layer, fate)| match fate {
                Fate::Same => Some(layer.clone()),
                Fate::Changed(tar) => Some(Layer::plain(tar, "test").unwrap()),
                Fate::Gone => None,
            })
            .collect();
        let tree = Tree::build(&layers).unwrap();
        let files = tree.walk(Tree::ROOT).filter(|node| tree.is_file(*node));
        let text = |node| {
            let bytes = tree.read(tree.leaf_of(node).unwrap()).read_all(1 << 20);
            String::from_utf8_lossy(&bytes.unwrap()).into_owned()
        };
        files
            .map(|node| (tree.path(node).to_string(), text(node)))
            .collect()
    })
}

/// The paths as a set, for comparing.
pub(crate) fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// Loads the packages of a layer of files, and shows each as `NAME VERSION: FILES > DEPENDS`.
pub(crate) fn packages(files: &[(&str, &[u8])]) -> Vec<String> {
    let layer = Layer::plain(Blob::from_bytes(ounce_testkit::archive(files)), "test").unwrap();
    let layers = [layer];
    let tree = Tree::build(&layers).unwrap();
    let mut problems = Vec::new();
    let packages = Packages::load(&tree, &mut problems);
    let shown = packages.iter().map(|package| {
        let files: BTreeSet<String> = package
            .files
            .iter()
            .map(|file| tree.path(*file).to_string())
            .collect();
        let files: Vec<_> = files.into_iter().collect();
        let (name, version) = (&package.name, &package.version);
        let depends = package.depends.join(" ");
        format!("{name} {version}: {} > {depends}", files.join(" "))
    });
    let problems = problems
        .iter()
        .map(|problem| format!("problem {}", problem.path));
    shown.chain(problems).collect()
}

/// An ELF file for x86-64 with sections of these names and contents, loaded as a whole at address
/// 0x10000 (System V ABI, "Object Files").
pub(crate) fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    const HEADER: usize = 64 + 56;
    let (mut names, mut body, mut table) = (vec![0], Vec::new(), vec![0; 64]);
    // The last one holds the names of all, its own too.
    let all: Vec<_> = sections.iter().map(|(name, _)| *name).chain([""]).collect();
    let text = format!("\0{}\0", all.join("\0"));
    for (kind, (name, content)) in sections
        .iter()
        .map(|section| (1u32, *section))
        .chain([(3, ("", text.as_bytes()))])
    {
        // The header of Go's information is aligned.
        body.resize((HEADER + body.len()).next_multiple_of(16) - HEADER, 0);
        table.extend([(names.len() as u32).to_le_bytes(), kind.to_le_bytes()].concat());
        let (offset, size) = ((HEADER + body.len()) as u64, content.len() as u64);
        table.extend([[0; 8], [0; 8], offset.to_le_bytes(), size.to_le_bytes()].concat());
        table.extend([0; 24]);
        names.extend([name.as_bytes(), b"\0"].concat());
        body.extend(content);
    }
    let end = (HEADER + body.len()) as u64;
    let count = sections.len() as u16 + 2;
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(16, 0);
    out.extend([[2, 0], [62, 0], [1, 0], [0, 0]].concat());
    out.extend([[0; 8], 64u64.to_le_bytes(), end.to_le_bytes()].concat());
    out.extend([0; 4]);
    for number in [64, 56, 1, 64, count, count - 1] {
        out.extend(number.to_le_bytes());
    }
    out.extend([1u32.to_le_bytes(), 7u32.to_le_bytes()].concat());
    let address = 0x10000u64.to_le_bytes();
    let size = end.to_le_bytes();
    out.extend([[0; 8], address, address, size, size, [0; 8]].concat());
    [out, body, table].concat()
}

/// An archive of locales as glibc writes it, with one free row.
pub(crate) fn locale_archive(names: &[&str]) -> Vec<u8> {
    let rows = names.len() + 1;
    let mut head = [0_u32; 14];
    head[0] = 0xde02_0109;
    head[2] = 56;
    head[4] = rows as u32;
    let mut at = 56 + 12 * rows as u32;
    let mut numbers = head.to_vec();
    numbers.extend([0; 3]);
    for name in names {
        numbers.extend([1, at, 1]);
        at += name.len() as u32 + 1;
    }
    let mut out: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    for name in names {
        out.extend_from_slice(name.as_bytes());
        out.push(0);
    }
    out
}

/// Bytes as the content of a file in an image written as text.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// An ELF file for x86-64 that needs libraries, with the folders of its RPATH and RUNPATH and an interpreter.
pub(crate) fn linked(
    needed: &[&str],
    rpath: &str,
    runpath: &str,
    interpreter: Option<&str>,
) -> Vec<u8> {
    let mut strings = vec![0];
    let mut put = |text: &str| {
        let at = strings.len() as u64;
        strings.extend([text.as_bytes(), b"\0"].concat());
        at
    };
    let mut entries: Vec<(u64, u64)> = needed.iter().map(|name| (1, put(name))).collect();
    entries.extend((!rpath.is_empty()).then(|| (15, put(rpath))));
    entries.extend((!runpath.is_empty()).then(|| (29, put(runpath))));
    let interpreter_at = interpreter.map(&mut put);
    let dynamic = 64 + 3 * 56;
    let table = dynamic + (entries.len() as u64 + 3) * 16;
    entries.extend([(5, table), (10, strings.len() as u64), (0, 0)]);
    let end = table + strings.len() as u64;
    let mut segments = vec![(1_u32, 0, end), (2, dynamic, entries.len() as u64 * 16)];
    if let (Some(at), Some(text)) = (interpreter_at, interpreter) {
        segments.push((3, table + at, text.len() as u64 + 1));
    }
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
    out.extend([0, 64, 0].iter().flat_map(|n: &u64| n.to_le_bytes()));
    out.extend(0_u32.to_le_bytes());
    let counts = [64, 56, segments.len() as u16, 64, 0, 0];
    out.extend(counts.iter().flat_map(|n: &u16| n.to_le_bytes()));
    for (kind, at, len) in segments {
        out.extend([kind, 5].iter().flat_map(|n| n.to_le_bytes()));
        let fields = [at, at, at, len, len, 8];
        out.extend(fields.iter().flat_map(|n| n.to_le_bytes()));
    }
    out.resize(dynamic as usize, 0);
    let entries = entries.iter().flat_map(|(tag, value)| [*tag, *value]);
    out.extend(entries.flat_map(u64::to_le_bytes));
    out.extend(strings);
    out
}

/// An ELF file for x86-64 that takes these symbols from the C library, with text in its data.
pub(crate) fn importing(symbols: &[&str], data: &[u8]) -> Vec<u8> {
    let mut strings = b"\0libc.so.6\0".to_vec();
    // The first symbol is none (System V ABI, "Symbol Table").
    let mut table = vec![0_u8; 24];
    for symbol in symbols {
        table.extend((strings.len() as u32).to_le_bytes());
        // A global function that is defined elsewhere.
        table.extend([0x12, 0, 0, 0]);
        table.extend([0; 16]);
        strings.extend([symbol.as_bytes(), b"\0"].concat());
    }
    let count = symbols.len() as u32 + 1;
    let hash: Vec<u8> = [1, count, 1, 0]
        .iter()
        .flat_map(|n: &u32| n.to_le_bytes())
        .collect();
    let dynamic = 64 + 2 * 56;
    let symbols_at = dynamic + 6 * 16;
    let hash_at = symbols_at + table.len();
    let strings_at = hash_at + hash.len();
    let end = strings_at + strings.len() + data.len();
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
    out.extend([0, 64, 0].iter().flat_map(|n: &u64| n.to_le_bytes()));
    out.extend(0_u32.to_le_bytes());
    out.extend(
        [64, 56, 2, 64, 0, 0]
            .iter()
            .flat_map(|n: &u16| n.to_le_bytes()),
    );
    for (kind, at, len) in [(1_u32, 0, end), (2, dynamic, 6 * 16)] {
        out.extend([kind, 5].iter().flat_map(|n| n.to_le_bytes()));
        let fields = [at, at, at, len, len, 8];
        out.extend(fields.iter().flat_map(|n| (*n as u64).to_le_bytes()));
    }
    let entries = [
        (1, 1),
        (5, strings_at),
        (10, strings.len()),
        (6, symbols_at),
        (0x6fff_fef5, hash_at),
        (0, 0),
    ];
    for (tag, value) in entries {
        out.extend(
            [tag as u64, value as u64]
                .iter()
                .flat_map(|n| n.to_le_bytes()),
        );
    }
    [out, table, hash, strings, data.to_vec()].concat()
}
