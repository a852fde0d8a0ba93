//! A proxy on loopback that breaks what a server sends, in the ways that networks do; repeatable by seed.
//!
//! It understands HTTP/1.1 well enough to know where answers, chunks and event frames begin, so a fault can hit any
//! byte of any frame. Without a fault every byte passes unchanged. One connection of the client is one connection
//! to the server; WebSockets pass.
//!
//! ```no_run
//! # async fn story() -> std::io::Result<()> {
//! use opencode_nexus_testkit::fault_proxy::{At, End, Fault, FaultPlan, FaultProxy};
//! // The first event stream breaks after its third frame, all later ones live.
//! let plan = FaultPlan::events(|nth| match nth {
//!     0 => Fault::cut(At::Frame(3), End::Reset),
//!     _ => Fault::none(),
//! });
//! let proxy = FaultProxy::start("http://127.0.0.1:4096", plan).await?;
//! println!("connect to {}", proxy.url());
//! # Ok(()) }
//! ```

mod count;
pub(crate) mod http;
mod out;
mod plan;
mod relay;
mod shape;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use count::FaultKind;
pub use plan::{Answer, At, ConnectionInfo, Cut, End, Fault, FaultPlan, LineEnds, Split};
use relay::Leave;

/// A running proxy. Dropping it closes its port and all its connections.
pub struct FaultProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    control: watch::Sender<Control>,
    task: tokio::task::JoinHandle<()>,
    /// Bound but not listening: it keeps the port ours while connections are refused.
    _claim: TcpSocket,
}

#[derive(Clone, Copy, Default)]
struct Control {
    refusing: bool,
    /// Grows with every order to reset all connections.
    resets: usize,
}

struct Shared {
    plan: Mutex<FaultPlan>,
    passing: AtomicBool,
    counts: count::Counts,
    streams: AtomicUsize,
    others: AtomicUsize,
    connections: AtomicUsize,
}

impl FaultProxy {
    /// Starts a proxy in front of `upstream` (`http://HOST:PORT`) on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// `InvalidInput` when `upstream` is not such a URL; else no port.
    pub async fn start(upstream: &str, plan: FaultPlan) -> io::Result<Self> {
        let authority = upstream.strip_prefix("http://").unwrap_or(upstream).trim_end_matches('/');
        let wrong = || io::Error::new(io::ErrorKind::InvalidInput, format!("no host and port in {upstream}"));
        let server =
            tokio::net::lookup_host(authority).await.map_err(|_| wrong())?.next().ok_or_else(wrong)?;
        let claim = socket()?;
        claim.bind(([127, 0, 0, 1], 0).into())?;
        let address = claim.local_addr()?;
        let shared = Arc::new(Shared {
            plan: Mutex::new(plan),
            passing: AtomicBool::new(false),
            counts: count::Counts::default(),
            streams: AtomicUsize::new(0),
            others: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let (control, orders) = watch::channel(Control::default());
        let task = tokio::spawn(accept(listen(address)?, address, server, shared.clone(), orders));
        Ok(Self { shared, address, control, task, _claim: claim })
    }

    /// The base URL for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many faults of a kind were really injected.
    pub fn injected(&self, kind: FaultKind) -> u64 {
        self.shared.counts.get(kind)
    }

    /// How many faults of all kinds were injected.
    pub fn injected_total(&self) -> u64 {
        FaultKind::ALL.iter().map(|kind| self.injected(*kind)).sum()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many event streams were asked for.
    pub fn event_streams(&self) -> usize {
        self.shared.streams.load(Ordering::SeqCst)
    }

    /// Another plan for the requests from now on.
    pub fn set_plan(&self, plan: FaultPlan) {
        *self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    /// No faults any more: new requests pass untouched, and running bodies do not break off any more (a stall for
    /// ever that has begun stays: [`reset_all`](Self::reset_all) ends it).
    pub fn pass_through(&self) {
        self.shared.passing.store(true, Ordering::SeqCst);
    }

    /// Faults again, after [`pass_through`](Self::pass_through).
    pub fn resume_faults(&self) {
        self.shared.passing.store(false, Ordering::SeqCst);
    }

    /// Whether new connections are refused, as by a server that is down. Open ones stay.
    pub fn set_refusing(&self, refusing: bool) {
        self.control.send_modify(|c| c.refusing = refusing);
    }

    /// Resets (RST) every open connection.
    pub fn reset_all(&self) {
        self.control.send_modify(|c| c.resets += 1);
    }

    /// The server is gone for this time: open connections are reset, new ones refused.
    pub async fn outage(&self, time: Duration) {
        self.set_refusing(true);
        self.reset_all();
        tokio::time::sleep(time).await;
        self.set_refusing(false);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn info(&self, request: &http::Head) -> ConnectionInfo {
        let path = request.word(1);
        let route = path.split('?').next().unwrap_or_default();
        let is_event_stream = route.ends_with("/event") || request.says("accept", "text/event-stream");
        let (mine, other) =
            if is_event_stream { (&self.streams, &self.others) } else { (&self.others, &self.streams) };
        let nth = mine.fetch_add(1, Ordering::SeqCst);
        let index = nth + other.load(Ordering::SeqCst);
        ConnectionInfo { index, nth, method: request.word(0), path, is_event_stream }
    }

    fn choose(&self, info: &ConnectionInfo) -> Fault {
        if self.passes() {
            return Fault::none();
        }
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
        plan.choose(info)
    }

    fn passes(&self) -> bool {
        self.passing.load(Ordering::SeqCst)
    }
}

/// Several sockets share the port, so that it stays ours while nobody listens.
fn socket() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket()?;
    socket.bind(address)?;
    socket.listen(1024)
}

async fn accept(
    listener: TcpListener,
    address: SocketAddr,
    server: SocketAddr,
    shared: Arc<Shared>,
    mut orders: watch::Receiver<Control>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let refusing = orders.borrow_and_update().refusing;
        if refusing && listener.take().is_some() {
            shared.counts.add(FaultKind::Refused);
        }
        if !refusing && listener.is_none() {
            listener = listen(address).ok();
        }
        while connections.try_join_next().is_some() {}
        tokio::select! {
            changed = orders.changed() => if changed.is_err() { return },
            accepted = next(listener.as_ref()) => if let Ok((client, _)) = accepted {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(client, shared.clone(), server, orders.clone()));
            },
        }
    }
}

async fn next(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

async fn serve(
    mut client: TcpStream,
    shared: Arc<Shared>,
    server: SocketAddr,
    mut orders: watch::Receiver<Control>,
) {
    client.set_nodelay(true).ok();
    let resets = orders.borrow().resets;
    let leave = tokio::select! {
        leave = relay::run(&mut client, &shared, server) => leave.unwrap_or(Leave::Close),
        // The sender lives as long as the proxy; without it there is nothing to serve.
        _ = orders.wait_for(|c| c.resets != resets) => {
            shared.counts.add(FaultKind::Reset);
            Leave::Reset
        }
    };
    if leave == Leave::Reset {
        // Without lingering, closing sends RST instead of FIN.
        client.set_zero_linger().ok();
    }
}
