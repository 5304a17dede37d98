//! Documentation of the distribution: `/usr/share/doc`, `man`, `info`, `gtk-doc`, `help`, notes for
//! `lintian` and `reportbug`, and the same under `/usr/local`.
//!
//! **Why it is safe.** Programs do not read it. Debian allows leaving it out at installation
//! (dpkg.cfg(5), `path-exclude`) and ships its own minimal images so. Copyright files and other
//! licences stay, as Debian policy 12.5 and most licences demand; so do links, folders, examples,
//! programs, and documents that no package brought (under `/usr/local`: nor a RUN step): somebody put those
//! there.
//!
//! **Evidence.** A program that names a document keeps the documents of that package. Manual and
//! info pages stay where a program that shows them is in the image. The lists of files that package
//! managers keep, and the links of `update-alternatives` from one manual page to another, do not
//! count: see `crates/analysis/src/knowledge/harmless.toml`.
//!
//! **Example.** `/usr/share/doc/libc6/changelog.Debian.gz`.

use ounce_image::NodeId;

use super::{Context, Rule, Tier, docs};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "distribution-docs",
    title: "Distribution documentation",
    tier: Tier::Safe,
    why: "for people to read; no program in the image names it",
    source: include_str!("distribution_docs.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let is_owned = |node| context.packages.is_installed(node);
    let made_by_run = context.made_by_run();
    let is_brought = |node| is_owned(node) || made_by_run(node);
    // What was installed into /usr/local has no package, as a rule.
    let system = context.folder("/usr/share");
    let local = context.folder("/usr/local/share");
    let claims = |share: Option<NodeId>, is_brought: &dyn Fn(NodeId) -> bool| {
        share.map(|share| docs::claims(context, &RULE, share, is_brought))
    };
    let found = [claims(system, &is_owned), claims(local, &is_brought)];
    found.into_iter().flatten().flatten().collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide, decide_text, set};

    const ROOT: &str = "[apt]\nusr/share/doc/t/changelog.gz = x\nusr/share/doc/t/copyright = free\nusr/share/doc/t-data -> t\nusr/share/man/man1/t.1.gz = x\nvar/lib/dpkg/status = Package: t\\nStatus: install ok installed\\nVersion: 1\\n\nvar/lib/dpkg/info/t.list = /usr/share/doc/t/changelog.gz\\n/usr/share/doc/t/usage.txt\\n/usr/share/doc/t/examples/x.sh\\n/usr/share/man/man1/t.1.gz\\n/usr/bin/t\\n/usr/lib/t/help\\n\n";

    #[test]
    fn documents_go_and_copyright_and_links_stay() {
        let found = decide_text(ROOT);
        assert_eq!(
            found.gone,
            set(&[
                "/usr/share/doc/t/changelog.gz",
                "/usr/share/man/man1/t.1.gz"
            ])
        );
    }

    #[test]
    fn examples_and_documents_of_the_image_itself_stay() {
        let found = decide_text(&format!(
            "{ROOT}usr/share/doc/t/examples/x.sh = x\nusr/share/doc/mine/guide.txt = x\n"
        ));
        assert_eq!(found.gone, decide_text(ROOT).gone);
    }

    #[test]
    fn a_program_that_reads_its_usage_keeps_its_folder() {
        let found = decide_text(&format!(
            "{ROOT}usr/share/doc/t/usage.txt = x\nusr/bin/t = cat /usr/share/doc/t/usage.txt\n"
        ));
        assert_eq!(
            found.held["/usr/share/doc/t/changelog.gz"],
            "/usr/bin/t names /usr/share/doc/t/usage.txt"
        );
    }

    #[test]
    fn a_page_named_without_its_ending_is_meant() {
        let found = decide_text(&format!("{ROOT}usr/bin/t = less /usr/share/man/man1/t.1\n"));
        assert!(found.held.contains_key("/usr/share/man/man1/t.1.gz"));
    }

    #[test]
    fn a_manual_reader_keeps_the_pages() {
        let found = decide_text(&format!("{ROOT}usr/bin/man (0755) = elf\n"));
        assert_eq!(
            found.held["/usr/share/man/man1/t.1.gz"],
            "a program that shows man pages is in the image"
        );
    }

    #[test]
    fn a_packaged_file_may_name_the_folder_and_a_script_of_the_image_may_not() {
        let packaged = decide_text(&format!("{ROOT}usr/lib/t/help = see /usr/share/doc\n"));
        assert!(packaged.held.is_empty());
        let own = decide_text(&format!("{ROOT}srv/run.sh = httpd -d /usr/share/doc\n"));
        assert_eq!(
            own.held["/usr/share/doc/t/changelog.gz"],
            "/srv/run.sh names /usr/share/doc"
        );
    }

    #[test]
    fn an_archive_that_only_names_itself_was_put_there_by_somebody() {
        // The end of an empty archive (APPNOTE.TXT 4.3.16).
        let empty = format!("PK\\x05\\x06{}", "\\x00".repeat(18));
        let found = decide_text(&format!("{ROOT}usr/share/doc/t/demo.jar = {empty}\n"));
        assert_eq!(found.gone, decide_text(ROOT).gone);
    }

    #[test]
    fn an_image_that_serves_the_documents_keeps_them() {
        let config =
            serde_json::json!({ "Cmd": ["python3", "-m", "http.server", "-d", "/usr/share/doc"] });
        let found = decide(&ounce_testkit::image(ROOT).with_config(config));
        assert_eq!(
            found.held["/usr/share/doc/t/changelog.gz"],
            "the image's Cmd names /usr/share/doc"
        );
    }

    #[test]
    fn lists_of_apk_and_rpm_do_not_hold_documents() {
        let found = decide_text(
            "[apk]\nlib/apk/db/installed = P:t\\nV:1\\nF:usr/share/doc/t\\nR:guide.txt\\nR:more.txt\\n\\n\nvar/lib/rpm/Packages = /usr/share/doc/t/more.txt\nusr/share/doc/t/guide.txt = x\nusr/share/doc/t/more.txt = x\n",
        );
        let expected = ["/usr/share/doc/t/guide.txt", "/usr/share/doc/t/more.txt"];
        assert_eq!(found.gone, set(&expected));
    }
}
