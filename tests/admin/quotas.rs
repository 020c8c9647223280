//! Quotas of clients are altered and described, and hold clients up.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use terrarium::protocol::ErrorCode;
use terrarium::protocol::messages::alter_client_quotas::*;
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
