//! The form in which CPython stores code (Python/marshal.c of the versions 3.7 to 3.14).

use std::ops::Range;

/// An object that others refer to.
const FLAG_REF: u8 = 0x80;
/// How deep objects may lie in each other (`MAX_MARSHAL_STACK_DEPTH`, less what the reader's own stack takes).
const MAX_DEPTH: usize = 500;

/// What a code object has, in order.
#[derive(Debug, Clone, Copy)]
struct Layout {
    /// Numbers before the code.
    numbers: usize,
    /// Objects behind the number of the first line.
    tables: usize,
}

/// Objects between the constants and that number.
const NAMES: usize = 6;

/// From 3.11 on; 3.8 to 3.10; 3.7.
const LAYOUTS: [Layout; 3] = [
    Layout {
        numbers: 5,
        tables: 2,
    },
    Layout {
        numbers: 6,
        tables: 1,
    },
    Layout {
        numbers: 5,
        tables: 1,
    },
];

/// Whether a mark stands before a text whose length is one byte (`TYPE_SHORT_ASCII`, `TYPE_SHORT_ASCII_INTERNED`).
pub(super) fn is_short(mark: u8) -> bool {
    matches!(mark & !FLAG_REF, b'z' | b'Z')
}

/// The same for four bytes (`TYPE_STRING`, `TYPE_INTERNED`, `TYPE_UNICODE`, `TYPE_ASCII`, `TYPE_ASCII_INTERNED`).
pub(super) fn is_long(mark: u8) -> bool {
    matches!(mark & !FLAG_REF, b's' | b't' | b'u' | b'a' | b'A')
}

/// The texts among the constants of code, of which there may be several one after another; `None` if it is of no version
/// that is known.
pub(super) fn constants(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    LAYOUTS.into_iter().find_map(|layout| {
        let mut reader = Reader {
            layout,
            rest: bytes,
            known: Vec::new(),
            texts: Vec::new(),
        };
        while !reader.rest.is_empty() {
            reader.object(true, MAX_DEPTH)?;
            reader.known.clear();
        }
        let constants = reader.texts.into_iter().filter(|text| text.is_constant);
        Some(constants.map(|text| text.text).collect())
    })
}

struct Text<'a> {
    text: &'a [u8],
    is_constant: bool,
}

