//! Share groups as administrators see them: where they start, and that nothing of them is left behind.

use terrarium::broker::BrokerConfig;
use terrarium::protocol::ErrorCode;
use terrarium::protocol::messages::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use terrarium::protocol::messages::delete_topics::*;
use terrarium::protocol::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use terrarium::protocol::messages::share_group_heartbeat::*;
use terrarium::protocol::messages::share_group_offsets::*;

use crate::cluster::Cluster;

/// Two brokers with topics `t` and `u`, and the one that coordinates group `g`.
fn cluster() -> (Cluster, u32) {
    let configs = |config: &mut BrokerConfig| {
        let group = std::sync::Arc::make_mut(&mut config.group);
        (group.offsets_topic_num_partitions, group.offsets_topic_replication_factor) = (1, 2);
        (group.share_state_topic_num_partitions, group.share_state_topic_replication_factor) = (4, 2);
        group.share_state_topic_min_isr = 1;
    };
    let mut cluster = Cluster::with(2, configs, |_| ());
    cluster.create("t", &[&[1, 2], &[2, 1], &[1, 2]]);
    cluster.create("u", &[&[2, 1]]);
    let request = FindCoordinatorRequest { coordinator_keys: vec!["g".into()], ..Default::default() };
    for _ in 0..20 {
        let answer: FindCoordinatorResponse = cluster.ask(1, &request);
        if !answer.coordinators[0].error_code.is_error() {
            cluster.run(1_000);
            return (cluster, answer.coordinators[0].node_id as u32);
        }
        cluster.run(500);
    }
    panic!("no coordinator");
}

/// A heartbeat: what the member has after it.
fn beat(cluster: &mut Cluster, at: u32, epoch: i32, topics: &[&str]) -> (i32, Vec<i32>) {
    let topics = topics.iter().map(|topic| (*topic).to_owned()).collect::<Vec<_>>();
    let request = ShareGroupHeartbeatRequest {
        group_id: "g".into(),
        member_id: "m".into(),
        member_epoch: epoch,
        rack_id: None,
        subscribed_topic_names: (!topics.is_empty()).then_some(topics),
    };
    let answer: ShareGroupHeartbeatResponse = cluster.ask(at, &request);
    assert_eq!(answer.error_code, ErrorCode::None, "{answer:?}");
    let has = answer.assignment.into_iter().flat_map(|assignment| assignment.topic_partitions);
    let mut has: Vec<i32> = has.flat_map(|topic| topic.partitions).collect();
    has.sort_unstable();
    (answer.member_epoch, has)
}

/// Where the group starts, as far as that is known.
fn starts(cluster: &mut Cluster, at: u32) -> Vec<String> {
    let groups = vec![DescribeGroup { group_id: "g".into(), topics: None }];
    let answer: DescribeShareGroupOffsetsResponse =
        cluster.ask(at, &DescribeShareGroupOffsetsRequest { groups });
    let group = &answer.groups[0];
    assert_eq!(group.error_code, ErrorCode::None);
    let each = group.topics.iter().flat_map(|topic| {
        let name = &topic.topic_name;
        topic
            .partitions
            .iter()
            .map(move |part| format!("{name}-{}={}", part.partition_index, part.start_offset))
    });
    let mut each: Vec<String> = each.collect();
    each.sort_unstable();
    each
}

/// How many share partitions have a state anywhere.
fn states(cluster: &Cluster) -> usize {
    let mut all: Vec<_> = (1..=2)
        .flat_map(|id| cluster.broker(id).share_coordinator().states().map(|it| it.0.clone()))
        .collect();
    all.sort_unstable();
    all.dedup();
    all.len()
}

