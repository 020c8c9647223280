//! The records of `__cluster_metadata` (KIP-631).

use bytes::Bytes;

use crate::protocol::wire::{
    Float64, Form, Message, Mut, Reader, Ref, Uuid, Wire, WireError, WireFault, Writer, wire,
};

wire! {
    /// A broker has registered.
    RegisterBrokerRecord(0, 0..=3, 0) {
        broker_id: i32,
        is_migrating_zk_broker: bool [2..],
        incarnation_id: Uuid,
        broker_epoch: i64,
        end_points: Vec<BrokerEndpoint>,
        features: Vec<BrokerFeature>,
        rack: Option<String>,
        fenced: bool = true,
        in_controlled_shutdown: bool [1..],
        log_dirs: Vec<Uuid> [3.., tag 0],
    }

    BrokerEndpoint {
        name: String,
        host: String,
        port: u16,
        security_protocol: i16,
    }

    BrokerFeature {
        name: String,
        min_supported_version: i16,
        max_supported_version: i16,
    }

    /// A broker is gone for good.
    UnregisterBrokerRecord(1, 0..=0, 0) {
        broker_id: i32,
        broker_epoch: i64,
    }

    /// A topic was created; its partitions follow.
    TopicRecord(2, 0..=0, 0) {
        name: String,
        topic_id: Uuid,
    }

    /// A partition was created, or is what a snapshot says.
    PartitionRecord(3, 0..=2, 0) {
        partition_id: i32 = -1,
        topic_id: Uuid,
        replicas: Vec<i32>,
        isr: Vec<i32>,
        removing_replicas: Vec<i32>,
        adding_replicas: Vec<i32>,
        leader: i32 = -1,
        leader_recovery_state: i8 [tag 0],
        leader_epoch: i32 = -1,
        partition_epoch: i32 = -1,
        directories: Vec<Uuid> [1..],
        eligible_leader_replicas: Option<Vec<i32>> [2.., tag 1] = None,
        last_known_elr: Option<Vec<i32>> [2.., tag 2] = None,
    }

    /// A configuration was set; null deletes it.
    ConfigRecord(4, 0..=0, 0) {
        resource_type: i8,
        resource_name: String,
        name: String,
        value: Option<String>,
    }

    /// A partition has changed; what is null or -2 has not.
    PartitionChangeRecord(5, 0..=2, 0) {
        partition_id: i32 = -1,
        topic_id: Uuid,
        isr: Option<Vec<i32>> [tag 0] = None,
        leader: i32 [tag 1] = -2,
        replicas: Option<Vec<i32>> [tag 2] = None,
        removing_replicas: Option<Vec<i32>> [tag 3] = None,
        adding_replicas: Option<Vec<i32>> [tag 4] = None,
        leader_recovery_state: i8 [tag 5] = -1,
        eligible_leader_replicas: Option<Vec<i32>> [2.., tag 6] = None,
        last_known_elr: Option<Vec<i32>> [2.., tag 7] = None,
        directories: Option<Vec<Uuid>> [1.., tag 8] = None,
    }

    /// A broker is fenced; since 3.3 a [`BrokerRegistrationChangeRecord`] says so.
    FenceBrokerRecord(7, 0..=0, 0) {
        id: i32,
        epoch: i64,
    }

    /// A broker is unfenced; since 3.3 a [`BrokerRegistrationChangeRecord`] says so.
    UnfenceBrokerRecord(8, 0..=0, 0) {
        id: i32,
        epoch: i64,
    }

    /// A topic was deleted, with its partitions.
    RemoveTopicRecord(9, 0..=0, 0) {
        topic_id: Uuid,
    }

    /// A feature is at this level from here on.
    FeatureLevelRecord(12, 0..=0, 0) {
        name: String,
        feature_level: i16,
    }

    /// A quota of clients was set, or removed (KIP-546).
    ClientQuotaRecord(14, 0..=0, 0) {
        entity: Vec<EntityData>,
        key: String,
        value: Float64,
        remove: bool,
    }

    EntityData {
        entity_type: String,
        entity_name: Option<String>,
    }

    /// Producer ids up to here are given away.
    ProducerIdsRecord(15, 0..=0, 0) {
        broker_id: i32,
        broker_epoch: i64 = -1,
        next_producer_id: i64,
    }

    /// A broker was fenced, unfenced or is shutting down.
    BrokerRegistrationChangeRecord(17, 0..=2, 0) {
        broker_id: i32,
        broker_epoch: i64,
        fenced: i8 [tag 0],
        in_controlled_shutdown: i8 [1.., tag 1],
        log_dirs: Vec<Uuid> [2.., tag 2],
    }

    /// Nothing happened; the log moves on.
    NoOpRecord(20, 0..=0, 0) {}

    /// Nobody is an eligible leader replica of this topic any more; of no topic, without a name (KIP-966).
    ClearElrRecord(28, 0..=0, 0) {
        topic_name: String,
    }
}

/// The version of the frame around every record.
const FRAME_VERSION: u32 = 1;

