//! What brokers tell of the cluster.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::protocol::messages::alter_replica_log_dirs::*;
use terrarium::protocol::messages::api_versions::*;
use terrarium::protocol::messages::create_acls::*;
use terrarium::protocol::messages::delete_acls::*;
use terrarium::protocol::messages::describe_acls::*;
use terrarium::protocol::messages::describe_cluster::*;
use terrarium::protocol::messages::describe_log_dirs::*;
use terrarium::protocol::messages::describe_quorum::*;
use terrarium::protocol::messages::describe_topic_partitions::*;
use terrarium::protocol::messages::metadata::*;
use terrarium::protocol::{ApiKey, ErrorCode, Uuid, decode_response, encode_request};

use crate::cluster::Cluster;

fn asked(names: &[&str]) -> MetadataRequest {
    let topic = |name: &&str| MetadataRequestTopic { name: Some((*name).into()), ..Default::default() };
    MetadataRequest {
        topics: Some(names.iter().map(topic).collect()),
        allow_auto_topic_creation: false,
        ..Default::default()
    }
}

fn topics(answer: &MetadataResponse) -> Vec<(&str, ErrorCode)> {
    answer.topics.iter().map(|topic| (topic.name.as_deref().unwrap_or("-"), topic.error_code)).collect()
}

#[test]
fn all_none_or_some() {
    let mut cluster = Cluster::new(2);
    cluster.create("a", &[&[1, 2]]);
    cluster.create("b", &[&[2]]);
    for version in 0..=13 {
        let none = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
        let answer: MetadataResponse = cluster.ask_in(1, version, &none);
        let all_of_old = if version == 0 { 2 } else { 0 };
        assert_eq!((answer.topics.len(), answer.brokers.len()), (all_of_old, 2), "version {version}");
        let all = MetadataRequest { topics: None, ..Default::default() };
        if version > 0 {
            let answer: MetadataResponse = cluster.ask_in(1, version, &all);
            assert_eq!(topics(&answer), [("a", ErrorCode::None), ("b", ErrorCode::None)]);
        }
        let mut some = asked(&["b", "c", "b", "x y"]);
        some.allow_auto_topic_creation = version < 4;
        if version >= 4 {
            let answer: MetadataResponse = cluster.ask_in(1, version, &some);
            let expected = [
                ("b", ErrorCode::None),
                ("c", ErrorCode::UnknownTopicOrPartition),
                ("x y", ErrorCode::InvalidTopicException),
            ];
            assert_eq!(topics(&answer), expected, "version {version}");
        }
    }
}

#[test]
fn topics_are_found_by_id() {
    let mut cluster = Cluster::new(1);
    cluster.create("a", &[&[1]]);
    let id = cluster.controller().image().topics["a"].id;
    let by_id = |topic_id: Uuid| MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { topic_id, name: None }]),
        ..Default::default()
    };
    for version in 12..=13 {
        let answer: MetadataResponse = cluster.ask_in(1, version, &by_id(id));
        assert_eq!((topics(&answer), answer.topics[0].topic_id), (vec![("a", ErrorCode::None)], id));
        let answer: MetadataResponse = cluster.ask_in(1, version, &by_id(Uuid::from_halves(1, 2)));
        assert_eq!(topics(&answer), [("-", ErrorCode::UnknownTopicId)]);
    }
    for version in 10..=11 {
        let answer: MetadataResponse = cluster.ask_in(1, version, &by_id(id));
        assert_eq!(topics(&answer), [("", ErrorCode::InvalidRequest)]);
    }
}

#[test]
fn dead_brokers_and_what_may_be_done_are_told() {
    let mut cluster = Cluster::new(2);
    cluster.create("a", &[&[1, 2]]);
    cluster.create("b", &[&[2]]);
    cluster.kill(2);
    cluster.run(12_000);
    let request = MetadataRequest {
        include_cluster_authorized_operations: true,
        include_topic_authorized_operations: true,
        ..asked(&["a", "b"])
    };
    let answer: MetadataResponse = cluster.ask_in(1, 9, &request);
    let [first, second] = &answer.topics[..] else { panic!("{answer:?}") };
    let (first, second) = (&first.partitions[0], &second.partitions[0]);
    assert_eq!((first.error_code, first.leader_id), (ErrorCode::None, 1));
    assert_eq!((first.isr_nodes.as_slice(), first.offline_replicas.as_slice()), (&[1][..], &[2][..]));
    assert_eq!((second.error_code, second.leader_id), (ErrorCode::LeaderNotAvailable, -1));
    assert_eq!(answer.brokers.len(), 1);
    assert_eq!(answer.cluster_authorized_operations, 8_096);
    assert_eq!(answer.topics[0].topic_authorized_operations, 3_576);
    assert_eq!(answer.cluster_id.map(|id| id.len()), Some(22));
    let request = MetadataRequest { include_cluster_authorized_operations: false, ..request };
    let answer: MetadataResponse = cluster.ask(1, &request);
    assert_eq!(answer.cluster_authorized_operations, i32::MIN);
}

