//! Where to begin: committed offsets (OffsetFetch), the ends of the log (ListOffsets), seeks.

use super::config::OffsetReset;
use super::subscription::{AUTO_OFFSET_RESET, Position, Seeking};
use super::{Consumer, ConsumerTimer, MemberState, Request, SeekTo};
use crate::base::{Map, Set};
use crate::client::metadata_cache::is_invalid_metadata;
use crate::client::network::{Response, SendOptions};
use crate::protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest};
use crate::protocol::messages::list_offsets::{ListOffsetsResponse, ListOffsetsTopic};
use crate::protocol::messages::offset_fetch::OffsetFetchResponse;
use crate::protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup};
use crate::protocol::messages::offset_fetch::{OffsetFetchRequestTopic, OffsetFetchRequestTopics};
use crate::protocol::{ErrorCode, TopicPartition};
use crate::trace::{Ctx, Event};

impl OffsetReset {
    /// Where it leads, when the clock shows so many milliseconds; nowhere for `none`.
    pub(super) fn seeking(self, now_ms: i64) -> Option<Seeking> {
        match self {
            OffsetReset::Earliest => Some(Seeking::Beginning),
            OffsetReset::Latest => Some(Seeking::End),
            OffsetReset::ByDuration(ago_ms) => {
                let ago_ms = i64::try_from(ago_ms).unwrap_or(i64::MAX);
                Some(Seeking::Time(now_ms.saturating_sub(ago_ms)))
            }
            OffsetReset::None => None,
        }
    }
}

/// A committed offset as a response tells it: partition, offset, epoch, error.
type Fetched = (TopicPartition, i64, i32, ErrorCode);

impl Consumer {
    /// `seek()` and its kin.
    pub(super) fn seek(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, at: &TopicPartition, to: SeekTo) {
        let Some(partition) = self.owned.get_mut(at) else {
            return self.report(
                ctx,
                ErrorCode::InvalidRequest,
                &format!("cannot seek: {at} is not assigned"),
            );
        };
        match to {
            SeekTo::Offset(offset) if offset >= 0 => {
                partition.seek(Position { offset, leader_epoch: -1 });
                ctx.trace(Event::PositionSet { at: at.clone(), offset, by: "seek" });
            }
            SeekTo::Offset(_) => self.report(ctx, ErrorCode::InvalidRequest, "no offset is negative"),
            SeekTo::Beginning => partition.search(Seeking::Beginning, "seekToBeginning"),
            SeekTo::End => partition.search(Seeking::End, "seekToEnd"),
            SeekTo::Timestamp(timestamp) => {
                partition.search(Seeking::Time(timestamp), "offsetsForTimes");
            }
        }
    }

    /// In `poll()`: looks for the positions that are missing.
    pub(super) fn find_positions(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>) {
        let now = ctx.now();
        let mut committed = Set::new();
        let mut ends: Map<i32, Map<TopicPartition, Seeking>> = Map::new();
        let mut without_leader = false;
        for (at, partition) in self.owned.iter().filter(|(_, partition)| partition.not_before <= now) {
            match partition.seeking {
                Some(Seeking::Committed) => {
                    committed.insert(at.clone());
                }
                Some(end) => match self.network.metadata().leader(at) {
                    Some((leader, _)) => {
                        ends.entry(leader).or_default().insert(at.clone(), end);
                    }
                    None => without_leader = true,
                },
                None => {}
            }
        }
        if without_leader {
            self.network.refresh_metadata(ctx);
        }
        if !committed.is_empty() {
            self.send_offset_fetch(ctx, committed);
        }
        for (node, partitions) in ends {
            self.send_list_offsets(ctx, node, partitions);
        }
    }

