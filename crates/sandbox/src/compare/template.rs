//! What several forms of one line have in common: the words that are the same, and between them stretches that vary,
//! with the kinds of characters seen in them.

use super::lines::pairs;

/// Lines of which more than this varies are compared byte by byte, if at all.
const MAX_ALIGNED: usize = 4096;

/// A line with stretches that vary.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Template {
    /// Words that are there, with a stretch before, between and behind them.
    Words { words: Vec<Vec<u8>>, gaps: Vec<Gap> },
    /// Bytes of a long line or of binary data; `None` varies.
    Bytes(Vec<Option<u8>>),
    /// The beginning and the end of a line that is long and varies in its length.
    Ends(Vec<u8>, Vec<u8>),
}

/// A stretch that varies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gap {
    /// Whether something may be there at all.
    is_open: bool,
    /// Whether nothing may be there.
    may_lack: bool,
    /// Whether a digit must be in it.
    is_number: bool,
    digits: bool,
    letters: bool,
    /// Other bytes that may be there.
    others: Vec<u8>,
}

impl Template {
    /// What the lines have in common; at least one line.
    pub(super) fn new(lines: &[&[u8]]) -> Self {
        let first = lines[0];
        let before = lines
            .iter()
            .map(|line| common_start(first, line))
            .min()
            .unwrap_or(0);
        let end = |line: &&[u8]| common_end(&first[before..], &line[before..]);
        let after = lines.iter().map(end).min().unwrap_or(0);
        if lines
            .iter()
            .any(|line| line.len() - before - after > MAX_ALIGNED)
        {
            return Self::of_long(lines, before, after);
        }
        let all: Vec<Vec<&[u8]>> = lines.iter().map(|line| words(line)).collect();
        let mut common = all[0].clone();
        for line in &all[1..] {
            let pairs = pairs(&common, line);
            common = pairs.into_iter().map(|(at, _)| common[at]).collect();
        }
        let gaps = all.iter().map(|line| gaps(&common, line));
        let gaps = gaps.reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| a.or(&b)).collect());
        absorbed(common, gaps.unwrap_or_default())
    }

    fn of_long(lines: &[&[u8]], before: usize, after: usize) -> Self {
        let first = lines[0];
        if lines.iter().any(|line| line.len() != first.len()) {
            return Self::Ends(
                first[..before].to_vec(),
                first[first.len() - after..].to_vec(),
            );
        }
        let is_same = |at: usize| lines.iter().all(|line| line[at] == first[at]);
        Self::Bytes(
            (0..first.len())
                .map(|at| is_same(at).then_some(first[at]))
                .collect(),
        )
    }

    /// Whether another line has the same in common.
    pub(super) fn fits(&self, line: &[u8]) -> bool {
        match self {
            Self::Bytes(bytes) => {
                let is_same = |(a, b): (&Option<u8>, &u8)| a.is_none_or(|a| a == *b);
                bytes.len() == line.len() && bytes.iter().zip(line).all(is_same)
            }
            Self::Ends(before, after) => {
                line.len() >= before.len() + after.len()
                    && line.starts_with(before)
                    && line.ends_with(after)
            }
            Self::Words {
                words: common,
                gaps,
            } => fits(common, gaps, &words(line)),
        }
    }
}

/// Whether the words of a line are the common ones with stretches between them that may be there: which places can be
/// reached with each word and each gap.
fn fits(common: &[Vec<u8>], gaps: &[Gap], line: &[&[u8]]) -> bool {
    let mut places = vec![false; line.len() + 1];
    places[0] = true;
    for (number, gap) in gaps.iter().enumerate() {
        places = behind(gap, &places, line);
        if let Some(word) = common.get(number) {
            let found = (0..line.len()).map(|at| places[at] && line[at] == word.as_slice());
            places = std::iter::once(false).chain(found).collect();
        }
    }
    places[line.len()]
}

/// The places that a gap leads to.
fn behind(gap: &Gap, places: &[bool], line: &[&[u8]]) -> Vec<bool> {
    let mut behind = places.to_vec();
    if !gap.is_open {
        return behind;
    }
    // Whether some words of the gap end here, and whether some with a digit do.
    let (mut is_within, mut has_digit) = (false, false);
    for at in 0..places.len() {
        if at > 0 {
            let word = line[at - 1];
            let is_taken = gap.takes(word);
            let can_begin = is_within || places[at - 1];
            has_digit = is_taken && (has_digit || can_begin && word.iter().any(u8::is_ascii_digit));
            is_within = is_taken && can_begin;
        }
        let is_filled = if gap.is_number { has_digit } else { is_within };
        behind[at] = is_filled || places[at] && gap.may_lack;
    }
    behind
}

/// A line cut into words, runs of spaces, and single other bytes.
fn words(line: &[u8]) -> Vec<&[u8]> {
    line.chunk_by(|a, b| is_word(*a) && is_word(*b) || *a == b' ' && *b == b' ')
        .collect()
}

