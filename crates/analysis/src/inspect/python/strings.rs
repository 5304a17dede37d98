//! Texts of a source, kept flat: an image has some hundred thousand.

use std::borrow::Cow;

/// Texts in order, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Strings(Box<str>);

/// Longer words are data.
const MAX_WORD: usize = 200;

impl Strings {
    pub(super) fn new(mut words: Vec<Cow<'_, str>>) -> Self {
        words.sort_unstable();
        words.dedup();
        Self(words.join("\n").into())
    }

    /// The texts.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split('\n').filter(|word| !word.is_empty())
    }
}

/// The words of a text that may name a module or a file: a text that is one word, and dotted names
/// and paths inside of longer ones.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '-'));
    let is_single = !text.contains(is_between);
    text.split(is_between)
        .map(|word| word.trim_matches('.'))
        .filter(move |word| {
            let is_name = is_single || word.contains(['.', '/']);
            is_name && (2..=MAX_WORD).contains(&word.len())
        })
}

/// The modules that a text imports if it is code, or runs if it is a command: what follows
/// `import`, `from` and `-m`.
pub(super) fn imported(text: &str) -> impl Iterator<Item = &str> {
    let is_between =
        |c: char| c.is_whitespace() || matches!(c, ';' | '"' | '\'' | '(' | ')' | '`' | ',');
    let words = text.split(is_between).filter(|word| !word.is_empty());
    let mut follows = false;
    words.filter(move |word| {
        let may = ["import", "from", "-m"].contains(word);
        std::mem::replace(&mut follows, may) && is_dotted(word)
    })
}

/// Whether a word may be the name of a module.
pub(super) fn is_dotted(word: &str) -> bool {
    let is_identifier = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    word.len() <= MAX_WORD && word.split('.').all(is_identifier)
}
