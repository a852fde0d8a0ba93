//! A network of one's own, with nothing in it but loopback, for servers that others have built. Where the system allows
//! it (as root on Linux), the calling thread and all that it starts, threads and processes, can reach nobody else.

use std::future::Future;

use opencode_nexus::{Error, ErrorKind, Result};

use super::opencode_binary;

/// Installs a version while there is a network, then runs `story` without one, on a thread and a runtime of their own.
/// Where that is not allowed the story runs as it is.
///
/// # Errors
/// Those of [`opencode_binary`], or that the thread or its runtime cannot be made.
pub fn isolated<T: Send + 'static>(
    version: &str,
    story: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(opencode_binary(version))?;
    drop(runtime);
    let thread = std::thread::Builder::new().name("isolated".into()).spawn(move || {
        if !loopback_only() {
            tracing::info!("a network of its own is not allowed here; the server gets the machine's");
        }
        story()
    })?;
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// [`isolated`] for a test: any error is a failure.
///
/// # Panics
/// When the server cannot be installed, or the test panics.
pub fn isolated_test<F: Future<Output = ()>>(version: &str, test: impl FnOnce() -> F + Send + 'static) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(test());
        Ok(())
    };
    if let Err(error) = isolated(version, run) {
        panic!("{error:?}");
    }
}

/// For a test that shows nothing without a network of its own. Where the system gives one to this process the answer is
/// false and the test goes on. Elsewhere the test of this name has been run again, to its end, as root of a user namespace
/// of its own (user_namespaces(7)), and the answer is true: there is nothing left to do. A process of its own is needed
/// for that because one with several threads may not enter such a namespace.
///
/// `name` is the test's as the test program lists it, with its modules.
///
/// # Panics
/// When the test fails there, or when neither is allowed; with the command that allows it.
#[cfg(target_os = "linux")]
pub fn ran_in_a_namespace(name: &str) -> bool {
    const AGAIN: &str = "NEXUS_TEST_IN_NAMESPACE";
    // On a thread that ends: its network goes with it.
    let allowed = std::thread::spawn(loopback_only).join().unwrap_or(false);
    if allowed {
        return false;
    }
    assert!(std::env::var_os(AGAIN).is_none(), "{name}: a user namespace gives no network. {ALLOW}");
    let mut command = std::process::Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--"]);
    command.arg(std::env::current_exe().unwrap_or_else(|error| panic!("this test's own program: {error}")));
    let run = command.args(["--exact", name, "--nocapture"]).env(AGAIN, "1").output();
    let run = run.unwrap_or_else(|error| panic!("unshare: {error}; install it: apt-get install util-linux"));
    let told = String::from_utf8_lossy(&[&run.stdout[..], &run.stderr[..]].concat()).into_owned();
    // A name that is not there would run nothing, successfully.
    let passed = run.status.success() && told.contains("1 passed");
    assert!(passed, "{name} has failed in a user namespace, or none is allowed. {ALLOW}\n{told}");
    true
}

#[cfg(target_os = "linux")]
const ALLOW: &str = "Where user namespaces are forbidden: run the tests as root, or \
    sysctl -w user.max_user_namespaces=10000 kernel.apparmor_restrict_unprivileged_userns=0";

/// Gives the calling thread a network with only loopback; false where that is not allowed.
#[cfg(target_os = "linux")]
fn loopback_only() -> bool {
    // SAFETY: unshare changes only what this thread and its children see of the network.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        return false;
    }
    match raise_loopback() {
        Ok(()) => true,
        Err(error) => panic!("the new network's loopback cannot be raised: {error}"),
    }
}

#[cfg(not(target_os = "linux"))]
fn loopback_only() -> bool {
    false
}

/// The interface `lo` of a new network is down (network_namespaces(7)).
#[cfg(target_os = "linux")]
fn raise_loopback() -> Result<()> {
    use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
    let failed =
        |what: &str| Error::new(ErrorKind::Io, format!("{what}: {}", std::io::Error::last_os_error()));
    // SAFETY: the descriptor is checked and then owned; the request is zeroed, plain data whose name is terminated.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return Err(failed("socket"));
        }
        let socket = OwnedFd::from_raw_fd(socket);
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = *from as libc::c_char;
        }
        #[allow(clippy::cast_possible_truncation)] // both flags are in the lower half
        let flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        request.ifr_ifru.ifru_flags = flags;
        if libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) != 0 {
            return Err(failed("SIOCSIFFLAGS"));
        }
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn an_isolated_thread_reaches_its_own_loopback_and_nothing_of_the_machines() {
        let name = "server::isolation::tests::an_isolated_thread_reaches_its_own_loopback_and_nothing_of_the_machines";
        if ran_in_a_namespace(name) {
            return;
        }
        let outside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = outside.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            assert!(loopback_only());
            let inside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            std::net::TcpStream::connect(inside.local_addr().unwrap()).unwrap();
            assert!(std::net::TcpStream::connect(address).is_err());
        });
        thread.join().unwrap();
    }
}
