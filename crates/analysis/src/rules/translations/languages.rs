//! The languages that a program can be asked to speak in an image: those of the locales that glibc
//! has there, and those that the environment or a setting names.

use std::collections::BTreeSet;

use memchr::memmem;
use ounce_image::{NodeId, Tree};
use rayon::prelude::*;

use crate::inspect::{locale_archive, needles::AnyOf};
use crate::rules::Context;

/// Where glibc looks for locales (`complocaledir`, in every distribution's build).
const LOCALES: &str = "/usr/lib/locale";
/// What gettext asks for a language (gettext manual, "Locale Environment Variables").
const VARIABLES: [&str; 4] = ["LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"];
/// What makes locales or finds them elsewhere (localedef(1), locale-gen(8), locale(7)).
const MAKERS: [&str; 3] = ["localedef", "locale-gen", "LOCPATH"];
/// Settings are short texts; programs and data that nobody's package brought are not.
const MAX_SETTING: u64 = 1 << 16;

/// The codes of the languages that can be selected, such as `de`.
///
/// # Errors
/// A sentence that says why there is no telling.
pub(super) fn selectable(context: &Context<'_>) -> Result<BTreeSet<String>, String> {
    only_glibc(context.tree)?;
    let mut out = installed(context)?;
    out.extend(configured(context)?);
    let read = settings(context).into_par_iter().filter_map(|node| {
        let content = context.tree.read(context.tree.leaf_of(node)?);
        let said = match content.read_all(MAX_SETTING) {
            Ok(content) => named(&content),
            Err(e) => Err(format!("cannot be read: {e}")),
        };
        Some((node, said))
    });
    for (node, said) in read.collect::<Vec<_>>() {
        match said {
            Ok(languages) => out.extend(languages),
            // What packages bring is told the language by others.
            Err(_) if context.packages.owner(node).is_some() => {}
            Err(what) => return Err(format!("{} {what}", context.tree.path(node))),
        }
    }
    Ok(out)
}

/// The codes of the languages that the image's config asks for.
///
/// # Errors
/// A sentence that says what in it makes locales.
pub(super) fn configured(context: &Context<'_>) -> Result<BTreeSet<String>, String> {
    let mut out = BTreeSet::new();
    for text in context.config.run_time_texts().values().flatten() {
        out.extend(named(text.as_bytes()).map_err(|what| format!("the image's config {what}"))?);
    }
    Ok(out)
}

/// musl takes languages from the environment alone, as other libraries may; a glibc that looks for
/// locales elsewhere is not understood either.
fn only_glibc(tree: &Tree<'_>) -> Result<(), String> {
    let mut libraries = 0;
    let folder = format!("{LOCALES}\0").into_bytes();
    let folder = AnyOf::new(&[folder]).ok_or("its C library cannot be searched")?;
    for node in tree.walk(Tree::ROOT) {
        let name = tree.name(node);
        if name.starts_with(b"ld-musl-") || name.starts_with(b"libintl.so") {
            return Err(format!(
                "{} may choose languages without a locale",
                tree.path(node)
            ));
        }
        let leaf = tree.leaf_of(node).filter(|_| tree.is_file(node));
        let Some(leaf) = leaf.filter(|_| name == b"libc.so.6" || is_libc(name)) else {
            continue;
        };
        libraries += 1;
        if !folder.is_in(&tree.read(leaf)) {
            let path = tree.path(node);
            return Err(format!("{path} does not look for locales in {LOCALES}"));
        }
    }
    match libraries {
        0 => Err("there is no glibc".to_owned()),
        _ => Ok(()),
    }
}

/// `libc-2.31.so`, the name of the library before glibc 2.34.
fn is_libc(name: &[u8]) -> bool {
    name.strip_prefix(b"libc-2.")
        .is_some_and(|rest| rest.ends_with(b".so"))
}

/// The languages of the locales that are installed, in folders or in an archive.
fn installed(context: &Context<'_>) -> Result<BTreeSet<String>, String> {
    let tree = context.tree;
    let mut names = BTreeSet::new();
    for node in context
        .folder(LOCALES)
        .into_iter()
        .flat_map(|folder| tree.children(folder))
    {
        let name = tree.name(node);
        if !name.starts_with(b"locale-archive") {
            names.insert(name.to_vec());
            continue;
        }
        let end = tree.resolve_from(tree.parent(node), name, |_| {});
        let leaf = end.and_then(|end| tree.leaf_of(end).filter(|_| tree.is_file(end)));
        let archive = leaf.ok_or_else(|| "it leads nowhere".to_owned());
        let held = archive.and_then(|leaf| locale_archive::names(&tree.read(leaf)));
        names.extend(held.map_err(|reason| format!("{}: {reason}", tree.path(node)))?);
    }
    languages(names.iter().map(Vec::as_slice))
        .map_err(|name| format!("the locale {name} is of no known language"))
}

/// The languages of locales; the name of the first that has none.
fn languages<'n>(names: impl Iterator<Item = &'n [u8]>) -> Result<BTreeSet<String>, String> {
    let mut out = BTreeSet::new();
    for name in names.filter(|name| !is_plain(name)) {
        out.insert(language(name).ok_or_else(|| ounce_image::display(name))?);
    }
    Ok(out)
}

/// `C`, `C.UTF-8` and `POSIX`, which speak no language.
fn is_plain(locale: &[u8]) -> bool {
    matches!(locale, b"" | b"C" | b"POSIX") || locale.starts_with(b"C.")
}

/// The code of a locale's language (ISO 639), as `de` of `de_AT.UTF-8@euro`; nothing for other names.
pub(super) fn language(locale: &[u8]) -> Option<String> {
    let end = locale.iter().position(|b| b"_.@".contains(b));
    let code = &locale[..end.unwrap_or(locale.len())];
    let is_code = matches!(code.len(), 2 | 3) && code.iter().all(u8::is_ascii_lowercase);
    is_code.then(|| String::from_utf8_lossy(code).into_owned())
}

