//! Which words of compiled code are programs, alone and in archives.

use super::{Case, check, escaped, linked};
use crate::testing::assembly::assembly;
use crate::testing::java::{class, jar};
use crate::testing::{beam, bundle, packed, pyinstaller, r};

const BUILDER: &[&str] = &["java/lang/ProcessBuilder"];

/// Whether files lead to `dot`, and to `gs`, whose name has two letters.
fn leads(what: &str, files: &[(&str, Vec<u8>)], dot: bool, gs: bool) {
    let programs = [("/usr/bin/dot", dot), ("/usr/bin/gs", gs)];
    let of = |wanted: bool| -> Vec<&str> {
        let of = programs.iter().filter(|(_, is)| *is == wanted);
        of.map(|(program, _)| *program).collect()
    };
    let mut image = String::from(
        "usr/bin/java (0755) = <tool>\nusr/bin/dot (0755) = <tool>\nusr/bin/gs (0755) = <tool>\n",
    );
    for (name, content) in files {
        image += &format!("{name} = {}\n", escaped(content));
    }
    check(&[Case {
        what,
        command: &["java", "-cp", "/app", "Main"],
        files: &image,
        stays: &of(true),
        goes: &of(false),
    }]);
}

#[test]
fn texts_of_a_class_name_programs() {
    let alone = |texts: &[&str], dot, gs| {
        let main = class(texts, BUILDER);
        leads(&texts.join(" "), &[("app/Main.class", main)], dot, gs);
    };
    alone(&["dot"], true, false);
    alone(&["dot -T\u{1}"], true, false);
    alone(&["cat x | dot -Tpng"], true, false);
    alone(&["gs"], false, true);
    alone(&["a dot", "dots", "/x/dot"], false, false);
    // Names of classes and methods are no texts.
    let main = class(&[], &["java/lang/ProcessBuilder", "dot", "gs"]);
    leads("names", &[("app/Main.class", main)], false, false);
    leads(
        "damaged",
        &[("app/Main.class", class(&["dot"], BUILDER)[..20].to_vec())],
        false,
        false,
    );
}

#[test]
fn some_class_must_start_programs() {
    let main = || class(&["dot"], &["app/Shell"]);
    let shell = || class(&[], BUILDER);
    leads("nobody", &[("app/Main.class", main())], false, false);
    let classes = [("app/Main.class", main()), ("app/Shell.class", shell())];
    leads("another class", &classes, true, false);
    let archives = [
        ("app/a.jar", jar(&[("Main.class", main())], true)),
        ("app/b.jar", jar(&[("Shell.class", shell())], true)),
    ];
    leads("another archive", &archives, true, false);
}

#[test]
fn archives_are_read_through() {
    let main = || class(&["dot"], BUILDER);
    for is_deflated in [false, true] {
        let inner = || jar(&[("app/Main.class", main())], is_deflated);
        leads("an archive", &[("app/main.jar", inner())], true, false);
        let outer = || jar(&[("BOOT-INF/lib/main.jar", inner())], false);
        leads("one in it", &[("app/boot.jar", outer())], true, false);
        let script = [b"#!/bin/sh\nexit\n".to_vec(), outer()].concat();
        leads("behind a script", &[("app/boot.jar", script)], true, false);
        leads("a plugin", &[("app/tool.plugin", inner())], true, false);
    }
    let other = jar(&[("word/document.xml", b"dot".to_vec())], true);
    leads("no classes", &[("app/text.docx", other)], false, false);
}

#[test]
fn names_of_two_letters_need_more() {
    let of = |texts: &[&str], classes: &[&str]| {
        [
            (
                "app/a.jar",
                jar(&[("A.class", class(texts, classes))], true),
            ),
            ("app/b.jar", jar(&[("B.class", class(&[], BUILDER))], true)),
        ]
    };
    leads("a code", &of(&["gs"], &[]), false, false);
    leads("with an option", &of(&["gs", "-q"], &[]), false, true);
    leads(
        "where programs are started",
        &of(&["gs"], BUILDER),
        false,
        true,
    );
}

#[test]
fn scripts_and_settings_lie_in_archives() {
    let of =
        |name: &str, text: &str| [("app/a.jar", jar(&[(name, text.as_bytes().to_vec())], true))];
    leads(
        "a script",
        &of("bin/run.sh", "cat x | dot -Tpng"),
        true,
        false,
    );
    leads(
        "a source",
        &of("run.groovy", "['dot', x].execute()"),
        true,
        false,
    );
    leads("settings", &of("application.yml", "tool: dot"), true, false);
    leads(
        "properties",
        &of("application.properties", "tool=/usr/bin/dot"),
        true,
        false,
    );
    leads(
        "no source",
        &of("src/Run.java", "run(\"dot\")"),
        false,
        false,
    );
    leads(
        "a text for people",
        &of("README.md", "/usr/bin/dot"),
        false,
        false,
    );
}

