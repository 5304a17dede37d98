//! Lists that two images have, joined: for an image that is put onto another.

use std::collections::BTreeSet;

use ounce_image::ImagePath;

use crate::packages::paragraphs::paragraphs;

/// How a list says what a row is about.
enum Form {
    /// A row a line, its name before the first colon (passwd(5), group(5)).
    Column,
    /// A row a line, all of it its name.
    Line,
    /// Paragraphs, the name behind this key (deb-control(5); wiki.alpinelinux.org, "Apk spec").
    Paragraph(&'static [u8]),
}

/// Whether a file is a list that can be joined with another.
pub fn is_list(path: &ImagePath) -> bool {
    form(path).is_some()
}

/// All that the one says, and what the other says of other things; none when the file is no list that can be joined.
pub fn joined(path: &ImagePath, first: &[u8], second: &[u8]) -> Option<Vec<u8>> {
    let form = form(path)?;
    let known: BTreeSet<&[u8]> = rows(&form, first).map(|row| name(&form, row)).collect();
    let mut out = first.to_vec();
    for row in rows(&form, second).filter(|row| !known.contains(name(&form, row))) {
        let end: &[u8] = match form {
            Form::Paragraph(_) => b"\n\n",
            Form::Column | Form::Line => b"\n",
        };
        while !out.is_empty() && !out.ends_with(end) {
            out.push(b'\n');
        }
        out.extend(row);
    }
    Some(out)
}

fn form(path: &ImagePath) -> Option<Form> {
    let path = path.to_string();
    let is_in = |folder: &str| path.starts_with(folder);
    match path.as_str() {
        "/etc/passwd" | "/etc/group" | "/etc/shadow" | "/etc/gshadow" => Some(Form::Column),
        "/var/lib/dpkg/status" => Some(Form::Paragraph(b"Package:")),
        "/lib/apk/db/installed" | "/usr/lib/apk/db/installed" => Some(Form::Paragraph(b"P:")),
        _ if is_in("/var/lib/dpkg/info/") && path.ends_with(".list") => Some(Form::Line),
        _ if is_in("/var/lib/dpkg/") && path.ends_with(".md5sums") => Some(Form::Line),
        _ => None,
    }
}

fn rows<'a>(form: &Form, text: &'a [u8]) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
    match form {
        Form::Column | Form::Line => Box::new(text.split_inclusive(|byte| *byte == b'\n')),
        Form::Paragraph(_) => Box::new(paragraphs(text).into_iter().map(|range| &text[range])),
    }
}

fn name<'a>(form: &Form, row: &'a [u8]) -> &'a [u8] {
    match form {
        Form::Column => row.split(|byte| *byte == b':').next().unwrap_or(row),
        Form::Line => row.trim_ascii_end(),
        Form::Paragraph(key) => {
            let mut lines = row.split(|byte| *byte == b'\n');
            let value = lines.find_map(|line| line.strip_prefix(*key));
            value.unwrap_or(row).trim_ascii()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, first: &str, second: &str) -> String {
        let path = ImagePath::parse(path.as_bytes()).unwrap();
        let joined = joined(&path, first.as_bytes(), second.as_bytes());
        joined.map_or_else(
            || "no list".to_owned(),
            |text| String::from_utf8(text).unwrap(),
        )
    }

    #[test]
    fn what_both_say_is_said_as_the_first_says_it() {
        let users = of(
            "/etc/passwd",
            "root:x:0\nme:x:7",
            "root:x:0:other\nyou:x:8\n",
        );
        assert_eq!(users, "root:x:0\nme:x:7\nyou:x:8\n");
        let packages = of(
            "/var/lib/dpkg/status",
            "Package: a\nVersion: 2\n",
            "Package: a\nVersion: 1\n\nPackage: b\nVersion: 1\n",
        );
        assert_eq!(
            packages,
            "Package: a\nVersion: 2\n\nPackage: b\nVersion: 1\n"
        );
        let files = of("/var/lib/dpkg/info/a.list", "/usr/a\n", "/usr\n/usr/a\n");
        assert_eq!(files, "/usr/a\n/usr\n");
    }

    #[test]
    fn other_files_are_no_lists() {
        assert_eq!(of("/etc/hosts", "a", "b"), "no list");
    }
}
