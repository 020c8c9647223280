//! What a config is at the moment and who says so, and whether a set of configs makes sense.
//!
//! A broker's value comes from the first of: its own dynamic config, the cluster's dynamic default,
//! `server.properties`, Kafka's default. A topic's or a group's own value comes before all of these.
//!
//! Source: Kafka documentation, *Configuration › Updating Broker Configs*; protocol guide
//! *DescribeConfigs*; KIP-226.

use super::definition::{ConfigDef, UpdateMode};
use super::{
    Allowed, BROKER_CONFIGS, CLIENT_METRICS_CONFIGS, ConfigError, GROUP_CONFIGS, TOPIC_CONFIGS, TopicConfigs,
};
use crate::metadata::Configs;
use crate::storage::LogConfig;

/// Who gave a config its value, numbered as `DescribeConfigsResponse` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// The topic's own.
    Topic = 1,
    /// Altered for this broker.
    DynamicBroker = 2,
    /// Altered for all brokers.
    DynamicDefaultBroker = 3,
    /// `server.properties`.
    StaticBroker = 4,
    /// Nobody: Kafka's default.
    Default = 5,
    /// The level of a broker's logger.
    DynamicBrokerLogger = 6,
    /// A client metrics subscription's own.
    ClientMetrics = 7,
    /// The group's own.
    Group = 8,
}

/// A config that decides, or would decide if those before it were not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// Its name.
    pub name: String,
    /// Its value; `None` for secrets.
    pub value: Option<String>,
    /// Who set it.
    pub source: ConfigSource,
}

/// A config as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigEntry {
    /// Its name.
    pub name: String,
    /// Its value; `None` when unset, and for secrets.
    pub value: Option<String>,
    /// Who set it.
    pub source: ConfigSource,
    /// Whether it is a secret, or unknown and so may be one.
    pub is_sensitive: bool,
    /// Whether it can be altered at all.
    pub read_only: bool,
    /// Number of its type; 0 when unknown.
    pub kind: i8,
    /// What it means.
    pub doc: &'static str,
    /// Whatever decides it, the first first.
    pub synonyms: Vec<ConfigSynonym>,
}

/// All that decides a broker's configs.
#[derive(Clone, Copy)]
pub struct BrokerLayers<'a> {
    /// The broker's own dynamic configs.
    pub own: &'a Configs,
    /// The dynamic defaults of all brokers.
    pub cluster: &'a Configs,
    /// The value in `server.properties`, if there is one.
    pub fixed: &'a dyn Fn(&str) -> Option<String>,
}

impl BrokerLayers<'_> {
    /// Every config of the broker that the tables know, and those that were set without being known.
    pub fn entries(&self) -> Vec<ConfigEntry> {
        let mut all: Vec<ConfigEntry> = BROKER_CONFIGS.iter().map(|def| self.entry(def)).collect();
        all.retain(is_told);
        let unknown = self.own.keys().chain(self.cluster.keys()).filter(|name| broker_config(name).is_none());
        let mut names: Vec<&str> = unknown.map(|name| &**name).collect();
        names.sort_unstable();
        names.dedup();
        all.extend(names.into_iter().map(|name| {
            let source = if self.own.contains_key(name) {
                ConfigSource::DynamicBroker
            } else {
                ConfigSource::DynamicDefaultBroker
            };
            unknown_entry(name, source)
        }));
        all
    }

    /// The configs set for all brokers.
    pub fn cluster_entries(&self) -> Vec<ConfigEntry> {
        let entry = |name: &str| match broker_config(name) {
            Some(def) => {
                let mut entry = self.entry(def);
                entry.synonyms.retain(|synonym| synonym.source == ConfigSource::DynamicDefaultBroker);
                entry.source = ConfigSource::DynamicDefaultBroker;
                entry.value = entry.synonyms.first().and_then(|synonym| synonym.value.clone());
                entry
            }
            None => unknown_entry(name, ConfigSource::DynamicDefaultBroker),
        };
        self.cluster.keys().map(|name| entry(name)).collect()
    }

    fn entry(&self, def: &ConfigDef) -> ConfigEntry {
        let synonyms = self.synonyms(def);
        let first = synonyms.first();
        ConfigEntry {
            name: def.name.to_owned(),
            value: first.and_then(|synonym| synonym.value.clone()),
            source: first.map_or(ConfigSource::Default, |synonym| synonym.source),
            is_sensitive: def.is_sensitive(),
            read_only: def.update == UpdateMode::ReadOnly,
            kind: def.kind as i8,
            doc: def.doc,
            synonyms,
        }
    }

    fn synonyms(&self, def: &ConfigDef) -> Vec<ConfigSynonym> {
        let dynamic = |configs: &Configs| configs.get(def.name).map(|value| value.to_string());
        let layers = [
            (dynamic(self.own), ConfigSource::DynamicBroker),
            (dynamic(self.cluster), ConfigSource::DynamicDefaultBroker),
            ((self.fixed)(def.name), ConfigSource::StaticBroker),
            (def.default.map(str::to_owned), ConfigSource::Default),
        ];
        let told = |(value, source): (Option<String>, ConfigSource)| {
            let value = value?;
            let value = (!def.is_sensitive()).then_some(value);
            Some(ConfigSynonym { name: def.name.to_owned(), value, source })
        };
        layers.into_iter().filter_map(told).collect()
    }
}

