//! A TCP connection whose reads are stamped below everything that decodes them.
//!
//! On Linux the stamp is the kernel's receive time of the read's last bytes (`SO_TIMESTAMPNS`), so
//! that a client that was scheduled late does not add its delay to the provider's latency. Elsewhere
//! the stamp is the clock's time when the read returned.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::units::{Clock, Stamp};

/// A TCP connection with the stamp of its last read.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    clock: Clock,
    last: Stamp,
    /// Bytes that the system took for sending.
    written: u64,
    control: Control,
}

impl Socket {
    pub fn new(stream: TcpStream, clock: Clock) -> Self {
        // A delayed small write costs far more than the packet. A failure is harmless.
        let _ = stream.set_nodelay(true);
        let control = Control::new(&stream);
        let last = clock.now();
        Self { stream, clock, last, written: 0, control }
    }

    /// The stamp of the last read's bytes.
    pub fn last_read(&self) -> Stamp {
        self.last
    }

    /// Bytes that the system took for sending so far.
    pub fn written(&self) -> u64 {
        self.written
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let space = into.initialize_unfilled();
        if space.is_empty() {
            return Poll::Ready(Ok(()));
        }
        loop {
            ready!(this.stream.poll_read_ready(context))?;
            let mut received = None;
            let (stream, control) = (&this.stream, &mut this.control);
            let tried = stream.try_io(Interest::READABLE, || {
                let (n, wall) = control.read(stream, space)?;
                received = Some((n, wall));
                // A read that did not fill its space emptied the socket. Report that, as tokio's own
                // read does: it saves a call that would find nothing.
                if n > 0 && n < space.len() {
                    Err(io::ErrorKind::WouldBlock.into())
                } else {
                    Ok(())
                }
            });
            match (received, tried) {
                (Some((n, wall)), _) => {
                    // The wall clock may be set at any time; stamps must not run backwards.
                    let now = this.clock.now();
                    let at = wall.and_then(|wall| this.clock.just_past(wall)).unwrap_or(now);
                    this.last = at.min(now).max(this.last);
                    into.advance(n);
                    return Poll::Ready(Ok(()));
                }
                (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (None, Err(error)) => return Poll::Ready(Err(error)),
                (None, Ok(())) => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let n = ready!(Pin::new(&mut this.stream).poll_write(context, bytes))?;
        this.written += n as u64;
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(target_os = "linux")]
use linux::Control;
#[cfg(not(target_os = "linux"))]
use portable::Control;

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, IoSliceMut};
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
    use nix::sys::time::TimeSpec;
    use tokio::net::TcpStream;

    /// Space for the kernel's receive time; `None` where it would not give one.
    #[derive(Debug)]
    pub(super) struct Control(Option<Vec<u8>>);

    impl Control {
        pub fn new(stream: &TcpStream) -> Self {
            let set = setsockopt(stream, sockopt::ReceiveTimestampns, &true);
            Self(set.is_ok().then(|| nix::cmsg_space!(TimeSpec)))
        }

        /// One read: how much, and when it came by the wall clock.
        pub fn read(
            &mut self,
            stream: &TcpStream,
            into: &mut [u8],
        ) -> io::Result<(usize, Option<Duration>)> {
            let mut space = [IoSliceMut::new(into)];
            let control = self.0.as_deref_mut();
            let read = recvmsg::<()>(stream.as_raw_fd(), &mut space, control, MsgFlags::empty())?;
            let at = read.cmsgs().ok().and_then(|mut messages| {
                messages.find_map(|message| match message {
                    ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
                    _ => None,
                })
            });
            Ok((read.bytes, at))
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use std::io;
    use std::time::Duration;

    use tokio::net::TcpStream;

    /// Nothing: the kernel is not asked.
    #[derive(Debug)]
    pub(super) struct Control;

    impl Control {
        pub fn new(_: &TcpStream) -> Self {
            Self
        }

        /// One read: how much.
        pub fn read(
            &mut self,
            stream: &TcpStream,
            into: &mut [u8],
        ) -> io::Result<(usize, Option<Duration>)> {
            stream.try_read(into).map(|n| (n, None))
        }
    }
}
