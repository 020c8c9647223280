//! Share sessions: what each member of a share group fetches from this broker, so that a request names
//! only what changed.
//!
//! Source: KIP-932, *Share sessions*. A session belongs to a member of a group; its epoch begins at 0,
//! −1 ends it. When its connection ends, so does the session.

use std::sync::Arc;

use crate::base::{ConnId, Map};
use crate::protocol::messages::share_fetch::ShareFetchRequest;
use crate::protocol::{ErrorCode, Uuid};

/// Opens a session.
pub(super) const INITIAL_EPOCH: i32 = 0;
/// Ends it.
pub(super) const FINAL_EPOCH: i32 = -1;

/// A partition of a topic.
pub(super) type Key = (Uuid, i32);
/// A member of a group.
pub(super) type Who = (Arc<str>, Arc<str>);

/// The sessions of a broker.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sessions {
    sessions: Map<Who, Session>,
}

#[derive(Clone, Debug, PartialEq)]
struct Session {
    epoch: i32,
    conn: ConnId,
    partitions: Vec<Key>,
}

impl Sessions {
    /// What a fetch wants all in all. A request at the final epoch wants nothing and leaves the
    /// session to be [ended](Self::end).
    ///
    /// # Errors
    /// SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH, SHARE_SESSION_LIMIT_REACHED: the member
    /// begins anew.
    pub(super) fn fetch(
        &mut self,
        who: &Who,
        conn: ConnId,
        request: &ShareFetchRequest,
        limit: u32,
    ) -> Result<Vec<Key>, ErrorCode> {
        if request.share_session_epoch == INITIAL_EPOCH {
            self.sessions.remove(who);
            if self.sessions.len() >= limit as usize {
                return Err(ErrorCode::ShareSessionLimitReached);
            }
            self.sessions.insert(who.clone(), Session { epoch: 0, conn, partitions: Vec::new() });
        }
        let session = self.checked(who, request.share_session_epoch)?;
        if request.share_session_epoch == FINAL_EPOCH {
            return Ok(Vec::new());
        }
        session.epoch = next_epoch(session.epoch);
        session.conn = conn;
        for topic in &request.topics {
            for partition in &topic.partitions {
                let key = (topic.topic_id, partition.partition_index);
                if !session.partitions.contains(&key) {
                    session.partitions.push(key);
                }
            }
        }
        for topic in &request.forgotten_topics_data {
            session.partitions.retain(|key| key.0 != topic.topic_id || !topic.partitions.contains(&key.1));
        }
        // Whoever came last comes first next time, so that all have their turn.
        let mut wanted = session.partitions.clone();
        if !wanted.is_empty() {
            let turn = usize::try_from(session.epoch).unwrap_or(0) % wanted.len();
            wanted.rotate_left(turn);
        }
        Ok(wanted)
    }

    /// A request with nothing but acknowledgements.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub(super) fn acknowledge(&mut self, who: &Who, epoch: i32) -> Result<(), ErrorCode> {
        if epoch == INITIAL_EPOCH {
            return Err(ErrorCode::InvalidShareSessionEpoch);
        }
        let session = self.checked(who, epoch)?;
        if epoch != FINAL_EPOCH {
            session.epoch = next_epoch(session.epoch);
        }
        Ok(())
    }

    fn checked(&mut self, who: &Who, epoch: i32) -> Result<&mut Session, ErrorCode> {
        let session = self.sessions.get_mut(who).ok_or(ErrorCode::ShareSessionNotFound)?;
        if epoch != FINAL_EPOCH && session.epoch != epoch {
            return Err(ErrorCode::InvalidShareSessionEpoch);
        }
        Ok(session)
    }

    /// The session is over. Whether there was one.
    pub(super) fn end(&mut self, who: &Who) -> bool {
        self.sessions.remove(who).is_some()
    }

    /// Whether any member of a group has a session.
    pub(super) fn has_group(&self, group: &str) -> bool {
        self.sessions.keys().any(|who| *who.0 == *group)
    }

    /// Whose sessions a connection carries.
    pub(super) fn of_connection(&self, conn: ConnId) -> Vec<Who> {
        self.sessions.iter().filter(|(_, session)| session.conn == conn).map(|(who, _)| who.clone()).collect()
    }
}

fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}
