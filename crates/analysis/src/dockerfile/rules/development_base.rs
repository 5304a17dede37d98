//! The image that somebody gets is built on one that is made to build in: a CUDA `devel` image, a JDK, an SDK, a
//! compiler.
//!
//! **Fix.** None: build in one stage and copy what was built into a second one on a runtime image.
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
use crate::dockerfile::model::Base;

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
        Finding::new(&RULE, stage.from, from.range.clone(), message)
    };
    found.map(finding).into_iter().collect()
}
