//! What the processes of one run tell each other: packets with a tag, some bytes and perhaps a descriptor.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// The longest packet.
const LONGEST: usize = 8 << 10;

/// One message.
pub(crate) struct Packet {
    pub(crate) tag: u8,
    pub(crate) body: Vec<u8>,
    pub(crate) fd: Option<OwnedFd>,
}

/// The two ends of a connection that keeps the bounds of messages.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let ends = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    Ok(ends)
}

/// Sends a message; a body that is too long is cut.
pub(crate) fn send(
    socket: impl AsFd,
    tag: u8,
    body: &[u8],
    fd: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
    if !fds.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&fds));
    }
    let body = &body[..body.len().min(LONGEST - 1)];
    let parts = [IoSlice::new(std::slice::from_ref(&tag)), IoSlice::new(body)];
    sendmsg(socket.as_fd(), &parts, &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The next message, or nothing when the other end was closed.
pub(crate) fn receive(socket: &OwnedFd) -> io::Result<Option<Packet>> {
    let mut buf = vec![0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = loop {
        let parts = &mut [IoSliceMut::new(&mut buf)];
        match recvmsg(socket.as_fd(), parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            // The other end died with something of ours unread.
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            done => break done?,
        }
    };
    let fd = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    let Some((&tag, body)) = buf[..message.bytes].split_first() else {
        return Ok(None);
    };
    let body = body.to_vec();
    Ok(Some(Packet { tag, body, fd }))
}
