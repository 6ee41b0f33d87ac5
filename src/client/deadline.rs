//! A time-out that moves.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::time::Sleep;

use crate::units::{Clock, Stamp};

/// The time-outs of an attempt on one timer. Setting a timer takes a lock, and every token moves the
/// deadline: so the timer is set anew only when it fires too early, or would fire too late.
#[derive(Debug, Default)]
pub(super) struct Deadline {
    timer: Option<(Pin<Box<Sleep>>, Stamp)>,
}

impl Deadline {
    /// Waits for the future until `by`; `None`: it took longer. The future is pinned by the caller:
    /// an `async fn` holds twice what it takes by value.
    pub async fn timeout<F: Future>(
        &mut self,
        clock: &Clock,
        by: Stamp,
        mut next: Pin<&mut F>,
    ) -> Option<F::Output> {
        poll_fn(|context| {
            if let Poll::Ready(output) = next.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            if self.timer.as_ref().is_some_and(|(_, fires_at)| *fires_at > by) {
                self.timer = None;
            }
            loop {
                let (timer, fires_at) = self.timer.get_or_insert_with(|| {
                    (Box::pin(tokio::time::sleep(by.since(clock.now()))), by)
                });
                match timer.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) if *fires_at >= by => return Poll::Ready(None),
                    Poll::Ready(()) => self.timer = None,
                }
            }
        })
        .await
    }
}
