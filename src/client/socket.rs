//! A TCP connection whose reads are stamped below everything that decodes them.
//!
//! On Linux the stamp is the kernel's own receive time of the read's last bytes (`SO_TIMESTAMPNS`),
//! so that a client that was late to run does not count its own lateness as the provider's. Where
//! the kernel does not tell, it is the clock at the moment the read returned.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::units::{Clock, Stamp};

/// A connection with the stamp of its last read.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    clock: Clock,
    last: Stamp,
    control: Control,
}

impl Socket {
    /// Takes over a connection.
    pub fn new(stream: TcpStream, clock: Clock) -> Self {
        // A delayed small write costs far more than the packet: but a connection that cannot be
        // set is still a connection.
        let _ = stream.set_nodelay(true);
        let control = Control::of(&stream);
        let last = clock.now();
        Self { stream, clock, last, control }
    }

    /// When the bytes of the last read came.
    pub fn last_read(&self) -> Stamp {
        self.last
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
                // A read that did not fill its space emptied the socket: as tokio's own read does,
                // say so, which saves the call that would only find nothing.
                if n > 0 && n < space.len() {
                    Err(io::ErrorKind::WouldBlock.into())
                } else {
                    Ok(())
                }
            });
            match (received, tried) {
                (Some((n, wall)), _) => {
                    // The wall clock may be set at any time, so time never runs backwards here.
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
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
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
        pub fn of(stream: &TcpStream) -> Self {
            let told = setsockopt(stream, sockopt::ReceiveTimestampns, &true);
            Self(told.is_ok().then(|| nix::cmsg_space!(TimeSpec)))
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
            let at = read.cmsgs().ok().and_then(|mut said| {
                said.find_map(|message| match message {
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
        pub fn of(_: &TcpStream) -> Self {
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
