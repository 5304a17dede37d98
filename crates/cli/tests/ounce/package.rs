//! What users see of one package: `ounce analyze --owner`.

use std::process::Output;

/// An environment in which somebody asked for two packages, and a wheel in one of them.
const IMAGE: &str = r#"
[RUN conda install fastqc python=3.12]
c/conda-meta/history = # cmd: conda install fastqc python=3.12\n# update specs: ['fastqc', 'python=3.12']\n
c/conda-meta/f.json = {"name":"fastqc","version":"0.12","build":"h_0","depends":["openjdk >=17","perl"],"files":["bin/fastqc"]}
c/bin/fastqc (0755) *4000
c/conda-meta/j.json = {"name":"openjdk","version":"17.0.2","build":"h_1","depends":["libz","__glibc"],"files":["lib/jvm/lib/modules","lib/jvm/lib/src.zip","share/doc/jdk/README"]}
c/lib/jvm/lib/modules *90000
c/lib/jvm/lib/src.zip *50000
c/share/doc/jdk/README *700
c/conda-meta/p.json = {"name":"python","version":"3.12.1","build":"h_2","depends":["libz"],"files":["bin/python","lib/python3.12/site-packages/pip.dist-info/METADATA","lib/python3.12/site-packages/pip/a.py"]}
c/bin/python (0755) *30000
c/lib/python3.12/site-packages/pip.dist-info/METADATA = Metadata-Version: 2.1\nName: pip\nVersion: 24.0\n
c/lib/python3.12/site-packages/pip/a.py *100
c/conda-meta/z.json = {"name":"libz","version":"1.3","build":"h_3","files":["lib/libz.so.1"]}
c/lib/libz.so.1 *8000
c/bin/run (0755) = #!/bin/sh\nexec less /c/share/doc/jdk/README\n
"#;

fn ounce(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let image = ounce_testkit::image(IMAGE).docker_archive();
    std::fs::write(folder.path().join("image.tar"), image).unwrap();
    crate::common::ounce(folder.path(), &[&["analyze", "image.tar"], args].concat())
}

fn stdout(args: &[&str]) -> String {
    let output = ounce(args);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_package_as_a_table() {
    insta::assert_snapshot!(stdout(&["--owner", "openjdk"]));
}

#[test]
fn a_package_as_json() {
    insta::assert_snapshot!(stdout(&["--owner", "pip", "--format", "json"]));
}

#[test]
fn what_several_packages_need_has_several_reasons() {
    insta::assert_snapshot!(stdout(&["--owner", "conda:libz"]));
}

#[test]
fn lines_fit_80_columns() {
    for name in ["fastqc", "openjdk", "python", "pip", "libz"] {
        for line in stdout(&["--owner", name]).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn a_name_that_is_not_there_gets_the_nearest() {
    let output = ounce(&["--owner", "jdk"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let wanted =
        "error: there is no package \"jdk\" in the image\nhint: did you mean conda:openjdk?\n";
    assert_eq!(said, wanted);
}
