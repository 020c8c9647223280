//! Share partitions, as simple as they can be: what is acquired by whom and until when.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use terrarium::base::{ConnId, SimTime, ms};
use terrarium::protocol::messages::share_acknowledge::{self, *};
use terrarium::protocol::messages::share_fetch::{self, *};
use terrarium::protocol::{ApiKey, ErrorCode, Message, WireError, encode_response};

use crate::stage::{Arrival, Stage, TOPIC_ID};

const DELIVERIES_MAX: i16 = 5;

/// A record that was delivered.
#[derive(Default)]
struct Delivered {
    count: i16,
    holder: Option<(String, SimTime)>,
    is_done: bool,
}

/// A session: the epoch that comes next, and the partitions.
#[derive(Default)]
struct Session {
    epoch: i32,
    partitions: BTreeSet<i32>,
}

/// A share fetch that waits for records.
struct Waiting {
    conn: ConnId,
    version: i16,
    id: i32,
    broker: i32,
    member: String,
    max_records: i32,
    until: SimTime,
    errors: BTreeMap<i32, ErrorCode>,
}

/// What the brokers know of the only share group.
#[derive(Default)]
pub(crate) struct Shares {
    pub(crate) lock_ms: u64,
    /// The next share requests are answered with this.
    pub(crate) refuses: Option<ErrorCode>,
    delivered: BTreeMap<(i32, i64), Delivered>,
    sessions: BTreeMap<(i32, String), Session>,
    waiting: Vec<Waiting>,
}

impl Shares {
    /// Offsets that nobody will be given again, by partition.
    pub(crate) fn done(&self, partition: i32) -> Vec<i64> {
        let done = self.delivered.iter().filter(|(at, it)| at.0 == partition && it.is_done);
        done.map(|(at, _)| at.1).collect()
    }

    /// All locks of a partition are lost, as when its leader changes.
    pub(crate) fn forget_locks(&mut self) {
        self.delivered.values_mut().for_each(|it| it.holder = None);
        self.sessions.clear();
    }

    fn acknowledge(
        &mut self,
        now: SimTime,
        (partition, member): (i32, &str),
        batches: &[AcknowledgementBatch],
    ) -> ErrorCode {
        for batch in batches {
            for offset in batch.first_offset..=batch.last_offset {
                let Some(it) = self.delivered.get_mut(&(partition, offset)) else {
                    return ErrorCode::InvalidRecordState;
                };
                if !it.holder.as_ref().is_some_and(|(holder, until)| *holder == member && *until > now) {
                    return ErrorCode::InvalidRecordState;
                }
                it.holder = None;
                it.is_done = batch.acknowledge_types[0] != 2 || it.count >= DELIVERIES_MAX;
            }
        }
        ErrorCode::None
    }

    /// Gives a member up to so many records of a partition.
    fn acquire(
        &mut self,
        now: SimTime,
        (partition, end): (i32, i64),
        member: &str,
        room: &mut i32,
    ) -> Vec<AcquiredRecords> {
        let mut acquired: Vec<AcquiredRecords> = Vec::new();
        for offset in 0..end {
            let it = self.delivered.entry((partition, offset)).or_default();
            let is_held = it.holder.as_ref().is_some_and(|(_, until)| *until > now);
            if *room <= 0 || is_held || it.is_done {
                continue;
            }
            if it.count >= DELIVERIES_MAX {
                it.is_done = true;
                continue;
            }
            it.count += 1;
            it.holder = Some((member.to_owned(), now + ms(self.lock_ms)));
            *room -= 1;
            match acquired.last_mut() {
                Some(last) if last.last_offset + 1 == offset && last.delivery_count == it.count => {
                    last.last_offset = offset;
                }
                _ => acquired.push(AcquiredRecords {
                    first_offset: offset,
                    last_offset: offset,
                    delivery_count: it.count,
                }),
            }
        }
        acquired
    }

    /// Whether the request is the session's next one; the next is expected then.
    fn session(&mut self, broker: i32, member: &str, epoch: i32) -> Result<(), ErrorCode> {
        if let Some(error) = self.refuses.take() {
            return Err(error);
        }
        let key = (broker, member.to_owned());
        if epoch == 0 {
            self.sessions.insert(key, Session { epoch: 1, ..Session::default() });
            return Ok(());
        }
        let session = self.sessions.get_mut(&key).ok_or(ErrorCode::ShareSessionNotFound)?;
        if epoch != -1 && epoch != session.epoch {
            return Err(ErrorCode::InvalidShareSessionEpoch);
        }
        session.epoch += 1;
        if epoch == -1 {
            self.sessions.remove(&key);
        }
        Ok(())
    }

    /// A member gives up what it holds of these partitions.
    fn let_go(&mut self, member: &str, leads: impl Fn(i32) -> bool) {
        let held = self.delivered.iter_mut().filter(|(at, _)| leads(at.0)).map(|(_, it)| it);
        held.filter(|it| it.holder.as_ref().is_some_and(|(holder, _)| holder == member))
            .for_each(|it| it.holder = None);
    }
}

