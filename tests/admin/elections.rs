//! Leaders are elected: asked for, because brokers die, or by themselves from time to time.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::protocol::messages::elect_leaders::*;
use terrarium::protocol::messages::incremental_alter_configs::*;
use terrarium::protocol::{ApiKey, ErrorCode};

use crate::cluster::Cluster;

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

fn elect(cluster: &mut Cluster, election_type: i8, partitions: Option<&[i32]>) -> Vec<(i32, ErrorCode)> {
    let topic = |partitions: &[i32]| TopicPartitions { topic: "t".into(), partitions: partitions.to_vec() };
    let topic_partitions = partitions.map(|partitions| vec![topic(partitions)]);
    let request = ElectLeadersRequest { election_type, topic_partitions, ..Default::default() };
    let answer: ElectLeadersResponse = cluster.ask(2, &request);
    cluster.run(1_000);
    let results = answer.replica_election_results.into_iter().flat_map(|topic| topic.partition_result);
    results.map(|result| (result.partition_id, result.error_code)).collect()
}

fn set_unclean(cluster: &mut Cluster, resource_type: i8, resource_name: &str) {
    let config = AlterableConfig {
        name: "unclean.leader.election.enable".into(),
        config_operation: 0,
        value: Some("true".into()),
    };
    let resource =
        AlterConfigsResource { resource_type, resource_name: resource_name.into(), configs: vec![config] };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let answer: IncrementalAlterConfigsResponse = cluster.ask(2, &request);
    assert_eq!(answer.responses[0].error_code, ErrorCode::None, "{answer:?}");
}

#[test]
fn leadership_goes_back_to_the_preferred_replica_when_asked() {
    let mut cluster = Cluster::new(3);
    cluster.create("t", &[&[1, 2, 3], &[2, 3, 1]]);
    assert_eq!(elect(&mut cluster, PREFERRED, Some(&[0])), [(0, ErrorCode::ElectionNotNeeded)]);
    cluster.kill(1);
    cluster.run(12_000);
    assert_eq!(cluster.partition("t", 0).leader, 2);
    assert_eq!(elect(&mut cluster, PREFERRED, Some(&[0])), [(0, ErrorCode::PreferredLeaderNotAvailable)]);
    cluster.restart(1);
    cluster.run(15_000);
    assert_eq!(cluster.partition("t", 0).leader, 2, "it stays until it is told");
    // All: only those are told of that had another leader.
    assert_eq!(elect(&mut cluster, PREFERRED, None), [(0, ErrorCode::None)]);
    assert_eq!(cluster.partition("t", 0).leader, 1);
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
    let told = elect(&mut cluster, PREFERRED, Some(&[7]));
    assert_eq!(told, [(7, ErrorCode::UnknownTopicOrPartition)]);
    assert_eq!(elect(&mut cluster, 9, Some(&[0])), [(0, ErrorCode::InvalidRequest)]);
}

#[test]
fn leadership_goes_back_by_itself_after_a_while() {
    let mut cluster = Cluster::new(2);
    cluster.create("t", &[&[1, 2]]);
    cluster.kill(1);
    cluster.run(12_000);
    cluster.restart(1);
    cluster.run(20_000);
    assert_eq!(cluster.partition("t", 0).leader, 2);
    cluster.run(300_000);
    assert_eq!(cluster.partition("t", 0).leader, 1);
}

/// A partition whose only in-sync replica, broker 1, is dead.
fn bereft() -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.create("t", &[&[1, 3]]);
    cluster.kill(3);
    cluster.run(12_000);
    assert_eq!(cluster.partition("t", 0).isr, [1]);
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
    cluster.kill(1);
    cluster.run(12_000);
    cluster.restart(3);
    cluster.run(15_000);
    let partition = cluster.partition("t", 0);
    let known = (partition.leader, partition.isr, partition.elr);
    assert_eq!(known, (-1, vec![], vec![1]), "the last in-sync replica stays known");
    cluster
}

#[test]
fn without_an_in_sync_replica_there_is_no_clean_leader() {
    let mut cluster = bereft();
    assert_eq!(elect(&mut cluster, PREFERRED, Some(&[0])), [(0, ErrorCode::PreferredLeaderNotAvailable)]);
    assert_eq!(elect(&mut cluster, UNCLEAN, Some(&[0])), [(0, ErrorCode::None)]);
    let partition = cluster.partition("t", 0);
    assert_eq!((partition.leader, partition.isr), (3, vec![3]));
    assert_eq!(elect(&mut cluster, UNCLEAN, Some(&[0])), [(0, ErrorCode::ElectionNotNeeded)]);
    // The old leader comes back, and gives up what only it has.
    cluster.restart(1);
    cluster.run(15_000);
    assert_eq!(cluster.partition("t", 0).isr, [3, 1]);
    assert_eq!(cluster.log_end(1, "t", 0), Some(0));
}

#[test]
fn nobody_can_lead_when_all_replicas_are_gone() {
    let mut cluster = Cluster::new(3);
    cluster.create("t", &[&[1]]);
    cluster.kill(1);
    cluster.run(12_000);
    assert_eq!(elect(&mut cluster, UNCLEAN, Some(&[0])), [(0, ErrorCode::EligibleLeadersNotAvailable)]);
}

#[test]
fn an_unclean_leader_is_found_in_time_once_the_topic_allows_it() {
    let mut cluster = bereft();
    set_unclean(&mut cluster, 2, "t");
    cluster.run(300_000);
    assert_eq!(cluster.partition("t", 0).leader, 3);
}

#[test]
fn an_unclean_leader_takes_over_as_soon_as_the_last_in_sync_replica_is_fenced() {
    let mut cluster = Cluster::new(3);
    set_unclean(&mut cluster, 4, "");
    cluster.create("t", &[&[1, 3]]);
    cluster.kill(3);
    cluster.run(12_000);
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
    // Back, and counted on, but cut off from what it missed before it could catch up.
    cluster.restart(3);
    cluster.run(200);
    cluster.kill(1);
    cluster.run(25_000);
    let partition = cluster.partition("t", 0);
    assert_eq!(partition.leader, 3, "{partition:?}");
    assert_eq!(partition.isr, [3]);
}

#[test]
fn a_lost_answer_about_the_isr_leaves_leader_and_controller_agreed() {
    let mut cluster = Cluster::new(3);
    cluster.create("t", &[&[1, 2, 3]]);
    cluster.kill(3);
    cluster.run(12_000);
    assert_eq!(cluster.partition("t", 0).isr, [1, 2]);
    cluster.lose_next_answer = Some(ApiKey::AlterPartition);
    cluster.restart(3);
    cluster.run(20_000);
    assert_eq!(cluster.lose_next_answer, None, "it was lost");
    assert_eq!(cluster.partition("t", 0).isr, [1, 2, 3]);
    assert_eq!(cluster.broker(1).isr(&terrarium::protocol::TopicPartition::new("t", 0)), [1, 2, 3]);
    // The leader still proposes what has to be proposed.
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
    cluster.kill(2);
    cluster.run(12_000);
    assert_eq!(cluster.partition("t", 0).isr, [1, 3]);
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
}
