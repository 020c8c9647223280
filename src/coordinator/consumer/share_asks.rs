//! The states of a share group's partitions are begun when somebody subscribes to their topics and
//! forgotten with the group or with the topics.
//!
//! Rule: KIP-932, *Managing the share-partition state*.

use std::sync::Arc;

use super::draft::Draft;
use super::heartbeat::Refusal;
use super::share_offsets;
use super::share_topics::{ShareTopics, name_of};
use super::{ConsumerGroup, GroupChange, Partitions};
use crate::base::Set;
use crate::coordinator::group::Group;
use crate::coordinator::outcome::{
    GroupResponse, Moment, Outcome, ShareAsk, SharePart, ShareThen, ShareTold, ShareWhat, Then,
};
use crate::coordinator::rebalance::Work;
use crate::coordinator::share_state::NO_START_OFFSET;
use crate::coordinator::{GroupCoordinator, GroupState};
use crate::protocol::messages::share_group_offsets::{DeleteShareGroupOffsetsResponse, DeletedTopic};
use crate::protocol::{ErrorCode, Uuid};

impl ConsumerGroup {
    /// The share topics, to be changed.
    pub(super) fn share_topics_now(&self) -> ShareTopics {
        self.share_topics.as_deref().cloned().unwrap_or_default()
    }
}

impl Draft<'_> {
    /// Whether partitions of the group's topics have got a state that no member has been given yet, or
    /// the reverse.
    #[inline(never)]
    pub(super) fn awaits_assignment(&self) -> bool {
        let Some(topics) = self.group.share_topics.as_deref().filter(|_| !self.group.members.is_empty())
        else {
            return false;
        };
        let subscribed = self.group.subscribed_topics();
        let mut given = Partitions::new();
        self.group.targets.values().for_each(|target| given.extend(target.iter().copied()));
        topics.initialized.iter().any(|(id, topic)| {
            let is_there = self.image.topics.get(&topic.name).is_some_and(|known| known.id == *id);
            let given = given.iter().filter(|at| at.0 == *id).map(|at| &at.1);
            is_there && subscribed.contains(&topic.name) && !given.eq(topic.partitions.iter())
        })
    }

    /// Has the states begun that the group's topics lack.
    #[inline(never)]
    pub(super) fn begin_share_topics(&mut self) -> Result<(), Refusal> {
        let subscribed = self.group.subscribed_topics();
        let now_ms = self.now.unix_ms();
        let retry_ms =
            self.config.share_initialize_retry_interval_ms.max(self.config.offsets_commit_timeout_ms);
        let mut topics = self.group.share_topics_now();
        let missing = topics.missing(self.image, &subscribed, now_ms, retry_ms.into());
        if missing.is_empty() {
            return Ok(());
        }
        topics.begin(&missing);
        self.write(GroupChange::ShareTopics(Some(Arc::new(topics))))?;
        let parts = missing.iter().flat_map(|(id, topic)| {
            topic.partitions.iter().map(|partition| self.part(*id, *partition, NO_START_OFFSET))
        });
        let (parts, what) = (parts.collect(), ShareWhat::Initialize(self.group.group_epoch));
        self.asks.push(ShareAsk { what, parts, group: self.id.clone(), then: ShareThen::Begun });
        Ok(())
    }

    pub(super) fn part(&self, topic: Uuid, partition: i32, start_offset: i64) -> SharePart {
        SharePart { key: (self.id.clone(), topic, partition), start_offset }
    }
}

impl Work<'_> {
    /// A share group is to be deleted: first the states of its partitions are. False if there are none.
    #[inline(never)]
    pub(in crate::coordinator) fn forget_share_states(
        &mut self,
        slot: &mut Arc<Group>,
        token: u64,
    ) -> Result<bool, ErrorCode> {
        if slot.state != GroupState::Empty {
            return Ok(false);
        }
        let mut draft = self.draft(slot);
        let mut topics = draft.group.share_topics_now();
        let gone = topics.forget_all(self.image);
        if gone.is_empty() {
            return Ok(false);
        }
        let change = GroupChange::ShareTopics(Some(Arc::new(topics)));
        draft.write(change).map_err(|refusal| refusal.error)?;
        let parts = gone.iter().map(|at| draft.part(at.0, at.1, NO_START_OFFSET)).collect();
        let (group, then) = (slot.id.clone(), ShareThen::Delete { token });
        draft.asks.push(ShareAsk { what: ShareWhat::Delete, parts, group, then });
        self.adopt(slot, draft, None);
        Ok(true)
    }

    /// Changes what is known of the states of a share group's partitions.
    fn change_share_topics(
        &mut self,
        slot: &mut Arc<Group>,
        reply: Option<(u64, GroupResponse)>,
        change: impl FnOnce(&mut ShareTopics),
    ) {
        let mut draft = self.draft(slot);
        let mut topics = draft.group.share_topics_now();
        change(&mut topics);
        match draft.write(GroupChange::ShareTopics(Some(Arc::new(topics)))) {
            Ok(()) => self.adopt(slot, draft, reply),
            Err(refusal) => {
                self.out.replies.extend(reply.map(|(token, reply)| (token, reply.failed(refusal.error))));
            }
        }
    }

    #[inline(never)]
    fn share_topics_gone(&mut self, slot: &mut Arc<Group>, gone: &Set<Uuid>) {
        let topics = slot.share().and_then(|share| share.share_topics());
        if topics.is_some_and(|topics| topics.clone().drop_topics(gone)) {
            self.change_share_topics(slot, None, |topics| {
                topics.drop_topics(gone);
            });
        }
    }
}

