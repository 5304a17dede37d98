//! What the entries of one name say differently.

use std::fmt;

use crate::path::display;
use crate::tar::{Entry, EntryKind, Xattr};
use crate::tree::{NodeId, Tree};

/// Bytes of an extended attribute's value that are shown.
const SHOWN_VALUE: usize = 64;

/// What can differ about a name that two trees have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Whether it is a file, folder, link, pipe or which device.
    Kind,
    /// Where a symbolic link leads.
    Target,
    /// Permissions with set-uid, set-gid and sticky; those of a symbolic link are never asked for.
    Mode,
    /// User and group.
    Owner,
    /// Extended attributes, capabilities among them.
    Xattrs,
    /// A file's bytes.
    Content,
    /// Which other names the file has: it was parted from them or joined with them.
    Names,
}

impl Aspect {
    /// The words for people and for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kind => "type",
            Self::Target => "link target",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Xattrs => "extended attributes",
            Self::Content => "content",
            Self::Names => "shared names",
        }
    }
}

/// One difference of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What differs.
    pub aspect: Aspect,
    /// What it was and what it is, as text for people; nothing for content and names.
    pub values: Option<(String, String)>,
}

impl Change {
    pub(super) fn of(aspect: Aspect) -> Self {
        Self {
            aspect,
            values: None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.aspect.name())?;
        match &self.values {
            Some((before, after)) => write!(f, " {before} -> {after}"),
            None => Ok(()),
        }
    }
}

/// How attributes differ; content is not looked at.
pub(super) fn changes(old: (&Tree<'_>, NodeId), new: (&Tree<'_>, NodeId)) -> Vec<Change> {
    let (a, b) = (Attributes::of(old), Attributes::of(new));
    let (kind_a, kind_b) = (kind(a.kind), kind(b.kind));
    let mut out = Vec::new();
    let mut differ = |aspect, before: String, after: String| {
        out.push(Change {
            aspect,
            values: Some((before, after)),
        });
    };
    if let (EntryKind::Symlink(x), EntryKind::Symlink(y)) = (a.kind, b.kind) {
        if x != y {
            differ(Aspect::Target, display(x), display(y));
        }
    } else if kind_a != kind_b {
        differ(Aspect::Kind, kind_a, kind_b);
    } else if a.mode != b.mode {
        let octal = |mode| format!("{mode:04o}");
        differ(Aspect::Mode, octal(a.mode), octal(b.mode));
    }
    if a.owner != b.owner {
        let pair = |(uid, gid)| format!("{uid}:{gid}");
        differ(Aspect::Owner, pair(a.owner), pair(b.owner));
    }
    if a.xattrs != b.xattrs {
        differ(
            Aspect::Xattrs,
            only(a.xattrs, b.xattrs),
            only(b.xattrs, a.xattrs),
        );
    }
    out
}

/// What a name's entry says.
struct Attributes<'a> {
    kind: &'a EntryKind,
    mode: u32,
    owner: (u64, u64),
    xattrs: &'a [Xattr],
}

impl<'a> Attributes<'a> {
    /// Engines make a folder that no layer lists as root's, 0755.
    fn of((tree, node): (&Tree<'a>, NodeId)) -> Self {
        match tree.attributes(node) {
            Some(Entry {
                kind,
                mode,
                uid,
                gid,
                xattrs,
                ..
            }) => Self {
                kind,
                mode: *mode,
                owner: (*uid, *gid),
                xattrs,
            },
            None => Self {
                kind: &EntryKind::Directory,
                mode: 0o755,
                owner: (0, 0),
                xattrs: &[],
            },
        }
    }
}

fn kind(kind: &EntryKind) -> String {
    match kind {
        EntryKind::File => "file".into(),
        EntryKind::Directory => "folder".into(),
        EntryKind::Symlink(_) => "link".into(),
        EntryKind::CharDevice(major, minor) => format!("character device {major}:{minor}"),
        EntryKind::BlockDevice(major, minor) => format!("block device {major}:{minor}"),
        EntryKind::Fifo => "pipe".into(),
        // Not what the entry behind a name of the merged view can be.
        EntryKind::Hardlink(_) | EntryKind::Whiteout | EntryKind::Opaque | EntryKind::Meta => {
            "other".into()
        }
    }
}

/// The attributes that the other side lacks or has with another value.
fn only(attributes: &[Xattr], other: &[Xattr]) -> String {
    let own = attributes.iter().filter(|xattr| !other.contains(xattr));
    let shown: Vec<_> = own
        .map(|(name, value)| {
            let cut = &value[..value.len().min(SHOWN_VALUE)];
            format!("{}={}", display(name), display(cut))
        })
        .collect();
    match shown.as_slice() {
        [] => "none".to_owned(),
        list => list.join(", "),
    }
}
