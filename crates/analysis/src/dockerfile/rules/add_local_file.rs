//! ADD where COPY would do: ADD also unpacks archives and downloads, so what it does depends on what it finds.
//!
//! **Fix.** `ADD` becomes `COPY`. *Safe* where each source is a text file of the build context, which surely is no
//! archive; *unsafe* else. Archives by their name, URLs and repositories are left alone.
//!
//! **Example.**
//!
//! ```dockerfile
//! ADD settings.toml /etc/app/
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! COPY settings.toml /etc/app/
//! ```

use super::{Context, Finding, Rule};
use crate::dockerfile::finding::{Edit, Safety};
use crate::dockerfile::parse::words;

pub(super) static RULE: Rule = Rule {
    id: "add-local-file",
    title: "ADD of a local file",
    others: &["DL3020"],
    cost: "nothing but surprises",
    source: include_str!("add_local_file.rs"),
    find,
};

/// What ADD unpacks or downloads, or may when it is built.
const OTHERS: [&str; 16] = [
    "://", "git@", ".git", "$", "*", "?", "[", ".tar", ".tgz", ".tbz", ".txz", ".gz", ".bz2",
    ".xz", ".zst", ".tb2",
];

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, add) in context.instructions().filter(|(_, add)| add.name == "ADD") {
        let texts = match &add.list {
            Some(list) => list.clone(),
            None => words::plain(add)
                .into_iter()
                .map(|word| word.text)
                .collect(),
        };
        let Some((_, sources)) = texts
            .split_last()
            .filter(|(_, sources)| !sources.is_empty())
        else {
            continue;
        };
        let is_plain = |source: &String| !OTHERS.iter().any(|part| source.contains(part));
        let is_option = |text: &str| !text.starts_with("--chown=") && !text.starts_with("--chmod=");
        if !sources.iter().all(is_plain)
            || !add.heredocs.is_empty()
            || add.flags.iter().any(|flag| is_option(&flag.text))
        {
            continue;
        }
        let is_text = |source: &String| {
            let path = source.trim_start_matches("./").trim_start_matches('/');
            let text = context.beside.and_then(|beside| beside(path));
            text.is_some_and(|text| !text.contains('\0'))
        };
        let keyword = add.line.range(add.keyword.clone());
        let is_lower = context.model.text(keyword.clone()).starts_with('a');
        let text = if is_lower { "copy" } else { "COPY" }.to_owned();
        let finding = Finding::new(
            &RULE,
            at,
            keyword.clone(),
            "COPY does the same, and nothing else",
        );
        let edit = Edit {
            range: keyword,
            text,
        };
        out.push(finding.with_fix(
            Safety::safe_if(sources.iter().all(is_text)),
            "write COPY",
            vec![edit],
        ));
    }
    out
}
