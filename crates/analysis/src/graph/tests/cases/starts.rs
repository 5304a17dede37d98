//! Which words of a program are programs that it starts.

use super::{Case, check, escaped, importing};

#[test]
fn programs_are_started_through_libraries() {
    check(&[
        Case {
            what: "a library that starts programs",
            command: &["man"],
            files: "usr/bin/man (0755) = <takes pipecmd_new says nroff>
                usr/bin/nroff (0755) = <tool>
                usr/bin/troff (0755) = <tool>",
            stays: &["/usr/bin/nroff"],
            goes: &["/usr/bin/troff"],
        },
        Case {
            what: "what compresses archives",
            command: &["tar"],
            files: "bin/tar (0755) = <takes execlp says --with-xz>
                usr/bin/xz (0755) = <tool>
                bin/bzip2 (0755) = <tool>
                usr/bin/zip (0755) = <tool>",
            stays: &["/usr/bin/xz", "/bin/bzip2"],
            goes: &["/usr/bin/zip"],
        },
        Case {
            what: "a function of a library that is called so",
            command: &["eprimer3"],
            files: "usr/bin/eprimer3 (0755) = <takes ajSysExecRedirectC says primer3_core>
                usr/bin/primer3_core (0755) = <tool>",
            stays: &["/usr/bin/primer3_core"],
            goes: &[],
        },
        Case {
            what: "a function that runs something else",
            command: &["psql"],
            files: "usr/bin/psql (0755) = <takes PQexec posix_spawn says primer3_core>
                usr/bin/primer3_core (0755) = <tool>",
            stays: &[],
            goes: &["/usr/bin/primer3_core"],
        },
        Case {
            what: "words of who starts nothing",
            command: &["man"],
            files: "usr/bin/man (0755) = <takes pipeline_free says nroff>
                usr/bin/nroff (0755) = <tool>",
            stays: &[],
            goes: &["/usr/bin/nroff"],
        },
        Case {
            what: "what draws a page",
            command: &["groff"],
            files: "usr/bin/groff (0755) = <names /usr/share/groff/1.22/font>
                usr/share/groff/1.22/font/devutf8/DESC = res 240\\npostpro grotty\\n
                usr/share/groff/1.22/font/devutf8/R = name R\\nspacewidth grolj\\n
                usr/bin/grotty (0755) = <tool>
                usr/bin/grolj (0755) = <tool>",
            stays: &["/usr/bin/grotty"],
            goes: &["/usr/bin/grolj"],
        },
    ]);
}

#[test]
fn commands_in_texts_are_called_wherever_they_stand() {
    let tools = "usr/bin/gzip (0755) = <tool>\nusr/bin/x86_64-linux-gnu-gcc (0755) = <tool>";
    let both = ["/usr/bin/gzip", "/usr/bin/x86_64-linux-gnu-gcc"];
    for (text, stays) in [
        ("exec gzip %s", Some(0)),
        ("nohup gzip %s", Some(0)),
        ("cat %s | gzip > %s", Some(0)),
        ("cd %s && gzip x", Some(0)),
        ("could not gzip it, or gunzip; gzip is gone", None),
        // A record of a build has nothing to fill in.
        (
            "exec x86_64-linux-gnu-gcc -ffile-prefix-map=/a=. -o %o %s",
            Some(1),
        ),
        (
            "x86_64-linux-gnu-gcc -ffile-prefix-map=/a=. -shared %s",
            Some(1),
        ),
        ("x86_64-linux-gnu-gcc -ffile-prefix-map=/a=. -O2", None),
    ] {
        let stays: Vec<&str> = stays
            .map(|number: usize| both[number])
            .into_iter()
            .collect();
        let goes: Vec<&str> = both
            .into_iter()
            .filter(|path| !stays.contains(path))
            .collect();
        check(&[Case {
            what: text,
            command: &["tool"],
            files: &format!("usr/bin/tool (0755) = <says {text}>\n{tools}"),
            stays: &stays,
            goes: &goes,
        }]);
    }
}

