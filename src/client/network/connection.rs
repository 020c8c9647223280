//! One node as the client sees it: its connection, what the broker speaks, what is in flight.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::base::{ConnId, Map, SimTime};

/// Where the connection stands.
///
/// | from | event | to |
/// | --- | --- | --- |
/// | `Closed` | somebody asks for the node, and the back-off is over | `Handshake` |
/// | `Handshake` | ApiVersions is answered | `Ready` |
/// | any | closed by the peer, timed out, dropped, idle | `Closed` |
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum State {
    #[default]
    Closed,
    Handshake {
        conn: ConnId,
    },
    Ready {
        conn: ConnId,
        /// What the broker speaks: oldest and newest version by API key.
        versions: Arc<Map<i16, (i16, i16)>>,
    },
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    ApiVersions,
    Metadata,
    Owner(u64),
}

/// A request that waits for its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InFlight {
    pub(super) correlation_id: i32,
    pub(super) api_key: i16,
    pub(super) version: i16,
    pub(super) purpose: Purpose,
    pub(super) deadline: SimTime,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) state: State,
    /// Connections lost in a row, since the last handshake.
    pub(super) failures: u32,
    /// Not to be connected to before.
    pub(super) not_before: SimTime,
    pub(super) last_used: SimTime,
    /// The broker does not listen for now.
    pub(super) is_throttled: bool,
    /// When the request timer goes off, if it is set.
    pub(super) timer_at: Option<SimTime>,
    /// Oldest first; a broker answers in order.
    pub(super) in_flight: VecDeque<InFlight>,
}

impl Node {
    pub(super) fn conn(&self) -> Option<ConnId> {
        match self.state {
            State::Closed => None,
            State::Handshake { conn } | State::Ready { conn, .. } => Some(conn),
        }
    }

    pub(super) fn is_ready(&self, max_in_flight: u32) -> bool {
        matches!(self.state, State::Ready { .. })
            && !self.is_throttled
            && (self.in_flight.len() as u64) < u64::from(max_in_flight)
    }

    pub(super) fn become_ready(&mut self, versions: Map<i16, (i16, i16)>) {
        if let State::Handshake { conn } = self.state {
            self.state = State::Ready { conn, versions: Arc::new(versions) };
            self.failures = 0;
        }
    }

    /// The newest version that both sides know, but none above `max`.
    pub(super) fn version(&self, api_key: i16, ours: RangeInclusive<i16>, max: i16) -> Option<i16> {
        let State::Ready { versions, .. } = &self.state else { return None };
        let &(oldest, newest) = versions.get(&api_key)?;
        let version = newest.min(*ours.end()).min(max);
        (version >= oldest && version >= *ours.start()).then_some(version)
    }
}
