//! Which npm package holds the server for this machine, and which archives were looked at before.

use std::path::Path;

use crate::server::versions::find::BINARY_NAME;
use crate::{Error, ErrorKind, Result};

/// The version that this SDK is tested with and installs by default.
pub const PINNED: &str = "1.18.33";

/// SHA-512 (base64) of archives that were downloaded and looked at; for these the registry is not trusted either.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "opencode-linux-x64",
        "1.18.33",
        "q/t/3p2CTxOT9y2kvjesb/LZab2+1eqlhhWA02Be6mjTtmYtNBcBsrI5yDo4Fw7ZSPBW2oyMIGMNRqiKQjiAWw==",
    ),
    (
        "opencode-linux-x64",
        "1.17.19",
        "eLgz1odJqlXwBDJprJ5xHMJVV8oHbMMaLKt04HodI+Ao1KylsB9Sgnf/2ZpO00AFAMqvB5/ghui0V2/sPEyAWw==",
    ),
    (
        "shuvcode-linux-x64-baseline",
        "2.0.14-shuv.1",
        "YVv74S1eiUZKCi97/m8wovJxRiJ6WHNs6i8ZRXsHHgDmEFchPusqZ0WBawtGweqxihfH4Vbg+Lt6vDr9ZgY0dA==",
    ),
    (
        "opencode-linux-x64",
        "1.14.48",
        "WLAABtQD2Zr1+7zfGRcNYdAKYtr2EuMY6RwjoNRAqHzQslOlItZhDpwdqg03YFe0zrQhg0IlK6iGuplF1ertdw==",
    ),
];

/// The npm package that holds a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The file name of the executable in its folder `bin`.
    pub binary: String,
}

impl Package {
    /// The package of OpenCode for this machine, [`package_name`]; `None` when there is none.
    pub fn official() -> Option<Self> {
        Some(Self { name: package_name()?, binary: BINARY_NAME.to_owned() })
    }

    /// The official package, or why there is none.
    pub(in crate::server) fn for_this_machine() -> Result<Self> {
        Self::official().ok_or_else(|| {
            Error::new(ErrorKind::LocalServer, "OpenCode is not published for this system")
                .with_operation("server.install")
                .with_hint("build it yourself and give its path by NEXUS_OPENCODE_BIN")
        })
    }
}

/// The checksum (SHA-512, base64) that the archive of this package must have, if it is one that was looked at.
pub(in crate::server) fn known(name: &str, version: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(n, v, _)| *n == name && *v == version).map(|(.., sum)| *sum)
}

/// The npm package with the binary for this machine; `None` when OpenCode is not published for it.
pub fn package_name() -> Option<String> {
    let system = match std::env::consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        "windows" => "windows",
        _ => return None,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return None,
    };
    let baseline = if needs_baseline() { "-baseline" } else { "" };
    let musl = if system == "linux" && is_musl() { "-musl" } else { "" };
    Some(format!("opencode-{system}-{machine}{baseline}{musl}"))
}

fn needs_baseline() -> bool {
    #[cfg(target_arch = "x86_64")]
    return !std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The C library of the system, not of this build: a static build runs on both.
fn is_musl() -> bool {
    let exists = |path: &str| Path::new(path).exists();
    let glibc = exists("/lib64/ld-linux-x86-64.so.2") || exists("/lib/ld-linux-aarch64.so.1");
    !glibc && (exists("/lib/ld-musl-x86_64.so.1") || exists("/lib/ld-musl-aarch64.so.1"))
}