#[test]
fn data_beside_the_folder_of_a_program_is_reached() {
    check(&[Case {
        what: "paths from where a program is installed",
        command: &["/usr/local/bin/tool"],
        files: "usr/local/bin/tool (0755) = <names /share/tool-3.25>
            usr/local/share/tool-3.25/a.cmake = x
            usr/local/share/other/a = x
            usr/share/tool-3.25/a = x",
        stays: &["/usr/local/share/tool-3.25/a.cmake"],
        goes: &["/usr/local/share/other/a", "/usr/share/tool-3.25/a"],
    }]);
    for (text, stays) in [
        ("share/tool", true),
        ("%s/share/tool", true),
        ("../share/tool", true),
        ("myshare/tool", false),
        ("share/too", false),
    ] {
        let data: &[&str] = &["/usr/share/tool/data"];
        let (stays, goes) = if stays {
            (data, &[][..])
        } else {
            (&[][..], data)
        };
        check(&[Case {
            what: text,
            command: &["tool"],
            files: &format!("usr/bin/tool (0755) = <names {text}>\nusr/share/tool/data = x"),
            stays,
            goes,
        }]);
    }
}

#[test]
fn extensions_and_plugins_are_found_by_name() {
    check(&[
        Case {
            what: "extensions of SQLite",
            command: &["sqlite3"],
            files: "usr/bin/sqlite3 (0755) = <needs libsqlite3.so.0>
                usr/lib/libsqlite3.so.0 = <lib>
                usr/lib/mod_spatialite.so = <lib>
                usr/lib/mod_x/a.so = <lib>",
            stays: &["/usr/lib/mod_spatialite.so"],
            goes: &["/usr/lib/mod_x/a.so"],
        },
        Case {
            what: "modules of vips",
            command: &["vips"],
            files: "usr/bin/vips (0755) = <needs libvips.so.42>
                usr/lib/libvips.so.42 = <names %s/vips-modules-%d.%d>
                usr/lib/vips-modules-8.14/vips-heif.so = <lib>
                usr/lib/vips-other/x.so = <lib>",
            stays: &["/usr/lib/vips-modules-8.14/vips-heif.so"],
            goes: &["/usr/lib/vips-other/x.so"],
        },
        Case {
            what: "platforms of Qt",
            command: &["draw"],
            files: "usr/bin/draw (0755) = <needs libQt5Core.so.5>
                usr/lib/libQt5Core.so.5 = <lib>
                usr/lib/qt5/plugins/platforms/libqoffscreen.so = <lib>
                usr/lib/qt5/qml/QtQuick/libx.so = <lib>",
            stays: &["/usr/lib/qt5/plugins/platforms/libqoffscreen.so"],
            goes: &["/usr/lib/qt5/qml/QtQuick/libx.so"],
        },
    ]);
}