macro_rules! metadata_records {
    ($($variant:ident($record:ident))*) => {
        /// A record of `__cluster_metadata`.
        #[derive(Clone, Debug, PartialEq)]
        pub enum MetadataRecord {
            $(#[doc = concat!("See [`", stringify!($record), "`].")] $variant($record),)*
        }

        impl MetadataRecord {
            /// Kafka's name of the record's type, such as `PartitionChangeRecord`.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(MetadataRecord::$variant(_) => $record::NAME,)*
                }
            }

            /// The record's value, in the newest version. Fails only on a string or an array
            /// that is too long.
            pub fn encode(&self) -> Result<Bytes, WireError> {
                match self {
                    $(MetadataRecord::$variant(record) => write_framed($record::FORM, record.view()),)*
                }
            }

            /// Reads a record's value. As in Kafka, nothing may follow it.
            pub fn decode(bytes: &Bytes) -> Result<Self, WireError> {
                let (key, version, body) = read_frame(bytes)?;
                match key {
                    $($record::KEY => {
                        let mut record = $record::default();
                        read_whole($record::FORM, &body, version, record.view_mut())?;
                        Ok(MetadataRecord::$variant(record))
                    })*
                    unknown => {
                        let fault = WireFault::UnknownRecord(unknown);
                        Err(WireError { at: 1, field: "MetadataRecord", fault })
                    }
                }
            }
        }

        /// Every type of record.
        pub(in crate::protocol) const METADATA_FORMS: &[&Form] = &[$($record::FORM),*];

        $(impl From<$record> for MetadataRecord {
            fn from(record: $record) -> Self {
                MetadataRecord::$variant(record)
            }
        })*
    };
}

metadata_records! {
    RegisterBroker(RegisterBrokerRecord)
    UnregisterBroker(UnregisterBrokerRecord)
    Topic(TopicRecord)
    Partition(PartitionRecord)
    Config(ConfigRecord)
    PartitionChange(PartitionChangeRecord)
    FenceBroker(FenceBrokerRecord)
    UnfenceBroker(UnfenceBrokerRecord)
    RemoveTopic(RemoveTopicRecord)
    FeatureLevel(FeatureLevelRecord)
    ClientQuota(ClientQuotaRecord)
    ProducerIds(ProducerIdsRecord)
    BrokerRegistrationChange(BrokerRegistrationChangeRecord)
    NoOp(NoOpRecord)
    ClearElr(ClearElrRecord)
}

/// Writes a record in the newest version, in its frame.
fn write_framed(form: &'static Form, record: Ref<'_>) -> Result<Bytes, WireError> {
    let mut w = Writer::new(form.last, true);
    w.unsigned_varint(FRAME_VERSION);
    w.unsigned_varint(form.key as u32);
    w.unsigned_varint(form.last as u32);
    w.value(form.kind, record);
    w.finish()
}

/// The number of a record's type, its version, and what is behind them.
fn read_frame(bytes: &Bytes) -> Result<(i16, i16, Bytes), WireError> {
    let mut r = Reader::new(bytes, 0, true);
    if r.unsigned_varint() != FRAME_VERSION {
        r.fail(WireFault::BadFrame);
    }
    let key = r.unsigned_varint();
    let version = i16::try_from(r.unsigned_varint()).unwrap_or(i16::MAX);
    let (key, body) = r.finish_with_rest(key)?;
    Ok((i16::try_from(key).unwrap_or(-1), version, body))
}

/// Reads a record behind which nothing may follow.
fn read_whole(form: &'static Form, body: &Bytes, version: i16, to: Mut<'_>) -> Result<(), WireError> {
    form.check_version(version)?;
    let mut r = Reader::new(body, version, true);
    r.value(form.kind, Some(to));
    if r.remaining() > 0 {
        r.fail(WireFault::TrailingBytes);
    }
    r.finish(())
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn check(record: impl Into<MetadataRecord>, bytes: &[u8]) {
        let record = record.into();
        assert_eq!(record.encode().expect("encodes"), bytes, "{}", record.name());
        assert_eq!(MetadataRecord::decode(&Bytes::copy_from_slice(bytes)), Ok(record));
    }

    fn check_fault(bytes: &'static [u8], fault: WireFault) {
        assert_eq!(
            MetadataRecord::decode(&Bytes::from_static(bytes)).map_err(|error| error.fault),
            Err(fault)
        );
    }

    #[test]
    fn a_frame_is_its_version_the_type_and_the_record() {
        check(NoOpRecord {}, &[1, 20, 0, 0]);
        let feature = FeatureLevelRecord { name: "mv".to_owned(), feature_level: 27 };
        check(feature, &[1, 12, 0, 3, b'm', b'v', 0, 27, 0]);
    }

    #[test]
    fn a_change_carries_only_what_has_changed() {
        let change = PartitionChangeRecord { partition_id: 2, leader: 1, ..Default::default() };
        let mut bytes = vec![1, 5, 2, 0, 0, 0, 2];
        bytes.extend([0; 16]);
        bytes.extend([1, 1, 4, 0, 0, 0, 1]);
        check(change, &bytes);
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        check_fault(&[], WireFault::UnexpectedEnd);
        check_fault(&[2, 20, 0, 0], WireFault::BadFrame);
        check_fault(&[1, 99, 0, 0], WireFault::UnknownRecord(99));
        check_fault(&[1, 20, 1, 0], WireFault::UnsupportedVersion(1));
        check_fault(&[1, 20, 0, 0, 0], WireFault::TrailingBytes);
    }
}
