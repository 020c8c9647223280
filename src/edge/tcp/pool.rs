//! How many bytes of requests may be on their way in: `queued.max.request.bytes` (KIP-72).
//!
//! A request that is not whole takes as many bytes as its first four announce, until it is. As in
//! Kafka, one that begins while there is any room is let in, however large it is; while there is
//! none, nobody else's next request is read on.

// Native only: as is the whole door.

use std::collections::BTreeMap;

use crate::base::ConnId;

/// What requests take.
#[derive(Debug)]
pub(super) struct Pool {
    /// None: as many as there are.
    most: Option<u64>,
    taken: u64,
    requests: BTreeMap<ConnId, u64>,
}

impl Pool {
    /// As the config has it: −1 is no limit.
    pub(super) fn new(queued_max_request_bytes: i64) -> Pool {
        let most = u64::try_from(queued_max_request_bytes).ok().filter(|most| *most > 0);
        Pool { most, taken: 0, requests: BTreeMap::new() }
    }

    /// Whether a connection may be read on, on which a request of so many bytes has begun; 0 when
    /// none has.
    pub(super) fn lets_in(&mut self, conn: ConnId, announced: u64) -> bool {
        let Some(most) = self.most else { return true };
        if self.requests.get(&conn) == Some(&announced) {
            return true;
        }
        self.forget(conn);
        if announced > 0 {
            if self.taken >= most {
                return false;
            }
            self.taken += announced;
            self.requests.insert(conn, announced);
        }
        true
    }

    /// A connection takes nothing any more; whether it did.
    pub(super) fn forget(&mut self, conn: ConnId) -> bool {
        let had = self.requests.remove(&conn);
        self.taken -= had.unwrap_or(0);
        had.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_there_is_no_room_nobody_elses_request_is_read_on() {
        let mut pool = Pool::new(100);
        let [a, b, c] = [1, 2, 3].map(ConnId);
        assert!(pool.lets_in(a, 90) && pool.lets_in(a, 90), "the same request goes on");
        assert!(pool.lets_in(b, 90), "there is a little room");
        assert!(!pool.lets_in(c, 10));
        assert!(pool.lets_in(c, 0), "small requests are whole at once");
        assert!(pool.lets_in(a, 0));
        assert!(pool.lets_in(c, 10));
        assert!(!pool.lets_in(a, 1));
        assert!(pool.forget(b) && !pool.forget(b));
        assert!(pool.lets_in(a, 1));
        assert!(Pool::new(-1).lets_in(a, u64::MAX));
    }
}
