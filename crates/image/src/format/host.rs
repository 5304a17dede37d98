//! `host:`, the machine that one stands on, or the one whose root is `host:FOLDER`.
//!
//! A machine is no image: it holds other people's files, secrets and terabytes of data. So it is read only as
//! far as somebody asks. From the start [`Machine`] knows what the names of system folders are; elsewhere it
//! learns of exactly those names that a search looked for ([`Tree::asked`](crate::Tree::asked)). Content is
//! never read here. What is not read at all, and why, is said by [`Refusal`].

mod access;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::disk::{Content, Entries, Headers, prepare};
use crate::config::{Config, Platform};
use crate::error::{Error, IoContext as _, Result};
use crate::image::Image;
use crate::path::ImagePath;
use crate::progress::Progress;
use crate::store::Store;
use crate::tree::{Asked, MAX_LINKS};

use access::Access;
pub use access::Refusal;

/// What is known with all that it holds (Filesystem Hierarchy Standard 3.0, 3 and 4): programs, what they share
/// and their settings. Each may be a file system of its own. Links among them lead to others.
const SYSTEM: [&str; 8] = [
    "bin", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr",
];
/// Where package managers say what they installed (dpkg(1), rpm(8), pacman(8); apk's is below `lib`).
const DATABASES: [&str; 3] = ["var/lib/dpkg", "var/lib/rpm", "var/lib/pacman"];
/// Folders of programs, beside which lies what they need (FHS 3.0, 3.13; PEP 405).
const PROGRAMS: [&[u8]; 2] = [b"bin", b"sbin"];
const EXECUTABLE: u32 = 0o111;
/// What says who the machine is, empty in the image: engines mount over the first three (docker run, "Network
/// settings"), and images have no identity (machine-id(5), "Initialization").
const IDENTITY: [&str; 5] = [
    "etc/hosts",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/machine-id",
    "var/lib/dbus/machine-id",
];
/// Where the shell of an image looks for programs (moby, `DefaultPathEnv`).
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is known of a machine so far.
#[derive(Debug)]
pub struct Machine {
    root: PathBuf,
    access: Access,
    /// Every name that is known.
    names: BTreeMap<ImagePath, Metadata>,
    /// Folders of which all names are known.
    complete: BTreeSet<ImagePath>,
    refused: BTreeMap<ImagePath, Refusal>,
    /// Absolute paths.
    programs: Vec<String>,
    /// Of the layer.
    headers: Headers,
}

/// The names in a folder with what is known of them; `None` when there is nothing to learn.
type Listing = Result<Option<Vec<(ImagePath, Metadata, Option<Refusal>)>>, Refusal>;

/// What somebody names, who may look at it.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Programs by name or path.
    pub programs: &'a [String],
    /// Where programs are looked for by name, as in the environment.
    pub path: &'a str,
    /// Where relative paths begin.
    pub base: &'a Path,
    /// Files and folders, by absolute path.
    pub keep: &'a [String],
}

impl Machine {
    /// Looks for what is named, and reads the names of the system's folders.
    ///
    /// # Errors
    /// `root` is no folder, or cannot be read; a program is not there.
    pub fn open(root: &Path, named: &Named<'_>, progress: &Progress) -> Result<Self> {
        let metadata = fs::metadata(root).doing("reading", root)?;
        if !metadata.is_dir() {
            return Err(Error::Unrecognised {
                path: root.to_owned(),
                reason: "the root folder of a machine was expected",
            });
        }
        let mut machine = Self {
            root: root.to_owned(),
            access: Access::new(&metadata),
            names: BTreeMap::from([(ImagePath::default(), metadata)]),
            complete: BTreeSet::new(),
            refused: BTreeMap::new(),
            programs: Vec::new(),
            headers: Headers::default(),
        };
        machine.list(&ImagePath::default());
        machine.find_homes();
        for name in named.programs {
            machine.find_program(name, named)?;
        }
        for path in named.keep {
            machine.keep(path);
        }
        for folder in SYSTEM.iter().chain(&DATABASES) {
            if let Some((folder, metadata)) = machine.follow(folder.as_bytes(), true) {
                machine.access.devices.insert(metadata.dev());
                machine.whole(&folder);
            }
            progress.advance(0).doing("reading", root)?;
        }
        Ok(machine)
    }

