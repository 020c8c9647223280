//! What a producer can be told, in Kafka's names and with Kafka 4.1's defaults.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::client::backoff::Backoff;
use crate::client::network::NetworkConfig;
use crate::partitioner::{Partitioner, PartitionerKind};
use crate::storage::{BatchOptions, Compression};

/// Configuration of a producer.
///
/// Source: Apache Kafka 4.1 documentation, *Producer Configs*. Times are in milliseconds,
/// sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ProducerConfig {
    /// The name that the producer sends with every request.
    #[serde(rename = "client.id")]
    pub client_id: Arc<str>,
    /// Who must have a batch before it counts as sent: `"all"` (or −1) in-sync replicas, the
    /// leader (1), or nobody (0).
    pub acks: Acks,
    /// A batch takes records up to this size; 0 gives every record a batch of its own.
    #[serde(rename = "batch.size")]
    pub batch_size: u32,
    /// A batch that is not full waits so long for more records.
    #[serde(rename = "linger.ms")]
    pub linger_ms: u64,
    /// So many requests to one broker may wait for their response.
    #[serde(rename = "max.in.flight.requests.per.connection")]
    pub max_in_flight: u32,
    /// A batch is sent again at most so often; `delivery.timeout.ms` usually ends it first.
    pub retries: u32,
    /// Wait before the first retry; it doubles with each further one.
    #[serde(rename = "retry.backoff.ms")]
    pub retry_backoff_ms: u64,
    /// No wait between retries is longer.
    #[serde(rename = "retry.backoff.max.ms")]
    pub retry_backoff_max_ms: u64,
    /// A record is reported as sent or failed no later than this after `send()`.
    #[serde(rename = "delivery.timeout.ms")]
    pub delivery_timeout_ms: u64,
    /// A request without response fails after this, and its connection is closed.
    #[serde(rename = "request.timeout.ms")]
    pub request_timeout_ms: u64,
    /// No request, and no single record, is larger.
    #[serde(rename = "max.request.size")]
    pub max_request_size: u32,
    /// Memory for batches that are not yet done.
    #[serde(rename = "buffer.memory")]
    pub buffer_memory: u64,
    /// `send()` blocks at most so long, for metadata or for memory.
    #[serde(rename = "max.block.ms")]
    pub max_block_ms: u64,
    /// The broker writes each record once and in order, however often it is sent; without it
    /// retries can duplicate and reorder.
    #[serde(rename = "enable.idempotence")]
    pub enable_idempotence: bool,
    /// How a record without an explicit partition gets one; `default` is Java's.
    pub partitioner: PartitionerKind,
    /// Partitions with many waiting batches are chosen less often (KIP-794).
    #[serde(rename = "partitioner.adaptive.partitioning.enable")]
    pub partitioner_adaptive: bool,
    /// Partitions whose leader could not be sent to for so long are not chosen (KIP-794); 0 for
    /// never.
    #[serde(rename = "partitioner.availability.timeout.ms")]
    pub partitioner_availability_timeout_ms: u64,
    /// Keys do not decide the partition.
    #[serde(rename = "partitioner.ignore.keys")]
    pub partitioner_ignore_keys: bool,
    /// Metadata are asked for anew after this.
    #[serde(rename = "metadata.max.age.ms")]
    pub metadata_max_age_ms: u64,
    /// Wait before connecting again to a broker; it doubles with each failure.
    #[serde(rename = "reconnect.backoff.ms")]
    pub reconnect_backoff_ms: u64,
    /// No wait between connection attempts is longer.
    #[serde(rename = "reconnect.backoff.max.ms")]
    pub reconnect_backoff_max_ms: u64,
    /// A connection is given up when it is not ready after this.
    #[serde(rename = "socket.connection.setup.timeout.ms")]
    pub connection_setup_timeout_ms: u64,
    /// Connections without traffic are closed after this.
    #[serde(rename = "connections.max.idle.ms")]
    pub connections_max_idle_ms: u64,
    /// How batches are compressed. Records fill a batch by their size before that.
    #[serde(rename = "compression.type")]
    pub compression_type: CompressionType,
    /// How hard gzip tries: 1 to 9, or −1 for its default.
    #[serde(rename = "compression.gzip.level")]
    pub compression_gzip_level: i32,
    /// How hard LZ4 tries. Without effect: its library has one level.
    #[serde(rename = "compression.lz4.level")]
    pub compression_lz4_level: i32,
    /// How hard Zstandard tries. Without effect: its library has one level.
    #[serde(rename = "compression.zstd.level")]
    pub compression_zstd_level: i32,
}

