//! Locales that the image's environment does not name: glibc's `locale-archive` and folders of locales.
//!
//! **Why it is opt-in.** Whoever starts a container may choose a locale (`docker run -e LANG=de_DE.UTF-8`), and
//! programs may ask for one by name. Without it they speak and sort as in `C`.
//!
//! **Evidence.** The archive counts as a whole, with the number of locales in it: it would have to be made anew
//! with `localedef` for those that are wanted. Folders of locales count one by one, but for `C` and those in
//! `LANG`, `LANGUAGE` and `LC_*`.
//!
//! **Example.** `/usr/lib/locale/locale-archive` of `locales-all`, 230 MB.

use ounce_image::NodeId;

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};
use crate::inspect::locale_archive;

pub(super) const RULE: Rule = Rule {
    id: "spare-locales",
    title: "Locales that the image does not ask for",
    tier: Tier::OptIn,
    why: "the environment names none of them",
    source: include_str!("spare_locales.rs"),
    find,
};

/// Where glibc looks (locale(7), `LOCPATH` aside).
const FOLDER: &str = "/usr/lib/locale";

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let env = context.config.list("Env");
    let asks = |entry: &&String| entry.starts_with("LC_") || entry.starts_with("LANG");
    let asked: Vec<String> = env.iter().filter(asks).map(|entry| folded(entry)).collect();
    let is_asked = |name: &str| asked.iter().any(|entry| entry.contains(&folded(name)));
    let cost = |node: NodeId| {
        let name = String::from_utf8_lossy(tree.name(node)).into_owned();
        if tree.is_directory(node) {
            let is_base = name.starts_with("C.") || name == "C" || name == "POSIX";
            let is_locale = tree.child(node, b"LC_CTYPE").is_some();
            return (is_locale && !is_base && !is_asked(&name))
                .then(|| format!("programs that ask for {name} speak and sort as in C"));
        }
        let leaf = tree.leaf_of(node).filter(|_| name == "locale-archive")?;
        let names = locale_archive::names(&tree.read(leaf)).ok()?;
        let spare = names
            .iter()
            .filter(|name| !is_asked(&String::from_utf8_lossy(name)))
            .count();
        (spare > 0).then(|| {
            let all = names.len();
            format!("the environment asks for {} of its {all} locales; localedef makes an archive of those alone", all - spare)
        })
    };
    let children = context
        .folder(FOLDER)
        .into_iter()
        .flat_map(|folder| tree.children(folder));
    let claim = |node| {
        let unit = Unit {
            guard: Guard::Refused(cost(node)?),
            ..context.whole(node)
        };
        Some(Claim::new(&RULE, None, vec![unit]))
    };
    children.filter_map(claim).collect()
}

/// `de_DE.UTF-8` and `de_DE.utf8` are the same (locale(1), normalised codesets).
fn folded(locale: &str) -> String {
    locale.to_ascii_lowercase().replace('-', "")
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_image_guarded, escaped, locale_archive};

    #[test]
    fn what_the_environment_asks_for_is_not_spare() {
        let archive = escaped(&locale_archive(&["de_DE.utf8", "fr_FR.utf8"]));
        let text = format!(
            "[a]\nusr/lib/locale/locale-archive = {archive}\nusr/lib/locale/C.utf8/LC_CTYPE = x\nusr/lib/locale/en_US.utf8/LC_CTYPE = x\nusr/lib/locale/it_IT.utf8/LC_CTYPE = x\n"
        );
        let config = serde_json::json!({ "Env": ["LANG=en_US.UTF-8", "LC_TIME=fr_FR.UTF-8"] });
        let found = decide_image_guarded(&ounce_testkit::image(&text).with_config(config));
        let names: Vec<_> = found
            .held
            .keys()
            .filter(|path| !path.ends_with("utf8"))
            .collect();
        assert_eq!(
            names,
            [
                "/usr/lib/locale/it_IT.utf8/LC_CTYPE",
                "/usr/lib/locale/locale-archive"
            ]
        );
        assert!(found.held["/usr/lib/locale/locale-archive"].contains("1 of its 2 locales"));
    }
}