    fn find_program(&mut self, name: &str, named: &Named<'_>) -> Result<()> {
        let has_path = name.contains('/');
        let folders = named.path.split(':').filter(|path| path.starts_with('/'));
        let places: Vec<PathBuf> = match has_path {
            true => vec![named.base.join(name)],
            false => folders.map(|folder| Path::new(folder).join(name)).collect(),
        };
        for place in &places {
            let inside = place.strip_prefix(&self.root).unwrap_or(place);
            let before = (self.names.clone(), self.access.clone());
            let found = self.follow(inside.as_os_str().as_bytes(), true);
            let is_program =
                |metadata: &Metadata| metadata.is_file() && metadata.mode() & EXECUTABLE != 0;
            let Some((real, metadata)) = found.filter(|(_, metadata)| is_program(metadata)) else {
                // A folder of PATH without the program is not named by that.
                (self.names, self.access) = before;
                continue;
            };
            self.access.devices.insert(metadata.dev());
            // A path with `..` is not written into the image.
            let called = ImagePath::parse(inside.as_os_str().as_bytes());
            let called = called.unwrap_or_else(|_| real.clone());
            self.grant_around(&called);
            self.grant_around(&real);
            self.add(real, metadata);
            self.programs
                .push(format!("/{}", String::from_utf8_lossy(called.as_bytes())));
            return Ok(());
        }
        Err(Error::NoProgram {
            name: name.to_owned(),
            places: match has_path {
                true => self.root.display().to_string(),
                false => format!("the folders of PATH, {}", named.path),
            },
        })
    }

    /// Lets what lies beside a program be read as the program itself is, and what lies beside its folder of programs. A
    /// program of the system has no need of it.
    fn grant_around(&mut self, program: &ImagePath) {
        let folder = program.parent();
        if is_system(&folder) {
            return;
        }
        let above = PROGRAMS
            .contains(&folder.file_name())
            .then(|| folder.parent());
        for place in above.into_iter().chain([folder]) {
            if let Some(metadata) = self.names.get(&place) {
                self.access.grant(place, metadata);
            }
        }
    }

    /// Learns what somebody wants to be kept, with all that it holds.
    fn keep(&mut self, path: &str) {
        let Some((real, metadata)) = self.follow(path.as_bytes(), true) else {
            return;
        };
        self.access.devices.insert(metadata.dev());
        self.access.grant(real.clone(), &metadata);
        self.add(real.clone(), metadata);
        self.whole(&real);
    }

    /// The absolute paths of the programs that were named.
    pub fn programs(&self) -> &[String] {
        &self.programs
    }

    /// Reads what a search looked for; whether anything came to be known by that.
    ///
    /// # Errors
    /// `progress` asks to stop.
    pub fn read(&mut self, asked: &Asked, progress: &Progress) -> Result<bool> {
        let before = (self.names.len(), self.complete.len());
        for path in &asked.names {
            let _ = self.follow(path, false);
        }
        for folder in &asked.listings {
            self.list(folder);
        }
        for folder in &asked.wholes {
            self.whole(folder);
            progress.advance(0).doing("reading", &self.root)?;
        }
        Ok(before != (self.names.len(), self.complete.len()))
    }

    /// What is known, as an image of one layer that starts the first program.
    ///
    /// # Errors
    /// Attributes cannot be read, or a name is one that no layer can hold.
    pub fn image(&mut self, platform: &Platform, store: &Store) -> Result<Image> {
        let files = self.names.par_iter();
        let files = files.map(|(path, metadata)| (on_disk(&self.root, path), metadata));
        prepare(&self.root, files, &mut self.headers)?;
        let mut entries = Entries::with_headers(&self.root, &self.headers);
        for (path, metadata) in &self.names {
            if IDENTITY
                .iter()
                .any(|name| name.as_bytes() == path.as_bytes())
            {
                entries.push_empty(path);
                continue;
            }
            let content = match self.refused.contains_key(path) {
                true => Content::Hidden,
                false => Content::Own,
            };
            entries.push(&self.on_disk(path), metadata, content)?;
        }
        let mut layer = entries.layer(&self.root.display().to_string())?;
        let config = Config::of_command(platform, self.programs.first(), &self.search_path());
        let folders = self.names.iter().filter(|(_, metadata)| metadata.is_dir());
        layer.partial = folders
            .map(|(path, _)| path.clone())
            .filter(|path| !self.complete.contains(path))
            .collect();
        Ok(Image::of_layer(config, layer, store))
    }

