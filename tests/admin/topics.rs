//! Topics come, grow and go.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::protocol::messages::create_partitions::*;
use terrarium::protocol::messages::create_topics::*;
use terrarium::protocol::messages::delete_topics::*;
use terrarium::protocol::{ErrorCode, Uuid, encode_request};

use crate::cluster::Cluster;

fn topic(name: &str, partitions: i32, factor: i16) -> CreatableTopic {
    CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor: factor,
        ..Default::default()
    }
}

fn assigned(name: &str, rows: &[(i32, &[i32])]) -> CreatableTopic {
    let row = |(partition_index, broker_ids): &(i32, &[i32])| CreatableReplicaAssignment {
        partition_index: *partition_index,
        broker_ids: broker_ids.to_vec(),
    };
    CreatableTopic { assignments: rows.iter().map(row).collect(), ..topic(name, -1, -1) }
}

fn configured(name: &str, config: &str, value: Option<&str>) -> CreatableTopic {
    let config = CreatableTopicConfig { name: config.into(), value: value.map(str::to_owned) };
    CreatableTopic { configs: vec![config], ..topic(name, 1, 1) }
}

fn create(
    cluster: &mut Cluster,
    topics: Vec<CreatableTopic>,
    validate_only: bool,
) -> Vec<(String, ErrorCode)> {
    let request = CreateTopicsRequest { topics, validate_only, ..Default::default() };
    let answer: CreateTopicsResponse = cluster.ask(2, &request);
    for topic in &answer.topics {
        assert_eq!(topic.error_message.is_some(), topic.error_code != ErrorCode::None, "{topic:?}");
    }
    answer.topics.into_iter().map(|topic| (topic.name, topic.error_code)).collect()
}

fn check_refused(topic: CreatableTopic, expected: ErrorCode) {
    let mut cluster = Cluster::new(3);
    let name = topic.name.clone();
    let told = create(&mut cluster, vec![topic.clone()], false);
    assert_eq!(told, [(name, expected)], "{topic:?}");
    assert_eq!(cluster.controller().image().topics.len(), 0);
}

#[test]
fn what_makes_no_sense_is_refused_by_its_code() {
    use ErrorCode::*;
    check_refused(topic("a b", 1, 1), InvalidTopicException);
    check_refused(topic("", 1, 1), InvalidTopicException);
    check_refused(topic("__cluster_metadata", 1, 1), InvalidRequest);
    check_refused(topic("t", 0, 1), InvalidPartitions);
    check_refused(topic("t", -2, 1), InvalidPartitions);
    check_refused(topic("t", 1, 0), InvalidReplicationFactor);
    check_refused(topic("t", 1, -2), InvalidReplicationFactor);
    check_refused(topic("t", 1, 4), InvalidReplicationFactor);
    check_refused(configured("t", "segment.bites", Some("1000")), InvalidConfig);
    check_refused(configured("t", "segment.bytes", Some("few")), InvalidConfig);
    check_refused(configured("t", "segment.bytes", Option::None), InvalidConfig);
    check_refused(assigned("t", &[(0, &[1, 1])]), InvalidReplicaAssignment);
    check_refused(assigned("t", &[(0, &[1, 9])]), InvalidReplicaAssignment);
    check_refused(assigned("t", &[(0, &[])]), InvalidReplicaAssignment);
    check_refused(assigned("t", &[(0, &[1]), (0, &[2])]), InvalidReplicaAssignment);
    check_refused(assigned("t", &[(0, &[1]), (2, &[2])]), InvalidReplicaAssignment);
    check_refused(assigned("t", &[(0, &[1]), (1, &[2, 3])]), InvalidReplicaAssignment);
    check_refused(CreatableTopic { num_partitions: 1, ..assigned("t", &[(0, &[1])]) }, InvalidRequest);
    check_refused(CreatableTopic { replication_factor: 1, ..assigned("t", &[(0, &[1])]) }, InvalidRequest);
}

