//! The configs of a topic's logs.

use std::fmt;

use super::{Compression, TimestampType};
use crate::plant::Plants;

/// Kafka's topic configs, by their names (dots become underscores), with Kafka's defaults.
/// Rule: Kafka documentation, *Configuration › Topic Configs*; KIP-1030.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `cleanup.policy` contains `delete`.
    pub cleanup_policy_delete: bool,
    /// `cleanup.policy` contains `compact`: records without a key are refused.
    pub cleanup_policy_compact: bool,
    /// `compression.gzip.level`: how hard gzip tries; 1 to 9, or −1 for its default.
    pub compression_gzip_level: i32,
    /// `compression.lz4.level`. Without effect: the library has one level.
    pub compression_lz4_level: i32,
    /// `compression.type`: the codec in which batches are stored; none leaves that to the
    /// producer.
    pub compression_type: Option<Compression>,
    /// `compression.zstd.level`. Without effect: the library has one level.
    pub compression_zstd_level: i32,
    /// `delete.retention.ms`: how long tombstones stay after compaction.
    pub delete_retention_ms: i64,
    /// `flush.messages`: flush after so many records.
    pub flush_messages: i64,
    /// `flush.ms`: flush after so long.
    pub flush_ms: i64,
    /// `follower.replication.throttled.replicas`.
    pub follower_throttled_replicas: ThrottledReplicas,
    /// `history.truncate.by.high.watermark`, which is no config of Kafka's: followers truncate as
    /// they did before KIP-101.
    pub history_truncate_by_high_watermark: bool,
    /// `index.interval.bytes`: an index entry about every so many bytes.
    pub index_interval_bytes: u32,
    /// `leader.replication.throttled.replicas`.
    pub leader_throttled_replicas: ThrottledReplicas,
    /// `max.compaction.lag.ms`: the longest that a record may escape compaction.
    pub max_compaction_lag_ms: i64,
    /// `max.message.bytes`: largest batch that a producer may send.
    pub max_message_bytes: u32,
    /// `message.timestamp.after.max.ms`: how far ahead of the broker's clock a timestamp may be.
    pub message_timestamp_after_max_ms: i64,
    /// `message.timestamp.before.max.ms`: how far behind the broker's clock a timestamp may be.
    pub message_timestamp_before_max_ms: i64,
    /// `message.timestamp.type`.
    pub message_timestamp_type: TimestampType,
    /// `min.cleanable.dirty.ratio`: how much of a log must be dirty before it is compacted.
    pub min_cleanable_dirty_ratio: Ratio,
    /// `min.compaction.lag.ms`: how long a record is safe from compaction.
    pub min_compaction_lag_ms: i64,
    /// `min.insync.replicas`.
    pub min_insync_replicas: i32,
    /// Known bugs that are built in.
    pub plants: Plants,
    /// `retention.bytes`: −1 for no limit.
    pub retention_bytes: i64,
    /// `retention.ms`: −1 for no limit.
    pub retention_ms: i64,
    /// `segment.bytes`: largest segment.
    pub segment_bytes: u32,
    /// `segment.index.bytes`: largest index.
    pub segment_index_bytes: u32,
    /// `segment.ms`: a segment takes records of no longer a stretch of time.
    pub segment_ms: i64,
    /// `unclean.leader.election.enable`.
    pub unclean_leader_election_enable: bool,
}

/// Replicas whose copying is limited (KIP-73).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThrottledReplicas {
    /// All of the topic's.
    All,
    /// Those of these partitions on these brokers.
    Some(Vec<(i32, i32)>),
}

impl Default for ThrottledReplicas {
    /// None.
    fn default() -> Self {
        ThrottledReplicas::Some(Vec::new())
    }
}

impl ThrottledReplicas {
    /// From `*`, `none`, nothing, or `[partition]:[broker],…`.
    #[inline(never)]
    pub fn parse(text: &str) -> Option<ThrottledReplicas> {
        let pair = |text: &str| {
            let (partition, broker) = text.split_once(':')?;
            let number = |text: &str| text.trim().parse().ok().filter(|number: &i32| *number >= 0);
            Some((number(partition)?, number(broker)?))
        };
        match text.trim() {
            "*" => Some(ThrottledReplicas::All),
            "" | "none" => Some(ThrottledReplicas::default()),
            pairs => pairs.split(',').map(pair).collect::<Option<_>>().map(ThrottledReplicas::Some),
        }
    }

    /// Whether this replica is one of them.
    pub fn contains(&self, partition: i32, broker: i32) -> bool {
        match self {
            ThrottledReplicas::All => true,
            ThrottledReplicas::Some(pairs) => pairs.contains(&(partition, broker)),
        }
    }
}

