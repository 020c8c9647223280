//! The wire: message schema, codec, versions and error codes.
//!
//! Must not know any state.
//!
//! ```
//! use terrarium::protocol::messages::heartbeat::HeartbeatRequest;
//! use terrarium::protocol::{ApiKey, Message, decode_request_header, dissect_request, encode_request};
//!
//! let heartbeat = HeartbeatRequest { group_id: "bees".to_owned(), generation_id: 3, ..Default::default() };
//! let frame = encode_request(4, 1, "bee", &heartbeat)?;
//!
//! let (header, body) = decode_request_header(&frame)?;
//! assert_eq!(ApiKey::try_from(header.api_key), Ok(ApiKey::Heartbeat));
//! assert_eq!(HeartbeatRequest::decode(&body, header.api_version)?, heartbeat);
//! let spans = dissect_request(&frame).spans;
//! assert!(spans.iter().any(|span| span.name == "generationId" && span.value == "3"));
//! # Ok::<(), terrarium::protocol::WireError>(())
//! ```

mod api;
mod error;
mod header;
pub mod messages;
pub mod records;
mod refusal;
mod topic;
pub mod wire;

pub use api::{ApiKey, dissect_request, dissect_response, negotiate};
pub use error::ErrorCode;
pub use header::{
    RequestHeader, decode_request_header, decode_response, decode_response_rope, encode_raw_request,
    encode_request, encode_response, encode_response_rope,
};
pub use refusal::{encode_refusal, is_not_controller};
pub use topic::TopicPartition;
pub use wire::{Dissection, Message, Span, Uuid, WireError, WireFault};
