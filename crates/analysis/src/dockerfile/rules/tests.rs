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
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lint");
    for rule in RULES {
        let path = format!("{folder}/{}.md", rule.id);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(&path, rule.page()).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap_or_default(),
            rule.page(),
            "run `just docs`"
        );
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
fn a_safe_fix_is_made_where_nothing_later_may_need_the_lists() {
    let rule = "apt-lists-left";
    for (text, wanted) in [
        // What is called later is a package that the file installs, or only asked for its version.
        (
            "RUN apt-get update && apt-get install -y samtools\nRUN samtools view x && other --version\n",
            "RUN apt-get update && apt-get install -y samtools && rm -rf /var/lib/apt/lists/*\nRUN samtools view x && other --version\n",
        ),
        (
            "RUN time sudo apt-get update && apt-get install -y \\\n  a\n",
            "RUN time sudo apt-get update && apt-get install -y \\\n  a && \\\n  sudo rm -rf /var/lib/apt/lists/*\n",
        ),
        // Layouts.
        (
            "RUN apt-get update && \\\n    apt-get install -y a \\\n      b\nRUN pip install c\n",
            "RUN apt-get update && \\\n    apt-get install -y a \\\n      b && \\\n    rm -rf /var/lib/apt/lists/*\nRUN pip install c\n",
        ),
        (
            "RUN apt-get update \\\r\n  # why\r\n  && apt-get install -y a\r\n",
            "RUN apt-get update \\\r\n  # why\r\n  && apt-get install -y a \\\r\n  && rm -rf /var/lib/apt/lists/*\r\n",
        ),
        (
            "RUN apt-get update && apt-get install -y a # why\n",
            "RUN apt-get update && apt-get install -y a && rm -rf /var/lib/apt/lists/* # why\n",
        ),
        (
            "RUN sudo apt-get update; sudo apt-get install a;\n",
            "RUN sudo apt-get update; sudo apt-get install a && sudo rm -rf /var/lib/apt/lists/*;\n",
        ),
        (
            "RUN <<E\nset -e\napt-get update\napt-get install -y a\nE\n",
            "RUN <<E\nset -e\napt-get update\napt-get install -y a && rm -rf /var/lib/apt/lists/*\nE\n",
        ),
        (
            "RUN apt-get update && cat <<E >/f\nx; y\nE\n",
            "RUN apt-get update && cat <<E >/f && rm -rf /var/lib/apt/lists/*\nx; y\nE\n",
        ),
        (
            "RUN apt-get update && (a || b) | c\nRUN apt-get update && apt-get install d && rm -rf /var/lib/apt/lists/*\n",
            "RUN apt-get update && (a || b) | c && rm -rf /var/lib/apt/lists/*\nRUN apt-get update && apt-get install d && rm -rf /var/lib/apt/lists/*\n",
        ),
    ] {
        assert_eq!(fixed(rule, text, Safety::Safe), wanted, "{text}");
    }
}

#[test]
fn lists_that_a_later_run_surely_uses_stay() {
    let rule = "apt-lists-left";
    for text in [
        "RUN apt-get update && apt-get install -y a\nRUN apt-get install -y b\n",
        "RUN apt-get update && apt-get install -y a\nFROM x\nRUN apt-get install -y b\n",
        "RUN apt-get update\n",
    ] {
        assert_fixed(rule, Safety::Unsafe, &[(text, text)]);
    }
    // They are made anew before.
    let text = "RUN apt-get update && apt-get install -y a\nRUN apt-get update\nRUN apt-get install -y b\n";
    let wanted = "RUN apt-get update && apt-get install -y a && rm -rf /var/lib/apt/lists/*\nRUN apt-get update\nRUN apt-get install -y b\n";
    assert_fixed(rule, Safety::Safe, &[(text, wanted)]);
}

