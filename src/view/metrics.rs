//! Metrics as an operator knows them, with Kafka's names, over the time of a run. Source: Kafka
//! documentation, *Monitoring*.
//!
//! Rates are those of the last second, where Kafka has means of the last minutes: a run is short.

mod index;
#[cfg(test)]
mod metrics_test;
mod record;

use crate::base::SimTime;
use crate::sim::Branch;
use crate::view::words::{Names, title};

pub use index::MetricsIndex;
use record::Record;

/// A rate, and a percentile, is that of so many microseconds; of a plot's bucket where that is longer.
const WINDOW_US: u64 = 1_000_000;
/// What happened longer ago, in microseconds, has not moved a metric now.
const MOVER_US: u64 = 15_000_000;

/// A metric of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Partitions whose ISR is smaller than their replicas.
    UnderReplicated,
    /// Partitions whose ISR is smaller than `min.insync.replicas`.
    UnderMinIsr,
    /// Partitions without a leader.
    Offline,
    /// Controllers that decide: 1, if all is well.
    ActiveController,
    /// How often leaders removed a replica from an ISR.
    IsrShrinks,
    /// How often they took one in.
    IsrExpands,
    /// How often a leader was elected.
    LeaderElections,
    /// From the controller's decision to the moment at which the broker leads.
    LeaderElectionTime,
    /// Records that leaders appended.
    MessagesIn,
    /// Bytes that leaders appended.
    BytesIn,
    /// From the arrival of a produce request to its answer's leaving.
    ProduceTime,
    /// The same of fetch requests of consumers.
    FetchConsumerTime,
    /// The same of fetch requests of followers.
    FetchFollowerTime,
}

/// How a metric is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    /// It is what it is at a moment.
    Gauge,
    /// So much a second.
    Rate,
    /// Percentiles of durations.
    Time,
}

impl Metric {
    /// All of them, in the order of the page.
    pub const ALL: [Metric; 13] = [
        Metric::UnderReplicated,
        Metric::UnderMinIsr,
        Metric::Offline,
        Metric::ActiveController,
        Metric::IsrShrinks,
        Metric::IsrExpands,
        Metric::LeaderElections,
        Metric::LeaderElectionTime,
        Metric::MessagesIn,
        Metric::BytesIn,
        Metric::ProduceTime,
        Metric::FetchConsumerTime,
        Metric::FetchFollowerTime,
    ];

    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Metric::UnderReplicated => "UnderReplicatedPartitions",
            Metric::UnderMinIsr => "UnderMinIsrPartitionCount",
            Metric::Offline => "OfflinePartitionsCount",
            Metric::ActiveController => "ActiveControllerCount",
            Metric::IsrShrinks => "IsrShrinksPerSec",
            Metric::IsrExpands => "IsrExpandsPerSec",
            Metric::LeaderElections => "LeaderElectionRateAndTimeMs",
            Metric::LeaderElectionTime => "LeaderElectionRateAndTimeMs, time",
            Metric::MessagesIn => "MessagesInPerSec",
            Metric::BytesIn => "BytesInPerSec",
            Metric::ProduceTime => "Produce TotalTimeMs",
            Metric::FetchConsumerTime => "FetchConsumer TotalTimeMs",
            Metric::FetchFollowerTime => "FetchFollower TotalTimeMs",
        }
    }

    /// What it says, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Metric::UnderReplicated => "partitions whose ISR is smaller than their replicas",
            Metric::UnderMinIsr => "partitions whose ISR is below min.insync.replicas",
            Metric::Offline => "partitions without a leader",
            Metric::ActiveController => "controllers that decide; should be 1",
            Metric::IsrShrinks => "replicas that leaders removed from an ISR, per second",
            Metric::IsrExpands => "replicas that leaders took into an ISR, per second",
            Metric::LeaderElections => "leaders elected, per second",
            Metric::LeaderElectionTime => "from the controller's decision until the broker leads",
            Metric::MessagesIn => "records appended by leaders, per second",
            Metric::BytesIn => "bytes appended by leaders, per second",
            Metric::ProduceTime => "from a produce request's arrival to its answer",
            Metric::FetchConsumerTime => {
                "from a consumer's fetch to its answer; with nothing to read it waits"
            }
            Metric::FetchFollowerTime => {
                "from a follower's fetch to its answer; with nothing to copy it waits"
            }
        }
    }

    fn measure(self) -> Measure {
        match self {
            Metric::UnderReplicated | Metric::UnderMinIsr | Metric::Offline | Metric::ActiveController => {
                Measure::Gauge
            }
            Metric::LeaderElectionTime
            | Metric::ProduceTime
            | Metric::FetchConsumerTime
            | Metric::FetchFollowerTime => Measure::Time,
            _ => Measure::Rate,
        }
    }

    /// Whether this value should worry an operator.
    fn is_bad(self, value: i64) -> bool {
        match self {
            Metric::UnderReplicated | Metric::UnderMinIsr | Metric::Offline => value > 0,
            Metric::ActiveController => value != 1,
            _ => false,
        }
    }
}

