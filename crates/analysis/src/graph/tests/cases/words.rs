//! Which words of sources and settings are programs.

use super::{Case, check, escaped};

/// Whether a file at a path leads to `samtools`, and to `jq`, whose name has two letters.
fn leads(path: &str, content: &str, samtools: bool, jq: bool) {
    let programs = [("/usr/bin/samtools", samtools), ("/usr/bin/jq", jq)];
    let of = |wanted: bool| -> Vec<&str> {
        let of = programs.iter().filter(|(_, is)| *is == wanted);
        of.map(|(program, _)| *program).collect()
    };
    check(&[Case {
        what: content,
        command: &["python3", &format!("/{path}")],
        files: &format!(
            "usr/bin/python3 (0755) = <tool>\n{path} = {}\nusr/bin/samtools (0755) = <tool>\nusr/bin/jq (0755) = <tool>",
            escaped(content.as_bytes())
        ),
        stays: &of(true),
        goes: &of(false),
    }]);
}

#[test]
fn sources_name_programs_in_texts() {
    for content in [
        "run(['samtools', 'view', bam])",
        "os.system(\"samtools view -b\")",
        "system2(\"samtools\")",
        "my $n = `samtools --version`;",
        "exec('bwa mem x | samtools sort')",
        "for my $tool (qw(bwa samtools)) {",
        "%w[bwa samtools].each do",
        "os.system('mpirun -n 4 samtools view')",
        "shell:\n    \"\"\"\n    nohup samtools index {x}\n    \"\"\"",
        "shell(f\"\"\"\n    samtools view -b {bam}\n\"\"\")",
    ] {
        leads("app/main.py", content, true, false);
    }
    leads("app/main.js", "spawn('jq', ['.a'])", false, true);
    leads("app/main.rb", "`jq . /x | samtools view`", true, true);
    leads(
        "app/main.ipynb",
        "[\n \"!samtools view x\\n\",\n \"%%bash\\n\",\n \"jq . /x\"\n]",
        true,
        true,
    );
    // Without an ending it is a source by what runs it.
    leads(
        "app/run",
        "#!/usr/bin/python3\nrun(['samtools'])",
        true,
        false,
    );
    leads(
        "app/run",
        "#!/bin/execlineb -P\n# jq\nwith-env samtools",
        true,
        false,
    );
    for content in [
        "# run(['samtools'])",
        "// as \"samtools\" does",
        "import samtools",
        "samtools = 1",
        "samtools and others are needed",
        "'nohup', is samtools there",
        "'is samtools there'",
        "open(f, 'jqx')",
    ] {
        leads("app/main.py", content, false, false);
    }
}

#[test]
fn settings_name_programs_as_values() {
    for content in [
        "command=samtools view",
        "run: samtools",
        "  - samtools view",
        "run: /usr/bin/time -v samtools view",
        "command=nohup samtools view",
    ] {
        leads("app/tool.yml", content, true, false);
    }
    for content in [
        "samtools = yes",
        "# command=samtools",
        "why: it is samtools",
    ] {
        leads("app/tool.conf", content, false, false);
    }
    // What is for people names nothing.
    leads("app/README.md", "`samtools view`", false, false);
}

#[test]
fn modules_name_programs_only_in_texts() {
    let module = "usr/lib/python3/dist-packages/tool/run.py";
    leads(module, "call(['samtools'])", true, false);
    leads(module, "command=samtools view", false, false);
    leads(module, "language = 'jq'", false, false);
    leads(module, "executable = 'jq'", false, true);
    leads(module, "run('jq', '-r')", false, true);
    let text = "s = \"\"\"\n    mpirun -n {n} samtools view\n\"\"\"";
    leads(module, text, true, false);
    let advice = "s = \"\"\"\n    sudo samtools install -y x\n\"\"\"";
    leads(module, advice, false, false);
    leads(module, "system('sudo samtools view')", true, false);
    let test = "usr/lib/python3/dist-packages/tool/tests/run.py";
    leads(test, "call(['samtools'])", false, false);
}

#[test]
fn a_variable_that_is_counted_up_is_no_compiler() {
    for (content, is_kept) in [
        ("s('x');for(c=0;c<n;c++)f()", false),
        ("s('x');c++;f()", false),
        ("exec('cd x; c++ -o y z.cc')", true),
        ("exec('c++')", true),
    ] {
        let program = ["/usr/bin/c++"];
        check(&[Case {
            what: content,
            command: &["node", "/app/main.js"],
            files: &format!(
                "usr/bin/node (0755) = <tool>\napp/main.js = {content}\nusr/bin/c++ (0755) = <tool>"
            ),
            stays: if is_kept { &program } else { &[] },
            goes: if is_kept { &[] } else { &program },
        }]);
    }
}

