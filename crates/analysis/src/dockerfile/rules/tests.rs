mod apt;
mod managers;
mod runs;
mod stages;

use super::*;
use crate::dockerfile::finding::Safety;
use crate::dockerfile::fix::fix;
use crate::dockerfile::lint::{Options, lint};

const HEAD: &str = "FROM python:3.12 AS x\n";

fn with_head(text: &str) -> String {
    if text.starts_with("FROM ") || text.starts_with("# syntax") {
        text.to_owned()
    } else {
        format!("{HEAD}{text}")
    }
}

fn beside(path: &str) -> Option<String> {
    let text = match path {
        "env.yml" | "settings.toml" => "dependencies: [samtools]\n",
        "git.yml" => "dependencies: [pip: [git+https://example.org/a]]\n",
        "app.sh" => "#!/bin/sh\nexec app\n",
        "app.bin.txt" => "#!/app/interpreter\n",
        "requirements.txt" => "numpy\ntool @ git+https://example.org/a\n",
        "wheels.txt" => "numpy\n# git+https://example.org/a\n",
        "with-git.yml" => {
            "dependencies:\n  - git\n  - gcc\n  - pip:\n    - git+https://example.org/a\n"
        }
        "nul.bin" => "\0",
        _ => return None,
    };
    Some(text.to_owned())
}

fn only(rule: &str) -> Options {
    Options {
        select: vec![rule.to_owned()],
        ignore: Vec::new(),
        ..Options::default()
    }
}

/// How often a rule finds something.
fn count(rule: &str, text: &str) -> usize {
    let report = lint(with_head(text).as_bytes(), &only(rule), Some(&beside));
    assert_eq!(report.problems, [], "{text}");
    report.findings.len()
}

/// The file with what one rule puts right.
fn fixed(rule: &str, text: &str, most: Safety) -> String {
    let text = with_head(text);
    let fixed = fix(text.as_bytes(), &only(rule), most, Some(&beside));
    let again = fix(&fixed.text, &only(rule), most, Some(&beside));
    assert_eq!(again.text, fixed.text, "fixing again changes more");
    String::from_utf8(fixed.text).unwrap().replace(HEAD, "")
}

/// `just docs` writes the pages anew.
#[test]
fn every_rule_has_its_page() {
    let index = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lint.md");
    let index = std::fs::read_to_string(index).unwrap();
    for rule in RULES {
        let row = format!("| [{0}](lint/{0}.md) | {1} |", rule.id, rule.title);
        assert!(index.contains(&row), "docs/lint.md lacks {row}");
        pages::assert_written("lint", rule.id, &rule.page());
        for part in ["**Fix.**", "**Example.**"] {
            assert!(rule.page().contains(part), "{}: {part}", rule.id);
        }
    }
}

/// The example of a page is found, and becomes what the page says, or what is better has no finding.
#[test]
fn the_examples_of_the_pages_are_true() {
    for rule in RULES {
        let page = rule.page();
        let blocks: Vec<&str> = page
            .split("```dockerfile\n")
            .skip(1)
            .filter_map(|text| text.split("```").next())
            .collect();
        let before = blocks[0];
        assert!(
            count(rule.id, before) > 0,
            "{}: nothing is found in its example",
            rule.id
        );
        if page.contains("\nbecomes") {
            assert_eq!(
                fixed(rule.id, before, Safety::Unsafe),
                blocks[1],
                "{}",
                rule.id
            );
        }
        if let Some(after) = blocks.get(1) {
            assert_eq!(count(rule.id, after), 0, "{}", rule.id);
        }
    }
}

