//! What is known of an image's use leads to more, and says why.

use super::*;

const FILES: &str = r"[a]
bin/sh (0755) = x
usr/bin/tool (0755) = x
usr/bin/other (0755) = x
usr/bin/third (0755) = x
usr/bin/starter (0755) = #!/bin/sh\nother\n
lib -> usr/lib
usr/lib/liba.so = x
opt/plugins/a = x
opt/plugins/b = x
opt/data/table = x
opt/words -> data/table
opt/build/CMakeCache.txt = x
opt/build/CMakeFiles/x.o = x
home/me/notes = x
etc/passwd = me:x:7:8::/home/me:/bin/sh\n
etc/tool/conf = x
etc/tool/more = x
";

/// The files and links that are reached when `tool` is started and used so, beside those that are without.
fn added(usage: Root) -> BTreeSet<String> {
    added_to(|_| usage)
}

fn added_to(usage: impl FnOnce(&Tree<'_>) -> Root) -> BTreeSet<String> {
    let image = image(FILES).with_config(json!({ "Cmd": ["tool"], "Env": ["PATH=/usr/bin:/bin"] }));
    let layers = layers(&image);
    let tree = Tree::build(&layers).unwrap();
    let config = Config::parse(image.config.to_string().into_bytes(), Path::new("test")).unwrap();
    let packages = Packages::load(&tree, &mut Vec::new());
    let context = Context::new(&tree, &config, &packages);
    let reached = |usage: Vec<Root>| {
        let roots = Root::of(&context, &[], usage).unwrap();
        let graph = Graph::build(&context, roots, None, &Progress::default()).unwrap();
        let names = Closure::of(&graph).names().into_iter();
        let files = names.filter(|node| tree.leaf_of(*node).is_some());
        files
            .map(|node| tree.path(node).to_string())
            .collect::<BTreeSet<_>>()
    };
    let without = reached(Vec::new());
    let with = reached(vec![usage(&tree)]);
    assert!(without.is_subset(&with), "it only adds");
    &with - &without
}

fn command(words: &[&str]) -> Usage {
    Usage {
        name: "a check".to_owned(),
        commands: vec![words.iter().map(|word| (*word).to_owned()).collect()],
        ..Usage::default()
    }
}

#[test]
fn what_somebody_wants_kept_comes_with_what_only_build_tools_read() {
    assert_eq!(
        added_to(|tree| Root::keep(tree, "/opt/build").unwrap()),
        set(&["/opt/build/CMakeCache.txt", "/opt/build/CMakeFiles/x.o"])
    );
}

#[test]
fn programs_that_checks_name_are_reached_in_words_texts_and_files() {
    let other = set(&["/usr/bin/other"]);
    assert_eq!(added(Root::Check(command(&["other"]))), other);
    assert_eq!(added(Root::Check(command(&["/usr/bin/other", "x"]))), other);
    assert_eq!(
        added(Root::Check(command(&[
            "sh",
            "-c",
            "echo x | other /opt/words && exec third"
        ]))),
        set(&[
            "/bin/sh",
            "/usr/bin/other",
            "/usr/bin/third",
            "/opt/words",
            "/opt/data/table"
        ])
    );
    let script = Usage {
        files: [(b"/run.sh".to_vec(), b"#!/bin/sh\nother\n".to_vec())].into(),
        ..command(&["/run.sh"])
    };
    let expected = set(&["/bin/sh", "/usr/bin/other"]);
    assert_eq!(added(Root::Check(script)), expected);
}

#[test]
fn a_shell_of_a_check_reads_what_the_check_gives_it_and_nothing_else() {
    let shell = Usage {
        stdin: b"third < table\n".to_vec(),
        workdir: Some(b"/opt/data".to_vec()),
        ..command(&["sh"])
    };
    assert_eq!(
        added(Root::Check(shell)),
        set(&["/bin/sh", "/usr/bin/third"])
    );
    let relative = Usage {
        workdir: Some(b"/opt/data".to_vec()),
        ..command(&["tool", "table"])
    };
    assert_eq!(added(Root::Check(relative)), set(&["/opt/data/table"]));
}

#[test]
fn what_a_check_runs_as_and_is_given_is_reached() {
    let usage = Usage {
        user: Some("me:8".to_owned()),
        env: vec!["/opt/words".to_owned()],
        ..command(&["tool"])
    };
    let expected = ["/home/me/notes", "/opt/words", "/opt/data/table"];
    assert_eq!(added(Root::Check(usage)), set(&expected));
}

fn touch(path: &str, is_listed: bool) -> Root {
    let touch = Touch {
        path: path.as_bytes().to_vec(),
        is_listed,
        program: "/usr/bin/tool".to_owned(),
        run: "tool x".to_owned(),
    };
    Root::Trace("trace.json".to_owned(), vec![touch])
}

#[test]
fn what_a_run_touched_is_reached_by_every_link() {
    let expected = ["/lib", "/usr/lib/liba.so"];
    assert_eq!(added(touch("/lib/liba.so", false)), set(&expected));
    assert_eq!(
        added(touch("/opt/plugins/a", false)),
        set(&["/opt/plugins/a"])
    );
    assert_eq!(added(touch("/proc/self/none", false)), set(&[]));
}

#[test]
fn a_folder_that_was_listed_keeps_its_names_unless_many_share_it() {
    let expected = ["/opt/plugins/a", "/opt/plugins/b"];
    assert_eq!(added(touch("/opt/plugins", true)), set(&expected));
    assert_eq!(added(touch("/opt/plugins", false)), set(&[]));
    assert_eq!(added(touch("/usr/bin", true)), set(&[]));
}

#[test]
fn what_a_check_missed_comes_with_its_unit() {
    let missed = |path: &str| {
        let image = image(FILES);
        let layers = layers(&image);
        let tree = Tree::build(&layers).unwrap();
        let node = tree.resolve(path.as_bytes()).unwrap();
        added(Root::Healed("a check".to_owned(), vec![node]))
    };
    assert_eq!(missed("/opt/plugins/a"), set(&["/opt/plugins/a"]));
    assert_eq!(missed("/opt/plugins"), set(&[]));
    assert_eq!(
        missed("/etc/tool/conf"),
        set(&["/etc/tool/conf", "/etc/tool/more"])
    );
}

#[test]
fn proofs_name_the_program_and_the_run() {
    let proof = Proof::Run {
        program: "/usr/bin/tool".to_owned(),
        run: "tool x".to_owned(),
    };
    assert_eq!(proof.to_string(), "/usr/bin/tool in \"tool x\"");
    assert_eq!(touch("/x", false).to_string(), "--trace trace.json");
}

#[test]
fn a_way_begins_at_a_run_only_where_files_do_not_say_it() {
    let image = image(FILES).with_config(json!({ "Cmd": ["starter"] }));
    let layers = layers(&image);
    let tree = Tree::build(&layers).unwrap();
    let config = Config::parse(image.config.to_string().into_bytes(), Path::new("test")).unwrap();
    let packages = Packages::load(&tree, &mut Vec::new());
    let context = Context::new(&tree, &config, &packages);
    let usage = ["/usr/bin/other", "/opt/plugins/a"].map(|path| touch(path, false));
    let roots = Root::of(&context, &[], usage.into()).unwrap();
    let graph = Graph::build(&context, roots, None, &Progress::default()).unwrap();
    let closure = Closure::of(&graph);
    let kinds = |path: &str| {
        let way = closure.way(&graph, &tree, tree.resolve(path.as_bytes()).unwrap());
        way.into_iter().map(|edge| edge.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds("/usr/bin/other"), [Kind::Starts, Kind::Calls]);
    assert_eq!(kinds("/opt/plugins/a"), [Kind::Traced]);
}
