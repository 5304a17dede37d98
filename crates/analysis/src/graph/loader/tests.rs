use super::*;
use crate::packages::Packages;
use crate::testing::{layers, linked};
use ounce_image::Config;
use serde_json::json;
use std::path::Path;

/// What the loader finds for `library` when `/opt/app/bin/tool`, with these folders, needs it.
fn found(files: &str, rpath: &str, runpath: &str, env: &str, library: &str) -> Vec<String> {
    found_by(files, &Chain::default(), rpath, runpath, env, library)
}

fn found_by(
    files: &str,
    chain: &Chain,
    rpath: &str,
    runpath: &str,
    env: &str,
    library: &str,
) -> Vec<String> {
    let other = crate::testing::escaped(&linked(&[], "", "", None));
    let files = files.replace("ELF", &other);
    let image = ounce_testkit::image(&format!("[a]\nopt/app/bin/tool = x\n{files}"))
        .with_config(json!({ "Env": [env] }));
    let layers = layers(&image);
    let tree = Tree::build(&layers).unwrap();
    let config = Config::parse(image.config.to_string().into_bytes(), Path::new("test")).unwrap();
    let packages = Packages::default();
    let context = Context::new(&tree, &config, &packages);
    let loader = Loader::new(&context);
    let list = |text: &str| folders(text.as_bytes(), b":");
    let elf = Elf {
        machine: (2, 62),
        rpath: list(rpath),
        runpath: list(runpath),
        ..Elf::default()
    };
    let tool = tree.resolve(b"/opt/app/bin/tool").unwrap();
    let found = loader.find(chain, &elf, tool, library.as_bytes());
    let shown = found.into_iter().map(|(links, end)| {
        let links = links.iter().map(|link| format!("{} > ", tree.path(*link)));
        format!("{}{}", links.collect::<String>(), tree.path(end))
    });
    shown.collect()
}

const FOUR: &str = "opt/app/lib/liba.so = ELF\nusr/lib/x86_64-linux-gnu/liba.so = ELF\nusr/lib/liba.so = ELF\nenv/liba.so = ELF\nlib -> usr/lib";

#[test]
fn the_order_is_the_loaders() {
    let find = |rpath, runpath, env| found(FOUR, rpath, runpath, env, "liba.so").join(" ");
    assert_eq!(
        find("$ORIGIN/../lib", "", "LD_LIBRARY_PATH=/env"),
        "/opt/app/lib/liba.so"
    );
    assert_eq!(
        find("", "${ORIGIN}/../lib", "LD_LIBRARY_PATH=/env"),
        "/env/liba.so"
    );
    assert_eq!(find("", "$ORIGIN/../lib", "A=b"), "/opt/app/lib/liba.so");
    assert_eq!(
        find("", "/none", "A=b"),
        "/lib > /usr/lib/x86_64-linux-gnu/liba.so"
    );
    assert_eq!(
        find("/usr/$LIB", "", "A=b"),
        "/usr/lib/x86_64-linux-gnu/liba.so"
    );
    // With a RUNPATH, RPATH does not count.
    assert_eq!(
        find("$ORIGIN/../lib", "/usr/lib", "A=b"),
        "/usr/lib/liba.so"
    );
}

#[test]
fn rpath_is_handed_down_unless_there_is_a_runpath() {
    let chain = Chain {
        is_musl: false,
        inherited: vec![b"/env".to_vec()],
        ..Chain::default()
    };
    let find = |runpath| found_by(FOUR, &chain, "", runpath, "A=b", "liba.so").join(" ");
    assert_eq!(find(""), "/env/liba.so");
    assert_eq!(find("/usr/lib"), "/usr/lib/liba.so");
}

#[test]
fn the_cache_comes_before_the_default_folders_and_links_are_followed() {
    let cache = cache::tests::written(&[("libb.so.1", "/far/libb.so.1", 0)]);
    let cache = crate::testing::escaped(&cache);
    let files = format!(
        "etc/ld.so.cache = {cache}\nfar -> near\nnear/libb.so.1 -> libb.so.1.2\nnear/libb.so.1.2 = ELF\nusr/lib/libb.so.1 = ELF"
    );
    assert_eq!(
        found(&files, "", "", "A=b", "libb.so.1"),
        ["/far > /near/libb.so.1 > /near/libb.so.1.2"]
    );
}

#[test]
fn variants_for_some_processors_are_found_beside_the_plain_one() {
    let files = "usr/lib/glibc-hwcaps/x86-64-v3/liba.so = ELF\nusr/lib/liba.so = ELF";
    assert_eq!(
        found(files, "", "", "A=b", "liba.so"),
        [
            "/usr/lib/glibc-hwcaps/x86-64-v3/liba.so",
            "/usr/lib/liba.so"
        ]
    );
}

#[test]
fn libraries_of_another_processor_are_passed_over() {
    let mut arm = linked(&[], "", "", None);
    arm[18] = 183;
    let arm = crate::testing::escaped(&arm);
    let files = format!("first/liba.so = {arm}\nsecond/liba.so = ELF");
    assert_eq!(
        found(&files, "/first:/second", "", "A=b", "liba.so"),
        ["/second/liba.so"]
    );
}

#[test]
fn musl_has_its_own_folders_and_hands_down_every_run_path() {
    let musl = Chain {
        is_musl: true,
        inherited: vec![b"/up".to_vec()],
        ..Chain::default()
    };
    let files = "lib/ld-musl-x86_64.so.1 = ELF\netc/ld-musl-x86_64.path = /odd\\n/usr/lib\\n\nodd/liba.so = ELF\nusr/lib/x86_64-linux-gnu/libc6.so = ELF\nup/libb.so = ELF";
    let find = |library| found_by(files, &musl, "", "/none", "A=b", library).join(" ");
    assert_eq!(find("liba.so"), "/odd/liba.so");
    assert_eq!(find("libb.so"), "/up/libb.so");
    assert_eq!(find("libc6.so"), "");
}

#[test]
fn folders_of_the_configuration_count_where_there_is_no_cache() {
    let files = "etc/ld.so.conf = include /etc/ld.so.conf.d/*.conf\\n\netc/ld.so.conf.d/x.conf = # odd\\n/odd\\n\nodd/liba.so = ELF";
    assert_eq!(found(files, "", "", "A=b", "liba.so"), ["/odd/liba.so"]);
}
