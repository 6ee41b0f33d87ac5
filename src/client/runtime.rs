//! The runtime of the client's sockets.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// The most I/O threads: a client that needs more is its own bottleneck.
const MAX_THREADS: usize = 4;

/// Builds the client's I/O runtime. `on_start` is called on each of its threads.
///
/// # Errors
/// When the system starts no thread.
pub fn build(on_start: impl Fn() + Send + Sync + 'static) -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    with_threads(cores.clamp(1, MAX_THREADS), on_start)
}

/// Builds it with a given number of threads.
///
/// # Errors
/// When the system starts no thread.
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
