//! Servers that announce themselves on the network: OpenCode 1.x with `serve --mdns`, as `_http._tcp` named
//! `opencode-PORT`.
//!
//! Anybody on the network can announce anything, so a name proves nothing: only addresses of this machine are trusted.
//! Whoever wants to talk to another one has to choose it himself.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent};

use crate::{Error, ErrorKind, Result};

/// What OpenCode 1.x announces (1.14.48 to 1.18.33, seen).
const SERVICE: &str = "_http._tcp.local.";
const NAME_PREFIX: &str = "opencode-";
/// More are not listed: a peer that announces without end must not fill the memory.
const MOST: usize = 256;

/// A server that says on the network that it is there. Whether it is one has not been asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its name, like `opencode-4096`.
    pub name: String,
    /// Its base URL, at the address that is nearest to us.
    pub address: String,
    /// Whether that address is one of this machine.
    pub is_local: bool,
}

/// Listens for servers that announce themselves, for as long as `bound` says: nobody knows when all have spoken; one second
/// is usually enough. Those of this machine come first. Cancel safe.
///
/// # Errors
/// `system.io` when the network cannot be listened to.
pub async fn discover_mdns(bound: Duration) -> Result<Vec<Announced>> {
    let failed = |error: mdns_sd::Error| {
        Error::new(ErrorKind::Io, format!("cannot listen for servers on the network: {error}"))
            .with_operation("server.discover_mdns")
            .with_hint("name the server with --url, or allow multicast (UDP port 5353)")
    };
    let daemon = Daemon(ServiceDaemon::new().map_err(failed)?);
    let events = daemon.0.browse(SERVICE).map_err(failed)?;
    let mut found: Vec<Announced> = Vec::new();
    let listening = async {
        while let Ok(event) = events.recv_async().await {
            if let ServiceEvent::ServiceResolved(service) = event
                && let Some(server) = announced(&service)
            {
                // The same one is told again when it has more addresses.
                found.retain(|other| other.name != server.name || other.is_local && !server.is_local);
                if found.iter().all(|other| other.name != server.name) && found.len() < MOST {
                    found.push(server);
                }
            }
        }
    };
    // The end of the time is the end of the list.
    let _ = tokio::time::timeout(bound, listening).await;
    found.sort_by_key(|server| (!server.is_local, server.name.clone()));
    Ok(found)
}

/// Its thread ends when nobody listens any more.
struct Daemon(ServiceDaemon);

impl Drop for Daemon {
    fn drop(&mut self) {
        // When its queue is full it is busy ending.
        self.0.shutdown().ok();
    }
}

fn announced(service: &ResolvedService) -> Option<Announced> {
    let name = service.fullname.strip_suffix(SERVICE)?.trim_end_matches('.');
    if !name.starts_with(NAME_PREFIX) {
        return None;
    }
    let mut addresses: Vec<IpAddr> = service.addresses.iter().map(|address| address.to_ip_addr()).collect();
    // Ours first, and IPv4 first: an address of IPv6 may need a zone, which a URL cannot name.
    addresses.sort_by_key(|address| (!is_local(*address), address.is_ipv6(), *address));
    let address = *addresses.first()?;
    Some(Announced {
        name: name.to_owned(),
        address: format!("http://{}", SocketAddr::new(address, service.port)),
        is_local: is_local(address),
    })
}

/// Whether an address is one of this machine: only then it can be bound.
fn is_local(address: IpAddr) -> bool {
    !address.is_unspecified() && UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_told_from_others() {
        assert!(is_local("127.0.0.1".parse().unwrap()));
        for other in ["0.0.0.0", "192.0.2.1", "2001:db8::1", "8.8.8.8"] {
            assert!(!is_local(other.parse().unwrap()), "{other}");
        }
    }
}
