//! Who a command runs as: the `User` of a config, resolved with the root's own `/etc/passwd` and `/etc/group`.
//!
//! As moby/sys/user's GetExecUser does, which Docker calls: a name is looked up first, then a number is taken
//! as it is; without a group given, the user's own and those that list the user count.

use std::path::PathBuf;

use crate::error::Error;

/// Who a command runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// All groups, the first one included.
    pub(crate) groups: Vec<u32>,
    /// The home folder, `/` where none is known.
    pub(crate) home: PathBuf,
}

/// The largest id that engines take.
const LARGEST: u32 = i32::MAX as u32;

impl User {
    /// Finds out who `user` is; `passwd` and `group` are those files' content.
    pub(crate) fn find(user: &str, passwd: &[u8], group: &[u8]) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::User {
            user: user.to_owned(),
            reason: reason.to_owned(),
        };
        let (name, group_name) = match user.split_once(':') {
            Some((name, group)) => (name, group),
            None => (user, ""),
        };
        let known = accounts(passwd).find(|account| match name {
            "" => account.uid == 0,
            name => account.name == name || account.uid.to_string() == name,
        });
        let mut found = match &known {
            Some(account) => Self {
                uid: account.uid,
                gid: account.gid,
                groups: Vec::new(),
                home: PathBuf::from(account.home),
            },
            None => Self {
                uid: match name {
                    "" => 0,
                    name => id(name).ok_or_else(|| wrong("not in the image's /etc/passwd"))?,
                },
                gid: 0,
                groups: Vec::new(),
                home: PathBuf::from("/"),
            },
        };
        if !group_name.is_empty() {
            let listed = groups(group).find(|g| g.name == group_name);
            found.gid = match (listed, id(group_name)) {
                (Some(group), _) => group.gid,
                (None, Some(number)) => number,
                (None, None) => return Err(wrong("its group is not in the image's /etc/group")),
            };
        }
        found.groups = vec![found.gid];
        if let (Some(account), "") = (known, group_name) {
            let more = groups(group).filter(|g| g.members.split(',').any(|m| m == account.name));
            found.groups.extend(more.map(|g| g.gid));
        }
        if found.uid > LARGEST || found.gid > LARGEST {
            return Err(wrong("the number is too large"));
        }
        Ok(found)
    }
}

fn id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| *id <= LARGEST)
}

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

/// The lines of passwd(5) that are whole.
fn accounts(passwd: &[u8]) -> impl Iterator<Item = Account<'_>> {
    lines(passwd).filter_map(|fields| match fields[..] {
        [name, _, uid, gid, _, home, ..] => Some(Account {
            name,
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home,
        }),
        _ => None,
    })
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// The lines of group(5) that are whole.
fn groups(group: &[u8]) -> impl Iterator<Item = Group<'_>> {
    lines(group).filter_map(|fields| match fields[..] {
        [name, _, gid, members, ..] => Some(Group {
            name,
            gid: gid.parse().ok()?,
            members,
        }),
        _ => None,
    })
}

fn lines(text: &[u8]) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.split(|&b| b == b'\n');
    lines.filter_map(|line| Some(str::from_utf8(line).ok()?.trim_end().split(':').collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n\
        \xff:x:7:7::/:\n\
        short:x:1\n\
        app:x:1000:100:,,,:/home/app:/bin/sh\n\
        twin:x:1000:200::/home/twin:/bin/sh\n";
    const GROUP: &[u8] = b"root:x:0:\nusers:x:100:\nvideo:x:44:root,app\naudio:x:29:apps\nno:x\n";

    fn find(user: &str) -> (u32, u32, Vec<u32>, String) {
        let user = User::find(user, PASSWD, GROUP).unwrap();
        (
            user.uid,
            user.gid,
            user.groups,
            user.home.display().to_string(),
        )
    }

    #[test]
    fn users_are_found_as_engines_find_them() {
        assert_eq!(find(""), (0, 0, vec![0, 44], "/root".into()));
        assert_eq!(find("app"), (1000, 100, vec![100, 44], "/home/app".into()));
        assert_eq!(find("1000"), find("app"));
        assert_eq!(find("app:44"), (1000, 44, vec![44], "/home/app".into()));
        assert_eq!(find("app:video"), find("app:44"));
        assert_eq!(find("4711"), (4711, 0, vec![0], "/".into()));
        assert_eq!(find("4711:9"), (4711, 9, vec![9], "/".into()));
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        for user in ["nobody", "app:nogroup", "4294967295", "-1", "0:2147483648"] {
            let error = User::find(user, PASSWD, GROUP).unwrap_err();
            assert!(matches!(error, Error::User { .. }), "{user}: {error}");
        }
    }
}
