//! Literal paths and program names inside files of any kind, in UTF-8 or, as .NET and Qt store texts, in
//! UTF-16.
//!
//! A search for the few top-level folders of the image (`/usr/`, `/opt/`, ...) finds every absolute
//! path at memory speed; what follows is cut at the first byte that paths seldom hold. Names of
//! programs are searched for as whole words. They may be hundreds: what all of them have in common
//! is looked for first.

use std::io;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use ounce_image::Blob;

use super::anchors::Anchors;

/// How much is searched at a time.
const WINDOW: usize = 1 << 20;
/// Paths are at most this long; windows overlap by as much.
const OVERLAP: usize = ounce_image::MAX_PATH;

/// Finds paths and names.
#[derive(Debug)]
pub struct Scanner {
    searcher: AhoCorasick,
    /// Where the searcher is to look; everywhere when there are none.
    anchors: Option<Anchors>,
    /// Patterns below this number are prefixes of paths, those behind are names.
    prefixes: usize,
    /// The prefixes of absolute paths in UTF-16 follow.
    wide: usize,
    /// For each name whether it says enough wherever it stands: what follows it may be a name inside
    /// of it, and in compiled code there is nothing between names.
    is_dotted: Vec<bool>,
}

/// What was found in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit<'a> {
    /// A path, as it is written.
    Path(&'a [u8]),
    /// A path that begins with one of the relative prefixes, as `share/doc/tool`.
    Relative(&'a [u8]),
    /// The name with this number.
    Name(usize),
    /// The name with this number as the end of a longer word, behind which a zero ends the text.
    End(usize),
}

impl Scanner {
    /// A scanner for paths that begin with one of `prefixes` (such as `/usr/` or `share/doc/`), and
    /// for `names` as whole words, and anywhere if they are dotted names or relative paths; `None`
    /// when there is nothing to look for.
    pub fn new(prefixes: &[Vec<u8>], names: &[Vec<u8>]) -> Option<Self> {
        if prefixes.is_empty() && names.is_empty() {
            return None;
        }
        let absolute = prefixes.iter().filter(|prefix| prefix.starts_with(b"/"));
        let wide: Vec<Vec<u8>> = absolute.map(|prefix| widened(prefix)).collect();
        let texts = prefixes.iter().chain(names).chain(&wide);
        let texts: Vec<&[u8]> = texts.map(Vec::as_slice).collect();
        let anchors = Anchors::new(&texts);
        let searcher = AhoCorasickBuilder::new()
            .match_kind(MatchKind::LeftmostLongest)
            // Where every byte passes, it is twice as fast as the automaton that would be chosen.
            .kind(anchors.is_none().then_some(AhoCorasickKind::DFA))
            .build(texts)
            .ok()?;
        Some(Self {
            searcher,
            anchors,
            prefixes: prefixes.len(),
            wide: prefixes.len() + names.len(),
            is_dotted: names.iter().map(|name| is_dotted(name)).collect(),
        })
    }

    /// Calls `found` for every hit with its offset in the file.
    ///
    /// # Errors
    /// The content cannot be read, or `advance` (told of the bytes that passed) asks to stop.
    pub fn scan(
        &self,
        content: &Blob,
        advance: impl Fn(u64) -> io::Result<()>,
        mut found: impl FnMut(u64, Hit<'_>),
    ) -> io::Result<()> {
        let mut buf = vec![0; (WINDOW + 2 * OVERLAP).min(content.len() as usize)];
        for range in content.data_ranges() {
            let mut at = range.start;
            while at < range.end {
                // Context on both sides: the byte before a hit decides whether it begins a path.
                let before = (at - range.start).min(OVERLAP as u64);
                let len = (range.end - at + before).min(buf.len() as u64) as usize;
                let window = &mut buf[..len];
                content.read_exact_at(at - before, window)?;
                let end = at + (WINDOW as u64).min(range.end - at);
                let own = before as usize..(end - at + before) as usize;
                self.window(window, own, |position, hit| {
                    found(at - before + position as u64, hit)
                });
                advance(end - at)?;
                at = end;
            }
        }
        Ok(())
    }

    /// Reports the hits that begin inside `own`.
    fn window(&self, window: &[u8], own: Range<usize>, mut found: impl FnMut(usize, Hit<'_>)) {
        let stretches = Anchors::stretches_or_all(self.anchors.as_ref(), window, own.start);
        let input = |stretch| aho_corasick::Input::new(window).range::<Range<usize>>(stretch);
        let hits = stretches
            .into_iter()
            .flat_map(|stretch| self.searcher.find_iter(input(stretch)));
        for hit in hits {
            if hit.start() >= own.end {
                return;
            }
            let before = hit.start().checked_sub(1).map(|at| window[at]);
            let pattern = hit.pattern().as_usize();
            if pattern >= self.wide {
                let path = narrowed(&window[hit.start()..]);
                found(hit.start(), Hit::Path(&path));
                continue;
            }
            if pattern >= self.prefixes {
                let after = window.get(hit.end()).copied();
                let is_whole = !before.is_some_and(is_word) && !after.is_some_and(is_word);
                let number = pattern - self.prefixes;
                if is_whole || self.is_dotted[number] {
                    found(hit.start(), Hit::Name(number));
                } else if after == Some(0) {
                    found(hit.start(), Hit::End(number));
                }
                continue;
            }
            let rest = &window[hit.start()..];
            let len = rest
                .iter()
                .position(|b| !is_path(*b))
                .unwrap_or(rest.len())
                .min(OVERLAP);
            let path = &rest[..len];
            if rest[0] != b'/' {
                found(hit.start(), Hit::Relative(path));
            } else {
                found(hit.start(), Hit::Path(path));
            }
        }
    }
}

/// Bytes of a path as programs write them. A path that holds others is cut short, which leads to a
/// folder above it and so to more evidence, never to less.
fn is_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+@~".contains(&byte) || byte >= 0x80
}

/// ASCII in UTF-16, little endian.
fn widened(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| [*byte, 0]).collect()
}

/// The path that a text in UTF-16 begins with.
fn narrowed(text: &[u8]) -> Vec<u8> {
    let units = text.chunks_exact(2).take(OVERLAP / 2);
    let path = units.take_while(|unit| unit[1] == 0 && is_path(unit[0]));
    path.map(|unit| unit[0]).collect()
}

fn is_dotted(name: &[u8]) -> bool {
    name.contains(&b'/') || (name.contains(&b'.') && !name.contains(&b'-'))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.+".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(content: &[u8]) -> Vec<String> {
        let prefixes = [b"/usr/".to_vec(), b"/opt/".to_vec(), b"share/doc/".to_vec()];
        let scanner = Scanner::new(&prefixes, &[b"x86_64-gcc".to_vec()]).unwrap();
        let mut out = Vec::new();
        let found = |at, hit: Hit<'_>| {
            out.push(match hit {
                Hit::Path(path) => format!("{at} {}", String::from_utf8_lossy(path)),
                Hit::Relative(path) => format!("{at} ./{}", String::from_utf8_lossy(path)),
                Hit::Name(number) => format!("{at} name {number}"),
                Hit::End(number) => format!("{at} end {number}"),
            });
        };
        scanner
            .scan(&Blob::from_bytes(content.to_vec()), |_| Ok(()), found)
            .unwrap();
        out
    }

    #[test]
    fn paths_are_found_where_they_begin() {
        assert_eq!(
            hits(b"cat '/usr/share/x' -I/opt/inc a/usr/b"),
            ["5 /usr/share/x", "21 /opt/inc", "31 /usr/b"]
        );
        assert_eq!(
            hits(b"\0/usr/lib\0PATH=/opt/bin:/usr/bin"),
            ["1 /usr/lib", "15 /opt/bin", "24 /usr/bin"]
        );
    }

    #[test]
    fn names_are_whole_words() {
        assert_eq!(
            hits(b"x86_64-gcc -c; x86_64-gcc-13; my-x86_64-gcc; my-x86_64-gcc\0"),
            ["0 name 0", "48 end 0"]
        );
    }

    #[test]
    fn texts_may_be_in_utf_16() {
        let text = [b"x".as_slice(), &widened(b"/usr/share/x y")].concat();
        assert_eq!(hits(&text), ["1 /usr/share/x"]);
    }

    #[test]
    fn relative_paths_are_found_anywhere() {
        assert_eq!(
            hits(b"$PREFIX/share/doc/tool/a.txt"),
            ["8 ./share/doc/tool/a.txt"]
        );
    }

    #[test]
    fn hits_across_windows_are_found_once() {
        let mut content = vec![b' '; WINDOW - 3];
        content.extend_from_slice(b"/usr/share/long/path and more");
        assert_eq!(
            hits(&content),
            [format!("{} /usr/share/long/path", WINDOW - 3)]
        );
    }
}
