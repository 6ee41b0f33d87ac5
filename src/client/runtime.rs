//! The runtime that the client's sockets live on.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// The most I/O threads: a client that needs more has become its own bottleneck.
const MOST_THREADS: usize = 4;

/// Builds the client's I/O runtime. `on_start` is called on each of its threads.
///
/// # Errors
/// When the system gives no thread.
pub fn build(on_start: impl Fn() + Send + Sync + 'static) -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    with_threads(cores.clamp(1, MOST_THREADS), on_start)
}

/// The same with a given number of threads.
///
/// # Errors
/// When the system gives no thread.
pub fn with_threads(
    threads: usize,
    on_start: impl Fn() + Send + Sync + 'static,
) -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("client-io")
        .on_thread_start(on_start)
        .enable_all()
        .build()
}
