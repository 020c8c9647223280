//! Acknowledgements: those of ShareAcknowledge, and those that come with a ShareFetch.

use std::sync::Arc;

use super::fetch::ShareFetch;
use super::partition::check_batches;
use super::session::{FINAL_EPOCH, INITIAL_EPOCH, Key, Who};
use crate::base::ConnId;
use crate::broker::{Broker, Ctx};
use crate::protocol::ErrorCode;
use crate::protocol::messages::share_acknowledge::{
    PartitionData, ShareAcknowledgeRequest, ShareAcknowledgeResponse, ShareAcknowledgeTopicResponse,
};
use crate::protocol::messages::share_fetch::{AcknowledgementBatch, ShareFetchRequest, ShareFetchResponse};

/// How acknowledgements ended, and why.
pub(super) type Verdict = (ErrorCode, Option<String>);

/// A request while its acknowledgements are being written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) token: u64,
    pub(super) conn: ConnId,
    pub(super) who: Who,
    /// It ends the session.
    pub(super) is_final: bool,
    /// What is known of the acknowledgements; `None` while it is not.
    pub(super) verdicts: Vec<(Key, Option<Verdict>)>,
    /// The numbers under which they are written.
    pub(super) writes: Vec<(u64, Key)>,
    /// What it fetches, if it is a fetch.
    pub(super) fetch: Option<ShareFetch>,
}

/// Acknowledgements of a partition.
type Acknowledged = (Key, Vec<AcknowledgementBatch>);

fn who_asks(group: &Option<String>, member: &Option<String>) -> Result<Who, ErrorCode> {
    match (group.as_deref(), member.as_deref()) {
        (Some(group), Some(member)) if !group.is_empty() && !member.is_empty() => {
            Ok((Arc::from(group), Arc::from(member)))
        }
        _ => Err(ErrorCode::InvalidRequest),
    }
}

impl Broker {
    #[inline(never)]
    pub(in crate::broker) fn share_fetch(&mut self, ctx: &mut Ctx, token: u64, request: ShareFetchRequest) {
        if let Err(error_code) = self.try_share_fetch(ctx, token, request) {
            let error_message = Some(error_code.message().to_owned());
            let response = ShareFetchResponse { error_code, error_message, ..Default::default() };
            self.reply(ctx, token, &response);
        }
    }

    fn try_share_fetch(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        request: ShareFetchRequest,
    ) -> Result<(), ErrorCode> {
        let Some(conn) = self.server.asked(token).map(|asked| asked.conn) else { return Ok(()) };
        let who = who_asks(&request.group_id, &request.member_id)?;
        let epoch = request.share_session_epoch;
        let acknowledged: Vec<Acknowledged> = (request.topics.iter())
            .flat_map(|topic| {
                let with = topic.partitions.iter().filter(|part| !part.acknowledgement_batches.is_empty());
                with.map(|part| {
                    ((topic.topic_id, part.partition_index), part.acknowledgement_batches.clone())
                })
            })
            .collect();
        if epoch == INITIAL_EPOCH && !acknowledged.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        let limit = self.config.group.share_max_sessions;
        let wanted = self.shares.sessions.fetch(&who, conn, &request, limit)?;
        let fetch = ShareFetch::new(token, conn, &who, &request, wanted);
        let asked = Asked {
            token,
            conn,
            who,
            is_final: epoch == FINAL_EPOCH,
            verdicts: Vec::new(),
            writes: Vec::new(),
            fetch: Some(fetch),
        };
        self.take_acknowledgements(ctx, asked, acknowledged);
        Ok(())
    }

    #[inline(never)]
    pub(in crate::broker) fn share_acknowledge(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        request: ShareAcknowledgeRequest,
    ) {
        let Some(conn) = self.server.asked(token).map(|asked| asked.conn) else { return };
        let epoch = request.share_session_epoch;
        let who = who_asks(&request.group_id, &request.member_id);
        let who = who.and_then(|who| self.shares.sessions.acknowledge(&who, epoch).map(|()| who));
        let who = match who {
            Ok(who) => who,
            Err(error_code) => {
                let error_message = Some(error_code.message().to_owned());
                let response = ShareAcknowledgeResponse { error_code, error_message, ..Default::default() };
                return self.reply(ctx, token, &response);
            }
        };
        let acknowledged = (request.topics.into_iter())
            .flat_map(|topic| {
                let parts = topic.partitions.into_iter();
                parts.map(move |part| ((topic.topic_id, part.partition_index), part.acknowledgement_batches))
            })
            .collect();
        let is_final = epoch == FINAL_EPOCH;
        let asked =
            Asked { token, conn, who, is_final, verdicts: Vec::new(), writes: Vec::new(), fetch: None };
        self.take_acknowledgements(ctx, asked, acknowledged);
    }