#[test]
fn paths_are_named_by_code_and_annotations() {
    for text in ["/usr/bin/dot", "/usr/bin/dot -Tpng", "${tool:/usr/bin/dot}"] {
        let main = class(&[text], &[]);
        leads(
            text,
            &[("app/a.jar", jar(&[("A.class", main)], true))],
            true,
            false,
        );
        // A name that nothing refers to as a text is one of an annotation.
        let main = class(&[], &[text]);
        leads(
            text,
            &[("app/a.jar", jar(&[("A.class", main)], true))],
            true,
            false,
        );
    }
    let main = class(&[], &["org/usr/bin/dot"]);
    leads(
        "a class",
        &[("app/a.jar", jar(&[("A.class", main)], true))],
        false,
        false,
    );
}

#[test]
fn what_is_not_read_may_start_programs() {
    let main = class(&["dot"], &[]);
    let mut bad = jar(&[("B.class", vec![0; 9])], false);
    // The size of its content, in the list.
    let at = bad.len() - 22 - 7 - 46 + 24;
    bad[at..at + 4].copy_from_slice(&(600_u32 << 20).to_le_bytes());
    let good = || ("app/a.jar", jar(&[("A.class", main.clone())], true));
    leads("all is read", &[good()], false, false);
    leads("too large", &[good(), ("app/b.jar", bad)], true, false);
    leads(
        "damaged",
        &[good(), ("app/b.jar", b"PK\x05\x06".to_vec())],
        true,
        false,
    );
}

#[test]
fn archives_are_not_opened_without_end() {
    let main = ("A.class", class(&["dot"], &[]));
    let mut nested = jar(std::slice::from_ref(&main), true);
    for _ in 0..3 {
        nested = jar(&[("a.jar", nested)], false);
    }
    let starts = || ("app/B.class", class(&[], BUILDER));
    leads(
        "a few",
        &[("app/a.jar", nested.clone()), starts()],
        true,
        false,
    );
    nested = jar(&[("a.jar", jar(&[("a.jar", nested)], false))], false);
    leads(
        "many",
        &[("app/a.jar", nested.clone()), starts()],
        false,
        false,
    );
    // What is not read may start anything.
    leads(
        "unknown",
        &[("app/a.jar", nested), ("app/A.class", main.1)],
        true,
        false,
    );
}

#[test]
fn classes_of_the_jdk_say_nothing() {
    let own = jar(&[("A.class", class(&["dot"], BUILDER))], true);
    let files = |name: &'static str| [(name, own.clone())];
    leads("its own", &files("opt/jdk/jre/lib/rt.jar"), false, false);
    leads("another", &files("app/lib/tools.jar"), true, false);
}

#[test]
fn libraries_in_archives_need_others() {
    let native = linked(&["libx.so.1"], "", "", None);
    let archive = jar(
        &[("A.class", class(&[], &[])), ("linux/libjni.so", native)],
        true,
    );
    check(&[Case {
        what: "a library in an archive",
        command: &["java", "-jar", "/app/a.jar"],
        files: &format!(
            "usr/bin/java (0755) = <tool>\napp/a.jar = {}\nusr/lib/libx.so.1 = <lib>\nusr/lib/liby.so.1 = <lib>",
            escaped(&archive)
        ),
        stays: &["/usr/lib/libx.so.1"],
        goes: &["/usr/lib/liby.so.1"],
    }]);
}

#[test]
fn a_class_without_end_is_not_read() {
    let magic = escaped(&[0xca, 0xfe, 0xba, 0xbe]);
    let class = escaped(&class(&["dot"], &[]));
    check(&[Case {
        what: "a TB of zeros",
        command: &["java", "-cp", "/app", "A"],
        files: &format!(
            "usr/bin/java (0755) = <tool>\nusr/bin/dot (0755) = <tool>\napp/A.class = {class}\napp/B.class ^1000000000000 0:{magic}"
        ),
        stays: &["/usr/bin/dot"],
        goes: &[],
    }]);
}

