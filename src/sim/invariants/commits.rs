//! What coordinators promise of offsets: whom they have put out cannot commit any more. Looks at the
//! requests and responses themselves.

use std::sync::Arc;

use super::FENCED_COMMIT;
use crate::base::{ConnId, FrameKind, Map, NodeId, Set};
use crate::protocol::messages::offset_commit::{OffsetCommitRequest, OffsetCommitResponse};
use crate::protocol::{ApiKey, ErrorCode, Message, decode_request_header, decode_response};
use crate::trace::{Entry, Event, Frame};

/// Who was put out, and what they have asked since.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Commits {
    /// By coordinator: group and member.
    out: Set<(NodeId, Arc<str>, Arc<str>)>,
    /// Commits of such members that wait for their answer.
    asked: Map<(ConnId, i32), (Arc<str>, Arc<str>)>,
}

impl Commits {
    pub(super) fn check(&mut self, entry: &Entry, broken: &mut impl FnMut(&'static str, String)) {
        match &entry.event {
            Event::MemberLeft { group, member, .. } => {
                self.out.insert((entry.node, Arc::clone(group), Arc::clone(member)));
            }
            Event::MemberJoined { group, member, .. }
            | Event::MemberAssigned { group, member, .. }
            | Event::MemberReconciled { group, member, .. } => {
                self.out.remove(&(entry.node, Arc::clone(group), Arc::clone(member)));
            }
            // What it had decided before may not have come through.
            Event::CoordinatorElected { .. } | Event::CoordinatorResigned { .. } | Event::NodeStarted => {
                self.out.retain(|(node, _, _)| *node != entry.node);
            }
            Event::Received { conn, frame, .. }
                if is_commit(frame, FrameKind::Request) && !self.out.is_empty() =>
            {
                self.note_request(entry.node, *conn, frame);
            }
            Event::Sent { conn, frame, .. }
                if is_commit(frame, FrameKind::Response) && !self.asked.is_empty() =>
            {
                self.check_response(*conn, frame, entry.node, broken);
            }
            _ => {}
        }
    }

    #[inline(never)]
    fn note_request(&mut self, node: NodeId, conn: ConnId, frame: &Frame) {
        let bytes = frame.bytes.whole();
        let Ok((header, body)) = decode_request_header(&bytes) else { return };
        let Ok(request) = OffsetCommitRequest::decode(&body, header.api_version) else { return };
        let (group, member): (Arc<str>, Arc<str>) = (request.group_id.into(), request.member_id.into());
        if self.out.contains(&(node, Arc::clone(&group), Arc::clone(&member))) {
            self.asked.insert((conn, frame.info.correlation_id), (group, member));
        }
    }

    #[inline(never)]
    fn check_response(
        &mut self,
        conn: ConnId,
        frame: &Frame,
        node: NodeId,
        broken: &mut impl FnMut(&'static str, String),
    ) {
        let Some((group, member)) = self.asked.remove(&(conn, frame.info.correlation_id)) else { return };
        let Ok((_, response)) =
            decode_response::<OffsetCommitResponse>(&frame.bytes.whole(), frame.info.api_version)
        else {
            return;
        };
        for topic in response.topics {
            let stored = topic.partitions.iter().filter(|partition| partition.error_code == ErrorCode::None);
            let indexes: Vec<String> =
                stored.map(|partition| partition.partition_index.to_string()).collect();
            if !indexes.is_empty() {
                let (topic, indexes) = (topic.name, indexes.join(", "));
                broken(
                    FENCED_COMMIT,
                    format!(
                        "{topic}-{indexes}: coordinator {node} had put {member} out of {group} and stores its offsets"
                    ),
                );
            }
        }
    }
}

fn is_commit(frame: &Frame, kind: FrameKind) -> bool {
    frame.info.api_key == ApiKey::OffsetCommit.code() && frame.info.kind == kind
}