/// Every config of a topic.
pub fn topic_entries(own: &Configs, brokers: BrokerLayers<'_>) -> Vec<ConfigEntry> {
    let all = TOPIC_CONFIGS.iter().map(|def| owned_entry(def, own, ConfigSource::Topic, brokers));
    all.filter(is_told).collect()
}

/// Every config of a group.
pub fn group_entries(own: &Configs, brokers: BrokerLayers<'_>) -> Vec<ConfigEntry> {
    GROUP_CONFIGS.iter().map(|def| owned_entry(def, own, ConfigSource::Group, brokers)).collect()
}

/// The configs that a client metrics subscription has.
pub fn client_metrics_entries(own: &Configs) -> Vec<ConfigEntry> {
    let entry = |(name, value): (&std::sync::Arc<str>, &std::sync::Arc<str>)| ConfigEntry {
        value: Some(value.to_string()),
        is_sensitive: false,
        ..unknown_entry(name, ConfigSource::ClientMetrics)
    };
    own.iter().map(entry).collect()
}

fn owned_entry(
    def: &'static ConfigDef,
    own: &Configs,
    source: ConfigSource,
    brokers: BrokerLayers<'_>,
) -> ConfigEntry {
    let mut synonyms = Vec::new();
    if let Some(value) = own.get(def.name) {
        let value = def.check(value).unwrap_or_else(|_| value.to_string());
        synonyms.push(ConfigSynonym { name: def.name.to_owned(), value: Some(value), source });
    }
    if let Some(broker) = def.broker_config.and_then(broker_config) {
        synonyms.extend(brokers.synonyms(broker));
    }
    let first = synonyms.first();
    ConfigEntry {
        name: def.name.to_owned(),
        value: first.and_then(|synonym| synonym.value.clone()).or_else(|| def.default.map(str::to_owned)),
        source: first.map_or(ConfigSource::Default, |synonym| synonym.source),
        is_sensitive: false,
        read_only: false,
        kind: def.kind as i8,
        doc: def.doc,
        synonyms,
    }
}

/// Whether clients are told of it: of our own switches only when somebody has set them.
fn is_told(entry: &ConfigEntry) -> bool {
    entry.source != ConfigSource::Default || !entry.name.starts_with("history.")
}

/// Of a config without a definition nobody knows whether it is a secret: its value is not told.
fn unknown_entry(name: &str, source: ConfigSource) -> ConfigEntry {
    ConfigEntry {
        name: name.to_owned(),
        value: None,
        source,
        is_sensitive: true,
        read_only: false,
        kind: 0,
        doc: "",
        synonyms: Vec::new(),
    }
}

/// A broker config by name.
pub fn broker_config(name: &str) -> Option<&'static ConfigDef> {
    find(BROKER_CONFIGS, name)
}

/// A topic config by name.
pub fn topic_config(name: &str) -> Option<&'static ConfigDef> {
    find(TOPIC_CONFIGS, name)
}

/// The broker config of this name as `server.properties` has it, if it gives topics a default and is set:
/// `log` is what `server.properties` makes of all of them.
pub fn fixed_topic_default(log: &LogConfig, name: &str) -> Option<String> {
    let def = TOPIC_CONFIGS.iter().find(|def| def.broker_config == Some(name))?;
    let value = TopicConfigs::get(log, def.name)?;
    (TopicConfigs::get(&LogConfig::default(), def.name).as_ref() != Some(&value)).then_some(value)
}

