//! Eligible leader replicas, as on a new cluster: who they are, and what it means for `min.insync.replicas`.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::metadata::ELIGIBLE_LEADER_REPLICAS;
use terrarium::protocol::messages::alter_configs::*;
use terrarium::protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use terrarium::protocol::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, TopicRequest,
};
use terrarium::protocol::{ErrorCode, TopicPartition};

use crate::cluster::Cluster;
use crate::configs::{BROKER, DELETE, SET, TOPIC, alter, config};

const MIN_ISR: &str = "min.insync.replicas";

/// As before Kafka 4.1.
fn older(brokers: u32) -> Cluster {
    let without = |level: &mut terrarium::controller::ControllerConfig| {
        level.features.insert(ELIGIBLE_LEADER_REPLICAS.to_owned(), 0);
    };
    Cluster::with(brokers, |_| (), without)
}

/// The finalized level of the feature, as a broker tells.
fn level(cluster: &mut Cluster) -> Option<i16> {
    let request =
        ApiVersionsRequest { client_software_name: "story".into(), client_software_version: "1".into() };
    let answer: ApiVersionsResponse = cluster.ask_in(1, 4, &request);
    assert!(answer.supported_features.iter().any(|it| it.name == ELIGIBLE_LEADER_REPLICAS));
    let found = answer.finalized_features.iter().find(|it| it.name == ELIGIBLE_LEADER_REPLICAS);
    found.map(|it| it.max_version_level)
}

/// The leader, who is in sync, who is eligible and who led last, as a broker tells.
fn told(cluster: &mut Cluster, broker: u32) -> String {
    let topics = vec![TopicRequest { name: "t".into() }];
    let request =
        DescribeTopicPartitionsRequest { topics, response_partition_limit: 10, ..Default::default() };
    let answer: DescribeTopicPartitionsResponse = cluster.ask(broker, &request);
    let it = &answer.topics[0].partitions[0];
    let list = |ids: &Option<Vec<i32>>| ids.clone().unwrap_or_default();
    let (elr, last) = (list(&it.eligible_leader_replicas), list(&it.last_known_elr));
    format!("leader {} isr {:?} elr {elr:?} last {last:?}", it.leader_id, it.isr_nodes)
}

#[test]
fn a_new_cluster_has_them_and_one_minimum_for_all() {
    let mut cluster = Cluster::with(
        2,
        |_| (),
        |controller| {
            std::sync::Arc::make_mut(&mut controller.log).min_insync_replicas = 2;
        },
    );
    assert_eq!(level(&mut cluster), Some(1));
    cluster.create("t", &[&[1, 2]]);
    // As configured where the cluster began, whatever the brokers are configured to.
    assert!(config(&mut cluster, TOPIC, "t", MIN_ISR).starts_with("2 by 3 "));
    let set = |value| [(SET, MIN_ISR, Some(value))];
    let remove = [(DELETE, MIN_ISR, None)];
    assert_eq!(alter(&mut cluster, BROKER, "1", &set("2")), ErrorCode::InvalidConfig);
    assert_eq!(alter(&mut cluster, BROKER, "1", &remove), ErrorCode::InvalidConfig);
    assert_eq!(alter(&mut cluster, BROKER, "", &remove), ErrorCode::InvalidConfig);
    assert!(config(&mut cluster, TOPIC, "t", MIN_ISR).starts_with("2 by 3 "));
    assert_eq!(alter(&mut cluster, BROKER, "", &set("1")), ErrorCode::None);
    assert!(config(&mut cluster, TOPIC, "t", MIN_ISR).starts_with("1 by 3 "));
    assert_eq!(alter(&mut cluster, TOPIC, "t", &set("2")), ErrorCode::None);
    assert_eq!(alter(&mut cluster, TOPIC, "t", &remove), ErrorCode::None);
}

#[test]
fn the_old_request_may_not_forget_the_minimum() {
    let mut cluster = Cluster::new(1);
    let mut replace = |configs: &[(&str, &str)]| {
        let configs = configs
            .iter()
            .map(|(name, value)| AlterableConfig { name: (*name).into(), value: Some((*value).into()) });
        let resource = AlterConfigsResource {
            resource_type: BROKER,
            resource_name: String::new(),
            configs: configs.collect(),
        };
        let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
        let answer: AlterConfigsResponse = cluster.ask(1, &request);
        answer.responses[0].error_code
    };
    assert_eq!(replace(&[("message.max.bytes", "5000")]), ErrorCode::InvalidConfig);
    assert_eq!(replace(&[("message.max.bytes", "5000"), (MIN_ISR, "1")]), ErrorCode::None);
}

#[test]
fn an_older_cluster_has_neither() {
    let mut cluster = older(2);
    assert_eq!(level(&mut cluster), None);
    assert_eq!(alter(&mut cluster, BROKER, "1", &[(SET, MIN_ISR, Some("2"))]), ErrorCode::None);
    assert_eq!(alter(&mut cluster, BROKER, "", &[(DELETE, MIN_ISR, None)]), ErrorCode::None);
    cluster.create("t", &[&[1]]);
    cluster.kill(1);
    cluster.run(12_000);
    assert_eq!(told(&mut cluster, 2), "leader -1 isr [1] elr [] last []", "the last in sync stays in sync");
}

#[test]
fn a_new_minimum_makes_nobody_eligible() {
    for (resource, name) in [(TOPIC, "t"), (BROKER, "")] {
        let mut cluster = Cluster::new(3);
        cluster.create("t", &[&[1, 2, 3]]);
        assert_eq!(alter(&mut cluster, resource, name, &[(SET, MIN_ISR, Some("2"))]), ErrorCode::None);
        cluster.kill(2);
        cluster.kill(3);
        cluster.run(12_000);
        let elr = cluster.partition("t", 0).elr;
        assert_eq!(told(&mut cluster, 1), format!("leader 1 isr [1] elr {elr:?} last []"));
        assert_eq!(elr.len(), 1, "who left first was no longer needed");
        let before = cluster.partition("t", 0).partition_epoch;
        assert_eq!(alter(&mut cluster, resource, name, &[(SET, MIN_ISR, Some("3"))]), ErrorCode::None);
        assert_eq!(told(&mut cluster, 1), "leader 1 isr [1] elr [] last []");
        let partition = cluster.partition("t", 0);
        assert_eq!(partition.partition_epoch, before + 1);
        let at = TopicPartition::new("t", 0);
        assert_eq!(cluster.broker(1).partition(&at).map(|it| &it.registration), Some(&partition));
    }
}

#[test]
fn the_only_replica_is_eligible_while_it_is_away() {
    let mut cluster = Cluster::new(2);
    cluster.create("t", &[&[2]]);
    cluster.kill(2);
    cluster.run(12_000);
    assert_eq!(told(&mut cluster, 1), "leader -1 isr [] elr [2] last [2]");
    // It has not shut down cleanly, but it led last and nobody else has anything.
    cluster.restart(2);
    cluster.run(12_000);
    assert_eq!(told(&mut cluster, 1), "leader 2 isr [2] elr [] last []");
}
