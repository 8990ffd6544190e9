//! The protocol with a zygote: frames as in `frames`, with descriptors attached. `K` asks for a fork: a number (eight
//! bytes), and the descriptors it gets. The zygote's frames are the number and a value (four
//! bytes, signed): `K` (forked, with a descriptor of the process), `N` (not forked: an error number), `D` (the fork
//! ended: its exit status, or a signal's number below zero).

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use sandbox::Exit;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;

/// Bytes of a zygote's frame: the length, the kind, the number, the value.
const ANSWER_BYTES: usize = 4 + 1 + 8 + 4;

/// Descriptors taken in with one read; a zygote attaches one to a frame.
const RECEIVED_DESCRIPTORS: usize = 4;

/// Descriptors attached to a request, at most.
const SENT_DESCRIPTORS: usize = 6;

pub(crate) struct Wire {
    stream: UnixStream,
    received: Vec<u8>,
    /// In the order of the frames they came with.
    descriptors: VecDeque<OwnedFd>,
}

pub(crate) enum Answer {
    Forked { number: u64, pidfd: OwnedFd },
    Refused { number: u64, error: io::Error },
    Ended { number: u64, exit: Exit },
}

impl Wire {
    pub fn new(stream: UnixStream) -> Wire {
        Wire { stream, received: Vec::new(), descriptors: VecDeque::new() }
    }

    pub async fn send(&mut self, number: u64, descriptors: &[OwnedFd]) -> io::Result<()> {
        let mut frame = 8_u32.to_be_bytes().to_vec();
        frame.push(b'K');
        frame.extend_from_slice(&number.to_be_bytes());
        let send = || send_with(&self.stream, &frame, descriptors);
        let sent = self.stream.async_io(Interest::WRITABLE, send).await?;
        self.stream.write_all(frame.get(sent..).unwrap_or_default()).await
    }

    /// Waits for frames. An error when the zygote is gone or does not keep to the protocol. Safe to cancel.
    pub async fn receive(&mut self) -> io::Result<Vec<Answer>> {
        let Wire { stream, received, descriptors } = self;
        stream.async_io(Interest::READABLE, || receive_with(stream, received, descriptors)).await?;
        let mut answers = Vec::new();
        while let Some((frame, rest)) = self.received.split_first_chunk::<ANSWER_BYTES>() {
            let answer = parse(frame, &mut self.descriptors).ok_or(io::ErrorKind::InvalidData)?;
            answers.push(answer);
            self.received = rest.to_vec();
        }
        Ok(answers)
    }

    /// Tells the zygote that nothing will be asked any more.
    pub async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

fn parse(frame: &[u8; ANSWER_BYTES], descriptors: &mut VecDeque<OwnedFd>) -> Option<Answer> {
    let (length, rest) = frame.split_first_chunk()?;
    let (kind, rest) = rest.split_first()?;
    let (number, value) = rest.split_first_chunk()?;
    if usize::try_from(u32::from_be_bytes(*length)).ok()? != ANSWER_BYTES - 5 {
        return None;
    }
    let (number, value) = (u64::from_be_bytes(*number), i32::from_be_bytes(value.try_into().ok()?));
    Some(match kind {
        b'K' => Answer::Forked { number, pidfd: descriptors.pop_front()? },
        b'N' => Answer::Refused { number, error: io::Error::from_raw_os_error(value) },
        b'D' if value < 0 => Answer::Ended { number, exit: Exit::Signal(value.saturating_neg()) },
        b'D' => Answer::Ended { number, exit: Exit::Status(value) },
        _ => return None,
    })
}

fn send_with(stream: &UnixStream, frame: &[u8], descriptors: &[OwnedFd]) -> io::Result<usize> {
    let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SENT_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    Ok(rustix::net::sendmsg(stream, &[IoSlice::new(frame)], &mut control, SendFlags::NOSIGNAL)?)
}

fn receive_with(stream: &UnixStream, received: &mut Vec<u8>, descriptors: &mut VecDeque<OwnedFd>) -> io::Result<()> {
    let mut bytes = [0; 64 * ANSWER_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(RECEIVED_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let message = rustix::net::recvmsg(stream, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for attached in control.drain() {
        if let RecvAncillaryMessage::ScmRights(attached) = attached {
            descriptors.extend(attached);
        }
    }
    if message.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    received.extend_from_slice(bytes.get(..message.bytes).unwrap_or_default());
    Ok(())
}
