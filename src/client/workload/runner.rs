//! Where a workload stands: whose turn it is, and when.

use std::sync::Arc;

use bytes::Bytes;

use super::{KeyChoice, Keys, ProducerRecord, Source, Workload};
use crate::base::{Rng, SimTime, ms};
use crate::storage::RecordHeader;

/// So many records are drawn in one go at most; the rest follow at once.
pub(in crate::client) const MAX_DRAWS: u32 = 1_000;

/// Which part of the application wants a record sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::client) enum Origin {
    /// A command from outside.
    Command,
    /// The source with this index.
    Source(u32),
    /// The replay of timed records.
    Replay,
}

/// A record whose time has come.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::client) struct Draw {
    pub(in crate::client) origin: Origin,
    pub(in crate::client) record: ProducerRecord,
    /// The origin sends nothing more until this record is done.
    pub(in crate::client) awaited: bool,
}

/// Where a workload stands.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::client) struct WorkloadRunner {
    workload: Arc<Workload>,
    sources: Vec<Progress>,
    replay: Progress,
    paused_at: Option<SimTime>,
    rate_percent: u32,
}

#[derive(Clone, Debug, PartialEq)]
struct Progress {
    next_at: SimTime,
    /// Records drawn so far.
    drawn: u64,
    left_in_round: u32,
    /// Blocked in `send()`, or waiting for an acknowledgement.
    waiting: bool,
}

impl WorkloadRunner {
    pub(in crate::client) fn new(workload: Workload) -> Self {
        let idle = Progress { next_at: SimTime::MAX, drawn: 0, left_in_round: 0, waiting: false };
        WorkloadRunner {
            sources: vec![idle.clone(); workload.sources.len()],
            replay: idle,
            workload: Arc::new(workload),
            paused_at: None,
            rate_percent: 100,
        }
    }

    /// The application starts; one that was started before goes on where it was.
    pub(in crate::client) fn start(&mut self, now: SimTime) {
        for (progress, source) in self.sources.iter_mut().zip(&self.workload.sources) {
            progress.waiting = false;
            let first = if progress.drawn == 0 { ms(source.start_ms) } else { 0 };
            progress.next_at = now + first;
        }
        self.replay.waiting = false;
        let first = self.workload.records.get(self.replay.drawn as usize).map_or(0, |it| it.at_us);
        let wait = if self.replay.drawn == 0 { scaled(first, self.workload.speed) } else { 0 };
        self.replay.next_at = now + wait;
    }

    /// When something is due next; `None` when nothing is until something else happens.
    pub(in crate::client) fn next_at(&self) -> Option<SimTime> {
        if self.paused_at.is_some() {
            return None;
        }
        let sources = self.sources.iter().zip(&self.workload.sources);
        let sources = sources.filter(|(progress, source)| may_draw(progress, source));
        let replay = (self.replay_left() && !self.replay.waiting).then_some(self.replay.next_at);
        sources.map(|(progress, _)| progress.next_at).chain(replay).min()
    }

    /// The next record whose time has come.
    pub(in crate::client) fn draw(&mut self, now: SimTime, rng: &mut Rng) -> Option<Draw> {
        if self.paused_at.is_some() {
            return None;
        }
        let workload = self.workload.clone();
        let replay_at = self.replay.next_at;
        let replay_is_due = self.replay_left() && !self.replay.waiting && replay_at <= now;
        let sources = self.sources.iter_mut().zip(&workload.sources).enumerate();
        let due =
            sources.filter(|(_, (progress, source))| may_draw(progress, source) && progress.next_at <= now);
        let first = due.min_by_key(|(_, (progress, _))| progress.next_at);
        match first {
            Some((index, (progress, source))) if !replay_is_due || progress.next_at <= replay_at => {
                let record = progress.next_record(source, rng);
                progress.advance(source, now, rng, self.rate_percent);
                progress.waiting = source.await_each;
                let origin = Origin::Source(index as u32);
                Some(Draw { origin, record, awaited: source.await_each })
            }
            _ if replay_is_due => self.draw_replayed(now),
            _ => None,
        }
    }

    /// The origin's `send()` blocks, or no longer does.
    pub(in crate::client) fn set_waiting(&mut self, origin: Origin, waiting: bool) {
        match origin {
            Origin::Command => {}
            Origin::Replay => self.replay.waiting = waiting,
            Origin::Source(index) => {
                if let Some(progress) = self.sources.get_mut(index as usize) {
                    progress.waiting = waiting;
                }
            }
        }
    }

    /// Stands still, or goes on; what would have been due meanwhile comes later instead.
    pub(in crate::client) fn set_paused(&mut self, now: SimTime, paused: bool) {
        match (self.paused_at, paused) {
            (None, true) => self.paused_at = Some(now),
            (Some(since), false) => {
                self.paused_at = None;
                for progress in self.sources.iter_mut().chain([&mut self.replay]) {
                    progress.next_at = progress.next_at + now.since(since);
                }
            }
            _ => {}
        }
    }

