use super::*;

/// The simple commands of a script, as their words stand there.
fn commands(script: &str) -> Vec<String> {
    let list = parse(script.as_bytes()).unwrap_or_else(|error| panic!("{script} at {}", error.at));
    let mut out = Vec::new();
    collect(&list, script, &mut out);
    out
}

fn collect(list: &List, script: &str, out: &mut Vec<String>) {
    for command in list
        .statements
        .iter()
        .flat_map(Statement::pipelines)
        .flat_map(|line| &line.commands)
    {
        match command {
            Command::Simple(simple) => {
                out.push(script[simple.range.clone()].to_owned());
                let words = simple.words.iter().chain(&simple.assignments);
                words
                    .flat_map(|word| &word.lists)
                    .for_each(|list| collect(list, script, out));
            }
            Command::Compound(compound) => {
                compound
                    .lists
                    .iter()
                    .for_each(|list| collect(list, script, out));
            }
        }
    }
}

#[test]
fn commands_are_found_wherever_they_stand() {
    for (script, found) in [
        (
            "a b && c || d; e & f | g",
            &["a b", "c", "d", "e", "f", "g"][..],
        ),
        (
            "if a; then b; elif c; then d; else e; fi > f",
            &["a", "b", "c", "d", "e"],
        ),
        ("for i in 1 2; do a $i; done && { b; }", &["a $i", "b"]),
        (
            "while read x; do a; done < f; (b; c)",
            &["read x", "a", "b", "c"],
        ),
        ("case $x in a|b) c;; (*) d ;; esac; e", &["c", "d", "e"]),
        (
            "A=1 B=$(c d) e \"$(f \"g\")\" `h`",
            &["A=1 B=$(c d) e \"$(f \"g\")\" `h`", "f \"g\"", "h", "c d"],
        ),
        ("f() { a; }; function g { b; }; f", &["a", "b", "f"]),
        ("a=(b c); [[ $a =~ x && ! -f d ]] && e", &["a=(b c)", "e"]),
        ("a # b && c", &["a"]),
        (
            "a#b 'x;y' \"z && $w\" \\; c",
            &["a#b 'x;y' \"z && $w\" \\; c"],
        ),
        ("cat <<E >f && b\nx; y\nE\nc", &["cat <<E >f", "b", "c"]),
        (
            "a 2>&1 >/dev/null &>b <<<c",
            &["a 2>&1 >/dev/null &>b <<<c"],
        ),
        (
            "diff <(a) <(b) && echo $((1+(2))) ${x:-$(c)}",
            &[
                "diff <(a) <(b)",
                "a",
                "b",
                "echo $((1+(2))) ${x:-$(c)}",
                "c",
            ],
        ),
        ("a `b \\`c\\``", &["a `b \\`c\\``", "b \\`c\\`"]),
        ("! a && time b", &["a", "time b"]),
    ] {
        assert_eq!(commands(script), found, "{script}");
    }
}

#[test]
fn what_a_shell_refuses_is_not_read() {
    for script in [
        "a &&",
        "a 'b",
        "if a; then b",
        "(a",
        "a; done",
        "a || | b",
        "$(a",
        "\"${a",
        "case a in",
        "f() a",
        "a ;; b",
    ] {
        assert!(parse(script.as_bytes()).is_err(), "{script}");
    }
    assert!(parse("$(".repeat(10_000).as_bytes()).is_err());
    assert!(parse("{ ".repeat(10_000).as_bytes()).is_err());
}

#[test]
fn words_are_constant_when_a_shell_changes_nothing_in_them() {
    let list = parse(b"a 'b c'd\\ e \"$x\" f* ~/g ${h} i{j,k} l=m").unwrap();
    let Command::Simple(simple) = &list.statements[0].first.commands[0] else {
        panic!()
    };
    let words: Vec<_> = simple.words.iter().map(Word::constant).collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        words,
        [
            some("a"),
            some("b cd e"),
            None,
            None,
            None,
            None,
            None,
            some("l=m")
        ]
    );
    assert_eq!(simple.words[3].pattern().as_deref(), Some("f*"));
    assert_eq!(
        simple.words[2].parts[1],
        Part::Variable("x".to_owned(), Quoted::Yes)
    );
}
