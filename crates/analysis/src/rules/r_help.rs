//! Help pages, vignettes and demonstrations of R packages: `help/`, `html/`, `demo/`, and what was made
//! of vignettes in `doc/`.
//!
//! **Why it is guarded.** `library()` reads `Meta`, `R`, `data` and `libs`, which stay. `?name`,
//! `example()`, `demo()` and `vignette()` read what goes: they are there for people at the prompt, but any R
//! code may call them.
//!
//! **Evidence.** The guard is proved where the image starts an R script that is in it, and no
//! program or package is there that shows help: RStudio, Jupyter's kernel, language servers, tools
//! that document packages. It is refused where the image starts R for people, and not known where
//! users bring the code, as with `Rscript` alone or a shell. In `doc` only the outputs of
//! vignettes are taken (`x.pdf` or `x.html` beside `x.Rnw`, `x.Rmd` or `x.R`): the rest may be
//! data. Anything that stays and names a file by its path keeps it, and so does R code outside of packages that
//! calls `help()`, `vignette()` and their like.
//!
//! **Example.** `/usr/lib/R/site-library/igraph/help/igraph.rdb`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "r-help",
    title: "Help and vignettes of R packages",
    tier: Tier::Guarded,
    why: "for people at R's prompt",
    source: include_str!("r_help.rs"),
    find,
};

/// Packages that read help pages or vignettes of others, or show them.
const READERS: [&str; 17] = [
    "IRkernel",
    "languageserver",
    "roxygen2",
    "devtools",
    "pkgdown",
    "Rdpack",
    "gbRd",
    "sos",
    "printr",
    "rmdhelp",
    "Rd2roxygen",
    "downlit",
    "btw",
    "swirl",
    "learnr",
    "Rcmdr",
    "rcmdcheck",
];

/// Programs that do.
const PROGRAMS: [&[u8]; 6] = [
    b"rserver",
    b"rstudio-server",
    b"rstudio",
    b"radian",
    b"jupyter",
    b"ark",
];

/// What vignettes are written in (R's tools::vignetteEngine and common engines).
const SOURCES: [&[u8]; 7] = [b"Rnw", b"rnw", b"Rmd", b"rmd", b"rsp", b"ltx", b"qmd"];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let packages = packages(context);
    if packages.is_empty() {
        return Vec::new();
    }
    let guard = guard(context, &packages);
    let claims = packages.into_iter().map(|package| {
        let unit = |nodes: Vec<NodeId>| Unit {
            guard: guard.clone(),
            ..Unit::names(nodes)
        };
        let units = [
            files(context.tree, package, b"help"),
            files(context.tree, package, b"html"),
            files(context.tree, package, b"demo"),
            vignettes(context.tree, package),
        ];
        let units = units
            .into_iter()
            .filter(|nodes| !nodes.is_empty())
            .map(unit);
        Claim::new(&RULE, None, units.collect())
    });
    claims.filter(|claim| !claim.units.is_empty()).collect()
}

/// Installed packages: folders with `DESCRIPTION` and `Meta/package.rds` (R-ints, "The Meta directory").
fn packages(context: &Context<'_>) -> Vec<NodeId> {
    let tree = context.tree;
    let records = tree.walk(Tree::ROOT).filter(|node| {
        tree.name(*node) == b"package.rds" && tree.name(tree.parent(*node)) == b"Meta"
    });
    records
        .map(|node| tree.parent(tree.parent(node)))
        .filter(|package| tree.child(*package, b"DESCRIPTION").is_some())
        .collect()
}

fn guard(context: &Context<'_>, packages: &[NodeId]) -> Guard {
    let tree = context.tree;
    let is_reader = |name: &[u8]| READERS.iter().any(|known| known.as_bytes() == name);
    if let Some(package) = packages
        .iter()
        .find(|package| is_reader(tree.name(**package)))
    {
        return Guard::Refused(format!("{} shows help or reads it", tree.path(*package)));
    }
    if let Some(program) = PROGRAMS
        .iter()
        .find(|name| context.has_program(|found| found == **name))
    {
        let name = String::from_utf8_lossy(program);
        return Guard::Refused(format!("{name} is in the image, which shows help"));
    }
    if context.started().first().is_some_and(|name| name == "R") {
        return Guard::Refused("the image starts R, whose help people ask for".to_owned());
    }
    if let Some(script) = tree
        .walk(Tree::ROOT)
        .find(|node| asks_for_help(tree, *node))
    {
        return Guard::Refused(format!("{} asks for help or a vignette", tree.path(script)));
    }
    let is_script = |node: &NodeId| {
        let name = tree.name(*node);
        tree.is_file(*node) && (name.ends_with(b".R") || name.ends_with(b".r"))
    };
    match context.command_files().into_iter().find(is_script) {
        Some(script) => Guard::Proved(format!(
            "the image starts {}, and nothing in it shows help",
            tree.path(script)
        )),
        None => Guard::Unknown("the image starts no R script of its own".to_owned()),
    }
}