#[test]
fn nothing_is_found_where_nothing_stays() {
    for (rule, text) in [
        (
            "apt-lists-left",
            "RUN apt-get update && rm -rf /var/lib/apt/lists/*\n",
        ),
        (
            "apt-lists-left",
            "RUN apt-get update && rm -rf /var/lib/{apt,dpkg}/lists\n",
        ),
        (
            "apt-lists-left",
            "RUN apt-get update && apt-get clean && find /var/lib/apt/lists -type f -delete\n",
        ),
        (
            "apt-lists-left",
            "RUN apt-get update && /usr/local/sbin/cleanup\n",
        ),
        ("apt-lists-left", "RUN apt-get update && rm -rf $JUNK\n"),
        (
            "apt-lists-left",
            "RUN apt-get update && su -c \"a \\$B && rm -rf /var/lib/apt/lists/*\"\n",
        ),
        (
            "apt-lists-left",
            "RUN --mount=type=cache,target=/var/lib/apt apt-get update\n",
        ),
        (
            "apt-lists-left",
            "RUN apt-get update\nFROM b\nCOPY --from=x /opt/a /opt/a\n",
        ),
        (
            "apt-lists-left",
            "RUN echo apt-get update '&& apt-get update'\n",
        ),
        (
            "apt-recommends",
            "RUN apt-get install -y --no-install-recommends a\n",
        ),
        (
            "apt-recommends",
            "RUN echo 'APT::Install-Recommends \"0\";' > /etc/apt/apt.conf.d/a && apt-get install b\n",
        ),
        (
            "apt-update-alone",
            "RUN apt-get update && apt-get install a\n",
        ),
        (
            "pip-cache-left",
            "ENV PIP_NO_CACHE_DIR=1\nRUN pip install a\n",
        ),
        (
            "pip-cache-left",
            "RUN --mount=type=cache,target=/root/.cache/pip pip install a\n",
        ),
        ("pip-cache-left", "RUN pip install a && rm -rf ~/.cache\n"),
        ("pip-cache-left", "RUN pip install a && pip cache purge\n"),
        ("pip-cache-left", "RUN pip --version\n"),
        (
            "conda-cache-left",
            "RUN conda install a && conda clean -afy\n",
        ),
        (
            "conda-cache-left",
            "RUN conda install a && rm -rf /opt/conda/pkgs\n",
        ),
        (
            "conda-cache-left",
            "RUN --mount=type=cache,target=/opt/conda/pkgs conda install a\n",
        ),
        (
            "conda-cache-left",
            "RUN conda install a\nFROM b\nCOPY --from=x /opt/conda/envs/e /e\n",
        ),
        (
            "git-in-conda",
            "COPY git.yml /e.yml\nRUN conda install git && conda env update -f /e.yml\n",
        ),
        (
            "git-in-conda",
            "COPY unknown.yml /e.yml\nRUN conda install git && conda env update -f /e.yml\n",
        ),
        ("dnf-cache-left", "RUN dnf install a && dnf clean all\n"),
        (
            "dnf-cache-left",
            "RUN yum install a && rm -rf /var/cache/yum\n",
        ),
        ("npm-cache-left", "RUN npm ci && npm cache clean --force\n"),
        ("npm-cache-left", "RUN npm run install\n"),
        (
            "npm-cache-left",
            "RUN --mount=type=cache,target=/home/node/.npm npm ci\n",
        ),
        ("apk-cache-left", "RUN apk add --no-cache a\n"),
        (
            "apk-cache-left",
            "RUN apk add -U a && rm /var/cache/apk/*\n",
        ),
        (
            "cargo-cache-left",
            "RUN --mount=type=cache,target=/home/a/.cargo/registry cargo build\n",
        ),
        (
            "cargo-cache-left",
            "RUN cargo install a\nFROM b\nCOPY --from=x /usr/local/cargo/bin/a /a\n",
        ),
        ("cargo-cache-left", "RUN cargo --version\n"),
        ("go-cache-left", "RUN go build && go clean -modcache\n"),
        ("go-cache-left", "ENV GOCACHE=/tmp/c\nRUN go build -o /a\n"),
        (
            "gem-cache-left",
            "RUN bundle config set path v && bundle install\n",
        ),
        (
            "gem-cache-left",
            "RUN gem install a && rm -rf $(gem env gemdir)/cache\n",
        ),
        ("r-downloads-left", "RUN R -e 'install.packages(\"a\")'\n"),
        ("r-downloads-left", "RUN install2.r a && rm -rf /tmp/*\n"),
        ("pnpm-cache-left", "RUN pnpm run build\n"),
        ("uv-cache-left", "ENV UV_NO_CACHE=1\nRUN uv sync\n"),
        ("uv-cache-left", "RUN uv sync --no-cache && uv pip list\n"),
        (
            "poetry-cache-left",
            "RUN poetry install && rm -rf $POETRY_CACHE_DIR\n",
        ),
        ("poetry-cache-left", "RUN poetry build\n"),
        ("maven-cache-left", "RUN mvn package && rm -rf ~/.m2\n"),
        ("gradle-cache-left", "RUN gradle --version\n"),
        (
            "composer-cache-left",
            "RUN --mount=type=cache,target=/tmp/cache composer install\n",
        ),
        ("late-removal", "RUN wget x && rm x\n"),
        ("late-removal", "RUN a\nRUN rm -rf /b && c\n"),
        (
            "download-left",
            "RUN wget https://example.org/a.tgz && tar -xf a.tgz && rm a.tgz\n",
        ),
        (
            "download-left",
            "RUN wget https://example.org/a.tgz\nRUN rm b.tgz\n",
        ),
        (
            "download-left",
            "WORKDIR /a\nRUN wget https://example.org/a.tgz\nWORKDIR /b\nRUN rm a.tgz\n",
        ),
        (
            "download-left",
            "RUN wget -qO- https://example.org/a.tgz | tar xz\nRUN rm a.tgz\n",
        ),
        ("mkdir-then-cd", "RUN mkdir /a && cd /b && c\n"),
        ("mkdir-then-cd", "RUN mkdir /a /b && cd /a && c\n"),
        ("mkdir-then-cd", "RUN mkdir /a; cd /a && c\n"),
        ("mkdir-then-cd", "RUN mkdir /a && cd $B && c\n"),
        (
            "compilers-left",
            "RUN apt-get install -y gcc && make && apt-get purge -y gcc\n",
        ),
        (
            "compilers-left",
            "RUN apt-get install -y gcc\nCMD [\"gcc\"]\n",
        ),
        (
            "compilers-left",
            "RUN apt-get install -y gcc && make install\nFROM b\nCOPY --from=x /a /a\n",
        ),
        (
            "compilers-left",
            "RUN apt-get install -y gcc && Rscript -e 'install.packages(\"a\")' && make\n",
        ),
        (
            "source-without-compiler",
            "RUN pip install git+https://example.org/a\n",
        ),
        (
            "source-without-compiler",
            "FROM python:3.12-slim\nCOPY wheels.txt .\nRUN pip install -r wheels.txt\n",
        ),
        (
            "source-without-compiler",
            "FROM python:3.12-slim\nRUN apt-get update && apt-get install -y git gcc\nRUN pip install git+https://example.org/a\n",
        ),
        (
            "source-without-compiler",
            "FROM python:3.12-slim\nRUN ./prepare\nRUN pip install git+https://example.org/a\n",
        ),
        (
            "source-without-compiler",
            "FROM mambaorg/micromamba\nCOPY with-git.yml /e.yml\nRUN micromamba install -y -n base -f /e.yml\n",
        ),
        (
            "shell-less-base",
            "FROM scratch\nCOPY app.bin.txt /app\nENTRYPOINT [\"/app\"]\n",
        ),
        ("copied-then-changed", "COPY a /a\nRUN chown u:g /b\n"),
        (
            "development-base",
            "FROM golang:1 AS b\nFROM debian:12\nCOPY --from=b /a /a\n",
        ),
        ("unpinned-base", "FROM scratch\nFROM a@sha256:b\n"),
        (
            "add-local-file",
            "ADD https://example.org/a /a\nADD a.tar.gz /\nADD $X /\n",
        ),
        ("full-clone", "RUN git clone a && cd a && git checkout b\n"),
        ("full-clone", "RUN git clone --depth=1 a\n"),
        (
            "shell-less-base",
            "FROM scratch\nCOPY busybox /bin/\nRUN a\n",
        ),
        (
            "shell-less-base",
            "FROM gcr.io/distroless/base:debug\nRUN a\n",
        ),
        (
            "apt-lists-left",
            "# syntax=example/other\nFROM a\nRUN apt-get update\n",
        ),
        ("adduser-package", "RUN apt-get install add && adduser x\n"),
        // The base is set to remove them, as far as is known.
        ("apt-archives-left", "RUN apt-get install -y b\n"),
        (
            "apt-archives-left",
            "RUN echo 'Binary::apt::APT::Keep-Downloaded-Packages \"false\";' > /etc/apt/apt.conf.d/a && apt-get install b\n",
        ),
        (
            "apt-archives-left",
            "RUN rm -f /etc/apt/apt.conf.d/docker-clean\nRUN --mount=type=cache,target=/var/cache/apt apt-get install b\n",
        ),
    ] {
        assert_eq!(count(rule, text), 0, "{rule}: {text}");
    }
}