#[test]
fn libraries_are_asked_for_without_their_whole_name() {
    let image = "usr/bin/python3.11 (0755) = <tool>
        usr/lib/python3/dist-packages/usb.py = <source>
        usr/lib/libusb-1.0.so.0 -> libusb-1.0.so.0.3
        usr/lib/libusb-1.0.so.0.3 = <lib>
        usr/lib/libusbmuxd.so.6 = <lib>";
    for (source, stays) in [
        ("import ctypes.util; load(('usb-1.0', 'usb'))", true),
        ("import ctypes.util; load('libusb-1.0')", true),
        ("import colours; print('usb-1.0')", false),
        ("import ctypes.util; load('usb-1.0 or usb')", false),
    ] {
        let library = ["/usr/lib/libusb-1.0.so.0", "/usr/lib/libusb-1.0.so.0.3"];
        let (stays, mut goes) = match stays {
            true => (library.to_vec(), vec![]),
            false => (vec![], library.to_vec()),
        };
        goes.push("/usr/lib/libusbmuxd.so.6");
        check(&[Case {
            what: source,
            command: &["python3.11"],
            files: &image.replace("<source>", source),
            stays: &stays,
            goes: &goes,
        }]);
    }
}

#[test]
fn versions_are_put_behind_names_of_libraries() {
    for (says, stays) in [
        ("libicuuc.so", true),
        ("libicuuc.so.", true),
        ("libicuuc.so.70", false),
        ("libicu.so", false),
    ] {
        let library = ["/usr/lib/libicuuc.so.72", "/usr/lib/libicuuc.so.72.1"];
        check(&[Case {
            what: says,
            command: &["tool"],
            files: &format!(
                "usr/bin/tool (0755) = <says {says}>
                usr/lib/libicuuc.so.72 -> libicuuc.so.72.1
                usr/lib/libicuuc.so.72.1 = <lib>"
            ),
            stays: if stays { &library } else { &[] },
            goes: if stays { &[] } else { &library },
        }]);
    }
}

#[test]
fn programs_outside_of_path_are_found_by_their_names() {
    let stays = [
        "/opt/vendor/bin/vendored",
        "/srv/own",
        "/usr/lib/x-15/bin/ctl",
    ];
    let goes = [
        "/opt/more/bin/other",
        "/opt/data/vendored",
        "/opt/lib/vendored.so",
        "/usr/lib/x-15/ctl",
        "/usr/lib/y/bin/clear",
    ];
    for (path, content) in [
        (
            "app/main.py",
            "#!/usr/bin/python3\nenviron['PATH'] += join('/x', 'bin')\nrun('vendored -v')\nrun(['own'])\nrun(['ctl'])\nrun(['clear'])",
        ),
        (
            "app/main",
            "#!/bin/sh\nPATH=$X:$PATH\nvendored\nown\nctl\nclear\n",
        ),
    ] {
        check(&[Case {
            what: path,
            command: &[&format!("/{path}")],
            files: &format!(
                "usr/bin/python3 (0755) = <tool>\nbin/sh (0755) = <tool>\n{path} (0755) = {}\n
                opt/vendor/bin/vendored (0755) = <tool>\nopt/more/bin/other (0755) = <tool>\n
                opt/data/vendored (0755) = text\nopt/lib/vendored.so (0755) = <lib>\nsrv/own (0755) = #!/bin/sh\n
                usr/lib/x-15/bin/ctl (0755) = <tool>\nusr/lib/y/bin/clear (0755) = <tool>\n
                usr/lib/x-15/ctl (0755) = <tool>\nusr/bin/clear (0755) = <tool>\n
                var/lib/dpkg/info/x.list = /usr/lib/x-15/ctl\\n/usr/lib/x-15/bin/ctl\\n\n
                var/lib/dpkg/info/y.list = /usr/lib/y/bin/clear\\n\n
                var/lib/dpkg/status = Package: x\\nStatus: install ok installed\\nVersion: 1\\nArchitecture: all\\n\\nPackage: y\\nStatus: install ok installed\\nVersion: 1\\nArchitecture: all\\n",
                escaped(content.as_bytes())
            ),
            stays: &stays,
            goes: &goes,
        }]);
    }
}
