//! Configs are described and altered.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::protocol::messages::describe_configs::*;
use terrarium::protocol::messages::list_config_resources::*;
use terrarium::protocol::messages::{alter_configs, incremental_alter_configs};
use terrarium::protocol::{ErrorCode, TopicPartition};

use crate::cluster::Cluster;

pub(crate) const TOPIC: i8 = 2;
pub(crate) const BROKER: i8 = 4;
const LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;
pub(crate) const SET: i8 = 0;
pub(crate) const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn describe(cluster: &mut Cluster, resource_type: i8, name: &str) -> DescribeConfigsResult {
    let resource =
        DescribeConfigsResource { resource_type, resource_name: name.into(), configuration_keys: None };
    let request = DescribeConfigsRequest {
        resources: vec![resource],
        include_synonyms: true,
        include_documentation: true,
    };
    let mut answer: DescribeConfigsResponse = cluster.ask(1, &request);
    answer.results.remove(0)
}

/// A config's value and source, and the names and sources behind it.
pub(crate) fn config(cluster: &mut Cluster, resource_type: i8, name: &str, config: &str) -> String {
    let told = describe(cluster, resource_type, name);
    let entry = told.configs.iter().find(|entry| entry.name == config).expect(config);
    let synonyms: Vec<String> =
        entry.synonyms.iter().map(|synonym| format!("{}:{}", synonym.name, synonym.source)).collect();
    let value = entry.value.as_deref().unwrap_or("-");
    format!("{value} by {} [{}]", entry.config_source, synonyms.join(" "))
}

pub(crate) type Wish<'a> = (i8, &'a str, Option<&'a str>);

pub(crate) fn alter(cluster: &mut Cluster, resource_type: i8, name: &str, wishes: &[Wish]) -> ErrorCode {
    alter_or_validate(cluster, &[(resource_type, name, wishes)], false)[0]
}

fn alter_or_validate(
    cluster: &mut Cluster,
    resources: &[(i8, &str, &[Wish])],
    validate_only: bool,
) -> Vec<ErrorCode> {
    use incremental_alter_configs::*;
    let config = |(config_operation, name, value): &Wish| AlterableConfig {
        name: (*name).into(),
        config_operation: *config_operation,
        value: value.map(str::to_owned),
    };
    let resource = |(resource_type, name, wishes): &(i8, &str, &[Wish])| AlterConfigsResource {
        resource_type: *resource_type,
        resource_name: (*name).into(),
        configs: wishes.iter().map(config).collect(),
    };
    let request =
        IncrementalAlterConfigsRequest { resources: resources.iter().map(resource).collect(), validate_only };
    let answer: IncrementalAlterConfigsResponse = cluster.ask(1, &request);
    cluster.run(1_000);
    answer.responses.into_iter().map(|response| response.error_code).collect()
}

#[test]
fn a_topic_tells_all_its_configs_with_types_and_reasons() {
    let mut cluster = Cluster::new(1);
    cluster.create("t", &[&[1]]);
    let told = describe(&mut cluster, TOPIC, "t");
    assert_eq!((told.error_code, told.configs.len()), (ErrorCode::None, 33));
    let policy = told.configs.iter().find(|entry| entry.name == "cleanup.policy").expect("cleanup.policy");
    assert_eq!((policy.value.as_deref(), policy.config_type, policy.config_source), (Some("delete"), 7, 5));
    assert!(told.configs.iter().all(|entry| !entry.read_only && !entry.is_sensitive));
    assert!(told.configs.iter().all(|entry| entry.documentation.as_ref().is_some_and(|doc| doc.len() > 10)));
    assert_eq!(describe(&mut cluster, TOPIC, "u").error_code, ErrorCode::UnknownTopicOrPartition);
    assert_eq!(describe(&mut cluster, TOPIC, "a b").error_code, ErrorCode::InvalidTopicException);
}