#[test]
fn a_topic_that_is_asked_about_comes_to_be() {
    let mut cluster = Cluster::with(
        3,
        |config| {
            config.num_partitions = 3;
            config.default_replication_factor = 2;
        },
        |_| (),
    );
    let answer: MetadataResponse = cluster.ask(1, &asked(&["new", "x y"]));
    assert_eq!(topics(&answer)[0].1, ErrorCode::UnknownTopicOrPartition);
    cluster.run(1_000);
    assert!(cluster.controller().image().topics.is_empty(), "the client did not allow it");
    let request = MetadataRequest { allow_auto_topic_creation: true, ..asked(&["new", "x y"]) };
    let answer: MetadataResponse = cluster.ask(1, &request);
    assert_eq!(topics(&answer)[0].1, ErrorCode::UnknownTopicOrPartition, "not yet");
    cluster.run(1_000);
    let answer: MetadataResponse = cluster.ask(2, &request);
    assert_eq!(topics(&answer), [("new", ErrorCode::None), ("x y", ErrorCode::InvalidTopicException)]);
    let partitions = &answer.topics[0].partitions;
    assert_eq!((partitions.len(), partitions[0].replica_nodes.len()), (3, 2));
}

#[test]
fn old_clients_are_told_that_a_new_topic_has_no_leader_yet() {
    let mut cluster = Cluster::new(1);
    for version in 0..=13 {
        let name = format!("new-{version}");
        let request = MetadataRequest { allow_auto_topic_creation: true, ..asked(&[&name]) };
        let answer: MetadataResponse = cluster.ask_in(1, version, &request);
        let expected =
            if version < 8 { ErrorCode::LeaderNotAvailable } else { ErrorCode::UnknownTopicOrPartition };
        assert_eq!(topics(&answer), [(&*name, expected)], "version {version}");
        cluster.run(1_000);
        let answer: MetadataResponse = cluster.ask_in(1, version, &request);
        assert_eq!(topics(&answer), [(&*name, ErrorCode::None)], "version {version}");
    }
    let refused: MetadataResponse = cluster.ask_in(1, 6, &asked(&["other"]));
    assert_eq!(topics(&refused), [("other", ErrorCode::UnknownTopicOrPartition)], "it is not created");
}

#[test]
fn nothing_comes_to_be_where_that_is_switched_off() {
    let mut cluster = Cluster::with(1, |config| config.auto_create_topics = false, |_| ());
    let request = MetadataRequest { allow_auto_topic_creation: true, ..asked(&["new"]) };
    let answer: MetadataResponse = cluster.ask(1, &request);
    assert_eq!(topics(&answer), [("new", ErrorCode::UnknownTopicOrPartition)]);
    cluster.run(1_000);
    assert!(cluster.controller().image().topics.is_empty());
}

#[test]
fn a_cluster_describes_itself() {
    let mut cluster = Cluster::new(2);
    cluster.kill(2);
    cluster.run(12_000);
    for (version, fenced, expected) in [(0, false, 1), (1, false, 1), (2, false, 1), (2, true, 2)] {
        let request = DescribeClusterRequest { include_fenced_brokers: fenced, ..Default::default() };
        let answer: DescribeClusterResponse = cluster.ask_in(1, version, &request);
        assert_eq!(answer.brokers.len(), expected, "version {version}");
    }
    let request =
        DescribeClusterRequest { include_cluster_authorized_operations: true, ..Default::default() };
    let answer: DescribeClusterResponse = cluster.ask(1, &request);
    assert_eq!((answer.controller_id, answer.cluster_authorized_operations), (1, 8_096));
    for (endpoint_type, error) in
        [(2, ErrorCode::MismatchedEndpointType), (9, ErrorCode::UnsupportedEndpointType)]
    {
        let request = DescribeClusterRequest { endpoint_type, ..Default::default() };
        let answer: DescribeClusterResponse = cluster.ask(1, &request);
        assert_eq!(answer.error_code, error);
    }
}

