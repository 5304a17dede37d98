//! Class files of the JVM: the texts that their code has, and whether they start programs or load libraries (The Java Virtual Machine
//! Specification, SE 21, 4.1 and 4.4).
//!
//! Names of classes, methods and fields are constants too; a text of the code is one that a `CONSTANT_String` refers to. What a `+`
//! puts together is one text with `\x01` for each part that is made when it runs (`StringConcatFactory`). Code is not read.

use std::borrow::Cow;

use super::Code;

/// Tags of constants (JVMS, table 4.4-A).
const UTF8: u8 = 1;
const LONG: u8 = 5;
const DOUBLE: u8 = 6;
const CLASS: u8 = 7;
const STRING: u8 = 8;
const METHOD: u8 = 10;
const NAME_AND_TYPE: u8 = 12;
/// `magic` of the specification.
pub(super) const MAGIC: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];

/// Classes that start programs, and those through which code of the C library is called, which may
/// (java.lang.ProcessBuilder; JNA's `Native`; java.lang.foreign of JEP 454).
const STARTERS: [&[u8]; 3] = [
    b"java/lang/ProcessBuilder",
    b"com/sun/jna/Native",
    b"java/lang/foreign/Linker",
];
/// `Runtime` does other things too.
const RUNTIME: (&[u8], &[u8]) = (b"java/lang/Runtime", b"exec");
/// Classes that load libraries by the middle of their names, as `usb-1.0` (JNA; java.lang.foreign).
const LOADERS: [&[u8]; 3] = [
    b"com/sun/jna/Native",
    b"com/sun/jna/NativeLibrary",
    b"java/lang/foreign/SymbolLookup",
];
/// The method of `System` and `Runtime` that does so.
const LOAD: &[u8] = b"loadLibrary";
/// The same classes for whoever asks for them by name.
const BY_NAME: [&[u8]; 2] = [b"java.lang.ProcessBuilder", b"java.lang.Runtime"];

/// Reads a class; `None` if it is none, or damaged.
pub(super) fn read(bytes: &[u8]) -> Option<Code<'_>> {
    let pool = Pool::read(bytes)?;
    let refers = |tag| pool.0.iter().filter(move |constant| constant.tag == tag);
    let texts: Vec<&[u8]> = refers(STRING)
        .filter_map(|text| pool.text(text.first))
        .collect();
    let classes: Vec<&[u8]> = refers(CLASS)
        .filter_map(|class| pool.text(class.first))
        .collect();
    let refers_to = |names: &[&[u8]]| classes.iter().any(|class| names.contains(class));
    let runs = |method: &Constant<'_>| pool.method(method) == Some(RUNTIME);
    let starts = refers_to(&STARTERS)
        || refers(METHOD).any(runs)
        || texts.iter().any(|text| BY_NAME.contains(text));
    let loads = refers_to(&LOADERS)
        || refers(METHOD)
            .filter_map(|method| pool.method(method))
            .any(|(_, name)| name == LOAD);
    let borrowed = |text| Cow::Borrowed(text);
    let texts: Vec<_> = texts.into_iter().map(borrowed).collect();
    Some(Code {
        libraries: if loads { texts.clone() } else { Vec::new() },
        texts,
        others: refers(UTF8).map(|other| borrowed(other.text)).collect(),
        starts,
    })
}

/// A constant: a text, or up to two numbers of others.
#[derive(Debug, Clone, Copy, Default)]
struct Constant<'a> {
    tag: u8,
    text: &'a [u8],
    first: u16,
    second: u16,
}

/// The constants, of which number 0 is none.
struct Pool<'a>(Vec<Constant<'a>>);

impl<'a> Pool<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        // The version of the format stands between.
        let (count, mut rest) = bytes.strip_prefix(&MAGIC)?.get(4..)?.split_first_chunk()?;
        let count = usize::from(u16::from_be_bytes(*count));
        let mut pool = vec![Constant::default()];
        while pool.len() < count {
            let constant;
            (constant, rest) = Constant::read(rest)?;
            pool.push(constant);
            // These count as two (4.4.5).
            if matches!(constant.tag, LONG | DOUBLE) {
                pool.push(Constant::default());
            }
        }
        Some(Self(pool))
    }

    fn of(&self, number: u16, tag: u8) -> Option<&Constant<'a>> {
        let constant = self.0.get(usize::from(number))?;
        (constant.tag == tag).then_some(constant)
    }

    fn text(&self, number: u16) -> Option<&'a [u8]> {
        Some(self.of(number, UTF8)?.text)
    }

    /// The class and the name of a method.
    fn method(&self, method: &Constant<'_>) -> Option<(&'a [u8], &'a [u8])> {
        let class = self.of(method.first, CLASS)?;
        let name = self.of(method.second, NAME_AND_TYPE)?;
        Some((self.text(class.first)?, self.text(name.first)?))
    }
}

