//! Whether anybody uses a server: somebody does who is connected to it.

use std::time::Duration;

use tokio::time::Instant;

/// How often it is looked. A client that does anything keeps its connection for longer than this.
const PERIOD: Duration = Duration::from_secs(1);

/// Watches the connections to a port of this machine.
pub(super) struct Idle {
    port: u16,
    bound: Duration,
    last: Instant,
}

impl Idle {
    /// Nobody is connected to `url` for as long as `bound` says: then it is over.
    pub(super) fn new(url: &str, bound: Duration) -> Self {
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();
        Self { port, bound, last: Instant::now() }
    }

    /// Completes when nobody was connected for long enough. Cancel safe. Where connections cannot be seen, never.
    pub(super) async fn over(&mut self) {
        loop {
            // Our own questions are open for milliseconds; seen by chance they only make the wait longer.
            if is_used(self.port) {
                self.last = Instant::now();
            }
            if self.last.elapsed() >= self.bound {
                return;
            }
            tokio::time::sleep(PERIOD).await;
        }
    }
}

fn is_used(port: u16) -> bool {
    let tables: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect();
    tables.is_empty() || tables.iter().any(|table| is_connected(table, port))
}

/// `sl local_address rem_address st …`, addresses as `0100007F:1F90`; 01 is an established connection (proc(5)).
fn is_connected(table: &str, port: u16) -> bool {
    let end = format!(":{port:04X}");
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().is_some_and(|address| address.ends_with(&end));
        local && fields.nth(1) == Some("01")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_established_connections_to_the_port_count() {
        let line = |local: &str, remote: &str, state: &str| {
            format!("   0: 0100007F:{local} 0100007F:{remote} {state} 00000000:00000000 00:00000000")
        };
        assert!(is_connected(&line("1F90", "0001", "01"), 8080));
        for other in [
            line("1F90", "0001", "0A"),
            line("0001", "1F90", "01"),
            line("11F9", "0001", "01"),
            String::new(),
        ] {
            assert!(!is_connected(&other, 8080), "{other}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_client_that_is_connected_uses_the_server() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(!is_used(address.port()));
        let _client = std::net::TcpStream::connect(address).unwrap();
        assert!(is_used(address.port()));
    }
}
