//! Where each leader epoch began: what lets a follower find where its log parted from the
//! leader's (KIP-101, KIP-279).

/// An epoch and its first offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    /// The leader epoch.
    pub epoch: i32,
    /// Offset of the first record that its leader wrote.
    pub start_offset: i64,
}

/// The epochs of a log, rising in epoch and in start offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderEpochFileCache {
    entries: Vec<EpochEntry>,
}

impl LeaderEpochFileCache {
    /// All epochs, oldest first.
    pub fn entries(&self) -> &[EpochEntry] {
        &self.entries
    }

    /// The latest epoch, if there is one.
    pub fn latest_epoch(&self) -> Option<i32> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// Notes that `epoch` begins at `start_offset`. Entries that contradict it go; negative
    /// numbers are ignored. Says whether anything changed.
    pub fn assign(&mut self, epoch: i32, start_offset: i64) -> bool {
        if epoch < 0 || start_offset < 0 {
            return false;
        }
        let news = self
            .entries
            .last()
            .is_none_or(|latest| epoch != latest.epoch || start_offset < latest.start_offset);
        if news {
            let keep = self
                .entries
                .partition_point(|entry| entry.epoch < epoch && entry.start_offset < start_offset);
            self.entries.truncate(keep);
            self.entries.push(EpochEntry { epoch, start_offset });
        }
        news
    }

    /// The largest epoch not above `epoch` and the offset where it ends. `None` when
    /// `epoch` is later than any known one. An epoch older than all is answered with itself
    /// and the beginning of the oldest.
    pub fn end_offset_for(&self, epoch: i32, log_end_offset: i64) -> Option<(i32, i64)> {
        if epoch < 0 {
            return None;
        }
        if self.latest_epoch() == Some(epoch) {
            return Some((epoch, log_end_offset));
        }
        let above = self.entries.partition_point(|entry| entry.epoch <= epoch);
        let next = self.entries.get(above)?;
        let floor = above.checked_sub(1).and_then(|index| self.entries.get(index));
        Some((floor.map_or(epoch, |entry| entry.epoch), next.start_offset))
    }

    /// The epoch of the record at `offset`, if any epoch began at or before it.
    pub fn epoch_for_offset(&self, offset: i64) -> Option<i32> {
        let after = self.entries.partition_point(|entry| entry.start_offset <= offset);
        self.entries.get(after.checked_sub(1)?).map(|entry| entry.epoch)
    }

    /// The log now ends at `end_offset`: epochs that began there or later go.
    pub fn truncate_from_end(&mut self, end_offset: i64) {
        let keep = self.entries.partition_point(|entry| entry.start_offset < end_offset);
        self.entries.truncate(keep);
    }

    /// The log now begins at `start_offset`: the epoch in force there begins there now, and
    /// earlier ones go.
    pub fn truncate_from_start(&mut self, start_offset: i64) {
        let after = self.entries.partition_point(|entry| entry.start_offset <= start_offset);
        if let Some(last) = after.checked_sub(1) {
            self.entries[last].start_offset = start_offset;
            self.entries.drain(..last);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn cache(entries: &[(i32, i64)]) -> LeaderEpochFileCache {
        let mut cache = LeaderEpochFileCache::default();
        entries.iter().for_each(|&(epoch, start)| {
            cache.assign(epoch, start);
        });
        cache
    }

    fn check(cache: &LeaderEpochFileCache, expected: &[(i32, i64)]) {
        let entries: Vec<_> = cache.entries().iter().map(|entry| (entry.epoch, entry.start_offset)).collect();
        assert_eq!(entries, expected);
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let cache = cache(&[(2, 10), (4, 25), (5, 40)]);
        assert_eq!(cache.end_offset_for(5, 50), Some((5, 50)));
        assert_eq!(cache.end_offset_for(4, 50), Some((4, 40)));
        assert_eq!(cache.end_offset_for(3, 50), Some((2, 25)), "the largest epoch below the unknown one");
        assert_eq!(cache.end_offset_for(1, 50), Some((1, 10)), "older than the log");
        assert_eq!(cache.end_offset_for(6, 50), None);
        assert_eq!(cache.end_offset_for(-1, 50), None);
        assert_eq!(cache.epoch_for_offset(9), None);
        assert_eq!(cache.epoch_for_offset(39), Some(4));
    }

    #[test]
    fn the_first_offset_of_an_epoch_stays() {
        let mut cache = cache(&[(1, 5)]);
        assert!(!cache.assign(1, 9));
        check(&cache, &[(1, 5)]);
        assert!(!cache.assign(-1, 9));
    }

    #[test]
    fn a_contradiction_clears_what_it_contradicts() {
        let mut later = cache(&[(1, 5), (2, 10), (3, 20)]);
        later.assign(2, 15);
        check(&later, &[(1, 5), (2, 15)]);
        let mut earlier = cache(&[(1, 5), (2, 10), (3, 20)]);
        earlier.assign(4, 10);
        check(&earlier, &[(1, 5), (4, 10)]);
    }

    #[test]
    fn truncation_at_either_end() {
        let mut cache = cache(&[(1, 5), (2, 10), (3, 20)]);
        cache.truncate_from_start(12);
        check(&cache, &[(2, 12), (3, 20)]);
        cache.truncate_from_start(3);
        check(&cache, &[(2, 12), (3, 20)]);
        cache.truncate_from_end(20);
        check(&cache, &[(2, 12)]);
        cache.truncate_from_end(12);
        check(&cache, &[]);
    }
}
