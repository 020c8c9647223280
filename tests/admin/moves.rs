//! Partitions move to other brokers.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::protocol::ErrorCode;
use terrarium::protocol::messages::alter_partition_reassignments::*;
use terrarium::protocol::messages::list_partition_reassignments::*;

use crate::cluster::Cluster;

fn reassign(cluster: &mut Cluster, partition_index: i32, replicas: Option<&[i32]>, allow: bool) -> ErrorCode {
    let partition = ReassignablePartition { partition_index, replicas: replicas.map(<[i32]>::to_vec) };
    let topic = ReassignableTopic { name: "t".into(), partitions: vec![partition] };
    let request = AlterPartitionReassignmentsRequest {
        allow_replication_factor_change: allow,
        topics: vec![topic],
        ..Default::default()
    };
    let answer: AlterPartitionReassignmentsResponse = cluster.ask(2, &request);
    answer.responses[0].partitions[0].error_code
}

/// Replicas, and those that come and go, of what is moving.
fn moving(
    cluster: &mut Cluster,
    topics: Option<Vec<ListPartitionReassignmentsTopics>>,
) -> Vec<[Vec<i32>; 3]> {
    let request = ListPartitionReassignmentsRequest { topics, ..Default::default() };
    let answer: ListPartitionReassignmentsResponse = cluster.ask(2, &request);
    let partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
    partitions.map(|p| [p.replicas, p.adding_replicas, p.removing_replicas]).collect()
}

#[test]
fn a_partition_moves_with_its_records() {
    let mut cluster = Cluster::new(4);
    cluster.create("t", &[&[1, 2]]);
    for _ in 0..5 {
        assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
    }
    assert_eq!(reassign(&mut cluster, 0, Some(&[3, 4]), true), ErrorCode::None);
    cluster.run(5_000);
    let partition = cluster.partition("t", 0);
    assert_eq!((partition.replicas.as_slice(), partition.leader), ([3, 4].as_slice(), 3));
    assert!(!partition.is_reassigning());
    let ends = [1, 2, 3, 4].map(|broker| cluster.log_end(broker, "t", 0));
    assert_eq!(ends, [None, None, Some(5), Some(5)]);
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::NotLeaderOrFollower);
    assert_eq!(cluster.produce(3, "t", 0), ErrorCode::None);
    assert_eq!(moving(&mut cluster, None), Vec::<[Vec<i32>; 3]>::new());
}

#[test]
fn old_replicas_stay_until_the_new_ones_are_in_sync() {
    let mut cluster = Cluster::new(3);
    cluster.create("t", &[&[1, 2]]);
    cluster.kill(3);
    cluster.run(12_000);
    assert_eq!(reassign(&mut cluster, 0, Some(&[1, 3]), true), ErrorCode::None);
    cluster.run(5_000);
    assert_eq!(moving(&mut cluster, None), [[vec![1, 3, 2], vec![3], vec![2]]]);
    let named = |name: &str, partition| ListPartitionReassignmentsTopics {
        name: name.into(),
        partition_indexes: vec![partition],
    };
    assert_eq!(moving(&mut cluster, Some(vec![named("t", 0)])).len(), 1);
    assert_eq!(moving(&mut cluster, Some(vec![named("t", 1), named("u", 0)])).len(), 0);
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None, "it serves on meanwhile");
    cluster.restart(3);
    cluster.run(15_000);
    let partition = cluster.partition("t", 0);
    assert_eq!((partition.replicas, partition.isr), (vec![1, 3], vec![1, 3]));
    assert_eq!(cluster.log_end(2, "t", 0), None);
    assert_eq!(cluster.log_end(3, "t", 0), Some(1));
}

#[test]
fn a_move_can_be_called_off() {
    let mut cluster = Cluster::new(3);
    cluster.create("t", &[&[1, 2]]);
    cluster.kill(3);
    cluster.run(12_000);
    assert_eq!(reassign(&mut cluster, 0, None, true), ErrorCode::NoReassignmentInProgress);
    assert_eq!(reassign(&mut cluster, 0, Some(&[3]), true), ErrorCode::None);
    assert_eq!(reassign(&mut cluster, 0, None, true), ErrorCode::None);
    cluster.run(1_000);
    let partition = cluster.partition("t", 0);
    assert_eq!((partition.replicas.as_slice(), partition.leader), ([1, 2].as_slice(), 1));
    assert!(!partition.is_reassigning());
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
}

#[test]
fn an_order_of_preference_changes_at_once() {
    let mut cluster = Cluster::new(2);
    cluster.create("t", &[&[1, 2]]);
    assert_eq!(reassign(&mut cluster, 0, Some(&[2, 1]), true), ErrorCode::None);
    let partition = cluster.partition("t", 0);
    assert_eq!(
        (partition.replicas.as_slice(), partition.leader, partition.leader_epoch),
        ([2, 1].as_slice(), 1, 0)
    );
}

#[test]
fn replicas_can_be_added_and_removed() {
    let mut cluster = Cluster::new(3);
    cluster.create("t", &[&[1, 2]]);
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
    assert_eq!(reassign(&mut cluster, 0, Some(&[1, 2, 3]), false), ErrorCode::InvalidReplicationFactor);
    assert_eq!(reassign(&mut cluster, 0, Some(&[1, 2, 3]), true), ErrorCode::None);
    cluster.run(5_000);
    assert_eq!(cluster.partition("t", 0).isr, [1, 2, 3]);
    assert_eq!(cluster.log_end(3, "t", 0), Some(1));
    assert_eq!(reassign(&mut cluster, 0, Some(&[3]), true), ErrorCode::None);
    cluster.run(5_000);
    let partition = cluster.partition("t", 0);
    assert_eq!((partition.leader, partition.isr), (3, vec![3]));
    assert_eq!(cluster.produce(3, "t", 0), ErrorCode::None);
}

#[test]
fn senseless_moves_are_refused() {
    let mut cluster = Cluster::new(2);
    cluster.create("t", &[&[1]]);
    for replicas in [&[][..], &[2, 2], &[1, 9], &[-1]] {
        let told = reassign(&mut cluster, 0, Some(replicas), true);
        assert_eq!(told, ErrorCode::InvalidReplicaAssignment, "{replicas:?}");
    }
    assert_eq!(reassign(&mut cluster, 4, Some(&[1]), true), ErrorCode::UnknownTopicOrPartition);
}
