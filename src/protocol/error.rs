//! Kafka's error codes.

use serde::{Deserialize, Serialize};

/// An error code as responses carry it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// No error.
    #[default]
    None,
    /// The replica is not the leader (any more).
    NotLeaderOrFollower,
}