#[test]
fn only_what_is_asked_for_is_told() {
    let mut cluster = Cluster::new(1);
    let resource = DescribeConfigsResource {
        resource_type: BROKER,
        resource_name: "1".into(),
        configuration_keys: Some(vec!["num.partitions".into(), "no.such.thing".into()]),
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    for version in 1..=4 {
        let answer: DescribeConfigsResponse = cluster.ask_in(1, version, &request);
        let entry = &answer.results[0].configs[..];
        assert_eq!(entry.len(), 1, "version {version}");
        assert_eq!((entry[0].value.as_deref(), entry[0].read_only), (Some("1"), true));
        assert!(
            entry[0].synonyms.is_empty() && entry[0].documentation.as_deref().unwrap_or_default().is_empty()
        );
    }
}

#[test]
fn a_broker_tells_its_own_configs_and_no_others() {
    let mut cluster = Cluster::with(2, |config| config.num_partitions = 6, |_| ());
    assert_eq!(
        config(&mut cluster, BROKER, "1", "num.partitions"),
        "6 by 4 [num.partitions:4 num.partitions:5]"
    );
    assert_eq!(config(&mut cluster, BROKER, "1", "node.id"), "1 by 4 [node.id:4]");
    assert_eq!(config(&mut cluster, BROKER, "1", "log.retention.ms"), "- by 5 []");
    assert_eq!(describe(&mut cluster, BROKER, "2").error_code, ErrorCode::InvalidRequest);
    assert_eq!(describe(&mut cluster, BROKER, "one").error_code, ErrorCode::InvalidRequest);
    let of_all = describe(&mut cluster, BROKER, "").configs;
    let of_all: Vec<&str> = of_all.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(of_all, ["min.insync.replicas"], "what the cluster began with");
    let password = describe(&mut cluster, BROKER, "1").configs;
    let password = password.iter().find(|entry| entry.name == "ssl.keystore.password").expect("password");
    assert!(password.is_sensitive && password.value.is_none());
}

#[test]
fn other_resources_are_described_too() {
    let mut cluster = Cluster::new(1);
    assert_eq!(
        config(&mut cluster, GROUP, "g", "consumer.session.timeout.ms"),
        "45000 by 5 [group.consumer.session.timeout.ms:5]"
    );
    assert_eq!(
        alter(&mut cluster, GROUP, "g", &[(SET, "consumer.session.timeout.ms", Some("50000"))]),
        ErrorCode::None
    );
    let expected = "50000 by 8 [consumer.session.timeout.ms:8 group.consumer.session.timeout.ms:5]";
    assert_eq!(config(&mut cluster, GROUP, "g", "consumer.session.timeout.ms"), expected);
    assert_eq!(
        alter(&mut cluster, CLIENT_METRICS, "m", &[(SET, "interval.ms", Some("1000"))]),
        ErrorCode::None
    );
    assert_eq!(config(&mut cluster, CLIENT_METRICS, "m", "interval.ms"), "1000 by 7 []");
    assert_eq!(config(&mut cluster, LOGGER, "1", "root"), "INFO by 6 []");
    for (resource_type, name) in [(GROUP, ""), (CLIENT_METRICS, ""), (LOGGER, ""), (LOGGER, "2"), (99, "x")] {
        let told = describe(&mut cluster, resource_type, name);
        assert_eq!(told.error_code, ErrorCode::InvalidRequest, "{resource_type} {name}");
    }
}

#[test]
fn configs_are_altered_bit_by_bit() {
    let mut cluster = Cluster::new(1);
    cluster.create("t", &[&[1]]);
    let told = alter(
        &mut cluster,
        TOPIC,
        "t",
        &[(SET, "retention.ms", Some("60000")), (SET, "segment.bytes", Some("2000000"))],
    );
    assert_eq!(told, ErrorCode::None);
    assert_eq!(config(&mut cluster, TOPIC, "t", "retention.ms"), "60000 by 1 [retention.ms:1]");
    assert_eq!(
        cluster.broker(1).log(&TopicPartition::new("t", 0)).map(|log| log.config().retention_ms),
        Some(60_000)
    );
    assert_eq!(
        alter(&mut cluster, TOPIC, "t", &[(APPEND, "cleanup.policy", Some("compact"))]),
        ErrorCode::None
    );
    assert!(config(&mut cluster, TOPIC, "t", "cleanup.policy").starts_with("delete,compact by 1 "));
    assert_eq!(
        alter(&mut cluster, TOPIC, "t", &[(SUBTRACT, "cleanup.policy", Some("delete"))]),
        ErrorCode::None
    );
    assert!(config(&mut cluster, TOPIC, "t", "cleanup.policy").starts_with("compact by 1 "));
    assert_eq!(alter(&mut cluster, TOPIC, "t", &[(DELETE, "retention.ms", None)]), ErrorCode::None);
    assert_eq!(config(&mut cluster, TOPIC, "t", "retention.ms"), "604800000 by 5 []");
    assert!(config(&mut cluster, TOPIC, "t", "segment.bytes").starts_with("2000000 by 1 "));
}

#[test]
fn senseless_alterations_change_nothing() {
    let mut cluster = Cluster::new(1);
    cluster.create("t", &[&[1]]);
    let checks: &[(&[Wish], ErrorCode)] = &[
        (&[(SET, "retention.ms", Some("long"))], ErrorCode::InvalidConfig),
        (&[(SET, "retention.mss", Some("1"))], ErrorCode::InvalidConfig),
        (&[(APPEND, "retention.ms", Some("1"))], ErrorCode::InvalidConfig),
        (&[(SET, "retention.ms", None)], ErrorCode::InvalidRequest),
        (&[(9, "retention.ms", Some("1"))], ErrorCode::InvalidRequest),
        (&[(SET, "retention.ms", Some("1")), (DELETE, "retention.ms", None)], ErrorCode::InvalidRequest),
        (&[(SET, "flush.ms", Some("1")), (SET, "retention.ms", Some("-7"))], ErrorCode::InvalidConfig),
    ];
    for (wishes, expected) in checks {
        assert_eq!(alter(&mut cluster, TOPIC, "t", wishes), *expected, "{wishes:?}");
    }
    let fine: &[Wish] = &[(SET, "flush.ms", Some("1"))];
    assert_eq!(alter(&mut cluster, TOPIC, "u", fine), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(alter(&mut cluster, TOPIC, "", fine), ErrorCode::InvalidRequest);
    assert_eq!(alter(&mut cluster, 99, "t", fine), ErrorCode::InvalidRequest);
    let twice = alter_or_validate(&mut cluster, &[(TOPIC, "t", fine), (TOPIC, "t", fine)], false);
    assert_eq!(twice, [ErrorCode::InvalidRequest; 2]);
    assert_eq!(alter_or_validate(&mut cluster, &[(TOPIC, "t", fine)], true), [ErrorCode::None]);
    assert!(cluster.controller().image().topic_configs("t").is_empty());
}

#[test]
fn brokers_are_altered_one_by_one_or_all_at_once() {
    let mut cluster = Cluster::new(2);
    cluster.create("t", &[&[1, 2]]);
    let max = |cluster: &Cluster, broker| {
        cluster.broker(broker).log(&TopicPartition::new("t", 0)).map(|log| log.config().max_message_bytes)
    };
    assert_eq!(alter(&mut cluster, BROKER, "", &[(SET, "message.max.bytes", Some("5000"))]), ErrorCode::None);
    assert_eq!((max(&cluster, 1), max(&cluster, 2)), (Some(5_000), Some(5_000)));
    assert_eq!(
        alter(&mut cluster, BROKER, "1", &[(SET, "message.max.bytes", Some("4000"))]),
        ErrorCode::None
    );
    assert_eq!((max(&cluster, 1), max(&cluster, 2)), (Some(4_000), Some(5_000)));
    let expected = "4000 by 2 [message.max.bytes:2 message.max.bytes:3 message.max.bytes:5]";
    assert_eq!(config(&mut cluster, BROKER, "1", "message.max.bytes"), expected);
    assert_eq!(config(&mut cluster, TOPIC, "t", "max.message.bytes"), expected);
    assert_eq!(config(&mut cluster, BROKER, "", "message.max.bytes"), "5000 by 3 [message.max.bytes:3]");
    // What a broker was altered to be, it is again after its death.
    cluster.kill(1);
    cluster.restart(1);
    cluster.run(15_000);
    assert_eq!(max(&cluster, 1), Some(4_000));
    assert_eq!(alter(&mut cluster, BROKER, "1", &[(DELETE, "message.max.bytes", None)]), ErrorCode::None);
    assert_eq!(max(&cluster, 1), Some(5_000));
}

#[test]
fn a_broker_takes_no_configs_for_another() {
    let mut cluster = Cluster::new(2);
    cluster.create("t", &[&[1]]);
    let wish: &[Wish] = &[(SET, "message.max.bytes", Some("5000"))];
    assert_eq!(alter(&mut cluster, BROKER, "2", wish), ErrorCode::InvalidRequest);
    assert_eq!(
        alter(&mut cluster, BROKER, "1", &[(SET, "num.partitions", Some("5"))]),
        ErrorCode::InvalidRequest
    );
    assert_eq!(
        alter(&mut cluster, BROKER, "", &[(SET, "listeners", Some("A://:1"))]),
        ErrorCode::InvalidRequest
    );
    let topic: &[Wish] = &[(SET, "flush.ms", Some("5"))];
    let mut told = alter_or_validate(&mut cluster, &[(BROKER, "2", wish), (TOPIC, "t", topic)], false);
    told.sort();
    assert_eq!(told, [ErrorCode::None, ErrorCode::InvalidRequest]);
    assert_eq!(config(&mut cluster, TOPIC, "t", "flush.ms"), "5 by 1 [flush.ms:1]");
}

#[test]
fn the_old_request_replaces_all_that_was_set() {
    use alter_configs::*;
    let mut cluster = Cluster::new(1);
    cluster.create("t", &[&[1]]);
    assert_eq!(alter(&mut cluster, TOPIC, "t", &[(SET, "retention.ms", Some("5"))]), ErrorCode::None);
    for version in 0..=2 {
        let config = AlterableConfig { name: "flush.ms".into(), value: Some(version.to_string()) };
        let resource =
            AlterConfigsResource { resource_type: TOPIC, resource_name: "t".into(), configs: vec![config] };
        let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
        let answer: AlterConfigsResponse = cluster.ask_in(1, version, &request);
        assert_eq!(answer.responses[0].error_code, ErrorCode::None);
        let own = cluster.controller().image().topic_configs("t");
        let own: Vec<String> = own.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(own, [format!("flush.ms={version}")]);
    }
}

#[test]
fn resources_with_configs_are_listed() {
    let mut cluster = Cluster::new(2);
    cluster.create("t", &[&[1]]);
    alter(&mut cluster, GROUP, "g", &[(SET, "consumer.session.timeout.ms", Some("50000"))]);
    alter(&mut cluster, CLIENT_METRICS, "m", &[(SET, "interval.ms", Some("1000"))]);
    let mut list = |version, types: &[i8]| {
        let request = ListConfigResourcesRequest { resource_types: types.to_vec() };
        let answer: ListConfigResourcesResponse = cluster.ask_in(1, version, &request);
        let told =
            |resource: ConfigResource| format!("{}:{}", resource.resource_type, resource.resource_name);
        (answer.error_code, answer.config_resources.into_iter().map(told).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(list(0, &[]), (ErrorCode::None, "16:m".into()));
    assert_eq!(list(1, &[]), (ErrorCode::None, "2:t 4:1 4:2 8:1 8:2 16:m 32:g".into()));
    assert_eq!(list(1, &[GROUP, TOPIC, GROUP]), (ErrorCode::None, "2:t 32:g".into()));
    assert_eq!(list(1, &[TOPIC, 99]), (ErrorCode::UnsupportedVersion, String::new()));
}

#[test]
fn configs_that_a_broker_does_not_know_are_kept() {
    let mut cluster = Cluster::new(1);
    assert_eq!(alter(&mut cluster, BROKER, "1", &[(SET, "cleanup.policy", Some("delete"))]), ErrorCode::None);
    let told = describe(&mut cluster, BROKER, "1").configs;
    let told = told.iter().find(|entry| entry.name == "cleanup.policy").expect("kept");
    assert!(told.is_sensitive && told.value.is_none(), "it may be a secret");
}

#[test]
fn where_a_broker_is_reached_is_told_and_cannot_be_altered() {
    let mut cluster = Cluster::new(1);
    let told = describe(&mut cluster, BROKER, "1").configs;
    let told = told.iter().find(|entry| entry.name == "advertised.listeners").expect("it has one");
    assert_eq!(told.value.as_deref(), Some("PLAINTEXT://broker-1:9092"));
    assert_eq!((told.config_source, told.read_only, told.is_sensitive), (4, true, false));
}

#[test]
fn configs_of_groups_keep_within_the_brokers_limits() {
    let mut cluster = Cluster::new(1);
    for (name, value, expected) in [
        ("share.session.timeout.ms", "44999", ErrorCode::InvalidConfig),
        ("share.session.timeout.ms", "60001", ErrorCode::InvalidConfig),
        ("share.session.timeout.ms", "60000", ErrorCode::None),
        ("share.heartbeat.interval.ms", "4999", ErrorCode::InvalidConfig),
        ("share.heartbeat.interval.ms", "15000", ErrorCode::None),
        ("share.record.lock.duration.ms", "14999", ErrorCode::InvalidConfig),
        ("share.record.lock.duration.ms", "60001", ErrorCode::InvalidConfig),
        ("share.record.lock.duration.ms", "15000", ErrorCode::None),
        ("consumer.session.timeout.ms", "44999", ErrorCode::InvalidConfig),
        ("consumer.heartbeat.interval.ms", "15001", ErrorCode::InvalidConfig),
        ("streams.heartbeat.interval.ms", "45000", ErrorCode::InvalidConfig),
        ("share.auto.offset.reset", "sometime", ErrorCode::InvalidConfig),
        ("share.auto.offset.reset", "by_duration:1H", ErrorCode::InvalidConfig),
        ("share.auto.offset.reset", "by_duration:PT1H", ErrorCode::None),
        ("share.isolation.level", "read_nothing", ErrorCode::InvalidConfig),
        ("share.delivery.count.limit", "3", ErrorCode::InvalidConfig),
    ] {
        let told = alter(&mut cluster, GROUP, "g", &[(SET, name, Some(value))]);
        assert_eq!(told, expected, "{name} {value}");
    }
}
