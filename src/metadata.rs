//! The cluster's metadata: records → image, and the configs that are part of it.
//!
//! Controller and brokers hold an image each and feed it from the same log; only
//! [`MetadataImage::replay`] changes one. Must not know who writes the log or who reads it.
//!
//! Source: KIP-500, KIP-631 (record schemas), Kafka documentation *KRaft*.

mod config;
mod image;

pub(crate) use config::properties;
pub use config::{ConfigError, Properties, Property, TopicConfigs};
pub use image::{
    BrokerRegistration, Configs, EXTERNAL_LISTENER, Endpoint, INTERNAL_LISTENER, MetadataImage, NO_LEADER,
    PartitionRegistration, TOPIC_RESOURCE, TopicImage,
};
