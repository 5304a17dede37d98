use super::*;

/// An unsafe fix that comes first in the file does not keep a safe one away.
#[test]
fn all_that_is_surely_right_is_done_with_unsafe_fixes_too() {
    let text = b"FROM continuumio/miniconda3\nRUN conda install -y a\n";
    let after = |most| fix(text, &Options::default(), most, None).applied;
    let safe = after(Safety::Safe);
    assert!(!safe.is_empty() && after(Safety::Unsafe).starts_with(&safe));
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
        // `libssl-dev` is no older `libs`.
        (
            "RUN apt-get install -y libssl-dev\nRUN git clone https://example.org/a\nRUN rm -rf a/b\nRUN rm -rf a/libs\n",
            "RUN apt-get install -y libssl-dev\nRUN git clone https://example.org/a && \\\n    rm -rf a/b && \\\n    rm -rf a/libs\n",
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
            // The base may have another user, for whom `mkdir` makes the folder.
            (
                "FROM mambaorg/micromamba\nRUN mkdir /a && cd /a && b\nWORKDIR /e\n",
                "FROM mambaorg/micromamba\nRUN mkdir /a && cd /a && b\nWORKDIR /e\n",
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
