//! Names of an image as words of a Dockerfile or of a shell. They come from strangers, so a byte that means anything to
//! either is never written as it is.

/// The text, if no byte of it means anything to a Dockerfile's COPY or to a shell.
pub(super) fn plain(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    (!text.is_empty() && text.chars().all(is_plain)).then_some(text)
}

/// An absolute path as one word of a POSIX shell; `None` where it ends with line breaks, which `$(...)` would take off.
pub(super) fn shell(path: &[u8]) -> Option<String> {
    if let Some(text) = plain(path) {
        return Some(text.to_owned());
    }
    (path.last() != Some(&b'\n')).then(|| format!("\"$(printf %b '{}')\"", escaped(path)))
}

/// Bytes as `printf %b` reads them (POSIX.1-2017, printf, "APPLICATION USAGE": `\0ddd`).
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match plain(&[*byte]) {
            Some(text) => out.push_str(text),
            None => out.push_str(&format!("\\0{byte:03o}")),
        }
    }
    out
}

/// A value in double quotes, as ENV and LABEL read it; `None` where it holds a line break or NUL, which they cannot.
pub(super) fn quoted(value: &str) -> Option<String> {
    if value.contains(['\n', '\r', '\0']) {
        return None;
    }
    let mut out = String::from("\"");
    for c in value.chars() {
        if matches!(c, '\\' | '"' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_read_as_anything_else() {
        assert_eq!(
            shell(b"/usr/lib/libstdc++.so.6").unwrap(),
            "/usr/lib/libstdc++.so.6"
        );
        assert_eq!(
            shell(b"/a b'$(x)\nRUN y\xff").unwrap(),
            r#""$(printf %b '/a\0040b\0047\0044\0050x\0051\0012RUN\0040y\0377')""#
        );
        assert_eq!(shell(b"/a\n"), None);
        for name in [
            "/a*", "/a[b", "/$a", "/a b", "/a\\", "/a\n#", "/<<E", "/é", "",
        ] {
            assert_eq!(plain(name.as_bytes()), None, "{name:?}");
        }
    }

    #[test]
    fn values_are_not_expanded() {
        assert_eq!(quoted(r#"a "$b" \"#).unwrap(), r#""a \"\$b\" \\""#);
        assert_eq!(quoted("a\nRUN b"), None);
    }
}
