use super::*;

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
            (
                "WORKDIR /a\nCOPY app.sh /a/\nRUN chown u:g /a/app.sh\n",
                "WORKDIR /a\nCOPY --chown=u:g app.sh /a/\n",
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
        // The folder keeps its owner.
        "COPY app.sh /a/app.sh\nRUN chown u:g /a/app.sh\n",
        "COPY a /b/a\nRUN chown -R u:g /b/a\n",
        // The folder is changed, and not the file in it.
        "COPY app.sh /usr/bin/\nRUN chmod 755 /usr/bin\n",
        "COPY app.sh /usr/bin/\nRUN chmod -R 755 /usr/bin\n",
        "RUN mkdir /a\nCOPY app.sh /a\nRUN chmod 700 /a\n",
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