    pub(in crate::client) fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }

    /// All rates in percent of what the workload says.
    pub(in crate::client) fn set_rate(&mut self, now: SimTime, percent: u32) {
        let percent = percent.max(1);
        let old = u64::from(std::mem::replace(&mut self.rate_percent, percent));
        let now = self.paused_at.unwrap_or(now);
        for progress in self.sources.iter_mut().chain([&mut self.replay]) {
            if progress.next_at > now {
                let left = progress.next_at.since(now);
                progress.next_at = now + left.saturating_mul(old) / u64::from(percent);
            }
        }
    }

    pub(in crate::client) fn rate_percent(&self) -> u32 {
        self.rate_percent
    }

    fn replay_left(&self) -> bool {
        self.replay.drawn < self.workload.records.len() as u64
    }

    fn draw_replayed(&mut self, now: SimTime) -> Option<Draw> {
        let records = &self.workload.records;
        let timed = records.get(self.replay.drawn as usize)?;
        self.replay.drawn += 1;
        if let Some(next) = records.get(self.replay.drawn as usize) {
            let gap = scaled(next.at_us.saturating_sub(timed.at_us), self.workload.speed);
            let gap = gap.saturating_mul(100) / u64::from(self.rate_percent);
            // Replayed data keep their own clock: after a blocked send() they catch up.
            self.replay.next_at = self.replay.next_at.min(now) + gap;
        }
        let header = |(name, value): &(String, super::Text)| {
            RecordHeader::new(Bytes::from(name.clone()), Some(value.0.clone()))
        };
        let record = ProducerRecord {
            topic: timed.topic.clone(),
            partition: timed.partition,
            key: timed.key.as_ref().map(|text| text.0.clone()),
            value: timed.value.as_ref().map(|text| text.0.clone()),
            headers: timed.headers.iter().map(header).collect(),
            timestamp: timed.timestamp,
        };
        Some(Draw { origin: Origin::Replay, record, awaited: false })
    }
}

impl Progress {
    fn next_record(&self, source: &Source, rng: &mut Rng) -> ProducerRecord {
        let key = source.keys.as_ref().and_then(|keys| self.next_key(keys, rng));
        let number = self.drawn.to_string();
        let fill = |template: &str| -> Bytes {
            template.replace("{n}", &number).replace("{key}", key.as_deref().unwrap_or("")).into()
        };
        let header = |(name, value): &(String, String)| {
            RecordHeader::new(Bytes::from(name.clone()), Some(fill(value)))
        };
        ProducerRecord {
            topic: source.topic.clone(),
            partition: source.partition,
            value: source.value.as_deref().map(fill),
            headers: source.headers.iter().map(header).collect(),
            timestamp: None,
            key: key.map(Bytes::from),
        }
    }

    fn next_key(&self, keys: &Keys, rng: &mut Rng) -> Option<String> {
        match keys {
            Keys::Numbered(numbered) => {
                let number = numbered.distinct.map_or(self.drawn, |distinct| self.drawn % distinct.max(1));
                Some(numbered.pattern.replace("{n}", &number.to_string()))
            }
            Keys::List(list) if list.iter().any(|choice| matches!(choice, KeyChoice::Weighted(_))) => {
                let total = list.iter().map(|choice| u64::from(choice.weight())).sum();
                let mut drawn = rng.below(total);
                let chosen = list.iter().find(|choice| {
                    let hit = drawn < u64::from(choice.weight());
                    drawn = drawn.saturating_sub(u64::from(choice.weight()));
                    hit
                });
                chosen.and_then(|choice| choice.key().map(str::to_owned))
            }
            Keys::List(list) => {
                let index = self.drawn % (list.len() as u64).max(1);
                list.get(index as usize).and_then(|choice| choice.key().map(str::to_owned))
            }
        }
    }

    fn advance(&mut self, source: &Source, now: SimTime, rng: &mut Rng, rate_percent: u32) {
        self.drawn += 1;
        if self.left_in_round == 0 {
            self.left_in_round = source.burst;
        }
        self.left_in_round = self.left_in_round.saturating_sub(1);
        if self.left_in_round > 0 {
            return;
        }
        let interval = source.interval_us().saturating_mul(100) / u64::from(rate_percent);
        let spread = (interval / 100).saturating_mul(u64::from(source.jitter_percent));
        let wait = if spread == 0 {
            interval
        } else {
            rng.between(interval.saturating_sub(spread), interval.saturating_add(spread))
        };
        // Like a loop that sleeps: a send() that blocked is not caught up with.
        self.next_at = self.next_at.max(now) + wait;
    }
}