/// What is larger is no source.
const MAX_SOURCE: u64 = 4 << 20;
/// How R code asks for what goes (the manual pages of utils and tools; `system.file` is given folders).
const CALLS: [&str; 14] = [
    "vignette(",
    "vignettes(",
    "Vignettes(",
    "help(",
    "help.search(",
    "help.start(",
    "example(",
    "demo(",
    "Rd_db(",
    "getHelpFile",
    "fetchRdDB",
    "\"help\"",
    "\"html\"",
    "\"doc\"",
];

/// Whether R code outside of installed packages asks for documents of packages.
fn asks_for_help(tree: &Tree<'_>, node: NodeId) -> bool {
    const ENDINGS: [&[u8]; 6] = [b".R", b".r", b".Rmd", b".rmd", b".qmd", b".Rprofile"];
    let name = tree.name(node);
    let is_source = ENDINGS.iter().any(|ending| name.ends_with(ending)) || name == b"Rprofile.site";
    let mut above = std::iter::successors(Some(node), |at| {
        (*at != Tree::ROOT).then(|| tree.parent(*at))
    });
    if !is_source || above.any(|folder| tree.child(folder, b"Meta").is_some()) {
        return false;
    }
    let leaf = tree.leaf_of(node).filter(|_| tree.is_file(node));
    let text = leaf.and_then(|leaf| tree.read(leaf).read_all(MAX_SOURCE).ok());
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).replace('\'', "\"");
    CALLS.iter().any(|call| text.contains(call))
}

fn files(tree: &Tree<'_>, package: NodeId, folder: &[u8]) -> Vec<NodeId> {
    let folder = tree.child(package, folder);
    let below = folder.into_iter().flat_map(|folder| tree.walk(folder));
    below.filter(|node| tree.is_file(*node)).collect()
}

/// The outputs of vignettes, which lie beside their sources.
fn vignettes(tree: &Tree<'_>, package: NodeId) -> Vec<NodeId> {
    let Some(folder) = tree.child(package, b"doc") else {
        return Vec::new();
    };
    let has_source = |stem: &[u8]| {
        let mut sources = SOURCES.iter().map(|ending| [stem, b".", ending].concat());
        sources.any(|source| tree.child(folder, &source).is_some())
    };
    let is_output = |node: &NodeId| {
        let name = tree.name(*node);
        let stem = name
            .strip_suffix(b".pdf")
            .or_else(|| name.strip_suffix(b".html"));
        tree.is_file(*node) && stem.is_some_and(has_source)
    };
    tree.children(folder).filter(is_output).collect()
}

#[cfg(test)]
mod tests {
    use crate::plan::Options;
    use crate::rules::Tier;
    use crate::testing::{decide_with, set};

    const R: &str = "[RUN x]\nusr/lib/R/library/a/DESCRIPTION = Package: a\nusr/lib/R/library/a/Meta/package.rds = x\nusr/lib/R/library/a/R/a.rdb = x\nusr/lib/R/library/a/help/a.rdb = x\nusr/lib/R/library/a/doc/v.pdf = x\nusr/lib/R/library/a/doc/v.Rnw = x\nusr/lib/R/library/a/doc/table.csv = x\nusr/bin/Rscript (0755) = x\nsrv/app.R = x\n";

    fn decide(text: &str, command: &[&str]) -> crate::testing::Decided {
        let image = ounce_testkit::image(text).with_config(serde_json::json!({ "Cmd": command }));
        decide_with(&image, &Options::default().with_tier(Tier::Guarded))
    }

    #[test]
    fn help_goes_where_the_image_starts_a_script() {
        let found = decide(R, &["Rscript", "/srv/app.R"]);
        assert_eq!(
            found.gone,
            set(&[
                "/usr/lib/R/library/a/help/a.rdb",
                "/usr/lib/R/library/a/doc/v.pdf"
            ])
        );
    }

    #[test]
    fn help_stays_where_people_use_r_or_bring_code() {
        for command in [&["R"] as &[&str], &["Rscript"], &["bash"], &[]] {
            assert_eq!(decide(R, command).gone, set(&[]), "{command:?}");
        }
        let kernel = format!(
            "{R}usr/lib/R/library/IRkernel/DESCRIPTION = x\nusr/lib/R/library/IRkernel/Meta/package.rds = x\n"
        );
        assert_eq!(decide(&kernel, &["Rscript", "/srv/app.R"]).gone, set(&[]));
    }
}
