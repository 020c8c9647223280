//! Share groups at a broker's desk: members fetch, hold, acknowledge, go away.

use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::broker::desk::*;
use crate::protocol::messages::metadata_records::{ConfigRecord, MetadataRecord};
use crate::protocol::messages::share_acknowledge::{
    AcknowledgePartition, AcknowledgeTopic, ShareAcknowledgeRequest, ShareAcknowledgeResponse,
};
use crate::protocol::messages::share_fetch::{
    AcknowledgementBatch, FetchPartition, FetchTopic, ShareFetchRequest, ShareFetchResponse,
};
use crate::protocol::messages::share_group_state::{
    InitializePartition, InitializeShareGroupStateRequest, InitializeShareGroupStateResponse,
    InitializeStateData, ReadPartition, ReadShareGroupStateRequest, ReadShareGroupStateResponse,
    ReadStateData, StateBatch, WritePartition, WriteShareGroupStateRequest, WriteShareGroupStateResponse,
    WriteStateData,
};
use crate::storage::batches_in;

/// A desk with a topic `t` that this broker leads, of which group `g` reads everything.
fn desk() -> Desk {
    let mut desk = Desk::with(&[
        ("group.share.record.lock.duration.ms", "15000"),
        ("share.coordinator.state.topic.num.partitions", "1"),
    ]);
    desk.topic(crate::broker::SHARE_STATE_TOPIC, &[1], &[]);
    desk.topic("t", &[1], &[]);
    desk.broker.image.replay(&MetadataRecord::Config(ConfigRecord {
        resource_type: GROUP_RESOURCE,
        resource_name: "g".to_owned(),
        name: "share.auto.offset.reset".to_owned(),
        value: Some("earliest".to_owned()),
    }));
    let partitions = vec![InitializePartition { partition: 0, state_epoch: 0, start_offset: -1 }];
    let topics = vec![InitializeStateData { topic_id: id_of("t"), partitions }];
    let begun: InitializeShareGroupStateResponse =
        desk.ask(0, &InitializeShareGroupStateRequest { group_id: "g".to_owned(), topics });
    assert_eq!(begun.results[0].partitions[0].error_code, ErrorCode::None);
    desk
}

fn batches(said: &str) -> Vec<AcknowledgementBatch> {
    let batch = |word: &str| {
        let (span, kind) = word.split_once(':').expect("a type");
        let (first, last) = span.split_once('-').unwrap_or((span, span));
        AcknowledgementBatch {
            first_offset: first.parse().expect("an offset"),
            last_offset: last.parse().expect("an offset"),
            acknowledge_types: vec![kind.parse().expect("a type")],
        }
    };
    said.split_whitespace().map(batch).collect()
}

fn request(member: &str, epoch: i32, said: &str, topic: &str) -> ShareFetchRequest {
    let acknowledgement_batches = batches(said);
    let partitions = vec![FetchPartition { partition_index: 0, acknowledgement_batches }];
    ShareFetchRequest {
        group_id: Some("g".to_owned()),
        member_id: Some(member.to_owned()),
        share_session_epoch: epoch,
        max_wait_ms: 500,
        min_bytes: 1,
        max_records: 500,
        batch_size: 500,
        topics: if epoch == 0 || !said.is_empty() {
            vec![FetchTopic { topic_id: id_of(topic), partitions }]
        } else {
            vec![]
        },
        ..Default::default()
    }
}

fn shown(response: &ShareFetchResponse) -> String {
    let parts = response.responses.iter().flat_map(|topic| &topic.partitions).map(|data| {
        let acquired = data.acquired_records.iter();
        let acquired: String = acquired
            .map(|each| format!(" {}-{}*{}", each.first_offset, each.last_offset, each.delivery_count))
            .collect();
        let read: usize =
            data.records.iter().flat_map(batches_in).filter_map(Result::ok).map(|b| b.count() as usize).sum();
        let (error, acknowledged) = (data.error_code.name(), data.acknowledge_error_code.name());
        format!("; {error}, {acknowledged},{acquired} of {read}")
    });
    format!("{}{}", response.error_code.name(), parts.collect::<String>())
}

