//! rpm's databases with arbitrary content, in each form, and dnf's history.
//!
//! The input is a database; behind a line that holds only `%` SQLite's write-ahead log may follow.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_fuzz::{parts, read_packages};

/// Where the database is put: each folder is read for itself.
const DATABASES: [&str; 4] = [
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/share/rpm/Packages",
    "var/lib/dnf/history.sqlite",
];

const CONTENT: &str = "\
[CONTENT]
bin -> usr/bin
usr/bin/tool (0755) = #!/bin/sh\\n
usr/bin/loop -> loop
";

fuzz_target!(|bytes: &[u8]| {
    let parts = parts(bytes);
    let mut files = DATABASES.map(|path| (path, parts[0])).to_vec();
    if let Some(log) = parts.get(1) {
        files.push(("var/lib/rpm/rpmdb.sqlite-wal", log));
    }
    read_packages(CONTENT, &files);
});
