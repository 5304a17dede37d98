//! Texts of several packages, parted by empty lines, as places of bytes: for those who take packages out and leave
//! everything else as it is (deb822(5); wiki.alpinelinux.org, "Apk spec").

use std::ops::Range;

/// Where the paragraphs lie, each with the empty lines behind it.
pub(crate) fn paragraphs(content: &[u8]) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let (mut at, mut is_between) = (0, true);
    for line in content.split_inclusive(|&b| b == b'\n') {
        let is_empty = line.iter().all(u8::is_ascii_whitespace);
        if is_between && !is_empty {
            out.push(at..at);
        }
        is_between = is_empty;
        at += line.len();
        if let Some(last) = out.last_mut() {
            last.end = at;
        }
    }
    out
}

/// The content without these places, which do not overlap.
pub(crate) fn without(content: &[u8], mut cuts: Vec<Range<usize>>) -> Vec<u8> {
    cuts.sort_unstable_by_key(|cut| cut.start);
    let (mut kept, mut at) = (Vec::new(), 0);
    for cut in cuts {
        kept.extend_from_slice(&content[at..cut.start]);
        at = cut.end;
    }
    kept.extend_from_slice(&content[at..]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_follow_each_other_without_a_gap() {
        let content = b"\nA: 1\n x\n\n \nB: 2\n\nC: 3";
        let found = paragraphs(content);
        let texts: Vec<_> = found.iter().cloned().map(|range| &content[range]).collect();
        assert_eq!(texts, [&b"A: 1\n x\n\n \n"[..], b"B: 2\n\n", b"C: 3"]);
        let cuts = vec![found[2].clone(), found[0].clone()];
        assert_eq!(without(content, cuts), b"\nB: 2\n\n");
    }
}
