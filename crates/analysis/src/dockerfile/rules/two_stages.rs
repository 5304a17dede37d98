//! A stage split into one that builds and one that gets what was built, on the same base.
//!
//! The new stage repeats every instruction of the old one but for the RUNs that build; in the place of the last
//! of these stands the COPY of what they made. So it is the same image without what else those RUNs left.

use std::ops::Range;

use super::{Context, compilers_left, copied};
use crate::dockerfile::finding::Edit;
use crate::dockerfile::model::{Base, Call, Model, Script};
use crate::dockerfile::parse::Instruction;

/// Programs that leave nothing but files where they are told, or where the sources of a build are.
const WORK: &[&str] = &[
    ":",
    "autoreconf",
    "bunzip2",
    "cd",
    "cmake",
    "configure",
    "cp",
    "curl",
    "echo",
    "export",
    "git",
    "gunzip",
    "make",
    "meson",
    "mkdir",
    "mv",
    "ninja",
    "rm",
    "set",
    "tar",
    "test",
    "true",
    "unxz",
    "unzip",
    "wget",
];

/// Packages that builds download with.
const FETCHERS: &[&str] = &[
    "bzip2",
    "ca-certificates",
    "curl",
    "git",
    "gnupg",
    "unzip",
    "wget",
    "xz",
    "xz-utils",
];

/// Splits the last stage of a file; `None` where what must be copied is not known.
pub(super) fn rewritten(context: &Context<'_>) -> Option<Vec<Edit>> {
    let model = context.model;
    let stage = model.stages.last()?;
    let is_plain = matches!(stage.base, Base::Image(_)) && stage.name.is_none();
    let names = ["base", "build"];
    let is_free = |name: &str| {
        model
            .stages
            .iter()
            .all(|stage| stage.name.as_deref() != Some(name))
    };
    if !is_plain || !names.into_iter().all(is_free) {
        return None;
    }
    let runs = runs(model, &stage.instructions)?;
    let last = *runs.last()?;
    let products = products(model, &runs)?;
    // COPY makes files of root.
    let user = model.state(last).user;
    if user.is_some_and(|user| user != "root" && user != "0") {
        return None;
    }
    let rest = last + 1..stage.instructions.end;
    let needs = |product: &String| is_used(context, product, stage.instructions.clone());
    if products.is_empty()
        || !products.iter().all(needs)
        || !rest.clone().all(|at| is_kept(model, at))
    {
        return None;
    }
    let from = &model.file.instructions[stage.from];
    let newline = if model.text(from.lines.clone()).ends_with("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let mut text = format!("FROM base{newline}");
    for at in stage.instructions.start..last {
        if !runs.contains(&at) {
            let lines = model.text(model.file.instructions[at].lines.clone());
            text += lines.trim_end();
            text += newline;
        }
    }
    for product in &products {
        text += &format!("COPY --from=build {product} {product}{newline}");
    }
    let end = model.file.instructions[last].lines.end;
    let is_cut = !model.text(0..end).ends_with('\n');
    let text = if is_cut {
        format!("{newline}{text}")
    } else {
        text
    };
    let named = from.range.end;
    Some(vec![
        Edit {
            range: named..named,
            text: format!(" AS base{newline}FROM base AS build"),
        },
        Edit {
            range: end..end,
            text,
        },
    ])
}

/// The RUNs that build; `None` where one builds and does something else, or where one cannot be told.
fn runs(model: &Model<'_>, stage: &Range<usize>) -> Option<Vec<usize>> {
    let mut out = Vec::new();
    for at in stage.clone() {
        match model.scripts.get(&at) {
            Some(script) if builds(script) => out.push(at),
            _ if is_kept(model, at) => {}
            _ => return None,
        }
    }
    Some(out)
}

/// Whether a script does nothing that the image would miss, but for what [`products`] tells.
fn builds(script: &Script) -> bool {
    let is_fetcher = |word: &str| FETCHERS.contains(&word);
    let installs_tools = |call: &Call| {
        let mut packages = call
            .arguments()
            .skip(1)
            .filter(|word| !word.starts_with('-'));
        let headers = call
            .arguments()
            .any(|word| word.ends_with("-dev") && word.starts_with("lib"));
        compilers_left::installs(call)
            && call.is_known()
            && !headers
            && packages.all(|word| compilers_left::is_tool(word) || is_fetcher(word))
    };
    let manages = |call: &Call| {
        let managers = ["apt-get", "apt", "apk", "dnf", "yum"];
        call.is(&managers, &["update", "clean"]) || installs_tools(call)
    };
    let works = |call: &Call| {
        let moves_out = ["cp", "mv", "tar", "unzip", "curl", "wget"]
            .contains(&call.program.as_str())
            && call.arguments().any(|word| {
                word.starts_with("/usr") || word.starts_with("/etc") || word.starts_with("/bin")
            });
        WORK.contains(&call.program.as_str()) && !moves_out
    };
    let of_go = |call: &Call| call.is(&["go"], &["build", "mod", "clean"]);
    let mut calls = script.calls.iter();
    let is_read = script.list.is_some() && !script.is_trigger && script.mounts.is_empty();
    is_read
        && calls.all(|call| manages(call) || of_go(call) || product(call).is_some() || works(call))
        && script
            .calls
            .iter()
            .any(|call| !works(call) || product(call).is_some())
}

/// Whether an instruction is the same in the new stage, where nothing is that only builds need.
fn is_kept(model: &Model<'_>, at: usize) -> bool {
    let one: &Instruction = &model.file.instructions[at];
    let settles = |call: &Call| {
        let users = [
            "useradd", "groupadd", "adduser", "addgroup", "usermod", "mkdir", "chown", "chmod",
            "rm",
        ];
        users.contains(&call.program.as_str())
    };
    match (one.name.as_str(), model.scripts.get(&at)) {
        ("ONBUILD" | "SHELL" | "ADD", _) => false,
        (_, Some(script)) => script.list.is_some() && script.calls.iter().all(settles),
        _ => one.heredocs.is_empty(),
    }
}

/// What RUNs make, as absolute paths that must be copied; `None` where one of them is not known.
fn products(model: &Model<'_>, runs: &[usize]) -> Option<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    for at in runs {
        let folder = model.state(*at).folder;
        let calls = &model.scripts.get(at)?.calls;
        let has_prefix = calls.iter().any(|call| prefix(call).is_some());
        for call in calls {
            // `make install` goes where configure was told.
            let installs = ["make", "ninja"].contains(&call.program.as_str())
                && call.arguments().any(|word| word == "install");
            if installs && !has_prefix {
                return None;
            }
            let Some(made) = product(call) else { continue };
            let path = match (made, &folder) {
                (Made::Inside(program), _) => {
                    let inside = out
                        .iter()
                        .any(|own| program.starts_with(&format!("{own}/")));
                    if inside { continue } else { return None }
                }
                (Made::At(path), _) if path.starts_with('/') => path,
                (Made::At(path), Some(folder))
                    if !calls.iter().any(|call| call.program == "cd") =>
                {
                    format!(
                        "{}/{}",
                        folder.trim_end_matches('/'),
                        path.trim_start_matches("./")
                    )
                }
                _ => return None,
            };
            if !is_own_folder(&path) {
                return None;
            }
            if !out.contains(&path) {
                out.push(path);
            }
        }
    }
    Some(out)
}

