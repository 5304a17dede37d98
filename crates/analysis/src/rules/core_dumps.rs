//! Memory of programs that crashed while the image was built: `core`, `core.123`.
//!
//! **Why it is safe.** A core dump is read by a debugger, once, by whoever looks into that crash. Only
//! ELF files that say they are core dumps (`ET_CORE`, System V ABI, "ELF Header"), that a RUN step made
//! and that no package brought are taken.
//!
//! **Evidence.** Anything that stays and names the dump by its path keeps it.
//!
//! **Example.** `/app/core.1742`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Unit};

pub(super) const RULE: Rule = Rule {
    id: "core-dumps",
    title: "Core dumps",
    tier: Tier::Safe,
    why: "memory of programs that crashed while the image was built",
    source: include_str!("core_dumps.rs"),
    find,
};

/// `e_type` of a core dump; the field is the 16-bit number behind `e_ident`.
const ET_CORE: u8 = 4;

fn find(context: &Context<'_>) -> Vec<Claim> {
    let made_by_run = context.made_by_run();
    let dumps = context.tree.walk(Tree::ROOT).filter(|node| {
        is_called_so(context.tree.name(*node))
            && context.packages.owner(*node).is_none()
            && made_by_run(*node)
            && is_dump(context, *node)
    });
    dumps
        .map(|node| Claim::new(&RULE, None, vec![Unit::names(vec![node])]))
        .collect()
}

/// core(5): `core`, `core.PID`; Valgrind writes `vgcore.PID`.
fn is_called_so(name: &[u8]) -> bool {
    let mut parts = name.split(|&b| b == b'.');
    let is_core = matches!(parts.next(), Some(b"core" | b"vgcore"));
    is_core && parts.all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
}

fn is_dump(context: &Context<'_>, node: NodeId) -> bool {
    let start = context.start::<18>(node);
    let is_core = |start: [u8; 18]| match start[5] {
        1 => start[16..] == [ET_CORE, 0],
        2 => start[16..] == [0, ET_CORE],
        _ => false,
    };
    start.is_some_and(|start| start.starts_with(b"\x7fELF") && is_core(start))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const DUMP: &str =
        "\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x04\\x00memory";

    #[test]
    fn a_dump_of_the_build_goes() {
        let found = decide_text(&format!(
            "[RUN make test]\napp/core.17 = {DUMP}\napp/core = {DUMP}\n"
        ));
        assert_eq!(found.gone, set(&["/app/core", "/app/core.17"]));
    }

    #[test]
    fn a_file_that_is_only_called_so_stays() {
        let program = DUMP.replace("\\x04\\x00", "\\x02\\x00");
        let text = format!("[RUN x]\napp/core = {program}\napp/core.js = {DUMP}\napp/core.1 = x\n");
        assert_eq!(decide_text(&text).gone, set(&[]));
    }

    #[test]
    fn a_dump_that_was_copied_stays() {
        assert_eq!(
            decide_text(&format!("[COPY a b]\ndata/core = {DUMP}\n")).gone,
            set(&[])
        );
    }
}
