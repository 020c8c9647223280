//! Configs by Kafka's names: tables from which structs, defaults, parsing and lists derive.
//!
//! Source: Kafka documentation, *Configuration* (broker and topic configs).

mod brokers;
mod definition;
mod describe;
mod topics;

use std::fmt;
use std::sync::Arc;

use crate::base::Map;

use crate::storage::{Compression, LogConfig, Ratio, ThrottledReplicas, TimestampType};

pub use brokers::BROKER_CONFIGS;
pub use definition::{Allowed, ConfigDef, ConfigKind, UpdateMode};
pub use describe::{
    BrokerLayers, ConfigEntry, ConfigSource, ConfigSynonym, broker_config, check_broker_configs,
    check_client_metrics_configs, check_group_configs, check_share_configs, check_topic_configs,
    client_metrics_entries, duration_ms, fixed_topic_default, group_entries, topic_config, topic_entries,
};
pub use topics::{CLIENT_METRICS_CONFIGS, GROUP_CONFIGS, TOPIC_CONFIGS};

/// A config that cannot be what it was set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The config's name.
    pub name: String,
    /// What is wrong.
    pub problem: String,
}

impl ConfigError {
    /// `name` has this problem.
    pub fn new(name: impl Into<String>, problem: impl Into<String>) -> Self {
        ConfigError { name: name.into(), problem: problem.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// A value of a config, as text and back.
pub trait Property: Sized {
    /// What people should write, for errors.
    const EXPECTED: &'static str;
    /// From text.
    fn parse(text: &str) -> Option<Self>;
    /// To text.
    fn text(&self) -> String;
}

macro_rules! plain_properties {
    ($($type:ty: $expected:literal),*) => {
        $(impl Property for $type {
            const EXPECTED: &'static str = $expected;
            fn parse(text: &str) -> Option<Self> {
                text.trim().parse().ok()
            }
            fn text(&self) -> String {
                self.to_string()
            }
        })*
    };
}
plain_properties!(i64: "a whole number", i32: "a whole number", i16: "a whole number", u32: "a whole number from 0");

impl Property for bool {
    const EXPECTED: &'static str = "true or false";
    fn parse(text: &str) -> Option<Self> {
        text.trim().to_ascii_lowercase().parse().ok()
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl Property for Ratio {
    const EXPECTED: &'static str = "a number from 0 to 1";
    fn parse(text: &str) -> Option<Self> {
        Ratio::parse(text)
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl Property for ThrottledReplicas {
    const EXPECTED: &'static str = "*, none or [partition]:[broker],…";
    fn parse(text: &str) -> Option<Self> {
        ThrottledReplicas::parse(text)
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl Property for TimestampType {
    const EXPECTED: &'static str = "CreateTime or LogAppendTime";
    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "CreateTime" => Some(TimestampType::CreateTime),
            "LogAppendTime" => Some(TimestampType::LogAppendTime),
            _ => None,
        }
    }
    fn text(&self) -> String {
        match self {
            TimestampType::CreateTime => "CreateTime".into(),
            TimestampType::LogAppendTime => "LogAppendTime".into(),
        }
    }
}

/// A topic's `compression.type`.
impl Property for Option<Compression> {
    const EXPECTED: &'static str = "producer, uncompressed, gzip, snappy, lz4 or zstd";
    fn parse(text: &str) -> Option<Self> {
        Some(match text.trim() {
            "producer" => None,
            "uncompressed" => Some(Compression::None),
            name => Some(Compression::CODECS.into_iter().find(|codec| codec.to_string() == name)?),
        })
    }
    fn text(&self) -> String {
        match self {
            None => "producer".into(),
            Some(Compression::None) => "uncompressed".into(),
            Some(codec) => codec.to_string(),
        }
    }
}

/// A struct whose fields have Kafka's config names.
pub trait Properties: Default {
    /// Every name, with its default as text and what it means.
    fn catalogue() -> Vec<(&'static str, String, &'static str)>;

    /// Sets a config by name. `Ok(false)` when this struct has none of that name.
    ///
    /// # Errors
    /// When the value is not one that the config can have.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, ConfigError>;

    /// The value of a config as text.
    fn get(&self, name: &str) -> Option<String>;
}

/// Declares a struct of configs: `"kafka.name" => field: Type = default, "meaning";`.
macro_rules! properties {
    ($(#[$meta:meta])* pub struct $struct:ident {
        $($name:literal => $field:ident: $type:ty = $default:expr, $doc:literal;)*
        $(.. $rest:ident: $rest_type:ty = $rest_default:expr, $rest_doc:literal;)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $struct {
            $(#[doc = concat!("`", $name, "`: ", $doc)] pub $field: $type,)*
            $(#[doc = $rest_doc] pub $rest: $rest_type,)*
        }

        impl Default for $struct {
            fn default() -> Self {
                $struct { $($field: $default,)* $($rest: $rest_default,)* }
            }
        }

        impl $crate::metadata::Properties for $struct {
            fn catalogue() -> Vec<(&'static str, String, &'static str)> {
                use $crate::metadata::Property;
                vec![$(($name, <$type as Property>::text(&$default), $doc),)*]
            }

            fn set(&mut self, name: &str, value: &str) -> Result<bool, $crate::metadata::ConfigError> {
                use $crate::metadata::{ConfigError, Property};
                match name {
                    $($name => {
                        self.$field = <$type as Property>::parse(value).ok_or_else(|| {
                            ConfigError::new(name, format!("expected {}, found '{value}'", <$type as Property>::EXPECTED))
                        })?;
                        Ok(true)
                    })*
                    _ => Ok(false),
                }
            }

            fn get(&self, name: &str) -> Option<String> {
                use $crate::metadata::Property;
                match name {
                    $($name => Some(self.$field.text()),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use properties;

/// Topic configs by name, on a [`LogConfig`].
pub struct TopicConfigs;

macro_rules! topic_configs {
    ($($name:literal $(| $broker_name:literal)? => $field:ident, $doc:literal;)*) => {
        impl TopicConfigs {
            /// Every topic config, its default and what it means.
            pub fn catalogue() -> Vec<(&'static str, String, &'static str)> {
                let default = LogConfig::default();
                let mut all = vec![$(($name, default.$field.text(), $doc),)*];
                all.push(("cleanup.policy", "delete".into(), "delete old segments, or compact by key, or both"));
                all
            }

            /// Sets a topic config. `Ok(false)` when there is none of that name.
            ///
            /// # Errors
            /// When the value is not one that the config can have.
            pub fn set(config: &mut LogConfig, name: &str, value: &str) -> Result<bool, ConfigError> {
                match name {
                    $($name => set_field(&mut config.$field, name, value)?,)*
                    "cleanup.policy" => set_cleanup_policy(config, name, value)?,
                    _ => return Ok(false),
                }
                Self::check(config, name)?;
                Ok(true)
            }

            /// Sets a topic config's default by the broker config that gives it.
            ///
            /// # Errors
            /// When the value is not one that the config can have.
            pub fn set_default(config: &mut LogConfig, name: &str, value: &str) -> Result<bool, ConfigError> {
                match name {
                    $($($broker_name => set_field(&mut config.$field, name, value)?,)?)*
                    "log.cleanup.policy" => set_cleanup_policy(config, name, value)?,
                    _ => return Ok(false),
                }
                Self::check(config, name)?;
                Ok(true)
            }

            /// A config's value as text.
            pub fn get(config: &LogConfig, name: &str) -> Option<String> {
                match name {
                    $($name => Some(config.$field.text()),)*
                    "cleanup.policy" => Some(match (config.cleanup_policy_delete, config.cleanup_policy_compact) {
                        (true, true) => "compact,delete".into(),
                        (false, true) => "compact".into(),
                        _ => "delete".into(),
                    }),
                    _ => None,
                }
            }
        }
    };
}

topic_configs! {
    "compression.gzip.level" | "compression.gzip.level" => compression_gzip_level,
        "how hard gzip tries where batches are stored in it";
    "compression.lz4.level" | "compression.lz4.level" => compression_lz4_level,
        "how hard lz4 tries; it has one level here";
    "compression.type" | "compression.type" => compression_type, "how batches are stored; producer: as they come";
    "compression.zstd.level" | "compression.zstd.level" => compression_zstd_level,
        "how hard zstd tries; it has one level here";
    "delete.retention.ms" | "log.cleaner.delete.retention.ms" => delete_retention_ms, "how long tombstones stay";
    "flush.messages" | "log.flush.interval.messages" => flush_messages, "flush after so many records";
    "flush.ms" | "log.flush.interval.ms" => flush_ms, "flush after so long";
    "follower.replication.throttled.replicas" => follower_throttled_replicas,
        "replicas that as followers are throttled";
    "history.truncate.by.high.watermark" | "history.truncate.by.high.watermark" => history_truncate_by_high_watermark,
        "history: truncate followers to their own high watermark, as before KIP-101";
    "index.interval.bytes" | "log.index.interval.bytes" => index_interval_bytes, "bytes between two index entries";
    "leader.replication.throttled.replicas" => leader_throttled_replicas,
        "replicas that as leaders throttle their followers";
    "max.compaction.lag.ms" | "log.cleaner.max.compaction.lag.ms" => max_compaction_lag_ms,
        "longest that a record may escape compaction";
    "max.message.bytes" | "message.max.bytes" => max_message_bytes, "largest batch accepted";
    "message.timestamp.after.max.ms" | "log.message.timestamp.after.max.ms" => message_timestamp_after_max_ms,
        "how far ahead of the broker a timestamp may be";
    "message.timestamp.before.max.ms" | "log.message.timestamp.before.max.ms" => message_timestamp_before_max_ms,
        "how far behind the broker a timestamp may be";
    "message.timestamp.type" | "log.message.timestamp.type" => message_timestamp_type, "whose clock stamps records";
    "min.cleanable.dirty.ratio" | "log.cleaner.min.cleanable.ratio" => min_cleanable_dirty_ratio,
        "how much of a log must be dirty before it is compacted";
    "min.compaction.lag.ms" | "log.cleaner.min.compaction.lag.ms" => min_compaction_lag_ms,
        "how long a record is safe from compaction";
    "min.insync.replicas" | "min.insync.replicas" => min_insync_replicas, "in-sync replicas that acks=all needs";
    "retention.bytes" | "log.retention.bytes" => retention_bytes, "size above which old segments go";
    "retention.ms" | "log.retention.ms" => retention_ms, "age above which old segments go";
    "segment.bytes" | "log.segment.bytes" => segment_bytes, "largest segment";
    "segment.index.bytes" | "log.index.size.max.bytes" => segment_index_bytes, "largest index";
    "segment.ms" | "log.roll.ms" => segment_ms, "longest stretch of time in one segment";
    "unclean.leader.election.enable" | "unclean.leader.election.enable" => unclean_leader_election_enable,
        "let a replica lead that is not in sync";
}

fn set_field<T: Property>(field: &mut T, name: &str, value: &str) -> Result<(), ConfigError> {
    *field = T::parse(value)
        .ok_or_else(|| ConfigError::new(name, format!("expected {}, found '{value}'", T::EXPECTED)))?;
    Ok(())
}

fn set_cleanup_policy(config: &mut LogConfig, name: &str, value: &str) -> Result<(), ConfigError> {
    let (mut delete, mut compact) = (false, false);
    for policy in value.split(',').map(str::trim) {
        match policy {
            "delete" => delete = true,
            "compact" => compact = true,
            _ => {
                let problem = format!("expected delete, compact or both, found '{value}'");
                return Err(ConfigError::new(name, problem));
            }
        }
    }
    (config.cleanup_policy_delete, config.cleanup_policy_compact) = (delete, compact);
    Ok(())
}

impl TopicConfigs {
    fn check(config: &LogConfig, name: &str) -> Result<(), ConfigError> {
        let problem = match () {
            () if config.min_insync_replicas < 1 => "must be at least 1",
            () if !matches!(config.compression_gzip_level, -1 | 1..=9) => "must be from 1 to 9, or -1",
            () if !(1..=17).contains(&config.compression_lz4_level) => "must be from 1 to 17",
            () if !(-131_072..=22).contains(&config.compression_zstd_level) => "must be from -131072 to 22",
            () if config.max_compaction_lag_ms < 1 || config.min_compaction_lag_ms < 0 => "must be positive",
            () if config.segment_bytes < 14 => "must be at least 14",
            () if config.segment_ms < 1 => "must be at least 1",
            () if config.retention_ms < -1 || config.retention_bytes < -1 => "must be at least -1",
            () if config.flush_messages < 1 || config.flush_ms < 0 => "must be positive",
            () => return Ok(()),
        };
        Err(ConfigError::new(name, problem))
    }

    /// A topic's configuration: its own configs over the broker's defaults. What does not parse
    /// was refused when it was set, so it is passed over here.
    pub fn effective(defaults: &LogConfig, own: &Map<Arc<str>, Arc<str>>) -> LogConfig {
        let mut config = defaults.clone();
        for (name, value) in own {
            let _ = Self::set(&mut config, name, value);
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_topic_config_reads_back_what_was_set() {
        let mut config = LogConfig::default();
        for (name, default, _) in TopicConfigs::catalogue() {
            assert_eq!(TopicConfigs::get(&config, name), Some(default.clone()), "{name}");
            assert_eq!(TopicConfigs::set(&mut config, name, &default), Ok(true), "{name}");
        }
        assert_eq!(config, LogConfig::default());
        assert_eq!(TopicConfigs::set(&mut config, "segment.byts", "1"), Ok(false));
    }

    #[test]
    fn a_wrong_value_is_refused_by_name() {
        let mut config = LogConfig::default();
        let error = TopicConfigs::set(&mut config, "segment.bytes", "many").map_err(|e| e.to_string());
        assert_eq!(error, Err("segment.bytes: expected a whole number from 0, found 'many'".into()));
        let error = TopicConfigs::set(&mut config, "min.insync.replicas", "0").map_err(|e| e.to_string());
        assert_eq!(error, Err("min.insync.replicas: must be at least 1".into()));
        let error = TopicConfigs::set(&mut config, "cleanup.policy", "burn").map_err(|e| e.to_string());
        assert_eq!(error, Err("cleanup.policy: expected delete, compact or both, found 'burn'".into()));
    }
}
