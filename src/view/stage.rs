//! The stage: a world as places, words and colours, by partition.
//!
//! One tape per replica, aligned by offset; producers at the left, groups at the right, brokers
//! below them, requests between. Everything here is computed from a [`World`] and a [`Look`];
//! nothing is drawn.

mod facts;
mod flights;
mod keys;
mod layout;

use std::sync::Arc;

use crate::base::Map;
use crate::protocol::TopicPartition;
use crate::sim::World;
use crate::trace::Entry;
use crate::view::Px;

pub use facts::{BrokerFacts, Facts, GroupFacts, MemberFacts, Mood, ProducerFacts, Server};
pub use keys::{Key, Keys};

/// How the stage is looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Pixels there are across.
    pub width: f64,
    /// Pixels of it that can be seen at once.
    pub height: f64,
    /// How far it is scrolled down.
    pub scroll: f64,
    /// Internal topics, too.
    pub internal: bool,
    /// So many offsets before the end of the tapes.
    pub back: i64,
    /// The topic that one wants to see, or one partition of it: [`Scene::wanted_y`] tells where it is.
    pub wanted: Option<(String, Option<i32>)>,
}

/// How much room a lane has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Density {
    /// Cells with letters, a row for each group.
    Full,
    /// Smaller cells.
    Medium,
    /// Thin tapes without letters.
    Compact,
}

/// Everything there is to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Pixels across.
    pub width: f64,
    /// Pixels down, also those that cannot be seen now.
    pub height: f64,
    /// No room for columns: producers above, groups below.
    pub narrow: bool,
    /// How much room a lane has.
    pub density: Density,
    /// Producers.
    pub producers: Vec<Arc<ProducerCard>>,
    /// The lanes that can be seen.
    pub lanes: Vec<Arc<Lane>>,
    /// How many lanes there are.
    pub lane_count: u32,
    /// Where the lane begins that [`Look::wanted`] asks for, also when it cannot be seen now.
    pub wanted_y: Option<f64>,
    /// Where there is no partition to show yet, why.
    pub empty: Option<&'static str>,
    /// Consumer groups.
    pub groups: Vec<Arc<GroupCard>>,
    /// The brokers' card.
    pub brokers: Arc<BrokersCard>,
    /// Who owns what.
    pub lines: Vec<Line>,
    /// Requests in flight.
    pub dots: Vec<Dot>,
}

/// A producer and what waits in it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerCard {
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Across.
    pub w: f64,
    /// Down.
    pub h: f64,
    /// What is known of it.
    pub facts: ProducerFacts,
    /// A step is shown in which it did something.
    pub lit: bool,
}

/// One partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Which.
    pub at: TopicPartition,
    /// Top.
    pub y: f64,
    /// How much it takes down the page.
    pub h: f64,
    /// Where tapes begin.
    pub x: f64,
    /// Where replicas' circles have their centre.
    pub circle_x: f64,
    /// How wide the tapes are.
    pub w: f64,
    /// How wide a record is.
    pub cell: f64,
    /// How high a tape is.
    pub tape_h: f64,
    /// The first offset shown.
    pub start: i64,
    /// How many offsets there is room for.
    pub columns: i64,
    /// Whether roles are written beside the circles.
    pub roles: bool,
    /// How much room there is.
    pub density: Density,
    /// Leader epoch, in-sync replicas, or what is wrong.
    pub subtitle: String,
    /// Something is wrong.
    pub warn: bool,
    /// Replicas, the leader first.
    pub tapes: Vec<Tape>,
    /// The leader's high watermark.
    pub high_watermark: Option<i64>,
    /// Groups that read it.
    pub groups: Vec<GroupRow>,
    /// Where the tapes end, down.
    pub bottom: f64,
}

impl Lane {
    /// Where an offset begins, across; kept within the tape.
    pub fn offset_x(&self, offset: i64) -> f64 {
        let column = (offset - self.start).clamp(0, self.columns);
        self.x + column as f64 * self.cell
    }
}

/// One replica's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Tape {
    /// Whose.
    pub broker: i32,
    /// Top.
    pub y: f64,
    /// Leads.
    pub leads: bool,
    /// A word for what it does.
    pub role: &'static str,
    /// How it is.
    pub mood: Mood,
    /// Its log start offset.
    pub first: i64,
    /// Its log end offset.
    pub end: i64,
    /// Records in the window.
    pub cells: Arc<[Cell]>,
    /// Offsets that the step shown is about.
    pub lit: Option<(i64, i64)>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its offset.
    pub offset: i64,
    /// Key's colour and letters.
    pub key: Key,
    /// What kind of record.
    pub kind: CellKind,
}

/// What kind of record a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// A record with a value.
    Record,
    /// One without.
    Tombstone,
    /// Kafka's own.
    Control,
}

/// A group's place in a partition.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRow {
    /// Which group.
    pub group: Arc<str>,
    /// Centre, down.
    pub y: f64,
    /// Its owner's colour, if it has one.
    pub colour: Option<u8>,
    /// Committed offset.
    pub committed: Option<i64>,
    /// The owner's position.
    pub position: Option<i64>,
    /// High watermark minus committed offset.
    pub lag: i64,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupCard {
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Across.
    pub w: f64,
    /// Down.
    pub h: f64,
    /// What is known of it.
    pub facts: GroupFacts,
    /// A step is shown in which one of these members did something.
    pub lit: Vec<u32>,
}