#[test]
fn comments_silence_a_rule() {
    for text in [
        "# ounce: ignore=apt-lists-left they are served\nRUN apt-get update\n",
        "RUN a && \\\n  # ounce: ignore=logs,apt-lists-left\n  apt-get update\n",
    ] {
        assert_eq!(count("apt-lists-left", text), 0, "{text}");
    }
    assert_eq!(
        count(
            "apt-lists-left",
            "# ounce: ignore=apt-lists\nRUN apt-get update\n"
        ),
        1
    );
    assert_eq!(
        count(
            "apt-lists-left",
            "# ounce: ignore=apt-lists-left\nUSER a\nRUN apt-get update\n"
        ),
        1
    );
}

#[test]
fn absurd_files_are_refused_quickly() {
    let text = format!("FROM a\n{}", "RUN apt-get update\n".repeat(50_000));
    let report = lint(text.as_bytes(), &Options::default(), None);
    assert_eq!(report.problems.len(), 1);
}

/// A rule, a file that it puts right, and what comes out; a fix that is not made leaves the file as it is.
fn assert_fixed(rule: &str, most: Safety, rows: &[(&str, &str)]) {
    for (text, wanted) in rows {
        assert!(count(rule, text) > 0, "{rule} finds nothing: {text}");
        assert_eq!(fixed(rule, text, most), *wanted, "{rule}: {text}");
    }
}