    fn take_acknowledgements(&mut self, ctx: &mut Ctx, mut asked: Asked, acknowledged: Vec<Acknowledged>) {
        if acknowledged.is_empty() {
            return self.acknowledged(ctx, asked);
        }
        for (key, _) in &acknowledged {
            self.shares.next_write += 1;
            asked.writes.push((self.shares.next_write, *key));
            asked.verdicts.push((*key, None));
        }
        // It waits before anything is written: that may be done at once.
        let (who, writes) = (asked.who.clone(), asked.writes.clone());
        let id = self.next_wait();
        self.shares.writing.insert(id, asked);
        for ((write, _), (key, batches)) in writes.into_iter().zip(acknowledged) {
            if let Err((error, message)) = self.acknowledge_records(ctx, &who, &key, &batches, write) {
                self.settle_write(ctx, write, error, Some(message));
            }
        }
    }

    /// What a member says of records, to be written under this number.
    fn acknowledge_records(
        &mut self,
        ctx: &mut Ctx,
        who: &Who,
        key: &Key,
        batches: &[AcknowledgementBatch],
        write: u64,
    ) -> Result<(), (ErrorCode, &'static str)> {
        check_batches(batches)?;
        let at = self.shared_partition(key).map_err(|error| (error, error.message()))?;
        let share = (who.0.clone(), at);
        let limit = self.config.group.share_delivery_count_limit;
        let taken = self.with_share(ctx, &share, |state| state.acknowledge(&who.1, batches, limit, write));
        let Some(taken) = taken else {
            let error = ErrorCode::UnknownTopicOrPartition;
            return Err((error, error.message()));
        };
        let changes = taken?;
        if changes.is_empty() {
            // All of it is done with already.
            self.settle_write(ctx, write, ErrorCode::None, None);
            return Ok(());
        }
        self.tell_changes(ctx, &share, &changes);
        self.write_share_state(&share, &changes, Some(write));
        Ok(())
    }

    /// It is known what became of acknowledgements: whoever waited for the last of them goes on.
    pub(super) fn settle_write(
        &mut self,
        ctx: &mut Ctx,
        write: u64,
        error: ErrorCode,
        message: Option<&str>,
    ) {
        let waits = |asked: &Asked| asked.writes.iter().any(|(number, _)| *number == write);
        let Some(id) = self.shares.writing.iter().find(|(_, asked)| waits(asked)).map(|(id, _)| *id) else {
            return;
        };
        let Some(asked) = self.shares.writing.get_mut(&id) else { return };
        let Some(index) = asked.writes.iter().position(|(number, _)| *number == write) else { return };
        let (_, key) = asked.writes.remove(index);
        let message = error.is_error().then(|| message.unwrap_or(error.message()).to_owned());
        let mut verdicts = asked.verdicts.iter_mut();
        if let Some((_, verdict)) = verdicts.find(|(known, verdict)| *known == key && verdict.is_none()) {
            *verdict = Some((error, message));
        }
        if asked.writes.is_empty()
            && let Some(asked) = self.shares.writing.remove(&id)
        {
            self.acknowledged(ctx, asked);
        }
    }

    /// All acknowledgements of a request are settled.
    fn acknowledged(&mut self, ctx: &mut Ctx, asked: Asked) {
        let verdicts = asked.verdicts.into_iter().map(|(key, verdict)| (key, verdict.unwrap_or_default()));
        let verdicts: Vec<(Key, Verdict)> = verdicts.collect();
        if asked.is_final {
            self.release_session(ctx, &asked.who);
        }
        // Who has gone meanwhile shall not acquire anything.
        let is_there = self.server.asked(asked.token).is_some();
        match asked.fetch.filter(|_| is_there) {
            Some(fetch) => self.begin_share_fetch(ctx, fetch, verdicts, asked.is_final),
            None if is_there => self.answer_acknowledge(ctx, asked.token, verdicts),
            None => {}
        }
    }

    fn answer_acknowledge(&mut self, ctx: &mut Ctx, token: u64, verdicts: Vec<(Key, Verdict)>) {
        let mut response = ShareAcknowledgeResponse::default();
        for (key, (error_code, error_message)) in verdicts {
            let current_leader = self.shared_leader(token, &key, error_code, &mut response.node_endpoints);
            let data = PartitionData { partition_index: key.1, error_code, error_message, current_leader };
            match response.responses.last_mut() {
                Some(topic) if topic.topic_id == key.0 => topic.partitions.push(data),
                _ => response
                    .responses
                    .push(ShareAcknowledgeTopicResponse { topic_id: key.0, partitions: vec![data] }),
            }
        }
        self.reply(ctx, token, &response);
    }
}
