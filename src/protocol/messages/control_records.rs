//! Values of control records in KRaft logs.

use crate::protocol::wire::{Uuid, wire};

wire! {
    /// A leader has been elected: the first record of its epoch (KIP-595).
    LeaderChangeMessage(-1, 0..=1, 0) {
        version: i16,
        leader_id: i32,
        voters: Vec<Voter>,
        granting_voters: Vec<Voter>,
    }

    /// A snapshot begins (KIP-630).
    SnapshotHeaderRecord(-1, 0..=0, 0) {
        version: i16,
        last_contained_log_timestamp: i64,
    }

    /// A snapshot ends (KIP-630).
    SnapshotFooterRecord(-1, 0..=0, 0) {
        version: i16,
    }

    Voter {
        voter_id: i32,
        voter_directory_id: Uuid [1..],
    }
}
