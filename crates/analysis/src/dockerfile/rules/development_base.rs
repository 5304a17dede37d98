//! The image that somebody gets is built on one that is made to build in: a CUDA `devel` image, a JDK, an SDK, a
//! compiler.
//!
//! **Fix.** The tag for running, where the repository has one for each tag for building (CUDA, PyTorch, Temurin) and nothing in
//! the stage or in what it starts speaks of a compiler. *Unsafe*: what compiles when it runs needs the other one. Else
//! none: build in one stage and copy what was built into a second one on a runtime image. What is copied depends on the
//! project, and the second image should be chosen and pinned by who maintains it.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM golang:1.24
//! COPY . /src
//! RUN cd /src && go build -o /app
//! ```
//!
//! is better written as
//!
//! ```dockerfile
//! FROM golang:1.24 AS build
//! COPY . /src
//! RUN cd /src && go build -o /app
//! FROM debian:12-slim
//! COPY --from=build /app /app
//! ```

use super::bases::Name;
use super::{Context, Finding, Rule};
use crate::dockerfile::finding::{Edit, Safety};
use crate::dockerfile::model::{Base, Stage};
use crate::dockerfile::parse::{Instruction, words};

pub(super) static RULE: Rule = Rule {
    id: "development-base",
    title: "A base to build in, shipped",
    others: &[],
    cost: "200 MB to 5 GB",
    source: include_str!("development_base.rs"),
    find,
};

/// Repositories whose every tag is for building, what they hold, and what to run on instead.
const REPOSITORIES: [(&str, &str, &str); 7] = [
    ("golang", "the Go toolchain", "scratch, or a distribution"),
    ("rust", "the Rust toolchain", "a distribution"),
    ("gcc", "compilers", "a distribution"),
    ("maven", "a JDK and Maven", "a JRE"),
    ("gradle", "a JDK and Gradle", "a JRE"),
    (
        "dotnet/sdk",
        "the .NET SDK",
        "dotnet/runtime or dotnet/aspnet",
    ),
    ("buildpack-deps", "compilers and headers", "a distribution"),
];

/// Parts of tags that say that an image is for building.
const TAGS: [(&str, &str, &str); 3] = [
    (
        "devel",
        "compilers and headers",
        "the tag with `runtime` or `base`",
    ),
    ("jdk", "a JDK", "the tag with `jre`"),
    ("sdk", "an SDK", "the tag for running"),
];

/// Repositories that have a tag for running for each tag for building, and the parts in which the two differ.
/// Sources: the tags that they publish.
const PAIRS: [(&str, &str, &str); 3] = [
    ("eclipse-temurin", "-jdk", "-jre"),
    ("nvidia/cuda", "-devel", "-runtime"),
    ("pytorch/pytorch", "-devel", "-runtime"),
];

/// Releases of Temurin with a JRE, which not all have: those with long support.
const WITH_JRE: [&str; 5] = ["8", "11", "17", "21", "25"];

/// Texts that say that something is compiled, or a tool of the JDK used.
const COMPILES: [&str; 17] = [
    "gcc",
    "g++",
    "nvcc",
    "make",
    "ninja",
    "pip ",
    "pip3 ",
    "setup.py",
    "conda",
    "javac",
    "jlink",
    "jdeps",
    "jcmd",
    "jshell",
    "mvn",
    "gradle",
    "CUDA_HOME",
];

fn find(context: &Context<'_>) -> Vec<Finding> {
    let Some(stage) = context.model.stages.last() else {
        return Vec::new();
    };
    let Base::Image(image) = &stage.base else {
        return Vec::new();
    };
    let name = Name::parse(image);
    let is_tagged = |part: &str| {
        name.tag
            .is_some_and(|tag| tag.split(['-', '_', '.']).any(|word| word == part))
    };
    let by_tag = TAGS.iter().find(|row| is_tagged(row.0));
    let found = REPOSITORIES
        .iter()
        .find(|row| row.0 == name.repository)
        .or(by_tag);
    let finding = |(_, holds, instead): &(&str, &str, &str)| {
        let from = &context.model.file.instructions[stage.from];
        let message = format!("the image holds {holds}; run on {instead}");
        let finding = Finding::new(&RULE, stage.from, from.range.clone(), message);
        match other_tag(context, stage, &name) {
            Some(edit) => {
                let title = format!("take the tag with `{}`", edit.text.trim_start_matches('-'));
                finding.with_fix(Safety::Unsafe, title, vec![edit])
            }
            None => finding,
        }
    };
    found.map(finding).into_iter().collect()
}

/// The tag for running in place of the one for building.
fn other_tag(context: &Context<'_>, stage: &Stage, name: &Name<'_>) -> Option<Edit> {
    let model = context.model;
    let (repository, old, new) = PAIRS.iter().find(|row| row.0 == name.repository)?;
    let release = name.tag?.split(['-', '.', '_', 'u']).next()?;
    let has_jre = *repository != "eclipse-temurin" || WITH_JRE.contains(&release);
    let mut instructions = stage
        .instructions
        .clone()
        .map(|at| &model.file.instructions[at]);
    let compiles = |one: &Instruction| {
        let text = one.argument();
        COMPILES.iter().any(|part| text.contains(part))
            || !one.heredocs.is_empty()
            || one.trigger.is_some()
    };
    if name.digest.is_some() || !has_jre || instructions.any(compiles) {
        return None;
    }
    let from = &model.file.instructions[stage.from];
    let word = words::plain(from).into_iter().next()?;
    let at = word.range.start + word.text.find(old)?;
    let is_one = word.text.matches(old).count() == 1;
    is_one.then(|| Edit {
        range: from.line.range(at..at + old.len()),
        text: (*new).to_owned(),
    })
}