fn find(table: &'static [ConfigDef], name: &str) -> Option<&'static ConfigDef> {
    table.iter().find(|def| def.name == name)
}

/// Whether a topic may have these configs.
///
/// # Errors
/// The first that it may not have, and why.
pub fn check_topic_configs(own: &Configs) -> Result<(), ConfigError> {
    check_all(TOPIC_CONFIGS, own, "topic")?;
    let mut engine = LogConfig::default();
    for (name, value) in own {
        TopicConfigs::set(&mut engine, name, value)?;
    }
    let lag =
        |name: &str, default: i64| own.get(name).and_then(|lag| lag.trim().parse().ok()).unwrap_or(default);
    let least = lag("min.compaction.lag.ms", 0);
    let most = lag("max.compaction.lag.ms", i64::MAX);
    if least > most {
        let problem = format!("{least} is more than max.compaction.lag.ms, {most}");
        return Err(ConfigError::new("min.compaction.lag.ms", problem));
    }
    if own.get("remote.storage.enable").is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
        return Err(ConfigError::new("remote.storage.enable", "there is no tiered storage"));
    }
    Ok(())
}

/// Configs of groups for which brokers have limits: of which kind of group, and what.
const LIMITED: [(&str, &str); 5] = [
    ("consumer", "heartbeat.interval.ms"),
    ("consumer", "session.timeout.ms"),
    ("share", "heartbeat.interval.ms"),
    ("share", "session.timeout.ms"),
    ("share", "record.lock.duration.ms"),
];

/// Whether a group may have these configs. What it does not have counts as it is by default, and
/// `limit` knows the broker configs that say how little or much it may be.
///
/// # Errors
/// The first that it may not have, and why.
#[inline(never)]
pub fn check_group_configs(own: &Configs, limit: &dyn Fn(&str) -> Option<i64>) -> Result<(), ConfigError> {
    check_all(GROUP_CONFIGS, own, "group")?;
    let value = |name: &str| -> i64 {
        let default = || find(GROUP_CONFIGS, name).and_then(|def| def.default);
        let own = own.get(name).map(|value| &**value).or_else(default);
        own.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    };
    for (kind, what) in LIMITED {
        let name = format!("{kind}.{what}");
        let (min, max) = (format!("group.{kind}.min.{what}"), format!("group.{kind}.max.{what}"));
        if limit(&min).is_some_and(|least| value(&name) < least) {
            return Err(ConfigError::new(name, format!("must be greater than or equal to {min}")));
        }
        if limit(&max).is_some_and(|most| value(&name) > most) {
            return Err(ConfigError::new(name, format!("must be less than or equal to {max}")));
        }
    }
    for kind in ["consumer", "share", "streams"] {
        let (timeout, interval) =
            (format!("{kind}.session.timeout.ms"), format!("{kind}.heartbeat.interval.ms"));
        if value(&timeout) <= value(&interval) {
            return Err(ConfigError::new(timeout, format!("must be greater than {interval}")));
        }
    }
    let reset = own.get("share.auto.offset.reset").map_or("latest", |value| &**value);
    let is_reset = match reset.split_once(':') {
        Some(("by_duration", text)) => duration_ms(text).is_some(),
        _ => matches!(reset, "earliest" | "latest"),
    };
    if !is_reset {
        let problem = format!("must be earliest, latest or by_duration:PnDTnHnMn.nS, not '{reset}'");
        return Err(ConfigError::new("share.auto.offset.reset", problem));
    }
    Ok(())
}

/// How configs of share groups must stand to one another, in the order in which Kafka looks at them.
const SHARE_RELATIONS: [(&str, Relation, &str); 9] = [
    ("max.heartbeat.interval.ms", Relation::NotLess, "min.heartbeat.interval.ms"),
    ("heartbeat.interval.ms", Relation::NotLess, "min.heartbeat.interval.ms"),
    ("heartbeat.interval.ms", Relation::NotMore, "max.heartbeat.interval.ms"),
    ("max.session.timeout.ms", Relation::NotLess, "min.session.timeout.ms"),
    ("session.timeout.ms", Relation::NotLess, "min.session.timeout.ms"),
    ("session.timeout.ms", Relation::NotMore, "max.session.timeout.ms"),
    ("heartbeat.interval.ms", Relation::Less, "session.timeout.ms"),
    ("record.lock.duration.ms", Relation::NotLess, "min.record.lock.duration.ms"),
    ("max.record.lock.duration.ms", Relation::NotLess, "record.lock.duration.ms"),
];

#[derive(Clone, Copy)]
enum Relation {
    Less,
    NotLess,
    NotMore,
}