/// What a call makes.
enum Made {
    /// A file or folder of its own.
    At(String),
    /// Something inside of what an earlier call made: pip of a virtual environment.
    Inside(String),
}

fn product(call: &Call) -> Option<Made> {
    let value = |name: &str| option(call, name).map(|path| Made::At(path.to_owned()));
    let path = call.words.first().map(|word| word.pattern.as_str())?;
    let is_pip =
        ["pip", "pip3"].contains(&call.program.as_str()) && call.is(&[&call.program], &["install"]);
    match call.program.as_str() {
        _ if !call.is_known() => None,
        "venv" | "virtualenv" => call
            .arguments()
            .last()
            .map(|path| Made::At(path.to_owned())),
        _ if is_pip && path.starts_with('/') => Some(Made::Inside(path.to_owned())),
        _ if is_pip => value("--prefix").or_else(|| value("--target")),
        "go" if call.is(&["go"], &["build"]) => value("-o"),
        "cargo" if call.is(&["cargo"], &["install"]) => value("--root"),
        _ => prefix(call).map(Made::At),
    }
}

/// The folder that a build is told to install to.
fn prefix(call: &Call) -> Option<String> {
    let given = |name: &str| {
        let mut words = call.arguments();
        words.find_map(|word| {
            word.strip_prefix(name)?
                .strip_prefix('=')
                .map(str::to_owned)
        })
    };
    match call.program.as_str() {
        "configure" => given("--prefix"),
        "cmake" => given("-DCMAKE_INSTALL_PREFIX"),
        "make" => given("PREFIX").or_else(|| given("prefix")),
        _ => None,
    }
}

/// The value of an option, in the next word or behind `=`.
fn option<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    let words: Vec<&str> = call.arguments().collect();
    let at = words.iter().position(|word| *word == name);
    let joined = words
        .iter()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    joined.or_else(|| words.get(at? + 1).copied())
}

/// Whether nothing else is in a folder: it is none of the system's.
fn is_own_folder(path: &str) -> bool {
    let system = [
        "/",
        "/usr",
        "/usr/local",
        "/opt",
        "/bin",
        "/lib",
        "/etc",
        "/var",
        "/root",
        "/home",
        "/tmp",
    ];
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte));
    is_plain
        && path.starts_with('/')
        && !system.contains(&path.trim_end_matches('/'))
        && !path.starts_with("/usr/lib")
}

/// Whether what was built is what containers start, or is in their `PATH`.
fn is_used(context: &Context<'_>, product: &str, stage: Range<usize>) -> bool {
    let mut told = stage.map(|at| &context.model.file.instructions[at]);
    told.any(|one| {
        let is_start = ["CMD", "ENTRYPOINT", "ENV"].contains(&one.name.as_str());
        is_start
            && (one.argument().contains(product)
                || copied::arguments(one).iter().any(|word| word == product))
    })
}
