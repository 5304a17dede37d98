use std::collections::BTreeSet;
use std::path::Path;

use ounce_image::{Blob, Config, Layer, Progress, Tree, graft};
use ounce_testkit::{TestImage, image};
use serde_json::{Value, json};

mod cases;
mod start;
mod usage;

use super::*;
use crate::packages::Packages;
use crate::rules::Context;
use crate::testing::{escaped, importing, layers, linked, set};

/// Opens an image written as text, which starts `command`.
fn image_of(text: &str, config: Value) -> TestImage {
    image(text).with_config(config)
}

fn search<T>(
    image: &TestImage,
    programs: &[&str],
    look: impl FnOnce(&Tree<'_>, Result<(Graph, Closure), RootsError>) -> T,
) -> T {
    let layers = layers(image);
    let tree = Tree::build(&layers).unwrap();
    search_tree(&tree, image, programs, |found| look(&tree, found))
}

fn search_tree<T>(
    tree: &Tree<'_>,
    image: &TestImage,
    programs: &[&str],
    look: impl FnOnce(Result<(Graph, Closure), RootsError>) -> T,
) -> T {
    let config = Config::parse(image.config.to_string().into_bytes(), Path::new("test")).unwrap();
    let packages = Packages::load(tree, &mut Vec::new());
    let context = Context::new(tree, &config, &packages);
    let programs: Vec<String> = programs.iter().map(|name| (*name).to_owned()).collect();
    let found = Root::of(&context, &programs, Vec::new()).map(|roots| {
        let graph = Graph::build(&context, roots, None, &Progress::default()).unwrap();
        let closure = Closure::of(&graph);
        (graph, closure)
    });
    look(found)
}

fn paths(tree: &Tree<'_>, closure: &Closure) -> BTreeSet<String> {
    closure
        .names()
        .into_iter()
        .map(|node| tree.path(node).to_string())
        .collect()
}

/// The files and links that are reached when the image starts `tool`.
fn reached(text: &str) -> BTreeSet<String> {
    let image = image_of(
        text,
        json!({ "Cmd": ["tool"], "Env": ["PATH=/usr/bin:/bin"] }),
    );
    search(&image, &[], |tree, found| {
        let (_, closure) = found.unwrap();
        let files = closure
            .names()
            .into_iter()
            .filter(|node| tree.leaf_of(*node).is_some());
        files.map(|node| tree.path(node).to_string()).collect()
    })
}

/// Lines of a way, `from kind to`.
fn way(text: &str, path: &str) -> Vec<String> {
    let image = image_of(
        text,
        json!({ "Cmd": ["tool"], "Env": ["PATH=/usr/bin:/bin"] }),
    );
    search(&image, &[], |tree, found| {
        let (graph, closure) = found.unwrap();
        let node = tree.resolve(path.as_bytes()).unwrap();
        let line = |edge: &Edge| {
            let from = match edge.from {
                Origin::Root(root) => graph.roots[root as usize].to_string(),
                Origin::Node(node) => tree.path(node).to_string(),
            };
            format!("{from} {} {}", edge.kind.id(), tree.path(edge.to))
        };
        closure
            .way(&graph, tree, node)
            .into_iter()
            .map(line)
            .collect()
    })
}

/// An image whose program needs a library through two links, beside files that nothing leads to.
fn program() -> String {
    let tool = escaped(&linked(&["liba.so.1"], "", "", Some("/lib64/ld.so")));
    let library = escaped(&linked(&[], "", "", None));
    format!(
        "[a]\nusr/bin/tool (0755) = {tool}\nlib64 -> usr/lib64\nusr/lib64/ld.so (0755) = {library}\nlib -> usr/lib\nusr/lib/liba.so.1 -> liba.so.1.2\nusr/lib/liba.so.1.2 = {library}\nusr/lib/libb.so.1 = {library}\nusr/bin/other (0755) = x"
    )
}

#[test]
fn a_program_leads_to_its_loader_and_libraries_by_every_link() {
    let expected = [
        "/usr/bin/tool",
        "/lib64",
        "/usr/lib64/ld.so",
        "/usr/lib/liba.so.1",
        "/usr/lib/liba.so.1.2",
        "/lib",
    ];
    assert_eq!(reached(&program()), set(&expected));
}

#[test]
fn a_way_is_told_step_by_step() {
    assert_eq!(
        way(&program(), "/usr/lib/liba.so.1.2"),
        [
            "the image's Cmd starts /usr/bin/tool",
            "/usr/bin/tool needed /usr/lib/liba.so.1.2"
        ]
    );
}

#[test]
fn what_is_reached_leads_to_nothing_more() {
    let image = image_of(&program(), json!({ "Cmd": ["tool"] }));
    search(&image, &[], |tree, found| {
        let (_, closure) = found.unwrap();
        let empty = Tree::build(&[]).unwrap();
        let layer = graft(
            tree,
            &closure.names(),
            &std::collections::BTreeMap::new(),
            &empty,
        )
        .unwrap();
        let small = [Layer::plain(layer, "small").unwrap()];
        let small = Tree::build(&small).unwrap();
        search_tree(&small, &image, &[], |found| {
            assert_eq!(paths(&small, &found.unwrap().1), paths(tree, &closure));
        });
    });
}

/// Files and a program that takes these symbols and has these texts.
fn taking(symbols: &[&str], data: &str, files: &str) -> BTreeSet<String> {
    let tool = escaped(&importing(symbols, data.as_bytes()));
    let mut found = reached(&format!("[a]\nusr/bin/tool (0755) = {tool}\n{files}"));
    found.remove("/usr/bin/tool");
    found
}

#[test]
fn a_folder_that_is_named_is_kept_with_what_it_holds_and_a_shared_one_is_not() {
    let files = "usr/lib/tool/a.so = x\nusr/lib/tool/deep/b = y\nusr/lib/other = z\nvar/lib/tool/ (0700)\nusr/share/c = c";
    assert_eq!(
        taking(&[], "\0/usr/lib/tool\0/usr/share\0/usr/lib/\0", files),
        set(&["/usr/lib/tool/a.so", "/usr/lib/tool/deep/b"])
    );
}

#[test]
fn texts_without_an_end_lead_to_the_longest_name() {
    let files = "etc/tool/templates/a = x\nsrv/zones/Europe/A = y\nsrv/other = z";
    assert_eq!(
        taking(
            &[],
            "xx/etc/tool/templates/x509 yy/srv/zones/invalid",
            files
        ),
        set(&["/etc/tool/templates/a", "/srv/zones/Europe/A"])
    );
}

#[test]
fn the_folder_in_which_a_file_is_made_is_there() {
    let text = escaped(&importing(&[], b"\0/var/lib/tool/lock\0"));
    let image = image_of(
        &format!("[a]\nusr/bin/tool (0755) = {text}\nvar/lib/tool/ (0700 5:5)"),
        json!({ "Cmd": ["tool"] }),
    );
    search(&image, &[], |tree, found| {
        assert!(paths(tree, &found.unwrap().1).contains("/var/lib/tool"))
    });
}

#[test]
fn symbols_lead_to_what_they_open() {
    let library = escaped(&linked(&[], "", "", None));
    let files = format!(
        "etc/nsswitch.conf = hosts: files odd [NOTFOUND=return] dns\\n\netc/hosts = x\nusr/lib/libnss_odd.so.2 = {library}\nusr/lib/libnss_no.so.2 = {library}\nusr/lib/libgcc_s.so.1 = {library}"
    );
    assert_eq!(
        taking(&["getaddrinfo"], "", &files),
        set(&[
            "/etc/nsswitch.conf",
            "/etc/hosts",
            "/usr/lib/libnss_odd.so.2"
        ])
    );
    assert_eq!(
        taking(&["pthread_exit"], "", &files)
            .into_iter()
            .filter(|path| !path.starts_with("/etc"))
            .collect::<BTreeSet<_>>(),
        set(&["/usr/lib/libgcc_s.so.1"])
    );
}

#[test]
fn names_of_libraries_in_data_are_loaded() {
    let library = escaped(&linked(&[], "", "", None));
    let files = format!("usr/lib/libplugin.so.3 = {library}\nusr/lib/liblib.so = {library}");
    assert_eq!(
        taking(&[], "\0libplugin.so.3\0liblib.sock\0", &files),
        set(&["/usr/lib/libplugin.so.3"])
    );
}

#[test]
fn programs_are_called_by_name_only_by_who_looks_them_up() {
    let files = "usr/bin/gs2 (0755) = x\nusr/bin/tool-cli (0755) = x\nusr/bin/convert (0755) = x\nbin/sh (0755) = x";
    assert_eq!(
        taking(&["popen"], "\0gs2 -q\0please convert it\0", files),
        set(&["/usr/bin/gs2", "/bin/sh"])
    );
    assert_eq!(taking(&["execve"], "\0gs2 -q\0", files), set(&[]));
    assert_eq!(
        taking(&["popen"], "\0gs2\0", files),
        set(&["/usr/bin/gs2", "/bin/sh"])
    );
}

/// What a script at `/usr/bin/tool` leads to, but for the shell.
fn script(lines: &str, files: &str) -> BTreeSet<String> {
    let text =
        format!("[a]\nusr/bin/tool (0755) = #!/bin/sh\\n{lines}\\n\nbin/sh (0755) = x\n{files}");
    let mut found = reached(&text);
    found.remove("/usr/bin/tool");
    found.remove("/bin/sh");
    found
}

#[test]
fn scripts_lead_to_commands_and_to_what_they_read() {
    let files = "usr/bin/a (0755) = x\nusr/bin/b (0755) = x\nusr/bin/c (0755) = x\netc/default/tool = exec c\nusr/bin/no (0755) = x\nopt/x/bin/run (0755) = x";
    assert_eq!(
        script(
            "# no\\n. /etc/default/tool\\nx=a; $x | env B=1 b\\nD=/opt/x; exec $D/bin/run",
            files
        ),
        set(&[
            "/usr/bin/a",
            "/usr/bin/b",
            "/usr/bin/c",
            "/etc/default/tool",
            "/opt/x/bin/run"
        ])
    );
}

#[test]
fn a_command_that_is_not_known_keeps_the_standard_utilities_and_is_told() {
    let text = "[a]\nusr/bin/tool (0755) = #!/bin/sh\\nexec \"$@\"\\n\nbin/sh (0755) = x\nusr/bin/cat (0755) = x\nusr/bin/odd (0755) = x";
    let image = image_of(text, json!({ "Cmd": ["tool", "x"] }));
    search(&image, &[], |tree, found| {
        let (graph, closure) = found.unwrap();
        let found = paths(tree, &closure);
        assert!(found.contains("/usr/bin/cat") && !found.contains("/usr/bin/odd"));
        assert_eq!(graph.doubts.len(), 1);
        assert!(
            !Closure::without_guesses(&graph)
                .names()
                .contains(&tree.resolve(b"/usr/bin/cat").unwrap())
        );
    });
}

#[test]
fn what_does_as_it_is_told_keeps_all_programs_and_what_the_author_put_there() {
    let text = "[a]\nbin/bash (0755) = x\nbin/sh (0755) = x\nusr/bin/odd (0755) = x\nopt/odd = x\nusr/local/share/a/b = x\n
        usr/share/odd/a = x\nusr/bin/tool (0755) = x\nusr/bin/tini (0755) = x\nopt/venv/lib/a = x\nopt/venv/of = x\n
        var/lib/dpkg/status = Package: a\\nStatus: install ok installed\\nVersion: 1\\nArchitecture: all\\n\n
        var/lib/dpkg/info/a.list = /opt/venv/of\\n\n
        run.sh (0755) = #!/bin/sh\\nset -e\\nexec \"$@\"\\n\n
        main.sh (0755) = #!/bin/sh\\nmain() { exec \"$@\"; }\\nmain \"$@\"\\n\n
        shell.sh (0755) = #!/bin/sh\\nexec bash -l\\n\n
        own.sh (0755) = #!/bin/sh\\nlog() { \"$@\"; }\\nlog tool\\n\n
        first.sh (0755) = #!/bin/sh\\n/run.sh \"$@\"\\n\n
        from.sh (0755) = #!/bin/sh\\nbash <<E\\ntool\\nE\\n";
    for (entrypoint, cmd, is_open) in [
        (&[][..], &["bash"][..], true),
        (&[], &["/bin/sh", "-c", "bash"], true),
        (&["/run.sh"], &["bash"], true),
        (&["/run.sh"], &[], true),
        (&["/main.sh"], &[], true),
        (&["/first.sh"], &[], true),
        (&["/first.sh"], &["tool"], false),
        (&["/shell.sh"], &["tool"], true),
        (&["tini", "--"], &[], true),
        (&["tini", "--", "/run.sh"], &[], true),
        (&["tini", "--", "/run.sh"], &["/bin/bash"], true),
        (&["/run.sh"], &["tool"], false),
        (&["/own.sh"], &[], false),
        (&["/from.sh"], &[], false),
        (&["tini", "--", "/run.sh"], &["tool"], false),
        (&["tool"], &[], false),
    ] {
        let image = image_of(text, json!({ "Entrypoint": entrypoint, "Cmd": cmd }));
        search(&image, &[], |tree, found| {
            let found = paths(tree, &found.unwrap().1);
            for path in [
                "/usr/bin/odd",
                "/opt/odd",
                "/usr/local/share/a/b",
                "/opt/venv/lib/a",
            ] {
                assert_eq!(
                    found.contains(path),
                    is_open,
                    "{entrypoint:?} {cmd:?}: {path}"
                );
            }
            for path in ["/usr/share/odd/a", "/opt/venv/of"] {
                assert!(
                    tree.resolve(path.as_bytes()).is_some() && !found.contains(path),
                    "{path}"
                );
            }
        });
    }
}

#[test]
fn an_interpreter_keeps_its_modules_and_their_packages() {
    let list = "/usr/share/perl5/A.pm\\n/usr/share/a/data\\n";
    let text = format!(
        "[a]\nusr/bin/tool (0755) = #!/usr/bin/perl\\n\nusr/bin/perl (0755) = x\nusr/share/perl5/A.pm = x\nusr/share/a/data = x\nusr/share/b/data = x\nvar/lib/dpkg/status = Package: a\\nStatus: install ok installed\\nVersion: 1\\n\nvar/lib/dpkg/info/a.list = {list}"
    );
    assert_eq!(
        reached(&text),
        set(&[
            "/usr/bin/tool",
            "/usr/bin/perl",
            "/usr/share/perl5/A.pm",
            "/usr/share/a/data",
            "/var/lib/dpkg/info/a.list"
        ])
    );
}

#[test]
fn other_names_of_a_program_stay() {
    let text = "[a]\nusr/bin/busy (0755) = x\nusr/bin/tool -> busy\nusr/bin/ls -> /usr/bin/busy\nusr/bin/no -> other\nusr/bin/other (0755) = x";
    assert_eq!(
        reached(text),
        set(&["/usr/bin/tool", "/usr/bin/busy", "/usr/bin/ls"])
    );
}

#[test]
fn users_folders_and_mount_points_stay() {
    let text = "[a]\nusr/bin/tool (0755) = x\ndata/ (0750 5:5)\netc/passwd = u:x:5:5::/home/u:/bin/sh\\nv:x:6:6::/home/v:/bin/sh\\n\nhome/u/.rc = x\nhome/v/.rc = x\ntmp/ (1777)\nwork/file = x\nvar/vol/ (0700)\netc/os-release = x";
    let config = json!({ "Cmd": ["tool"], "User": "u", "WorkingDir": "/work", "Volumes": { "/var/vol": {} } });
    search(&image_of(text, config), &[], |tree, found| {
        let expected = [
            "/etc",
            "/etc/os-release",
            "/etc/passwd",
            "/home/u",
            "/home/u/.rc",
            "/tmp",
            "/usr/bin/tool",
            "/var/vol",
            "/work",
            "/work/file",
        ];
        assert_eq!(paths(tree, &found.unwrap().1), set(&expected));
    });
}

#[test]
fn what_cannot_be_started_is_said() {
    let error = |config: Value, programs: &[&str]| {
        search(
            &image_of("[a]\nusr/bin/tool (0755) = x", config),
            programs,
            |_, found| found.err().map(|e| e.to_string()),
        )
    };
    assert!(error(json!({}), &[]).unwrap().contains("no entrypoint"));
    assert!(
        error(json!({ "Cmd": ["none"] }), &[])
            .unwrap()
            .contains("none, which is not in the image")
    );
    assert!(
        error(json!({ "Cmd": ["$TOOL"] }), &[])
            .unwrap()
            .contains("only known when it runs")
    );
    assert!(
        error(json!({ "Cmd": ["tool"] }), &["none"])
            .unwrap()
            .contains("--program none")
    );
    assert_eq!(error(json!({}), &["tool"]), None);
}

#[test]
fn loops_and_rubbish_end() {
    let text = "[a]\nusr/bin/tool (0755) = #!/usr/bin/loop\\n/a /b/c\\n\nusr/bin/loop -> pool\nusr/bin/pool -> loop\na -> a\nb -> .\netc/x -> ../etc/x";
    let image = image_of(text, json!({ "Cmd": ["tool", "/a/b", "/b/b/b"] }));
    search(&image, &[], |_, found| {
        let (graph, _) = found.unwrap();
        assert_eq!(graph.missing.len(), 1);
    });
    let text = "[a]\nusr/bin/tool (0755) = \\x7fELF\\x02\\x01\\x01 /opt/x\nopt/x/y = z";
    let image = image_of(text, json!({ "Cmd": ["tool"] }));
    search(&image, &[], |tree, found| {
        let (graph, closure) = found.unwrap();
        assert_eq!(graph.problems.len(), 1);
        // What is not understood is still read for the paths that it has.
        assert!(paths(tree, &closure).contains("/opt/x/y"));
    });
}

#[test]
fn the_search_is_the_same_for_any_number_of_threads() {
    let image = image_of(&program(), json!({ "Cmd": ["tool"] }));
    let edges = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            search(&image, &[], |_, found| {
                format!("{:?}", found.unwrap().0.edges)
            })
        })
    };
    assert_eq!(edges(1), edges(4));
}

#[test]
fn blobs_of_any_bytes_are_read() {
    // Windows that end in the middle of a name.
    let mut bytes = vec![b'a'; (1 << 20) + 10];
    bytes.extend_from_slice(b"libx.so");
    literals::libraries(&Blob::from_bytes(bytes), |_, name| {
        assert!(name.len() < 300)
    });
}
