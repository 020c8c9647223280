use expect_test::expect;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::desk::*;
use super::*;
use crate::base::{Rope, SimTime};
use crate::protocol::ErrorCode;
use crate::protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic,
};
use crate::protocol::messages::fetch::{FetchRequest, FetchResponse, ForgottenTopic, ReplicaState};
use crate::protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use crate::protocol::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition, OffsetForLeaderTopic,
};

/// An answer in short: the error, and of each partition its topic, error and size.
fn shown(desk: &Desk, response: &FetchResponse) -> String {
    let names = &desk.broker.image.topic_names;
    let parts = response.responses.iter().flat_map(|topic| {
        let name = names.get(&topic.topic_id).map_or(topic.topic.as_str(), |name| name);
        topic.partitions.iter().map(move |data| {
            let size = data.records.as_ref().map_or(0, Rope::len);
            let error = data.error_code.name();
            format!(" {name}: {error}, {size} bytes, high watermark {}", data.high_watermark)
        })
    });
    format!("{}{}", response.error_code.name(), parts.collect::<Vec<_>>().join(";"))
}

fn fetch(desk: &mut Desk, version: i16, request: &FetchRequest) -> FetchResponse {
    let mut request = request.clone();
    request.max_wait_ms = 0;
    desk.ask(version, &request)
}

fn two_topics() -> Desk {
    let mut desk = Desk::new();
    for topic in ["a", "b"] {
        desk.topic(topic, &[1], &[]);
        let now = desk.now;
        desk.append(topic, records(now, 1)).expect("stored");
    }
    desk
}

#[test]
fn a_session_tells_only_what_is_new() {
    for version in [7, 12, 13, 18] {
        let mut desk = two_topics();
        let mut full = FetchRequest { session_epoch: 0, ..fetch_request("a", 0) };
        full.topics.push(fetch_topic("b", 0));
        let first = fetch(&mut desk, version, &full);
        assert!(first.session_id > 0);
        assert_eq!(first.responses.len(), 2);
        let next = |session_epoch, topics| FetchRequest {
            session_id: first.session_id,
            session_epoch,
            topics,
            ..fetch_request("a", 0)
        };
        let read_on = vec![fetch_topic("a", 1), fetch_topic("b", 1)];
        let second = fetch(&mut desk, version, &next(1, read_on));
        assert_eq!((shown(&desk, &second).as_str(), second.session_id), ("NONE", first.session_id));
        let now = desk.now;
        desk.append("b", records(now, 1)).expect("stored");
        let third = fetch(&mut desk, version, &next(2, vec![]));
        assert_eq!(shown(&desk, &third), "NONE b: NONE, 173 bytes, high watermark 2");
        let mut forgets = next(3, vec![fetch_topic("a", 1)]);
        forgets.forgotten_topics_data =
            vec![ForgottenTopic { topic: "b".to_owned(), topic_id: id_of("b"), partitions: vec![0] }];
        let fourth = fetch(&mut desk, version, &forgets);
        assert_eq!(shown(&desk, &fourth), "NONE");
        let repeated = fetch(&mut desk, version, &next(3, vec![]));
        assert_eq!(shown(&desk, &repeated), "INVALID_FETCH_SESSION_EPOCH");
        let closes = fetch(&mut desk, version, &next(-1, vec![]));
        assert_eq!((shown(&desk, &closes).as_str(), closes.session_id), ("NONE", 0));
        let gone = fetch(&mut desk, version, &next(4, vec![]));
        assert_eq!(shown(&desk, &gone), "FETCH_SESSION_ID_NOT_FOUND");
    }
}

#[test]
fn a_session_begun_with_names_is_not_continued_with_ids() {
    let mut desk = two_topics();
    let begun = fetch(&mut desk, 12, &FetchRequest { session_epoch: 0, ..fetch_request("a", 0) });
    let session_id = begun.session_id;
    let request = FetchRequest { session_id, session_epoch: 1, ..fetch_request("a", 0) };
    let answer = fetch(&mut desk, 13, &request);
    assert_eq!(shown(&desk, &answer), "FETCH_SESSION_TOPIC_ID_ERROR");
}

