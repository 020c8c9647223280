//! The wire: message schema, codec, versions and error codes.
//!
//! Must not know any state.

mod api;
mod error;
mod header;
pub mod messages;
mod topic;
pub mod wire;

pub use api::{ApiKey, dissect_request, dissect_response, negotiate};
pub use error::ErrorCode;
pub use header::{RequestHeader, decode_request_header, decode_response, encode_request, encode_response};
pub use topic::TopicPartition;
pub use wire::{Dissection, Message, Span, Uuid, WireError, WireFault};