/// A metric over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Kafka's name.
    pub name: String,
    /// What it says.
    pub words: &'static str,
    /// `p50` and `p99` for times; else one without a name.
    pub lines: Vec<Line>,
    /// The top of the plot.
    pub top: i64,
    /// The same in words, with its unit.
    pub top_words: String,
    /// Something is wrong now.
    pub bad: bool,
    /// What moved it last.
    pub moved: Option<Moved>,
}

/// A line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it is, if there are several.
    pub name: &'static str,
    /// One value for each bucket; none where nothing was measured.
    pub values: Vec<Option<i64>>,
    /// The present value, in words.
    pub now: String,
}

/// What moved a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// When.
    pub time: SimTime,
    /// `rose to 1`.
    pub how: String,
    /// The entry nearest before that can have done it.
    pub seq: u64,
    /// Its headline.
    pub title: String,
}

/// The plots from the beginning to `to`, in so many buckets, as seen at `now`.
#[inline(never)]
pub fn plots(
    index: &MetricsIndex,
    branch: &Branch,
    names: &Names,
    to: SimTime,
    buckets: u32,
    now: SimTime,
) -> Vec<Plot> {
    let scale = Scale { to: to.0.max(1), buckets: u64::from(buckets.max(1)), now, end: index.end };
    let plot = |metric: &Metric| {
        let record = index.record(*metric);
        scale.plot(record, metric.name().to_owned(), metric.words(), metric.measure(), |value| {
            metric.is_bad(value)
        })
    };
    let lag = |(node, record): (crate::base::NodeId, &Record)| {
        let name = format!("records-lag-max {}", names.node_short(node));
        scale.plot(
            record,
            name,
            "records that it has yet to fetch, in its worst partition",
            Measure::Gauge,
            |_| false,
        )
    };
    let mut all: Vec<(Plot, Option<Change>)> = Metric::ALL.iter().map(plot).collect();
    let consumers: Vec<(Plot, Option<Change>)> = index.lags().map(lag).collect();
    // Beside the other numbers of what flows.
    let place = Metric::ProduceTime as usize;
    all.splice(place..place, consumers);
    let told = |(mut plot, change): (Plot, Option<Change>)| {
        plot.moved = change.and_then(|change| {
            let seq = index.mover(change.time, MOVER_US).unwrap_or(change.seq);
            let title = title(branch.entry(seq)?, names);
            Some(Moved { time: change.time, how: change.how, seq, title })
        });
        plot
    };
    all.into_iter().map(told).collect()
}

/// A change that can be seen.
struct Change {
    time: SimTime,
    seq: u64,
    how: String,
}

struct Scale {
    to: u64,
    buckets: u64,
    now: SimTime,
    end: SimTime,
}