/// Files that may set variables: those below `/etc`, and short ones that no package brought and that
/// are not there for installing (what conda unpacked, dpkg's scripts).
fn settings(context: &Context<'_>) -> Vec<NodeId> {
    let tree = context.tree;
    let etc = context.folder("/etc");
    let caches = context
        .conda_prefixes
        .iter()
        .filter_map(|prefix| tree.child(*prefix, b"pkgs"));
    let installers: Vec<NodeId> = caches.chain(context.folder("/var/lib/dpkg/info")).collect();
    let files = tree.walk(Tree::ROOT).filter(|node| {
        let size = tree.attributes(*node).map(|entry| entry.size);
        tree.is_file(*node) && size.is_some_and(|size| size <= MAX_SETTING)
    });
    files
        .filter(|node| {
            etc.is_some_and(|etc| tree.is_within(*node, etc))
                || (context.packages.owner(*node).is_none()
                    && !installers
                        .iter()
                        .any(|folder| tree.is_within(*node, *folder)))
        })
        .collect()
}

/// The languages that a text gives to the variables; what it says that is not understood.
fn named(text: &[u8]) -> Result<BTreeSet<String>, String> {
    let makes = MAKERS
        .iter()
        .find(|maker| !is_list(text) && memmem::find(text, maker.as_bytes()).is_some());
    if let Some(maker) = makes {
        return Err(format!("names {maker}"));
    }
    let mut out = BTreeSet::new();
    for variable in VARIABLES {
        for at in memmem::find_iter(text, variable.as_bytes()) {
            let before = at.checked_sub(1).map(|before| text[before]);
            let rest = &text[at + variable.len()..];
            if before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
                continue;
            }
            match value(&text[..at], rest) {
                // Whatever else the variables hold, it needs a locale that is installed.
                Value::Written(value) => {
                    out.extend(value.split(|&b| b == b':').filter_map(language))
                }
                Value::Computed if variable == "LANGUAGE" => {
                    return Err("sets LANGUAGE in its own way".to_owned());
                }
                Value::Computed | Value::None => {}
            }
        }
    }
    Ok(out)
}

/// `/etc/locale.gen`, whose comments say which program reads it.
fn is_list(text: &[u8]) -> bool {
    text.starts_with(b"# This file lists locales")
}

/// What a text gives to a variable.
enum Value<'t> {
    /// Nothing: it is only asked for.
    None,
    /// This: `LANG=de`, `LANG="de_DE.UTF-8"`.
    Written(&'t [u8]),
    /// Something that is put together when the text is run.
    Computed,
}

/// What is given to a variable between whose name's sides these texts stand.
fn value<'t>(before: &[u8], after: &'t [u8]) -> Value<'t> {
    if let Some(text) = after
        .strip_prefix(b"=")
        .filter(|text| !text.starts_with(b"="))
    {
        let text = text
            .strip_prefix(b"\"")
            .or_else(|| text.strip_prefix(b"'"))
            .unwrap_or(text);
        let end = text
            .iter()
            .position(|b| !b.is_ascii_alphanumeric() && !b"_.@:-".contains(b));
        let (text, rest) = text.split_at(end.unwrap_or(text.len()));
        return match rest.first() {
            Some(b'$' | b'`' | b'{') => Value::Computed,
            _ => Value::Written(text),
        };
    }
    // os.environ["LANGUAGE"] = x, {"LANGUAGE": x}, ENV["LANGUAGE"] ||= x, setenv("LANGUAGE", x)
    let calls = [b"setenv(".as_slice(), b"putenv("];
    let opening = before
        .strip_suffix(b"\"")
        .or_else(|| before.strip_suffix(b"'"));
    let is_call = opening.is_some_and(|text| calls.iter().any(|call| text.ends_with(call)));
    let mut rest = after;
    while let Some((b'"' | b'\'' | b']' | b'}' | b' ' | b'|' | b'?', more)) = rest.split_first() {
        rest = more;
    }
    let is_key = opening.is_some() && rest.starts_with(b":");
    let is_set = rest.starts_with(b"=") && !rest.starts_with(b"==") && !rest.starts_with(b"=~");
    match is_call || is_key || is_set {
        true => Value::Computed,
        false => Value::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<Vec<String>, String> {
        named(text.as_bytes()).map(|languages| languages.into_iter().collect())
    }

    #[test]
    fn settings_name_languages() {
        assert_eq!(
            said("LANG=\"de_DE.UTF-8\"\nLC_ALL=C.UTF-8").unwrap(),
            ["de"]
        );
        assert_eq!(said("export LANGUAGE=fr:pt_BR").unwrap(), ["fr", "pt"]);
        assert_eq!(said("MY_LANG=de LANGUAGES=fr LANG=${X}").unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_put_together_is_not_understood() {
        assert!(said("export LANGUAGE=$1").is_err());
        assert!(said("os.environ['LANGUAGE'] = code").is_err());
        assert!(said("call(env={'LANGUAGE': code})").is_err());
        assert!(said("locale-gen $LANG").is_err());
        assert!(said("if LANGUAGE == x: os.environ.get('LANGUAGE')").is_ok());
    }

    #[test]
    fn locales_have_languages() {
        assert_eq!(language(b"sr_RS@latin").unwrap(), "sr");
        assert_eq!(language(b"ast").unwrap(), "ast");
        assert_eq!(language(b"french"), None);
        assert!(
            languages([b"C.utf8".as_slice(), b"POSIX"].into_iter())
                .unwrap()
                .is_empty()
        );
    }
}