fn alter(cluster: &mut Cluster, at: u32, topic: &str, partition_index: i32, start_offset: i64) -> ErrorCode {
    let partitions = vec![AlterPartition { partition_index, start_offset }];
    let topics = vec![AlterTopic { topic_name: topic.into(), partitions }];
    let request = AlterShareGroupOffsetsRequest { group_id: "g".into(), topics };
    let answer: AlterShareGroupOffsetsResponse = cluster.ask(at, &request);
    if answer.error_code.is_error() {
        return answer.error_code;
    }
    answer.responses[0].partitions[0].error_code
}

#[test]
fn share_partitions_are_begun_set_and_forgotten() {
    let (mut cluster, at) = cluster();
    // Nothing is given out before it has a state.
    assert_eq!(beat(&mut cluster, at, 0, &["t", "u"]), (1, vec![]));
    cluster.run(10_000);
    assert_eq!(states(&cluster), 4);
    assert_eq!(beat(&mut cluster, at, 1, &[]), (2, vec![0, 0, 1, 2]));
    assert_eq!(starts(&mut cluster, at), ["t-0=-1", "t-1=-1", "t-2=-1", "u-0=-1"]);
    assert_eq!(alter(&mut cluster, at, "t", 1, 7), ErrorCode::NonEmptyGroup);
    assert_eq!(beat(&mut cluster, at, -1, &[]).0, -1);

    assert_eq!(alter(&mut cluster, at, "t", 1, 7), ErrorCode::None);
    assert_eq!(alter(&mut cluster, at, "t", 3, 7), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(alter(&mut cluster, at, "v", 0, 7), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(starts(&mut cluster, at), ["t-0=-1", "t-1=7", "t-2=-1", "u-0=-1"]);

    // The coordinators' brokers begin anew, and know.
    for id in [1, 2] {
        cluster.kill(id);
        cluster.run(12_000);
        cluster.restart(id);
        cluster.run(12_000);
    }
    let request = FindCoordinatorRequest { coordinator_keys: vec!["g".into()], ..Default::default() };
    let found: FindCoordinatorResponse = cluster.ask(1, &request);
    let at = found.coordinators[0].node_id as u32;
    assert_eq!(starts(&mut cluster, at), ["t-0=-1", "t-1=7", "t-2=-1", "u-0=-1"]);

    let topics = vec![DeleteTopic { topic_name: "t".into() }, DeleteTopic { topic_name: "v".into() }];
    let request = DeleteShareGroupOffsetsRequest { group_id: "g".into(), topics };
    let answer: DeleteShareGroupOffsetsResponse = cluster.ask(at, &request);
    let told: Vec<_> = answer.responses.iter().map(|topic| (&*topic.topic_name, topic.error_code)).collect();
    assert_eq!(told, [("t", ErrorCode::None), ("v", ErrorCode::UnknownTopicOrPartition)]);
    assert_eq!(starts(&mut cluster, at), ["u-0=-1"]);
    cluster.run(1_000);
    assert_eq!(states(&cluster), 1);

    let request = DeleteGroupsRequest { groups_names: vec!["g".into()] };
    let answer: DeleteGroupsResponse = cluster.ask(at, &request);
    assert_eq!(answer.results[0].error_code, ErrorCode::None);
    cluster.run(1_000);
    assert_eq!((states(&cluster), alter(&mut cluster, at, "t", 0, 0)), (0, ErrorCode::GroupIdNotFound));
}

#[test]
fn a_topic_takes_the_states_of_its_share_partitions_with_it() {
    let (mut cluster, at) = cluster();
    beat(&mut cluster, at, 0, &["t", "u"]);
    cluster.run(10_000);
    assert_eq!(states(&cluster), 4);
    let topics = vec![DeleteTopicState { name: Some("t".into()), ..Default::default() }];
    let request = DeleteTopicsRequest { topics, timeout_ms: 5_000, ..Default::default() };
    let answer: DeleteTopicsResponse = cluster.ask(1, &request);
    assert_eq!(answer.responses[0].error_code, ErrorCode::None);
    cluster.run(2_000);
    assert_eq!(states(&cluster), 1);
    assert_eq!(starts(&mut cluster, at), ["u-0=-1"]);
}
