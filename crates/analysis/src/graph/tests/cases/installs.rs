//! What images install when they run.

use super::{Case, check};

const DEBIAN: &str = r"usr/bin/apt-get (0755) = <tool>
    usr/bin/pip (0755) = <tool>
    usr/bin/gcc (0755) = <tool>
    usr/bin/serve (0755) = <tool>
    etc/apt/sources.list = deb x y z
    usr/lib/liba.so.1 = <lib>
    usr/lib/python3/dist-packages/b/__init__.py = x
    usr/lib/python3/dist-packages/b-1.dist-info/METADATA = Name: b\nVersion: 1\n
    usr/lib/python3/dist-packages/b-1.dist-info/RECORD = b/__init__.py,,\nb-1.dist-info/METADATA,,\nb-1.dist-info/RECORD,,\n
    var/lib/dpkg/info/a.list = /usr/lib/liba.so.1\n
    var/lib/dpkg/info/a.postinst = x
    var/lib/dpkg/info/up.list = /usr/bin/up\n
    usr/bin/up (0755) = #!/bin/sh\napt-get install x\n
    var/lib/dpkg/status = Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\nPackage: up\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n
    ";

fn checked(script: &str, stays: &[&'static str], goes: &[&'static str]) {
    let files = format!("{DEBIAN}app/start (0755) = {script}");
    check(&[Case {
        what: script,
        command: &["/app/start"],
        files: &files,
        stays,
        goes,
    }]);
}

const OF_APT: [&str; 3] = [
    "/usr/lib/liba.so.1",
    "/etc/apt/sources.list",
    "/var/lib/dpkg/info/a.postinst",
];
const OF_PIP: [&str; 2] = [
    "/usr/lib/python3/dist-packages/b/__init__.py",
    "/usr/bin/gcc",
];

#[test]
fn what_new_packages_may_need_stays() {
    let serve = r"\nexec serve\n";
    for command in [
        r"apt-get update\napt-get install -y $MORE",
        r"test -z $MORE || sudo /usr/bin/apt-get -qq -y install $MORE",
        r"sh -c 'apt-get -y dist-upgrade'",
    ] {
        checked(&format!(r"#!/bin/sh\n{command}{serve}"), &OF_APT, &OF_PIP);
    }
    for command in [
        r"pip install -r more.txt",
        r"$PYTHON -m pip -q install $MORE",
    ] {
        checked(
            &format!(r"#!/bin/sh\n{command}{serve}"),
            &OF_PIP,
            &OF_APT[..1],
        );
    }
    let run = r"#!/usr/bin/python3\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', more])\n";
    checked(run, &OF_PIP, &OF_APT[..1]);
    let system = r"#!/usr/bin/python3\nos.system('apt-get install -y ' + more)\n";
    checked(system, &OF_APT, &OF_PIP);
}

#[test]
fn who_asks_for_the_tool_alone_installs_with_it() {
    check(&[Case {
        what: "apt",
        command: &["apt-get"],
        files: DEBIAN,
        stays: &OF_APT,
        goes: &OF_PIP,
    }]);
}

#[test]
fn what_is_only_spoken_of_or_installs_nothing_is_no_reason() {
    for script in [
        r"#!/bin/sh\napt-get update\napt-get clean\n",
        r"#!/bin/sh\necho run apt-get install x first\n",
        r"#!/bin/sh\n# apt-get install x\nserve\n",
        r"#!/usr/bin/python3\nprint('apt-get install x')\n",
        r"#!/bin/sh\npip uninstall x\n",
    ] {
        checked(script, &[], &["/usr/lib/liba.so.1", "/usr/bin/gcc"]);
    }
}

#[test]
fn scripts_of_packages_know_what_they_need() {
    check(&[Case {
        what: "a package's script",
        command: &["up"],
        files: DEBIAN,
        stays: &["/usr/bin/apt-get"],
        goes: &["/usr/lib/liba.so.1"],
    }]);
}
