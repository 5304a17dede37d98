//! The entries of an archive, and of archives in it, that are looked at. Their sizes are added up before any is
//! read, so that a small archive cannot take long (Spring Boot, "The Executable Jar Format": archives in archives).

use std::io;

use ounce_image::{Blob, ImagePath, display};

use crate::inspect::code::Form;
use crate::inspect::zip::{self, Entry};
use crate::inspect::{bundle, pyinstaller};

/// What is read of all entries together, in bytes: the largest archives have some 200 MB of classes.
const MAX_TOTAL: u64 = 512 << 20;
/// Archives in archives; an application has three.
const MAX_DEPTH: usize = 4;
/// Names of archives of programs: for Java (Jakarta EE Platform, "Application Assembly and Deployment"; Jenkins, "Plugin
/// structure"; JBoss service archives), Erlang (code(3), "Loading of Code From Archive Files") and Python (zipapp; setuptools,
/// "The Internal Structure of Python Eggs").
const ARCHIVES: [&[u8]; 11] = [
    b".jar", b".war", b".ear", b".rar", b".hpi", b".jpi", b".sar", b".ez", b".pyz", b".pex",
    b".egg",
];
/// What code of programs is called, by which other archives are known.
const CODE: [&[u8]; 4] = [b".class", b".beam", b".py", b".pyc"];
/// An entry of a zip archive (APPNOTE 4.3.7).
const ENTRY: [u8; 4] = *b"PK\x03\x04";

/// Compiled code, or something that lies with it.
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
    Packed(Blob, pyinstaller::Entry),
    Bundled(Blob, bundle::Entry),
}

impl Part {
    pub(super) fn read(&self) -> io::Result<Blob> {
        match &self.place {
            Place::Itself(content) => Ok(content.clone()),
            Place::In(archive, entry) => zip::whole(archive, entry),
            Place::Packed(program, entry) => pyinstaller::read(program, entry),
            Place::Bundled(program, entry) => bundle::read(program, entry),
        }
    }

    /// What code it is, if it is any; `path` is that of the file.
    pub(super) fn form(&self, path: &ImagePath, content: &Blob) -> Option<Form> {
        match &self.place {
            Place::Itself(_) => Form::of(path.as_bytes(), content),
            Place::In(..) | Place::Bundled(..) => Form::of(&self.name, content),
            // It does not say so itself.
            Place::Packed(_, entry) => entry.is_code.then_some(Form::Python),
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

    /// Those of a program that PyInstaller made.
    pub(super) fn packed(
        program: &Blob,
        entries: Vec<pyinstaller::Entry>,
        is_wanted: impl Fn(&[u8]) -> bool,
    ) -> Self {
        let mut parts = Self {
            archives: 1,
            ..Self::default()
        };
        for entry in entries {
            let is_archive = entry.name.ends_with(b".zip");
            if !is_archive && !entry.is_code && !entry.is_library && !is_wanted(&entry.name) {
                continue;
            }
            if !parts.fits(entry.size) {
                parts.problems.push(too_large().to_string());
                break;
            }
            let name = entry.name.clone();
            let place = Place::Packed(program.clone(), entry);
            let part = Part {
                name,
                archive: 0,
                place,
            };
            match is_archive {
                false => parts.all.push(part),
                true => parts.inner(&part, MAX_DEPTH, &is_wanted),
            }
        }
        parts
    }

    /// Those of a program of .NET in one file.
    pub(super) fn bundled(
        program: &Blob,
        entries: Vec<bundle::Entry>,
        is_wanted: impl Fn(&[u8]) -> bool,
    ) -> Self {
        let mut parts = Self::default();
        for entry in entries.into_iter().filter(|entry| is_wanted(&entry.name)) {
            if !parts.fits(entry.size) {
                parts.problems.push(too_large().to_string());
                break;
            }
            parts.all.push(Part {
                name: entry.name.clone(),
                archive: 0,
                place: Place::Bundled(program.clone(), entry),
            });
        }
        parts
    }

    /// Those of an archive, by the names of its entries; none if it is no archive of a program.
    pub(super) fn of(content: &Blob, path: &ImagePath, is_wanted: impl Fn(&[u8]) -> bool) -> Self {
        let mut parts = Self::default();
        let is_named = is_archive(path.file_name());
        if is_named || content.begins_with(&ENTRY) || is_script_before(content) {
            parts.open(content, b"", MAX_DEPTH, &|name| {
                is_archive(name) || is_wanted(name)
            });
        }
        let is_code = |part: &Part| CODE.iter().any(|ending| part.name.ends_with(ending));
        match is_named || parts.all.iter().any(is_code) {
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
                if !self.fits(entry.size) {
                    return Err(too_large());
                }
                let name = [within, &entry.name].concat();
                let part = Part {
                    name,
                    archive: number,
                    place: Place::In(archive.clone(), entry),
                };
                match is_archive(&part.name) {
                    true => self.inner(&part, depth, is_wanted),
                    false => self.all.push(part),
                }
                Ok(())
            })
        });
        if let Err(reason) = result {
            self.problem(within, &reason);
        }
    }

    /// Opens an archive in an archive.
    fn inner(&mut self, part: &Part, depth: usize, is_wanted: &dyn Fn(&[u8]) -> bool) {
        let within = [&part.name, b"!/".as_slice()].concat();
        let Some(depth) = depth.checked_sub(1) else {
            let reason = io::Error::other("archives are nested too deep");
            return self.problem(&within, &reason);
        };
        match part.read() {
            Ok(inner) => self.open(&inner, &within, depth, is_wanted),
            Err(reason) => self.problem(&within, &reason),
        }
    }

    /// Whether so many bytes more may be read.
    fn fits(&mut self, size: u64) -> bool {
        self.size = self.size.saturating_add(size);
        self.size <= MAX_TOTAL
    }

    fn problem(&mut self, within: &[u8], reason: &io::Error) {
        let within = match within {
            b"" => String::new(),
            within => format!(" of {}", display(within)),
        };
        self.problems
            .push(format!("parts{within} are not read: {reason}"));
    }
}

/// Whether a script has an archive behind it (escript(1), zipapp), which has no comment then.
fn is_script_before(content: &Blob) -> bool {
    let mut end = [0; 22];
    let at = content.len().saturating_sub(end.len() as u64);
    content.begins_with(b"#!")
        && content.read_exact_at(at, &mut end).is_ok()
        && end.starts_with(b"PK\x05\x06")
}

fn too_large() -> io::Error {
    io::Error::other("it is too large to be read as a whole")
}

fn is_archive(name: &[u8]) -> bool {
    ARCHIVES.iter().any(|ending| name.ends_with(ending))
}
