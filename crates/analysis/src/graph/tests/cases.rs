//! Small images, each with what one kind of program reaches and something that looks alike and is not.
//!
//! `<tool>` stands for a program, `<lib>` for a library; `<needs a.so.1>` needs one, `<takes f>` calls a function
//! of the C library, `<takes f says TEXT>` also holds a text, and `<says TEXT>` may start what it names.

mod code;
mod installs;
mod starts;
mod words;

use super::*;

/// An image: what it starts, what it holds, what must stay and what must not.
struct Case<'a> {
    what: &'a str,
    command: &'a [&'a str],
    files: &'a str,
    stays: &'a [&'a str],
    goes: &'a [&'a str],
}

fn filled(files: &str) -> String {
    let mut out = String::from("[a]\n");
    for line in files.trim().lines().map(str::trim) {
        let Some((name, mark)) = line.split_once(" = <") else {
            out += &format!("{line}\n");
            continue;
        };
        let mark = mark.strip_suffix('>').unwrap();
        let (kind, words) = mark.split_once(' ').unwrap_or((mark, ""));
        let names: Vec<&str> = words.split(' ').collect();
        let content = match kind {
            "needs" => linked(&names, "", "", Some("/lib64/ld.so")),
            "takes" => {
                let (symbols, text) = words.split_once(" says ").unwrap_or((words, ""));
                let symbols: Vec<&str> = symbols.split(' ').collect();
                importing(&symbols, format!("\0{text}\0").as_bytes())
            }
            "says" => importing(&["popen"], format!("\0{words}\0").as_bytes()),
            "names" => importing(&[], format!("\0{words}\0").as_bytes()),
            _ => linked(&[], "", "", None),
        };
        out += &format!("{name} = {}\n", escaped(&content));
    }
    out
}

