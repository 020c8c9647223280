//! Snapshots of the metadata: what the log's records up to some offset add up to, written as records again,
//! so that the log before need not be kept (KIP-630).
//!
//! A snapshot is a file of record batches, `00000000000000000042-0000000003.checkpoint`: a control record that
//! begins it, the records of the image, and a control record that ends it. Without the last it is not whole.

use std::fmt;

use bytes::Bytes;

use crate::base::Map;
use crate::metadata::image::{NO_LEADER, PartitionRegistration};
use crate::metadata::{MetadataImage, quota_record};
use crate::protocol::messages::control_records::{SnapshotFooterRecord, SnapshotHeaderRecord};
use crate::protocol::messages::metadata_records::{
    BrokerEndpoint, ConfigRecord, FeatureLevelRecord, MetadataRecord, PartitionRecord, ProducerIdsRecord,
    RegisterBrokerRecord, TopicRecord,
};
use crate::protocol::{Message, Uuid};
use crate::storage::{BatchBuilder, BatchOptions, RecordBatch, UnifiedLog, batches};

/// A batch takes no more records when it is as large as this.
const BATCH_BYTES: u32 = 256 * 1_024;
/// Keys of the control records: version 0, type 3 and 4.
const HEADER_KEY: [u8; 4] = [0, 0, 0, 3];
const FOOTER_KEY: [u8; 4] = [0, 0, 0, 4];

/// Which snapshot: of the records before `end_offset`, the last of which is of this epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotId {
    /// Offset after the last record that is in it.
    pub end_offset: i64,
    /// Epoch of that record.
    pub epoch: i32,
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{:010}", self.end_offset, self.epoch)
    }
}

/// A snapshot, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    id: SnapshotId,
    bytes: Bytes,
    /// Timestamp of the last record of the log that is in it, in milliseconds since 1970.
    log_timestamp_ms: i64,
}

impl Snapshot {
    /// The snapshot of an image; `epoch` is that of the last record in it, `log_timestamp_ms` its timestamp.
    #[inline(never)]
    pub fn of(image: &MetadataImage, epoch: i32, log_timestamp_ms: i64) -> Snapshot {
        let id = SnapshotId { end_offset: image.end_offset, epoch };
        let mut writer = Writer { epoch, timestamp: log_timestamp_ms, next_offset: 0, bytes: Vec::new() };
        let header = SnapshotHeaderRecord {
            last_contained_log_timestamp: log_timestamp_ms,
            ..SnapshotHeaderRecord::default()
        };
        writer.control(HEADER_KEY, &header);
        writer.records(&image.records());
        writer.control(FOOTER_KEY, &SnapshotFooterRecord::default());
        Snapshot { id, bytes: writer.bytes.into(), log_timestamp_ms }
    }

    /// The snapshot that somebody sent; `None` when it is not whole or makes no sense.
    #[inline(never)]
    pub fn read(id: SnapshotId, bytes: Bytes) -> Option<Snapshot> {
        let log_timestamp_ms = read(&bytes)?.1;
        Some(Snapshot { id, bytes, log_timestamp_ms })
    }

    /// Which it is.
    pub fn id(&self) -> SnapshotId {
        self.id
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// When the last record that is in it was written, in milliseconds since 1970.
    pub fn log_timestamp_ms(&self) -> i64 {
        self.log_timestamp_ms
    }

    /// What it says.
    #[inline(never)]
    pub fn image(&self) -> MetadataImage {
        // It was found whole when it was made.
        let mut image = read(&self.bytes).map(|(image, _)| image).unwrap_or_default();
        image.end_offset = self.id.end_offset;
        image
    }
}

struct Writer {
    epoch: i32,
    timestamp: i64,
    next_offset: i64,
    bytes: Vec<u8>,
}

impl Writer {
    fn batch(&self, control: bool) -> BatchBuilder {
        BatchBuilder::new(BatchOptions {
            base_offset: self.next_offset,
            partition_leader_epoch: self.epoch,
            control,
            ..BatchOptions::default()
        })
    }

