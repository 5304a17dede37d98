//! How a registry asks for a login (RFC 9110, 11.6.1, and Docker's token authentication specification).

/// What a registry wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password.
    Basic,
    /// A token.
    Bearer {
        /// Where tokens are given out.
        realm: String,
        /// Whom the token is for.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads a header; `None` when it asks for something else.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        let (mut realm, mut service) = (None, None);
        let mut rest = rest;
        while let Some((name, value)) = rest.split_once('=') {
            let (value, behind) = match value.trim_start().strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => value.split_at(value.find(',').unwrap_or(value.len())),
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value.to_owned()),
                "service" => service = Some(value.to_owned()),
                _ => {}
            }
            rest = behind.trim_start().strip_prefix(',').unwrap_or_default();
        }
        let is_bearer = scheme.eq_ignore_ascii_case("bearer");
        realm
            .filter(|_| is_bearer)
            .map(|realm| Self::Bearer { realm, service })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_however_they_are_written() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
            })
        };
        for (text, wanted) in [
            (
                r#"Bearer realm="https://a/t",service="b",scope="repository:c:pull,push""#,
                bearer("https://a/t", Some("b")),
            ),
            (
                r#"bearer scope="x", REALM = "https://a/t""#,
                bearer("https://a/t", None),
            ),
            (
                "Bearer realm=https://a/t,service=b",
                bearer("https://a/t", Some("b")),
            ),
            (r#"Basic realm="x""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            (r#"Bearer realm="open"#, None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(text), wanted, "{text}");
        }
    }
}