#[test]
fn an_absurd_number_of_partitions_is_refused_before_any_is_made() {
    check_refused(topic("t", i32::MAX, 3), ErrorCode::PolicyViolation);
    check_refused(topic("t", 1_000_000_000, 1), ErrorCode::PolicyViolation);
    let mut cluster = Cluster::new(2);
    let many = (0..20).map(|n| topic(&format!("t{n}"), 501, 1)).collect();
    assert!(create(&mut cluster, many, false).iter().all(|(_, error)| *error == ErrorCode::PolicyViolation));
    cluster.create("small", &[&[1]]);
    let asked = CreatePartitionsTopic { name: "small".into(), count: i32::MAX, assignments: None };
    let request = CreatePartitionsRequest { topics: vec![asked], ..Default::default() };
    let answer: CreatePartitionsResponse = cluster.ask(1, &request);
    assert_eq!(answer.results[0].error_code, ErrorCode::PolicyViolation);
}

#[test]
fn defaults_are_the_controllers() {
    let mut cluster = Cluster::with(
        3,
        |_| (),
        |config| {
            config.num_partitions = 4;
            config.default_replication_factor = 2;
        },
    );
    let own =
        CreatableTopic { configs: configured("", "retention.ms", Some("5")).configs, ..topic("t", -1, -1) };
    let request = CreateTopicsRequest { topics: vec![own], ..Default::default() };
    let answer: CreateTopicsResponse = cluster.ask(3, &request);
    let told = &answer.topics[0];
    assert_eq!((told.error_code, told.num_partitions, told.replication_factor), (ErrorCode::None, 4, 2));
    assert_eq!(Some(told.topic_id), cluster.controller().image().topics.get("t").map(|topic| topic.id));
    let config = |name: &str| {
        let config = told.configs.iter().flatten().find(|config| config.name == name).expect(name);
        (config.value.clone().unwrap_or_default(), config.config_source)
    };
    assert_eq!(config("retention.ms"), ("5".into(), 1));
    assert_eq!(config("compression.type"), ("producer".into(), 5));
}

#[test]
fn every_version_is_answered_in_kind() {
    let mut cluster = Cluster::new(1);
    for version in 2..=7 {
        let request =
            CreateTopicsRequest { topics: vec![topic(&format!("t{version}"), 1, 1)], ..Default::default() };
        let answer: CreateTopicsResponse = cluster.ask_in(1, version, &request);
        assert_eq!(answer.topics[0].error_code, ErrorCode::None, "version {version}");
        assert_eq!(answer.topics[0].num_partitions, if version >= 5 { 1 } else { -1 });
    }
    for version in 1..=6 {
        let name = format!("t{}", version + 1);
        let mut request = DeleteTopicsRequest::default();
        if version >= 6 {
            request.topics = vec![DeleteTopicState { name: Some(name), ..Default::default() }];
        } else {
            request.topic_names = vec![name];
        }
        let answer: DeleteTopicsResponse = cluster.ask_in(1, version, &request);
        assert_eq!(answer.responses[0].error_code, ErrorCode::None, "version {version}");
    }
}

#[test]
fn one_bad_topic_does_not_spoil_the_others() {
    let mut cluster = Cluster::new(3);
    cluster.create("there.already", &[&[1]]);
    let asked = vec![
        topic("good", 2, 2),
        topic("twice", 1, 1),
        topic("there.already", 1, 1),
        topic("there_already", 1, 1),
        topic("twice", 1, 1),
    ];
    let expected = [
        ("good".to_owned(), ErrorCode::None),
        ("there.already".to_owned(), ErrorCode::TopicAlreadyExists),
        ("there_already".to_owned(), ErrorCode::InvalidTopicException),
        ("twice".to_owned(), ErrorCode::InvalidRequest),
    ];
    assert_eq!(create(&mut cluster, asked.clone(), true), expected);
    assert_eq!(cluster.controller().image().topics.len(), 1, "only asked whether");
    assert_eq!(create(&mut cluster, asked, false), expected);
    assert_eq!(cluster.controller().image().topics.len(), 2);
}