/// `acks`: the number, or `"all"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(try_from = "AcksSetting", into = "AcksSetting")]
pub enum Acks {
    /// 0: nobody; the producer does not wait for a response.
    None,
    /// 1: the leader.
    Leader,
    /// −1 or `all`: every in-sync replica.
    #[default]
    All,
}

impl Acks {
    /// The number in a produce request.
    pub fn code(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged)]
enum AcksSetting {
    Number(i16),
    Text(String),
}

impl TryFrom<AcksSetting> for Acks {
    type Error = String;

    fn try_from(setting: AcksSetting) -> Result<Acks, String> {
        let text = match setting {
            AcksSetting::Number(number) => number.to_string(),
            AcksSetting::Text(text) => text,
        };
        match &*text {
            "0" => Ok(Acks::None),
            "1" => Ok(Acks::Leader),
            "-1" | "all" => Ok(Acks::All),
            _ => Err(format!("acks must be \"all\", -1, 0 or 1, not {text:?}")),
        }
    }
}

impl From<Acks> for AcksSetting {
    fn from(acks: Acks) -> AcksSetting {
        match acks {
            Acks::All => AcksSetting::Text("all".to_owned()),
            other => AcksSetting::Number(other.code()),
        }
    }
}

/// `compression.type`.
#[expect(missing_docs, reason = "the codecs' names")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum CompressionType {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl CompressionType {
    /// The codec in a batch's attributes.
    pub fn codec(self) -> Compression {
        match self {
            CompressionType::None => Compression::None,
            CompressionType::Gzip => Compression::Gzip,
            CompressionType::Snappy => Compression::Snappy,
            CompressionType::Lz4 => Compression::Lz4,
            CompressionType::Zstd => Compression::Zstd,
        }
    }
}

impl Default for ProducerConfig {
    fn default() -> Self {
        ProducerConfig {
            client_id: Arc::from(""),
            acks: Acks::All,
            batch_size: 16_384,
            linger_ms: 5,
            max_in_flight: 5,
            retries: 2_147_483_647,
            retry_backoff_ms: 100,
            retry_backoff_max_ms: 1_000,
            delivery_timeout_ms: 120_000,
            request_timeout_ms: 30_000,
            max_request_size: 1_048_576,
            buffer_memory: 33_554_432,
            max_block_ms: 60_000,
            enable_idempotence: true,
            partitioner: PartitionerKind::default(),
            partitioner_adaptive: true,
            partitioner_availability_timeout_ms: 0,
            partitioner_ignore_keys: false,
            metadata_max_age_ms: 300_000,
            reconnect_backoff_ms: 50,
            reconnect_backoff_max_ms: 1_000,
            connection_setup_timeout_ms: 10_000,
            connections_max_idle_ms: 540_000,
            compression_type: CompressionType::None,
            compression_gzip_level: -1,
            compression_lz4_level: 9,
            compression_zstd_level: 3,
        }
    }
}

