use super::*;

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
        // A container installs from them.
        "RUN apt-get update && apt-get install -y a\nCMD apt-get install -y $MORE && exec a\n",
        "CMD [\"sh\", \"-c\", \"apt-get install -y $MORE; a\"]\nRUN apt-get update && apt-get install -y a\n",
        "RUN apt-get update && apt-get install -y a\nFROM x\nHEALTHCHECK CMD apt-cache policy b\n",
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
        "RUN apt-get update && apt-get install -y apt-file && apt-file update\n",
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