#[test]
fn a_full_cache_gives_its_slots_to_followers_and_to_whoever_stays() {
    let mut desk = Desk::with(&[("max.incremental.fetch.session.cache.slots", "1")]);
    desk.topic("a", &[1, 2], &[]);
    let begin = |desk: &mut Desk, follower| {
        let mut request = FetchRequest { session_epoch: 0, ..fetch_request("a", 0) };
        request.replica_state = ReplicaState { replica_id: follower, replica_epoch: 1 };
        fetch(desk, 16, &request).session_id
    };
    let consumer = begin(&mut desk, -1);
    assert!(consumer > 0);
    assert_eq!(begin(&mut desk, -1), 0, "no room for another");
    let follower = begin(&mut desk, 2);
    assert!(follower > 0, "a follower pushes a consumer out");
    assert_eq!(begin(&mut desk, -1), 0);
    desk.wait(120_001);
    assert!(begin(&mut desk, -1) > 0, "what nobody used for two minutes may go");
}

#[test]
fn a_fetch_waits_for_enough_bytes_or_its_time() {
    let mut desk = two_topics();
    let asked = desk.put(12, &FetchRequest { min_bytes: 300, ..fetch_request("a", 1) });
    let now = desk.now;
    desk.append("a", records(now, 1)).expect("stored");
    assert_eq!(desk.read::<FetchResponse>(asked), None, "173 bytes are not enough");
    desk.append("a", records(now, 1)).expect("stored");
    let answer = desk.read(asked).expect("346 bytes are");
    assert_eq!(shown(&desk, &answer), "NONE a: NONE, 346 bytes, high watermark 3");
    let asked = desk.put(12, &fetch_request("a", 3));
    desk.wait(499);
    assert_eq!(desk.read::<FetchResponse>(asked), None);
    desk.wait(1);
    let answer = desk.read(asked).expect("time is up");
    assert_eq!(shown(&desk, &answer), "NONE a: NONE, 0 bytes, high watermark 3");
}

#[test]
fn whoever_waits_hears_of_a_new_leader_and_of_the_end() {
    let mut desk = two_topics();
    let mut request = fetch_request("a", 1);
    request.topics[0].partitions[0].current_leader_epoch = 0;
    let asked = desk.put(16, &request);
    desk.elect("a", &[1, 2], 2, 1);
    let answer: FetchResponse = desk.read(asked).expect("at once");
    assert_eq!(shown(&desk, &answer), "NONE a: FENCED_LEADER_EPOCH, 0 bytes, high watermark -1");
    let leader = &answer.responses[0].partitions[0].current_leader;
    assert_eq!((leader.leader_id, leader.leader_epoch), (2, 1));
    assert_eq!((answer.node_endpoints.len(), answer.node_endpoints[0].host.as_str()), (1, "broker-2"));
    let asked = desk.put(15, &fetch_request("b", 1));
    desk.delete_topic("b");
    let answer: FetchResponse = desk.read(asked).expect("at once");
    assert_eq!(shown(&desk, &answer), "NONE : UNKNOWN_TOPIC_ID, 0 bytes, high watermark -1");
    let answer = fetch(&mut desk, 12, &fetch_request("b", 1));
    assert_eq!(shown(&desk, &answer), "NONE b: UNKNOWN_TOPIC_OR_PARTITION, 0 bytes, high watermark -1");
}

#[test]
fn limits_hold_but_for_the_first_batch() {
    let mut desk = two_topics();
    let now = desk.now;
    desk.append("a", records(now, 1)).expect("stored");
    let mut request = fetch_request("a", 0);
    request.topics.push(fetch_topic("b", 0));
    let check = |desk: &mut Desk, request: &FetchRequest, expected| {
        let answer = fetch(desk, 12, request);
        let sizes: Vec<usize> = answer
            .responses
            .iter()
            .flat_map(|topic| &topic.partitions)
            .map(|data| data.records.as_ref().map_or(0, Rope::len))
            .collect();
        assert_eq!(sizes, expected);
    };
    check(&mut desk, &request, [346, 173]);
    check(&mut desk, &FetchRequest { max_bytes: 1, ..request.clone() }, [173, 0]);
    check(&mut desk, &FetchRequest { max_bytes: 400, ..request.clone() }, [346, 0]);
    request.topics[0].partitions[0].partition_max_bytes = 10;
    check(&mut desk, &request, [173, 173]);
}

