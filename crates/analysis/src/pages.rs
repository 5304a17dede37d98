//! Pages of documentation: the comments at the head of a rule's file.

/// The text of the comments with which a source file begins, in Markdown.
pub(crate) fn head(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let text: Vec<_> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    text.join("\n")
}

/// Fails unless `docs/FOLDER/NAME.md` says this; writes it when `UPDATE_DOCS` is set (`just docs`).
#[cfg(test)]
pub(crate) fn assert_written(folder: &str, name: &str, page: &str) {
    let folder = format!("{}/../../docs/{folder}", env!("CARGO_MANIFEST_DIR"));
    let path = format!("{folder}/{name}.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&path, page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "run `just docs`");
}
