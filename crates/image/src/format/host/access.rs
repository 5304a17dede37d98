//! What of a machine may be read.
//!
//! The rule is the same for whoever runs this, so root makes the image that anybody else would make: what not
//! everybody may read is a secret of the machine. What a user names is for the user to read.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access as Permission, access};

use crate::path::ImagePath;

/// What the kernel makes up (Filesystem Hierarchy Standard 3.0, 3.5 and 6.1), also where nothing is mounted there.
const KERNEL: [&[u8]; 3] = [b"dev", b"proc", b"sys"];
const EVERYBODY_READS: u32 = 0o004;
const EVERYBODY_EXECUTES: u32 = 0o001;
const EVERYBODY_WRITES: u32 = 0o002;
const STICKY: u32 = 0o1000;
/// What happened on the machine, and what runs on it (FHS 3.0, 3.15 and 5.10): files that a program makes itself.
const RECORDS: [&str; 2] = ["run", "var/log"];

/// Why something of a machine is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// It is the kernel's: processes and devices.
    Kernel,
    /// Another file system is mounted there.
    FileSystem,
    /// It is somebody's home.
    Home,
    /// Not everybody may read it.
    Private,
    /// Everybody may write there.
    Shared,
    /// It is a record of what the machine did.
    Record,
    /// Whoever runs this may not read it.
    Unreadable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "it is the kernel's",
            Self::FileSystem => "another file system is mounted there",
            Self::Home => "it is somebody's home",
            Self::Private => "not everybody may read it",
            Self::Shared => "it lies where everybody may write",
            Self::Record => "it tells what the machine did",
            Self::Unreadable => "you may not read it",
        })
    }
}

/// What is known of who may read what.
#[derive(Debug, Clone)]
pub(super) struct Access {
    /// File systems that hold the system and the programs that were named.
    pub(super) devices: BTreeSet<u64>,
    /// Homes of users.
    pub(super) homes: BTreeSet<ImagePath>,
    records: Vec<ImagePath>,
    /// What may be read although not everybody may.
    granted: Vec<ImagePath>,
}

impl Access {
    pub(super) fn new(root: &Metadata) -> Self {
        Self {
            devices: BTreeSet::from([root.dev()]),
            homes: BTreeSet::new(),
            records: RECORDS
                .iter()
                .filter_map(|folder| ImagePath::parse(folder.as_bytes()).ok())
                .collect(),
            granted: Vec::new(),
        }
    }

    /// Lets a folder be read that a user named, unless much else lies in it too.
    pub(super) fn grant(&mut self, folder: ImagePath, metadata: &Metadata) {
        let holds_homes = self.homes.iter().any(|home| home.is_within(&folder));
        if !folder.is_root() && !holds_homes && !is_shared(metadata) {
            self.granted.push(folder);
        }
    }

    /// Why a name in a folder may not be looked for.
    pub(super) fn to_enter(&self, folder: &ImagePath, metadata: &Metadata) -> Option<Refusal> {
        self.common(folder, metadata, EVERYBODY_EXECUTES)
    }

    /// Why the names in a folder may not be listed.
    pub(super) fn to_list(&self, folder: &ImagePath, metadata: &Metadata) -> Option<Refusal> {
        let is_home = self.homes.iter().any(|home| folder.is_within(home));
        if is_home && !self.is_granted(folder) {
            return Some(Refusal::Home);
        }
        self.common(folder, metadata, EVERYBODY_READS | EVERYBODY_EXECUTES)
    }

    fn common(&self, folder: &ImagePath, metadata: &Metadata, mode: u32) -> Option<Refusal> {
        let top = folder.components().next().unwrap_or_default();
        if KERNEL.contains(&top) {
            Some(Refusal::Kernel)
        } else if self.is_granted(folder) {
            None
        } else if !self.devices.contains(&metadata.dev()) {
            Some(Refusal::FileSystem)
        } else if is_shared(metadata) {
            Some(Refusal::Shared)
        } else {
            (metadata.mode() & mode != mode).then_some(Refusal::Private)
        }
    }

    /// Why a file's content may not be read. A program that everybody may execute is no secret.
    pub(super) fn to_read(
        &self,
        path: &ImagePath,
        metadata: &Metadata,
        on_disk: &Path,
    ) -> Option<Refusal> {
        let mode = metadata.mode();
        let is_record = self.records.iter().any(|folder| path.is_within(folder));
        if is_record && !self.is_granted(path) {
            return Some(Refusal::Record);
        }
        if mode & EVERYBODY_READS != 0 {
            return None;
        }
        if mode & EVERYBODY_EXECUTES == 0 && !self.is_granted(path) {
            return Some(Refusal::Private);
        }
        access(on_disk, Permission::READ_OK)
            .is_err()
            .then_some(Refusal::Unreadable)
    }

    fn is_granted(&self, path: &ImagePath) -> bool {
        self.granted.iter().any(|folder| path.is_within(folder))
    }
}

/// Whether everybody may put files into a folder, as into `/tmp`.
fn is_shared(folder: &Metadata) -> bool {
    let mode = folder.mode();
    mode & STICKY != 0 && mode & EVERYBODY_WRITES != 0
}