/// Whether a broker may start with these `group.share.*` configs, with Kafka's words if it may not: what is
/// wrong with values alone or, when nothing is, the first that do not fit together. `own` knows what
/// was set.
///
/// Source: `GroupCoordinatorConfig`, `ShareGroupConfig` and `ConfigDef.Range` of Apache Kafka 4.1.
#[inline(never)]
pub fn check_share_configs(own: &dyn Fn(&str) -> Option<String>) -> Vec<ConfigError> {
    let mut problems = Vec::new();
    let defs = BROKER_CONFIGS.iter().filter(|def| def.name.starts_with("group.share."));
    for def in defs {
        let Some(value) = own(def.name).and_then(|value| value.trim().parse::<i64>().ok()) else { continue };
        let limit = match def.allowed {
            Allowed::AtLeast(least) | Allowed::Between(least, _) if value < least => {
                format!("Value must be at least {least}")
            }
            Allowed::Between(_, most) if value > most => format!("Value must be no more than {most}"),
            _ => continue,
        };
        let problem = format!("Invalid value {value} for configuration {}: {limit}", def.name);
        problems.push(ConfigError::new(def.name, problem));
    }
    let value = |name: &str| -> i64 {
        let default = || find(BROKER_CONFIGS, name).and_then(|def| def.default).map(str::to_owned);
        own(name).or_else(default).and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    };
    let mut relations = SHARE_RELATIONS.iter().filter(|_| problems.is_empty());
    let contradiction = relations.find_map(|(one, relation, other)| {
        let (one, other) = (format!("group.share.{one}"), format!("group.share.{other}"));
        let (left, right) = (value(&one), value(&other));
        let (holds, how) = match relation {
            Relation::Less => (left < right, "less than"),
            Relation::NotLess => (left >= right, "greater than or equal to"),
            Relation::NotMore => (left <= right, "less than or equal to"),
        };
        let problem = format!("{one} must be {how} {other}");
        let place = if own(&one).is_some() { one } else { other };
        (!holds).then(|| ConfigError::new(place, problem))
    });
    problems.extend(contradiction);
    problems
}

/// An ISO 8601 duration such as `P1DT2H3M4S`, in milliseconds.
pub fn duration_ms(text: &str) -> Option<i64> {
    let (days, times) = text.strip_prefix('P')?.split_once('T').unwrap_or((text.get(1..)?, ""));
    let mut total = 0i64;
    for (part, units) in [(days, "D"), (times, "HMS")] {
        let mut number = 0i64;
        for letter in part.chars() {
            if let Some(digit) = letter.to_digit(10) {
                number = number.checked_mul(10)?.checked_add(digit.into())?;
                continue;
            }
            let unit = match (letter, units.contains(letter)) {
                ('D', true) => 86_400_000,
                ('H', true) => 3_600_000,
                ('M', true) => 60_000,
                ('S', true) => 1_000,
                _ => return None,
            };
            total = total.checked_add(number.checked_mul(unit)?)?;
            number = 0;
        }
    }
    Some(total)
}

/// Whether a client metrics subscription may have these configs.
///
/// # Errors
/// The first that it may not have, and why.
pub fn check_client_metrics_configs(own: &Configs) -> Result<(), ConfigError> {
    check_all(CLIENT_METRICS_CONFIGS, own, "client metrics")
}

/// Whether brokers may be altered so: every config is dynamic and has a value that it can have. Configs
/// that nobody knows are allowed, as in Kafka.
///
/// # Errors
/// The first that cannot be altered, and why.
pub fn check_broker_configs(altered: &Configs, per_broker: bool) -> Result<(), ConfigError> {
    for (name, value) in altered {
        let Some(def) = broker_config(name) else { continue };
        match def.update {
            UpdateMode::ReadOnly => return Err(ConfigError::new(&**name, "cannot be updated dynamically")),
            UpdateMode::PerBroker if !per_broker => {
                return Err(ConfigError::new(&**name, "can be updated for one broker only, not for all"));
            }
            _ => def.check(value)?,
        };
        // What the engine acts on, it must be able to read.
        TopicConfigs::set_default(&mut LogConfig::default(), name, value)?;
    }
    Ok(())
}

