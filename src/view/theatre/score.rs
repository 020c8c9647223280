//! What a rebalance costs, in numbers from the trace.

use serde::Serialize;

use crate::base::SimTime;

use super::Fold;

/// A row of a score as people read it: name, number, what it means.
pub type Row = (&'static str, String, &'static str);

/// The score of a group. It begins when every partition is first read by somebody: how long a
/// cluster takes to come up is no protocol's fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Time for which partitions were read by nobody, one after another, in microseconds.
    pub unread_us: u64,
    /// How many partitions nobody reads now.
    pub unread_now: u32,
    /// How often a partition came to another member than the one that had it before.
    pub moved: u64,
    /// Of those, how many the new shares did not ask for: no member's share shrank by them.
    pub needless: u64,
    /// Requests of members to the group's coordinator.
    pub requests: u64,
    /// Of those, heartbeats.
    pub heartbeats: u64,
    /// Records that the group had processed before, and processed again.
    pub twice: u64,
    /// How often the group came to rest.
    pub rounds: u64,
    /// How long the latest way there took, in microseconds, from what caused it.
    pub stable_us: u64,
    /// The same for all ways together.
    pub unstable_us: u64,
    /// Since when it is under way now.
    pub unstable_since: Option<SimTime>,
}

impl Score {
    /// The score at `now`, when this one was true at `then` and nothing has changed since.
    pub(super) fn later(mut self, then: SimTime, now: SimTime) -> Score {
        self.unread_us += u64::from(self.unread_now) * now.since(then);
        self
    }

    /// The rows of the score.
    pub fn rows(&self, now: SimTime) -> Vec<Row> {
        let under_way = self.unstable_since.map(|since| now.since(since));
        let stable = match (under_way, self.rounds) {
            (Some(us), _) => format!("{} …", grouped(us / 1_000)),
            (None, 0) => "–".to_owned(),
            (None, _) => grouped(self.stable_us / 1_000),
        };
        vec![
            (
                "unread p·ms",
                grouped(self.unread_us / 1_000),
                "Partition-milliseconds: for each partition, how long nobody read it.",
            ),
            ("moved", grouped(self.moved), "How often a partition came to another member than before."),
            (
                "needless",
                grouped(self.needless),
                "Moves that the new shares did not ask for: as many partitions as before, but others.",
            ),
            (
                "requests",
                grouped(self.requests),
                "Requests of members to the group's coordinator, heartbeats too.",
            ),
            ("twice", grouped(self.twice), "Records that were processed again."),
            (
                "stable in ms",
                stable,
                "How long the latest change took, from its cause until every partition was read again.",
            ),
        ]
    }
}

/// `6 300`, with a narrow space between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// The score of a group in lines, one column for each of the worlds that are compared.
pub fn report(titles: &[String], folds: &[&Fold], now: SimTime) -> String {
    table("score", titles, folds.iter().map(|fold| fold.score(u64::MAX, now).rows(now)).collect())
}

/// The score of its cluster's elections in the same way.
pub fn election_report(titles: &[String], folds: &[&Fold], now: SimTime) -> String {
    table("elections", titles, folds.iter().map(|fold| fold.election_score(u64::MAX, now).rows()).collect())
}

#[inline(never)]
fn table(name: &str, titles: &[String], columns: Vec<Vec<Row>>) -> String {
    let Some(first) = columns.first() else { return String::new() };
    let width = titles.iter().map(|title| title.chars().count()).max().unwrap_or(0).max(10);
    let names = first.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0).max(14);
    let mut text = format!("{name:<0$}", names + 2);
    for title in titles {
        text += &format!("  {title:>width$}");
    }
    text.push('\n');
    for (index, (name, _, _)) in first.iter().enumerate() {
        text += &format!("  {name:<names$}");
        for column in &columns {
            let value = column.get(index).map_or("", |(_, value, _)| value.as_str());
            text += &format!("  {:>width$}", value.replace('\u{202f}', " "));
        }
        text.push('\n');
    }
    text
}
