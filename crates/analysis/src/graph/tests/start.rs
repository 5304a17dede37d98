//! What cannot start, and what only looks so.

use super::*;
use crate::testing::java::jar;

/// Why the image's command `tool`, or these programs, cannot start.
fn lack(text: &str, programs: &[&str], promised: &[&str]) -> Option<String> {
    let image = image_of(
        text,
        json!({ "Cmd": ["tool"], "Env": ["PATH=/usr/bin:/bin"] }),
    );
    let promised: Vec<String> = promised.iter().map(|path| (*path).to_owned()).collect();
    search(&image, programs, |tree, found| {
        let (graph, _) = found.unwrap();
        graph.lack(tree, &promised).map(|lack| lack.to_string())
    })
}

fn tool(needed: &[&str]) -> String {
    let loader = escaped(&linked(&[], "", "", None));
    let tool = escaped(&linked(needed, "", "", Some("/lib/ld.so")));
    format!("[a]\nlib/ld.so (0755) = {loader}\nusr/bin/tool (0755) = {tool}\n")
}

#[test]
fn a_library_that_is_nowhere_is_missed() {
    let text = tool(&["libgone.so.1"]);
    assert_eq!(
        lack(&text, &[], &[]).unwrap(),
        "the image's Cmd cannot start: /usr/bin/tool needs libgone.so.1, which is not there"
    );
    assert_eq!(lack(&text, &[], &["/drivers/libgone.so.1"]), None);
    let elsewhere = format!("{text}opt/own/libgone.so.1 *10\n");
    assert_eq!(lack(&elsewhere, &[], &[]), None);
}

#[test]
fn a_library_of_a_library_is_missed() {
    let library = escaped(&linked(&["libgone.so.1"], "", "", None));
    let text = tool(&["liba.so.1"]) + &format!("usr/lib/liba.so.1 = {library}\n");
    let lack = lack(&text, &[], &[]).unwrap();
    assert!(
        lack.contains("/usr/lib/liba.so.1 needs libgone.so.1"),
        "{lack}"
    );
}

#[test]
fn the_engine_brings_libraries_of_drivers() {
    assert_eq!(lack(&tool(&["libcuda.so.1"]), &[], &[]), None);
}

#[test]
fn only_what_is_asked_for_has_to_start() {
    let broken = escaped(&linked(&["libgone.so.1"], "", "", Some("/lib/ld.so")));
    let text = format!(
        "[a]\nbin/sh (0755) = x\nlib/ld.so (0755) = x\nusr/bin/tool (0755) = #!/bin/sh\\nbroken\\n\nusr/bin/broken (0755) = {broken}\n"
    );
    assert_eq!(lack(&text, &[], &[]), None);
    assert!(lack(&text, &["broken"], &[]).is_some());
    assert_eq!(
        lack(
            &tool(&["libgone.so.1"])
                .replace("usr/bin/tool", "usr/bin/tool (0755) = x\nusr/bin/broken"),
            &[],
            &[]
        ),
        None
    );
}

#[test]
fn what_lies_in_an_archive_needs_no_interpreter() {
    let archive = jar(&[("a.py", b"#!/usr/bin/python9\n".to_vec())], true);
    let program = escaped(&[b"#!/bin/python\n".to_vec(), archive].concat());
    let image = format!("[a]\nbin/python (0755) = x\nusr/bin/tool (0755) = {program}\n");
    assert_eq!(lack(&image, &[], &[]), None);
}

#[test]
fn an_interpreter_that_is_not_there_is_missed() {
    let script = "[a]\nusr/bin/tool (0755) = #!/usr/bin/python9\\n\n";
    assert_eq!(
        lack(script, &[], &[]).unwrap(),
        "the image's Cmd cannot start: /usr/bin/tool is run by /usr/bin/python9, which is not there"
    );
    let by_name = "[a]\nusr/bin/env (0755) = x\nusr/bin/tool (0755) = #!/usr/bin/env python9\\n\n";
    assert!(
        lack(by_name, &[], &[])
            .unwrap()
            .contains("is run by python9")
    );
    // PATH may be another one when it runs.
    let elsewhere = format!("{by_name}opt/bin/python9 (0755) = x\n");
    assert_eq!(lack(&elsewhere, &[], &[]), None);
    let loader = tool(&[]).replace("lib/ld.so", "lib/other.so");
    assert!(
        lack(&loader, &[], &[])
            .unwrap()
            .contains("is run by /lib/ld.so")
    );
}

