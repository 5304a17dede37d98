use ounce_sandbox::{Access, How, Trace};

use super::*;

fn access(path: &[u8], real: Option<&str>, how: How, error: Option<i32>) -> Access {
    use std::os::unix::ffi::OsStrExt as _;
    Access {
        path: std::ffi::OsStr::from_bytes(path).into(),
        real: real.map(Into::into),
        how,
        error,
        program: "/bin/tool".into(),
    }
}

fn report() -> TraceReport {
    let image = Image {
        reference: "oci:x".to_owned(),
        name: "x".to_owned(),
        names: Vec::new(),
        platform: "linux/amd64".to_owned(),
        config: None,
        layers: Vec::new(),
    };
    let run = |name: &str, failure: Option<&str>| Traced {
        name: name.to_owned(),
        failure: failure.map(str::to_owned),
    };
    let shared = access(b"/lib/a.so", Some("/lib/a.so.1"), How::Open, None);
    let one = Trace {
        accesses: vec![
            access(b"/b/a.so", None, How::Open, Some(2)),
            access(b"/b/plug\xffin", None, How::Open, Some(2)),
            access(b"/c/plug\xffin", None, How::Open, Some(2)),
            access(b"/proc/1/x", None, How::Open, Some(2)),
            shared.clone(),
        ],
    };
    let two = Trace {
        accesses: vec![
            shared,
            access(b"/root", Some("/root"), How::Folder, Some(13)),
            access(b"/x\x1b[2J", Some("/x\x1b[2J"), How::Write, Some(5000)),
        ],
    };
    let runs = vec![
        (run("one", None), one),
        (run("two", Some("exit status 3")), two),
    ];
    TraceReport::of(image, runs, vec!["a note".to_owned()])
}

#[test]
fn a_document_is_read_as_it_was_written() {
    let report = report();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), report.text(Format::Json)).unwrap();
    assert_eq!(TraceReport::read(file.path()).unwrap(), report);
    let shared: Vec<_> = report
        .accesses
        .iter()
        .filter(|a| a.runs.len() == 2)
        .collect();
    assert_eq!(shared.len(), 1);
    assert_eq!(shared[0].real, Some(Name::Text("/lib/a.so.1".to_owned())));
}

#[test]
fn what_is_no_document_is_refused() {
    let read = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        TraceReport::read(file.path())
            .unwrap_err()
            .message()
            .to_owned()
    };
    assert!(read("{}").contains("not a trace of ounce"));
    let newer = report()
        .text(Format::Json)
        .replace("\"version\": 1,", "\"version\": 2,");
    assert!(read(&newer).contains("version 2"));
    let wrong = report().text(Format::Json).replace("EACCES", "EWHAT");
    assert!(read(&wrong).contains("EWHAT"));
}

#[test]
fn a_table_names_what_was_found_nowhere() {
    insta::assert_snapshot!(anstream::adapter::strip_str(&report().text(Format::Table)));
}
