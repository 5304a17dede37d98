use super::*;

fn with<T>(text: &str, look: impl FnOnce(&Model<'_>) -> T) -> T {
    let file = Dockerfile::parse(text.as_bytes());
    assert_eq!(file.problems, [], "{text}");
    look(&Model::new(&file))
}

/// The calls of all scripts: wrappers, program and known arguments.
fn calls(text: &str) -> Vec<String> {
    with(text, |model| {
        let calls = model.scripts.values().flat_map(|script| &script.calls);
        calls
            .map(|call| {
                format!(
                    "{:?} {} {:?}",
                    call.wrappers,
                    call.program,
                    call.arguments().collect::<Vec<_>>()
                )
            })
            .collect()
    })
}

#[test]
fn what_reaches_somebody_ships() {
    let text = "FROM a AS one\nRUN x\nFROM one AS two\nRUN x\nFROM b AS three\nRUN x\nFROM c AS alone\nRUN x\nFROM d\n\
                RUN --mount=type=bind,from=three,target=/t x\nCOPY --from=two /opt/conda /opt/conda\n";
    with(text, |model| {
        let ships: Vec<_> = model
            .stages
            .iter()
            .map(|stage| stage.ships.clone())
            .collect();
        let conda = || Ships::Paths(vec!["/opt/conda".to_owned()]);
        assert_eq!(
            ships,
            [
                conda(),
                conda(),
                Ships::Paths(Vec::new()),
                Ships::Whole,
                Ships::Whole
            ]
        );
        assert!(
            ships[0].has("/opt/conda/pkgs") && ships[0].has("/opt") && !ships[0].has("/opt/condax")
        );
        assert_eq!(model.after(1), [1 + 1 + 1]);
        assert_eq!(model.image_of(3), Some("a"));
    });
    with("FROM a AS x\nRUN b\nFROM c\nCOPY --from=0 / /\n", |model| {
        assert_eq!(model.stages[0].ships, Ships::Whole)
    });
}

#[test]
fn what_holds_for_an_instruction() {
    let text = "ARG V=1\nFROM a:$V AS x\nENV A=b C=\"d e\"\nARG F\nWORKDIR /w\nUSER $A\nFROM x\nWORKDIR v\nSHELL [\"bash\", \"-c\"]\nRUN y\n";
    with(text, |model| {
        let state = model.state(9);
        assert_eq!(model.stages[0].base, Base::Image("a:1".to_owned()));
        assert_eq!(
            (state.user.as_deref(), state.folder.as_deref()),
            (Some("b"), Some("/w/v"))
        );
        assert_eq!(state.expanded("${A}/$C").as_deref(), Some("b/d e"));
        assert_eq!(state.expanded("$F"), None);
    });
}

#[test]
fn calls_are_found_through_what_wraps_them() {
    let text = "FROM a\nENV P=\"x y\" Q=z\nRUN sudo -E apt-get \\\n  # note\n  install $P $Q \"$R\" && python3 -m pip install q\nRUN [\"/usr/bin/apt\", \"update\"]\n\
                RUN <<E\nfor i in a; do env B=c d; done\nE\nRUN command -v e && sudo -u f g\n";
    assert_eq!(
        calls(text),
        [
            "[\"sudo\", \"-E\"] apt-get [\"install\", \"z\"]",
            "[] pip [\"install\", \"q\"]",
            "[] apt [\"update\"]",
            "[\"env\", \"B=c\"] d []",
            "[] command [\"-v\", \"e\"]",
            "[] sudo [\"-u\", \"f\", \"g\"]",
        ]
    );
    with(text, |model| {
        let call = &model.scripts[&2].calls[0];
        assert_eq!(model.text(call.words[1].range.clone()), "install");
        assert!(call.place.is_plain && !call.is_known());
        assert!(model.scripts[&4].calls[0].place.is_conditional);
    });
}

#[test]
fn what_no_posix_shell_runs_is_not_read() {
    for text in [
        "FROM a\nSHELL [\"powershell\", \"-Command\"]\nRUN a b\n",
        "# escape=`\nFROM a\nRUN a b\n",
        "FROM a\nRUN <<E\n#!/usr/bin/env python3\na\nE\n",
        "FROM a\nRUN a 'b\n",
    ] {
        assert_eq!(calls(text).join(""), "", "{text}");
    }
    assert_eq!(
        calls("FROM a\nSHELL [\"conda\", \"run\", \"/bin/bash\", \"-ec\"]\nRUN b\n"),
        ["[] b []"]
    );
}

#[test]
fn mounts_cover_what_lies_below_them() {
    with(
        "FROM a\nRUN --mount=type=cache,target=/root/.cache/ --mount=type=secret,id=x b\n",
        |model| {
            let script = &model.scripts[&1];
            assert!(script.mounts_over("/root/.cache/pip") && !script.mounts_over("/root/.cachex"));
        },
    );
}