#[test]
fn compilers_start_what_they_name_and_what_they_built_does_not() {
    let tools = "usr/bin/x86_64-linux-gnu-as (0755) = <tool>
                usr/bin/x86_64-linux-gnu-ld (0755) = <tool>";
    let record = "<takes system says -ffile-prefix-map=\0x86_64-linux-gnu-as>";
    for (program, stays, goes) in [
        (
            "ocamlopt.opt",
            vec!["/usr/bin/x86_64-linux-gnu-as"],
            vec!["/usr/bin/x86_64-linux-gnu-ld"],
        ),
        ("samtools", vec![], vec!["/usr/bin/x86_64-linux-gnu-as"]),
    ] {
        check(&[Case {
            what: "records of a build",
            command: &[program],
            files: &format!("usr/bin/{program} (0755) = {record}\n{tools}"),
            stays: &stays,
            goes: &goes,
        }]);
    }
    check(&[
        Case {
            what: "the standard library of Rust",
            command: &["rustc"],
            files: "usr/bin/rustc (0755) = <tool>
                usr/lib/rustlib/x86_64-unknown-linux-gnu/lib/libstd-1.rlib = x
                usr/lib/other/x = x",
            stays: &["/usr/lib/rustlib/x86_64-unknown-linux-gnu/lib/libstd-1.rlib"],
            goes: &["/usr/lib/other/x"],
        },
        Case {
            what: "libraries that whoever compiles may name",
            command: &["/usr/lib/gcc/x86_64-linux-gnu/12/collect2"],
            files: "usr/lib/gcc/x86_64-linux-gnu/12/collect2 (0755) = <tool>
                usr/lib/libz.so -> libz.so.1
                usr/lib/libz.so.1 = <lib>
                usr/lib/libz.a = x
                usr/lib/libother.so.2 = <lib>",
            stays: &["/usr/lib/libz.so", "/usr/lib/libz.so.1", "/usr/lib/libz.a"],
            goes: &["/usr/lib/libother.so.2"],
        },
        Case {
            what: "settings of GHC",
            command: &["/usr/lib/ghc/bin/ghc"],
            files: "usr/lib/ghc/bin/ghc (0755) = <names /usr/lib/ghc/settings>
                usr/lib/ghc/settings = [(\"C compiler command\", \"x86_64-linux-gnu-gcc\")]
                usr/bin/x86_64-linux-gnu-gcc (0755) = <tool>
                usr/bin/x86_64-linux-gnu-g++ (0755) = <tool>",
            stays: &["/usr/bin/x86_64-linux-gnu-gcc"],
            goes: &["/usr/bin/x86_64-linux-gnu-g++"],
        },
        Case {
            what: "clang and the parts of GCC that it looks for",
            command: &["clang"],
            files: "usr/bin/clang (0755) = <tool>
                usr/bin/ld (0755) = <tool>
                usr/bin/nm (0755) = <tool>
                usr/include/stdio.h = x
                usr/lib/gcc/x86_64-linux-gnu/12/crtbegin.o = x
                usr/lib/other.o = x",
            stays: &[
                "/usr/bin/ld",
                "/usr/include/stdio.h",
                "/usr/lib/gcc/x86_64-linux-gnu/12/crtbegin.o",
            ],
            goes: &["/usr/bin/nm", "/usr/lib/other.o"],
        },
    ]);
}

#[test]
fn words_of_a_language_are_no_programs() {
    check(&[
        Case {
            what: "types of Perl",
            command: &["perl", "-e", "1"],
            files: "usr/bin/perl (0755) = <says scalar>
                usr/bin/scalar (0755) = <tool>
                bin/sh (0755) = <tool>
                bin/sed (0755) = <tool>",
            stays: &["/bin/sh", "/bin/sed"],
            goes: &["/usr/bin/scalar"],
        },
        Case {
            what: "arguments of Python",
            command: &["python3.11", "-c", "1"],
            files: "usr/bin/python3.11 (0755) = <says named>
                usr/sbin/named (0755) = <tool>
                bin/sh (0755) = <tool>
                bin/sed (0755) = <tool>",
            stays: &["/bin/sh", "/bin/sed"],
            goes: &["/usr/sbin/named"],
        },
        Case {
            what: "languages in git diff",
            command: &["git"],
            files: "usr/bin/git (0755) = <says elixir\0unzip>
                usr/bin/elixir (0755) = <tool>
                usr/bin/unzip (0755) = <tool>",
            stays: &["/usr/bin/unzip"],
            goes: &["/usr/bin/elixir"],
        },
        Case {
            what: "the same words in another program",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <says elixir\0scalar>
                usr/bin/elixir (0755) = <tool>
                usr/bin/scalar (0755) = <tool>",
            stays: &["/usr/bin/elixir", "/usr/bin/scalar"],
            goes: &[],
        },
    ]);
}

#[test]
fn units_are_of_who_starts_them() {
    let units = "usr/lib/systemd/system/a.service = [Service]\\nExecStart=/usr/sbin/daemon -f\\n
                usr/lib/tmpfiles.d/a.conf = d /run/a 0755 root root\\n
                usr/lib/sysctl.d/a.conf = x
                usr/lib/binfmt.d/python.conf = :python:M::x::/usr/sbin/daemon:\\n
                usr/sbin/daemon (0755) = <tool>
                usr/sbin/other (0755) = <tool>";
    let all = [
        "/usr/lib/systemd/system/a.service",
        "/usr/sbin/daemon",
        "/usr/lib/tmpfiles.d/a.conf",
    ];
    let cases = [
        (
            "usr/lib/systemd/systemd",
            "<tool>",
            &all[..],
            &["/usr/sbin/other"][..],
        ),
        ("usr/bin/systemd-tmpfiles", "<tool>", &all[2..], &all[..2]),
        ("usr/bin/tool", "<names /usr/lib/binfmt.d>", &[], &all[..]),
    ];
    for (program, content, stays, goes) in cases {
        check(&[Case {
            what: program,
            command: &[&format!("/{program}")],
            files: &format!("{program} (0755) = {content}\n{units}"),
            stays,
            goes,
        }]);
    }
}

/// A linker stores `bzip2` as the end of `lbzip2`; code has its distance then (`lea`).
#[test]
fn a_name_at_the_end_of_another_word_counts_where_something_points_to_it() {
    let points_to = |at: i32| {
        let mut data = b"\0lbzip2\0not unzstd\0".to_vec();
        data.extend([0x48, 0x8d, 0x3d]);
        let next = data.len() as i32 + 4;
        data.extend((at - next).to_le_bytes());
        escaped(&importing(&["execvp"], &data))
    };
    let tools = "usr/bin/bzip2 (0755) = <tool>
        usr/bin/zstd (0755) = <tool>";
    for (at, stays, goes) in [
        (2, vec!["/usr/bin/bzip2"], vec!["/usr/bin/zstd"]),
        (14, vec!["/usr/bin/zstd"], vec!["/usr/bin/bzip2"]),
        (3, vec![], vec!["/usr/bin/bzip2", "/usr/bin/zstd"]),
    ] {
        check(&[Case {
            what: "the end of a word",
            command: &["tool"],
            files: &format!("usr/bin/tool (0755) = {}\n{tools}", points_to(at)),
            stays: &stays,
            goes: &goes,
        }]);
    }
}

/// Rust stores texts side by side, with their lengths where they are used.
#[test]
fn texts_with_lengths_are_names_where_something_has_both() {
    let names = |at: i32, length: u8| {
        let mut data = b"RUST_BACKTRACEunzstdlibz.so.1lz4less".to_vec();
        data.extend([0x48, 0x8d, 0x35]);
        let next = data.len() as i32 + 4;
        data.extend((at - next).to_le_bytes());
        data.extend([0xba, length, 0, 0, 0]);
        escaped(&importing(&["execvp"], &data))
    };
    let others = "usr/bin/lz4 (0755) = <tool>
        usr/bin/less (0755) = <tool>
        usr/bin/zstd (0755) = <tool>
        usr/lib/libz.so.1 = <lib>";
    let all = [
        "/usr/bin/lz4",
        "/usr/bin/less",
        "/usr/bin/zstd",
        "/usr/lib/libz.so.1",
    ];
    for (at, length, stays) in [
        (16, 4, "/usr/bin/zstd"),
        (20, 9, "/usr/lib/libz.so.1"),
        (16, 5, ""),
    ] {
        let goes: Vec<&str> = all.into_iter().filter(|path| *path != stays).collect();
        check(&[Case {
            what: "texts with lengths",
            command: &["tool"],
            files: &format!("usr/bin/tool (0755) = {}\n{others}", names(at, length)),
            stays: Some(stays).filter(|path| !path.is_empty()).as_slice(),
            goes: &goes,
        }]);
    }
}
