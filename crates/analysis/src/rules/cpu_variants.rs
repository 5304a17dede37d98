//! The same library several times, each for another kind of processor.
//!
//! **Why it is opt-in.** Which one is loaded is decided where the container runs. Whoever knows the oldest
//! processor of their machines needs one of them; with only the oldest kept everything runs everywhere,
//! but slower, and with only the newest kept it does not start on old machines.
//!
//! **Evidence.** Libraries whose loaders are known to choose by processor: glibc's `glibc-hwcaps` folders
//! (ld.so(8)), Intel MKL's `libmkl_avx2.so` and its like, ggml's `libggml-cpu-*.so`, and the runtimes of
//! polars, of which it takes `_polars_runtime_compat` first when nothing is set (`polars/_plr.py`).
//!
//! **Example.** `_polars_runtime_32` beside `_polars_runtime_compat`, 133 MB.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "cpu-variants",
    title: "Libraries for several kinds of processor",
    tier: Tier::OptIn,
    why: "one of them is loaded, by the processor",
    source: include_str!("cpu_variants.rs"),
    find,
};

/// Kernels of MKL by processor (oneMKL developer guide, "Detailed Directory Structure"); `def` is for
/// all others.
const MKL: [&str; 6] = ["def", "mc", "mc3", "avx", "avx2", "avx512"];
/// What polars sets aside for the runtime of its choice (`polars/_plr.py`).
const POLARS_CHOICE: [&str; 2] = ["POLARS_FORCE_PKG", "POLARS_PREFER_PKG"];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let found = tree.walk(Tree::ROOT).filter_map(|node| {
        let cost = cost(context, node)?;
        let unit = Unit {
            guard: Guard::Refused(cost),
            ..context.whole(node)
        };
        Some(Claim::new(&RULE, None, vec![unit]))
    });
    found.collect()
}

/// What it would cost to go without a variant; nothing for what is none.
fn cost(context: &Context<'_>, node: NodeId) -> Option<String> {
    let tree = context.tree;
    let name = String::from_utf8_lossy(tree.name(node));
    if tree.is_directory(node) {
        return match name.strip_prefix("_polars_runtime_") {
            Some(_) => polars(context, node),
            None => (tree.name(tree.parent(node)) == b"glibc-hwcaps").then(|| {
                format!("libraries for {name} processors; the ones beside this folder are slower")
            }),
        };
    }
    let variant = name
        .split(".so")
        .next()
        .filter(|stem| stem.len() < name.len())?;
    let (family, processor) = variant
        .strip_prefix("libmkl_")
        .filter(|processor| MKL.contains(processor))
        .map(|processor| ("MKL", processor))
        .or_else(|| Some(("ggml", variant.strip_prefix("libggml-cpu-")?)))?;
    Some(format!(
        "{family}'s kernels for {processor}; on such processors another variant would be slower, or none fits"
    ))
}

/// A runtime of polars that it does not take by itself.
fn polars(context: &Context<'_>, runtime: NodeId) -> Option<String> {
    let folder = context.tree.parent(runtime);
    let is_taken = context.tree.name(runtime) == b"_polars_runtime_compat";
    let compat = context.tree.child(folder, b"_polars_runtime_compat");
    let is_chosen = POLARS_CHOICE
        .iter()
        .any(|variable| context.config.env(variable).is_some());
    (compat.is_some() && !is_taken && !is_chosen).then(|| {
        "polars takes the runtime for old processors first; this one only where POLARS_PREFER_PKG or POLARS_FORCE_PKG asks for it. To be fast keep this one and leave the other out, where every processor has AVX2".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::decide_guarded;

    #[test]
    fn variants_are_named_and_single_libraries_are_not() {
        let found = decide_guarded(
            "[a]\np/_polars_runtime_32/a.so = x\np/_polars_runtime_compat/a.so = x\nq/_polars_runtime_32/a.so = x\nusr/lib/libmkl_avx2.so.2 = x\nusr/lib/libmkl_core.so = x\nusr/lib/glibc-hwcaps/x86-64-v3/libz.so.1 = x\n",
        );
        assert!(found.gone.is_empty());
        let files: Vec<_> = found
            .held
            .keys()
            .filter(|path| path.contains(".so"))
            .collect();
        assert_eq!(
            files,
            [
                "/p/_polars_runtime_32/a.so",
                "/usr/lib/glibc-hwcaps/x86-64-v3/libz.so.1",
                "/usr/lib/libmkl_avx2.so.2"
            ]
        );
    }
}