#[test]
fn fenced_brokers_hold_replicas_when_there_are_not_enough_others() {
    let mut cluster = Cluster::new(3);
    cluster.kill(3);
    cluster.run(12_000);
    assert_eq!(create(&mut cluster, vec![topic("t", 1, 3)], false), [("t".to_owned(), ErrorCode::None)]);
    let partition = cluster.partition("t", 0);
    assert_eq!((partition.replicas.len(), partition.isr.len()), (3, 2));
    let all_fenced = assigned("u", &[(0, &[3])]);
    let refused = [("u".to_owned(), ErrorCode::InvalidReplicaAssignment)];
    assert_eq!(create(&mut cluster, vec![all_fenced], false), refused);
}

fn grow(
    cluster: &mut Cluster,
    name: &str,
    count: i32,
    rows: Option<&[&[i32]]>,
    validate_only: bool,
) -> ErrorCode {
    let row = |row: &&[i32]| CreatePartitionsAssignment { broker_ids: row.to_vec() };
    let assignments = rows.map(|rows| rows.iter().map(row).collect());
    let topic = CreatePartitionsTopic { name: name.into(), count, assignments };
    let request = CreatePartitionsRequest { topics: vec![topic], validate_only, ..Default::default() };
    let answer: CreatePartitionsResponse = cluster.ask(1, &request);
    cluster.run(1_000);
    answer.results[0].error_code
}

#[test]
fn topics_only_grow() {
    let mut cluster = Cluster::new(3);
    cluster.create("t", &[&[1, 2]]);
    assert_eq!(grow(&mut cluster, "t", 3, Some(&[&[2, 3], &[3, 1]]), true), ErrorCode::None);
    assert_eq!(cluster.log_end(3, "t", 1), None, "only asked whether");
    assert_eq!(grow(&mut cluster, "t", 3, Some(&[&[2, 3], &[3, 1]]), false), ErrorCode::None);
    assert_eq!(cluster.partition("t", 2).replicas, [3, 1]);
    assert_eq!(cluster.log_end(3, "t", 1), Some(0));
    assert_eq!(grow(&mut cluster, "t", 5, None, false), ErrorCode::None);
    assert_eq!(cluster.partition("t", 4).replicas.len(), 2);
    assert_eq!(grow(&mut cluster, "t", 5, None, false), ErrorCode::InvalidPartitions);
    assert_eq!(grow(&mut cluster, "t", 2, None, false), ErrorCode::InvalidPartitions);
    assert_eq!(grow(&mut cluster, "t", -1, None, false), ErrorCode::InvalidPartitions);
    assert_eq!(grow(&mut cluster, "t", 6, Some(&[]), false), ErrorCode::InvalidReplicaAssignment);
    assert_eq!(grow(&mut cluster, "t", 6, Some(&[&[1]]), false), ErrorCode::InvalidReplicaAssignment);
    assert_eq!(grow(&mut cluster, "u", 6, None, false), ErrorCode::UnknownTopicOrPartition);
}

fn delete(cluster: &mut Cluster, topics: Vec<DeleteTopicState>) -> Vec<(Option<String>, ErrorCode)> {
    let request = DeleteTopicsRequest { topics, timeout_ms: 1_000, ..Default::default() };
    let answer: DeleteTopicsResponse = cluster.ask(1, &request);
    cluster.run(1_000);
    answer.responses.into_iter().map(|topic| (topic.name, topic.error_code)).collect()
}

fn named(name: &str) -> DeleteTopicState {
    DeleteTopicState { name: Some(name.into()), ..Default::default() }
}

fn with_id(topic_id: Uuid) -> DeleteTopicState {
    DeleteTopicState { name: None, topic_id }
}

#[test]
fn a_topic_goes_with_its_logs_and_comes_back_as_another() {
    let mut cluster = Cluster::new(3);
    cluster.create("t", &[&[1, 2, 3]]);
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
    cluster.run(1_000);
    let id = cluster.controller().image().topics["t"].id;
    assert_eq!(delete(&mut cluster, vec![with_id(id)]), [(Some("t".into()), ErrorCode::None)]);
    assert_eq!([1, 2, 3].map(|broker| cluster.log_end(broker, "t", 0)), [None; 3]);
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(delete(&mut cluster, vec![with_id(id)]), [(None, ErrorCode::UnknownTopicId)]);

    cluster.create("t", &[&[2, 3, 1]]);
    assert_ne!(cluster.controller().image().topics["t"].id, id);
    assert_eq!([1, 2, 3].map(|broker| cluster.log_end(broker, "t", 0)), [Some(0); 3]);
    assert_eq!(cluster.produce(2, "t", 0), ErrorCode::None);
}