#[test]
fn no_safe_fix_is_made_where_in_doubt() {
    let rule = "apt-lists-left";
    for text in [
        "RUN apt-get update\nRUN apt-get install -y a\n",
        "RUN apt-get update && apt-get install -y a\nRUN ./deploy.sh\n",
        "RUN apt-get update && apt-get install -y a\nRUN curl -s https://example.org | bash\n",
        "RUN apt-get update && apt-get install -y a\nRUN make deploy\n",
        "RUN apt-get update && apt-get install -y a\nRUN $INSTALL\n",
        "RUN apt-get update && apt-get install -y a\nRUN env -i /deploy\n",
        "RUN apt-get update && apt-get install -y a\nRUN npm run deploy\n",
        "RUN apt-get update && apt-get install -y a\nRUN yarn deploy\n",
        "RUN apt-get update && apt-get install -y a\nRUN a 'b\n",
        "RUN apt-get update && apt-get install -y a\nONBUILD RUN apt-get install b\n",
        "RUN apt-get update && apt-get install -y a\nFROM x\nRUN rosdep install b\n",
        "RUN apt-get update && apt-get install -y a\nRUN find . -name x -exec sh {} +\n",
        "RUN apt-get update && apt-get install -y a && exit 0\n",
        "RUN apt-get update && apt-get install -y a &\n",
        "RUN if x; then apt-get update; fi; a\n",
        "RUN x && apt-get update; a\n",
        "RUN (cd /x && apt-get update)\n",
        "RUN apt-get update || true\n",
        "RUN rm() { :; }; apt-get update\n",
        "ONBUILD RUN apt-get update && apt-get install -y a\n",
        "RUN [\"apt-get\", \"update\"]\n",
        "RUN apt-get update && apt-get install -y python3\nRUN python3 setup.py develop\n",
        "RUN --mount=type=bind,source=a,target=/var/lib/apt/lists apt-get update\n",
    ] {
        assert_eq!(count(rule, text), 1, "{text}");
        assert_eq!(
            fixed(rule, text, Safety::Safe),
            with_head(text).replace(HEAD, ""),
            "{text}"
        );
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
    ] {
        assert_eq!(count(rule, text), 0, "{rule}: {text}");
    }
}

