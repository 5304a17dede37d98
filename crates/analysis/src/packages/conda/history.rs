//! Who asked for which package: `conda-meta/history`, where conda, mamba and micromamba write down
//! each command and what it was told to install or remove (conda, `conda/history.py`).

use std::collections::BTreeMap;

use serde_json::Value;

/// What was asked for and not removed again.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Requests {
    /// The last words for each name.
    by_name: BTreeMap<String, Request>,
}

#[derive(Debug, PartialEq, Eq)]
struct Request {
    spec: String,
    /// The command line, where it was written down.
    command: Option<String>,
}

impl Requests {
    /// Reads a history, the oldest command first.
    pub(super) fn parse(text: &str) -> Self {
        let mut out = Self::default();
        let mut command = None;
        for line in text.lines() {
            if line.starts_with("==>") {
                command = None;
            }
            let Some((key, value)) = line.strip_prefix('#').and_then(|l| l.split_once(':')) else {
                continue;
            };
            let value = value.trim();
            match key.trim() {
                "cmd" => command = Some(value.to_owned()),
                "update specs" | "install specs" | "create specs" | "neutered specs" => {
                    for spec in specs(value) {
                        let command = command.clone();
                        out.by_name.insert(name(&spec), Request { spec, command });
                    }
                }
                "remove specs" | "uninstall specs" => {
                    for spec in specs(value) {
                        out.by_name.remove(&name(&spec));
                    }
                }
                _ => {}
            }
        }
        out
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// What asked for a package: `python=3.12 (conda install python=3.12)`.
    pub(super) fn words(&self, name: &str) -> Option<String> {
        let request = self.by_name.get(&name.to_ascii_lowercase())?;
        Some(match &request.command {
            Some(command) => format!("{} ({command})", request.spec),
            None => request.spec.clone(),
        })
    }
}

/// A list as JSON or Python writes it (`['python=3.12', 'pip']`), or parted by commas.
fn specs(text: &str) -> Vec<String> {
    if let Ok(Value::Array(list)) = serde_json::from_str(text) {
        let texts = list.iter().filter_map(Value::as_str);
        return texts.map(str::to_owned).collect();
    }
    let Some(list) = text.strip_prefix('[') else {
        let parts = text.split(',').map(str::trim);
        return parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
    };
    let mut out = Vec::new();
    let mut rest = list;
    while let Some(at) = rest.find(['\'', '"']) {
        let quote = &rest[at..=at];
        let tail = &rest[at + 1..];
        let Some(end) = tail.find(quote) else { break };
        out.push(tail[..end].to_owned());
        rest = &tail[end + 1..];
    }
    out
}

/// The name in a specification: `conda-forge::python=3.12`, `python >=3.12`, `python[build=x]`, or the
/// address of a package (conda, "Package match specifications").
pub(super) fn name(spec: &str) -> String {
    if spec.contains("://") {
        let file = spec.rsplit('/').next().unwrap_or_default();
        // NAME-VERSION-BUILD.conda, and a name may hold dashes.
        let mut parts = file.rsplitn(3, '-');
        return parts.nth(2).unwrap_or(file).to_ascii_lowercase();
    }
    let spec = spec.rsplit("::").next().unwrap_or_default().trim();
    let end = spec.find(|c: char| c.is_whitespace() || "=<>!~[@".contains(c));
    spec[..end.unwrap_or(spec.len())].to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_every_way_of_writing() {
        let wanted = [
            ("python=3.12", "python"),
            ("conda-forge::Python >=3.12,<4", "python"),
            ("conda-forge/linux-64::gcc_linux-64==12", "gcc_linux-64"),
            ("numpy[version='>=2']", "numpy"),
            ("pip", "pip"),
            (
                "https://x.org/linux-64/ca-certificates-2024.2-h1_0.conda#9f",
                "ca-certificates",
            ),
        ];
        for (spec, wanted) in wanted {
            assert_eq!(name(spec), wanted);
        }
    }

    #[test]
    fn the_last_words_count() {
        let text = "==> 2024-01-01 00:00:00 <==\n# cmd: conda create -n x python=3.11 perl\n\
            +defaults::python-3.11\n# update specs: ['python=3.11', 'perl']\n\
            ==> 2024-01-02 00:00:00 <==\n# cmd: conda install python=3.12\n\
            # update specs: [\"python=3.12\"]\n\
            ==> 2024-01-03 00:00:00 <==\n# remove specs: perl\n";
        let requests = Requests::parse(text);
        let words = requests.words("python");
        assert_eq!(
            words.as_deref(),
            Some("python=3.12 (conda install python=3.12)")
        );
        assert_eq!(requests.words("perl"), None);
        assert_eq!(
            Requests::parse("# remove specs: ['a\n# cmd\n"),
            Requests::default()
        );
    }
}
