//! What is left out of the diagram.

use crate::base::{FrameKind, NodeId, Set, sort_by};
use crate::protocol::{TopicPartition, dissect_request, dissect_response};
use crate::trace::Frame;
use crate::view::words::Names;

use super::{Arrow, Flow, Sort};

/// What is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// These nodes, and all that passes between them and others.
    pub nodes: Set<NodeId>,
    /// Frames for these.
    pub flows: Set<Flow>,
    /// Marks of these.
    pub sorts: Set<Sort>,
    /// All frames but those of this API.
    pub api: Option<i16>,
    /// All frames and marks but those about this partition.
    pub partition: Option<TopicPartition>,
}

impl Filter {
    /// Whether an arrow may be drawn, whatever partitions it is about.
    pub fn allows(&self, arrow: &Arrow) -> bool {
        !self.flows.contains(&arrow.flow)
            && self.api.is_none_or(|api| api == arrow.api_key)
            && !self.nodes.contains(&arrow.from)
            && !self.nodes.contains(&arrow.to)
    }

    /// Nothing is left out.
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }
}

/// The partitions that a frame speaks of, as far as its bytes can be read.
pub fn about(frame: &Frame, names: &Names) -> Vec<TopicPartition> {
    let bytes = frame.bytes.whole();
    let dissection = match frame.info.kind {
        FrameKind::Request => dissect_request(&bytes),
        FrameKind::Response => dissect_response(&bytes, frame.info.api_key, frame.info.api_version),
    };
    let mut topic = None;
    let mut found = Vec::new();
    let mut indexes = false;
    for span in dissection.spans {
        let value = span.value.trim_matches('"');
        let is_index = span.name.starts_with('[');
        match span.name.as_str() {
            "name" | "topic" | "topicName" if !value.is_empty() => topic = Some(value.to_owned()),
            "topicId" => topic = names.topic_of_id(value).map(|name| name.to_string()).or(topic),
            "partitionIndexes" | "partitions" => indexes = true,
            "partition" | "partitionIndex" | "index" => found.extend(named(topic.as_deref(), value)),
            _ if is_index && indexes => found.extend(named(topic.as_deref(), value)),
            _ => {}
        }
        if !is_index && !matches!(span.name.as_str(), "partitionIndexes" | "partitions") {
            indexes = false;
        }
    }
    sort_by(&mut found, Ord::cmp);
    found.dedup();
    found
}

fn named(topic: Option<&str>, partition: &str) -> Option<TopicPartition> {
    Some(TopicPartition::new(topic?, partition.parse().ok()?))
}