struct Reader<'a> {
    layout: Layout,
    rest: &'a [u8],
    /// Which texts the objects have that others refer to, by number.
    known: Vec<Range<usize>>,
    texts: Vec<Text<'a>>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let taken;
        (taken, self.rest) = self.rest.split_at_checked(len)?;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    fn number(&mut self) -> Option<usize> {
        let number = self.take(4)?.first_chunk()?;
        Some(u32::from_le_bytes(*number) as usize)
    }

    /// Reads an object; its texts count if it is a constant.
    fn object(&mut self, is_constant: bool, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let mark = self.byte()?;
        let start = self.texts.len();
        let slot = (mark & FLAG_REF != 0).then(|| {
            self.known.push(0..0);
            self.known.len() - 1
        });
        let objects = |reader: &mut Self, count| -> Option<()> {
            (0..count).try_for_each(|_| reader.object(is_constant, depth))
        };
        match mark & !FLAG_REF {
            _ if is_short(mark) || is_long(mark) => {
                let len = match is_short(mark) {
                    true => usize::from(self.byte()?),
                    false => self.number()?,
                };
                let text = self.take(len)?;
                self.texts.push(Text { text, is_constant });
            }
            b'r' => {
                let number = self.number()?;
                let known = self.known.get_mut(number)?;
                match known.len() {
                    1 => {
                        let text = self.texts[known.start].text;
                        self.texts.push(Text { text, is_constant });
                    }
                    // Names that are constants as well, once.
                    _ if is_constant => {
                        let texts = &mut self.texts[std::mem::take(known)];
                        texts.iter_mut().for_each(|text| text.is_constant = true);
                    }
                    _ => {}
                }
            }
            // NULL, None, StopIteration, Ellipsis, False, True.
            b'0' | b'N' | b'S' | b'.' | b'F' | b'T' => {}
            // Numbers.
            b'i' => drop(self.take(4)?),
            b'I' | b'g' => drop(self.take(8)?),
            b'y' => drop(self.take(16)?),
            b'l' => {
                let digits = self.number()? as i32;
                self.take(
                    usize::try_from(digits.unsigned_abs())
                        .ok()?
                        .checked_mul(2)?,
                )?;
            }
            // What holds others; a slice has three.
            b')' => {
                let count = self.byte()?;
                objects(self, usize::from(count))?;
            }
            b'(' | b'[' | b'<' | b'>' => {
                let count = self.number()?;
                objects(self, count)?;
            }
            b':' => objects(self, 3)?,
            b'c' => self.code(depth)?,
            _ => return None,
        }
        if let Some(slot) = slot {
            self.known[slot] = start..self.texts.len();
        }
        Some(())
    }

    fn code(&mut self, depth: usize) -> Option<()> {
        let layout = self.layout;
        self.take(4 * layout.numbers)?;
        // The code itself, and its constants.
        self.object(false, depth)?;
        self.object(true, depth)?;
        (0..NAMES).try_for_each(|_| self.object(false, depth))?;
        self.take(4)?;
        (0..layout.tables).try_for_each(|_| self.object(false, depth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code with constants and names, as a version stores it.
    fn code(layout: Layout, constants: &[&[u8]], names: &[&[u8]]) -> Vec<u8> {
        let tuple =
            |items: &[&[u8]]| [&[b')', items.len() as u8], items.concat().as_slice()].concat();
        let bytes = b"s\x02\0\0\0\x97\0";
        let mut out = [b"\xe3".as_slice(), &vec![0; 4 * layout.numbers], bytes].concat();
        out.extend(tuple(constants));
        out.extend(tuple(names));
        (1..NAMES).for_each(|_| out.extend(b"z\x01x"));
        out.extend([1, 0, 0, 0]);
        (0..layout.tables).for_each(|_| out.extend(bytes));
        out
    }

    #[test]
    fn texts_are_those_of_the_constants() {
        for layout in LAYOUTS {
            let inner = code(layout, &[b"Z\x03bar"], &[b"\xda\x02od"]);
            let odd: [&[u8]; 10] = [
                b"N",
                b"i\0\0\0\0",
                b"g\0\0\0\0\0\0\0\0",
                b"y\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                b"l\xfe\xff\xff\xff\0\0\0\0",
                b">\x01\0\0\0z\x01a",
                b":NNN",
                b".",
                b"\xf3\0\0\0\0",
                b"T",
            ];
            let constants = [
                &odd[..],
                &[
                    b"\xfa\x03foo",
                    b")\x02z\x02bcZ\x02gs",
                    &inner,
                    b"r\x02\0\0\0",
                ],
            ];
            let bytes = code(layout, &constants.concat(), &[b"z\x03cat", b"r\x02\0\0\0"]);
            let wanted: Vec<&[u8]> = vec![b"a", b"", b"foo", b"bc", b"gs", b"bar", b"foo"];
            assert_eq!(super::constants(&bytes), Some(wanted.clone()), "{layout:?}");
            let twice = [bytes.as_slice(), &bytes].concat();
            assert_eq!(
                super::constants(&twice),
                Some([wanted.clone(), wanted].concat())
            );
        }
    }

    #[test]
    fn names_that_are_constants_too_count() {
        // The outer code is object 0, the first inner one 1; what this names are 2 and on.
        for (name, wanted) in [
            (b"\xda\x02bc".as_slice(), &["bc"][..]),
            (b"\xa9\x02z\x02gsz\x02bc", &["gs", "bc"]),
        ] {
            let first = code(LAYOUTS[0], &[], &[name]);
            let second = code(LAYOUTS[0], &[b"r\x02\0\0\0"], &[]);
            let bytes = code(LAYOUTS[0], &[&first, &second], &[b"r\x02\0\0\0"]);
            let wanted = wanted.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(super::constants(&bytes), Some(wanted));
        }
    }

    #[test]
    fn other_forms_are_not_known() {
        let good = code(LAYOUTS[2], &[b"\xfa\x03foo"], &[]);
        for len in 1..good.len() {
            assert_eq!(super::constants(&good[..len]), None, "{len}");
        }
        for bad in [
            b"?".as_slice(),
            b"r\0\0\0\0",
            b"(\xff\xff\xff\xff",
            b"a\xff\xff\xff\xff",
            &[b'[', 1, 0, 0, 0].repeat(9999),
        ] {
            assert_eq!(super::constants(bad), None, "{bad:?}");
        }
    }
}
