//! Compiled Python, `__pycache__/*.pyc`, of sources that stay.
//!
//! **Why it is guarded.** Python compiles what it does not find compiled. Where the folder can be
//! written it does so once in each container; where not, at each start, which then takes longer.
//!
//! **Evidence.** A compiled file goes only with its source beside the folder (PEP 3147:
//! `x.py` is compiled to `__pycache__/x.TAG.pyc`). One without a source is a module of its own, and
//! stays. Anything that stays and names the file keeps it.
//!
//! **Example.** `/usr/lib/python3.11/__pycache__/ast.cpython-311.pyc`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "python-bytecode",
    title: "Compiled Python",
    tier: Tier::Guarded,
    why: "Python compiles its sources, which stay, when it starts",
    source: include_str!("python_bytecode.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let folders = tree
        .walk(Tree::ROOT)
        .filter(|node| tree.name(*node) == b"__pycache__" && tree.is_directory(*node));
    let claims = folders.map(|folder| {
        let compiled = tree.children(folder).filter(|node| tree.is_file(*node));
        let unit = |node| Unit {
            guard: guard(tree, folder, node),
            ..Unit::names(vec![node])
        };
        Claim::new(&RULE, None, compiled.map(unit).collect())
    });
    claims.filter(|claim| !claim.units.is_empty()).collect()
}

fn guard(tree: &Tree<'_>, folder: NodeId, compiled: NodeId) -> Guard {
    let name = tree.name(compiled);
    let module = name
        .strip_suffix(b".pyc")
        .and_then(|stem| stem.split(|&b| b == b'.').next());
    let source = module.and_then(|module| {
        tree.child(tree.parent(folder), &[module, b".py"].concat())
            .filter(|source| tree.is_file(*source))
    });
    match (module, source) {
        (Some(_), Some(_)) => Guard::Proved("each has its source beside it".to_owned()),
        (Some(_), None) => Guard::Unknown("there is no source beside it".to_owned()),
        (None, _) => Guard::Unknown("it is no compiled module by its name".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_guarded, decide_text, set};

    const MODULE: &str = "[a]\nlib/m.py = x\nlib/__pycache__/m.cpython-311.pyc = x\nlib/__pycache__/n.cpython-311.pyc = x\n";

    #[test]
    fn what_has_a_source_goes_and_what_has_none_stays() {
        let found = decide_guarded(MODULE);
        assert_eq!(found.gone, set(&["/lib/__pycache__/m.cpython-311.pyc"]));
        assert_eq!(
            found.held["/lib/__pycache__/n.cpython-311.pyc"],
            "there is no source beside it"
        );
    }

    #[test]
    fn the_safe_tier_only_says_so() {
        let found = decide_text(MODULE);
        assert_eq!(found.gone, set(&[]));
        assert_eq!(found.offered, set(&["/lib/__pycache__/m.cpython-311.pyc"]));
    }

    #[test]
    fn what_a_higher_tier_would_take_is_searched_for_references_here() {
        let text = "[RUN x]\nvar/lib/apt/lists/data = x\nlib/m.py = x\nlib/__pycache__/m.cpython-311.pyc = /var/lib/apt/lists/data\n";
        assert_eq!(decide_text(text).gone, set(&[]));
        assert_eq!(decide_guarded(text).gone.len(), 2);
    }
}