impl Scale {
    fn plot(
        &self,
        record: &Record,
        name: String,
        words: &'static str,
        measure: Measure,
        is_bad: impl Fn(i64) -> bool,
    ) -> (Plot, Option<Change>) {
        let window = WINDOW_US.max(self.to / self.buckets);
        let at = |time: SimTime, part: u64| match measure {
            Measure::Gauge => record.at(time),
            Measure::Rate => Some(record.sum(time, window).saturating_mul(1_000_000) / window as i64),
            Measure::Time => record.percentile(time, window, part),
        };
        let parts: &[(u64, &'static str)] =
            if measure == Measure::Time { &[(50, "p50"), (99, "p99")] } else { &[(100, "")] };
        let line = |(part, name): &(u64, &'static str)| {
            let ends = (1..=self.buckets).map(|bucket| SimTime(self.to * bucket / self.buckets));
            // The last bucket may end after what was played.
            let begun = |time: &SimTime| time.0.saturating_sub(self.to / self.buckets) <= self.end.0;
            let values = ends.map(|time| if begun(&time) { at(time.min(self.end), *part) } else { None });
            let now = at(self.now, *part);
            Line {
                name,
                values: values.collect(),
                now: now.map_or("–".to_owned(), |now| shown(measure, now)),
            }
        };
        let lines: Vec<Line> = parts.iter().map(line).collect();
        let highest = lines.iter().flat_map(|line| &line.values).flatten().max().copied().unwrap_or(0);
        let top = round_up(highest.max(1));
        let change = match measure {
            Measure::Gauge => record.change(self.now).map(|(time, seq, before, after)| {
                let how = if after > before { "rose to" } else { "fell to" };
                Change { time, seq, how: format!("{how} {after}") }
            }),
            _ => self.change(record, measure, lines.last(), top),
        };
        let bad = record.at(self.now).is_some_and(is_bad);
        let top_words = shown(measure, top);
        (Plot { name, words, lines, top, top_words, bad, moved: None }, change)
    }

    /// The last step of a line, before the present, that is a good part of its height.
    fn change(&self, record: &Record, measure: Measure, line: Option<&Line>, top: i64) -> Option<Change> {
        let values = &line?.values;
        let present = (self.now.0.saturating_mul(self.buckets) / self.to).min(self.buckets - 1) as usize;
        let step = (1..=present).rev().find_map(|bucket| {
            let (before, after) = (values.get(bucket - 1)?.unwrap_or(0), (*values.get(bucket)?)?);
            ((after - before).abs() * 4 >= top).then_some((bucket, before, after))
        });
        let (bucket, before, after) = step?;
        let time = SimTime(self.to * (bucket as u64 + 1) / self.buckets).min(self.now);
        let how = if after > before { "rose to" } else { "fell to" };
        Some(Change { time, seq: record.last_seq(time)?, how: format!("{how} {}", shown(measure, after)) })
    }
}

/// A value with its unit.
fn shown(measure: Measure, value: i64) -> String {
    match measure {
        Measure::Gauge => value.to_string(),
        Measure::Rate if value >= 1_000_000 => {
            format!("{}.{} M/s", value / 1_000_000, value % 1_000_000 / 100_000)
        }
        Measure::Rate if value >= 10_000 => format!("{}.{} k/s", value / 1_000, value % 1_000 / 100),
        Measure::Rate => format!("{value}/s"),
        // Microseconds.
        Measure::Time if value >= 10_000 => format!("{} ms", value / 1_000),
        Measure::Time => format!("{}.{} ms", value / 1_000, value % 1_000 / 100),
    }
}

/// 1, 2 or 5 and zeros.
fn round_up(value: i64) -> i64 {
    let mut decade = 1_i64;
    while decade.saturating_mul(10) < value {
        decade *= 10;
    }
    [1, 2, 5, 10].into_iter().map(|digit| digit * decade).find(|top| *top >= value).unwrap_or(value)
}
