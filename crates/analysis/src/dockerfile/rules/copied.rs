//! What COPY brings from the build context.

use crate::dockerfile::lint::Context;
use crate::dockerfile::parse::{Instruction, words};

/// The content of a text file by its path in the image: a COPY of the stage before an instruction put it there.
pub(super) fn content(context: &Context<'_>, instruction: usize, path: &str) -> Option<String> {
    let model = context.model;
    let stage = model.stage_of(instruction)?;
    let folder = |at: usize| model.state(at).folder.unwrap_or_default();
    let wanted = absolute(path, &folder(instruction));
    let copies = (stage.instructions.start..instruction).rev();
    let copies = copies
        .map(|at| (at, &model.file.instructions[at]))
        .filter(|(_, copy)| {
            let brings = copy.name == "COPY" || copy.name == "ADD";
            brings && copy.flag("from").is_none() && copy.heredocs.is_empty()
        });
    // The last COPY that may have brought it did.
    let mut sources = copies.flat_map(|(at, copy)| sources(copy, &folder(at), &wanted));
    sources.find_map(|source| {
        let path = source.trim_start_matches("./").trim_start_matches('/');
        (context.beside?)(path)
    })
}

/// The paths in the build context that COPY may take to a path of the image.
fn sources(copy: &Instruction, folder: &str, wanted: &str) -> Vec<String> {
    let words = arguments(copy);
    let Some((target, from)) = words.split_last() else {
        return Vec::new();
    };
    let target = absolute(target, folder);
    let target = target.trim_end_matches('/');
    let of = |source: &String| {
        let name = source.rsplit('/').next().unwrap_or(source);
        if target == wanted || format!("{target}/{name}") == wanted {
            return Some(source.clone());
        }
        let rest = wanted.strip_prefix(target)?.strip_prefix('/')?;
        Some(format!("{}/{rest}", source.trim_end_matches('/')))
    };
    from.iter().filter_map(of).collect()
}

/// The sources and the target of COPY or ADD.
pub(super) fn arguments(copy: &Instruction) -> Vec<String> {
    match &copy.list {
        Some(list) => list.clone(),
        None => words::plain(copy)
            .into_iter()
            .map(|word| word.text)
            .collect(),
    }
}

/// A path of the image, from the working folder.
fn absolute(path: &str, folder: &str) -> String {
    let folder = folder.trim_end_matches('/');
    match path.trim_start_matches("./") {
        path if path.starts_with('/') => path.to_owned(),
        "" | "." => folder.to_owned(),
        path => format!("{folder}/{path}"),
    }
}