    fn put(&mut self, batch: &BatchBuilder) {
        if batch.count() > 0 {
            self.next_offset += i64::from(batch.count());
            self.bytes.extend_from_slice(&batch.build());
        }
    }

    fn control<M: Message>(&mut self, key: [u8; 4], record: &M) {
        let mut batch = self.batch(true);
        if let Ok(value) = record.encode(*M::VERSIONS.end()) {
            // A few bytes always fit.
            let _ = batch.try_push(self.timestamp, Some(&key), Some(&value), &[]);
        }
        self.put(&batch);
    }

    fn records(&mut self, records: &[MetadataRecord]) {
        let mut batch = self.batch(false);
        for value in records.iter().filter_map(|record| record.encode().ok()) {
            if batch.size_bytes() > BATCH_BYTES {
                self.put(&batch);
                batch = self.batch(false);
            }
            let _ = batch.try_push(self.timestamp, None, Some(&value), &[]);
        }
        self.put(&batch);
    }
}

/// The image and the last record's timestamp; `None` unless all is there, from the header to the footer.
fn read(bytes: &Bytes) -> Option<(MetadataImage, i64)> {
    let mut image = MetadataImage::default();
    let (mut timestamp, mut is_whole, mut length) = (None, false, 0);
    for batch in batches(bytes) {
        let batch = batch.ok()?;
        batch.check_crc().ok()?;
        length += batch.size_bytes() as usize;
        if is_whole {
            return None;
        }
        match (batch.is_control(), timestamp) {
            (true, None) => timestamp = Some(header_of(&batch)?),
            (true, Some(_)) => {
                let footer = batch.records().next()?.ok()?;
                is_whole = footer.key.as_deref() == Some(&FOOTER_KEY);
            }
            (false, None) => return None,
            (false, Some(_)) => {
                for record in batch.records() {
                    image.replay(&MetadataRecord::decode(&record.ok()?.value?).ok()?);
                }
            }
        }
    }
    Some((image, timestamp?)).filter(|_| is_whole && length == bytes.len())
}

fn header_of(batch: &RecordBatch) -> Option<i64> {
    let record = batch.records().next()?.ok()?;
    if record.key.as_deref() != Some(&HEADER_KEY) {
        return None;
    }
    let header = SnapshotHeaderRecord::decode(&record.value?, *SnapshotHeaderRecord::VERSIONS.end()).ok()?;
    Some(header.last_contained_log_timestamp)
}

impl MetadataImage {
    /// Replays what the log has and the image does not, up to an offset.
    pub fn catch_up(&mut self, log: &UnifiedLog, end: i64) {
        let from = self.end_offset;
        if from >= end {
            return;
        }
        for batch in log.batches_from(from).filter(|batch| !batch.is_control()) {
            if batch.base_offset() >= end {
                break;
            }
            for record in batch.records().filter_map(Result::ok) {
                if let Some(Ok(record)) = record.value.map(|value| MetadataRecord::decode(&value)) {
                    self.replay(&record);
                }
            }
        }
        self.end_offset = end;
    }