#[test]
fn links_in_a_circle_lead_nowhere() {
    let circle = "usr/lib/liba.so.1 -> libb.so.1\nusr/lib/libb.so.1 -> liba.so.1\n";
    let lack = lack(&(tool(&["liba.so.1"]) + circle), &[], &[]).unwrap();
    assert!(
        lack.ends_with("needs liba.so.1, whose symbolic links lead in a circle"),
        "{lack}"
    );
    let image = image_of(
        "[a]\nusr/bin/tool -> other\nusr/bin/other -> tool\n",
        json!({ "Cmd": ["/usr/bin/tool"] }),
    );
    search(&image, &[], |_, found| {
        let error = found.unwrap_err().to_string();
        assert!(
            error.ends_with("whose symbolic links lead in a circle"),
            "{error}"
        );
    });
}

#[test]
fn a_library_for_another_processor_is_none() {
    let mut library = linked(&[], "", "", None);
    library[18] = 183;
    let text = tool(&["liba.so.1"]) + &format!("usr/lib/liba.so.1 = {}\n", escaped(&library));
    let told = lack(&text, &[], &[]).unwrap();
    assert!(
        told.ends_with("needs liba.so.1, which is there for another processor only"),
        "{told}"
    );
    let own = escaped(&linked(&[], "", "", None));
    let elsewhere = format!("{text}opt/own/liba.so.1 = {own}\n");
    assert_eq!(lack(&elsewhere, &[], &[]), None);
}

#[test]
fn a_program_for_another_processor_is_told_of() {
    let foreign = |machine: u8| {
        let mut tool = linked(&[], "", "", None);
        tool[18] = machine;
        let text = format!("[a]\nusr/bin/tool (0755) = {}\n", escaped(&tool));
        let image = image_of(&text, json!({ "Cmd": ["tool"] }));
        let layers = layers(&image);
        let tree = Tree::build(&layers).unwrap();
        let config =
            Config::parse(image.config.to_string().into_bytes(), Path::new("test")).unwrap();
        let packages = Packages::default();
        let context = Context::new(&tree, &config, &packages);
        let roots = Root::of(&context, &[], Vec::new()).unwrap();
        let graph = Graph::build(&context, roots, None, &Progress::default()).unwrap();
        let found = graph.of_other_processors(&context);
        found.values().copied().collect::<Vec<_>>()
    };
    assert_eq!(foreign(183), ["arm64"]);
    assert!(foreign(62).is_empty());
}

#[test]
fn a_health_check_that_cannot_run_stops_nothing() {
    let config = json!({ "Cmd": ["tool"], "Healthcheck": { "Test": ["CMD", "/none"] } });
    let image = image_of("[a]\nusr/bin/tool (0755) = x\n", config);
    search(&image, &[], |_, found| {
        let (graph, _) = found.unwrap();
        assert!(graph.missing.iter().any(|missing| missing.what == b"/none"));
    });
}

#[test]
fn who_names_a_program_needs_no_command_of_the_image() {
    let image = image_of(
        "[a]\nusr/bin/tool (0755) = x\n",
        json!({ "Cmd": ["$MAIN"] }),
    );
    search(&image, &["tool"], |_, found| assert!(found.is_ok()));
    search(&image, &[], |_, found| {
        assert!(matches!(found, Err(RootsError::Unknown { .. })));
    });
}

#[test]
fn what_is_damaged_stays_and_is_told_of() {
    let mut tool = linked(&["libc.so.6"], "", "", Some("/lib/ld.so"));
    // The dynamic section lies beyond the end.
    tool.truncate(240);
    let text = format!("[a]\nusr/bin/tool (0755) = {}\n", escaped(&tool));
    let image = image_of(&text, json!({ "Cmd": ["tool"] }));
    search(&image, &[], |tree, found| {
        let (graph, closure) = found.unwrap();
        assert!(paths(tree, &closure).contains("/usr/bin/tool"));
        assert_eq!(graph.problems[0].path.to_string(), "/usr/bin/tool");
        assert_eq!(graph.lack(tree, &[]), None);
    });
}
