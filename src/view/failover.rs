//! Fail-over as partitions grow, on ZooKeeper and with KRaft: measured piece by piece, as a table and plots.

use std::fmt::Write;
use std::sync::Arc;

use crate::sim::{Dies, Failover, Measurement, Question};

use super::px;

/// How many partitions the worlds have.
pub const SIZES: [u32; 6] = [10, 500, 1000, 2000, 3000, 4000];
/// Who dies in them.
pub const DEATHS: [Dies; 2] = [Dies::Broker, Dies::Controller];
/// Brokers of each world.
const BROKERS: u32 = 3;

/// Who keeps the cluster's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// ZooKeeper, and one of the brokers as the controller.
    ZooKeeper,
    /// Three controllers.
    KRaft,
}

impl Keeper {
    /// Both.
    pub const ALL: [Keeper; 2] = [Keeper::ZooKeeper, Keeper::KRaft];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Keeper::ZooKeeper => "ZooKeeper",
            Keeper::KRaft => "KRaft",
        }
    }
}

/// Which stretch of a fail-over is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// From the moment that the death is known until everything is led: what there is to be done.
    Work,
    /// From the death until everything is led: with the waiting for a timeout.
    All,
}

impl Stretch {
    fn of(self, found: &Failover) -> Option<u64> {
        match self {
            Stretch::Work => found.work_ms(),
            Stretch::All => found.led_ms,
        }
    }
}

/// What a world said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// How many partitions.
    pub partitions: u32,
    /// Who died.
    pub dies: Dies,
    /// Who kept the metadata.
    pub keeper: Keeper,
    /// What was measured.
    pub found: Failover,
}

/// The measuring: one world after the other, each a few events at a time.
#[derive(Clone, Debug, Default)]
pub struct Exhibit {
    measured: Vec<Measured>,
    under_way: Option<Box<Measurement>>,
    next: u32,
}

impl Exhibit {
    /// Plays at most so many events of the world that is under way; true when that one is done.
    #[inline(never)]
    pub fn advance(&mut self, events: u32) -> bool {
        let Some((partitions, dies, keeper)) = question(self.next) else { return false };
        let world = self.under_way.get_or_insert_with(|| {
            let zookeeper = (keeper == Keeper::ZooKeeper).then(Arc::default);
            Box::new(Measurement::new(&Question { zookeeper, brokers: BROKERS, partitions, dies }))
        });
        let Some(found) = world.advance(events) else { return false };
        self.measured.extend(found.map(|found| Measured { partitions, dies, keeper, found }));
        self.under_way = None;
        self.next += 1;
        true
    }

    /// What has been measured.
    pub fn measured(&self) -> &[Measured] {
        &self.measured
    }

    /// Whether there is nothing left to be measured.
    pub fn is_done(&self) -> bool {
        question(self.next).is_none()
    }

    /// How many worlds have been played, of how many.
    pub fn progress(&self) -> (u32, u32) {
        (self.next, (SIZES.len() * DEATHS.len() * Keeper::ALL.len()) as u32)
    }

    /// What is being played, in words.
    #[inline(never)]
    pub fn doing(&self) -> String {
        let Some((partitions, dies, keeper)) = question(self.next) else {
            return "Each number is from a world of its own that was played here, and is the same each time."
                .into();
        };
        let who = match dies {
            Dies::Broker => "a broker dies",
            Dies::Controller => "the controller dies",
        };
        let on = match keeper {
            Keeper::ZooKeeper => "on ZooKeeper",
            Keeper::KRaft => "with KRaft",
        };
        format!("{partitions} partitions {on}: {who} …")
    }
}

/// The question with this number. Small worlds come first, so that all lines grow to the right together.
fn question(number: u32) -> Option<(u32, Dies, Keeper)> {
    let number = number as usize;
    let size = SIZES.get(number / 4)?;
    Some((*size, DEATHS[number / 2 % 2], Keeper::ALL[number % 2]))
}

/// Who dies, as a heading.
pub fn heading(dies: Dies) -> &'static str {
    match dies {
        Dies::Broker => "A broker dies",
        Dies::Controller => "The controller dies, and a broker",
    }
}