    fn send_offset_fetch(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, partitions: Set<TopicPartition>) {
        if self.config.group_id.is_none() {
            return partitions.iter().for_each(|at| self.reset(ctx, at));
        }
        // As a member it asks when it knows its assignment; without a group's help, at once.
        let may_ask =
            !self.is_subscribed() || self.is_managed() || self.membership.state == MemberState::Stable;
        if !may_ask || self.is_asking(|request| matches!(request, Request::OffsetFetch { .. })) {
            return;
        }
        let Some(node) = self.coordinator_node(ctx) else { return };
        let version = self.network.version_for::<OffsetFetchRequest>(node).unwrap_or(0);
        let mut topics: Map<String, Vec<i32>> = Map::new();
        for at in &partitions {
            topics.entry(at.topic.to_string()).or_default().push(at.partition);
        }
        let topics = topics.into_iter();
        let mut request =
            OffsetFetchRequest { require_stable: version >= 7, ..OffsetFetchRequest::default() };
        if version >= 8 {
            let topic = |(name, partition_indexes)| OffsetFetchRequestTopics { name, partition_indexes };
            request.groups = vec![OffsetFetchRequestGroup {
                group_id: self.group_id().to_owned(),
                topics: Some(topics.map(topic).collect()),
                ..self.offset_fetch_group()
            }];
        } else {
            let topic = |(name, partition_indexes)| OffsetFetchRequestTopic { name, partition_indexes };
            request.group_id = self.group_id().to_owned();
            request.topics = Some(topics.map(topic).collect());
        }
        self.send(ctx, node, &request, Request::OffsetFetch { partitions }, SendOptions::default());
    }

    /// As which member it asks: the coordinator of a managed group wants to know (KIP-848).
    fn offset_fetch_group(&self) -> OffsetFetchRequestGroup {
        let mut group = OffsetFetchRequestGroup::default();
        if self.is_managed() && self.is_subscribed() {
            group.member_id = Some(self.membership.member_id.clone());
            group.member_epoch = self.membership.generation;
        }
        group
    }

    pub(super) fn on_offset_fetch(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        response: &Response,
        asked: Set<TopicPartition>,
    ) {
        let fetched = match self.decode::<OffsetFetchResponse>(ctx, response).and_then(fetched_offsets) {
            Ok(fetched) => fetched,
            Err(error) => {
                let is_ordinary = error.is_retriable()
                    || matches!(error, ErrorCode::StaleMemberEpoch | ErrorCode::UnknownMemberId);
                if !self.is_about_coordinator(ctx, error) && !is_ordinary {
                    self.report(ctx, error, "cannot fetch committed offsets");
                }
                asked.iter().for_each(|at| self.back_off(ctx, at));
                return;
            }
        };
        for (at, offset, leader_epoch, error) in fetched {
            let searching = |partition: &&mut super::OwnedPartition| {
                partition.seeking == Some(Seeking::Committed) && asked.contains(&at)
            };
            let Some(partition) = self.owned.get_mut(&at).filter(searching) else { continue };
            if error.is_error() {
                self.back_off(ctx, &at);
            } else if offset < 0 {
                self.reset(ctx, &at);
            } else {
                partition.seek(Position { offset, leader_epoch });
                partition.committed = Some(offset);
                partition.failures = 0;
                ctx.trace(Event::PositionSet { at, offset, by: "commit" });
            }
        }
    }

    /// No valid position: `auto.offset.reset` decides.
    pub(super) fn reset(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, at: &TopicPartition) {
        let seeking = self.config.auto_offset_reset.seeking(ctx.unix_ms());
        match (seeking, self.owned.get_mut(at)) {
            (Some(seeking), Some(partition)) => partition.search(seeking, AUTO_OFFSET_RESET),
            (None, Some(_)) => {
                let detail = format!("no valid offset for {at} and auto.offset.reset=none");
                self.fail(ctx, ErrorCode::OffsetOutOfRange, &detail);
            }
            (_, None) => {}
        }
    }

