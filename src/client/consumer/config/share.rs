//! What only members of share groups need to be told (KIP-932), and what an application does with
//! the records that it is given.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::protocol::TopicPartition;

/// `share.acknowledgement.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ShareAcknowledgementMode {
    /// The next `poll()` accepts all that the one before returned.
    #[default]
    Implicit,
    /// The application says of each record what became of it.
    Explicit,
}

/// What becomes of a record, as `AcknowledgeType` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum AcknowledgeType {
    /// It was processed.
    #[default]
    Accept,
    /// It was not: another delivery may be tried.
    Release,
    /// It was not, and never will be.
    Reject,
}

impl AcknowledgeType {
    /// Its number in requests.
    pub fn code(self) -> i8 {
        match self {
            AcknowledgeType::Accept => 1,
            AcknowledgeType::Release => 2,
            AcknowledgeType::Reject => 3,
        }
    }

    /// What a number in requests means; 0 is an offset without a record.
    pub fn name_of(code: i8) -> &'static str {
        match code {
            1 => "accept",
            2 => "release",
            3 => "reject",
            _ => "gap",
        }
    }
}

/// How some records are handled: those that all its conditions hold for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Handling {
    /// Records of this topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<Arc<str>>,
    /// Of this partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// With this offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// With this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Arc<str>>,
    /// Only so many out of a hundred (seeded, so repeatable).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// They take so many milliseconds, in place of `process_ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_ms: Option<u64>,
    /// What becomes of them. Only members of share groups can say that; others go on to the next.
    pub then: AcknowledgeType,
}

impl Handling {
    /// Whether it is about this record, chance aside.
    pub(in crate::client::consumer) fn is_about(
        &self,
        at: &TopicPartition,
        offset: i64,
        key: Option<&[u8]>,
    ) -> bool {
        self.topic.as_ref().is_none_or(|topic| *topic == at.topic)
            && self.partition.is_none_or(|partition| partition == at.partition)
            && self.offset.is_none_or(|wanted| wanted == offset)
            && self.key.as_ref().is_none_or(|wanted| key == Some(wanted.as_bytes()))
    }
}
