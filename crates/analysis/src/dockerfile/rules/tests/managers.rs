use super::*;

#[test]
fn fixes_of_package_managers_follow_their_call() {
    for (rule, text, wanted) in [
        (
            "apt-archives-left",
            "RUN rm -f /etc/apt/apt.conf.d/docker-clean\nRUN apt-get update && sudo apt-get install -y b\n",
            "RUN rm -f /etc/apt/apt.conf.d/docker-clean\nRUN apt-get update && sudo apt-get install -y b && sudo apt-get clean\n",
        ),
        (
            "apt-archives-left",
            "RUN rm /etc/apt/apt.conf.d/docker-clean && apt-get install -y b && rm -rf /var/lib/apt/lists/*\n",
            "RUN rm /etc/apt/apt.conf.d/docker-clean && apt-get install -y b && rm -rf /var/lib/apt/lists/* && apt-get clean\n",
        ),
        // apt may be gone at the end.
        (
            "apt-archives-left",
            "RUN rm /etc/apt/apt.conf.d/docker-clean && apt-get install -y b && rm -rf /usr/bin/apt*\n",
            "RUN rm /etc/apt/apt.conf.d/docker-clean && apt-get install -y b && rm -rf /usr/bin/apt*\n",
        ),
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
        (
            "npm-cache-left",
            "RUN npm i && rm -rf /u*/x $JUNK/*\n",
            "RUN npm i && rm -rf /u*/x $JUNK/*\n",
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
        // micromamba asks without end what nobody answers.
        (
            "conda-cache-left",
            "FROM mambaorg/micromamba:1.5\nRUN micromamba install -y a && micromamba clean --all\n",
            "FROM mambaorg/micromamba:1.5\nRUN micromamba install -y a && micromamba clean --all --force-pkgs-dirs --yes\n",
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
            "cargo-cache-left",
            "ENTRYPOINT [\"cargo\"]\nRUN cargo build --release\nCMD [\"run\"]\n",
            "ENTRYPOINT [\"cargo\"]\nRUN cargo build --release\nCMD [\"run\"]\n",
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
            "gem-cache-left",
            "FROM ruby:3\nRUN gem install a\nRUN bundle install --local && rm -rf /usr/local/bundle/cache\n",
            "FROM ruby:3\nRUN gem install a\nRUN bundle install --local && rm -rf /usr/local/bundle/cache\n",
        ),
        (
            "pip-cache-left",
            "FROM ubuntu:wily\nRUN pip install a\n",
            "FROM ubuntu:wily\nRUN pip install a\n",
        ),
        // Another stage copies what is not there then.
        (
            "pip-cache-left",
            "FROM python:3.12 AS b\nRUN pip install a\nFROM c\nCOPY --from=b /root/.cache /root/.cache\n",
            "FROM python:3.12 AS b\nRUN pip install a\nFROM c\nCOPY --from=b /root/.cache /root/.cache\n",
        ),
        (
            "npm-cache-left",
            "FROM node AS b\nRUN npm ci\nFROM node\nCOPY --from=b [\"/root/.npm/_cacache\", \"/c\"]\n",
            "FROM node AS b\nRUN npm ci\nFROM node\nCOPY --from=b [\"/root/.npm/_cacache\", \"/c\"]\n",
        ),
        (
            "uv-cache-left",
            "ENV UV_LINK_MODE=copy\nRUN uv sync\n",
            "ENV UV_LINK_MODE=copy\nRUN uv sync --no-cache\n",
        ),
        (
            "uv-cache-left",
            "ENV UV_LINK_MODE=symlink\nRUN uv sync\n",
            "ENV UV_LINK_MODE=symlink\nRUN uv sync\n",
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
