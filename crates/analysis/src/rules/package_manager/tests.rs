use super::TABLE;
use crate::testing::{Decided, decide_image_guarded, decide_with, elf, escaped, set};

/// A package of the test's database: its fields, and its files with their content.
struct Deb(&'static str, &'static str, &'static str);

const APT: Deb = Deb(
    "apt",
    "Depends: libapt-pkg6.0 (>= 2), gpgv | gpgv2, adduser",
    "usr/bin/apt-get (0755) = x\nusr/bin/apt (0755) = x\nusr/share/doc/apt/copyright = x",
);
const LIBRARY: Deb = Deb(
    "libapt-pkg6.0",
    "Section: libs\\nDepends: libgnutls30",
    "usr/lib/libapt-pkg.so.6.0 = x",
);
const GNUTLS: Deb = Deb(
    "libgnutls30",
    "Section: libs",
    "usr/lib/libgnutls.so.30 = x",
);
const GPGV: Deb = Deb("gpgv", "", "usr/bin/gpgv (0755) = x");
const ADDUSER: Deb = Deb(
    "adduser",
    "",
    "usr/sbin/adduser (0755) = #!/usr/bin/perl\\nuse File::Base;\\n",
);
const DPKG: Deb = Deb("dpkg", "Essential: yes", "usr/bin/dpkg (0755) = x");
const PERL_BASE: Deb = Deb(
    "perl-base",
    "Essential: yes",
    "usr/bin/perl (0755) = x\nusr/lib/perl-base/File/Base.pm = use File::Find;\\n",
);
const PERL: Deb = Deb(
    "perl",
    "Depends: perl-modules-5.36",
    "usr/bin/prove (0755) = x",
);
const MODULES: Deb = Deb(
    "perl-modules-5.36",
    "Section: libs",
    "usr/share/perl/5.36.0/File/Find.pm = x\nusr/share/perl/5.36.0/English.pm = x",
);

fn image(packages: &[Deb], more: &str) -> String {
    let (mut status, mut files) = (String::new(), String::new());
    for Deb(name, fields, content) in packages {
        let end = if fields.is_empty() { "" } else { "\\n" };
        status += &format!(
            "Package: {name}\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: 1\\n{fields}{end}\\n"
        );
        let names: Vec<String> = content
            .lines()
            .map(|line| format!("/{}\\n", line.split([' ', '\t']).next().unwrap()))
            .collect();
        files += &format!(
            "{content}\nvar/lib/dpkg/info/{name}.list = {}\n",
            names.concat()
        );
        files += &format!("var/lib/dpkg/info/{name}.postinst = apt-get perl adduser\n");
    }
    let auto = "Package: gpgv\\nArchitecture: amd64\\nAuto-Installed: 1\\n\\n";
    format!(
        "[base]\nvar/lib/dpkg/status = x\n{files}[RUN apt-get install tool]\nvar/lib/dpkg/status = {status}\nvar/lib/apt/extended_states = {auto}\n{more}\n"
    )
}

const ALL: [Deb; 9] = [
    APT, LIBRARY, GNUTLS, GPGV, ADDUSER, DPKG, PERL_BASE, PERL, MODULES,
];

fn with<const N: usize>(more: [Deb; N]) -> Vec<Deb> {
    ALL.into_iter().chain(more).collect()
}

fn decide_as(packages: &[Deb], more: &str, config: serde_json::Value) -> Decided {
    decide_image_guarded(&ounce_testkit::image(&image(packages, more)).with_config(config))
}

/// Of a service.
fn decide(packages: &[Deb], more: &str) -> Decided {
    decide_as(
        packages,
        more,
        serde_json::json!({ "Cmd": ["/app/serve", "--all"] }),
    )
}

fn goes(found: &Decided, path: &str) -> bool {
    found.gone.contains(path)
}

#[test]
fn it_goes_with_what_came_for_it() {
    let found = decide(&ALL, "app/serve (0755) = x");
    for path in [
        "/usr/bin/apt-get",
        "/usr/lib/libapt-pkg.so.6.0",
        "/usr/lib/libgnutls.so.30",
        "/usr/bin/gpgv",
        "/usr/sbin/adduser",
        "/usr/share/perl/5.36.0/English.pm",
        "/usr/share/doc/apt/copyright",
        "/var/lib/dpkg/info/apt.postinst",
    ] {
        assert!(goes(&found, path), "{path}: {:?}", found.held.get(path));
    }
    for path in [
        "/usr/bin/dpkg",
        "/usr/bin/perl",
        "/var/lib/dpkg/status",
        "/var/lib/dpkg/info/dpkg.list",
    ] {
        assert!(!goes(&found, path), "{path}");
    }
}

#[test]
fn the_database_says_what_is_there() {
    let text = image(&ALL, "app/serve (0755) = x");
    let image =
        ounce_testkit::image(&text).with_config(serde_json::json!({ "Cmd": ["/app/serve"] }));
    let after = crate::testing::rewritten(&image);
    let status = &after["/var/lib/dpkg/status"];
    let names: Vec<&str> = status
        .lines()
        .filter_map(|line| line.strip_prefix("Package: "))
        .collect();
    assert_eq!(names, ["dpkg", "perl-base"]);
    assert!(status.starts_with("Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nEssential: yes\n\n"));
    assert!(!after.keys().any(|path| path.contains("info/apt.")));
}

#[test]
fn an_image_to_work_in_or_to_build_upon_keeps_it() {
    for config in [
        serde_json::json!({}),
        serde_json::json!({ "Cmd": ["bash"] }),
        serde_json::json!({ "Cmd": ["python3"] }),
        serde_json::json!({ "Entrypoint": ["/entry.sh"], "Cmd": ["/bin/bash", "-l"] }),
        serde_json::json!({ "Cmd": ["/app/serve"], "OnBuild": ["RUN apt-get update"] }),
    ] {
        assert!(
            !goes(
                &decide_as(&ALL, "app/serve (0755) = x", config.clone()),
                "/usr/bin/apt-get"
            ),
            "{config}"
        );
    }
    for door in ["cron", "sshd", "sudo", "jupyter"] {
        let found = decide(&ALL, &format!("usr/local/sbin/{door} (0755) = x"));
        assert!(!goes(&found, "/usr/bin/apt-get"), "{door}");
    }
}

#[test]
fn what_calls_it_keeps_it_and_what_it_needs() {
    for user in [
        "app/start.sh (0755) = #!/bin/sh\\napt-get install -y \"$PLUGIN\"\\n",
        "app/a.py = subprocess.run(['apt-get', 'install'])",
        "app/tool (0755) = \\x7fELF\\x00/usr/bin/apt-get\\x00",
        "etc/app.conf = installer=apt-get",
    ] {
        let found = decide(&ALL, user);
        for path in [
            "/usr/bin/apt-get",
            "/usr/lib/libapt-pkg.so.6.0",
            "/usr/lib/libgnutls.so.30",
            "/usr/bin/gpgv",
        ] {
            assert!(!goes(&found, path), "{user}: {path}");
        }
        // It needs adduser for its maintainer scripts only, but would install nothing without.
        assert!(!goes(&found, "/usr/sbin/adduser"), "{user}");
    }
}

/// Rust and Go store texts side by side, with their lengths where they are used.
#[test]
fn a_program_that_has_its_name_between_others_keeps_it() {
    for (length, stays) in [(7, true), (8, false)] {
        let mut data = b"RUST_BACKTRACEunapt-getless".to_vec();
        data.extend([0x48, 0x8d, 0x35]);
        let next = data.len() as i32 + 4;
        data.extend((16 - next).to_le_bytes());
        data.extend([0xba, length, 0, 0, 0]);
        let program = escaped(&elf(&[(".rodata", &data)]));
        let found = decide(&ALL, &format!("app/tool (0755) = {program}"));
        assert_eq!(goes(&found, "/usr/bin/apt-get"), !stays, "{length}");
    }
}

#[test]
fn a_package_that_depends_on_it_keeps_it() {
    for fields in [
        "Depends: libc6, apt (>= 1.9)",
        "Recommends: apt",
        "Pre-Depends: apt",
    ] {
        let user = Deb(
            "python3-apt",
            fields,
            "usr/lib/python3/dist-packages/apt_pkg.so = x",
        );
        let packages = with([user]);
        assert!(
            !goes(&decide(&packages, ""), "/usr/bin/apt-get"),
            "{fields}"
        );
        assert!(
            !goes(&decide(&packages, ""), "/usr/sbin/adduser"),
            "{fields}: apt installs nothing without what packages depend on"
        );
    }
    let user = Deb("tool", "Depends: gpgv2 | apt", "usr/bin/tool (0755) = x");
    let other = Deb("gnupg", "Provides: gpgv2 (= 2)", "usr/bin/gpg (0755) = x");
    let packages = with([user, other]);
    assert!(goes(&decide(&packages, ""), "/usr/bin/apt-get"));
}

#[test]
fn a_library_that_something_else_loads_stays_alone() {
    for user in [
        "app/a.py = ctypes.CDLL('libgnutls.so.30')",
        "app/a.py = ctypes.util.find_library('gnutls')",
        "app/plugin -> ../usr/lib/libgnutls.so.30",
    ] {
        let found = decide(&ALL, user);
        assert!(!goes(&found, "/usr/lib/libgnutls.so.30"), "{user}");
        assert!(goes(&found, "/usr/bin/apt-get"), "{user}");
    }
}

#[test]
fn perl_that_is_used_stays() {
    let script = "(0755) = #!/usr/bin/perl\\nuse strict;\\nuse";
    for user in [
        "app/own = system(\"perl -pe x\")".to_owned(),
        format!("usr/local/bin/tool {script} File::Find;\\n"),
    ] {
        assert!(
            !goes(&decide(&ALL, &user), "/usr/share/perl/5.36.0/English.pm"),
            "{user}"
        );
    }
    let tool = |module: &str| {
        Deb(
            "tool",
            "",
            Box::leak(format!("usr/bin/tool {script} {module};\\n").into_boxed_str()),
        )
    };
    for (module, is_used) in [
        ("English", true),
        ("File::Find", true),
        ("File::Base", false),
    ] {
        let packages = with([tool(module)]);
        let found = decide(&packages, "");
        assert_eq!(
            !goes(&found, "/usr/share/perl/5.36.0/English.pm"),
            is_used,
            "{module}"
        );
    }
    let depends = Deb("cowsay", "Depends: perl:any", "usr/games/cowsay (0755) = x");
    let packages = with([depends]);
    assert!(!goes(&decide(&packages, ""), "/usr/bin/prove"));
}

#[test]
fn what_somebody_asked_for_stays() {
    // In the layer that installed it, without apt's mark.
    let text = image(&ALL, "app/serve (0755) = x").replace("[RUN", "[x]\n[RUN");
    let (base, later) = text.split_once("[x]").unwrap();
    let (list, rest): (Vec<&str>, Vec<&str>) = base
        .lines()
        .partition(|line| line.starts_with("var/lib/dpkg/info/perl.list"));
    let text = format!("{}\n{later}{}\n", rest.join("\n"), list.join("\n"));
    let image =
        ounce_testkit::image(&text).with_config(serde_json::json!({ "Cmd": ["/app/serve"] }));
    let found = decide_image_guarded(&image);
    assert!(!goes(&found, "/usr/bin/prove"));
    assert!(!goes(&found, "/usr/share/perl/5.36.0/English.pm"));
    assert!(goes(&found, "/usr/bin/apt-get"));
}

#[test]
fn a_package_of_which_a_part_stays_stays() {
    let image = ounce_testkit::image(&image(&ALL, "app/serve (0755) = x"))
        .with_config(serde_json::json!({ "Cmd": ["/app/serve"] }));
    let options = |keep: &str, frozen| {
        let options = crate::plan::Options::new(&[], &[], &[keep.to_owned()], frozen).unwrap();
        options.with_tier(crate::rules::Tier::Guarded)
    };
    let found = decide_with(&image, &options("/usr/bin/gpgv", 0));
    assert!(!goes(&found, "/var/lib/dpkg/info/gpgv.list") && goes(&found, "/usr/bin/apt-get"));
    // The database would have to be written in a layer that is left alone.
    assert_eq!(decide_with(&image, &options("/x", 2)).gone, set(&[]));
    assert!(!goes(
        &decide_with(&image, &options("/var/lib/dpkg/status", 0)),
        "/usr/bin/apt-get"
    ));
}

#[test]
fn what_other_packages_list_too_stays() {
    let other = Deb("base-files", "Essential: yes", "usr/share/common/GPL = x");
    let files = "lib -> usr/lib\nvar/lib/dpkg/info/libapt-pkg6.0.list = /lib\\n/lib/libapt-pkg.so.6.0\\n/usr/share/common/GPL\\n";
    let found = decide(&with([other]), files);
    assert!(goes(&found, "/usr/lib/libapt-pkg.so.6.0"));
    assert!(!goes(&found, "/lib") && !goes(&found, "/usr/share/common/GPL"));
}

#[test]
fn what_the_database_does_not_tell_clearly_stays() {
    let twice = Deb("apt", "Architecture: i386", "usr/bin/apt-get (0755) = x");
    let packages = with([twice]);
    assert!(!goes(&decide(&packages, ""), "/usr/bin/apt-get"));
    let essential = Deb("apt", "Essential: yes", "usr/bin/apt-get (0755) = x");
    assert!(!goes(&decide(&[essential, DPKG], ""), "/usr/bin/apt-get"));
    let found = decide(
        &ALL,
        "var/lib/dpkg/info/apt.triggers = interest /usr/share/x\\n",
    );
    assert!(!goes(&found, "/usr/bin/apt-get"));
}

#[test]
fn every_row_of_the_table_has_its_source() {
    let parts = TABLE.part.iter().map(|row| &row.source);
    let scripts = TABLE.scripts.iter().map(|row| &row.source);
    let doors = TABLE.door.iter().map(|row| &row.source);
    for source in parts.chain(scripts).chain(doors) {
        assert!(source.starts_with("https://"), "{source}");
    }
}
