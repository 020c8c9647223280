//! Quotas of clients are altered and described, and hold clients up.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::controller::ControllerConfig;
use terrarium::protocol::ErrorCode;
use terrarium::protocol::messages::alter_client_quotas::*;
use terrarium::protocol::messages::create_partitions::*;
use terrarium::protocol::messages::create_topics::*;
use terrarium::protocol::messages::delete_topics::*;
use terrarium::protocol::messages::describe_client_quotas::*;

use crate::cluster::Cluster;

const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const ANY: i8 = 2;
/// What the clients of these tests call themselves.
const ME: &str = "story";

type Entity<'a> = &'a [(&'a str, Option<&'a str>)];
type Ops<'a> = &'a [(&'a str, Option<f64>)];

/// Sets quotas, or removes them.
fn entry(entity: Entity<'_>, ops: Ops<'_>) -> RequestEntryData {
    let part = |(kind, name): &(&str, Option<&str>)| RequestEntityData {
        entity_type: (*kind).into(),
        entity_name: name.map(str::to_owned),
    };
    let op = |(key, value): &(&str, Option<f64>)| OpData {
        key: (*key).into(),
        value: value.unwrap_or_default().into(),
        remove: value.is_none(),
    };
    RequestEntryData { entity: entity.iter().map(part).collect(), ops: ops.iter().map(op).collect() }
}

fn alter_all(cluster: &mut Cluster, entries: Vec<RequestEntryData>, validate_only: bool) -> Vec<ErrorCode> {
    let request = AlterClientQuotasRequest { entries, validate_only };
    let answer: AlterClientQuotasResponse = cluster.ask(1, &request);
    cluster.run(1_000);
    answer.entries.iter().map(|entry| entry.error_code).collect()
}

fn alter(cluster: &mut Cluster, entity: Entity<'_>, ops: Ops<'_>) -> ErrorCode {
    alter_all(cluster, vec![entry(entity, ops)], false)[0]
}

/// What a broker tells of the entities that fit: `user=ann client-id=<default>: producer_byte_rate=10`.
fn describe(
    cluster: &mut Cluster,
    broker: u32,
    filter: &[(&str, i8, Option<&str>)],
    strict: bool,
) -> Result<Vec<String>, ErrorCode> {
    let component = |(kind, match_type, name): &(&str, i8, Option<&str>)| ComponentData {
        entity_type: (*kind).into(),
        match_type: *match_type,
        _match: name.map(str::to_owned),
    };
    let request = DescribeClientQuotasRequest { components: filter.iter().map(component).collect(), strict };
    let answer: DescribeClientQuotasResponse = cluster.ask(broker, &request);
    if answer.error_code != ErrorCode::None {
        assert!(answer.entries.is_none() && answer.error_message.is_some(), "{answer:?}");
        return Err(answer.error_code);
    }
    let line = |entry: &EntryData| {
        let name = |part: &EntityData| {
            format!("{}={}", part.entity_type, part.entity_name.as_deref().unwrap_or("<default>"))
        };
        let value = |value: &ValueData| format!("{}={}", value.key, value.value);
        let names: Vec<String> = entry.entity.iter().map(name).collect();
        let values: Vec<String> = entry.values.iter().map(value).collect();
        format!("{}: {}", names.join(" "), values.join(" "))
    };
    let mut lines: Vec<String> = answer.entries.unwrap_or_default().iter().map(line).collect();
    lines.sort();
    Ok(lines)
}

#[test]
fn quotas_are_set_told_and_removed() {
    let mut cluster = Cluster::new(3);
    assert_eq!(describe(&mut cluster, 1, &[], false), Ok(vec![]));
    let ann: Entity<'_> = &[("user", Some("ann")), ("client-id", None)];
    let answers = alter_all(
        &mut cluster,
        vec![
            entry(ann, &[("producer_byte_rate", Some(10.0)), ("request_percentage", Some(12.5))]),
            entry(&[("client-id", Some("shop"))], &[("consumer_byte_rate", Some(1_024.0))]),
            entry(&[("ip", None)], &[("connection_creation_rate", Some(3.0))]),
        ],
        false,
    );
    assert_eq!(answers, [ErrorCode::None; 3]);
    let of_ann = "client-id=<default> user=ann: producer_byte_rate=10 request_percentage=12.500".to_owned();
    let of_shop = "client-id=shop: consumer_byte_rate=1024".to_owned();
    let of_ips = "ip=<default>: connection_creation_rate=3".to_owned();
    // Every broker has heard.
    for broker in 1..=3 {
        let all = describe(&mut cluster, broker, &[], false).unwrap();
        assert_eq!(all, [of_ann.clone(), of_shop.clone(), of_ips.clone()]);
    }
    let found = |cluster: &mut Cluster, filter: &[_], strict| describe(cluster, 2, filter, strict).unwrap();
    let of_clients = [of_ann.clone(), of_shop.clone()];
    assert_eq!(found(&mut cluster, &[("client-id", ANY, None)], false), of_clients);
    assert_eq!(found(&mut cluster, &[("client-id", ANY, None)], true), [of_shop]);
    assert_eq!(found(&mut cluster, &[("client-id", DEFAULT, None)], false), [of_ann]);
    assert_eq!(found(&mut cluster, &[("ip", DEFAULT, None)], true), [of_ips]);
    assert!(found(&mut cluster, &[("user", EXACT, Some("ben"))], false).is_empty());
    // What is only tried changes nothing; what is removed is gone, also when nobody had it.
    let entries = vec![entry(ann, &[("producer_byte_rate", Some(20.0))])];
    assert_eq!(alter_all(&mut cluster, entries, true), [ErrorCode::None]);
    let gone = [("producer_byte_rate", None), ("consumer_byte_rate", None), ("request_percentage", None)];
    assert!(found(&mut cluster, &[("user", ANY, None)], false)[0].contains("producer_byte_rate=10"));
    assert_eq!(alter(&mut cluster, ann, &gone), ErrorCode::None);
    assert!(found(&mut cluster, &[("user", ANY, None)], false).is_empty());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut cluster = Cluster::new(1);
    let rate: Ops<'_> = &[("producer_byte_rate", Some(10.0))];
    let wrong: &[(Entity<'_>, Ops<'_>)] = &[
        (&[], rate),
        (&[("group", Some("g"))], rate),
        (&[("user", Some(""))], rate),
        (&[("ip", Some("10.0.0.1")), ("user", None)], rate),
        (&[("ip", Some("10.0.0.1"))], rate),
        (&[("ip", Some("not an address"))], &[("connection_creation_rate", Some(1.0))]),
        (&[("user", None)], &[("connection_creation_rate", Some(1.0))]),
        (&[("user", None)], &[("producer_byte_rate", Some(0.0))]),
        (&[("user", None)], &[("producer_byte_rate", Some(-1.0))]),
        (&[("user", None)], &[("producer_byte_rate", Some(1.5))]),
        (&[("user", None)], &[("producer_byte_rate", Some(f64::NAN))]),
        (&[("user", None)], &[("producer_byte_rate", Some(1.0)), ("producer_byte_rate", Some(2.0))]),
        (&[("user", None)], &[("producer_byte_rate", Some(1.0)), ("no_such_rate", Some(2.0))]),
    ];
    for (entity, ops) in wrong {
        assert_eq!(alter(&mut cluster, entity, ops), ErrorCode::InvalidRequest, "{entity:?} {ops:?}");
    }
    let twice = vec![entry(&[("user", None)], rate), entry(&[("user", None)], rate)];
    assert_eq!(alter_all(&mut cluster, twice, true), [ErrorCode::InvalidRequest]);
    assert_eq!(describe(&mut cluster, 1, &[], false), Ok(vec![]), "nothing of it was done");
    let refused = |cluster: &mut Cluster, filter: &[_]| describe(cluster, 1, filter, false).unwrap_err();
    let of_group = [("group", ANY, None)];
    assert_eq!(refused(&mut cluster, &of_group), ErrorCode::UnsupportedVersion);
    for filter in [
        &[("", ANY, None)][..],
        &[("user", ANY, None), ("user", DEFAULT, None)],
        &[("user", EXACT, None)],
        &[("user", DEFAULT, Some("ann"))],
        &[("user", 3, None)],
        &[("user", ANY, None), ("ip", ANY, None)],
    ] {
        assert_eq!(refused(&mut cluster, filter), ErrorCode::InvalidRequest, "{filter:?}");
    }
}

#[test]
fn who_sends_too_much_has_to_wait() {
    let mut cluster = Cluster::new(1);
    cluster.create("orders", &[&[1]]);
    assert_eq!(cluster.throttle_of_produce(1, "orders"), 0);
    let rate = |value| [("producer_byte_rate", value)];
    // Everybody is the user ANONYMOUS; a quota of the client id comes after one of the user.
    let of_users: Entity<'_> = &[("user", None)];
    assert_eq!(alter(&mut cluster, &[("client-id", Some(ME))], &rate(Some(1.0))), ErrorCode::None);
    assert!(cluster.throttle_of_produce(1, "orders") > 1_000);
    assert_eq!(alter(&mut cluster, of_users, &rate(Some(1e9))), ErrorCode::None);
    assert_eq!(cluster.throttle_of_produce(1, "orders"), 0);
    let me: Entity<'_> = &[("user", Some("ANONYMOUS")), ("client-id", Some(ME))];
    assert_eq!(alter(&mut cluster, me, &rate(Some(1.0))), ErrorCode::None);
    assert!(cluster.throttle_of_produce(1, "orders") > 1_000);
    assert_eq!(alter(&mut cluster, me, &rate(None)), ErrorCode::None);
    assert_eq!(cluster.throttle_of_produce(1, "orders"), 0);
}

/// Creates a topic; the error and for how long the client has to wait.
fn create(cluster: &mut Cluster, version: i16, name: &str, partitions: i32) -> (ErrorCode, i32) {
    let (name, num_partitions) = (name.into(), partitions);
    let topic = CreatableTopic { name, num_partitions, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
    let answer: CreateTopicsResponse = cluster.ask_in(1, version, &request);
    (answer.topics[0].error_code, answer.throttle_time_ms)
}

fn grow(cluster: &mut Cluster, version: i16, name: &str, count: i32) -> (ErrorCode, i32) {
    let topic = CreatePartitionsTopic { name: name.into(), count, assignments: None };
    let request = CreatePartitionsRequest { topics: vec![topic], ..Default::default() };
    let answer: CreatePartitionsResponse = cluster.ask_in(1, version, &request);
    (answer.results[0].error_code, answer.throttle_time_ms)
}

fn delete(cluster: &mut Cluster, version: i16, name: &str) -> (ErrorCode, i32) {
    let request = DeleteTopicsRequest { topic_names: vec![name.into()], ..Default::default() };
    let answer: DeleteTopicsResponse = cluster.ask_in(1, version, &request);
    (answer.responses[0].error_code, answer.throttle_time_ms)
}

/// One partition a second, and no more than 11 at once.
fn one_a_second(cluster: &mut Cluster) {
    let rate = [("controller_mutation_rate", Some(1.0))];
    assert_eq!(alter(cluster, &[("client-id", Some(ME))], &rate), ErrorCode::None);
}

#[test]
fn who_changes_too_much_is_refused_until_it_has_paid() {
    let mut cluster = Cluster::new(1);
    one_a_second(&mut cluster);
    // A change may take more than there is, but it is the last.
    assert_eq!(create(&mut cluster, 7, "a", 14), (ErrorCode::None, 0));
    assert_eq!(cluster.throttled, []);
    let quota_used_up = (ErrorCode::ThrottlingQuotaExceeded, 3_000);
    assert_eq!(create(&mut cluster, 6, "b", 1), quota_used_up);
    assert_eq!(grow(&mut cluster, 3, "a", 15), quota_used_up);
    assert_eq!(delete(&mut cluster, 5, "a"), quota_used_up);
    assert_eq!(cluster.throttled, [(ME.to_owned(), 3_000), (ME.to_owned(), 3_000), (ME.to_owned(), 3_000)]);
    // What makes no sense takes nothing, and is told as what it is.
    assert_eq!(create(&mut cluster, 7, "a", 1), (ErrorCode::TopicAlreadyExists, 0));
    assert_eq!(grow(&mut cluster, 3, "a", 14), (ErrorCode::InvalidPartitions, 0));
    let topics = &cluster.controller().image().topics;
    assert_eq!((topics.len(), topics["a"].partitions.len()), (1, 14));
    cluster.run(3_000);
    assert_eq!(delete(&mut cluster, 5, "a"), (ErrorCode::None, 0));
    assert_eq!(create(&mut cluster, 7, "b", 1), (ErrorCode::ThrottlingQuotaExceeded, 14_000));
}

#[test]
fn in_older_versions_the_change_is_made_and_the_client_waits() {
    let mut cluster = Cluster::new(1);
    one_a_second(&mut cluster);
    assert_eq!(create(&mut cluster, 5, "a", 10), (ErrorCode::None, 0));
    assert_eq!(grow(&mut cluster, 2, "a", 13), (ErrorCode::None, 2_000));
    assert_eq!(delete(&mut cluster, 4, "a"), (ErrorCode::None, 15_000));
    assert_eq!(cluster.throttled, [(ME.to_owned(), 2_000), (ME.to_owned(), 15_000)]);
    assert_eq!(cluster.controller().image().topics.len(), 0);
}

#[test]
fn the_windows_say_how_much_a_client_saves_up() {
    let windows = |config: &mut ControllerConfig| {
        config.controller_quota_window_num = 2;
        config.controller_quota_window_size_seconds = 3;
    };
    let mut cluster = Cluster::with(1, |_| (), windows);
    let everybody: Entity<'_> = &[("user", None)];
    let rate = |value| [("controller_mutation_rate", value)];
    assert_eq!(alter(&mut cluster, everybody, &rate(Some(0.5))), ErrorCode::None);
    assert_eq!(create(&mut cluster, 5, "a", 3), (ErrorCode::None, 0));
    assert_eq!(create(&mut cluster, 5, "b", 1), (ErrorCode::None, 2_000));
    assert_eq!(alter(&mut cluster, everybody, &rate(None)), ErrorCode::None);
    assert_eq!(create(&mut cluster, 7, "c", 50), (ErrorCode::None, 0));
}