/// Why it takes the time that it takes.
#[inline(never)]
pub fn why(dies: Dies, stretch: Stretch) -> &'static str {
    match (dies, stretch) {
        (Dies::Broker, Stretch::Work) => {
            "On ZooKeeper the controller writes the new state of each partition to a znode of its own and then \
             tells every broker; with KRaft it appends a record for each to a log that the brokers read anyway."
        }
        (Dies::Broker, Stretch::All) => {
            "Most of it is waiting: on ZooKeeper until nothing was heard from the broker for \
             zookeeper.session.timeout.ms (18 seconds), with KRaft until its last heartbeat is \
             broker.session.timeout.ms ago (9 seconds); of either, some had passed when it died."
        }
        (Dies::Controller, Stretch::Work) => {
            "On ZooKeeper whoever is the controller next begins with an empty memory, and reads the state of \
             each partition from a znode of its own before it decides anything; with KRaft each controller \
             has all of it in memory already."
        }
        (Dies::Controller, Stretch::All) => {
            "On ZooKeeper nobody can take over before the controller's session has expired (18 seconds); with \
             KRaft the other controllers elect one in a few seconds, which then waits for the dead broker's \
             heartbeats itself (9 seconds)."
        }
    }
}

/// A time as a reader wants it: `85 ms`, `1.24 s`, `18.0 s`.
pub fn time_words(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10),
        _ => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
    }
}

/// A line of the table: how many partitions, and for each death the times on ZooKeeper and with KRaft.
#[inline(never)]
pub fn rows(measured: &[Measured], stretch: Stretch) -> Vec<(u32, [[Option<String>; 2]; 2])> {
    let cell = |partitions, dies, keeper| {
        let at = find(measured, partitions, dies, keeper)?;
        Some(stretch.of(&at.found).map_or("never".to_owned(), time_words))
    };
    let row = |size: &u32| (*size, DEATHS.map(|dies| Keeper::ALL.map(|keeper| cell(*size, dies, keeper))));
    SIZES.iter().map(row).collect()
}

fn find(measured: &[Measured], partitions: u32, dies: Dies, keeper: Keeper) -> Option<&Measured> {
    measured.iter().find(|it| (it.partitions, it.dies, it.keeper) == (partitions, dies, keeper))
}

/// Width of a plot's drawing.
pub const WIDTH: f64 = 380.0;
/// Height of a plot's drawing.
pub const HEIGHT: f64 = 220.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 36.0;

/// A plot: partitions to the right, time upwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Marks on the axis of partitions.
    pub across: Vec<(f64, String)>,
    /// Marks on the axis of time.
    pub up: Vec<(f64, String)>,
    /// One for each keeper.
    pub lines: Vec<Line>,
    /// What it shows, for who does not see it.
    pub said: String,
}

/// A line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Whose.
    pub keeper: Keeper,
    /// Its path.
    pub path: String,
    /// Its points, and what to say about each.
    pub points: Vec<(f64, f64, String)>,
}

/// The sides of a plot's field: left, top, right, bottom.
pub fn field() -> (f64, f64, f64, f64) {
    (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)
}