fn check_all(table: &'static [ConfigDef], own: &Configs, what: &str) -> Result<(), ConfigError> {
    for (name, value) in own {
        match find(table, name) {
            Some(def) => def.check(value)?,
            None => return Err(ConfigError::new(&**name, format!("is no {what} config"))),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn configs(all: &[(&str, &str)]) -> Configs {
        all.iter().map(|(name, value)| (std::sync::Arc::from(*name), std::sync::Arc::from(*value))).collect()
    }

    /// The value, its source, and the sources behind it.
    fn check(
        own: &[(&str, &str)],
        broker: &[(&str, &str)],
        cluster: &[(&str, &str)],
        name: &str,
        expected: &str,
    ) {
        let fixed = |name: &str| (name == "message.max.bytes").then(|| "4000".to_owned());
        let (broker, cluster) = (configs(broker), configs(cluster));
        let layers = BrokerLayers { own: &broker, cluster: &cluster, fixed: &fixed };
        let entries = topic_entries(&configs(own), layers);
        let entry = entries.iter().find(|entry| entry.name == name).expect(name);
        let chain: Vec<String> = entry
            .synonyms
            .iter()
            .map(|s| format!("{:?} {}", s.source, s.value.as_deref().unwrap_or("-")))
            .collect();
        let value = entry.value.as_deref().unwrap_or("-");
        assert_eq!(format!("{value} by {:?}: {}", entry.source, chain.join(", ")), expected);
    }

    #[test]
    fn whoever_is_nearest_decides() {
        check(&[], &[], &[], "segment.bytes", "1073741824 by Default: Default 1073741824");
        check(&[], &[], &[], "retention.ms", "604800000 by Default: ");
        let name = "max.message.bytes";
        check(&[], &[], &[], name, "4000 by StaticBroker: StaticBroker 4000, Default 1048588");
        let cluster = [("message.max.bytes", "3000")];
        let expected =
            "3000 by DynamicDefaultBroker: DynamicDefaultBroker 3000, StaticBroker 4000, Default 1048588";
        check(&[], &[], &cluster, name, expected);
        let broker = [("message.max.bytes", "2000")];
        let expected = "1000 by Topic: Topic 1000, DynamicBroker 2000, DynamicDefaultBroker 3000, \
                        StaticBroker 4000, Default 1048588";
        check(&[(name, "1000")], &broker, &cluster, name, expected);
    }

    #[test]
    fn topics_have_what_kafka_lets_them_have() {
        let check =
            |own: &[(&str, &str)]| check_topic_configs(&configs(own)).map_err(|error| error.to_string());
        assert_eq!(check(&[("compression.type", "zstd"), ("segment.jitter.ms", "5")]), Ok(()));
        assert_eq!(check(&[("segment.byts", "1")]), Err("segment.byts: is no topic config".into()));
        let lags = [("min.compaction.lag.ms", "9"), ("max.compaction.lag.ms", "8")];
        let expected = "min.compaction.lag.ms: 9 is more than max.compaction.lag.ms, 8";
        assert_eq!(check(&lags), Err(expected.into()));
        let expected = "remote.storage.enable: there is no tiered storage";
        assert_eq!(check(&[("remote.storage.enable", "TRUE")]), Err(expected.into()));
    }

    #[test]
    fn brokers_change_only_what_is_dynamic() {
        let check = |altered: &[(&str, &str)], per_broker| {
            check_broker_configs(&configs(altered), per_broker).map_err(|error| error.to_string())
        };
        assert_eq!(check(&[("log.retention.ms", "5"), ("some.plugin", "x")], false), Ok(()));
        let read_only = "num.partitions: cannot be updated dynamically";
        assert_eq!(check(&[("num.partitions", "5")], true), Err(read_only.into()));
        let per_broker = "listeners: can be updated for one broker only, not for all";
        assert_eq!(check(&[("listeners", "A://:1")], false), Err(per_broker.into()));
        assert_eq!(check(&[("listeners", "A://:1")], true), Ok(()));
        let wrong = "min.insync.replicas: expected at least 1, found '0'";
        assert_eq!(check(&[("min.insync.replicas", "0")], true), Err(wrong.into()));
    }

    #[test]
    fn the_engine_and_the_tables_agree() {
        for (name, default, _) in TopicConfigs::catalogue() {
            let def = topic_config(name).expect(name);
            assert_eq!(def.default, Some(&*default), "{name}");
            // Throttled replicas have no default but none.
            let Some(broker) = def.broker_config.and_then(broker_config) else {
                assert_eq!(default, "", "{name}");
                continue;
            };
            assert!(broker.default.is_none_or(|text| text == default), "{name}");
            assert_eq!(TopicConfigs::set_default(&mut LogConfig::default(), broker.name, &default), Ok(true));
        }
        assert!(BROKER_CONFIGS.is_sorted_by_key(|def| def.name));
        for def in
            BROKER_CONFIGS.iter().chain(TOPIC_CONFIGS).chain(GROUP_CONFIGS).chain(CLIENT_METRICS_CONFIGS)
        {
            if let Some(default) = def.default.filter(|text| !text.is_empty()) {
                assert_eq!(def.check(default).as_deref(), Ok(default), "{}", def.name);
            }
            let broker_config_exists = def.broker_config.is_none_or(|name| broker_config(name).is_some());
            assert!(broker_config_exists, "{}", def.name);
        }
    }
}