    /// Records that make an empty image this one.
    #[inline(never)]
    pub fn records(&self) -> Vec<MetadataRecord> {
        let mut records: Vec<MetadataRecord> = Vec::new();
        for (name, level) in &self.features {
            records.push(FeatureLevelRecord { name: name.to_string(), feature_level: *level }.into());
        }
        for broker in self.brokers.values() {
            let endpoint = |end: &crate::metadata::Endpoint| BrokerEndpoint {
                name: end.listener.clone(),
                host: end.host.clone(),
                port: end.port,
                security_protocol: 0,
            };
            let registration = RegisterBrokerRecord {
                broker_id: broker.id,
                incarnation_id: broker.incarnation_id,
                broker_epoch: broker.epoch,
                end_points: broker.endpoints.iter().map(endpoint).collect(),
                rack: broker.rack.as_deref().map(str::to_owned),
                fenced: broker.fenced,
                in_controlled_shutdown: broker.in_controlled_shutdown,
                ..Default::default()
            };
            records.push(registration.into());
        }
        for topic in self.topics.values() {
            records.push(TopicRecord { name: topic.name.to_string(), topic_id: topic.id }.into());
            records
                .extend(topic.partitions.iter().map(|(id, it)| partition_record(topic.id, *id, it).into()));
        }
        for ((resource_type, resource), configs) in &self.configs {
            records.extend(configs.iter().map(|(name, value)| {
                let (resource_type, resource_name) = (*resource_type, resource.to_string());
                let (name, value) = (name.to_string(), Some(value.to_string()));
                ConfigRecord { resource_type, resource_name, name, value }.into()
            }));
        }
        for (entity, quotas) in &self.quotas {
            records.extend(quotas.iter().map(|(key, value)| quota_record(entity, key, Some(*value)).into()));
        }
        if self.next_producer_id > 0 {
            let next_producer_id = self.next_producer_id;
            records
                .push(ProducerIdsRecord { broker_id: NO_LEADER, broker_epoch: -1, next_producer_id }.into());
        }
        records
    }
}

fn partition_record(topic_id: Uuid, partition_id: i32, it: &PartitionRegistration) -> PartitionRecord {
    PartitionRecord {
        partition_id,
        topic_id,
        replicas: it.replicas.clone(),
        isr: it.isr.clone(),
        eligible_leader_replicas: some_of(&it.elr),
        last_known_elr: some_of(&it.last_known_elr),
        adding_replicas: it.adding_replicas.clone(),
        removing_replicas: it.removing_replicas.clone(),
        leader: it.leader,
        leader_epoch: it.leader_epoch,
        partition_epoch: it.partition_epoch,
        ..PartitionRecord::default()
    }
}

fn some_of(ids: &[i32]) -> Option<Vec<i32>> {
    (!ids.is_empty()).then(|| ids.to_vec())
}

/// What was fetched is no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSnapshot;

/// A snapshot that is being fetched, part by part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Which one.
    pub id: SnapshotId,
    /// Of the leader that it comes from.
    pub epoch: i32,
    parts: Map<u64, Bytes>,
    position: u64,
}

impl Download {
    /// Nothing of it yet.
    pub fn new(id: SnapshotId, epoch: i32) -> Download {
        Download { id, epoch, parts: Map::new(), position: 0 }
    }