/// `a 1 0-2:1 …` fetches at this session epoch and says that, `a! 1 …` only acknowledges, `+3` appends
/// records, `wait 500`, `late` reads the answer of the fetch that waited last, `elsewhere` gives the
/// partition to another leader.
fn play(script: &str, expected: Expect) {
    let mut desk = desk();
    let (mut told, mut waiting) = (String::new(), None);
    for line in script.split(';').map(str::trim) {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (epoch, said) = rest.split_once(' ').unwrap_or((rest, ""));
        let answer = match first {
            "wait" => {
                desk.wait(rest.parse().expect("a time"));
                String::new()
            }
            "elsewhere" => {
                desk.elect("t", &[1, 2], 2, 7);
                String::new()
            }
            "late" => match waiting.take().and_then(|asked| desk.read::<ShareFetchResponse>(asked)) {
                Some(response) => shown(&response),
                None => "nothing yet".to_owned(),
            },
            plus if plus.starts_with('+') => {
                let now = desk.now;
                desk.append("t", records(now, plus[1..].parse().expect("a number"))).expect("stored");
                String::new()
            }
            member => match member.strip_suffix('!') {
                Some(member) => {
                    let partition =
                        AcknowledgePartition { partition_index: 0, acknowledgement_batches: batches(said) };
                    let response: ShareAcknowledgeResponse = desk.ask(
                        1,
                        &ShareAcknowledgeRequest {
                            group_id: Some("g".to_owned()),
                            member_id: Some(member.to_owned()),
                            share_session_epoch: epoch.parse().expect("an epoch"),
                            topics: vec![AcknowledgeTopic {
                                topic_id: id_of("t"),
                                partitions: vec![partition],
                            }],
                        },
                    );
                    let parts = response.responses.iter().flat_map(|topic| &topic.partitions);
                    let parts: String = parts.map(|data| format!("; {}", data.error_code.name())).collect();
                    format!("{}{parts}", response.error_code.name())
                }
                None => {
                    let asked = desk.put(1, &request(member, epoch.parse().expect("an epoch"), said, "t"));
                    match desk.read::<ShareFetchResponse>(asked) {
                        Some(response) => shown(&response),
                        None => {
                            waiting = Some(asked);
                            "waits".to_owned()
                        }
                    }
                }
            },
        };
        told += format!("{line:<20} {answer}").trim_end();
        told.push('\n');
    }
    expected.assert_eq(&told);
}

