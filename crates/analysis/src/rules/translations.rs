//! Translations of programs' messages, `share/locale/LANGUAGE/LC_*/DOMAIN.mo`, into languages that no
//! program in the image can be asked to speak.
//!
//! **Why it is guarded.** glibc's gettext looks a translation up only when a locale other than `C`
//! could be set (glibc manual, "The Programmer's View of `gettext`"), and a locale is to be had only
//! where its data are: in `/usr/lib/locale`. The price: with `C.UTF-8`, older versions of glibc
//! follow the variable `LANGUAGE` too, so `docker run -e LANGUAGE=de` brings English messages where it
//! brought German ones. Locales that a container gets later, by a mount or by installing them, find
//! no translations either.
//!
//! **Evidence.** The languages of installed locales stay, in folders or in `locale-archive`, as do those
//! that the image's environment, a file in `/etc` or a script of its own gives to `LANG`, `LANGUAGE`,
//! `LC_ALL` or `LC_MESSAGES`. A domain goes only when a package brought it and a program that asks glibc
//! names it. It stays when something else may read it: a script in Python, Ruby, PHP, JavaScript or Perl
//! that looks translations up by itself and belongs to the same package or names the domain, or a
//! statically linked program that names it. All of them stay where the C library is not glibc (musl
//! takes the language from the environment), or where something makes locales when it runs.
//!
//! **Example.** `/usr/share/locale/de/LC_MESSAGES/coreutils.mo` in an image that only has `C.UTF-8`.

mod languages;
mod readers;

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};
use readers::Readers;

pub(super) const RULE: Rule = Rule {
    id: "translations",
    title: "Translations of messages",
    tier: Tier::Guarded,
    why: "read where a locale asks for the language",
    source: include_str!("translations.rs"),
    find,
};

/// One domain in one language below one folder, whatever categories list it.
type Key = (NodeId, Vec<u8>, Vec<u8>);

fn find(context: &Context<'_>) -> Vec<Claim> {
    let translations = translations(context.tree);
    if translations.is_empty() {
        return Vec::new();
    }
    let domains: BTreeSet<Vec<u8>> = translations.keys().map(|(_, _, d)| d.clone()).collect();
    let domains: Vec<Vec<u8>> = domains.into_iter().collect();
    let languages = languages::selectable(context);
    let readers = match &languages {
        Ok(_) => Readers::find(context, &domains).unwrap_or_default(),
        Err(_) => Readers::default(),
    };
    let units = translations
        .into_iter()
        .map(|((_, locale, domain), nodes)| {
            let guard = match &languages {
                Err(reason) => Guard::Unknown(reason.clone()),
                Ok(languages) if is_selectable(&locale, languages) => {
                    Guard::Refused("a program may be asked for this language".to_owned())
                }
                Ok(_) => {
                    let number = domains.binary_search(&domain).unwrap_or_default();
                    unread(context, &readers, number, &nodes)
                }
            };
            Unit {
                guard,
                ..Unit::names(nodes)
            }
        });
    vec![Claim::new(&RULE, None, units.collect())]
}

/// The folders of the languages that a program can be asked to speak, below all `share/locale`; where there
/// is no telling, those that the image's config asks for.
pub(crate) fn selectable_folders(context: &Context<'_>) -> BTreeSet<NodeId> {
    let tree = context.tree;
    let translations = translations(tree);
    if translations.is_empty() {
        return BTreeSet::new();
    }
    let languages = languages::selectable(context).or_else(|_| languages::configured(context));
    let languages = languages.unwrap_or_default();
    let is_asked_for = |locale: &[u8]| {
        languages::language(locale).is_some_and(|language| languages.contains(&language))
    };
    translations
        .into_iter()
        .filter(|((_, locale, _), _)| is_asked_for(locale))
        .flat_map(|(_, nodes)| nodes)
        .map(|node| tree.parent(tree.parent(node)))
        .collect()
}

/// The `.mo` files of all `share/locale`, with the links from one category to another.
fn translations(tree: &Tree<'_>) -> BTreeMap<Key, Vec<NodeId>> {
    let mut out: BTreeMap<Key, Vec<NodeId>> = BTreeMap::new();
    for node in tree.walk(Tree::ROOT).filter(|n| tree.leaf_of(*n).is_some()) {
        let Some(domain) = tree.name(node).strip_suffix(b".mo") else {
            continue;
        };
        let category = tree.parent(node);
        let language = tree.parent(category);
        let folder = tree.parent(language);
        let is_place = matches!(tree.name(folder), b"locale" | b"locale-langpack")
            && tree.name(tree.parent(folder)) == b"share"
            && tree.name(category).starts_with(b"LC_");
        if is_place {
            let key = (folder, tree.name(language).to_vec(), domain.to_vec());
            out.entry(key).or_default().push(node);
        }
    }
    out
}

/// Whether a folder of translations may be what is asked for; also when its name is no locale's.
fn is_selectable(locale: &[u8], languages: &BTreeSet<String>) -> bool {
    languages::language(locale).is_none_or(|language| languages.contains(&language))
}

