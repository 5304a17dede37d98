//! Which user and group ids of this machine a sandbox has, and how they are called inside.
//!
//! Root gives all it has, one to one. An ordinary user is root inside and has further ids where
//! `/etc/subuid` and `/etc/subgid` grant some (newuidmap(1)); without them there is one id alone.

use std::io;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, getegid, geteuid};

use crate::error::{Doing as _, Error};

/// How ids are mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ids {
    /// All ids of this process, one to one: lines of `uid_map` and `gid_map`.
    Same { uids: String, gids: String },
    /// This user as root, and ranges from `/etc/subuid` and `/etc/subgid` above it.
    Granted { uids: Range, gids: Range },
    /// This user alone, as root.
    One,
}

/// Ids that a user was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    start: u32,
    count: u32,
}

impl Ids {
    /// What this process can give.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        if geteuid().is_root() {
            return Ok(Self::Same {
                uids: one_to_one(&std::fs::read_to_string("/proc/self/uid_map")?),
                gids: one_to_one(&std::fs::read_to_string("/proc/self/gid_map")?),
            });
        }
        let range = |file| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            granted(&text, geteuid().as_raw(), &own_name().unwrap_or_default())
        };
        let ranges = range("/etc/subuid").zip(range("/etc/subgid"));
        Ok(match ranges {
            Some((uids, gids)) if has_helpers() => Self::Granted { uids, gids },
            _ => Self::One,
        })
    }

    /// Tells mappings apart.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Same { .. } => "all".to_owned(),
            Self::Granted { uids, gids } => format!(
                "{}-{}-{}-{}",
                uids.start, uids.count, gids.start, gids.count
            ),
            Self::One => "one".to_owned(),
        }
    }

    /// Gives a process in a new user namespace its ids.
    pub(crate) fn write(&self, pid: Pid) -> Result<(), Error> {
        let file = |name: &str| format!("/proc/{}/{name}", pid.as_raw_nonzero());
        let write =
            |name: &str, text: &str| std::fs::write(file(name), text).map_err(Error::Namespaces);
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        match self {
            Self::Same { uids, gids } => {
                write("uid_map", uids)?;
                write("gid_map", gids)
            }
            Self::Granted { uids, gids } => {
                helper("newuidmap", pid, uid, *uids)?;
                helper("newgidmap", pid, gid, *gids)
            }
            Self::One => {
                write("setgroups", "deny")?;
                write("uid_map", &format!("0 {uid} 1"))?;
                write("gid_map", &format!("0 {gid} 1"))
            }
        }
    }

    /// What a user should know about a run with these ids.
    pub(crate) fn note(&self) -> Option<String> {
        let note = "only one user id can be used: every file seems to belong to the user that the command runs as, \
                    and changing owners or users fails; install uidmap and grant ids in /etc/subuid and /etc/subgid";
        (*self == Self::One).then(|| note.to_owned())
    }
}

/// Maps all that a namespace has (user_namespaces(7)) to itself.
fn one_to_one(map: &str) -> String {
    let mut lines = String::new();
    for line in map.lines() {
        if let [inside, _, count] = line.split_whitespace().collect::<Vec<_>>()[..] {
            lines += &format!("{inside} {inside} {count}\n");
        }
    }
    lines
}

/// The first range of a user in subuid(5), by name or number.
fn granted(text: &str, uid: u32, name: &str) -> Option<Range> {
    let uid = uid.to_string();
    text.lines().find_map(|line| {
        let (who, range) = line.split_once(':')?;
        let (start, count) = range.split_once(':')?;
        let is_mine = who == uid || (who == name && !name.is_empty());
        let (start, count) = (start.parse().ok()?, count.trim().parse().ok()?);
        (is_mine && count > 0).then_some(Range { start, count })
    })
}

/// This user's name in `/etc/passwd`; a name that only a directory service knows needs a line by number.
fn own_name() -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let uid = geteuid().as_raw().to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

fn has_helpers() -> bool {
    let is_there = |name| Path::new(HELPERS).join(name).exists();
    is_there("newuidmap") && is_there("newgidmap")
}

/// Where every distribution puts them; `PATH` is not asked.
const HELPERS: &str = "/usr/bin";

fn helper(name: &str, pid: Pid, own: u32, range: Range) -> Result<(), Error> {
    let numbers = [0, own, 1, 1, range.start, range.count].map(|n| n.to_string());
    let output = Command::new(Path::new(HELPERS).join(name))
        .arg(pid.as_raw_nonzero().to_string())
        .args(numbers)
        .output()
        .doing(|| format!("starting {name}"))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Error::setup(
                format!("mapping ids with {name}"),
                io::Error::other(said),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_or_number() {
        let text = "# ids\nbob:1:x\nbob:100000:65536\n1001:300000:10\n:5:5\n";
        let range = |start, count| Some(Range { start, count });
        assert_eq!(granted(text, 1000, "bob"), range(100_000, 65536));
        assert_eq!(granted(text, 1001, "eve"), range(300_000, 10));
        assert_eq!(granted(text, 1002, "eve"), None);
        assert_eq!(granted(text, 1002, ""), None);
    }

    #[test]
    fn what_a_namespace_has_is_mapped_to_itself() {
        let map = "         0       1000          1\n         1     100000      65536\n";
        assert_eq!(one_to_one(map), "0 0 1\n1 1 65536\n");
    }
}