/// The plot of a death. All plots of the same stretch have the same scale.
#[inline(never)]
pub fn plot(measured: &[Measured], dies: Dies, stretch: Stretch) -> Plot {
    let highest = measured.iter().filter_map(|it| stretch.of(&it.found)).max().unwrap_or(0);
    let step = step_of(highest);
    let count = highest.div_ceil(step).max(1);
    let (left, top, right, bottom) = field();
    let most = SIZES.iter().max().copied().unwrap_or(1);
    let x = |partitions: u32| left + (right - left) * f64::from(partitions) / f64::from(most);
    let y = |ms: u64| bottom - (bottom - top) * ms as f64 / (step * count) as f64;
    let mut said = String::new();
    let line = |keeper: Keeper| {
        let mut line = Line { keeper, path: String::new(), points: Vec::new() };
        for it in measured.iter().filter(|it| it.dies == dies && it.keeper == keeper) {
            let Some(ms) = stretch.of(&it.found) else { continue };
            let (x, y) = (x(it.partitions), y(ms));
            let _ = write!(line.path, "{}{},{}", if line.path.is_empty() { "M" } else { "L" }, px(x), px(y));
            line.points.push((x, y, point_words(it)));
        }
        let mut ends = measured.iter().filter(|it| it.dies == dies && it.keeper == keeper);
        let first = ends.next();
        for it in first.into_iter().chain(ends.next_back()) {
            let time = stretch.of(&it.found).map_or("never".to_owned(), time_words);
            let _ = write!(said, "{} with {} partitions: {time}. ", keeper.name(), it.partitions);
        }
        line
    };
    let lines = Keeper::ALL.map(line).into();
    Plot {
        across: SIZES.iter().map(|size| (x(*size), size.to_string())).collect(),
        up: (0..=count).map(|mark| (y(mark * step), mark_words(mark * step, step))).collect(),
        lines,
        said: format!("{}. {said}", heading(dies)).trim_end().to_owned(),
    }
}

/// The distance of marks: 1, 2 or 5 times a power of ten, so that there are at most five.
fn step_of(highest: u64) -> u64 {
    let mut power = 10;
    loop {
        for step in [power, 2 * power, 5 * power] {
            if step * 5 >= highest {
                return step;
            }
        }
        power *= 10;
    }
}

fn mark_words(ms: u64, step: u64) -> String {
    match (ms, step % 1_000) {
        (0, _) => "0".to_owned(),
        (_, 0) => format!("{} s", ms / 1_000),
        _ => format!("{ms} ms"),
    }
}

