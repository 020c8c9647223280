//! ShareGroupHeartbeat: as ConsumerGroupHeartbeat, but nobody has to let go of anything.

use crate::base::Set;
use crate::client::consumer::{Consumer, ConsumerTimer, Request};
use crate::client::network::{Response, SendOptions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_group_heartbeat as managed;
use crate::protocol::messages::share_group_heartbeat::{
    ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse,
};
use crate::trace::Ctx;

impl Consumer {
    /// Sends a heartbeat; it says what it subscribes to when that is news.
    #[inline(never)]
    pub(in crate::client::consumer) fn send_share_heartbeat(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
        says_topics: bool,
        says_rack: bool,
    ) -> bool {
        let topics: Set<String> = self.app.topics.iter().map(ToString::to_string).collect();
        let request = ShareGroupHeartbeatRequest {
            group_id: self.group_id().to_owned(),
            member_id: self.membership.member_id.clone(),
            member_epoch: self.membership.generation,
            rack_id: self.config.client_rack.as_deref().filter(|_| says_rack).map(str::to_owned),
            subscribed_topic_names: says_topics.then(|| topics.into_iter().collect()),
        };
        self.send(ctx, node, &request, Request::ManagedHeartbeat, SendOptions::default())
    }

    /// Says good-bye.
    #[inline(never)]
    pub(in crate::client::consumer) fn send_share_leave(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
        closing: bool,
    ) -> bool {
        let request = ShareGroupHeartbeatRequest {
            group_id: self.group_id().to_owned(),
            member_id: self.membership.member_id.clone(),
            member_epoch: self.membership.generation,
            ..ShareGroupHeartbeatRequest::default()
        };
        self.send(ctx, node, &request, Request::Leave { closing }, SendOptions::default())
    }

    /// What the coordinator of a share group says, in the words of the other protocol.
    pub(in crate::client::consumer) fn decode_share_heartbeat(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        response: &Response,
    ) -> Result<managed::ConsumerGroupHeartbeatResponse, ErrorCode> {
        let answer = self.decode::<ShareGroupHeartbeatResponse>(ctx, response)?;
        let assignment = answer.assignment.map(|assignment| {
            let topics = assignment.topic_partitions.into_iter();
            let topic = |it: crate::protocol::messages::share_group_heartbeat::TopicPartitions| {
                managed::ResponseTopicPartitions { topic_id: it.topic_id, partitions: it.partitions }
            };
            managed::Assignment { topic_partitions: topics.map(topic).collect() }
        });
        Ok(managed::ConsumerGroupHeartbeatResponse {
            error_code: answer.error_code,
            member_epoch: answer.member_epoch,
            heartbeat_interval_ms: answer.heartbeat_interval_ms,
            assignment,
            ..Default::default()
        })
    }
}