#[test]
fn epochs_and_offsets_are_checked() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[]);
    let now = desk.now;
    desk.append("a", records(now, 2)).expect("stored");
    desk.elect("a", &[1], 1, 3);
    desk.append("a", records(now, 2)).expect("stored");
    let mut check = |current: i32, last: i32, offset: i64, expected: &str| {
        let mut request = fetch_request("a", offset);
        let asked = &mut request.topics[0].partitions[0];
        (asked.current_leader_epoch, asked.last_fetched_epoch) = (current, last);
        let data = fetch(&mut desk, 12, &request).responses[0].partitions[0].clone();
        let diverging = (data.diverging_epoch.epoch, data.diverging_epoch.end_offset);
        assert_eq!(format!("{} {diverging:?}", data.error_code.name()), expected);
    };
    check(3, -1, 0, "NONE (-1, -1)");
    check(2, -1, 0, "FENCED_LEADER_EPOCH (-1, -1)");
    check(4, -1, 0, "UNKNOWN_LEADER_EPOCH (-1, -1)");
    check(-1, -1, 5, "OFFSET_OUT_OF_RANGE (-1, -1)");
    check(3, 3, 4, "NONE (-1, -1)");
    check(3, 0, 4, "NONE (0, 2)");
    check(3, 2, 2, "NONE (0, 2)");
    check(3, 5, 4, "OFFSET_OUT_OF_RANGE (-1, -1)");
}

#[test]
fn only_replicas_read_beyond_the_high_watermark() {
    let mut desk = Desk::new();
    desk.topic("a", &[1, 2], &[]);
    let now = desk.now;
    desk.append("a", records(now, 1)).expect("stored");
    let mut check = |replica_id, expected: &str| {
        let mut request = fetch_request("a", 0);
        request.replica_state = ReplicaState { replica_id, replica_epoch: 1 };
        let answer = fetch(&mut desk, 16, &request);
        assert_eq!(shown(&desk, &answer), expected);
    };
    check(-1, "NONE a: NONE, 0 bytes, high watermark 0");
    check(2, "NONE a: NONE, 173 bytes, high watermark 0");
    check(7, "NONE a: NOT_LEADER_OR_FOLLOWER, 0 bytes, high watermark -1");
}

#[test]
fn a_topic_of_the_same_name_begins_anew() {
    let mut desk = two_topics();
    desk.delete_topic("a");
    desk.topic("a", &[1], &[]);
    assert_eq!(desk.broker.log(&TopicPartition::new("a", 0)).map(UnifiedLog::log_end_offset), Some(0));
}

fn list(desk: &mut Desk, version: i16, timestamp: i64, isolation_level: i8, replica_id: i32) -> String {
    let asked = ListOffsetsPartition { partition_index: 0, timestamp, ..Default::default() };
    let topics = vec![ListOffsetsTopic { name: "a".to_owned(), partitions: vec![asked] }];
    let request = ListOffsetsRequest { replica_id, isolation_level, topics, ..Default::default() };
    let answer: ListOffsetsResponse = desk.ask(version, &request);
    let found = &answer.topics[0].partitions[0];
    let late_ms =
        if found.timestamp > 0 { found.timestamp - SimTime::ZERO.unix_ms() } else { found.timestamp };
    format!("{} {} at {late_ms} epoch {}", found.error_code.name(), found.offset, found.leader_epoch)
}

#[test]
fn offsets_are_found_by_time_and_by_name() {
    let mut desk = Desk::new();
    desk.topic("a", &[1, 2], &[]);
    for _ in 0..3 {
        let now = desk.now;
        desk.append("a", records(now, 2)).expect("stored");
        desk.wait(1_000);
    }
    desk.follow(2, "a", 4, 0);
    let start = SimTime::ZERO.unix_ms();
    let mut check = |version, timestamp, replica, expected: &str| {
        let isolation = i8::from(version >= 2);
        assert_eq!(
            list(&mut desk, version, timestamp, isolation, replica),
            expected,
            "{timestamp} in {version}"
        );
    };
    for version in 4..=10 {
        check(version, -2, -1, "NONE 0 at -1 epoch 0");
        check(version, -1, -1, "NONE 4 at -1 epoch 0");
        check(version, start + 500, -1, "NONE 2 at 1000 epoch 0");
        check(version, start + 1_500, -1, "NONE -1 at -1 epoch -1");
    }
    check(3, -1, -1, "NONE 4 at -1 epoch -1");
    check(1, -1, -2, "NONE 6 at -1 epoch -1");
    check(6, -3, -1, "UNSUPPORTED_VERSION -1 at -1 epoch -1");
    check(7, -3, -2, "NONE 4 at 2000 epoch 0");
    check(7, -4, -1, "UNSUPPORTED_VERSION -1 at -1 epoch -1");
    check(8, -4, -1, "NONE 0 at -1 epoch 0");
    check(8, -5, -1, "UNSUPPORTED_VERSION -1 at -1 epoch -1");
    check(9, -5, -1, "NONE -1 at -1 epoch -1");
    check(10, -6, -1, "UNSUPPORTED_VERSION -1 at -1 epoch -1");
}