    /// What was asked for and is not read, with the reason.
    pub fn refused(&self) -> &BTreeMap<ImagePath, Refusal> {
        &self.refused
    }

    /// `PATH` of the image: where programs usually are, behind the folders in which the programs were found.
    fn search_path(&self) -> String {
        let mut folders: Vec<String> = Vec::new();
        for program in &self.programs {
            let folder = program.rsplit_once('/').map_or("", |(folder, _)| folder);
            let is_known = PATH.split(':').any(|known| known == folder);
            if !is_known && !folder.is_empty() && !folders.iter().any(|known| known == folder) {
                folders.push(folder.to_owned());
            }
        }
        folders.push(PATH.to_owned());
        folders.join(":")
    }

    fn on_disk(&self, path: &ImagePath) -> PathBuf {
        on_disk(&self.root, path)
    }

    /// Follows a path as the kernel does, inside the root, and learns every name on the way. `is_named`: somebody
    /// who may look at it names it.
    fn follow(&mut self, path: &[u8], is_named: bool) -> Option<(ImagePath, Metadata)> {
        let mut at = ImagePath::default();
        let mut rest: Vec<Vec<u8>> = parts(path);
        let mut links = 0;
        while let Some(part) = rest.pop() {
            match part.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    at = at.parent();
                    continue;
                }
                _ => {}
            }
            let next = at.join(&part);
            if !self.names.contains_key(&next) {
                self.learn(&at, &next, is_named)?;
            }
            let metadata = &self.names[&next];
            if !metadata.is_symlink() {
                at = next;
                continue;
            }
            links += 1;
            let target = fs::read_link(self.on_disk(&next)).ok()?;
            let target = target.as_os_str().as_bytes();
            if links > MAX_LINKS {
                return None;
            }
            if target.starts_with(b"/") {
                at = ImagePath::default();
            }
            rest.extend(parts(target));
        }
        let metadata = self.names.get(&at)?.clone();
        Some((at, metadata))
    }

    /// Learns a name in a folder, if it is there and may be read.
    fn learn(&mut self, folder: &ImagePath, path: &ImagePath, is_named: bool) -> Option<()> {
        if self.complete.contains(folder) {
            return None;
        }
        let above = self.names.get(folder)?;
        if !above.is_dir() {
            return None;
        }
        if !is_named && let Some(refusal) = self.access.to_enter(folder, above) {
            self.refused.insert(path.clone(), refusal);
            return None;
        }
        match fs::symlink_metadata(self.on_disk(path)) {
            Ok(metadata) => {
                if is_named {
                    self.access.devices.insert(metadata.dev());
                }
                self.add(path.clone(), metadata);
                Some(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                self.refused.insert(path.clone(), Refusal::Unreadable);
                None
            }
            Err(_) => None,
        }
    }

    fn add(&mut self, path: ImagePath, metadata: Metadata) {
        let refusal = self.to_read(&path, &metadata);
        self.note(path, metadata, refusal);
    }

    /// Why the content of a name may not be read.
    fn to_read(&self, path: &ImagePath, metadata: &Metadata) -> Option<Refusal> {
        let is_file = metadata.is_file();
        is_file.then(|| self.access.to_read(path, metadata, &self.on_disk(path)))?
    }

    fn note(&mut self, path: ImagePath, metadata: Metadata, refusal: Option<Refusal>) {
        // In a layer it would hide another name.
        if path.file_name().starts_with(b".wh.") {
            return;
        }
        match refusal {
            Some(refusal) => self.refused.insert(path.clone(), refusal),
            // It may have been granted since.
            None => self.refused.remove(&path),
        };
        self.names.insert(path, metadata);
    }

    /// Learns the names in a folder, if it may be listed; the folders among them.
    fn list(&mut self, folder: &ImagePath) -> Vec<ImagePath> {
        let listing = self.listing(folder);
        self.note_listing(folder, listing)
    }

    /// The names in a folder, if they are not known and it may be listed.
    fn listing(&self, folder: &ImagePath) -> Listing {
        let Some(metadata) = self.names.get(folder).filter(|metadata| metadata.is_dir()) else {
            return Ok(None);
        };
        if self.complete.contains(folder) {
            return Ok(None);
        }
        if let Some(refusal) = self.access.to_list(folder, metadata) {
            return Err(refusal);
        }
        let listing = fs::read_dir(self.on_disk(folder)).map_err(|_| Refusal::Unreadable)?;
        let names = listing.flatten().filter_map(|entry| {
            // What is deleted meanwhile is not there.
            let metadata = entry.metadata().ok()?;
            let path = folder.join(entry.file_name().as_bytes());
            let refusal = self.to_read(&path, &metadata);
            Some((path, metadata, refusal))
        });
        Ok(Some(names.collect()))
    }

    fn note_listing(&mut self, folder: &ImagePath, listing: Listing) -> Vec<ImagePath> {
        match listing {
            Ok(Some(names)) => {
                for (path, metadata, refusal) in names {
                    self.note(path, metadata, refusal);
                }
                self.complete.insert(folder.clone());
            }
            Ok(None) => {}
            Err(refusal) => {
                self.refused.insert(folder.clone(), refusal);
            }
        }
        match self.complete.contains(folder) {
            true => self.folders_in(folder),
            false => Vec::new(),
        }
    }

    fn folders_in(&self, folder: &ImagePath) -> Vec<ImagePath> {
        // What lies in a folder stands together behind its name and a slash.
        let below = self.names.range(folder.join(b"")..);
        let below = below.take_while(|(path, _)| path.is_within(folder));
        let own = below.filter(|(path, metadata)| metadata.is_dir() && path.parent() == *folder);
        own.map(|(path, _)| path.clone()).collect()
    }

    /// Learns all names below a folder, but where nobody but the owner may look.
    fn whole(&mut self, folder: &ImagePath) {
        let mut level = vec![folder.clone()];
        while !level.is_empty() {
            let listings: Vec<Listing> = level
                .par_iter()
                .map(|folder| self.listing(folder))
                .collect();
            let known = level.iter().zip(listings);
            level = known
                .flat_map(|(folder, listing)| self.note_listing(folder, listing))
                .collect();
        }
    }

    /// Whose homes are where (passwd(5)): a folder that belongs to the user to whom the file gives it. Users of
    /// the system are given folders of the system.
    fn find_homes(&mut self) {
        let text = fs::read(self.root.join("etc/passwd")).unwrap_or_default();
        for row in text.split(|byte| *byte == b'\n') {
            let fields: Vec<&[u8]> = row.split(|byte| *byte == b':').collect();
            let [_, _, user, _, _, home, ..] = fields[..] else {
                continue;
            };
            let user = std::str::from_utf8(user)
                .ok()
                .and_then(|user| user.parse::<u32>().ok());
            if let Some((home, metadata)) = self.follow(home, true)
                && metadata.is_dir()
                && !home.is_root()
                && user == Some(metadata.uid())
            {
                self.access.homes.insert(home);
            }
        }
    }
}

fn on_disk(root: &Path, path: &ImagePath) -> PathBuf {
    root.join(OsStr::from_bytes(path.as_bytes()))
}

fn is_system(path: &ImagePath) -> bool {
    let top = path.components().next().unwrap_or_default();
    SYSTEM.iter().any(|folder| folder.as_bytes() == top)
}

/// The parts of a path, the first one last.
fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/')
        .rev()
        .map(<[u8]>::to_vec)
        .collect()
}