impl ProducerConfig {
    /// What Kafka would refuse, in one sentence each; empty when all is well.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |fine: bool, problem: &str| {
            if !fine {
                problems.push(problem.to_owned());
            }
        };
        let idempotent = self.enable_idempotence;
        check(!idempotent || self.acks == Acks::All, "enable.idempotence needs acks=all");
        check(!idempotent || self.retries > 0, "enable.idempotence needs retries above 0");
        check(
            !idempotent || self.max_in_flight <= 5,
            "enable.idempotence needs max.in.flight.requests.per.connection of at most 5",
        );
        check(self.max_in_flight > 0, "max.in.flight.requests.per.connection must be at least 1");
        check(
            self.delivery_timeout_ms >= self.linger_ms.saturating_add(self.request_timeout_ms),
            "delivery.timeout.ms must be at least linger.ms + request.timeout.ms",
        );
        check(self.max_request_size >= 1_024, "max.request.size must be at least 1024");
        check(self.buffer_memory >= u64::from(self.batch_size), "buffer.memory must be at least batch.size");
        let gzip_level = self.compression_gzip_level;
        check(matches!(gzip_level, -1 | 1..=9), "compression.gzip.level must be from 1 to 9, or -1");
        check((1..=17).contains(&self.compression_lz4_level), "compression.lz4.level must be from 1 to 17");
        check(
            (-131_072..=22).contains(&self.compression_zstd_level),
            "compression.zstd.level must be from -131072 to 22",
        );
        problems
    }

    /// What its batches are like before anything is in them.
    pub fn batches(&self) -> BatchOptions {
        let (compression, gzip_level) = (self.compression_type.codec(), self.compression_gzip_level);
        BatchOptions { compression, gzip_level, ..BatchOptions::default() }
    }

    /// The wait between retries.
    pub fn retry_backoff(&self) -> Backoff {
        Backoff { base_ms: self.retry_backoff_ms, max_ms: self.retry_backoff_max_ms }
    }

    /// A partitioner that remembers nothing yet.
    pub fn new_partitioner(&self) -> Partitioner {
        Partitioner::new(self.partitioner, self.partitioner_ignore_keys, self.batch_size.max(1))
    }

    /// What of it concerns connections and metadata.
    pub fn network(&self) -> NetworkConfig {
        NetworkConfig {
            client_id: self.client_id.clone(),
            request_timeout_ms: self.request_timeout_ms,
            connection_setup_timeout_ms: self.connection_setup_timeout_ms,
            max_in_flight: self.max_in_flight,
            reconnect_backoff: Backoff {
                base_ms: self.reconnect_backoff_ms,
                max_ms: self.reconnect_backoff_max_ms,
            },
            retry_backoff: self.retry_backoff(),
            connections_max_idle_ms: Some(self.connections_max_idle_ms),
            metadata_max_age_ms: self.metadata_max_age_ms,
            allow_auto_topic_creation: true,
        }
    }

    /// Batches of a partition go out one at a time: the only way to keep order without
    /// idempotence.
    pub fn guarantees_order_by_muting(&self) -> bool {
        self.max_in_flight == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn check(json: &str, expected: &[&str]) {
        let problems = match serde_json::from_str::<ProducerConfig>(json) {
            Ok(config) => config.problems(),
            Err(error) => vec![error.to_string()],
        };
        let alike = problems.len() == expected.len()
            && problems.iter().zip(expected).all(|(problem, expected)| problem.starts_with(expected));
        assert!(alike, "{problems:#?}");
    }

    #[test]
    fn kafkas_defaults_are_accepted() {
        check("{}", &[]);
        check(r#"{"acks": -1, "linger.ms": 0}"#, &[]);
        check(r#"{"compression.type": "zstd"}"#, &[]);
        check(r#"{"acks": "0", "enable.idempotence": false}"#, &[]);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        check(r#"{"acks": 1}"#, &["enable.idempotence needs acks=all"]);
        check(r#"{"acks": "some"}"#, &["acks must be"]);
        check(r#"{"compression.gzip.level": 9, "compression.zstd.level": -5}"#, &[]);
        check(r#"{"compression.gzip.level": 0}"#, &["compression.gzip.level must be from 1 to 9"]);
        check(r#"{"compression.lz4.level": 18}"#, &["compression.lz4.level must be from 1 to 17"]);
        check(r#"{"compression.type": "brotli"}"#, &["unknown variant `brotli`"]);
        check(r#"{"batch_size": 1}"#, &["unknown field `batch_size`"]);
        check(r#"{"delivery.timeout.ms": 30000}"#, &["delivery.timeout.ms must be"]);
        check(
            r#"{"max.in.flight.requests.per.connection": 6}"#,
            &["enable.idempotence needs max.in.flight.requests.per.connection of at most 5"],
        );
    }

    #[test]
    fn is_written_as_it_is_read() {
        let config = ProducerConfig { acks: Acks::Leader, enable_idempotence: false, ..Default::default() };
        let text = serde_json::to_string(&config).unwrap_or_default();
        assert_eq!(serde_json::from_str::<ProducerConfig>(&text).ok(), Some(config));
    }
}
