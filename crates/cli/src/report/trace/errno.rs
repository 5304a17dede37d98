//! Names of error numbers (errno(3)), which differ between machines where the names do not.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An error of a system call; in a document by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
pub(crate) struct Errno(#[schemars(with = "String")] pub(crate) i32);

macro_rules! names {
    ($($name:ident)*) => { &[$((libc::$name, stringify!($name))),*] };
}

/// Those that calls with paths give, by their pages of the manual; any other is written as its number.
const NAMES: &[(i32, &str)] = names![
    EPERM ENOENT EINTR EIO ENXIO E2BIG ENOEXEC EBADF EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
    ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE ERANGE
    ENAMETOOLONG ENOSYS ENOTEMPTY ELOOP ENODATA EOVERFLOW EOPNOTSUPP EADDRINUSE ECONNREFUSED ENOTCONN
    EPROTOTYPE EALREADY EINPROGRESS ESTALE EDQUOT ELIBBAD
];

impl Errno {
    /// Its name, or its number.
    pub(crate) fn name(self) -> String {
        let known = NAMES.iter().find(|(number, _)| *number == self.0);
        known.map_or_else(|| self.0.to_string(), |(_, name)| (*name).to_owned())
    }
}

impl Serialize for Errno {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl<'de> Deserialize<'de> for Errno {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = NAMES.iter().find(|(_, name)| *name == text);
        let number = known
            .map(|(number, _)| *number)
            .or_else(|| text.parse().ok());
        let unknown = || serde::de::Error::custom(format_args!("{text}: not an error"));
        number.map(Self).ok_or_else(unknown)
    }
}
