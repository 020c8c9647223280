//! What is said of the records of internal topics.

use std::fmt::Write;
use std::sync::Arc;

use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::base::{Set, SimTime, seconds};
use crate::protocol::TopicPartition;
use crate::scenario::{Files, gallery};
use crate::sim::CONTROLLER;

/// A scenario of the gallery after so many seconds.
fn world(id: &str, until: u64) -> Run {
    let scenario = gallery(id).and_then(Result::ok).unwrap_or_else(|| panic!("no scenario {id}"));
    let setup = scenario.build(None, &Files::new()).unwrap_or_else(|error| panic!("{error}"));
    let mut run = Run::new(Arc::new(setup));
    run.play_until(SimTime(seconds(until)), 1_000_000);
    run
}

/// The first record of every type in all partitions of a topic, on all nodes together.
fn check(run: &Run, topic: &str, expected: Expect) {
    let (mut text, mut types) = (String::new(), Set::default());
    let brokers = run.world().brokers().map(|(_, _, broker)| broker.id());
    for node in brokers.chain([CONTROLLER.0 as i32]) {
        for partition in 0..50 {
            let at = TopicPartition::new(topic, partition);
            let mut offset = 0;
            while let Some(view) = inspect_batch(run.world(), node, &at, offset) {
                let selected = &view.records[view.selected.expect("the record") as usize];
                let name = |shown: &Option<String>| {
                    shown.as_deref().map(|text| text.split(' ').next().map(str::to_owned))
                };
                assert!(view.opened.iter().all(|part| part.error.is_none()), "{view:?}");
                if types.insert((name(&selected.key), name(&selected.value))) {
                    let titles =
                        [&selected.key, &selected.value].map(|title| title.as_deref().unwrap_or("null"));
                    let _ = writeln!(text, "{}\n    {}", titles[0], titles[1]);
                }
                offset += 1;
            }
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn groups_and_their_offsets() {
    check(
        &world("rider-updates", 12),
        "__consumer_offsets",
        expect![[r#"
            GroupMetadataKey v2 · group billing
                GroupMetadataValue v3 · generation 0 · currentStateTimestamp 1767225603414
            OffsetCommitKey v1 · group billing · topic rider-updates · partition 0
                OffsetCommitValue v3 · offset 15 · leaderEpoch 0 · commitTimestamp 1767225611640
        "#]],
    );
    check(
        &world("migration", 30),
        "__consumer_offsets",
        expect![[r#"
            GroupMetadataKey v2 · group workers
                GroupMetadataValue v3 · generation 0 · currentStateTimestamp 1767225601253
            OffsetCommitKey v1 · group workers · topic jobs · partition 0
                OffsetCommitValue v3 · offset 15 · leaderEpoch 0 · commitTimestamp 1767225610009
            GroupMetadataKey v2 · group workers
                null
            ConsumerGroupMemberMetadataKey v5 · groupId workers · memberId B-c632e0f2-d6c0-4e96-8026-b2739a72fb2a
                ConsumerGroupMemberMetadataValue v0 · clientId B · clientHost /10.0.0.3 · subscribedTopicNames jobs · rebalanceTimeoutMs 300000
            ConsumerGroupMetadataKey v3 · groupId workers
                ConsumerGroupMetadataValue v0 · epoch 2
            ConsumerGroupTargetAssignmentMemberKey v7 · groupId workers · memberId B-c632e0f2-d6c0-4e96-8026-b2739a72fb2a
                ConsumerGroupTargetAssignmentMemberValue v0 · topicPartitions 1 element
            ConsumerGroupTargetAssignmentMetadataKey v6 · groupId workers
                ConsumerGroupTargetAssignmentMetadataValue v0 · assignmentEpoch 2
            ConsumerGroupCurrentMemberAssignmentKey v8 · groupId workers · memberId B-c632e0f2-d6c0-4e96-8026-b2739a72fb2a
                ConsumerGroupCurrentMemberAssignmentValue v0 · memberEpoch 2 · previousMemberEpoch 2 · state 0 · assignedPartitions 1 element
            ConsumerGroupCurrentMemberAssignmentKey v8 · groupId workers · memberId B-c632e0f2-d6c0-4e96-8026-b2739a72fb2a
                null
            ConsumerGroupTargetAssignmentMemberKey v7 · groupId workers · memberId B-c632e0f2-d6c0-4e96-8026-b2739a72fb2a
                null
            ConsumerGroupMemberMetadataKey v5 · groupId workers · memberId B-c632e0f2-d6c0-4e96-8026-b2739a72fb2a
                null
        "#]],
    );
}

#[test]
fn share_groups_and_their_partitions() {
    let run = world("queue-or-log", 14);
    check(
        &run,
        "__consumer_offsets",
        expect![[r#"
            ShareGroupMemberMetadataKey v10 · groupId workers · memberId jUOrw031b2-86E8GODKZ8w
                ShareGroupMemberMetadataValue v0 · clientId B · clientHost /10.0.0.3 · subscribedTopicNames jobs
            ShareGroupMetadataKey v11 · groupId workers
                ShareGroupMetadataValue v0 · epoch 1 · metadataHash -6481149470031966087
            ShareGroupTargetAssignmentMemberKey v13 · groupId workers · memberId jUOrw031b2-86E8GODKZ8w
                ShareGroupTargetAssignmentMemberValue v0
            ShareGroupTargetAssignmentMetadataKey v12 · groupId workers
                ShareGroupTargetAssignmentMetadataValue v0 · assignmentEpoch 1
            ShareGroupCurrentMemberAssignmentKey v14 · groupId workers · memberId jUOrw031b2-86E8GODKZ8w
                ShareGroupCurrentMemberAssignmentValue v0 · memberEpoch 1 · previousMemberEpoch 0 · state 0
            ShareGroupStatePartitionMetadataKey v15 · groupId workers
                ShareGroupStatePartitionMetadataValue v0 · initializingTopics 1 element
        "#]],
    );
    check(
        &run,
        "__share_group_state",
        expect![[r#"
            ShareSnapshotKey v0 · groupId workers · topic jobs · partition 0
                ShareSnapshotValue v0 · snapshotEpoch 0 · stateEpoch 1 · leaderEpoch 0 · startOffset -1 · createTimestamp 1767225601119 · writeTimestamp 1767225601119
            ShareUpdateKey v1 · groupId workers · topic jobs · partition 1
                ShareUpdateValue v0 · snapshotEpoch 0 · leaderEpoch 0 · startOffset 0 · stateBatches 1 element
        "#]],
    );
}

#[test]
fn the_metadata_log() {
    check(
        &world("leader-dies", 12),
        "__cluster_metadata",
        expect![[r#"
            ControlRecordKey v0 · version 0 · type 2
                LeaderChangeMessage v1 · leaderId 3000
            null
                FeatureLevelRecord v0 · name metadata.version · featureLevel 27
            null
                ConfigRecord v0 · resourceType 4 · name min.insync.replicas · value 1
            null
                RegisterBrokerRecord v3 · brokerId 1 · isMigratingZkBroker false · incarnationId -pLORfU5_kV4V7Qju11WWA · brokerEpoch 4 · endPoints 1 element · fenced true · inControlledShutdown false
            null
                BrokerRegistrationChangeRecord v2 · brokerId 2 · brokerEpoch 5 · fenced -1
            null
                TopicRecord v0 · name orders · topic orders
            null
                PartitionRecord v2 · partitionId 0 · topic orders · replicas 1, 2, 3 · isr 1, 2, 3 · leader 1 · leaderEpoch 0 · partitionEpoch 0
            null
                NoOpRecord v0
            null
                ProducerIdsRecord v0 · brokerId 3 · brokerEpoch 6 · nextProducerId 1000
        "#]],
    );
}

#[test]
fn the_fields_of_a_record_lie_in_its_batch() {
    let run = world("rider-updates", 12);
    let found = (0..50).find_map(|partition| {
        let at = TopicPartition::new("__consumer_offsets", partition);
        inspect_batch(run.world(), 1, &at, 1)
    });
    let view = found.expect("a batch");
    let mut text = String::new();
    for field in view.fields.iter().skip_while(|field| field.name != "record 0") {
        let indent = "  ".repeat(usize::from(field.depth) - 1);
        let _ = writeln!(text, "{indent}{} {} [{}..{}]", field.name, field.value, field.start, field.end);
    }
    expect![[r#"
        record 0  [61..106]
          length 44 [61..62]
          attributes 0 [62..63]
          timestampDelta 0 [63..64]
          offsetDelta 0 [64..65]
          keyLength 14 [65..66]
          key GroupMetadataKey v2 · group dashboards [66..80]
            type 2 [66..68]
            group "dashboards" [68..80]
          valueLength 24 [80..81]
          value GroupMetadataValue v3 · generation 0 · currentStateTimestamp 1767225603500 [81..105]
            version 3 [81..83]
            protocolType "" [83..85]
            generation 0 [85..89]
            protocol null [89..91]
            leader null [91..93]
            currentStateTimestamp 1767225603500 [93..101]
            members 0 elements [101..105]
          headersCount 0 [105..106]
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_fetched_record_is_opened_up_too() {
    let run = world("leader-dies", 4);
    let names = Names::of(run.world());
    let opened = run
        .branch()
        .trace()
        .iter()
        .filter_map(|entry| frame_of(entry, &names))
        .flat_map(|frame| frame.fields);
    let titles = opened.filter(|field| field.name == "value" && field.value.contains("Record v"));
    let first: Vec<String> = titles.take(3).map(|field| field.value).collect();
    expect![[r#"
        FeatureLevelRecord v0 · name metadata.version · featureLevel 27
        FeatureLevelRecord v0 · name eligible.leader.replicas.version · featureLevel 1
        ConfigRecord v0 · resourceType 4 · name min.insync.replicas · value 1"#]]
    .assert_eq(&first.join("\n"));
}