#[test]
fn a_new_leader_does_not_say_how_far_it_is_before_it_knows() {
    let mut desk = Desk::new();
    desk.topic("a", &[1, 2], &[]);
    let now = desk.now;
    desk.append("a", records(now, 2)).expect("stored");
    desk.elect("a", &[1, 2], 1, 1);
    assert_eq!(list(&mut desk, 5, -1, 0, -1), "OFFSET_NOT_AVAILABLE -1 at -1 epoch -1");
    assert_eq!(list(&mut desk, 4, -1, 0, -1), "LEADER_NOT_AVAILABLE -1 at -1 epoch -1");
    assert_eq!(list(&mut desk, 5, -2, 0, -1), "NONE 0 at -1 epoch 0");
    desk.follow(2, "a", 2, 0);
    assert_eq!(list(&mut desk, 5, -1, 0, -1), "NONE 2 at -1 epoch 1");
}

#[test]
fn the_end_of_an_epoch_is_told() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[]);
    let now = desk.now;
    desk.append("a", records(now, 2)).expect("stored");
    desk.elect("a", &[1], 1, 2);
    desk.append("a", records(now, 1)).expect("stored");
    let mut check = |version: i16, current_leader_epoch, leader_epoch, expected| {
        let asked = OffsetForLeaderPartition { partition: 0, current_leader_epoch, leader_epoch };
        let topics = vec![OffsetForLeaderTopic { topic: "a".to_owned(), partitions: vec![asked] }];
        let request = OffsetForLeaderEpochRequest { topics, ..Default::default() };
        let answer: OffsetForLeaderEpochResponse = desk.ask(version, &request);
        let found = &answer.topics[0].partitions[0];
        assert_eq!((found.error_code, found.leader_epoch, found.end_offset), expected);
    };
    for version in 2..=4 {
        check(version, 2, 0, (ErrorCode::None, 0, 2));
        check(version, -1, 1, (ErrorCode::None, 0, 2));
        check(version, -1, 2, (ErrorCode::None, 2, 3));
        check(version, -1, 3, (ErrorCode::None, -1, -1));
        check(version, 1, 0, (ErrorCode::FencedLeaderEpoch, -1, -1));
    }
}

fn delete(desk: &mut Desk, version: i16, topic: &str, offset: i64) -> desk::Asked {
    let partitions = vec![DeleteRecordsPartition { partition_index: 0, offset }];
    let topics = vec![DeleteRecordsTopic { name: topic.to_owned(), partitions }];
    desk.put(version, &DeleteRecordsRequest { topics, timeout_ms: 1_000 })
}

fn deleted(desk: &mut Desk, asked: desk::Asked) -> Option<(ErrorCode, i64)> {
    let answer: DeleteRecordsResponse = desk.read(asked)?;
    let found = &answer.topics[0].partitions[0];
    Some((found.error_code, found.low_watermark))
}

#[test]
fn a_deletion_waits_for_the_replicas_that_are_alive() {
    for version in 0..=2 {
        let mut desk = Desk::new();
        desk.topic("a", &[1, 2], &[]);
        let now = desk.now;
        desk.append("a", records(now, 3)).expect("stored");
        desk.follow(2, "a", 3, 0);
        let asked = delete(&mut desk, version, "a", -1);
        assert_eq!(deleted(&mut desk, asked), None, "broker 2 still has the records");
        desk.follow(2, "a", 3, 3);
        assert_eq!(deleted(&mut desk, asked), Some((ErrorCode::None, 3)));
        let answer = fetch(&mut desk, 12, &fetch_request("a", 2));
        assert_eq!(shown(&desk, &answer), "NONE a: OFFSET_OUT_OF_RANGE, 0 bytes, high watermark 3");
        desk.append("a", records(now, 1)).expect("stored");
        desk.follow(2, "a", 4, 3);
        let asked = delete(&mut desk, version, "a", 4);
        desk.wait(1_000);
        assert_eq!(deleted(&mut desk, asked), Some((ErrorCode::RequestTimedOut, -1)));
    }
}