#[test]
fn logs_are_weighed() {
    let mut cluster = Cluster::new(2);
    cluster.create("a", &[&[1], &[1], &[2]]);
    assert_eq!(cluster.produce(1, "a", 1), ErrorCode::None);
    for version in 1..=4 {
        let answer: DescribeLogDirsResponse =
            cluster.ask_in(1, version, &DescribeLogDirsRequest { topics: None });
        let dir = &answer.results[0];
        let sizes: Vec<(i32, bool)> =
            dir.topics[0].partitions.iter().map(|p| (p.partition_index, p.partition_size > 60)).collect();
        assert_eq!((dir.topics.len(), sizes), (1, vec![(0, false), (1, true)]));
    }
    let topic = DescribableLogDirTopic { topic: "a".into(), partitions: vec![1, 2, 9] };
    let request = DescribeLogDirsRequest { topics: Some(vec![topic]) };
    let answer: DescribeLogDirsResponse = cluster.ask(1, &request);
    assert_eq!(answer.results[0].topics[0].partitions.len(), 1, "only what lies here");
}

#[test]
fn replicas_lie_where_they_lie() {
    let mut cluster = Cluster::new(2);
    cluster.create("a", &[&[1], &[2]]);
    let dirs: DescribeLogDirsResponse = cluster.ask(1, &DescribeLogDirsRequest { topics: None });
    let topic = AlterReplicaLogDirTopic { name: "a".into(), partitions: vec![0, 1] };
    for version in 1..=2 {
        let dir = |path: &str| AlterReplicaLogDir { path: path.into(), topics: vec![topic.clone()] };
        let request =
            AlterReplicaLogDirsRequest { dirs: vec![dir(&dirs.results[0].log_dir), dir("/elsewhere")] };
        let answer: AlterReplicaLogDirsResponse = cluster.ask_in(1, version, &request);
        let results = answer.results.into_iter().flat_map(|topic| topic.partitions);
        let codes: Vec<ErrorCode> = results.map(|result| result.error_code).collect();
        let gone = ErrorCode::LogDirNotFound;
        assert_eq!(codes, [ErrorCode::None, ErrorCode::ReplicaNotAvailable, gone, gone]);
    }
}

#[test]
fn partitions_are_told_page_by_page() {
    let mut cluster = Cluster::new(1);
    cluster.create("a", &[&[1], &[1]]);
    cluster.create("b", &[&[1], &[1], &[1]]);
    let mut request = DescribeTopicPartitionsRequest { response_partition_limit: 2, ..Default::default() };
    let mut pages = Vec::new();
    loop {
        let answer: DescribeTopicPartitionsResponse = cluster.ask(1, &request);
        let told = answer
            .topics
            .iter()
            .map(|topic| format!("{}:{}", topic.name.as_deref().unwrap_or("-"), topic.partitions.len()));
        pages.push(told.collect::<Vec<_>>().join(" "));
        let Some(next) = answer.next_cursor else { break };
        request.cursor =
            Some(RequestCursor { topic_name: next.topic_name, partition_index: next.partition_index });
    }
    assert_eq!(pages, ["a:2", "b:2", "b:1"]);
    let topic = TopicRequest { name: "c".into() };
    let request = DescribeTopicPartitionsRequest { topics: vec![topic], ..Default::default() };
    let answer: DescribeTopicPartitionsResponse = cluster.ask(1, &request);
    assert_eq!(answer.topics[0].error_code, ErrorCode::UnknownTopicOrPartition);
}

#[test]
fn the_quorum_knows_who_follows() {
    let mut cluster = Cluster::new(2);
    let partition = |topic_name: &str| RequestTopicData {
        topic_name: topic_name.into(),
        partitions: vec![RequestPartitionData { partition_index: 0 }],
    };
    for version in 0..=2 {
        let request = DescribeQuorumRequest { topics: vec![partition("__cluster_metadata"), partition("x")] };
        let answer: DescribeQuorumResponse = cluster.ask_in(1, version, &request);
        let told = &answer.topics[0].partitions[0];
        assert_eq!((told.error_code, told.leader_id, told.current_voters.len()), (ErrorCode::None, 3_000, 1));
        assert_eq!(told.observers.iter().map(|observer| observer.replica_id).collect::<Vec<_>>(), [1, 2]);
        assert!(told.high_watermark > 0 && told.observers[0].log_end_offset > 0);
        assert_eq!(answer.topics[1].partitions[0].error_code, ErrorCode::UnknownTopicOrPartition);
        assert_eq!(answer.nodes.len(), usize::from(version >= 2));
    }
}