impl GroupCard {
    /// Height of a member's row.
    pub const ROW: f64 = 30.0;
    /// Where the first member's row begins, from the top.
    pub const HEAD: f64 = 30.0;
}

/// Brokers and the controller.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokersCard {
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Across.
    pub w: f64,
    /// Down.
    pub h: f64,
    /// Each with the centre of its circle.
    pub brokers: Vec<(f64, f64, BrokerFacts)>,
    /// Cut and slow links, in words.
    pub links: Vec<LinkWord>,
    /// Brokers a step is shown of.
    pub lit: Vec<u32>,
}

/// A link that is not as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkWord {
    /// One node's name.
    pub a: String,
    /// The other's.
    pub b: String,
    /// "1 – 3 cut".
    pub text: String,
    /// Baseline of the words.
    pub y: f64,
}

/// A curve: start, two control points, end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve(pub [(f64, f64); 4]);

impl Curve {
    /// The point at `t`, from 0 to 1.
    pub fn at(&self, t: f64) -> (f64, f64) {
        let [a, b, c, d] = self.0;
        let s = 1.0 - t;
        let mix = |a: f64, b: f64, c: f64, d: f64| {
            s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
        };
        (mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1))
    }

    /// As an SVG path.
    pub fn path(&self) -> String {
        let [a, b, c, d] = self.0;
        let [a, b, c, d] = [a, b, c, d].map(|(x, y)| (Px(x), Px(y)));
        format!("M{},{} C{},{} {},{} {},{}", a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1)
    }
}

/// A member owns a partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// From the tape to the member.
    pub curve: Curve,
    /// The member's colour.
    pub colour: u8,
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Records to a leader, and its answer.
    Produce,
    /// A follower copies.
    Replicate,
    /// A consumer in this colour reads.
    Consume(u8),
    /// Everything else.
    Control,
    /// An error.
    Error,
}

/// A request or response on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// The entry that says that it was sent.
    pub entry: u64,
    /// Its way.
    pub curve: Curve,
    /// Where it is.
    pub x: f64,
    /// Where it is.
    pub y: f64,
    /// What it is about.
    pub tone: Tone,
    /// The same in a few words; said once when there are several dots.
    pub word: Arc<str>,
    /// Where these words stand: their middle, and their baseline. None where there is no room for them.
    pub label: Option<(f64, f64)>,
    /// What a screen reader says.
    pub name: String,
    /// A cut link holds it up.
    pub held: bool,
}

/// Computes scenes; remembers what is costly to compute and rarely changes.
#[derive(Clone, Debug, Default)]
pub struct Stager {
    keys: Keys,
    tapes: Map<(TopicPartition, i32), CachedTape>,
    flights: Map<u64, Arc<flights::FlightInfo>>,
}

#[derive(Clone, Debug)]
struct CachedTape {
    position: u64,
    cleaned_to: i64,
    start: i64,
    columns: i64,
    cells: Arc<[Cell]>,
}

impl Stager {
    /// Remembers nothing yet but the keys that the scenario names.
    pub fn new(world: &World) -> Stager {
        Stager { keys: Keys::of(world.setup()), ..Stager::default() }
    }

    /// Forgets what was computed: time went another way than forward.
    pub fn turn(&mut self) {
        self.tapes.clear();
        self.flights.clear();
    }

    /// The colours and letters of keys.
    pub fn keys(&mut self) -> &mut Keys {
        &mut self.keys
    }

    /// The world as it stands; `lit` are the entries of a step to point out.
    pub fn scene(&mut self, world: &World, look: &Look, lit: &[&Entry]) -> Scene {
        layout::scene(self, world, look, lit)
    }

    fn cells(
        &mut self,
        world: &World,
        at: &TopicPartition,
        broker: i32,
        start: i64,
        columns: i64,
    ) -> Arc<[Cell]> {
        let found = world
            .node(crate::base::NodeId(broker.unsigned_abs()))
            .and_then(|slot| slot.machine.broker()?.log(at));
        let Some(log) = found else { return Arc::from([]) };
        let key = (at.clone(), broker);
        if let Some(cached) = self.tapes.get(&key)
            && (cached.position, cached.start, cached.columns) == (log.position(), start, columns)
            && cached.cleaned_to == log.cleaned_to()
            && cached.cells.first().is_none_or(|cell| cell.offset >= log.log_start_offset())
            && cached.cells.last().is_none_or(|cell| cell.offset < log.log_end_offset())
        {
            return Arc::clone(&cached.cells);
        }
        let mut cells = Vec::new();
        let first = start.max(log.log_start_offset());
        'all: for batch in log.batches_from(first) {
            for record in batch.records().flatten() {
                if record.offset >= start + columns {
                    break 'all;
                }
                if record.offset < first {
                    continue;
                }
                let kind = match (&record.value, batch.is_control()) {
                    (_, true) => CellKind::Control,
                    (None, _) => CellKind::Tombstone,
                    _ => CellKind::Record,
                };
                let key = self.keys.record(&at.topic, record.key.as_ref(), record.value.as_ref());
                cells.push(Cell { offset: record.offset, key, kind });
            }
        }
        let cells: Arc<[Cell]> = cells.into();
        let (position, cleaned_to) = (log.position(), log.cleaned_to());
        let cached = CachedTape { position, cleaned_to, start, columns, cells: Arc::clone(&cells) };
        self.tapes.insert(key, cached);
        cells
    }
}