#[test]
fn a_broker_that_slept_through_it_does_not_mistake_the_new_topic_for_the_old() {
    let mut cluster = Cluster::new(3);
    cluster.create("t", &[&[1, 2, 3]]);
    for _ in 0..3 {
        assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
    }
    cluster.run(1_000);
    assert_eq!(cluster.log_end(3, "t", 0), Some(3));
    cluster.kill(3);
    cluster.run(12_000);
    assert_eq!(delete(&mut cluster, vec![named("t")]), [(Some("t".into()), ErrorCode::None)]);
    cluster.create("t", &[&[1, 2, 3]]);
    assert_eq!(cluster.produce(1, "t", 0), ErrorCode::None);
    cluster.restart(3);
    cluster.run(15_000);
    assert_eq!(cluster.log_end(3, "t", 0), Some(1));
    let mut isr = cluster.partition("t", 0).isr;
    isr.sort_unstable();
    assert_eq!(isr, [1, 2, 3]);
}

#[test]
fn a_topic_to_delete_is_named_once_and_in_one_way() {
    let mut cluster = Cluster::new(1);
    cluster.create("t", &[&[1]]);
    let id = cluster.controller().image().topics["t"].id;
    let both = DeleteTopicState { name: Some("t".into()), topic_id: id };
    let neither = DeleteTopicState::default();
    let expected = [
        (Some("t".to_owned()), ErrorCode::InvalidRequest),
        (None, ErrorCode::InvalidRequest),
        (Some("u".to_owned()), ErrorCode::UnknownTopicOrPartition),
    ];
    assert_eq!(delete(&mut cluster, vec![both, neither, named("u")]), expected);
    let twice = delete(&mut cluster, vec![named("t"), named("t")]);
    assert_eq!(twice, [(Some("t".to_owned()), ErrorCode::InvalidRequest)]);
    let told = delete(&mut cluster, vec![named("t"), with_id(id)]);
    assert_eq!(
        told.iter().map(|(_, error)| *error).collect::<Vec<_>>(),
        [ErrorCode::None, ErrorCode::InvalidRequest]
    );
}

#[test]
fn deletion_can_be_switched_off() {
    let mut cluster = Cluster::with(1, |_| (), |config| config.delete_topic_enable = false);
    cluster.create("t", &[&[1]]);
    for (version, expected) in [(1, ErrorCode::InvalidRequest), (3, ErrorCode::TopicDeletionDisabled)] {
        let request = DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() };
        let answer: DeleteTopicsResponse = cluster.ask_in(1, version, &request);
        assert_eq!(answer.responses[0].error_code, expected);
    }
    assert_eq!(cluster.log_end(1, "t", 0), Some(0));
}

#[test]
fn a_request_waits_for_a_controller_that_is_away() {
    let mut cluster = Cluster::new(1);
    cluster.kill_controller();
    let request = CreateTopicsRequest { topics: vec![topic("t", 1, 1)], ..Default::default() };
    let conn = cluster.send(1, encode_request(7, 7, "story", &request).expect("encodes"));
    cluster.run(5_000);
    assert_eq!(cluster.answer(conn), None);
    cluster.restart_controller();
    cluster.run(5_000);
    assert!(cluster.answer(conn).is_some());
    assert!(cluster.controller().image().topics.contains_key("t"));
}

#[test]
fn without_a_controller_a_request_times_out() {
    let mut cluster = Cluster::new(1);
    cluster.kill_controller();
    let request = CreateTopicsRequest { topics: vec![topic("t", 1, 1)], ..Default::default() };
    let answer: CreateTopicsResponse = cluster.ask(1, &request);
    assert_eq!(answer.topics[0].error_code, ErrorCode::RequestTimedOut);
}
