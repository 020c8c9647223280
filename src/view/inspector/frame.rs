//! A frame, field by field; record batches and the consumers' own messages inside it, too.

use bytes::Bytes;

use crate::base::{FrameInfo, FrameKind};
use crate::protocol::messages::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription,
};
use crate::protocol::{ApiKey, Dissection, Message, Span, dissect_request, dissect_response};
use crate::trace::Frame;
use crate::view::words::{Names, frame_name};
use crate::zookeeper;

use super::records::{Opener, batch_fields};

/// A frame opened up.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameView {
    /// `Fetch v17 request`.
    pub name: String,
    /// Who sent it.
    pub from: String,
    /// Whom to.
    pub to: String,
    /// Size without the length prefix.
    pub size_bytes: u32,
    /// Its fields, outer before inner, in the order of their bytes.
    pub fields: Vec<FieldView>,
    /// What was wrong with the bytes, if anything.
    pub error: Option<String>,
    /// Header and body.
    pub bytes: Bytes,
}

/// A field and where its bytes lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldView {
    /// How deep it lies; the outermost at 0.
    pub depth: u8,
    /// Kafka's name of it.
    pub name: String,
    /// What it says; empty for a struct.
    pub value: String,
    /// Its first byte.
    pub start: u32,
    /// Behind its last byte.
    pub end: u32,
    /// No other field lies inside it.
    pub is_leaf: bool,
}

/// Opens a frame up. Whatever the bytes are, this gives what can be read of them.
pub fn frame_view(frame: &Frame, names: &Names, from: String, to: String) -> FrameView {
    let (info, bytes) = (frame.info, frame.bytes.whole());
    let dissection = match info.kind {
        kind if zookeeper::speaks_zookeeper(info.api_key) => match kind {
            FrameKind::Request => zookeeper::dissect_request(&bytes, info.api_key),
            FrameKind::Response => zookeeper::dissect_reply(&bytes, info.api_key),
        },
        FrameKind::Request => dissect_request(&bytes),
        FrameKind::Response => dissect_response(&bytes, info.api_key, info.api_version),
    };
    let error = dissection.error.map(|error| error.to_string());
    FrameView {
        name: frame_name(frame),
        from,
        to,
        size_bytes: frame.size_bytes,
        fields: with_contents(info, &bytes, dissection, names),
        error,
        bytes,
    }
}

/// Says of each field whether another one lies inside it.
pub(super) fn mark_leaves(mut fields: Vec<FieldView>) -> Vec<FieldView> {
    for index in 1..fields.len() {
        fields[index - 1].is_leaf = fields[index].depth <= fields[index - 1].depth;
    }
    fields
}

fn with_contents(info: FrameInfo, bytes: &Bytes, dissection: Dissection, names: &Names) -> Vec<FieldView> {
    let mut fields = Vec::with_capacity(dissection.spans.len());
    let mut topic = String::new();
    for span in dissection.spans {
        match span.name.as_str() {
            "name" | "topic" => topic = span.value.trim_matches('"').to_owned(),
            "topicId" => {
                topic = names.topic_of_id(&span.value).map(|name| name.to_string()).unwrap_or_default();
            }
            _ => {}
        }
        let inside = contents(info, bytes, &span, Opener::of(&topic, names));
        fields.push(FieldView {
            depth: span.depth,
            name: span.name,
            value: span.value,
            start: span.start,
            end: span.end,
            is_leaf: true,
        });
        fields.extend(inside);
    }
    mark_leaves(fields)
}

/// What lies inside a field that the schema knows only as bytes.
fn contents(info: FrameInfo, frame: &Bytes, span: &Span, opener: Option<Opener<'_>>) -> Vec<FieldView> {
    let Ok(api) = ApiKey::try_from(info.api_key) else { return Vec::new() };
    let is_request = info.kind == FrameKind::Request;
    let is_batches = span.name == "records"
        && matches!((api, is_request), (ApiKey::Produce, true) | (ApiKey::Fetch, false));
    let is_subscription = api == ApiKey::JoinGroup && span.name == "metadata";
    let is_assignment = api == ApiKey::SyncGroup && span.name == "assignment";
    if !is_batches && !is_subscription && !is_assignment {
        return Vec::new();
    }
    let Some((bytes, start)) = behind_length(frame, span, api.is_flexible(info.api_version)) else {
        return Vec::new();
    };
    let depth = span.depth.saturating_add(1);
    if is_batches {
        return batch_fields(&bytes, start, depth, opener);
    }
    let Some(version) = bytes.get(..2).map(|two| i16::from_be_bytes([two[0], two[1]])) else {
        return Vec::new();
    };
    let body = bytes.slice(2..);
    let dissection = if is_subscription {
        ConsumerProtocolSubscription::dissect(
            &body,
            version.min(*ConsumerProtocolSubscription::VERSIONS.end()),
        )
    } else {
        ConsumerProtocolAssignment::dissect(&body, version.min(*ConsumerProtocolAssignment::VERSIONS.end()))
    };
    let field = |name: String, value, from: u32, to: u32, deeper: u8| FieldView {
        depth: depth.saturating_add(deeper),
        name,
        value,
        start: start.saturating_add(from),
        end: start.saturating_add(to),
        is_leaf: true,
    };
    let mut fields = vec![field("version".to_owned(), version.to_string(), 0, 2, 0)];
    fields.extend(
        dissection
            .spans
            .into_iter()
            .map(|inner| field(inner.name, inner.value, inner.start + 2, inner.end + 2, inner.depth)),
    );
    fields
}

/// The bytes behind a field's length, and where they begin.
fn behind_length(frame: &Bytes, span: &Span, flexible: bool) -> Option<(Bytes, u32)> {
    let (from, to) = (span.start as usize, span.end as usize);
    let field = frame.get(from..to)?;
    let prefix = match flexible {
        true => field.iter().position(|byte| byte & 0x80 == 0)? + 1,
        false => 4,
    };
    let start = from.checked_add(prefix).filter(|start| *start < to)?;
    Some((frame.slice(start..to), u32::try_from(start).ok()?))
}