fn point_words(it: &Measured) -> String {
    let time = |ms: Option<u64>| ms.map_or("never".to_owned(), time_words);
    let mut words = format!(
        "{}, {} partitions, {} without a leader: missed after {}",
        it.keeper.name(),
        it.partitions,
        it.found.leaderless,
        time(it.found.missed_ms)
    );
    if it.dies == Dies::Controller {
        let _ = write!(words, ", another controller after {}", time(it.found.controller_ms));
    }
    let (led, written) = (time(it.found.led_ms), time(it.found.written_ms));
    let _ = write!(words, ", all led after {led}, written after {written}");
    words
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn one_world_after_the_other_is_played() {
        let mut exhibit = Exhibit::default();
        assert_eq!(exhibit.doing(), "10 partitions on ZooKeeper: a broker dies …");
        let mut worlds = 0;
        while worlds < 4 {
            worlds += u32::from(exhibit.advance(100));
        }
        assert_eq!(exhibit.progress(), (4, 24));
        assert_eq!(exhibit.doing(), "500 partitions on ZooKeeper: a broker dies …");
        for it in exhibit.measured() {
            let found = it.found;
            assert!(found.missed_ms <= found.led_ms && found.led_ms <= found.written_ms, "{it:?}");
            assert_eq!(found.controller_ms.is_some(), it.dies == Dies::Controller);
            // A session lasts for 18 seconds, of which at most a third has passed.
            assert!(it.keeper == Keeper::KRaft || found.missed_ms >= Some(12_000), "{it:?}");
        }
        let asked: Vec<_> = exhibit.measured().iter().map(|it| (it.dies, it.keeper)).collect();
        assert_eq!(asked, DEATHS.map(|dies| Keeper::ALL.map(|keeper| (dies, keeper))).concat());
        let (partitions, cells) = rows(exhibit.measured(), Stretch::Work).remove(0);
        assert!(partitions == 10 && cells.iter().flatten().all(Option::is_some));
    }

    fn measured(partitions: u32, dies: Dies, keeper: Keeper, missed: u64, led: u64) -> Measured {
        let found = Failover {
            missed_ms: Some(missed),
            controller_ms: (dies == Dies::Controller).then_some(missed + 1),
            led_ms: Some(led),
            written_ms: None,
            leaderless: partitions / 3,
        };
        Measured { partitions, dies, keeper, found }
    }

    fn check(stretch: Stretch, expected: Expect) {
        let all = [
            measured(10, Dies::Broker, Keeper::ZooKeeper, 18_000, 18_040),
            measured(10, Dies::Broker, Keeper::KRaft, 9_000, 9_010),
            measured(10, Dies::Controller, Keeper::ZooKeeper, 18_000, 18_080),
            measured(4000, Dies::Broker, Keeper::ZooKeeper, 18_000, 19_230),
        ];
        let mut text = String::new();
        for dies in DEATHS {
            let plot = plot(&all, dies, stretch);
            let marks = |marks: &[(f64, String)]| {
                let mark = |(at, words): &(f64, String)| format!("{} at {}", words, px(*at));
                marks.iter().map(mark).collect::<Vec<_>>().join(", ")
            };
            let said = plot.said.replace(". ", ".\n  ");
            let _ = writeln!(text, "{said}\nup: {}\nacross: {}", marks(&plot.up), marks(&plot.across));
            for line in &plot.lines {
                let _ = writeln!(text, "{} {:?}", line.keeper.name(), line.path);
            }
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn both_plots_have_the_same_scale() {
        check(
            Stretch::Work,
            expect![[r#"
            A broker dies.
              ZooKeeper with 10 partitions: 40 ms.
              ZooKeeper with 4000 partitions: 1.23 s.
              KRaft with 10 partitions: 10 ms.
            up: 0 at 184, 500 ms at 127.33, 1000 ms at 70.67, 1500 ms at 14
            across: 10 at 48.8, 500 at 87.75, 1000 at 127.5, 2000 at 207, 3000 at 286.5, 4000 at 366
            ZooKeeper "M48.8,179.47L366,44.6"
            KRaft "M48.8,182.87"
            The controller dies, and a broker.
              ZooKeeper with 10 partitions: 80 ms.
            up: 0 at 184, 500 ms at 127.33, 1000 ms at 70.67, 1500 ms at 14
            across: 10 at 48.8, 500 at 87.75, 1000 at 127.5, 2000 at 207, 3000 at 286.5, 4000 at 366
            ZooKeeper "M48.8,174.93"
            KRaft ""
        "#]],
        );
    }

    #[test]
    fn from_the_death_it_is_mostly_waiting() {
        check(
            Stretch::All,
            expect![[r#"
            A broker dies.
              ZooKeeper with 10 partitions: 18.0 s.
              ZooKeeper with 4000 partitions: 19.2 s.
              KRaft with 10 partitions: 9.01 s.
            up: 0 at 184, 5 s at 141.5, 10 s at 99, 15 s at 56.5, 20 s at 14
            across: 10 at 48.8, 500 at 87.75, 1000 at 127.5, 2000 at 207, 3000 at 286.5, 4000 at 366
            ZooKeeper "M48.8,30.66L366,20.54"
            KRaft "M48.8,107.42"
            The controller dies, and a broker.
              ZooKeeper with 10 partitions: 18.0 s.
            up: 0 at 184, 5 s at 141.5, 10 s at 99, 15 s at 56.5, 20 s at 14
            across: 10 at 48.8, 500 at 87.75, 1000 at 127.5, 2000 at 207, 3000 at 286.5, 4000 at 366
            ZooKeeper "M48.8,30.32"
            KRaft ""
        "#]],
        );
    }

    #[test]
    fn a_point_says_all_that_was_measured() {
        let said = point_words(&measured(300, Dies::Controller, Keeper::ZooKeeper, 18_000, 18_080));
        let (who, when) = said.split_once(": ").expect("words");
        assert_eq!(who, "ZooKeeper, 300 partitions, 100 without a leader");
        assert_eq!(
            when,
            "missed after 18.0 s, another controller after 18.0 s, all led after 18.0 s, written after never"
        );
    }

    #[test]
    fn times_in_words() {
        let said = [0, 999, 1_000, 1_239, 9_999, 10_000, 18_049].map(time_words);
        assert_eq!(said, ["0 ms", "999 ms", "1.00 s", "1.23 s", "9.99 s", "10.0 s", "18.0 s"]);
    }
}
