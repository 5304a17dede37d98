use super::*;

fn parse(text: &str) -> Dockerfile<'_> {
    let file = Dockerfile::parse(text.as_bytes());
    assert_eq!(file.print(), text.as_bytes(), "a byte was lost");
    file
}

/// Name, flags, arguments and heredocs of each instruction.
fn shown(text: &str) -> Vec<String> {
    let file = parse(text);
    assert_eq!(file.problems, [], "{text}");
    let one = |instruction: &Instruction| {
        let flags: Vec<_> = instruction
            .flags
            .iter()
            .map(|flag| flag.text.as_str())
            .collect();
        let docs = instruction.heredocs.iter();
        let docs: Vec<_> = docs.map(|doc| &text[doc.body.clone()]).collect();
        format!(
            "{} {flags:?} {} {docs:?}",
            instruction.name,
            instruction.argument()
        )
    };
    file.instructions.iter().map(one).collect()
}

#[test]
fn comments_and_empty_lines_stand_between_continued_lines() {
    let text = "from a\nRUN b \\\n  # note \\\n\n  c\\  \n d\n# end\n";
    assert_eq!(shown(text), ["FROM [] a []", "RUN [] b   c d []"]);
    let file = parse(text);
    assert_eq!(
        &text[file.instructions[1].range.clone()],
        "RUN b \\\n  # note \\\n\n  c\\  \n d"
    );
    let comments = file
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Comment);
    assert_eq!(comments.count(), 2);
}

#[test]
fn windows_files_have_marks_other_ends_and_another_escape() {
    let text = "\u{feff}# escape=`\r\nFROM a\r\nRUN dir C:\\ `\r\n  && b\r\nCOPY x C:\\\r\n";
    assert_eq!(
        shown(text),
        [
            "FROM [] a []",
            "RUN [] dir C:\\   && b []",
            "COPY [] x C:\\ []"
        ]
    );
    assert_eq!(parse(text).escape, b'`');
}

#[test]
fn heredocs_stand_anywhere_in_a_run() {
    let text = "FROM a\nRUN cat <<EOF >/f && x <<-'B'\none\nEOF\n\ttwo\n\tB\nCOPY <<a <<\"b\" /d/\n1\na\n2\nb\nUSER u\n";
    assert_eq!(
        shown(text),
        [
            "FROM [] a []",
            "RUN [] cat <<EOF >/f && x <<-'B' [\"one\\n\", \"\\ttwo\\n\"]",
            "COPY [] <<a <<\"b\" /d/ [\"1\\n\", \"2\\n\"]",
            "USER [] u []",
        ]
    );
    let file = parse(text);
    let docs = &file.instructions[1].heredocs;
    assert!(docs[0].expands && !docs[0].chomps && !docs[1].expands && docs[1].chomps);
}

#[test]
fn what_only_looks_like_a_heredoc_is_none() {
    for line in [
        "RUN cat <<<word",
        "RUN echo '<<EOF'",
        "RUN [\"cat\", \"<<EOF\"]",
        "ENV A=<<EOF",
        "RUN echo $((1<<2))",
        "RUN echo \"it's <<EOF",
        "RUN echo ${a:0:1} <<EOF",
    ] {
        let text = format!("FROM a\n{line}\nUSER u\n");
        assert_eq!(shown(&text).len(), 3, "{line}");
    }
}

#[test]
fn flags_and_forms() {
    let text = "FROM --platform=$P a AS b\nRUN --mount=type=cache,target=/c --network=none x --y\nCOPY --from=b [\"a b\", \"c\"]\nHEALTHCHECK --interval=3s CMD [\"x\"]\nONBUILD RUN --mount=type=bind z\nENTRYPOINT ['x']\n";
    assert_eq!(
        shown(text),
        [
            "FROM [\"--platform=$P\"] a AS b []",
            "RUN [\"--mount=type=cache,target=/c\", \"--network=none\"] x --y []",
            "COPY [\"--from=b\"] [\"a b\", \"c\"] []",
            "HEALTHCHECK [\"--interval=3s\"] CMD [\"x\"] []",
            "ONBUILD [] RUN --mount=type=bind z []",
            "ENTRYPOINT [] ['x'] []",
        ]
    );
    let file = parse(text);
    let lists: Vec<_> = file
        .instructions
        .iter()
        .map(|one| one.list.is_some())
        .collect();
    assert_eq!(lists, [false, false, true, true, false, false]);
    assert_eq!(file.instructions[2].flag("from"), Some("b"));
    let trigger = file.instructions[4].trigger.as_deref().unwrap();
    assert_eq!(
        (trigger.name.as_str(), trigger.argument()),
        ("RUN", "z".to_owned())
    );
    assert_eq!(trigger.line.range(trigger.arguments.clone()).len(), 1);
}

#[test]
fn what_builders_refuse_is_a_problem_and_the_rest_is_read() {
    for (text, reason) in [
        ("FROM a\nRUNN b\nUSER c\n", "there is no instruction RUNN"),
        ("FROM a\nRUN cat <<E\nx\n", "nothing ends the heredoc E"),
        (
            "# escape=x\nFROM a\n",
            "the escape character is neither \\ nor `",
        ),
        (
            "FROM a\nCMD [\"x\", 1]\n",
            "the list has other things than strings",
        ),
        ("# nothing\n", "no instructions"),
        ("FROM a\nENV b\n", "ENV without a value"),
        ("FROM a\nONBUILD ONBUILD RUN a\n", "ONBUILD in ONBUILD"),
    ] {
        let file = parse(text);
        let reasons: Vec<_> = file
            .problems
            .iter()
            .map(|problem| &problem.reason)
            .collect();
        assert!(
            reasons.iter().any(|found| *found == reason),
            "{text}: {reasons:?}"
        );
    }
}

#[test]
fn words_of_settings_may_be_quoted() {
    let text = "ENV a=\"b c\" d=e\\ f 'g h'=i\n";
    let file = parse(text);
    let words = words::quoted(&file.instructions[0], b'\\');
    let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(texts, ["a=\"b c\"", "d=e\\ f", "'g h'=i"]);
    assert_eq!(words::unquoted(texts[0], b'\\'), "a=b c");
    assert_eq!(words::unquoted(texts[1], b'\\'), "d=e f");
}

/// Pieces that meet in Dockerfiles, and some that should not.
const PIECES: [&[u8]; 30] = [
    b"FROM a\n",
    b"RUN ",
    b"COPY --from=x a b",
    b"\\\n",
    b"\\",
    b"\n",
    b"\r\n",
    b"# c\n",
    b" ",
    b"\t",
    b"<<EOF",
    b"<<-'A B'",
    b"EOF\n",
    b"\tEOF\n",
    b"'",
    b"\"",
    b"${a:-",
    b"}",
    b"$(",
    b"`",
    b"# escape=`\n",
    b"\xEF\xBB\xBF",
    b"\xFF\x00",
    b"\xC2\xA0",
    b"ONBUILD ",
    b"[\"a\",",
    b"]",
    b"ENV a=b",
    b"&&",
    b"x",
];

proptest::proptest! {
    #[test]
    fn printing_gives_the_file_back(pieces in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let text = pieces.iter().map(|at| PIECES[*at]).collect::<Vec<_>>().concat();
        let file = Dockerfile::parse(&text);
        proptest::prop_assert_eq!(file.print(), text.clone());
        let mut end = 0;
        for token in &file.tokens {
            proptest::prop_assert_eq!(token.range.start, end);
            end = token.range.end;
        }
        for instruction in &file.instructions {
            proptest::prop_assert!(instruction.range.end <= instruction.lines.end);
        }
    }
}
