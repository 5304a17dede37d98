//! The wheels with which Python installs pip into new environments, `ensurepip/_bundled/*.whl`.
//!
//! **Why it is guarded.** Only `python -m ensurepip` and `python -m venv` open them, when an environment is
//! made; a person may do so in a running container, although nothing in the image does.
//!
//! **Evidence.** The guard is proved when the wheel is a copy of a pip (or setuptools) that is installed and the
//! image starts something else than a shell or Python itself. Anything outside of Python's own library that says
//! `ensurepip`, `-m venv`, `EnvBuilder` or `virtualenv` keeps them, and so does the image's command.
//!
//! **Example.** `/usr/local/lib/python3.12/ensurepip/_bundled/pip-24.0-py3-none-any.whl`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit, Word};

pub(super) const RULE: Rule = Rule {
    id: "python-ensurepip",
    title: "Python's bundled wheels (ensurepip)",
    tier: Tier::Guarded,
    why: "opened when an environment is made",
    source: include_str!("python_ensurepip.rs"),
    find,
};

/// What asks for them (docs.python.org/3/library/venv.html, ensurepip.html).
const WORDS: [&str; 7] = [
    "ensurepip",
    "-m venv",
    "-mvenv",
    "EnvBuilder",
    "import venv",
    "pyvenv",
    "virtualenv",
];

/// Programs in which people may start anything.
const OPEN: [&str; 8] = [
    "sh", "bash", "dash", "ash", "zsh", "fish", "python", "python3",
];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let folders = tree.walk(Tree::ROOT).filter(|node| {
        tree.name(*node) == b"_bundled" && tree.name(tree.parent(*node)) == b"ensurepip"
    });
    let claims = folders.map(|folder| {
        let is_wheel = |node: &NodeId| tree.is_file(*node) && tree.name(*node).ends_with(b".whl");
        let wheels: Vec<NodeId> = tree.children(folder).filter(is_wheel).collect();
        let unit = Unit {
            guard: guard(context, &wheels),
            words: WORDS
                .map(|text| Word {
                    text: text.into(),
                    within: None,
                })
                .into(),
            ..Unit::names(wheels)
        };
        Claim::new(&RULE, Some(folder), vec![unit])
    });
    claims
        .filter(|claim| !claim.units[0].nodes().is_empty())
        .collect()
}

fn guard(context: &Context<'_>, wheels: &[NodeId]) -> Guard {
    let tree = context.tree;
    let started = context.started();
    let texts = context.config.run_time_texts();
    if texts
        .values()
        .flatten()
        .any(|text| text.contains("venv") || text.contains("ensurepip"))
    {
        return Guard::Refused(
            "the image's command or environment speaks of environments".to_owned(),
        );
    }
    if started.iter().all(|name| OPEN.contains(&name.as_str())) {
        return Guard::Unknown("the image starts a shell or Python for its users".to_owned());
    }
    let is_installed = |wheel: &NodeId| {
        let name = tree
            .name(*wheel)
            .split(|&b| b == b'-')
            .next()
            .unwrap_or_default();
        context
            .packages
            .iter()
            .any(|package| package.name.as_bytes() == name)
    };
    match wheels.iter().all(is_installed) {
        true => Guard::Proved(
            "the image starts something else, and was given what they would install".to_owned(),
        ),
        false => Guard::Unknown("what they would install is not installed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::Options;
    use crate::rules::Tier;
    use crate::testing::{Decided, decide_with};

    const PYTHON: &str = "[RUN x]\nusr/lib/python3.12/ensurepip/__init__.py = ensurepip\nusr/lib/python3.12/venv/__init__.py = class EnvBuilder: ensurepip\nusr/lib/python3.12/ensurepip/_bundled/pip-24.0-py3-none-any.whl = PK\nusr/lib/python3.12/site-packages/pip-24.0.dist-info/METADATA = Name: pip\\nVersion: 24.0\\n\nusr/lib/python3.12/site-packages/pip-24.0.dist-info/RECORD = x\nusr/bin/gunicorn (0755) = x\nusr/bin/python3 (0755) = x\n";
    const WHEEL: &str = "/usr/lib/python3.12/ensurepip/_bundled/pip-24.0-py3-none-any.whl";

    fn decide(text: &str, config: serde_json::Value) -> Decided {
        let image = ounce_testkit::image(text).with_config(config);
        decide_with(&image, &Options::default().with_tier(Tier::Guarded))
    }

    #[test]
    fn the_wheel_goes_where_the_image_starts_a_service() {
        let found = decide(PYTHON, serde_json::json!({ "Cmd": ["gunicorn", "app"] }));
        assert!(found.gone.contains(WHEEL));
    }

    #[test]
    fn an_entrypoint_that_makes_environments_keeps_it() {
        let venv = serde_json::json!({ "Entrypoint": ["sh", "-c", "python3 -m venv /tmp/v"] });
        assert!(!decide(PYTHON, venv).gone.contains(WHEEL));
        let script = format!("{PYTHON}srv/start.sh = python3 -m venv /work/v\n");
        let found = decide(&script, serde_json::json!({ "Cmd": ["gunicorn", "app"] }));
        assert_eq!(found.held[WHEEL], format!("/srv/start.sh asks for {WHEEL}"));
    }

    #[test]
    fn python_for_its_users_keeps_it() {
        let found = decide(PYTHON, serde_json::json!({ "Cmd": ["python3"] }));
        assert_eq!(
            found.held[WHEEL],
            "the image starts a shell or Python for its users"
        );
    }
}
