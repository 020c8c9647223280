//! What a leader acknowledges that others have replaced, without its knowing.

use super::{Invariants, Nodes, rewrites};
use crate::protocol::TopicPartition;
use crate::storage::{RecordBatch, UnifiedLog};

impl Invariants {
    /// A batch that its leader alone had to have was acknowledged. When another leads in a later epoch who
    /// does not have it, it is lost already: whoever acknowledged it will cut it off. Every record is counted;
    /// what is to be said of it, once for each epoch.
    #[inline(never)]
    pub(super) fn lost_at_once(
        &mut self,
        nodes: &Nodes,
        at: &TopicPartition,
        (base_offset, records, crc): (i64, u32, u32),
    ) -> Option<Option<String>> {
        let (leader, epoch, log) = latest_leader(nodes, at)?;
        let from = log.log_start_offset().max(self.compacted.get(at).copied().unwrap_or(0));
        let holds = |batch: &RecordBatch| batch.base_offset() == base_offset && batch.crc() == crc;
        if rewrites(log) || base_offset < from || log.batch_at(base_offset).as_ref().is_some_and(holds) {
            return None;
        }
        self.counts.lost += u64::from(records);
        let is_news = self.stale.insert(at.clone(), epoch) != Some(epoch);
        Some(is_news.then(|| {
            format!(
                "{at} offset {base_offset} and behind, acknowledged with acks=1 by a leader that was replaced, \
                 not on leader {leader} of epoch {epoch}"
            )
        }))
    }
}

/// Who leads a partition in the latest epoch, of all who think they lead.
fn latest_leader<'a>(nodes: &'a Nodes, at: &TopicPartition) -> Option<(i32, i32, &'a UnifiedLog)> {
    let leaders = nodes.values().filter_map(|slot| {
        let broker = slot.machine.broker()?;
        let partition = broker.partition(at).filter(|partition| partition.is_leader())?;
        Some((broker.id(), partition.registration.leader_epoch, &partition.log))
    });
    leaders.max_by_key(|(_, epoch, _)| *epoch)
}
