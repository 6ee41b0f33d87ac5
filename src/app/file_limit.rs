//! The number of files, and so of sockets, that this process may open.

/// Raises the soft limit, a small default of most systems, to the hard limit; returns it.
pub(crate) fn raise_file_limit() -> u64 {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        let files = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit.maximum,
            Err(_) => limit.current,
        };
        files.unwrap_or(u64::MAX)
    }
    #[cfg(not(unix))]
    u64::MAX
}