#[test]
fn libraries_are_loaded_by_the_middle_of_their_names() {
    let native = class(&["tesseract", "gtk"], &["com/sun/jna/Native"]);
    let other = class(&["sodium"], &[]);
    let archive = jar(&[("A.class", native), ("B.class", other)], true);
    check(&[Case {
        what: "JNA",
        command: &["java", "-jar", "/app/a.jar"],
        files: &format!(
            "usr/bin/java (0755) = <tool>\napp/a.jar = {}\nusr/lib/libtesseract.so.5 = <lib>\nusr/lib/libsodium.so.23 = <lib>",
            escaped(&archive)
        ),
        stays: &["/usr/lib/libtesseract.so.5"],
        goes: &["/usr/lib/libsodium.so.23"],
    }]);
}

/// A module of Erlang with a text.
fn module(text: &str, import: (&str, &str)) -> Vec<u8> {
    let term = [&[b'k', 0, text.len() as u8], text.as_bytes()].concat();
    beam::module(&[&term], import, true)
}

#[test]
fn modules_of_erlang_name_programs() {
    let cmd = ("os", "cmd");
    let alone = |text, import| [("app/a.beam", module(text, import))];
    leads("a line", &alone("dot -Tpng | gs -q", cmd), true, true);
    leads(
        "nobody starts it",
        &alone("dot", ("os", "getenv")),
        false,
        false,
    );
    let starter = ("app/b.beam", module("", cmd));
    let others = [("app/a.beam", module("dot", ("lists", "map"))), starter];
    leads("another module", &others, true, false);
    let packed = [("app/a.beam", beam::gzip(&module("dot", cmd)))];
    leads("a compressed one", &packed, true, false);
    let archive = jar(&[("a/ebin/a.beam", module("dot", cmd))], true);
    leads("an archive", &[("app/a.ez", archive.clone())], true, false);
    let script = [b"#!/usr/bin/env escript\n%%!\n".to_vec(), archive].concat();
    leads("a script", &[("app/a", script)], true, false);
    let path = [("app/a.beam", module("/usr/bin/dot", ("os", "getenv")))];
    leads("a path", &path, true, false);
}

#[test]
fn assemblies_name_programs() {
    let alone = |texts: &[&str], name| [("app/a.dll", assembly(texts, &["Main", name]))];
    leads(
        "a text",
        &alone(&["dot", "-Tpng {0}"], "Process"),
        true,
        false,
    );
    leads(
        "a short one",
        &alone(&["gs", "-q"], "ProcessStartInfo"),
        false,
        true,
    );
    leads(
        "nobody starts it",
        &alone(&["dot"], "Console"),
        false,
        false,
    );
    leads("a path", &alone(&["/usr/bin/dot"], "Console"), true, false);
    let main = |name| escaped(&assembly(&[], &["Main", name]));
    for name in ["libusb-1.0", "usb-1.0", "libusb-1.0.so.0"] {
        let files = "usr/bin/mono (0755) = <tool>\nusr/lib/libusb-1.0.so.0 = <lib>";
        check(&[Case {
            what: name,
            command: &["mono", "/app/a.exe"],
            files: &format!("app/a.exe = {}\n{files}", main(name)),
            stays: &["/usr/lib/libusb-1.0.so.0"],
            goes: &[],
        }]);
    }
}

/// A module of Python with a text.
fn python(text: &str) -> Vec<u8> {
    let header = b"\xa7\r\r\n\0\0\0\0\0\0\0\0\0\0\0\0";
    let text = [&[0xfa, text.len() as u8], text.as_bytes()].concat();
    [header.as_slice(), b"\xe3", &text].concat()
}

#[test]
fn modules_of_python_name_programs() {
    leads("a module", &[("app/a.pyc", python("dot"))], true, false);
    let cached = [("app/__pycache__/a.cpython-311.pyc", python("dot"))];
    leads("one that has a source", &cached, false, false);
    for name in ["app/a.pyz", "app/a", "app/a.zip"] {
        let modules = jar(&[("a.pyc", python("dot"))], true);
        leads(
            &format!("modules in {name}"),
            &[(name, modules)],
            true,
            false,
        );
        let source = jar(&[("a.py", b"run(['gs', '-q'])".to_vec())], true);
        leads(
            &format!("sources in {name}"),
            &[(name, source)],
            false,
            true,
        );
    }
}