impl Stage {
    pub(crate) fn serve_share(
        &mut self,
        conn: ConnId,
        broker: i32,
        (key, version, id): (ApiKey, i16, i32),
        body: &Bytes,
    ) -> Result<(), WireError> {
        if key == ApiKey::ShareAcknowledge {
            let request = ShareAcknowledgeRequest::decode(body, version)?;
            let response = self.share_acknowledge(broker, &request);
            self.reply(conn, encode_response(version, id, &response));
            return Ok(());
        }
        let request = ShareFetchRequest::decode(body, version)?;
        let member = request.member_id.clone().expect("a member");
        if let Err(error_code) = self.shares.session(broker, &member, request.share_session_epoch) {
            let response = ShareFetchResponse { error_code, ..Default::default() };
            self.reply(conn, encode_response(version, id, &response));
            return Ok(());
        }
        let mut errors = BTreeMap::new();
        let session = self.shares.sessions.get_mut(&(broker, member.clone())).expect("a session");
        for it in request.forgotten_topics_data.iter().flat_map(|topic| &topic.partitions) {
            session.partitions.remove(it);
        }
        session
            .partitions
            .extend(request.topics.iter().flat_map(|it| &it.partitions).map(|it| it.partition_index));
        for it in request.topics.iter().flat_map(|topic| &topic.partitions) {
            let (partition, batches) = (it.partition_index, &it.acknowledgement_batches);
            let error = self.shares.acknowledge(self.now, (partition, &member), batches);
            if !batches.is_empty() {
                errors.insert(partition, error);
            }
        }
        let until = self.now + ms(request.max_wait_ms as u64);
        let max_records = request.max_records;
        self.shares.waiting.push(Waiting { conn, version, id, broker, member, max_records, until, errors });
        self.arrive(ms(request.max_wait_ms as u64), Arrival::Look);
        self.answer_shares();
        Ok(())
    }

    fn share_acknowledge(
        &mut self,
        broker: i32,
        request: &ShareAcknowledgeRequest,
    ) -> ShareAcknowledgeResponse {
        let member = request.member_id.as_deref().expect("a member");
        if let Err(error_code) = self.shares.session(broker, member, request.share_session_epoch) {
            return ShareAcknowledgeResponse { error_code, ..Default::default() };
        }
        let mut partitions = Vec::new();
        for it in request.topics.iter().flat_map(|topic| &topic.partitions) {
            let (partition_index, batches) = (it.partition_index, &it.acknowledgement_batches);
            let error_code = self.shares.acknowledge(self.now, (partition_index, member), batches);
            partitions.push(share_acknowledge::PartitionData {
                partition_index,
                error_code,
                ..Default::default()
            });
        }
        if request.share_session_epoch == -1 {
            let leaders = self.leaders.clone();
            self.shares.let_go(member, |partition| leaders[partition as usize] == broker);
        }
        let topic = ShareAcknowledgeTopicResponse { topic_id: TOPIC_ID, partitions };
        ShareAcknowledgeResponse { responses: vec![topic], ..Default::default() }
    }

    /// Answers the share fetches that there is something for, or that have waited long enough.
    pub(crate) fn answer_shares(&mut self) {
        for waiting in std::mem::take(&mut self.shares.waiting) {
            let key = (waiting.broker, waiting.member.clone());
            let asked = self.shares.sessions.get(&key).map(|session| session.partitions.clone());
            let mut room = waiting.max_records;
            let (mut partitions, mut has_news) = (Vec::new(), false);
            for partition_index in asked.unwrap_or_default() {
                let error_code = self.leads(waiting.broker, partition_index);
                let log = self.logs.get(partition_index as usize).cloned().unwrap_or_default();
                let mut acquired_records = Vec::new();
                if !error_code.is_error() {
                    let end = (partition_index, log.len() as i64);
                    acquired_records = self.shares.acquire(self.now, end, &waiting.member, &mut room);
                }
                let first = acquired_records.first().map_or(log.len(), |it| it.first_offset as usize);
                has_news |= error_code.is_error() || !acquired_records.is_empty();
                partitions.push(share_fetch::PartitionData {
                    partition_index,
                    error_code,
                    acknowledge_error_code: waiting.errors.get(&partition_index).copied().unwrap_or_default(),
                    current_leader: LeaderIdAndEpoch { leader_id: -1, leader_epoch: -1 },
                    records: (!acquired_records.is_empty())
                        .then(|| Bytes::from(log[first..].concat()).into()),
                    acquired_records,
                    ..Default::default()
                });
            }
            if !has_news && waiting.until > self.now {
                self.shares.waiting.push(waiting);
                continue;
            }
            let topic = ShareFetchableTopicResponse { topic_id: TOPIC_ID, partitions };
            let response = ShareFetchResponse { responses: vec![topic], ..Default::default() };
            self.reply(waiting.conn, encode_response(waiting.version, waiting.id, &response));
        }
    }
}