#[test]
fn what_cannot_be_deleted_is_said() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[]);
    desk.topic("compacted", &[1], &[("cleanup.policy", "compact")]);
    desk.topic("elsewhere", &[2], &[]);
    let now = desk.now;
    desk.append("a", records(now, 3)).expect("stored");
    let mut check = |topic, offset, expected| {
        let asked = delete(&mut desk, 2, topic, offset);
        assert_eq!(deleted(&mut desk, asked), Some(expected), "{topic} {offset}");
    };
    check("a", 4, (ErrorCode::OffsetOutOfRange, -1));
    check("a", -2, (ErrorCode::OffsetOutOfRange, -1));
    check("compacted", 0, (ErrorCode::PolicyViolation, -1));
    check("elsewhere", 0, (ErrorCode::NotLeaderOrFollower, -1));
    check("nowhere", 0, (ErrorCode::UnknownTopicOrPartition, -1));
    check(OFFSETS_TOPIC, 0, (ErrorCode::InvalidTopicException, -1));
    check("a", 2, (ErrorCode::None, 2));
    check("a", 1, (ErrorCode::None, 2));
}

#[test]
fn old_segments_leave_the_memory() {
    let mut desk =
        Desk::with(&[("log.retention.check.interval.ms", "1000"), ("log.initial.task.delay.ms", "0")]);
    desk.topic("a", &[1], &[("segment.bytes", "1000"), ("retention.bytes", "3000")]);
    let mut sizes = Vec::new();
    for _ in 0..3 {
        for _ in 0..100 {
            let now = desk.now;
            desk.append("a", records(now, 1)).expect("stored");
        }
        desk.wait(1_000);
        sizes.push(desk.broker.log(&TopicPartition::new("a", 0)).map(UnifiedLog::size_bytes));
    }
    expect!["[Some(3460), Some(3460), Some(3460)]"].assert_eq(&format!("{sizes:?}"));
}

#[test]
fn zstandard_needs_a_version_that_knows_it() {
    let mut desk = Desk::new();
    desk.topic("a", &[1], &[("compression.type", "zstd")]);
    desk.topic("b", &[1], &[("compression.type", "gzip")]);
    let now = desk.now;
    for topic in ["a", "b"] {
        desk.append(topic, records(now, 1)).expect("stored");
    }
    let mut error_of = |topic, version| {
        let answer = fetch(&mut desk, version, &fetch_request(topic, 0));
        let data = answer.responses[0].partitions[0].clone();
        (data.error_code, data.records.is_some_and(|records| !records.is_empty()))
    };
    assert_eq!(error_of("a", 9), (ErrorCode::UnsupportedCompressionType, false));
    assert_eq!(error_of("b", 9), (ErrorCode::None, true));
    assert_eq!(error_of("a", 10), (ErrorCode::None, true));
}

#[test]
fn a_consumer_is_sent_to_the_replica_in_its_rack() {
    const RACK_AWARE: (&str, &str) = ("replica.selector.class", "RackAwareReplicaSelector");
    let mut desk = Desk::with(&[RACK_AWARE]);
    for (broker, rack) in [(1, "a"), (2, "b"), (3, "b")] {
        desk.rack(broker, rack);
    }
    desk.topic("t", &[1, 2, 3], &[]);
    let now = desk.now;
    desk.append("t", records(now, 1)).expect("stored");
    desk.follow(2, "t", 1, 0);
    desk.follow(3, "t", 1, 0);
    let mut check = |version: i16, rack: &str, offset: i64, expected: (i32, bool)| {
        let request = FetchRequest { rack_id: rack.to_owned(), ..fetch_request("t", offset) };
        let answer = fetch(&mut desk, version, &request);
        let data = &answer.responses[0].partitions[0];
        let has_records = data.records.as_ref().is_some_and(|records| !records.is_empty());
        assert_eq!((data.preferred_read_replica, has_records), expected, "{rack} from {offset} in {version}");
    };
    check(12, "b", 0, (3, false));
    check(11, "b", 0, (3, false));
    check(10, "b", 0, (-1, true));
    check(12, "a", 0, (-1, true));
    check(12, "", 0, (-1, true));
    check(12, "c", 0, (-1, true));
    check(12, "b", 1, (3, false));
    let now = desk.now;
    desk.append("t", records(now, 1)).expect("stored");
    desk.follow(2, "t", 2, 0);
    let request = FetchRequest { rack_id: "b".to_owned(), ..fetch_request("t", 0) };
    let asked = desk.put(12, &request);
    let answer: FetchResponse = desk.read(asked).expect("at once, though nothing can be read here");
    assert_eq!(answer.responses[0].partitions[0].preferred_read_replica, 2, "it has more");
    desk.in_sync("t", &[1, 2, 3], &[1, 3], 1, 1);
    desk.follow(3, "t", 2, 0);
    let answer = fetch(&mut desk, 12, &request);
    assert_eq!(answer.responses[0].partitions[0].preferred_read_replica, 3, "2 is not in sync");
}

