//! The wire: message schema, codec, versions and error codes.
//!
//! Must not know any state.

mod error;
mod topic;

pub use error::ErrorCode;
pub use topic::TopicPartition;
