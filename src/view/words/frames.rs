//! What a frame asks or answers, in words. Bytes that are not what they claim to be are
//! described by their name alone.

mod answers;
mod asks;

use crate::base::FrameKind;
use crate::protocol::ApiKey;
use crate::storage::batches;
use crate::trace::Frame;
use crate::zookeeper::{op_name, speaks_zookeeper};

use super::phrases::len;

pub(super) use answers::answer;
pub(super) use asks::ask;

/// `Fetch v17 request`.
pub fn frame_name(frame: &Frame) -> String {
    let kind = match frame.info.kind {
        FrameKind::Request => "request",
        FrameKind::Response => "response",
    };
    if speaks_zookeeper(frame.info.api_key) {
        return format!("ZooKeeper {} {kind}", op_name(frame.info.api_key));
    }
    format!("{} v{} {kind}", api_name(frame.info.api_key), frame.info.api_version)
}

/// Kafka's name of an API.
pub fn api_name(api_key: i16) -> String {
    if speaks_zookeeper(api_key) {
        return op_name(api_key).to_owned();
    }
    ApiKey::try_from(api_key).map_or_else(|_| format!("API {api_key}"), |api| api.name().to_owned())
}

/// How many records these batches say they hold, and the first one's offset.
pub(super) fn records_in(records: Option<&bytes::Bytes>) -> (i64, Option<i64>) {
    let Some(bytes) = records else { return (0, None) };
    let mut first = None;
    let mut records = 0;
    for batch in batches(bytes).map_while(Result::ok) {
        first.get_or_insert(batch.base_offset());
        records += i64::from(batch.count().max(0));
    }
    (records, first)
}

/// How many of them have an error; for "and 2 more".
pub(super) fn and_more(left: usize) -> String {
    if left == 0 { String::new() } else { format!(" and {} more", len(left)) }
}