#[test]
fn a_follower_serves_consumers_up_to_its_own_high_watermark() {
    let mut desk = Desk::new();
    desk.topic("t", &[1, 2], &[]);
    let now = desk.now;
    desk.append("t", records(now, 1)).expect("stored");
    desk.follow(2, "t", 1, 0);
    desk.append("t", records(now, 1)).expect("stored");
    desk.elect("t", &[1, 2], 2, 1);
    let mut check = |version: i16, offset: i64, epoch: i32, expected: &str| {
        let mut request = fetch_request("t", offset);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let answer = fetch(&mut desk, version, &request);
        assert_eq!(shown(&desk, &answer), format!("NONE t: {expected}"), "from {offset} in {version}");
    };
    check(12, 0, 1, "NONE, 173 bytes, high watermark 1");
    check(12, 1, 1, "NONE, 0 bytes, high watermark 1");
    check(12, 2, 1, "NONE, 0 bytes, high watermark 1");
    check(12, 3, 1, "OFFSET_OUT_OF_RANGE, 0 bytes, high watermark 1");
    check(12, 0, 0, "FENCED_LEADER_EPOCH, 0 bytes, high watermark -1");
    check(12, 0, 2, "UNKNOWN_LEADER_EPOCH, 0 bytes, high watermark -1");
    check(10, 0, 1, "NOT_LEADER_OR_FOLLOWER, 0 bytes, high watermark -1");
}

#[test]
fn a_throttled_leader_keeps_records_from_followers_that_are_not_in_sync() {
    let mut desk = Desk::with(&[("leader.replication.throttled.rate", "100")]);
    desk.topic("t", &[1, 2, 3], &[("leader.replication.throttled.replicas", "0:1")]);
    let now = desk.now;
    desk.append("t", records(now, 10)).expect("stored");
    desk.in_sync("t", &[1, 2, 3], &[1, 2], 1, 1);
    let check = |desk: &mut Desk, follower: i32, has_records: bool| {
        let mut request = fetch_request("t", 0);
        request.replica_state = ReplicaState { replica_id: follower, replica_epoch: 1 };
        let answer = fetch(desk, 16, &request);
        let data = &answer.responses[0].partitions[0];
        let found = data.records.as_ref().is_some_and(|records| !records.is_empty());
        assert_eq!((data.error_code, found), (ErrorCode::None, has_records), "{follower}");
    };
    check(&mut desk, 3, true);
    check(&mut desk, 3, false);
    check(&mut desk, 2, true);
    desk.wait(9_000);
    check(&mut desk, 3, false);
    desk.wait(20_000);
    check(&mut desk, 3, true);
}

#[test]
fn a_consumer_over_its_quota_gets_nothing_for_a_while() {
    let mut desk = Desk::with(&[("quota.consumer.default", "30")]);
    desk.topic("t", &[1], &[]);
    let now = desk.now;
    desk.append("t", records(now, 1)).expect("stored");
    let fetch = |desk: &mut Desk| {
        let answer = fetch(desk, 16, &fetch_request("t", 0));
        (answer.throttle_time_ms, answer.responses.len())
    };
    assert_eq!(fetch(&mut desk), (0, 1), "173 bytes of 300 in ten seconds");
    let (throttle_time_ms, parts) = fetch(&mut desk);
    assert_eq!((throttle_time_ms, parts), (1_533, 0), "346 bytes take 11,533 ms");
    desk.wait(9_000);
    assert_eq!(fetch(&mut desk), (1_533, 0), "what it did not get does not count");
    desk.wait(2_000);
    assert_eq!(fetch(&mut desk), (0, 1));
}
