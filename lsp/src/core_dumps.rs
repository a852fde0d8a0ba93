//! Keeps keys and conversations out of core dumps.
//!
//! Two steps. At the start no core file is written any more (the soft limit, so whoever wants one can raise it for a
//! child). When an account is opened, Linux also makes the process one that no other of the same person may look into:
//! neither a debugger nor `/proc/PID/mem`, and a core that is piped to a collector, which asks for no limit, is not made
//! either.
//!
//! What this does not break: our own `/proc/self` stays readable (a process may always look at itself), `/proc/PID/stat`,
//! by which we are recognised as the owner of a server, is readable by all, and what we start is an ordinary process
//! again after `exec`, so its environment, in which our mark stands, is found as before. One thing is not found any more:
//! a `nexus` with an open account that the agent of a server of ours has started. It ends with what it talks to.

/// No core files from here on. Best effort: a program without it works as well.
pub(crate) fn limit() {
    #[cfg(unix)]
    {
        // SAFETY: both calls read or write the struct that they are given, which lives through them.
        unsafe {
            let mut limit: libc::rlimit = std::mem::zeroed();
            if libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) == 0 {
                limit.rlim_cur = 0;
                libc::setrlimit(libc::RLIMIT_CORE, &raw const limit);
            }
        }
    }
}

/// Called before the first key is in memory.
pub(crate) fn forbid() {
    #[cfg(target_os = "linux")]
    // SAFETY: prctl with this option takes a number and touches no memory of ours.
    unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
}