/// Whether nobody but glibc would read the files of a domain.
fn unread(context: &Context<'_>, readers: &Readers, domain: usize, nodes: &[NodeId]) -> Guard {
    let mut owners = nodes.iter().map(|node| context.packages.owner(*node));
    let Some(Some(package)) = owners.next() else {
        return Guard::Unknown("no package brought it".to_owned());
    };
    if !owners.all(|owner| owner.is_some_and(|owner| owner.name == package.name)) {
        return Guard::Unknown("several packages have to do with it".to_owned());
    }
    match readers.direct(domain, package) {
        Some(path) => Guard::Unknown(format!("{path} may read it without asking for a locale")),
        None if readers.ask_libc(domain) => Guard::Proved(
            "no locale of these languages is installed or named, and their programs ask glibc"
                .into(),
        ),
        None => Guard::Unknown("no program is known to read it through glibc".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        Decided, decide_guarded, decide_image_guarded, escaped, importing, locale_archive, set,
    };

    const GERMAN: &str = "/usr/share/locale/de/LC_MESSAGES/tool.mo";
    const LINK: &str = "/usr/share/locale/de/LC_TIME/tool.mo";
    const STATUS: &str =
        "var/lib/dpkg/status = Package: tool\\nStatus: install ok installed\\nVersion: 1\\n\n";
    const FRENCH: &str = "/usr/share/locale/fr/LC_MESSAGES/tool.mo";

    /// A program with translations into two languages, in an image with glibc.
    fn image(more: &str) -> String {
        let tool = escaped(&importing(&["bindtextdomain", "dcgettext"], b"\0tool\0"));
        let libc = escaped(&importing(&["bindtextdomain"], b"\0/usr/lib/locale\0"));
        let files = format!("usr/bin/tool (0755) = {tool}\nlib/libc.so.6 = {libc}\n");
        let translations = format!("{} = x\n{} = x\n", &GERMAN[1..], &FRENCH[1..]);
        let list = [GERMAN, FRENCH, LINK, "/usr/bin/own.py"].join("\\n");
        format!(
            "[a]\n{files}{translations}{STATUS}var/lib/dpkg/info/tool.list = {list}\\n\n{more}\n"
        )
    }

    fn decide(more: &str) -> Decided {
        decide_guarded(&image(more))
    }

    #[test]
    fn what_no_locale_asks_for_goes() {
        assert_eq!(decide("").gone, set(&[GERMAN, FRENCH]));
    }

    #[test]
    fn a_category_that_links_to_another_goes_with_it() {
        let found = decide(&format!("{} -> ../LC_MESSAGES/tool.mo", &LINK[1..]));
        assert_eq!(found.gone, set(&[GERMAN, LINK, FRENCH]));
    }

    #[test]
    fn the_language_of_the_environment_stays() {
        let config = serde_json::json!({ "Env": ["LANG=fr_FR.UTF-8"] });
        let image = ounce_testkit::image(&image("")).with_config(config);
        assert_eq!(decide_image_guarded(&image).gone, set(&[GERMAN]));
    }

    #[test]
    fn the_languages_of_installed_locales_stay() {
        let archive = escaped(&locale_archive(&["de_AT.utf8"]));
        let found = decide(&format!("usr/lib/locale/locale-archive = {archive}"));
        assert_eq!(found.gone, set(&[FRENCH]));
        let found = decide("usr/lib/locale/fr_CA.utf8/LC_IDENTIFICATION = x");
        assert_eq!(found.gone, set(&[GERMAN]));
        assert_eq!(decide("usr/lib/locale/locale-archive = x").gone, set(&[]));
    }

    #[test]
    fn musl_takes_the_language_from_the_environment() {
        assert_eq!(decide("lib/ld-musl-x86_64.so.1 = x").gone, set(&[]));
    }

    #[test]
    fn a_script_that_reads_the_domain_by_itself_keeps_it() {
        let script = "= import os\\nimport gettext as g\\ng.translation('tool')\\n";
        for path in ["usr/bin/own.py", "app/a.py"] {
            let found = decide(&format!("{path} {script}"));
            assert_eq!(found.gone, set(&[]), "{path}");
        }
        let found = decide("app/a.py = from gettext import gettext as _\\nx = 'tool'\\n");
        assert_eq!(found.gone.len(), 2);
    }

    #[test]
    fn a_program_that_chooses_its_language_keeps_it() {
        let tool = importing(&["g_dgettext", "g_setenv"], b"\0tool\0LANGUAGE\0");
        let found = decide(&format!("usr/bin/editor = {}", escaped(&tool)));
        assert_eq!(found.gone, set(&[]));
    }

    #[test]
    fn what_makes_locales_when_it_starts_keeps_everything() {
        let found = decide("start.sh (0755) = #!/bin/sh\\nlocale-gen de_DE.UTF-8\\n");
        assert_eq!(found.gone, set(&[]));
    }

    #[test]
    fn what_nobody_is_known_to_read_stays() {
        let found = decide("usr/share/locale/de/LC_MESSAGES/own.mo = x");
        assert_eq!(
            found.held["/usr/share/locale/de/LC_MESSAGES/own.mo"],
            "no package brought it"
        );
    }
}
