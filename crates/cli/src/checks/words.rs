//! Words of a command line, split as a shell does (POSIX.1-2024, Shell Command Language, 2.2 and 2.3), but what only
//! a shell could do is refused rather than passed on as a word.

/// Splits a text into words.
///
/// # Errors
/// It has no words, a quote is not closed, or it uses what only a shell does: pipes, variables, patterns.
pub(super) fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\\' => match chars.next() {
                // A line that goes on (2.2.1).
                Some('\n') => {}
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("a backslash at the end quotes nothing".to_owned()),
            },
            '\'' => single(&mut chars, word.get_or_insert_default())?,
            '"' => double(&mut chars, word.get_or_insert_default())?,
            '#' if word.is_none() => return Err(shell(c)),
            '~' if word.is_none() => return Err(shell(c)),
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' | '*' | '?' => {
                return Err(shell(c));
            }
            '\0' => return Err("a command cannot hold a NUL".to_owned()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match words.first().is_some_and(|program| !program.is_empty()) {
        true => Ok(words),
        false => Err("there is no program to run".to_owned()),
    }
}

/// Everything up to the next single quote (2.2.2).
fn single(chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), String> {
    for c in chars.by_ref() {
        match c {
            '\'' => return Ok(()),
            c => word.push(c),
        }
    }
    Err("a ' is not closed".to_owned())
}

/// Everything up to the next double quote; a backslash quotes five characters only (2.2.3).
fn double(chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), String> {
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok(()),
            '$' | '`' => return Err(shell(c)),
            '\\' => match chars.next() {
                Some('\n') => {}
                Some(c @ ('$' | '`' | '"' | '\\')) => word.push(c),
                Some(c) => word.extend(['\\', c]),
                None => break,
            },
            c => word.push(c),
        }
    }
    Err("a \" is not closed".to_owned())
}

fn shell(c: char) -> String {
    format!("{c} means something to a shell only; quote it, or write sh -c '...'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::quoted;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let words = |text: &str| split(text).unwrap();
        assert_eq!(words("ls -l  /tmp\n"), ["ls", "-l", "/tmp"]);
        assert_eq!(words(r#"a 'b c'"d e"f"#), ["a", "b cd ef"]);
        assert_eq!(words(r#"a '' """#), ["a", "", ""]);
        assert_eq!(words(r#"a\ b "\"\\\n" '\'"#), ["a b", r#""\\n"#, r"\"]);
        assert_eq!(words("a\\\nb c#d e~"), ["ab", "c#d", "e~"]);
        assert_eq!(
            words("sh -c 'fortune | cowsay > $HOME/x'")[2],
            "fortune | cowsay > $HOME/x"
        );
    }

    #[test]
    fn what_needs_a_shell_is_refused() {
        for (text, what) in [
            ("fortune | cowsay", "| means something to a shell"),
            ("a && b", "&"),
            ("echo $HOME", "$"),
            ("echo \"$HOME\"", "$"),
            ("ls *.txt", "*"),
            ("ls ~/x", "~"),
            ("a # b", "#"),
            ("", "no program"),
            ("  \n", "no program"),
            ("'' a", "no program"),
            ("a 'b", "' is not closed"),
            ("a \"b\\", "\" is not closed"),
            ("a \\", "backslash"),
            ("a \0", "NUL"),
        ] {
            let error = split(text).unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn quoted_words_are_split_again(words in proptest::collection::vec("[^\0]{1,8}", 1..5)) {
            let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            proptest::prop_assert_eq!(split(&line.join(" ")).unwrap(), words);
        }

        #[test]
        fn any_text_is_split_or_refused(text in ".*") {
            let _ = split(&text);
        }
    }
}