    /// Where the next part begins.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes a part; the whole snapshot when this was the last.
    ///
    /// # Errors
    /// The part is none of this file, or the file is no snapshot.
    #[inline(never)]
    pub fn take(&mut self, position: i64, size: i64, part: Bytes) -> Result<Option<Snapshot>, NoSnapshot> {
        let at = u64::try_from(position).map_err(|_| NoSnapshot)?;
        if at != self.position || part.is_empty() {
            return Err(NoSnapshot);
        }
        self.position += part.len() as u64;
        self.parts.insert(at, part);
        if i64::try_from(self.position).is_ok_and(|position| position < size) {
            return Ok(None);
        }
        let whole: Vec<u8> = self.parts.values().flat_map(|part| part.iter().copied()).collect();
        Snapshot::read(self.id, whole.into()).map(Some).ok_or(NoSnapshot)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metadata::{BrokerRegistration, Endpoint, TOPIC_RESOURCE, TopicImage};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn image() -> MetadataImage {
        let mut image = MetadataImage { end_offset: 42, next_producer_id: 3_000, ..Default::default() };
        image.features.insert("metadata.version".into(), 27);
        let endpoints = vec![Endpoint { listener: "PLAINTEXT".into(), host: "broker-1".into(), port: 9_092 }];
        let broker = |id: i32| BrokerRegistration {
            id,
            epoch: i64::from(id) * 10,
            incarnation_id: Uuid::from_halves(7, id as u64),
            endpoints: endpoints.clone(),
            rack: (id == 1).then(|| "north".into()),
            fenced: id == 2,
            in_controlled_shutdown: id == 1,
        };
        image.brokers.extend([1, 2].map(|id| (id, broker(id))));
        let partition = PartitionRegistration {
            replicas: vec![1, 2, 3],
            isr: vec![1, 3],
            elr: vec![2],
            last_known_elr: vec![1],
            adding_replicas: vec![3],
            removing_replicas: vec![2],
            leader: 1,
            leader_epoch: 5,
            partition_epoch: 9,
        };
        for (n, name) in ["orders", "clicks"].into_iter().enumerate() {
            let (name, id) = (Arc::from(name), Uuid::from_halves(1, n as u64));
            let partitions = (0..3).map(|id| (id, partition.clone())).collect();
            image.topic_names.insert(id, Arc::clone(&name));
            image.topics.insert(Arc::clone(&name), Arc::new(TopicImage { name, id, partitions }));
        }
        let configs = [("retention.ms", "5"), ("segment.ms", "7")];
        let configs = configs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        image.configs.insert((TOPIC_RESOURCE, "orders".into()), configs);
        image
    }

    #[test]
    fn what_is_written_reads_as_the_same_image() {
        for image in [MetadataImage { end_offset: 1, ..Default::default() }, image()] {
            let written = Snapshot::of(&image, 3, 1_234);
            assert_eq!(written.image(), image);
            let read = Snapshot::read(written.id(), written.bytes().clone()).expect("it is whole");
            assert_eq!(read, written);
        }
        assert_eq!(Snapshot::of(&image(), 3, 0).id().to_string(), "00000000000000000042-0000000003");
    }

    #[test]
    fn what_is_not_whole_is_none() {
        let written = Snapshot::of(&image(), 3, 1_234);
        let bytes = written.bytes();
        for end in 0..bytes.len() {
            assert_eq!(Snapshot::read(written.id(), bytes.slice(..end)), None, "{end}");
        }
        for at in (0..bytes.len()).step_by(7).filter(|at| !(12..16).contains(at) && *at > 16) {
            let mut broken = bytes.to_vec();
            broken[at] ^= 0x10;
            // Base offsets and epochs are outside the CRC, and mean nothing here.
            let read = Snapshot::read(written.id(), broken.into());
            assert!(read.is_none_or(|read| read.image() == image()), "{at}");
        }
        let twice = [bytes.as_ref(), bytes.as_ref()].concat();
        assert_eq!(Snapshot::read(written.id(), twice.into()), None);
    }

    #[test]
    fn it_begins_with_a_header_and_ends_with_a_footer() {
        let written = Snapshot::of(&image(), 3, 1_234);
        let all: Vec<RecordBatch> = batches(written.bytes()).map(|batch| batch.expect("its own")).collect();
        let control: Vec<bool> = all.iter().map(RecordBatch::is_control).collect();
        assert_eq!(control, [true, false, true]);
        assert!(all.windows(2).all(|two| two[0].next_offset() == two[1].base_offset()));
        assert!(all.iter().all(|batch| batch.partition_leader_epoch() == 3));
    }

    #[test]
    fn a_download_takes_parts_in_order() {
        let written = Snapshot::of(&image(), 3, 1_234);
        let (bytes, size) = (written.bytes(), written.bytes().len() as i64);
        let mut download = Download::new(written.id(), 4);
        assert_eq!(download.take(0, size, bytes.slice(..100)), Ok(None));
        assert_eq!(download.take(0, size, bytes.slice(..100)), Err(NoSnapshot), "that was there already");
        assert_eq!(download.take(100, size, Bytes::new()), Err(NoSnapshot), "it would never end");
        assert_eq!(download.position(), 100);
        assert_eq!(download.take(100, size, bytes.slice(100..)), Ok(Some(written.clone())));
        let mut nonsense = Download::new(written.id(), 4);
        assert_eq!(nonsense.take(0, 3, Bytes::from_static(b"abc")), Err(NoSnapshot));
    }
}