fn may_draw(progress: &Progress, source: &Source) -> bool {
    !progress.waiting && source.count.is_none_or(|count| progress.drawn < count)
}

/// Division rounds alike on every platform.
fn scaled(us: u64, speed: f64) -> u64 {
    if speed > 0.0 { (us as f64 / speed) as u64 } else { us }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Plays a workload for a second; each line says when which record is sent.
    fn check(json: &str, expected: &[&str]) {
        let workload: Workload = serde_json::from_str(json).unwrap_or_default();
        assert_eq!(workload.problems(), Vec::<String>::new(), "{json}");
        assert_ne!(workload, Workload::default(), "{json}");
        let (mut runner, mut rng) = (WorkloadRunner::new(workload), Rng::stream(1, "workload"));
        runner.start(SimTime::ZERO);
        let mut lines = Vec::new();
        while let Some(at) = runner.next_at().filter(|&at| at <= SimTime(ms(1_000))) {
            while let Some(draw) = runner.draw(at, &mut rng) {
                runner.set_waiting(draw.origin, false);
                let text = |bytes: &Option<Bytes>| match bytes {
                    Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    None => "null".to_owned(),
                };
                let ProducerRecord { topic, key, value, .. } = &draw.record;
                lines.push(format!("{} {topic} {}={}", at.as_ms(), text(key), text(value)));
            }
        }
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_source_cycles_through_its_keys() {
        check(
            r#"{"sources": [{"topic": "orders", "every_ms": 300, "keys": ["N", "S", null], "value": "{key}{n}"}]}"#,
            &["0 orders N=N0", "300 orders S=S1", "600 orders null=2", "900 orders N=N3"],
        );
    }

    #[test]
    fn bursts_start_late_and_end() {
        check(
            r#"{"sources": [{"topic": "t", "rate_per_s": 4, "start_ms": 500, "burst": 2, "count": 3,
                "keys": {"pattern": "user-{n}", "distinct": 2}, "value": null}]}"#,
            &["500 t user-0=null", "500 t user-1=null", "750 t user-0=null"],
        );
    }

    #[test]
    fn records_are_replayed_at_their_speed_beside_sources() {
        check(
            r#"{"sources": [{"topic": "a", "every_ms": 400, "count": 2}], "speed": 2.0, "records": [
                {"at_us": 200000, "topic": "b", "key": "k", "value": "x"},
                {"at_us": 1000000, "topic": "b", "value": "y"}]}"#,
            &["0 a null=0", "100 b k=x", "400 a null=1", "500 b null=y"],
        );
    }

    #[test]
    fn weights_decide_how_often_a_key_is_drawn() {
        let json =
            r#"{"sources": [{"topic": "t", "count": 1000, "keys": ["S", {"key": "N", "weight": 9}]}]}"#;
        let mut runner = WorkloadRunner::new(serde_json::from_str(json).unwrap_or_default());
        let mut rng = Rng::stream(1, "keys");
        runner.start(SimTime::ZERO);
        let drawn = std::iter::from_fn(|| runner.draw(SimTime::ZERO, &mut rng));
        let north = drawn.filter(|draw| draw.record.key.as_deref() == Some(b"N")).count();
        assert!((850..950).contains(&north), "{north}");
    }

    #[test]
    fn pausing_shifts_and_the_rate_stretches_what_comes() {
        let json = r#"{"sources": [{"topic": "t", "every_ms": 100}]}"#;
        let mut runner = WorkloadRunner::new(serde_json::from_str(json).unwrap_or_default());
        let mut rng = Rng::stream(1, "rate");
        runner.start(SimTime::ZERO);
        runner.draw(SimTime::ZERO, &mut rng);
        runner.set_paused(SimTime(ms(40)), true);
        assert_eq!(runner.next_at(), None);
        runner.set_paused(SimTime(ms(1_000)), false);
        assert_eq!(runner.next_at(), Some(SimTime(ms(1_060))));
        runner.set_rate(SimTime(ms(1_000)), 50);
        assert_eq!(runner.next_at(), Some(SimTime(ms(1_120))));
    }

    #[test]
    fn nonsense_is_refused_in_clear_words() {
        let problems = |json: &str| match serde_json::from_str::<Workload>(json) {
            Ok(workload) => workload.problems().join("; "),
            Err(error) => error.to_string(),
        };
        assert_eq!(
            problems(r#"{"sources": [{"topic": "t"}]}"#),
            "sources[0]: give every_ms, rate_per_s or count"
        );
        assert_eq!(problems(r#"{"speed": 0.0}"#), "speed must be above 0");
        assert!(problems(r#"{"sources": [{"tpic": "t"}]}"#).starts_with("unknown field `tpic`"));
    }
}
