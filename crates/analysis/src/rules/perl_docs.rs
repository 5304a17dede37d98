//! Perl's documentation in files of its own, `*.pod` beside the modules.
//!
//! **Why it is safe.** Perl compiles `.pm` and `.pl` files, whose own documentation stays in them; a
//! `.pod` file holds nothing else, and is read by `perldoc`, which is not in the image. Debian's `perl`
//! brings in its place a script that tells to install `perl-doc`. `perldiag.pod` stays: the pragma
//! `diagnostics` takes its explanations from there.
//!
//! **Evidence.** They stay where a working `perldoc` is in the image. Only files of packages, or made by a RUN
//! step, in folders that Perl searches are taken. Anything that stays and names one by its path keeps it,
//! and so does a file that names it without its folder, as `Pod::Usage` is given its `-input`, or that
//! looks for documents by the names of modules (`pod_where`). What Perl's own modules say of each other
//! does not count.
//!
//! **Example.** `/usr/lib/x86_64-linux-gnu/perl/5.36.0/Config.pod`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit, Word};

pub(super) const RULE: Rule = Rule {
    id: "perl-docs",
    title: "Perl documentation (.pod)",
    tier: Tier::Safe,
    why: "read by perldoc, which is not in the image",
    source: include_str!("perl_docs.rs"),
    find,
};

/// Debian's script in the place of `perldoc` (debian/perldoc.stub of the source package perl) has this
/// line, and is 125 bytes long.
const STUB: &[u8] = b"diverted by perl-doc";
const MAX_STUB: u64 = 1024;

/// Functions and modules that find documents in Perl's search path (metacpan.org/pod/Pod::Find,
/// Pod::Simple::Search).
const FINDERS: [&str; 3] = ["pod_where", "Pod::Find", "Pod::Simple::Search"];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let is_document = |node: &NodeId| {
        let name = tree.name(*node);
        name.ends_with(b".pod")
            && name != b"perldiag.pod"
            && tree.is_file(*node)
            && in_search_path(tree, *node)
            && (context.packages.is_installed(*node) || made_by_run(*node))
    };
    let guard =
        Guard::refused(reader(context).map(|reader| format!("{} shows them", tree.path(reader))));
    let unit = |node| Unit {
        guard: guard.clone(),
        words: words(tree, node),
        ..Unit::names(vec![node])
    };
    let units: Vec<Unit> = tree
        .walk(Tree::ROOT)
        .filter(is_document)
        .map(unit)
        .collect();
    match units.is_empty() {
        true => Vec::new(),
        false => vec![Claim::new(&RULE, None, units)],
    }
}

/// A document's name, and what looks for documents by the names of modules.
fn words(tree: &Tree<'_>, node: NodeId) -> Vec<Word> {
    let finders = FINDERS.map(str::as_bytes);
    let texts = [tree.name(node)].into_iter().chain(finders);
    let word = |text: &[u8]| Word {
        text: text.to_vec(),
        within: None,
    };
    texts.map(word).collect()
}

/// Below a folder called `perl` or `perl5`, as all of `@INC` are in distributions and conda.
fn in_search_path(tree: &Tree<'_>, node: NodeId) -> bool {
    let path = tree.path(node);
    path.components()
        .any(|part| part == b"perl" || part == b"perl5")
}

/// A `perldoc` that is more than the advice to install it.
fn reader(context: &Context<'_>) -> Option<NodeId> {
    let tree = context.tree;
    let is_reader = |node: &NodeId| {
        tree.name(*node).starts_with(b"perldoc")
            && tree.name(tree.parent(*node)) == b"bin"
            && tree.is_file(*node)
            && !is_stub(context, *node)
    };
    tree.walk(Tree::ROOT).find(is_reader)
}

fn is_stub(context: &Context<'_>, node: NodeId) -> bool {
    let leaf = context.tree.leaf_of(node);
    let content = leaf.and_then(|leaf| context.tree.read(leaf).read_all(MAX_STUB).ok());
    content.is_some_and(|text| text.windows(STUB.len()).any(|part| part == STUB))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const PERL: &str = "[RUN make install]\nusr/share/perl/5.36/Tool.pm = package Tool;\nusr/share/perl/5.36/Tool/FAQ.pod = =head1 FAQ\nusr/share/perl/5.36/pod/perldiag.pod = =head1\nusr/bin/perldoc (0755) = #!/bin/sh\\n# place-holder, diverted by perl-doc\\n\n";
    const FAQ: &str = "/usr/share/perl/5.36/Tool/FAQ.pod";

    #[test]
    fn documents_go_and_what_diagnostics_reads_stays() {
        let found = decide_text(&format!("{PERL}app/run.pl = use diagnostics;\n"));
        assert_eq!(found.gone, set(&[FAQ]));
    }

    #[test]
    fn a_real_perldoc_keeps_them() {
        let text = PERL.replace("diverted by perl-doc", "perldoc itself");
        assert_eq!(decide_text(&text).held[FAQ], "/usr/bin/perldoc shows them");
    }

    #[test]
    fn a_script_whose_usage_is_in_one_keeps_it() {
        let script = "usr/bin/tool = pod2usage(-input => find('FAQ.pod'));\n";
        let found = decide_text(&format!("{PERL}{script}"));
        assert_eq!(found.held[FAQ], format!("/usr/bin/tool asks for {FAQ}"));
    }

    #[test]
    fn documents_that_were_copied_and_those_of_other_folders_stay() {
        assert_eq!(
            decide_text(&PERL.replace("RUN make install", "COPY . /")).gone,
            set(&[])
        );
        assert_eq!(
            decide_text("[RUN x]\nsrv/pages/a.pod = =head1").gone,
            set(&[])
        );
    }
}