impl<'a> Constant<'a> {
    /// The first constant, and what follows it.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&tag, rest) = bytes.split_first()?;
        let number = |at: usize| Some(u16::from_be_bytes(*rest.get(at..)?.first_chunk()?));
        let mut constant = Self {
            tag,
            ..Self::default()
        };
        let len = match tag {
            UTF8 => {
                let end = 2 + usize::from(number(0)?);
                constant.text = rest.get(2..end)?;
                end
            }
            // Numbers.
            3 | 4 => 4,
            LONG | DOUBLE => 8,
            // Method types, modules and packages.
            CLASS | STRING | 16 | 19 | 20 => {
                constant.first = number(0)?;
                2
            }
            // Fields, methods of interfaces, and what is made when it runs.
            METHOD | NAME_AND_TYPE | 9 | 11 | 17 | 18 => {
                (constant.first, constant.second) = (number(0)?, number(2)?);
                4
            }
            // Method handles.
            15 => 3,
            _ => return None,
        };
        Some((constant, rest.get(len..)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::java::{class, constant};

    #[test]
    fn texts_are_those_of_the_code() {
        let bytes = class(&["dot", "git \u{1}"], &["find", "java/lang/Thread"]);
        let class = read(&bytes).unwrap();
        assert_eq!(class.texts, [b"dot".as_slice(), b"git \x01"]);
        assert!(class.others.contains(&Cow::Borrowed(b"find".as_slice())));
        assert!(!class.starts);
    }

    #[test]
    fn what_starts_programs_is_known_by_what_it_refers_to() {
        for (texts, classes, starts) in [
            (&[][..], &["java/lang/ProcessBuilder"][..], true),
            (&["java.lang.ProcessBuilder"], &[], true),
            (&["java/lang/ProcessBuilder"], &[], false),
            (&[], &["java/lang/Runtime"], false),
        ] {
            let bytes = class(texts, classes);
            assert_eq!(
                read(&bytes).unwrap().starts,
                starts,
                "{texts:?} {classes:?}"
            );
        }
    }

    /// A class with these constants, of which there are so many.
    fn pool(constants: &[Vec<u8>], count: u16) -> Vec<u8> {
        let count = count.to_be_bytes();
        [
            &MAGIC,
            &[0, 0, 0, 61],
            count.as_slice(),
            &constants.concat(),
        ]
        .concat()
    }

    #[test]
    fn methods_of_the_runtime_are_told_apart() {
        for (name, starts, loads) in [
            ("exec", true, false),
            ("loadLibrary", false, true),
            ("availableProcessors", false, false),
        ] {
            let constants = [
                vec![LONG, 0, 0, 0, 0, 0, 0, 0, 1],
                constant("java/lang/Runtime"),
                vec![CLASS, 0, 3],
                constant(name),
                vec![NAME_AND_TYPE, 0, 5, 0, 5],
                vec![METHOD, 0, 4, 0, 6],
                vec![STRING, 0, 5],
            ];
            let bytes = pool(&constants, 9);
            let class = read(&bytes).unwrap();
            let found = (
                class.starts,
                class.libraries.contains(&name.as_bytes().into()),
            );
            assert_eq!(found, (starts, loads), "{name}");
        }
    }

    #[test]
    fn damage_says_nothing() {
        let good = class(&["dot"], &["java/lang/ProcessBuilder"]);
        for len in 0..good.len() {
            assert_eq!(read(&good[..len]), None, "{len}");
        }
        assert_eq!(read(&pool(&[vec![2, 0, 0]], 2)), None);
        // Numbers of constants that are others, or none.
        let odd = [
            vec![STRING, 0, 2],
            vec![METHOD, 0, 1, 0xff, 0xff],
            vec![STRING, 0, 0],
        ];
        assert_eq!(read(&pool(&odd, 4)), Some(Code::default()));
    }
}