    fn send_list_offsets(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        node: i32,
        mut partitions: Map<TopicPartition, Seeking>,
    ) {
        partitions.retain(|at, _| !self.is_asking(|request| is_listing(request, at)));
        if partitions.is_empty() || !self.network.ready(ctx, node) {
            return;
        }
        let mut topics: Map<String, Vec<ListOffsetsPartition>> = Map::new();
        for (at, seeking) in &partitions {
            let Some(timestamp) = seeking.timestamp() else { continue };
            topics.entry(at.topic.to_string()).or_default().push(ListOffsetsPartition {
                partition_index: at.partition,
                current_leader_epoch: self.network.metadata().leader(at).map_or(-1, |(_, epoch)| epoch),
                timestamp,
            });
        }
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level: self.config.isolation_level.code(),
            topics: topics
                .into_iter()
                .map(|(name, partitions)| ListOffsetsTopic { name, partitions })
                .collect(),
            timeout_ms: i32::try_from(self.config.request_timeout_ms).unwrap_or(i32::MAX),
        };
        self.send(ctx, node, &request, Request::ListOffsets { partitions }, SendOptions::default());
    }

    pub(super) fn on_list_offsets(
        &mut self,
        ctx: &mut Ctx<'_, ConsumerTimer>,
        response: &Response,
        asked: &Map<TopicPartition, Seeking>,
    ) {
        let answer = match self.decode::<ListOffsetsResponse>(ctx, response) {
            Ok(answer) => answer,
            Err(error) => {
                self.network.metadata_is_stale(ctx, error);
                asked.keys().for_each(|at| self.back_off(ctx, at));
                return;
            }
        };
        for topic in answer.topics {
            for found in topic.partitions {
                let at = TopicPartition::new(topic.name.as_str(), found.partition_index);
                let Some(seeking) = asked.get(&at) else { continue };
                if found.error_code.is_error() {
                    if is_invalid_metadata(found.error_code) {
                        self.network.metadata_is_stale(ctx, found.error_code);
                    } else if !found.error_code.is_retriable() {
                        self.report(ctx, found.error_code, "cannot list offsets");
                    }
                    self.back_off(ctx, &at);
                    continue;
                }
                let Some(partition) = self.owned.get_mut(&at) else { continue };
                if partition.seeking != Some(*seeking) {
                    continue;
                }
                if found.offset < 0 && matches!(seeking, Seeking::Time(_)) {
                    partition.search(Seeking::End, partition.sought_by);
                } else {
                    let (offset, leader_epoch) = (found.offset.max(0), found.leader_epoch);
                    partition.seek(Position { offset, leader_epoch });
                    partition.failures = 0;
                    let by = partition.sought_by;
                    ctx.trace(Event::PositionSet { at, offset, by });
                }
            }
        }
    }

    /// The next request about the partition has to wait.
    pub(super) fn back_off(&mut self, ctx: &mut Ctx<'_, ConsumerTimer>, at: &TopicPartition) {
        let backoff = self.config.retry_backoff();
        if let Some(partition) = self.owned.get_mut(at) {
            partition.failures = partition.failures.saturating_add(1);
            partition.not_before = ctx.now() + backoff.after(partition.failures, ctx.rng());
        }
    }
}

fn is_listing(request: &Request, at: &TopicPartition) -> bool {
    matches!(request, Request::ListOffsets { partitions } if partitions.contains_key(at))
}

/// What the response says, whichever shape its version has.
fn fetched_offsets(response: OffsetFetchResponse) -> Result<Vec<Fetched>, ErrorCode> {
    let groups = response.groups.iter().map(|group| group.error_code);
    if let Some(error) = groups.chain([response.error_code]).find(|error| error.is_error()) {
        return Err(error);
    }
    let single = response.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|it| {
            let at = TopicPartition::new(topic.name.as_str(), it.partition_index);
            (at, it.committed_offset, it.committed_leader_epoch, it.error_code)
        })
    });
    let batched = response.groups.iter().flat_map(|group| &group.topics).flat_map(|topic| {
        topic.partitions.iter().map(|it| {
            let at = TopicPartition::new(topic.name.as_str(), it.partition_index);
            (at, it.committed_offset, it.committed_leader_epoch, it.error_code)
        })
    });
    Ok(single.chain(batched).collect())
}