#[test]
fn programs_of_dotnet_in_one_file_are_opened() {
    let elf = linked(&[], "", "", Some("/lib64/ld.so"));
    let library = linked(&["libown.so.1", "libc.so.6"], "", "", None);
    let main = assembly(&["dot"], &["Main", "Process", "libusb-1.0"]);
    let (libc, own) = ("/usr/lib/libc.so.6", "/usr/lib/libown.so.1");
    let (dot, usb) = ("/usr/bin/dot", "/usr/lib/libusb-1.0.so.0");
    let files =
        "usr/lib/libc.so.6 = <lib>\nusr/lib/libown.so.1 = <lib>\nusr/lib/libusb-1.0.so.0 = <lib>\n
        usr/bin/dot (0755) = <tool>\nlib64/ld.so = <lib>\n";
    for form in [1, 2, 6] {
        let program = |parts: &[(&str, &[u8])]| {
            let program = escaped(&bundle::behind(&elf, form, parts));
            format!("usr/bin/tool (0755) = {program}\n{files}")
        };
        check(&[
            Case {
                what: "an assembly",
                command: &["tool"],
                files: &program(&[("a.dll", &main), ("a.json", b"{}")]),
                stays: &[dot, usb],
                goes: &[libc, own],
            },
            Case {
                what: "libraries",
                command: &["tool"],
                files: &program(&[("a.so", &library)]),
                stays: &[libc, own],
                goes: &[dot, usb],
            },
        ]);
    }
}

#[test]
fn programs_of_pyinstaller_are_unpacked() {
    let library = linked(&["libown.so.1", "libc.so.6"], "", "", None);
    let modules = pyinstaller::modules(&[&python("dot")]);
    let zip = jar(&[("a.pyc", python("gs"))], true);
    let program = |parts: &[(&str, u8, &[u8])]| {
        let elf = linked(&[], "", "", Some("/lib64/ld.so"));
        let files = "usr/lib/libc.so.6 = <lib>\nusr/lib/libown.so.1 = <lib>\n
            usr/bin/dot (0755) = <tool>\nusr/bin/gs (0755) = <tool>\nlib64/ld.so = <lib>\n";
        let program = escaped(&pyinstaller::behind(&elf, parts));
        format!("usr/bin/tool (0755) = {program}\n{files}")
    };
    let (libc, own) = ("/usr/lib/libc.so.6", "/usr/lib/libown.so.1");
    let (dot, gs) = ("/usr/bin/dot", "/usr/bin/gs");
    check(&[
        Case {
            what: "libraries",
            command: &["tool"],
            files: &program(&[
                ("liba.so", b'b', &library),
                ("lib/libown.so.1", b'b', &library),
            ]),
            stays: &[libc],
            goes: &[own, dot, gs],
        },
        Case {
            what: "modules",
            command: &["tool"],
            files: &program(&[("PYZ.pyz", b'z', &modules)]),
            stays: &[dot],
            goes: &[libc, gs],
        },
        Case {
            what: "the language's own archive, and code without a header",
            command: &["tool"],
            files: &program(&[
                ("base_library.zip", b'x', &zip),
                ("a", b's', &python("dot")[16..]),
            ]),
            stays: &[dot, gs],
            goes: &[libc],
        },
        Case {
            what: "data",
            command: &["tool"],
            files: &program(&[("a.txt", b'x', b"dot"), ("a.sh", b'x', b"gs -q")]),
            stays: &[gs],
            goes: &[libc, dot],
        },
    ]);
}

#[test]
fn all_stays_where_a_program_is_packed() {
    let files = |packer| {
        let program = escaped(&packed::program(packer));
        format!("usr/bin/tool (0755) = {program}\nusr/bin/dot (0755) = <tool>\netc/tool/x = x\n")
    };
    let all = ["/usr/bin/dot", "/etc/tool/x"];
    for packer in ["UPX", "AppImage", "Nuitka", "none"] {
        let is_packed = packer != "none";
        check(&[Case {
            what: packer,
            command: &["tool"],
            files: &files(packer),
            stays: if is_packed { &all } else { &[] },
            goes: if is_packed { &[] } else { &all[..1] },
        }]);
    }
}

#[test]
fn packages_of_r_name_programs() {
    let dot = ["/usr/bin/dot"];
    for (what, object, is_named) in [
        ("a line", r::vector(&["dot -Tpng"]), true),
        ("a name", r::name("dot"), false),
    ] {
        let base = escaped(&r::base(&[object]));
        let programs = "usr/bin/Rscript (0755) = <tool>\nusr/bin/dot (0755) = <tool>";
        check(&[Case {
            what,
            command: &["Rscript", "-e", "a::b()"],
            files: &format!("{programs}\nusr/lib/R/library/a/R/a.rdb = {base}"),
            stays: if is_named { &dot } else { &[] },
            goes: if is_named { &[] } else { &dot },
        }]);
    }
    let data = r::base(&[r::vector(&["dot"])]);
    leads("data", &[("app/a/data/Rdata.rdb", data)], false, false);
}