#[test]
fn without_an_authorizer_there_are_no_acls() {
    let mut cluster = Cluster::new(1);
    for version in 1..=3 {
        let answer: DescribeAclsResponse = cluster.ask_in(1, version, &DescribeAclsRequest::default());
        assert_eq!(answer.error_code, ErrorCode::SecurityDisabled);
        let request = CreateAclsRequest { creations: vec![AclCreation::default(); 2] };
        let answer: CreateAclsResponse = cluster.ask_in(1, version, &request);
        let codes: Vec<ErrorCode> = answer.results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [ErrorCode::SecurityDisabled; 2]);
        let request = DeleteAclsRequest { filters: vec![DeleteAclsFilter::default()] };
        let answer: DeleteAclsResponse = cluster.ask_in(1, version, &request);
        assert_eq!(answer.filter_results[0].error_code, ErrorCode::SecurityDisabled);
    }
}

fn software(name: &str, version: &str) -> ApiVersionsRequest {
    ApiVersionsRequest { client_software_name: name.into(), client_software_version: version.into() }
}

#[test]
fn a_broker_says_what_it_speaks() {
    let mut cluster = Cluster::new(1);
    for version in 0..=4 {
        let answer: ApiVersionsResponse = cluster.ask_in(1, version, &software("kafka-python", "3.0.0"));
        assert_eq!(answer.error_code, ErrorCode::None);
        let range = |api: ApiKey| {
            let told = answer.api_keys.iter().find(|told| told.api_key == api.code())?;
            Some((told.min_version, told.max_version))
        };
        assert_eq!(range(ApiKey::Metadata), Some((0, 13)));
        assert_eq!(range(ApiKey::Produce).map(|(min, _)| min), Some(0), "for librdkafka");
        assert_eq!(range(ApiKey::Fetch).map(|(min, _)| min), Some(4));
        assert_eq!(range(ApiKey::DeleteTopics), Some((1, 6)));
        assert_eq!(range(ApiKey::BrokerHeartbeat), None, "that is the controller's");
        let supported: Vec<&str> =
            answer.supported_features.iter().map(|feature| feature.name.as_str()).collect();
        let expected: &[&str] = match version {
            0..=2 => &[],
            3 => &["metadata.version"],
            _ => &[
                "eligible.leader.replicas.version",
                "group.version",
                "kraft.version",
                "metadata.version",
                "share.version",
            ],
        };
        assert_eq!(supported, expected, "version {version}");
        if version >= 3 {
            let level = |name: &str| {
                let told = answer.finalized_features.iter().find(|feature| feature.name == name);
                told.map(|feature| feature.max_version_level)
            };
            let levels = ["metadata.version", "group.version", "share.version"].map(level);
            assert_eq!(levels, [Some(27), Some(1), Some(1)]);
            assert_eq!(answer.finalized_features.len(), 4);
            assert!(answer.finalized_features_epoch > 0);
        }
    }
}

#[test]
fn who_introduces_himself_badly_is_told_so() {
    let mut cluster = Cluster::new(1);
    for (name, version) in [("", "1"), ("a", ""), ("-a", "1"), ("a", "1."), ("a b", "1"), ("a", "1/2")] {
        let answer: ApiVersionsResponse = cluster.ask(1, &software(name, version));
        assert_eq!(answer.error_code, ErrorCode::InvalidRequest, "'{name}' '{version}'");
        assert!(answer.api_keys.is_empty());
    }
}

#[test]
fn a_version_from_the_future_is_answered_in_the_oldest() {
    let mut cluster = Cluster::new(1);
    let mut frame = encode_request(4, 7, "story", &software("a", "1")).expect("encodes").to_vec();
    frame[3] = 99;
    let conn = cluster.send(1, frame.into());
    let answer = cluster.answer(conn).expect("an answer");
    let (_, answer) = decode_response::<ApiVersionsResponse>(&answer, 0).expect("decodes");
    assert_eq!(answer.error_code, ErrorCode::UnsupportedVersion);
    assert!(answer.api_keys.iter().any(|told| told.api_key == ApiKey::ApiVersions.code()));
}

#[test]
fn nonsense_ends_the_connection_to_the_client_and_no_other() {
    let mut cluster = Cluster::new(1);
    let create = b"\0\x13\0\x07\0\0\0\x07\xff\xff\0garbage".as_slice();
    let conn = cluster.send(1, create.into());
    assert_eq!(cluster.answer(conn), None);
    assert!(cluster.closed.contains(&conn));
    cluster.create("t", &[&[1]]);
}
