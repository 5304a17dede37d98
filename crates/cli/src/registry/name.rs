//! The name of an image: registry, repository and tag (github.com/distribution/reference, `reference.go` and
//! `normalize.go`).

/// The registry of a name without one.
const DOCKER: &str = "docker.io";

/// A name without a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The host, and the port if there is one: `docker.io`, `localhost:5000`.
    pub(crate) registry: String,
    /// `library/debian`.
    pub(crate) repository: String,
    /// `latest` where the name has none.
    pub(crate) tag: String,
}

impl Name {
    /// Reads a name; `None` when it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (registry, path) = match text.split_once('/') {
            Some((first, rest)) if is_host(first) => (first, rest),
            _ => (DOCKER, text),
        };
        let registry = match registry {
            "index.docker.io" => DOCKER,
            registry => registry,
        };
        let (path, tag) = path.rsplit_once(':').unwrap_or((path, "latest"));
        let repository = match registry == DOCKER && !path.contains('/') {
            true => format!("library/{path}"),
            false => path.to_owned(),
        };
        let (host, port) = match registry.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (registry, "0"),
        };
        let is_registry = port.parse::<u16>().is_ok()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
        let is_name =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let mut parts = repository.split('/');
        let is_repository = parts.all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.bytes().all(is_name)
        });
        let is_tag = !tag.is_empty()
            && tag.len() <= 128
            && !tag.starts_with(['.', '-'])
            && tag
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        (is_registry && is_repository && is_tag).then(|| Self {
            registry: registry.to_owned(),
            repository,
            tag: tag.to_owned(),
        })
    }

    /// Where the registry answers. One of this machine is asked without TLS, as Docker does.
    pub(super) fn origin(&self) -> String {
        match (self.registry.as_str(), self.is_local()) {
            (DOCKER, _) => "https://registry-1.docker.io".to_owned(),
            (registry, true) => format!("http://{registry}"),
            (registry, false) => format!("https://{registry}"),
        }
    }

    /// What logins are kept under.
    pub(super) fn login_key(&self) -> &str {
        match self.registry.as_str() {
            DOCKER => "https://index.docker.io/v1/",
            registry => registry,
        }
    }

    /// Whether the registry is this machine's.
    pub(super) fn is_local(&self) -> bool {
        let host = match self.registry.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.registry.split(':').next().unwrap_or_default(),
        };
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

/// Whether what stands before the first slash is a host.
fn is_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost" || text.bytes().any(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_docker_takes_them_for() {
        for (text, wanted) in [
            (
                "debian",
                "https://registry-1.docker.io library/debian latest",
            ),
            (
                "docker.io/library/debian:12",
                "https://registry-1.docker.io library/debian 12",
            ),
            ("a/b:1", "https://registry-1.docker.io a/b 1"),
            ("ghcr.io/a/b/c", "https://ghcr.io a/b/c latest"),
            ("localhost:5000/a:V.1", "http://localhost:5000 a V.1"),
            ("127.0.0.1:5000/a", "http://127.0.0.1:5000 a latest"),
            ("[::1]:5000/a", "http://[::1]:5000 a latest"),
            (
                "localhost.example.org/a",
                "https://localhost.example.org a latest",
            ),
        ] {
            let name = Name::parse(text).unwrap();
            assert_eq!(
                format!("{} {} {}", name.origin(), name.repository, name.tag),
                wanted
            );
        }
        for text in [
            "",
            "A",
            "a:",
            "a b",
            "a:b/c",
            "a/../b",
            "x.org/a?b",
            "a//b",
            "user@x.org/a",
            "a:-b",
        ] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }
}