#[test]
fn fixes_of_package_managers_follow_their_call() {
    for (rule, text, wanted) in [
        (
            "dnf-cache-left",
            "RUN cd /a && sudo yum -y install b\n",
            "RUN cd /a && sudo yum -y install b && sudo yum clean all\n",
        ),
        (
            "npm-cache-left",
            "RUN npm i && npm run build\n",
            "RUN npm i && npm run build && npm cache clean --force\n",
        ),
        // npm may be gone at the end.
        (
            "npm-cache-left",
            "RUN npm i && apt-get purge -y npm\n",
            "RUN npm i && apt-get purge -y npm\n",
        ),
        (
            "npm-cache-left",
            "RUN npm i && rm -rf /usr/local/lib/node_modules\n",
            "RUN npm i && rm -rf /usr/local/lib/node_modules\n",
        ),
        (
            "conda-cache-left",
            "FROM condaforge/miniforge3\nRUN mamba install a\nUSER b\nRUN mamba install c && mamba clean -af\n",
            "FROM condaforge/miniforge3\nRUN mamba install a\nUSER b\nRUN mamba install c && mamba clean -af\n",
        ),
        // Not in the chain that ends the script: npm may never have run.
        ("npm-cache-left", "RUN npm i; a\n", "RUN npm i; a\n"),
        (
            "npm-cache-left",
            "RUN npm i\nRUN npm ci --prefer-offline\n",
            "RUN npm i\nRUN npm ci --prefer-offline && npm cache clean --force\n",
        ),
        (
            "pip-cache-left",
            "RUN for p in a b; do python3 -m pip install $p; done\n",
            "RUN for p in a b; do python3 -m pip install --no-cache-dir $p; done\n",
        ),
        (
            "pip-cache-left",
            "FROM debian:8\nRUN pip install a\n",
            "FROM debian:8\nRUN pip install a\n",
        ),
        (
            "pip-cache-left",
            "FROM example/unknown\nRUN pip install a\n",
            "FROM example/unknown\nRUN pip install a\n",
        ),
        (
            "conda-cache-left",
            "FROM continuumio/miniconda3\nRUN /opt/conda/bin/conda install a\n",
            "FROM continuumio/miniconda3\nRUN /opt/conda/bin/conda install a && /opt/conda/bin/conda clean --all --force-pkgs-dirs --yes\n",
        ),
        (
            "conda-cache-left",
            "FROM mambaorg/micromamba:0.15\nRUN micromamba install a && micromamba clean -ay\n",
            "FROM mambaorg/micromamba:0.15\nRUN micromamba install a && micromamba clean -ay\n",
        ),
        (
            "conda-cache-left",
            "FROM condaforge/miniforge3\nRUN mamba install a && mamba clean -ay\n",
            "FROM condaforge/miniforge3\nRUN mamba install a && mamba clean -ay --force-pkgs-dirs\n",
        ),
        (
            "conda-cache-left",
            "FROM condaforge/miniforge3\nRUN mamba install a\nRUN conda create -n b --clone base\n",
            "FROM condaforge/miniforge3\nRUN mamba install a\nRUN conda create -n b --clone base && conda clean --all --force-pkgs-dirs --yes\n",
        ),
        ("add-local-file", "ADD nul.bin /a\n", "ADD nul.bin /a\n"),
        // A container may call cargo, go or a script that does.
        (
            "cargo-cache-left",
            "RUN cargo build --release\nCMD [\"cargo\", \"run\"]\n",
            "RUN cargo build --release\nCMD [\"cargo\", \"run\"]\n",
        ),
        (
            "cargo-cache-left",
            "RUN cargo build --release\nCMD [\"/start.sh\"]\n",
            "RUN cargo build --release\nCMD [\"/start.sh\"]\n",
        ),
        (
            "cargo-cache-left",
            "RUN cargo +nightly build --release\nCMD [\"target/release/a\"]\n",
            "RUN cargo +nightly build --release && rm -rf \"${CARGO_HOME:-$HOME/.cargo}/registry\" \"${CARGO_HOME:-$HOME/.cargo}/git\"\nCMD [\"target/release/a\"]\n",
        ),
        (
            "go-cache-left",
            "FROM golang:1.12\nRUN go build -o /a\nCMD [\"/a\"]\n",
            "FROM golang:1.12\nRUN go build -o /a\nCMD [\"/a\"]\n",
        ),
        // What this RUN downloads is what the next one builds from.
        (
            "go-cache-left",
            "FROM golang:1.24\nRUN go mod download\nRUN go build -o /a\nCMD [\"/a\"]\n",
            "FROM golang:1.24\nRUN go mod download\nRUN go build -o /a && go clean -cache -modcache\nCMD [\"/a\"]\n",
        ),
        (
            "gem-cache-left",
            "FROM ruby:3\nUSER a\nRUN gem install b\n",
            "FROM ruby:3\nUSER a\nRUN gem install b\n",
        ),
        (
            "uv-cache-left",
            "RUN uv sync\nRUN --network=none uv sync\n",
            "RUN uv sync\nRUN --network=none uv sync --no-cache\n",
        ),
    ] {
        assert_eq!(fixed(rule, text, Safety::Safe), wanted, "{rule}");
    }
}

