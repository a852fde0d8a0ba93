//! A small pool of connections that only read: opened when they are needed, and never more than a bound.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Opened;
use super::connection::{self, Role, run};
use super::work::roll_back;
use super::writer::locked;
use crate::error::{Error, ErrorKind, Result};

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    out: usize,
    /// The keys; gone when the store was closed.
    opened: Option<Arc<Opened>>,
}

/// The pool.
pub(super) struct Readers {
    file: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
    most: usize,
    bound: Duration,
}

impl Readers {
    pub(super) fn new(file: PathBuf, opened: Arc<Opened>, most: usize, bound: Duration) -> Self {
        let pool = Pool { idle: Vec::new(), out: 0, opened: Some(opened) };
        Self { file, pool: Mutex::new(pool), returned: Condvar::new(), most: most.max(1), bound }
    }

    /// Reads with a connection, in one transaction: everything that `read` sees is of one moment.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection, &Opened) -> Result<T>) -> Result<T> {
        let lease = self.lease()?;
        let connection = lease.connection()?;
        run(connection, "BEGIN")?;
        let result = read(connection, &lease.opened);
        roll_back(connection);
        result
    }

    /// Closes the connections and forgets the keys. Reads that run are waited for, so that no copy of a key is left.
    pub(super) fn close(&self) {
        let mut pool = self.pool();
        pool.opened = None;
        pool.idle.clear();
        let until = Instant::now() + self.bound;
        while pool.out > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!(
                    reads = pool.out,
                    "a vault was locked while it was read; its keys go when the reads end"
                );
                return;
            }
            pool = self.returned.wait_timeout(pool, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lease(&self) -> Result<Lease<'_>> {
        let until = Instant::now() + self.bound;
        let mut pool = self.pool();
        loop {
            let Some(opened) = pool.opened.clone() else { return Err(locked()) };
            if pool.out < self.most {
                pool.out += 1;
                let connection = pool.idle.pop();
                drop(pool);
                // From here on the lease gives its place back, whatever happens.
                let mut lease = Lease { readers: self, opened, connection };
                if lease.connection.is_none() {
                    let key = &lease.opened.keys.database;
                    lease.connection = Some(connection::open(&self.file, key, Role::Reader, self.bound)?);
                }
                return Ok(lease);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(
                    Error::new(ErrorKind::Busy, "too many searches run already").with_hint("try again")
                );
            }
            pool = self.returned.wait_timeout(pool, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Lease<'r> {
    readers: &'r Readers,
    opened: Arc<Opened>,
    connection: Option<Connection>,
}

impl Lease<'_> {
    fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or_else(locked)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        if let Some(connection) = &connection {
            // A panic may have left a transaction open.
            roll_back(connection);
        }
        let mut pool = self.readers.pool();
        pool.out -= 1;
        if pool.opened.is_some() {
            pool.idle.extend(connection.filter(Connection::is_autocommit));
        } else {
            drop(connection);
        }
        drop(pool);
        self.readers.returned.notify_all();
    }
}
