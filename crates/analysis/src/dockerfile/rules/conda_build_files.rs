//! A conda environment with what only builds need: headers, a toolchain that came with a package, manuals, the
//! sources of a JDK.
//!
//! **Fix.** They are removed at the end of the RUN that installs. *Unsafe*: what compiles when it runs (R packages,
//! JIT compilers, Cython) needs headers or the toolchain; build and test the image, or let `ounce slim` look
//! for what points at them. Nothing is found where a later command compiles, or where the folder of the
//! environment is not known.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM mambaorg/micromamba:2.0
//! RUN micromamba install -y -n base samtools && micromamba clean --all --force-pkgs-dirs --yes
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! FROM mambaorg/micromamba:2.0
//! RUN micromamba install -y -n base samtools && micromamba clean --all --force-pkgs-dirs --yes && rm -rf /opt/conda/include /opt/conda/share/doc /opt/conda/share/man /opt/conda/share/info /opt/conda/share/gtk-doc /opt/conda/lib/jvm/lib/src.zip /opt/conda/*-conda-linux-gnu
//! ```

use super::{Context, Finding, Rule, conda};
use crate::dockerfile::edits;
use crate::dockerfile::finding::Safety;
use crate::dockerfile::model::Call;

pub(super) static RULE: Rule = Rule {
    id: "conda-build-files",
    title: "Headers, toolchain and manuals in a conda environment",
    others: &[],
    cost: "50 to 600 MB",
    source: include_str!("conda_build_files.rs"),
    find,
};

/// What goes, below the folder of the environment; the rules `conda-headers`, `conda-docs`, `jdk-sources` and
/// `conda-toolchain` for images say why.
const PARTS: [&str; 7] = [
    "include",
    "share/doc",
    "share/man",
    "share/info",
    "share/gtk-doc",
    "lib/jvm/lib/src.zip",
    "*-conda-linux-gnu",
];

/// Programs that need headers or a toolchain.
const COMPILE: [&str; 14] = [
    "R", "Rscript", "c++", "cargo", "cc", "cmake", "cpanm", "g++", "gcc", "go", "make", "meson",
    "ninja", "pip",
];

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let later = context
            .model
            .after(*at)
            .into_iter()
            .filter_map(|at| context.model.scripts.get(&at));
        let mut all = later.chain([script]).flat_map(|script| &script.calls);
        let Some(call) = script.calls.iter().rfind(|call| conda::installs(call)) else {
            continue;
        };
        let removes = |call: &Call| {
            call.program == "rm"
                && call
                    .words
                    .iter()
                    .any(|word| word.pattern.contains("/include"))
        };
        let Some(prefix) = conda::prefix(context, *at, call).filter(|prefix| !prefix.contains(' '))
        else {
            continue;
        };
        let compiles = |call: &Call| {
            COMPILE.contains(&call.program.as_str()) || installs_compilers(call) || removes(call)
        };
        if !context.model.ships(*at, &prefix) || all.any(compiles) {
            continue;
        }
        let paths: Vec<String> = PARTS
            .iter()
            .map(|part| format!("{prefix}/{part}"))
            .collect();
        let command = format!("rm -rf {}", paths.join(" "));
        let message = format!("what only builds need stays below {prefix}");
        let finding = Finding::new(&RULE, *at, call.range.clone(), message);
        let edit = edits::append(context.model, *at, &command)
            .filter(|_| edits::is_joined_to_end(script, call));
        out.push(match edit {
            Some(edit) => finding.with_fix(
                Safety::Unsafe,
                format!("remove headers, toolchain and manuals below {prefix}"),
                vec![edit],
            ),
            None => finding,
        });
    }
    out
}

/// Whether an environment is made to compile in.
fn installs_compilers(call: &Call) -> bool {
    let packages = call
        .arguments()
        .map(|word| word.split(['=', '<', '>']).next().unwrap_or_default());
    conda::installs(call)
        && packages.into_iter().any(|name| {
            let is_r =
                name == "r-base" || name.starts_with("r-") || name.starts_with("bioconductor-");
            is_r || name.contains("compiler")
                || name.starts_with("gcc")
                || name.starts_with("gxx")
                || name == "cython"
                || name == "numba"
        })
}