#[test]
fn two_members_share_a_partition() {
    play(
        "+3; a 0; +2; b 0; a 1 0-2:1; +1; b 1 3-4:1; late; a! 2 5:1",
        expect![[r#"
        +3
        a 0                  NONE; NONE, NONE, 0-2*1 of 3
        +2
        b 0                  NONE; NONE, NONE, 3-4*1 of 2
        a 1 0-2:1            waits
        +1
        b 1 3-4:1            waits
        late                 nothing yet
        a! 2 5:1             NONE; NONE
    "#]],
    );
}

#[test]
fn what_is_released_or_held_for_too_long_goes_to_others() {
    play(
        "+2; a 0; b 0; a! 1 0:2; late; wait 15000; b 1; a! 2 1:1",
        expect![[r#"
        +2
        a 0                  NONE; NONE, NONE, 0-1*1 of 2
        b 0                  waits
        a! 1 0:2             NONE; NONE
        late                 NONE; NONE, NONE, 0-0*2 of 2
        wait 15000
        b 1                  NONE; NONE, NONE, 0-0*3 1-1*2 of 2
        a! 2 1:1             NONE; INVALID_RECORD_STATE
    "#]],
    );
}

#[test]
fn a_session_ends_with_what_it_holds() {
    play(
        "+2; a 0; b 0; a -1 0:1; late; a 1; a! 1 0:1",
        expect![[r#"
        +2
        a 0                  NONE; NONE, NONE, 0-1*1 of 2
        b 0                  waits
        a -1 0:1             NONE; NONE, NONE, of 0
        late                 NONE; NONE, NONE, 1-1*2 of 2
        a 1                  SHARE_SESSION_NOT_FOUND
        a! 1 0:1             SHARE_SESSION_NOT_FOUND
    "#]],
    );
}

#[test]
fn sessions_have_epochs() {
    play(
        "a 1; a! 0; a 0; wait 500; late; a 2; a 1; wait 500; late; a 0 0:1",
        expect![[r#"
        a 1                  SHARE_SESSION_NOT_FOUND
        a! 0                 INVALID_SHARE_SESSION_EPOCH
        a 0                  waits
        wait 500
        late                 NONE; NONE, NONE, of 0
        a 2                  INVALID_SHARE_SESSION_EPOCH
        a 1                  waits
        wait 500
        late                 NONE
        a 0 0:1              INVALID_REQUEST
    "#]],
    );
}

#[test]
fn another_leader_begins_anew() {
    play(
        "+2; a 0; b 0; elsewhere; late; a 1 0-1:1",
        expect![[r#"
        +2
        a 0                  NONE; NONE, NONE, 0-1*1 of 2
        b 0                  waits
        elsewhere
        late                 NONE; NOT_LEADER_OR_FOLLOWER, NONE, of 0
        a 1 0-1:1            NONE; NOT_LEADER_OR_FOLLOWER, NOT_LEADER_OR_FOLLOWER, of 0
    "#]],
    );
}

#[test]
fn a_new_process_goes_on_where_the_state_says() {
    let mut desk = desk();
    let now = desk.now;
    desk.append("t", records(now, 2)).expect("stored");
    desk.append("t", records(now, 2)).expect("stored");
    let first: ShareFetchResponse = desk.ask(1, &request("a", 0, "", "t"));
    assert_eq!(shown(&first), "NONE; NONE, NONE, 0-3*1 of 4");
    let asked = desk.put(1, &request("a", 1, "1:1 2:2", "t"));
    desk.wait(500);
    assert_eq!(shown(&desk.read(asked).expect("an answer")), "NONE; NONE, NONE, 2-2*2 of 2");
    desk.crash();
    for (epoch, topic) in [(3, crate::broker::SHARE_STATE_TOPIC), (4, "t")] {
        desk.elect(topic, &[1], 1, epoch);
    }
    let states: Vec<String> = desk
        .broker
        .share_coordinator()
        .states()
        .map(|(key, state)| format!("{} from {} with {}", key.0, state.start_offset, state.batches.len()))
        .collect();
    assert_eq!(states, ["g from 0 with 2"]);
    // 0 was held by nobody in particular, 1 is accepted, 2 was released, 3 is as new.
    let again: ShareFetchResponse = desk.ask(1, &request("b", 0, "", "t"));
    assert_eq!(shown(&again), "NONE; NONE, NONE, 0-0*1 2-2*2 3-3*1 of 4");
}

#[test]
fn durations_are_read_as_kafka_does() {
    assert_eq!(duration_ms("P1DT2H3M4S"), Some(93_784_000));
    assert_eq!(duration_ms("PT90M"), Some(5_400_000));
    assert_eq!(duration_ms("P1D"), Some(86_400_000));
    assert_eq!(duration_ms("1D"), None);
    assert_eq!(duration_ms("PT99999999999999999999S"), None);
}

#[test]
fn a_share_partition_that_nobody_has_begun_is_neither_read_nor_written() {
    let mut desk = desk();
    let read = |group_id: &str, partition: i32| ReadShareGroupStateRequest {
        group_id: group_id.to_owned(),
        topics: vec![ReadStateData {
            topic_id: id_of("t"),
            partitions: vec![ReadPartition { partition, leader_epoch: 1 }],
        }],
    };
    let said = |response: ReadShareGroupStateResponse| {
        let part = response.results[0].partitions[0].clone();
        (part.error_code, part.error_message.unwrap_or_default())
    };
    assert_eq!(said(desk.ask(0, &read("g", 0))), (ErrorCode::None, String::new()));
    let problem = "Read operation on uninitialized share partition not allowed.";
    assert_eq!(said(desk.ask(0, &read("h", 0))), (ErrorCode::InvalidRequest, problem.to_owned()));
    let problem = "The partition id cannot be a negative number.";
    assert_eq!(said(desk.ask(0, &read("h", -1))), (ErrorCode::InvalidRequest, problem.to_owned()));
    let state_batches =
        vec![StateBatch { first_offset: 0, last_offset: 3, delivery_state: 2, delivery_count: 1 }];
    let asked =
        WritePartition { partition: 0, state_epoch: 0, leader_epoch: 1, start_offset: 0, state_batches };
    let topics = vec![WriteStateData { topic_id: id_of("t"), partitions: vec![asked] }];
    let response: WriteShareGroupStateResponse =
        desk.ask(0, &WriteShareGroupStateRequest { group_id: "h".to_owned(), topics });
    let part = response.results[0].partitions[0].clone();
    let problem = "Write operation on uninitialized share partition not allowed.";
    assert_eq!((part.error_code, part.error_message.as_deref()), (ErrorCode::InvalidRequest, Some(problem)));
}

#[test]
fn who_fetches_what_nobody_has_begun_is_told() {
    let mut desk = desk();
    let mut asked = request("a", 0, "", "t");
    asked.group_id = Some("h".to_owned());
    let response: ShareFetchResponse = desk.ask(1, &asked);
    assert_eq!(shown(&response), "NONE; UNKNOWN_SERVER_ERROR, NONE, of 0");
}