fn check(cases: &[Case<'_>]) {
    for case in cases {
        let config = json!({ "Cmd": case.command, "Env": ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"] });
        search(
            &image_of(&filled(case.files), config),
            &[],
            |tree, found| {
                let found = paths(tree, &found.unwrap().1);
                for path in case.stays {
                    assert!(found.contains(*path), "{}: {path} is lost", case.what);
                }
                for path in case.goes {
                    assert!(tree.resolve(path.as_bytes()).is_some(), "{path}");
                    assert!(!found.contains(*path), "{}: {path} is kept", case.what);
                }
            },
        );
    }
}

#[test]
fn what_libraries_open_is_reached() {
    check(&[
        Case {
            what: "modules of OpenSSL",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <needs libcrypto.so.3>
                usr/lib/libcrypto.so.3 = <names /usr/lib/ossl-modules>
                usr/lib/ossl-modules/legacy.so = <lib>
                etc/ssl/openssl.cnf = x
                etc/ssl/certs/a.pem = x
                usr/lib/ssl/misc/CA.pl (0755) = x",
            stays: &["/usr/lib/ossl-modules/legacy.so", "/etc/ssl/openssl.cnf", "/etc/ssl/certs/a.pem"],
            goes: &["/usr/lib/ssl/misc/CA.pl"],
        },
        Case {
            what: "PAM",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <needs libpam.so.0>
                usr/lib/libpam.so.0 = <lib>
                usr/lib/security/pam_x.so = <lib>
                etc/pam.d/tool = auth required pam_x.so
                etc/pam.d/common = x
                usr/share/pam/x = x",
            stays: &["/usr/lib/security/pam_x.so", "/etc/pam.d/common"],
            goes: &["/usr/share/pam/x"],
        },
        Case {
            what: "SASL and Kerberos",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <needs libsasl2.so.2 libkrb5.so.3>
                usr/lib/libsasl2.so.2 = <lib>
                usr/lib/libkrb5.so.3 = <lib>
                usr/lib/sasl2/libplain.so = <lib>
                usr/lib/krb5/plugins/preauth/otp.so = <lib>
                etc/krb5.conf = x
                usr/lib/krb6/x = x",
            stays: &["/usr/lib/sasl2/libplain.so", "/usr/lib/krb5/plugins/preauth/otp.so", "/etc/krb5.conf"],
            goes: &["/usr/lib/krb6/x"],
        },
        Case {
            what: "GIO, gdk-pixbuf and fonts",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <needs libgio-2.0.so.0 libgdk_pixbuf-2.0.so.0 libfontconfig.so.1>
                usr/lib/libgio-2.0.so.0 = <says bash>
                usr/lib/libgdk_pixbuf-2.0.so.0 = <lib>
                usr/lib/libfontconfig.so.1 = <lib>
                usr/lib/gio/modules/libgiognutls.so = <lib>
                usr/lib/gdk-pixbuf-2.0/2.10.0/loaders/png.so = <lib>
                usr/share/fonts/a.ttf = x
                etc/fonts/fonts.conf = x
                usr/bin/bash (0755) = <lib>",
            stays: &["/usr/lib/gio/modules/libgiognutls.so", "/usr/lib/gdk-pixbuf-2.0/2.10.0/loaders/png.so", "/usr/share/fonts/a.ttf", "/etc/fonts/fonts.conf"],
            goes: &["/usr/bin/bash"],
        },
        Case {
            what: "OpenCL",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <needs libOpenCL.so.1>
                usr/lib/libOpenCL.so.1 = <lib>
                usr/lib/libpocl.so.2 = <lib>
                usr/lib/libother.so.2 = <lib>
                usr/share/pocl/kernel.bc = x
                etc/OpenCL/vendors/pocl.icd = libpocl.so.2",
            stays: &["/usr/lib/libpocl.so.2", "/usr/share/pocl/kernel.bc"],
            goes: &["/usr/lib/libother.so.2"],
        },
        Case {
            what: "pocl links kernels with the driver in clang's library",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <needs libpocl.so.2>
                usr/bin/ld (0755) = <lib>
                usr/lib/libpocl.so.2 = <needs libclang-cpp.so.15>
                usr/lib/libclang-cpp.so.15 = <names /usr/lib/gcc80 /usr/include/c++/5.0>
                usr/include/c++/12/vector = x
                usr/lib/clang/15/include/stddef.h = x
                usr/lib/clang/15/lib/linux/libclang_rt.builtins-x86_64.a = x
                usr/lib/clang/15/lib/linux/libclang_rt.asan-x86_64.a = x
                usr/lib/gcc/x86_64-linux-gnu/12/crtbegin.o = x
                usr/lib/gcc/x86_64-linux-gnu/12/libgcc.a = x
                usr/lib/gcc/x86_64-linux-gnu/12/cc1 (0755) = <lib>",
            stays: &[
                "/usr/bin/ld",
                "/usr/lib/clang/15/include/stddef.h",
                "/usr/lib/clang/15/lib/linux/libclang_rt.builtins-x86_64.a",
                "/usr/lib/gcc/x86_64-linux-gnu/12/crtbegin.o",
                "/usr/lib/gcc/x86_64-linux-gnu/12/libgcc.a",
            ],
            goes: &[
                "/usr/include/c++/12/vector",
                "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
                "/usr/lib/clang/15/lib/linux/libclang_rt.asan-x86_64.a",
            ],
        },
        Case {
            what: "whoever else drives clang may use all of the other compiler",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <needs libclang-cpp.so.15>
                usr/lib/libclang-cpp.so.15 = <names /usr/lib/gcc>
                usr/include/c++/12/vector = x
                usr/lib/clang/15/lib/linux/libclang_rt.asan-x86_64.a = x
                usr/lib/gcc/x86_64-linux-gnu/12/cc1 (0755) = <lib>",
            stays: &[
                "/usr/include/c++/12/vector",
                "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
                "/usr/lib/clang/15/lib/linux/libclang_rt.asan-x86_64.a",
            ],
            goes: &[],
        },
        Case {
            what: "a data base has words of its own, and its settings name programs",
            command: &["postgres"],
            files: "usr/bin/postgres (0755) = <says logrotate>
                usr/bin/locale (0755) = <lib>
                usr/bin/gzip (0755) = <lib>
                usr/bin/logrotate (0755) = <lib>
                usr/bin/tool (0755) = <says logrotate>
                etc/postgresql/postgresql.conf = archive_command = 'gzip < %p > %f'
                var/lib/dpkg/status = Package: pg\\nStatus: install ok installed\\nVersion: 1\\nArchitecture: all\\n
                var/lib/dpkg/info/pg.list = /usr/bin/postgres\\n/etc/postgresql/postgresql.conf\\n",
            stays: &["/usr/bin/locale", "/usr/bin/gzip"],
            goes: &["/usr/bin/logrotate"],
        },
        Case {
            what: "another program with such a word",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <says logrotate>
                usr/bin/logrotate (0755) = <lib>",
            stays: &["/usr/bin/logrotate"],
            goes: &[],
        },
        Case {
            what: "CUDA is opened by name where it is",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <names libcuda.so.1>
                usr/lib/libcuda.so.1 -> libcuda.so.535
                usr/lib/libcuda.so.535 = <lib>
                usr/lib/libcudart.so.12 = <lib>",
            stays: &["/usr/lib/libcuda.so.535"],
            goes: &["/usr/lib/libcudart.so.12"],
        },
        Case {
            what: "terminals, file types, keys",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <needs libtinfo.so.6 libmagic.so.1 libreadline.so.8>
                usr/lib/libtinfo.so.6 = <lib>
                usr/lib/libmagic.so.1 = <lib>
                usr/lib/libreadline.so.8 = <lib>
                usr/share/terminfo/x/xterm = x
                usr/share/misc/magic.mgc -> ../../lib/file/magic.mgc
                usr/lib/file/magic.mgc = x
                etc/inputrc = x
                usr/share/misc/pci.ids = x",
            stays: &["/usr/share/terminfo/x/xterm", "/usr/lib/file/magic.mgc", "/etc/inputrc"],
            goes: &["/usr/share/misc/pci.ids"],
        },
        Case {
            what: "encodings and locales",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <takes iconv_open setlocale>
                usr/lib/gconv/gconv-modules = x
                usr/lib/gconv/EUC-JP.so = <lib>
                usr/lib/locale/C.utf8/LC_CTYPE = x
                usr/share/i18n/charmaps/x = x",
            stays: &["/usr/lib/gconv/EUC-JP.so", "/usr/lib/gconv/gconv-modules", "/usr/lib/locale/C.utf8/LC_CTYPE"],
            goes: &["/usr/share/i18n/charmaps/x"],
        },
        Case {
            what: "messages in the language of an installed locale",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <takes gettext>
                lib/libc.so.6 = <names /usr/lib/locale>
                usr/lib/locale/de_DE.utf8/LC_CTYPE = x
                usr/share/locale/de/LC_MESSAGES/tool.mo = x
                usr/share/locale/fr/LC_MESSAGES/tool.mo = x",
            stays: &["/usr/share/locale/de/LC_MESSAGES/tool.mo"],
            goes: &["/usr/share/locale/fr/LC_MESSAGES/tool.mo"],
        },
        Case {
            what: "who starts fish may type anything",
            command: &["fish"],
            files: "usr/bin/fish (0755) = <tool>
                etc/fish/config.fish = x
                usr/share/fish/functions/ll.fish = x
                usr/bin/other (0755) = <tool>
                srv/other = x
                usr/share/other/x = x",
            stays: &["/etc/fish/config.fish", "/usr/share/fish/functions/ll.fish", "/usr/bin/other", "/srv/other"],
            goes: &["/usr/share/other/x"],
        },
        Case {
            what: "the homes of users whom a server looks up, also where they are empty",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <takes getpwnam>
                etc/passwd = ftp:x:5:5::/srv/ftp:/bin/false
                srv/ftp/
                srv/other/",
            stays: &["/srv/ftp"],
            goes: &["/srv/other"],
        },
        Case {
            what: "what a server of files shows, and what nobody names",
            command: &["rsync", "--daemon"],
            files: "usr/bin/rsync (0755) = <names /etc/rsyncd.conf>
                etc/rsyncd.conf = [data]\\npath=/srv\\n
                srv/data/f.txt = x
                mnt/other = x",
            stays: &["/srv/data/f.txt"],
            goes: &["/mnt/other"],
        },
        Case {
            what: "parts of settings that packages leave for the program that reads them all",
            command: &["logrotate", "/etc/logrotate.conf"],
            files: "usr/sbin/logrotate (0755) = <tool>
                etc/logrotate.conf = include /etc/logrotate.d\\n
                etc/logrotate.d/server = /var/log/server/*.log { daily }\\n
                etc/cron.daily/server = x",
            stays: &["/etc/logrotate.d/server"],
            goes: &["/etc/cron.daily/server"],
        },
        Case {
            what: "helpers, plugins and folders of servers that settings name which come when they start",
            command: &["sh", "-c", "squid & mosquitto & named"],
            files: "bin/sh (0755) = <tool>
                usr/sbin/squid (0755) = <tool>
                usr/sbin/mosquitto (0755) = <tool>
                usr/sbin/named (0755) = <tool>
                usr/lib/squid/basic_ncsa_auth (0755) = <tool>
                usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so = <lib>
                var/lib/bind/
                var/lib/other/",
            stays: &["/usr/lib/squid/basic_ncsa_auth", "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so", "/var/lib/bind"],
            goes: &["/var/lib/other"],
        },
        Case {
            what: "servers that the system's own scripts start",
            command: &["sh", "-c", "service haproxy start; invoke-rc.d --quiet squid restart"],
            files: "bin/sh (0755) = <tool>
                usr/sbin/service (0755) = #!/bin/sh\\n
                usr/sbin/invoke-rc.d (0755) = #!/bin/sh\\n
                etc/init.d/haproxy (0755) = #!/bin/sh\\nDAEMON=/usr/sbin/haproxy\\n$DAEMON\\n
                etc/init.d/squid (0755) = #!/bin/sh\\nDAEMON=/opt/squid/squid\\n$DAEMON\\n
                usr/sbin/haproxy (0755) = <tool>
                opt/squid/squid (0755) = <tool>
                usr/bin/other (0755) = <tool>",
            stays: &["/etc/init.d/haproxy", "/usr/sbin/haproxy", "/opt/squid/squid"],
            goes: &["/usr/bin/other"],
        },
        Case {
            what: "a server whose name is not known",
            command: &["sh", "-c", "for i in $(ls /srv); do service $i start; done"],
            files: "bin/sh (0755) = <tool>
                usr/sbin/service (0755) = #!/bin/sh\\n
                etc/init.d/haproxy (0755) = #!/bin/sh\\nDAEMON=/usr/sbin/haproxy\\n$DAEMON\\n
                usr/sbin/haproxy (0755) = <tool>
                usr/sbin/other (0755) = <tool>",
            stays: &["/etc/init.d/haproxy", "/usr/sbin/haproxy"],
            goes: &["/usr/sbin/other"],
        },
        Case {
            what: "what a new user's home begins with",
            command: &["useradd", "somebody"],
            files: "usr/sbin/useradd (0755) = <tool>
                etc/skel/.profile = x
                srv/other = x",
            stays: &["/etc/skel/.profile"],
            goes: &["/srv/other"],
        },
        Case {
            what: "time zones",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <takes localtime>
                usr/share/zoneinfo/Europe/Berlin = x
                etc/localtime -> /usr/share/zoneinfo/Europe/Berlin
                usr/share/zone/x = x",
            stays: &["/usr/share/zoneinfo/Europe/Berlin", "/etc/localtime"],
            goes: &["/usr/share/zone/x"],
        },
        Case {
            what: "a thread that ends unwinds",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <takes pthread_cancel>
                usr/lib/libgcc_s.so.1 = <lib>
                usr/lib/libgfortran.so.5 = <lib>",
            stays: &["/usr/lib/libgcc_s.so.1"],
            goes: &["/usr/lib/libgfortran.so.5"],
        },
    ]);
}

#[test]
fn what_settings_name_is_reached() {
    check(&[
        Case {
            what: "nginx and its modules",
            command: &["nginx", "-g", "daemon off;"],
            files: "usr/sbin/nginx (0755) = <names /etc/nginx/nginx.conf>
                etc/nginx/nginx.conf = include /etc/nginx/modules-enabled/*.conf;\\ninclude mime.types;
                etc/nginx/mime.types = x
                etc/nginx/modules-enabled/a.conf -> /usr/share/nginx/modules-available/a.conf
                usr/share/nginx/modules-available/a.conf = load_module modules/ngx_a_module.so;
                usr/share/nginx/modules-available/b.conf = load_module modules/ngx_b_module.so;
                usr/share/nginx/modules -> ../../lib/nginx/modules
                usr/lib/nginx/modules/ngx_a_module.so = <lib>
                srv/other = x",
            stays: &["/etc/nginx/mime.types", "/usr/share/nginx/modules-available/a.conf"],
            goes: &["/srv/other"],
        },
        Case {
            what: "programs of supervisord",
            command: &["supervisord", "-c", "/etc/supervisor/supervisord.conf"],
            files: "usr/bin/supervisord (0755) = #!/usr/bin/python3\\n
                usr/bin/python3 (0755) = <tool>
                usr/lib/python3/os.py = x
                etc/supervisor/supervisord.conf = [include]\\nfiles = conf.d/*.conf
                etc/supervisor/conf.d/a.conf = [program:a]\\ncommand = worker --fast
                usr/bin/worker (0755) = <tool>
                usr/bin/other (0755) = <tool>",
            stays: &["/usr/bin/worker", "/usr/lib/python3/os.py"],
            goes: &["/usr/bin/other"],
        },
        Case {
            what: "scripts in the settings of logrotate",
            command: &["logrotate", "/etc/logrotate.conf"],
            files: "usr/sbin/logrotate (0755) = <names /etc/logrotate.conf>
                etc/logrotate.conf = include /etc/logrotate.d
                etc/logrotate.d/server = /var/log/server {\\n postrotate\\n  pgrep server | xargs kill\\n endscript\\n}
                usr/bin/pgrep (0755) = <tool>
                usr/bin/pidof (0755) = <tool>",
            stays: &["/usr/bin/pgrep", "/etc/logrotate.d/server"],
            goes: &["/usr/bin/pidof"],
        },
        Case {
            what: "tables of cron",
            command: &["cron", "-f"],
            files: "usr/sbin/cron (0755) = <tool>
                bin/sh (0755) = <tool>
                etc/crontab = 17 * * * * root run-parts --report /etc/cron.hourly\\n
                etc/cron.d/mine = * * * * * root nightly | logger\\n
                etc/cron.hourly/job (0755) = #!/bin/sh\\nhourly\\n
                var/spool/cron/crontabs/root = 1 1 * * * weekly\\n
                usr/bin/run-parts (0755) = <tool>
                usr/bin/nightly (0755) = <tool>
                usr/bin/hourly (0755) = <tool>
                usr/bin/weekly (0755) = <tool>
                usr/bin/logger (0755) = <tool>
                usr/bin/other (0755) = <tool>",
            stays: &["/usr/bin/run-parts", "/usr/bin/nightly", "/usr/bin/hourly", "/usr/bin/weekly", "/usr/bin/logger"],
            goes: &["/usr/bin/other"],
        },
        Case {
            what: "who logs in may call anything",
            command: &["/usr/sbin/sshd", "-D"],
            files: "usr/sbin/sshd (0755) = <tool>
                usr/bin/anything (0755) = <tool>
                etc/passwd = joe:x:1000:1000::/home/joe:/bin/bash\\nd:x:2:2::/var/lib/d:/usr/sbin/nologin\\n
                home/joe/.config/x = x
                var/lib/d/x = x
                opt/thing (0755) = <tool>",
            stays: &["/usr/bin/anything", "/home/joe/.config/x", "/opt/thing"],
            goes: &["/var/lib/d/x"],
        },
        Case {
            what: "preloaded libraries",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <tool>
                etc/ld.so.preload = /usr/lib/liba.so libb.so\\n
                usr/lib/liba.so = <lib>
                usr/lib/libb.so = <lib>
                usr/lib/libc.so = <lib>",
            stays: &["/usr/lib/liba.so", "/usr/lib/libb.so"],
            goes: &["/usr/lib/libc.so"],
        },
        Case {
            what: "chains of alternatives",
            command: &["editor"],
            files: "usr/bin/editor -> /etc/alternatives/editor
                etc/alternatives/editor -> /usr/bin/nano
                etc/alternatives/pager -> /usr/bin/less
                usr/bin/nano (0755) = <tool>
                usr/bin/less (0755) = <tool>
                etc/nanorc = x",
            stays: &["/etc/alternatives/editor", "/usr/bin/nano", "/etc/nanorc"],
            goes: &["/etc/alternatives/pager", "/usr/bin/less"],
        },
    ]);
}

#[test]
fn what_commands_start_is_reached() {
    const PROGRAMS: &str = "bin/sh (0755) = <tool>
        usr/bin/a (0755) = <tool>
        usr/bin/b (0755) = <tool>
        usr/bin/c (0755) = <tool>
        usr/bin/no (0755) = <tool>
        usr/bin/env (0755) = <tool>
        usr/bin/tini (0755) = <tool>
        usr/bin/dumb-init (0755) = <tool>
        usr/bin/gosu (0755) = <tool>
        usr/bin/su-exec (0755) = <tool>
        usr/bin/s6-setuidgid (0755) = <tool>
        usr/bin/cat (0755) = <tool>";
    let case = |what, command| Case {
        what,
        command,
        files: PROGRAMS,
        stays: &["/usr/bin/a"],
        goes: &["/usr/bin/no"],
    };
    check(&[
        Case {
            stays: &["/usr/bin/a", "/usr/bin/b", "/usr/bin/c"],
            ..case("a line", &["sh", "-c", "X=no; a && b | c"])
        },
        case("env -S", &["env", "-S", "X=1 a --no"]),
        case("exec in a shell", &["sh", "-c", "exec a \"$0\""]),
        case("tini", &["tini", "-g", "--", "a", "-no"]),
        case("dumb-init", &["dumb-init", "--rewrite", "15:3", "a"]),
        case("gosu", &["gosu", "me:me", "a"]),
        case("su-exec", &["su-exec", "me", "a"]),
        case("s6", &["s6-setuidgid", "me", "a"]),
        Case {
            stays: &["/usr/bin/a", "/usr/bin/cat"],
            ..case("a shell has its utilities", &["sh", "-c", "a"])
        },
    ]);
}

#[test]
fn programs_have_companions() {
    let status = "Package: x-server\\nStatus: install ok installed\\nVersion: 1\\nSource: x (1)\\n\\nPackage: x-client\\nStatus: install ok installed\\nVersion: 1\\nSource: x\\n\\nPackage: y\\nStatus: install ok installed\\nVersion: 1\\nSource: xy\\n";
    let text = format!(
        "[a]\nusr/sbin/xd (0755) = x\nusr/bin/xctl (0755) = x\nusr/bin/x-perl (0755) = #!/usr/bin/perl\\n\nusr/bin/perl (0755) = x\nusr/bin/env (0755) = x\nusr/bin/y (0755) = x\nvar/lib/dpkg/status = {status}\nvar/lib/dpkg/info/x-server.list = /usr/sbin/xd\\n/etc/x/xd.cfg\\n/etc/init.d/xd\\n\netc/x/xd.cfg = x\netc/init.d/xd = x\nvar/lib/dpkg/info/x-client.list = /usr/bin/xctl\\n/usr/bin/x-perl\\n\nvar/lib/dpkg/info/y.list = /usr/bin/y\\n/usr/bin/perl\\n"
    );
    let kept = |command: &[&str]| {
        let image = image_of(&text, json!({ "Cmd": command }));
        search(&image, &[], |tree, found| paths(tree, &found.unwrap().1))
    };
    let found = kept(&["xd"]);
    assert!(found.contains("/usr/bin/xctl"));
    assert!(found.contains("/etc/x/xd.cfg") && !found.contains("/etc/init.d/xd"));
    assert!(!found.contains("/usr/bin/y") && !found.contains("/usr/bin/x-perl"));
    assert!(kept(&["env", "xd", "perl"]).contains("/usr/bin/x-perl"));
}

#[test]
fn links_of_a_package_are_programs_of_it() {
    check(&[
        Case {
            what: "links of a package to programs of another one",
            command: &["cc"],
            files: "usr/bin/cc -> cc-12
                usr/bin/cc-12 (0755) = <tool>
                usr/bin/cov -> cov-12
                usr/bin/cov-12 (0755) = <tool>
                usr/bin/dump-12 (0755) = <tool>
                var/lib/dpkg/status = Package: cc\\nStatus: install ok installed\\nVersion: 1\\nArchitecture: all\\n\\nPackage: cc-12\\nStatus: install ok installed\\nVersion: 1\\nArchitecture: all\\n
                var/lib/dpkg/info/cc.list = /usr/bin/cc\\n/usr/bin/cov\\n
                var/lib/dpkg/info/cc-12.list = /usr/bin/cc-12\\n/usr/bin/cov-12\\n/usr/bin/dump-12\\n",
            stays: &["/usr/bin/cc-12", "/usr/bin/cov", "/usr/bin/cov-12"],
            goes: &["/usr/bin/dump-12"],
        },
    ]);
}

#[test]
fn what_build_tools_read_is_followed_where_they_are_reached() {
    const TREE: &str = "opt/app/tool (0755) = <lib>
        opt/app/build/CMakeCache.txt = CMAKE_COMMAND:INTERNAL=/usr/bin/cmake
        opt/app/build/Makefile = all:\\n\\t/usr/bin/gcc x.c
        opt/app/build/CMakeFiles/tool.dir/main.c.o = x
        opt/app/data/CMakeFiles/model = x
        usr/bin/gcc (0755) = <lib>
        usr/bin/cmake (0755) = <lib>
        usr/bin/make (0755) = <lib>";
    let calling =
        format!("{TREE}\nopt/app/again (0755) = #!/bin/sh\\nmake -C build\nbin/sh (0755) = <lib>");
    check(&[
        Case {
            what: "a build tree around a program",
            command: &["/opt/app/tool"],
            files: TREE,
            stays: &[
                "/opt/app/build/CMakeCache.txt",
                "/opt/app/build/Makefile",
                // No file of CMake lies beside it.
                "/opt/app/data/CMakeFiles/model",
            ],
            goes: &[
                "/usr/bin/gcc",
                "/usr/bin/cmake",
                "/opt/app/build/CMakeFiles/tool.dir/main.c.o",
            ],
        },
        Case {
            what: "a script that builds it again",
            command: &["/opt/app/tool"],
            files: calling.leak(),
            stays: &[
                "/usr/bin/gcc",
                "/usr/bin/cmake",
                "/opt/app/build/CMakeFiles/tool.dir/main.c.o",
            ],
            goes: &[],
        },
    ]);
}

#[test]
fn what_lies_around_a_script_is_reached() {
    check(&[
        Case {
            what: "modules beside a script in a shared folder",
            command: &["python3", "/srv/main.py"],
            files: "usr/bin/python3 (0755) = <tool>
                srv/main.py = import helper
                srv/helper.py = x
                opt/other/x.py = x",
            stays: &["/srv/helper.py"],
            goes: &["/opt/other/x.py"],
        },
        Case {
            what: "a starter's application",
            command: &["app"],
            files: "bin/sh (0755) = <tool>
                usr/bin/python3 (0755) = <tool>
                usr/bin/app (0755) = #!/bin/sh\\nexec python3 /opt/app/bin/main.py \"$@\"\\n
                opt/app/bin/main.py = x
                opt/app/lib/core.py = x
                opt/app2/x.py = x",
            stays: &["/opt/app/lib/core.py"],
            goes: &["/opt/app2/x.py"],
        },
        Case {
            what: "a script reads another one that lies beside it",
            command: &["/opt/app/bin/run"],
            files: "bin/sh (0755) = <tool>
                opt/app/bin/run (0755) = #!/bin/sh\\nhere=$(dirname \"$0\")\\n. \"$here/../lib/common\"\\n
                opt/app/lib/common = x
                opt/app2/lib/x = x",
            stays: &["/opt/app/lib/common"],
            goes: &["/opt/app2/lib/x"],
        },
        Case {
            what: "modules beside a script in the root",
            command: &["python3", "/main.py"],
            files: "usr/bin/python3 (0755) = <tool>
                main.py = import helper, part.core
                helper.py = x
                part/core.py = x
                wheels/a.whl = x",
            stays: &["/helper.py", "/part/core.py"],
            goes: &["/wheels/a.whl"],
        },
        Case {
            what: "a home in a shared folder",
            command: &["tool"],
            files: "usr/bin/tool (0755) = <tool>
                etc/passwd = root:x:0:0::/root:/bin/sh\\n
                root/.config/tool.toml = x
                root/.bashrc = x
                home/other/x = x",
            stays: &["/root/.config/tool.toml"],
            goes: &["/root/.bashrc", "/home/other/x"],
        },
    ]);
}

#[test]
fn what_only_debuggers_read_names_nothing() {
    let path = b"\0/opt/src/include\0".as_slice();
    let files = |section: &str| {
        let tool = escaped(&crate::testing::elf(&[(section, path)]));
        format!("[a]\nusr/bin/tool (0755) = {tool}\nopt/src/include/a.h = x")
    };
    assert!(!reached(&files(".debug_line_str")).contains("/opt/src/include/a.h"));
    assert!(reached(&files(".rodata")).contains("/opt/src/include/a.h"));
}
