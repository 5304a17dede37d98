//! File capabilities as text, from the attribute that carries them (`struct vfs_cap_data` and
//! `vfs_ns_cap_data` of Linux' `include/uapi/linux/capability.h`).

/// The attribute.
pub(super) const XATTR: &[u8] = b"security.capability";

/// The names, each at its number (`include/uapi/linux/capability.h`).
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// `VFS_CAP_FLAGS_EFFECTIVE`.
const EFFECTIVE: u32 = 1;

/// The capabilities as `cap_to_text(3)` writes them: `cap_net_raw=ep`.
pub(super) fn text(value: &[u8]) -> String {
    let (words, rest) = value.as_chunks::<4>();
    let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    // One pair of words in revision 1, two in 2, and a user's number behind them in 3.
    let (flags, permitted, inheritable) = match (words.as_slice(), rest) {
        ([head, p, i], []) if head >> 24 == 1 => (*head, u64::from(*p), u64::from(*i)),
        ([head, p, i, more_p, more_i], []) if head >> 24 == 2 => {
            (*head, wide(*p, *more_p), wide(*i, *more_i))
        }
        ([head, p, i, more_p, more_i, _root], []) if head >> 24 == 3 => {
            (*head, wide(*p, *more_p), wide(*i, *more_i))
        }
        _ => return "in an unknown form".to_owned(),
    };
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for bit in (0..u64::BITS).filter(|bit| (permitted | inheritable) >> bit & 1 == 1) {
        let mut kinds = String::new();
        if flags & EFFECTIVE != 0 {
            kinds.push('e');
        }
        if inheritable >> bit & 1 == 1 {
            kinds.push('i');
        }
        if permitted >> bit & 1 == 1 {
            kinds.push('p');
        }
        let name = match NAMES.get(bit as usize) {
            Some(name) => format!("cap_{name}"),
            None => bit.to_string(),
        };
        match groups.iter_mut().find(|(known, _)| *known == kinds) {
            Some((_, names)) => names.push(name),
            None => groups.push((kinds, vec![name])),
        }
    }
    let groups = groups.into_iter();
    let groups: Vec<_> = groups
        .map(|(kinds, names)| format!("{}={kinds}", names.join(",")))
        .collect();
    match groups.as_slice() {
        [] => "none".to_owned(),
        groups => groups.join(" "),
    }
}

fn wide(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `setcap` wrote, as `getfattr -e hex` shows it, and what `getcap` says of it.
    #[test]
    fn capabilities_read_as_getcap_shows_them() {
        let ping = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(text(ping), "cap_net_raw=ep");
        let two = b"\0\0\0\x02\x01\0\0\0\x02\0\0\0\0\x01\0\0\0\0\0\0";
        assert_eq!(
            text(two),
            "cap_chown,cap_checkpoint_restore=p cap_dac_override=i"
        );
        let namespaced = [
            &b"\x01\0\0\x03\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..],
            b"\xe8\x03\0\0",
        ];
        assert_eq!(text(&namespaced.concat()), "cap_net_raw=ep");
        for odd in [&b""[..], b"\x01", &ping[..19], &[0; 20], &[0xff; 24]] {
            assert_eq!(text(odd), "in an unknown form");
        }
    }
}