impl fmt::Display for ThrottledReplicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ThrottledReplicas::All => f.write_str("*"),
            ThrottledReplicas::Some(pairs) => {
                for (index, (partition, broker)) in pairs.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{partition}:{broker}")?;
                }
                Ok(())
            }
        }
    }
}

/// A part of a whole, to a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(u32);

impl Ratio {
    const ONE: u32 = 1_000_000;

    /// So many millionths, at most all of them.
    pub const fn from_millionths(millionths: u32) -> Ratio {
        Ratio(if millionths < Self::ONE { millionths } else { Self::ONE })
    }

    /// From 0 to 1, as in `0.5` or `5e-1`. Digit by digit: what reads any floating-point number
    /// brings a table of ten kilobytes along, which would be a part of what the page loads.
    #[inline(never)]
    pub fn parse(text: &str) -> Option<Ratio> {
        let text = text.trim();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
            None => (text, 0),
        };
        let mantissa = mantissa.strip_prefix('+').unwrap_or(mantissa);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut place = i64::try_from(whole.len()).ok()? + i64::from(exponent) + 6;
        let (mut millionths, mut digits) = (0u64, 0);
        for digit in whole.chars().chain(fraction.chars()) {
            let digit = u64::from(digit.to_digit(10)?);
            (place, digits) = (place - 1, digits + 1);
            match place {
                0.. if digit > 0 => {
                    millionths += digit.checked_mul(10u64.checked_pow(place.try_into().ok()?)?)?
                }
                -1 => millionths += u64::from(digit >= 5),
                _ => {}
            }
            if millionths > u64::from(Self::ONE) {
                return None;
            }
        }
        (digits > 0).then_some(Ratio(u32::try_from(millionths).ok()?))
    }

    /// Whether `part` of `whole` is more than this.
    pub fn is_less_than(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(Self::ONE) > u128::from(whole) * u128::from(self.0)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / Self::ONE, self.0 % Self::ONE);
        let digits = format!("{part:06}");
        let digits = digits.trim_end_matches('0');
        write!(f, "{whole}.{}", if digits.is_empty() { "0" } else { digits })
    }
}

impl LogConfig {
    /// The longest stretch of time that a segment takes records of: a compacted log must let go of
    /// its active segment in time.
    pub fn max_segment_ms(&self) -> i64 {
        match self.cleanup_policy_compact {
            true => self.segment_ms.min(self.max_compaction_lag_ms.max(0)),
            false => self.segment_ms,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            cleanup_policy_delete: true,
            cleanup_policy_compact: false,
            compression_gzip_level: -1,
            compression_lz4_level: 9,
            compression_type: None,
            compression_zstd_level: 3,
            delete_retention_ms: 86_400_000,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            follower_throttled_replicas: ThrottledReplicas::default(),
            history_truncate_by_high_watermark: false,
            index_interval_bytes: 4_096,
            leader_throttled_replicas: ThrottledReplicas::default(),
            max_compaction_lag_ms: i64::MAX,
            max_message_bytes: 1_048_588,
            message_timestamp_after_max_ms: 3_600_000,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_type: TimestampType::CreateTime,
            min_cleanable_dirty_ratio: Ratio::from_millionths(500_000),
            min_compaction_lag_ms: 0,
            min_insync_replicas: 1,
            plants: Plants::NONE,
            retention_bytes: -1,
            retention_ms: 604_800_000,
            segment_bytes: 1_073_741_824,
            segment_index_bytes: 10_485_760,
            segment_ms: 604_800_000,
            unclean_leader_election_enable: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn throttled_replicas_are_all_or_those_named() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(ThrottledReplicas::parse(text).map(|found| found.to_string()).as_deref(), expected);
        };
        check("*", Some("*"));
        check("", Some(""));
        check("none", Some(""));
        check(" 0:1, 12:3", Some("0:1,12:3"));
        for wrong in ["0", "0:", ":1", "0:1,", "0:-1", "0:1:2", "a:b"] {
            check(wrong, None);
        }
        let some = ThrottledReplicas::Some(vec![(0, 1)]);
        assert!(some.contains(0, 1) && !some.contains(1, 0) && ThrottledReplicas::All.contains(7, 7));
    }

    #[test]
    fn ratios_are_read_as_java_reads_numbers() {
        let check = |text: &str, millionths: Option<u32>| {
            assert_eq!(Ratio::parse(text), millionths.map(Ratio::from_millionths), "{text}");
        };
        check("0.5", Some(500_000));
        check(" .25 ", Some(250_000));
        check("1", Some(1_000_000));
        check("1.", Some(1_000_000));
        check("5e-1", Some(500_000));
        check("+0.0012E2", Some(120_000));
        check("0.0000005", Some(1));
        check("0e99", Some(0));
        for wrong in ["1.1", "-0.5", "", ".", "half", "0.5f-", "1e1", "9e9999", "0x1", "99999999999999999999"]
        {
            check(wrong, None);
        }
    }
}
