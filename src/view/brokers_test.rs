//! A cluster by broker, before and after somebody dies.

use std::fmt::Write;
use std::sync::Arc;

use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::brokers::{by_broker, bytes_words, metadata_log};
use super::fixture::run_until;
use crate::base::{SimTime, ms, seconds};
use crate::scenario::{Files, gallery};
use crate::sim::{Command, Run};
use crate::view::inspector::inspect_batch;

fn check(run: &Run, expected: Expect) {
    let view = by_broker(run.world(), false);
    let mut text = String::new();
    for rack in &view.racks {
        let _ = writeln!(text, "rack {}", rack.name.as_deref().unwrap_or("–"));
        for broker in &rack.brokers {
            let [leads, follows, out] = broker.roles;
            let _ = writeln!(
                text,
                "{} {}: leads {leads}, follows {follows}, out of sync {out}; {} on disk, {} dirty; metadata {:?} {:?}",
                broker.title,
                broker.state,
                bytes_words(broker.disk_bytes),
                bytes_words(broker.dirty_bytes),
                broker.metadata,
                broker.broken,
            );
            for row in &broker.replicas {
                let _ = writeln!(
                    text,
                    "  {} {} epoch {}: {} of {}, {} behind, {} bytes, {} dirty",
                    row.at,
                    row.role,
                    row.epoch,
                    row.high_watermark,
                    row.log_end,
                    row.behind,
                    row.size_bytes,
                    row.dirty_bytes
                );
            }
        }
    }
    let quorum = &view.quorum;
    let _ = writeln!(
        text,
        "quorum: leader {:?}, epoch {}, {} of {}, from {}",
        quorum.leader, quorum.epoch, quorum.high_watermark, quorum.log_end, quorum.from
    );
    for tape in &quorum.tapes {
        let _ = writeln!(
            text,
            "  {} {} epoch {}: {} of {}, image {}, {} behind",
            tape.name, tape.state, tape.epoch, tape.high_watermark, tape.log_end, tape.image, tape.behind
        );
    }
    for record in quorum.records.iter().take(4) {
        let committed = if record.committed { "" } else { " (not committed)" };
        let _ = writeln!(text, "  {} {} {}{committed}", record.offset, record.name, record.words);
        let node = quorum.reader.expect("somebody's log").0 as i32;
        assert!(inspect_batch(run.world(), node, &metadata_log(), record.offset).is_some());
    }
    expected.assert_eq(&text);
}

