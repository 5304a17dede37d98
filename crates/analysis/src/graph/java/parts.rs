//! The entries of an archive, and of archives in it, that are looked at. Their sizes are added up before any is
//! read, so that a small archive cannot take long (Spring Boot, "The Executable Jar Format": archives in archives).

use std::io;

use ounce_image::{Blob, ImagePath};

use crate::inspect::zip::{self, Entry};

/// What is read of all entries together, in bytes: the largest archives have some 200 MB of classes.
const MAX_TOTAL: u64 = 512 << 20;
/// Archives in archives; an application has three.
const MAX_DEPTH: usize = 4;
/// Names of archives for programs of Java (Jakarta EE Platform, "Application Assembly and Deployment"; Jenkins, "Plugin
/// structure"; JBoss service archives).
const ARCHIVES: [&[u8]; 7] = [
    b".jar", b".war", b".ear", b".rar", b".hpi", b".jpi", b".sar",
];
/// An entry of a zip archive (APPNOTE 4.3.7).
const ENTRY: [u8; 4] = *b"PK\x03\x04";

/// A class, or something that lies with classes.
#[derive(Debug)]
pub(super) struct Part {
    /// Where it is, through archives; empty for the file itself.
    pub(super) name: Vec<u8>,
    /// The number of the archive that it lies in.
    pub(super) archive: usize,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Itself(Blob),
    In(Blob, Entry),
}

impl Part {
    pub(super) fn read(&self) -> io::Result<Blob> {
        match &self.place {
            Place::Itself(content) => Ok(content.clone()),
            Place::In(archive, entry) => zip::whole(archive, entry),
        }
    }
}

/// Those of a file, in the order of its lists.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) all: Vec<Part>,
    /// What was not read, and why, one for each archive.
    pub(super) problems: Vec<String>,
    archives: usize,
    size: u64,
}

impl Parts {
    /// A file that is read as it is.
    pub(super) fn single(content: &Blob) -> Self {
        let part = Part {
            name: Vec::new(),
            archive: 0,
            place: Place::Itself(content.clone()),
        };
        Self {
            all: vec![part],
            ..Self::default()
        }
    }

    /// Those of an archive, by the names of its entries; none if it is no archive for Java.
    pub(super) fn of(content: &Blob, path: &ImagePath, is_wanted: impl Fn(&[u8]) -> bool) -> Self {
        let mut parts = Self::default();
        let is_named = is_archive(path.file_name());
        if is_named || content.begins_with(&ENTRY) {
            parts.open(content, b"", MAX_DEPTH, &|name| {
                is_archive(name) || is_wanted(name)
            });
        }
        let has_class = || parts.all.iter().any(|part| part.name.ends_with(b".class"));
        match is_named || has_class() {
            true => parts,
            false => Self::default(),
        }
    }

    fn open(
        &mut self,
        archive: &Blob,
        within: &[u8],
        depth: usize,
        is_wanted: &dyn Fn(&[u8]) -> bool,
    ) {
        let number = self.archives;
        self.archives += 1;
        let result = zip::entries(archive, is_wanted).and_then(|entries| {
            entries.into_iter().try_for_each(|entry| {
                self.size = self.size.saturating_add(entry.size);
                if self.size > MAX_TOTAL {
                    return Err(io::Error::other("it is too large to be read as a whole"));
                }
                let name = [within, &entry.name].concat();
                if !is_archive(&name) {
                    self.all.push(Part {
                        name,
                        archive: number,
                        place: Place::In(archive.clone(), entry),
                    });
                    return Ok(());
                }
                let depth = depth.checked_sub(1);
                let depth =
                    depth.ok_or_else(|| io::Error::other("archives are nested too deep"))?;
                let inner = zip::whole(archive, &entry)?;
                let within = [&name, b"!/".as_slice()].concat();
                self.open(&inner, &within, depth, is_wanted);
                Ok(())
            })
        });
        if let Err(reason) = result {
            self.problems.push(format!("parts are not read: {reason}"));
        }
    }
}

fn is_archive(name: &[u8]) -> bool {
    ARCHIVES.iter().any(|ending| name.ends_with(ending))
}
