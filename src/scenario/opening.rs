//! What the page opens with, as it is once it has been read.
//!
//! Reading scenarios takes a twelfth of the page: all that knows their fields and what may be wrong
//! with them. Nobody needs that to see a first one, whose file is known when the program is built.
//! A test holds it against that file.

use std::sync::Arc;

use crate::broker::BrokerConfig;
use crate::client::consumer::OffsetReset;
use crate::client::workload::{KeyChoice, Keys, Source};
use crate::client::{ConsumerApp, ConsumerConfig, ProducerConfig, Workload};
use crate::controller::ControllerConfig;
use crate::scenario::file::{Cluster, Disk, Group, Look, Network, Producer, Scenario, Topic};
use crate::scenario::session::Session;
use crate::scenario::values::{Members, Setting, Settings};

/// Its id in the gallery.
pub const OPENING: &str = "rider-updates";

const OFFSETS_PARTITIONS: &str = "offsets.topic.num.partitions";
const TOPIC: &str = "rider-updates";

/// Who reports, whence, and how long after the first.
const RIDERS: [(&str, &str, u64); 4] =
    [("Ada", "north", 0), ("Ben", "south", 300), ("Cleo", "north", 600), ("Dan", "west", 900)];

/// `static/scenarios/rider-updates.json`.
pub(super) fn opening() -> Scenario {
    Scenario {
        schema: Some("schema.json".to_owned()),
        title: "Rider updates".to_owned(),
        description: "Riders report where they are. Updates from the north go to partition 0, all others to \
                      partition 1. Two groups read the same records, each at its own pace: the two dashboards \
                      share the partitions between them, and billing reads both alone. A message takes about \
                      25 ms, so that you can see it travel. __consumer_offsets has 1 partition instead of 50, \
                      to keep the picture readable."
            .to_owned(),
        seed: 1,
        epoch_ms: None,
        cluster: Cluster {
            configs: Settings(
                [(OFFSETS_PARTITIONS.to_owned(), Setting::Number(1))].into_iter().collect(),
            ),
            ..Cluster::default()
        },
        network: Network { latency_ms: Some(25.0), jitter_ms: Some(6.0), bytes_per_ms: None },
        disk: Disk::default(),
        topics: vec![Topic {
            name: TOPIC.to_owned(),
            partitions: None,
            replication_factor: None,
            configs: Settings::default(),
            assignments: vec![vec![1, 2, 3], vec![2, 3, 1]],
        }],
        producers: vec![Producer {
            name: "riders".to_owned(),
            start_ms: 3_000,
            configs: ProducerConfig::default(),
            workload: Some(Workload { sources: RIDERS.map(source).into(), ..Workload::default() }),
            data: None,
        }],
        groups: vec![group("dashboards", 2, 3_000, 20), group("billing", 1, 3_100, 50)],
        consumers: Vec::new(),
        script: Vec::new(),
        expect: Vec::new(),
        compare: Vec::new(),
        look: Look {
            at_ms: 9_000,
            speed: Some(0.5),
            topic: Some(TOPIC.to_owned()),
            partition: Some(0),
            until_ms: Some(30_000),
        },
        session: Session::default(),
    }
}

/// The configs of brokers and controller when no others are set than here: of this one it is known what it
/// sets and that it may, without all that knows the names of the rest.
pub(super) fn server_configs(settings: &Settings) -> Option<(BrokerConfig, ControllerConfig)> {
    let mut broker = BrokerConfig::default();
    for (name, value) in &settings.0 {
        match (name.as_str(), value) {
            (OFFSETS_PARTITIONS, Setting::Number(1)) => {
                Arc::make_mut(&mut broker.group).offsets_topic_num_partitions = 1;
            }
            _ => return None,
        }
    }
    Some((broker, ControllerConfig::default()))
}

fn source((name, location, start_ms): (&str, &str, u64)) -> Source {
    Source {
        topic: TOPIC.into(),
        partition: Some(i32::from(location != "north")),
        every_ms: Some(1_200),
        start_ms,
        jitter_percent: 10,
        keys: Some(Keys::List(vec![KeyChoice::Key("location-update".to_owned())])),
        value: Some(["{\"name\":\"", name, "\",\"location\":\"", location, "\"}"].concat()),
        ..Source::default()
    }
}

fn group(id: &str, count: u32, start_ms: u64, process_ms: u64) -> Group {
    Group {
        id: id.to_owned(),
        consumers: Members::Count(count),
        start_ms,
        stagger_ms: if count > 1 { 200 } else { 0 },
        static_members: false,
        configs: ConsumerConfig { auto_offset_reset: OffsetReset::Earliest, ..ConsumerConfig::default() },
        app: ConsumerApp { topics: vec![TOPIC.into()], process_ms, ..ConsumerApp::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn it_is_what_its_file_says() {
        let text = include_str!("../../static/scenarios/rider-updates.json");
        assert_eq!(opening(), Scenario::parse(text).expect("it reads"));
    }

    #[test]
    fn its_configs_are_what_their_names_set() {
        let settings = opening().cluster.configs;
        let (broker, controller) = server_configs(&settings).expect("known here");
        let mut named = BrokerConfig::default();
        for (name, value) in &settings.0 {
            named.set_any(name, &value.to_string()).expect("it may have it");
        }
        assert_eq!((broker, controller), (named, ControllerConfig::default()));
        let other = Settings([("num.partitions".to_owned(), Setting::Number(1))].into_iter().collect());
        assert_eq!(server_configs(&other), None);
    }
}