/// Letters, digits and `_`; all that is not ASCII counts as letters.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The stretches of a line before, between and behind the common words, which it has all of.
fn gaps(common: &[&[u8]], line: &[&[u8]]) -> Vec<Gap> {
    let mut gaps = Vec::with_capacity(common.len() + 1);
    let mut next = 0;
    for (_, at) in pairs(common, line) {
        gaps.push(Gap::of(&line[next..at]));
        next = at + 1;
    }
    gaps.push(Gap::of(&line[next..]));
    gaps
}

impl Gap {
    fn of(words: &[&[u8]]) -> Self {
        let mut gap = Self {
            is_open: !words.is_empty(),
            may_lack: words.is_empty(),
            ..Self::default()
        };
        words
            .iter()
            .flat_map(|word| word.iter())
            .for_each(|byte| gap.add(*byte));
        let begins = words
            .iter()
            .flat_map(|word| word.iter())
            .find(|byte| is_word(**byte));
        gap.is_number = begins.is_some_and(u8::is_ascii_digit);
        gap
    }

    fn add(&mut self, byte: u8) {
        match byte {
            b'0'..=b'9' => self.digits = true,
            _ if is_word(byte) => self.letters = true,
            _ if !self.others.contains(&byte) => self.others.push(byte),
            _ => {}
        }
    }

    /// What either lets through.
    fn or(mut self, other: &Self) -> Self {
        // Where nothing is in one of them, the others tell what may be there.
        self.is_number = (self.is_number || !self.is_open) && (other.is_number || !other.is_open);
        self.is_open |= other.is_open;
        self.may_lack |= other.may_lack;
        self.digits |= other.digits;
        self.letters |= other.letters;
        other.others.iter().for_each(|byte| self.add(*byte));
        self
    }

    /// Whether a word can be part of it: digits where numbers vary, anything like a name where names do.
    fn takes(&self, word: &[u8]) -> bool {
        let takes = |byte: &u8| match byte {
            b'0'..=b'9' => self.digits || self.letters,
            byte if is_word(*byte) => self.letters,
            byte => self.others.contains(byte),
        };
        self.is_open && word.iter().all(takes)
    }
}

/// Takes into a number that varies the parts that were the same by chance: of `0.12` and `0.13` all.
fn absorbed(common: Vec<&[u8]>, gaps: Vec<Gap>) -> Template {
    let mut is_fixed = vec![true; common.len()];
    let mut spread = |range: &mut dyn Iterator<Item = usize>| {
        for at in range {
            if !is_numeric(common[at]) {
                break;
            }
            is_fixed[at] = false;
        }
    };
    for (at, gap) in gaps.iter().enumerate() {
        if gap.is_open && gap.digits {
            spread(&mut (0..at).rev());
            spread(&mut (at..common.len()));
        }
    }
    let mut words = Vec::new();
    let mut merged: Vec<Gap> = Vec::new();
    let mut gaps = gaps.into_iter();
    let mut current = gaps.next().unwrap_or_default();
    for ((word, is_fixed), gap) in common.into_iter().zip(is_fixed).zip(gaps) {
        if is_fixed {
            words.push(word.to_vec());
            merged.push(std::mem::replace(&mut current, gap));
        } else {
            // Such a word is there in all lines, so the stretch is never empty.
            let is_number =
                current.is_number || gap.is_number || word.iter().any(u8::is_ascii_digit);
            current = Gap {
                is_number,
                may_lack: false,
                ..current.or(&gap).or(&Gap::of(&[word]))
            };
        }
    }
    merged.push(current);
    Template::Words {
        words,
        gaps: merged,
    }
}

/// Whether a word is part of a number, a time or a date, or the padding before one.
fn is_numeric(word: &[u8]) -> bool {
    matches!(word, b"." | b"," | b":" | b"+" | b"-" | b"%")
        || word.len() > 1 && word.iter().all(|byte| *byte == b' ')
        || word.first().is_some_and(u8::is_ascii_digit)
}

/// A line with `#` for each number, whatever its length, and for each name with a digit in it.
pub(super) fn form(line: &[u8]) -> Vec<u8> {
    let mut form: Vec<u8> = Vec::new();
    let mut number_ends = None;
    for word in words(line) {
        let is_number = word.iter().any(u8::is_ascii_digit);
        match word {
            _ if is_number => {
                // Behind `#.` and the like it is the same number.
                match number_ends {
                    Some(end) if form.len() == end + 1 && is_numeric(&form[end..]) => {
                        form.truncate(end)
                    }
                    _ => form.push(b'#'),
                }
                number_ends = Some(form.len());
            }
            [b' ', ..] => form.push(b' '),
            word => form.extend(word),
        }
    }
    form
}

fn common_start(one: &[u8], two: &[u8]) -> usize {
    one.iter().zip(two).take_while(|(a, b)| a == b).count()
}

fn common_end(one: &[u8], two: &[u8]) -> usize {
    one.iter()
        .rev()
        .zip(two.iter().rev())
        .take_while(|(a, b)| a == b)
        .count()
}
