//! Which partitions have moved between whom while the general assignor looks for balance, so
//! that nothing goes from one to another while something of the same topic goes back.

use crate::base::Set;

/// Moves, from the first owner to the present one.
pub(super) struct Movements {
    /// Topic, from, to, partition.
    by_pair: Set<(usize, usize, usize, usize)>,
    /// From and to, by partition.
    by_partition: Vec<Option<(usize, usize)>>,
}

impl Movements {
    pub(super) fn new(partitions: usize) -> Movements {
        Movements { by_pair: Set::new(), by_partition: vec![None; partitions] }
    }

    /// Which partition to move when this one shall go from one member to another: one of the same
    /// topic that came the other way, if there is one.
    pub(super) fn best(&self, topic: usize, partition: usize, from: usize, to: usize) -> usize {
        let first = self.by_partition[partition].map_or(from, |(first, _)| first);
        let back = self.by_pair.range((topic, to, first, 0)..=(topic, to, first, usize::MAX)).next();
        back.map_or(partition, |(_, _, _, back)| *back)
    }

    /// Remembers a move.
    pub(super) fn add(&mut self, topic: usize, partition: usize, from: usize, to: usize) {
        let mut pair = (from, to);
        if let Some((first, last)) = self.by_partition[partition].take() {
            self.by_pair.remove(&(topic, first, last, partition));
            pair.0 = first;
            if first == to {
                return;
            }
        }
        self.by_partition[partition] = Some(pair);
        self.by_pair.insert((topic, pair.0, pair.1, partition));
    }
}