impl GroupCoordinator {
    /// Topics were deleted. The share coordinator sees to the states of their partitions on its own.
    #[inline(never)]
    pub fn share_topics_deleted(&mut self, at: Moment<'_>, gone: &Set<Uuid>, out: &mut Outcome) {
        let Moment { now, image } = at;
        for (&partition, shard) in self.shards.iter_mut().filter(|(_, shard)| !shard.is_loading) {
            let leader_epoch = shard.leader_epoch;
            let mut work = Work { config: &self.config, image, now, partition, leader_epoch, out: &mut *out };
            for slot in shard.groups.values_mut().filter(|slot| slot.share().is_some()) {
                work.share_topics_gone(slot, gone);
            }
        }
    }

    /// The share coordinator has answered: what it said of each part of what it was asked.
    #[inline(never)]
    pub fn share_told(&mut self, at: Moment<'_>, ask: ShareAsk, told: &[ShareTold], out: &mut Outcome) {
        let ShareAsk { what, parts, group: id, then } = ask;
        let error = told.iter().map(|told| told.error).find(|error| error.is_error());
        let then = match then {
            ShareThen::Described { token, response } => {
                return share_offsets::describe(token, response, told, out);
            }
            ShareThen::Delete { token } => {
                let deleted = match error {
                    Some(error) => Err(error),
                    None => self.delete_forgotten(at, token, &id, out),
                };
                return match deleted {
                    Ok(()) => {}
                    Err(error) => self.conclude(Then::Delete { token, group: id }, error, out),
                };
            }
            ShareThen::Altered { token, mut response } => {
                share_offsets::tell_errors(&mut response, &parts, told);
                out.replies.push((token, GroupResponse::AlterShareGroupOffsets(response)));
                if error.is_some() {
                    return;
                }
                ShareThen::Begun
            }
            then => then,
        };
        let ids: Partitions = parts.iter().map(|part| (part.key.1, part.key.2)).collect();
        let now_ms = at.now.unix_ms();
        let found = self.work(&id, at, out).and_then(|(work, shard)| {
            let slot = shard.groups.get_mut(&id).filter(|slot| slot.share().is_some());
            slot.filter(|slot| slot.state != GroupState::Dead)
                .map(|slot| (work, slot))
                .ok_or(ErrorCode::GroupIdNotFound)
        });
        let (mut work, slot) = match found {
            Ok(found) => found,
            Err(error) => {
                return self.unasked(ShareAsk { what, parts, group: id, then }, error, out);
            }
        };
        match then {
            ShareThen::Forgotten { token, failed } => {
                let (response, forgotten) = forgotten(at, failed, &parts, told);
                let reply = GroupResponse::DeleteShareGroupOffsets(response);
                if forgotten.is_empty() {
                    return work.out.replies.push((token, reply));
                }
                work.change_share_topics(slot, Some((token, reply)), |topics| {
                    topics.deleting.retain(|id, _| !forgotten.contains(id));
                });
            }
            _ => work.change_share_topics(slot, None, |topics| {
                topics.settle(at.image, &ids, error.is_none(), now_ms);
            }),
        }
    }

    fn delete_forgotten(
        &mut self,
        at: Moment<'_>,
        token: u64,
        id: &str,
        out: &mut Outcome,
    ) -> Result<(), ErrorCode> {
        let (mut work, shard) = self.work(id, at, out)?;
        let slot = shard.groups.get_mut(id).ok_or(ErrorCode::GroupIdNotFound)?;
        work.delete(Arc::make_mut(slot), token)
    }

    /// Nobody asks: whoever waits for the answers is told why.
    #[inline(never)]
    pub(in crate::coordinator) fn unasked(&mut self, ask: ShareAsk, error: ErrorCode, out: &mut Outcome) {
        match ask.then {
            ShareThen::Begun => {}
            ShareThen::Delete { token } => {
                self.conclude(Then::Delete { token, group: ask.group }, error, out);
            }
            ShareThen::Altered { token, .. } => {
                out.replies.push((token, share_offsets::alteration_error(error, None)));
            }
            ShareThen::Forgotten { token, .. } => {
                let nothing =
                    GroupResponse::DeleteShareGroupOffsets(DeleteShareGroupOffsetsResponse::default());
                out.replies.push((token, nothing.failed(error)));
            }
            ShareThen::Described { token, response } => share_offsets::describe(token, response, &[], out),
        }
    }
}

/// The answer to DeleteShareGroupOffsets, and which topics are forgotten.
fn forgotten(
    at: Moment<'_>,
    failed: Vec<DeletedTopic>,
    parts: &[SharePart],
    told: &[ShareTold],
) -> (DeleteShareGroupOffsetsResponse, Set<Uuid>) {
    let (mut responses, mut failures) = (Vec::new(), failed);
    let mut done = Set::new();
    let ids: Set<Uuid> = parts.iter().map(|part| part.key.1).collect();
    for topic_id in ids {
        let mut mine = parts.iter().zip(told).filter(|(part, _)| part.key.1 == topic_id);
        let error = mine.find(|(_, told)| told.error.is_error()).map(|(_, told)| told.error);
        let topic_name = name_of(at.image, &topic_id).to_string();
        match error {
            None => {
                done.insert(topic_id);
                responses.push(DeletedTopic { topic_name, topic_id, ..DeletedTopic::default() });
            }
            Some(error_code) => {
                let error_message = Some(error_code.message().to_owned());
                failures.push(DeletedTopic { topic_name, topic_id, error_code, error_message });
            }
        }
    }
    responses.append(&mut failures);
    (DeleteShareGroupOffsetsResponse { responses, ..Default::default() }, done)
}
