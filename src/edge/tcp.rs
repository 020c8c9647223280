//! The native door: a door on TCP sockets, whose world follows the wall clock.
//!
//! One thread. Sockets are read in tasks of their own, at most one piece of each at a time;
//! then the world has its turn: everything that is due, the new bytes, what follows from them
//! at once, and then all answers are written. A connection is read on only when the broker has
//! dealt with most of what it sent and it has taken most of its answers.

mod clock;
mod control;
mod line;
mod pool;
mod record;
mod server;

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::Digest;
use crate::sim::{Setup, Violation};

/// What a server is started with.
#[derive(Debug)]
pub struct ServeOptions {
    /// A socket for each broker, in the order of their ids.
    pub brokers: Vec<TcpListener>,
    /// A socket for the control interface.
    pub control: Option<TcpListener>,
    /// How fast the world's time goes; 1 is as fast as the wall clock. More than 0.
    pub speed: f64,
    /// Where to record, and the line that the recording begins with.
    pub record: Option<(PathBuf, String)>,
}

/// How a server ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// The digest of the recorded run.
    pub digest: Option<Digest>,
    /// Promises that were broken in it.
    pub violations: Vec<Violation>,
}

/// Sockets for `count` brokers: one each, from `port` on. Port 0 takes any that are free.
///
/// # Errors
/// The address that cannot be had, and why.
pub fn bind(host: &str, port: u16, count: u32) -> Result<Vec<TcpListener>, (String, io::Error)> {
    let mut found = Vec::new();
    let first = port;
    for index in 0..count {
        let port = match first {
            0 => Some(0),
            port => u16::try_from(u32::from(port) + index).ok(),
        };
        let port = port.ok_or_else(|| {
            (host.to_owned(), io::Error::other(format!("there are no {count} ports from {first} on")))
        })?;
        let at = |error| (format!("{host}:{port}"), error);
        let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(at)?.collect();
        found.push(TcpListener::bind(&addresses[..]).map_err(at)?);
    }
    Ok(found)
}

/// Serves until interrupted, or told to by SIGTERM. `ready` is called as soon as the brokers
/// answer.
///
/// # Errors
/// When the sockets cannot be used, or the recording cannot be written.
pub fn serve(setup: Arc<Setup>, options: ServeOptions, ready: impl FnOnce()) -> io::Result<Served> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, server::run(setup, options, ready))
}