#[test]
fn adduser_is_rewritten_only_when_every_option_is_understood() {
    let rule = "adduser-package";
    let known = "RUN apt-get update && apt-get install -y adduser perl && adduser --disabled-password --gecos \"\" --shell /sbin/nologin --no-create-home --uid \"${UID}\" app\n";
    let wanted = "RUN apt-get update && apt-get install -y perl && useradd --password '*' --comment \"\" --shell /sbin/nologin --no-create-home --uid \"${UID}\" --user-group app\n";
    assert_eq!(fixed(rule, known, Safety::Unsafe), wanted);
    for change in [
        ("--no-create-home ", ""),
        ("--gecos", "--firstuid 3 --gecos"),
        (" app\n", " app users\n"),
        (" app\n", " app && adduser app b\n"),
        (" app\n", " app\nRUN addgroup c\n"),
    ] {
        let text = known.replacen(change.0, change.1, 1);
        assert_eq!(
            (count(rule, &text), fixed(rule, &text, Safety::Unsafe)),
            (1, text.clone()),
            "{text}"
        );
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

#[test]
fn runs_are_joined_where_the_shell_between_them_says_nothing() {
    let rule = "late-removal";
    for (text, wanted) in [
        // Layouts and comments.
        (
            "RUN a \\\n  && wget b\n\n# why\nRUN rm -rf /tmp/*\n",
            "RUN a \\\n  && wget b \\\n# why\n  && rm -rf /tmp/*\n",
        ),
        (
            "RUN a && \\\r\n  wget b\r\nRUN rm /b\r\n",
            "RUN a && \\\r\n  wget b && \\\r\n  rm /b\r\n",
        ),
        // A folder and variables mean nothing to what is named by its path.
        (
            "RUN cd /a && A=b && wget c || d\nRUN apt-get clean && rm -rf /a\n",
            "RUN cd /a && A=b && wget c || d && \\\n    apt-get clean && rm -rf /a\n",
        ),
        // Settings between the two.
        (
            "RUN wget b\nENV A=b\nCOPY c /c\nRUN rm /b\nCMD [\"d\"]\n",
            "RUN wget b && rm /b\nENV A=b\nCOPY c /c\nCMD [\"d\"]\n",
        ),
    ] {
        assert_fixed(rule, Safety::Unsafe, &[(text, wanted)]);
    }
    // What is safe calls nothing unknown.
    assert_fixed(
        rule,
        Safety::Safe,
        &[
            (
                "RUN a && wget b\nRUN rm /b\n",
                "RUN a && wget b\nRUN rm /b\n",
            ),
            ("RUN wget b\nRUN rm /b\n", "RUN wget b && \\\n    rm /b\n"),
        ],
    );
}

#[test]
fn runs_are_not_joined_where_in_doubt() {
    for text in [
        // The folder matters to what is removed.
        "RUN cd /a && wget b\nRUN rm b\n",
        "RUN A=b; wget b\nRUN rm -rf /a/$A\n",
        // The second would also run when the first fails, or the whole succeed.
        "RUN wget b\nRUN rm /b || true\n",
        "RUN wget b\nRUN rm /b; rm /c\n",
        "RUN wget b\nENV X=1\nRUN rm /b || true\n",
        "RUN wget b\nENV X=1\nRUN rm /b; rm /c\n",
        "RUN wget b;\nENV X=1\nRUN rm /b # why\n",
        // What ends the first, or goes on after it.
        "RUN wget b && exit 0\nRUN rm /b\n",
        "RUN wget b &\nRUN rm /b\n",
        "RUN wget b & wget c\nRUN rm /b\n",
        "RUN exec wget b\nRUN rm /b\n",
        "RUN rm() { :; }; wget b\nRUN rm /b\n",
        "RUN export PATH=/a && wget b\nRUN rm /b\n",
        "RUN set -n && wget b\nRUN rm /b\n",
        // Other shells, users, mounts, stages.
        "RUN wget b\nUSER c\nRUN rm /b\n",
        "RUN wget b\nSHELL [\"bash\", \"-c\"]\nRUN rm /b\n",
        "RUN wget b\nVOLUME /b\nRUN rm /b\n",
        "RUN wget b\nCOPY c /b/c\nRUN rm -rf /b\n",
        "RUN wget b\nCOPY c ./c\nRUN rm -rf /b\n",
        "RUN --mount=type=cache,target=/b wget b\nRUN rm /b\n",
        "RUN wget b\nRUN --mount=type=cache,target=/b rm /b\n",
        "RUN [\"wget\", \"b\"]\nRUN rm /b\n",
        "RUN wget b\nRUN wget c\nENV X=1\nRUN [\"d\"]\nRUN rm /b\n",
        "RUN <<E\nwget b\nE\nRUN rm /b\n",
        "RUN wget b # note\nRUN rm /b\n",
        // The RUN before did not make what is removed.
        "RUN wget b\nRUN wget c\nRUN rm /b\n",
        "RUN apt-get install -y a\nRUN pip install b\nRUN apt-get clean && rm -rf /var/lib/apt/lists/*\n",
        "RUN wget b && chmod 755 /b\nRUN chown c /b\nRUN rm /b\n",
    ] {
        let rule = "late-removal";
        assert_fixed(rule, Safety::Unsafe, &[(text, text)]);
    }
}

#[test]
fn downloads_and_updates_join_what_uses_them() {
    assert_fixed(
        "download-left",
        Safety::Safe,
        &[
            (
                "WORKDIR /a\nRUN curl -sSLo b.zip https://example.org/x\nRUN unzip b.zip\nRUN rm *.zip\n",
                "WORKDIR /a\nRUN curl -sSLo b.zip https://example.org/x && \\\n    unzip b.zip && \\\n    rm *.zip\n",
            ),
            // Not the same folder afterwards.
            (
                "RUN cd /a && wget https://example.org/b.zip\nRUN cd /a && unzip b.zip && rm b.zip\n",
                "RUN cd /a && wget https://example.org/b.zip\nRUN cd /a && unzip b.zip && rm b.zip\n",
            ),
            (
                "RUN wget https://example.org/b.zip\nENV A=b\nRUN unzip b.zip && rm b.zip\n",
                "RUN wget https://example.org/b.zip\nENV A=b\nRUN unzip b.zip && rm b.zip\n",
            ),
        ],
    );
    // The shell remembers where it found a program that the first RUN may have replaced.
    let text = "RUN tool x && wget https://example.org/b.zip\nRUN tool b.zip && rm b.zip\n";
    assert_fixed("download-left", Safety::Safe, &[(text, text)]);
    assert_fixed(
        "apt-update-alone",
        Safety::Safe,
        &[
            (
                "RUN apt-get update\nRUN apt-get install -y a\n",
                "RUN apt-get update && \\\n    apt-get install -y a\n",
            ),
            (
                "RUN apt-get update\nENV A=b\nRUN apt-get install -y a\n",
                "RUN apt-get update\nENV A=b\nRUN apt-get install -y a\n",
            ),
        ],
    );
}

#[test]
fn a_folder_becomes_workdir_where_nothing_depends_on_it() {
    let rule = "mkdir-then-cd";
    assert_fixed(
        rule,
        Safety::Safe,
        &[
            (
                "RUN mkdir -p /a && cd /a && b; c\nCOPY d /d\nWORKDIR /e\n",
                "WORKDIR /a\nRUN b; c\nCOPY d /d\nWORKDIR /e\n",
            ),
            (
                "RUN mkdir /a && cd /a\nWORKDIR /e\n",
                "WORKDIR /a\nWORKDIR /e\n",
            ),
            (
                "RUN mkdir /a && cd /a && b\nFROM c\nCOPY --from=x /a /a\n",
                "WORKDIR /a\nRUN b\nFROM c\nCOPY --from=x /a /a\n",
            ),
        ],
    );
    for text in [
        "RUN mkdir /a && cd /a && b\n",
        "RUN mkdir /a && cd /a && b\nRUN c\nWORKDIR /e\n",
        "RUN mkdir /a && cd /a && b\nCOPY c d\nWORKDIR /e\n",
        "RUN mkdir /a && cd /a && b\nWORKDIR e\n",
        "USER u\nRUN mkdir /a && cd /a && b\nWORKDIR /e\n",
        "RUN --mount=type=cache,target=/a mkdir /a && cd /a && b\nWORKDIR /e\n",
        "RUN mkdir /a && cd /a && \\\n  # why\n  b\nWORKDIR /e\n",
        "ONBUILD RUN mkdir /a && cd /a && b\nWORKDIR /e\n",
        "RUN mkdir /a && cd /a && b\nFROM x\nRUN c\n",
    ] {
        let found = count(rule, text);
        assert!(found == usize::from(!text.starts_with("ONBUILD")), "{text}");
        assert_eq!(fixed(rule, text, Safety::Unsafe), text, "{text}");
    }
}

#[test]
fn copies_take_owners_and_modes_that_are_surely_the_same() {
    let rule = "copied-then-changed";
    assert_fixed(
        rule,
        Safety::Unsafe,
        &[
            (
                "COPY app.sh /usr/bin/\nRUN chmod 755 /usr/bin/app.sh\n",
                "COPY --chmod=755 app.sh /usr/bin/\n",
            ),
            (
                "COPY --from=y a /a\nRUN chown -R u:g /a/\n",
                "COPY --chown=u:g --from=y a /a\n",
            ),
        ],
    );
    for text in [
        "COPY app.sh /a\nRUN chmod +x /a\n",
        "COPY unknown /a\nRUN chmod 755 /a\n",
        "COPY a /a\nRUN chown u:g /a\n",
        "RUN make -C /a\nCOPY b /a\nRUN chown -R u:g /a\n",
        "COPY --chown=v:h a /a\nRUN chown -R u:g /a\n",
        "COPY a /a\nRUN chown -R u:g /a && b\n",
        "COPY a /a\nRUN chown -hR u:g /a\n",
    ] {
        assert_fixed(rule, Safety::Unsafe, &[(text, text)]);
    }
}

#[test]
fn scripts_need_a_shell() {
    let rule = "shell-less-base";
    for text in [
        "FROM scratch\nENTRYPOINT [\"/start.sh\"]\n",
        "FROM scratch\nCOPY app.sh /app\nENTRYPOINT [\"/app\"]\n",
        "FROM gcr.io/distroless/static\nCMD [\"sh\", \"-c\", \"a\"]\n",
    ] {
        assert_eq!(count(rule, text), 1, "{text}");
    }
}

#[test]
fn sources_are_told_from_wheels() {
    let rule = "source-without-compiler";
    for text in [
        "FROM python:3.12-slim\nWORKDIR /a\nCOPY . .\nRUN pip install -r requirements.txt\n",
        "FROM python:3.12-slim\nRUN apt-get install -y gcc && pip install git+https://example.org/a\n",
        "FROM python:3.12-slim\nRUN pip install https://example.org/a.tar.gz\n",
        "FROM mambaorg/micromamba\nCOPY git.yml /e.yml\nRUN micromamba install -y -n base -f /e.yml\n",
    ] {
        assert_eq!(count(rule, text), 1, "{text}");
    }
}

#[test]
fn a_stage_is_split_only_where_all_that_it_makes_is_known() {
    let rule = "compilers-left";
    let known = "RUN apt-get update && apt-get install -y gcc make\nCOPY src /src\nRUN make -C /src install PREFIX=/opt/a\nENTRYPOINT [\"/opt/a/bin/a\"]\n";
    let text = with_head(known).replace(" AS x", "");
    let wanted = "FROM python:3.12 AS base\nFROM base AS build\nRUN apt-get update && apt-get install -y gcc make\nCOPY src /src\n\
        RUN make -C /src install PREFIX=/opt/a\nFROM base\nCOPY src /src\nCOPY --from=build /opt/a /opt/a\nENTRYPOINT [\"/opt/a/bin/a\"]\n";
    assert_fixed(rule, Safety::Unsafe, &[(&text, wanted)]);
    for (old, new) in [
        (" PREFIX=/opt/a", ""),
        ("PREFIX=/opt/a", "PREFIX=/usr/local"),
        ("gcc make", "gcc make libpq-dev"),
        ("gcc make", "gcc make nginx"),
        ("gcc make", "gcc make $MORE"),
        ("[\"/opt/a/bin/a\"]", "[\"b\"]"),
        ("RUN make", "USER b\nRUN make"),
        ("RUN make", "RUN ./b && make"),
        ("ENTRYPOINT", "RUN /opt/a/bin/a --prepare\nENTRYPOINT"),
        ("python:3.12\n", "python:3.12 AS named\n"),
    ] {
        let text = text.replacen(old, new, 1);
        assert_fixed(rule, Safety::Unsafe, &[(&text, &text)]);
    }
}

#[test]
fn a_tag_for_running_is_taken_where_nothing_compiles() {
    let rule = "development-base";
    assert_fixed(
        rule,
        Safety::Unsafe,
        &[
            (
                "FROM nvidia/cuda:12.2.0-devel-ubuntu22.04\nCOPY a /a\n",
                "FROM nvidia/cuda:12.2.0-runtime-ubuntu22.04\nCOPY a /a\n",
            ),
            (
                "FROM eclipse-temurin:17-jdk-alpine\nCOPY a.jar /\nCMD [\"java\", \"-jar\", \"/a.jar\"]\n",
                "FROM eclipse-temurin:17-jre-alpine\nCOPY a.jar /\nCMD [\"java\", \"-jar\", \"/a.jar\"]\n",
            ),
        ],
    );
    for text in [
        "FROM nvidia/cuda:12.2.0-devel-ubuntu22.04\nRUN nvcc -o a a.cu\n",
        "FROM nvidia/cuda:12.2.0-devel-ubuntu22.04@sha256:0123\nCOPY a /a\n",
        "FROM eclipse-temurin:16-jdk\nCOPY a.jar /\n",
        "FROM amazoncorretto:17-jdk\nCOPY a.jar /\n",
    ] {
        assert_fixed(rule, Safety::Unsafe, &[(text, text)]);
    }
}
