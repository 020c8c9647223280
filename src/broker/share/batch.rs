//! Requests to a share coordinator about many share partitions of one group, and what the answers say of
//! each.

use super::state::{StatePart, StateResult};
use crate::base::Rope;
use crate::broker::Ctx;
use crate::peer::Peer;
use crate::protocol::messages::share_group_state::{StateResult as StateResults, *};
use crate::protocol::{ApiKey, ErrorCode, Message, Uuid, decode_response_rope};

/// Of one share partition: its topic, its number, and what is asked.
type Part = (Uuid, i32, StatePart);
type Told = (Uuid, i32, StateResult);

/// Sends one request; gives its number back when the peer cannot be asked.
#[inline(never)]
pub(super) fn send_batch(
    peer: &mut Peer<u64>,
    ctx: &mut Ctx,
    id: u64,
    api: ApiKey,
    group: &str,
    parts: Vec<Part>,
) -> Result<(), u64> {
    let group_id = group.to_owned();
    match api {
        ApiKey::WriteShareGroupState => {
            let write = |_, part| match part {
                StatePart::Write(asked) => Some(asked),
                _ => None,
            };
            let topic = |(topic_id, partitions)| WriteStateData { topic_id, partitions };
            let topics = by_topic(parts, write).into_iter().map(topic).collect();
            peer.ask(ctx, id, &WriteShareGroupStateRequest { group_id, topics })
        }
        ApiKey::InitializeShareGroupState => {
            let begin = |partition, part| match part {
                StatePart::Initialize(state_epoch, start_offset) => {
                    Some(InitializePartition { partition, state_epoch, start_offset })
                }
                _ => None,
            };
            let topic = |(topic_id, partitions)| InitializeStateData { topic_id, partitions };
            let topics = by_topic(parts, begin).into_iter().map(topic).collect();
            peer.ask(ctx, id, &InitializeShareGroupStateRequest { group_id, topics })
        }
        ApiKey::DeleteShareGroupState => {
            let delete = |partition, _| Some(DeletePartition { partition });
            let topic = |(topic_id, partitions)| DeleteStateData { topic_id, partitions };
            let topics = by_topic(parts, delete).into_iter().map(topic).collect();
            peer.ask(ctx, id, &DeleteShareGroupStateRequest { group_id, topics })
        }
        _ => {
            let read = |partition, part| {
                let leader_epoch = if let StatePart::Read(epoch) = part { epoch } else { -1 };
                Some(ReadPartition { partition, leader_epoch })
            };
            let topic = |(topic_id, partitions)| ReadStateData { topic_id, partitions };
            let topics = by_topic(parts, read).into_iter().map(topic).collect();
            match api {
                ApiKey::ReadShareGroupState => {
                    peer.ask(ctx, id, &ReadShareGroupStateRequest { group_id, topics })
                }
                _ => peer.ask(ctx, id, &ReadShareGroupStateSummaryRequest { group_id, topics }),
            }
        }
    }
}

/// The parts of each topic, in order.
fn by_topic<T>(parts: Vec<Part>, part: impl Fn(i32, StatePart) -> Option<T>) -> Vec<(Uuid, Vec<T>)> {
    let mut topics: Vec<(Uuid, Vec<T>)> = Vec::new();
    for (topic, partition, asked) in parts {
        let Some(asked) = part(partition, asked) else { continue };
        match topics.iter_mut().find(|(known, _)| *known == topic) {
            Some((_, all)) => all.push(asked),
            None => topics.push((topic, vec![asked])),
        }
    }
    topics
}

/// What an answer says of each share partition; `None` if it cannot be read.
#[inline(never)]
pub(super) fn results_in(api: ApiKey, bytes: &Rope, version: i16) -> Option<Vec<Told>> {
    match api {
        ApiKey::ReadShareGroupState => {
            let response: ReadShareGroupStateResponse = decoded(bytes, version)?;
            let told = response.results.into_iter().flat_map(|topic| {
                topic.partitions.into_iter().map(move |part| {
                    let result = StateResult {
                        error: part.error_code,
                        state_epoch: part.state_epoch,
                        start_offset: part.start_offset,
                        batches: part.state_batches,
                        ..StateResult::default()
                    };
                    (topic.topic_id, part.partition, result)
                })
            });
            Some(told.collect())
        }
        ApiKey::ReadShareGroupStateSummary => {
            let response: ReadShareGroupStateSummaryResponse = decoded(bytes, version)?;
            let told = response.results.into_iter().flat_map(|topic| {
                topic.partitions.into_iter().map(move |part| {
                    let result = StateResult {
                        error: part.error_code,
                        state_epoch: part.state_epoch,
                        leader_epoch: part.leader_epoch,
                        start_offset: part.start_offset,
                        ..StateResult::default()
                    };
                    (topic.topic_id, part.partition, result)
                })
            });
            Some(told.collect())
        }
        ApiKey::WriteShareGroupState => {
            decoded::<WriteShareGroupStateResponse>(bytes, version).map(|told| errors(told.results))
        }
        ApiKey::InitializeShareGroupState => {
            decoded::<InitializeShareGroupStateResponse>(bytes, version).map(|told| errors(told.results))
        }
        _ => decoded::<DeleteShareGroupStateResponse>(bytes, version).map(|told| errors(told.results)),
    }
}

fn decoded<M: Message>(bytes: &Rope, version: i16) -> Option<M> {
    decode_response_rope::<M>(bytes, version).ok().map(|(_, response)| response)
}

fn errors(results: Vec<StateResults>) -> Vec<Told> {
    let told = results.into_iter().flat_map(|topic| {
        let result = |error: ErrorCode| StateResult { error, ..StateResult::default() };
        let parts = topic.partitions.into_iter();
        parts.map(move |part| (topic.topic_id, part.partition, result(part.error_code)))
    });
    told.collect()
}