#[test]
fn a_leader_dies_and_the_others_go_on() {
    check(
        &run_until(SimTime(seconds(2) - 1)),
        expect![[r#"
            rack –
            Broker 1 up: leads 1, follows 0, out of sync 0; 2.7 KB on disk, 1.4 KB dirty; metadata Some((15, 0)) []
              rides-0 leader epoch 0: 20 of 20, 0 behind, 1430 bytes, 1430 dirty
            Broker 2 up: leads 0, follows 1, out of sync 0; 2.7 KB on disk, 1.4 KB dirty; metadata Some((15, 0)) []
              rides-0 in sync epoch 0: 19 of 20, 0 behind, 1430 bytes, 1430 dirty
            Broker 3 up: leads 0, follows 1, out of sync 0; 2.7 KB on disk, 1.4 KB dirty; metadata Some((15, 0)) []
              rides-0 in sync epoch 0: 19 of 20, 0 behind, 1430 bytes, 1430 dirty
            quorum: leader Some("controller"), epoch 1, 15 of 15, from 0
              controller the only controller epoch 1: 15 of 15, image 15, 0 behind
              broker 1 observer epoch 1: 15 of 15, image 15, 0 behind
              broker 2 observer epoch 1: 15 of 15, image 15, 0 behind
              broker 3 observer epoch 1: 15 of 15, image 15, 0 behind
              13 ProducerIdsRecord brokerId 3 · brokerEpoch 6 · nextProducerId 1000
              11 PartitionRecord partitionId 0 · topic rides · replicas 1, 2, 3 · isr 1, 2, 3 · leader 1 · leaderEpoch 0 · partitionEpoch 0
              10 TopicRecord name rides · topic rides
              9 BrokerRegistrationChangeRecord brokerId 1 · brokerEpoch 4 · fenced -1
        "#]],
    );
    check(
        &run_until(SimTime(seconds(14))),
        expect![[r#"
            rack –
            Broker 1 down: leads 0, follows 0, out of sync 0; 2.7 KB on disk, 1.4 KB dirty; metadata None []
              rides-0 down epoch 0: 20 of 20, 0 behind, 1430 bytes, 1430 dirty
            Broker 2 up: leads 1, follows 0, out of sync 0; 13.0 KB on disk, 9.8 KB dirty; metadata Some((41, 0)) []
              rides-0 leader epoch 1: 260 of 260, 0 behind, 9897 bytes, 9897 dirty
            Broker 3 up: leads 0, follows 1, out of sync 0; 13.0 KB on disk, 9.8 KB dirty; metadata Some((41, 0)) []
              rides-0 in sync epoch 1: 259 of 260, 0 behind, 9897 bytes, 9897 dirty
            quorum: leader Some("controller"), epoch 1, 41 of 41, from 1
              controller the only controller epoch 1: 41 of 41, image 41, 0 behind
              broker 1 down epoch 1: 15 of 15, image 0, 26 behind
              broker 2 observer epoch 1: 41 of 41, image 41, 0 behind
              broker 3 observer epoch 1: 41 of 41, image 41, 0 behind
              31 PartitionChangeRecord partitionId 0 · topic rides · isr 2, 3 · leader 2
              30 BrokerRegistrationChangeRecord brokerId 1 · brokerEpoch 4 · fenced 1
              13 ProducerIdsRecord brokerId 3 · brokerEpoch 6 · nextProducerId 1000
              11 PartitionRecord partitionId 0 · topic rides · replicas 1, 2, 3 · isr 1, 2, 3 · leader 1 · leaderEpoch 0 · partitionEpoch 0
        "#]],
    );
}

#[test]
fn whoever_is_cut_off_lags_behind() {
    let mut run = run_until(SimTime(ms(1_500)));
    let command = Command::Cut { a: "broker-3".into(), b: "controller".into() };
    run.command(&command).expect("obeyed");
    run.command(&Command::SetDiskFull { broker: "broker-2".into(), on: true }).expect("obeyed");
    run.play_until(SimTime(ms(3_500)), 100_000);
    check(
        &run,
        expect![[r#"
            rack –
            Broker 1 down: leads 0, follows 0, out of sync 0; 2.0 KB on disk, 782 B dirty; metadata None []
              rides-0 down epoch 0: 10 of 11, 0 behind, 782 bytes, 782 dirty
            Broker 2 down: leads 0, follows 0, out of sync 0; 1.9 KB on disk, 710 B dirty; metadata None [("disk", "full")]
              rides-0 down epoch 0: 9 of 10, 1 behind, 710 bytes, 710 dirty
            Broker 3 up: leads 0, follows 1, out of sync 0; 2.0 KB on disk, 782 B dirty; metadata Some((14, 4)) []
              rides-0 in sync epoch 0: 10 of 11, 0 behind, 782 bytes, 782 dirty
            quorum: leader Some("controller"), epoch 1, 18 of 18, from 0
              controller the only controller epoch 1: 18 of 18, image 18, 0 behind
              broker 1 down epoch 1: 15 of 15, image 0, 3 behind
              broker 2 down epoch 1: 14 of 14, image 0, 4 behind
              broker 3 observer epoch 1: 14 of 14, image 14, 4 behind
              13 ProducerIdsRecord brokerId 3 · brokerEpoch 6 · nextProducerId 1000
              11 PartitionRecord partitionId 0 · topic rides · replicas 1, 2, 3 · isr 1, 2, 3 · leader 1 · leaderEpoch 0 · partitionEpoch 0
              10 TopicRecord name rides · topic rides
              9 BrokerRegistrationChangeRecord brokerId 1 · brokerEpoch 4 · fenced -1
        "#]],
    );
}

#[test]
fn brokers_stand_in_their_racks() {
    let scenario = gallery("nearest-replica").and_then(Result::ok).expect("a scenario");
    let setup = scenario.build(None, &Files::new()).expect("a setup");
    let mut run = Run::new(Arc::new(setup));
    run.play_until(SimTime(seconds(4)), 100_000);
    let view = by_broker(run.world(), false);
    let said = view.racks.iter().map(|rack| {
        let brokers: Vec<&str> = rack.brokers.iter().map(|broker| broker.title.as_str()).collect();
        format!("{}: {}", rack.name.as_deref().unwrap_or("none"), brokers.join(", "))
    });
    expect![[r#"
        a: Broker 1
        b: Broker 2
        c: Broker 3"#]]
    .assert_eq(&said.collect::<Vec<_>>().join("\n"));
}

#[test]
fn zookeeper_stands_where_the_metadata_log_was() {
    let scenario = gallery("zookeeper-broker-dies").and_then(Result::ok).expect("a scenario");
    let setup = scenario.build(None, &Files::new()).expect("a setup");
    let mut run = Run::new(Arc::new(setup));
    let mut text = String::new();
    for time in [seconds(7), seconds(15)] {
        run.play_until(SimTime(time), 100_000);
        let view = by_broker(run.world(), false);
        let titles: Vec<&str> = view.racks[0].brokers.iter().map(|broker| broker.title.as_str()).collect();
        let registry = view.registry.expect("ZooKeeper");
        let _ = writeln!(
            text,
            "{}: {}, {:?}, {:?}",
            titles.join(", "),
            registry.state,
            registry.controller,
            registry.counts
        );
        for session in &registry.sessions {
            let _ = writeln!(
                text,
                "  {} {} {} over in {} ms",
                session.client, session.id, session.connected, session.left_ms
            );
        }
        for (path, what, count) in &registry.watches {
            let _ = writeln!(text, "  {count} x {what} of {path}");
        }
        for znode in registry
            .znodes
            .iter()
            .filter(|znode| !znode.data.contains("timestamp") && !znode.data.contains("topic_id"))
        {
            let _ = writeln!(text, "  {} v{} {:?} {}", znode.path, znode.version, znode.owner, znode.data);
        }
    }
    expect![[r#"
        Broker 1, Broker 2 · controller, Broker 3: up, Some("broker 2, epoch 1"), (29, 51)
          broker 2 0x100000000000000 true over in 7000 ms
          broker 3 0x100000000000001 true over in 7000 ms
          broker 1 0x100000000000002 true over in 7000 ms
          1 x children of /brokers/ids
          1 x children of /brokers/topics
          2 x data of /controller
          /brokers/topics/orders/partitions/0/state v0 None {"controller_epoch":1,"leader":1,"version":1,"leader_epoch":0,"isr":[1,2,3]}
          /brokers/topics/orders/partitions/1/state v0 None {"controller_epoch":1,"leader":2,"version":1,"leader_epoch":0,"isr":[2,3,1]}
          /brokers/topics/orders/partitions/2/state v0 None {"controller_epoch":1,"leader":3,"version":1,"leader_epoch":0,"isr":[3,1,2]}
          /config/topics/orders v0 None {"version":1,"config":{"min.insync.replicas":"2"}}
          /controller_epoch v1 None 1
          /latest_producer_id_block v0 None {"version":1,"broker":2,"block_start":"0","block_end":"999"}
        Broker 1, Broker 2 · controller, Broker 3: up, Some("broker 2, epoch 1"), (28, 56)
          broker 2 0x100000000000000 true over in 7000 ms
          broker 3 0x100000000000001 true over in 7000 ms
          1 x children of /brokers/ids
          1 x children of /brokers/topics
          1 x data of /controller
          /brokers/topics/orders/partitions/0/state v1 None {"controller_epoch":1,"leader":2,"version":1,"leader_epoch":1,"isr":[2,3]}
          /brokers/topics/orders/partitions/1/state v1 None {"controller_epoch":1,"leader":2,"version":1,"leader_epoch":1,"isr":[2,3]}
          /brokers/topics/orders/partitions/2/state v1 None {"controller_epoch":1,"leader":3,"version":1,"leader_epoch":1,"isr":[3,2]}
          /config/topics/orders v0 None {"version":1,"config":{"min.insync.replicas":"2"}}
          /controller_epoch v1 None 1
          /latest_producer_id_block v0 None {"version":1,"broker":2,"block_start":"0","block_end":"999"}
    "#]].assert_eq(&text);
}

#[test]
fn sizes_in_words() {
    let said = [0, 999, 1_000, 4_190, 2_300_000].map(bytes_words);
    assert_eq!(said, ["0 B", "999 B", "1.0 KB", "4.1 KB", "2.3 MB"]);
}
