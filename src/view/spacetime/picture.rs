//! A window of the diagram, laid out: a few paths, the words that have room, and what can be hit.

use crate::base::{Map, NodeId, SimTime};
use crate::sim::Branch;
use crate::view::words::Names;

use super::arrows::{self, Drawn};
use super::draw::{Sketch, ticks};
use super::labels;
use super::{Causes, Filter, Flow, Life, Sort, SpaceIndex, Window};

/// What is drawn on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canvas {
    /// Width, in pixels.
    pub width: f64,
    /// Height that there is; more lines than fit make the picture higher.
    pub height: f64,
}

impl Canvas {
    /// A phone's.
    pub fn is_narrow(self) -> bool {
        self.width < 560.0
    }
}

/// How a path is painted; drawn in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Paint {
    /// A node's line while it is so.
    Life(Life),
    /// A moment of the world as a whole.
    Banner,
    /// How many frames leave and arrive, when there are too many to draw each.
    Bar(Flow),
    /// A frame's way; a response's is broken.
    Line(Flow, bool),
    /// A frame's waiting.
    Held(Flow),
    /// An arrow's head; a response's is open.
    Head(Flow, bool),
    /// A frame on its way, where it is when the trace ends.
    Dot(Flow),
    /// The end of a frame that is lost.
    Lost,
    /// Something that happened at a node.
    Point(Sort),
}

impl Paint {
    /// Its CSS classes.
    pub fn class(self) -> String {
        match self {
            Paint::Life(life) => format!("life {}", life_class(life)),
            Paint::Banner => "banner".to_owned(),
            Paint::Bar(flow) => format!("bar f-{}", flow.label()),
            Paint::Line(flow, reply) => {
                format!("ray f-{}{}", flow.label(), if reply { " reply" } else { "" })
            }
            Paint::Held(flow) => format!("ray waits f-{}", flow.label()),
            Paint::Head(flow, reply) => {
                format!("barb f-{}{}", flow.label(), if reply { " reply" } else { "" })
            }
            Paint::Dot(flow) => format!("flying f-{}", flow.label()),
            Paint::Lost => "lost".to_owned(),
            Paint::Point(sort) => format!("mark s-{}", sort_class(sort)),
        }
    }
}

pub(super) fn life_class(life: Life) -> &'static str {
    match life {
        Life::Waiting => "waiting",
        Life::Up => "up",
        Life::Paused => "paused",
        Life::Down => "down",
    }
}

/// A sort's CSS class.
pub(super) fn sort_class(sort: Sort) -> &'static str {
    match sort {
        Sort::Controller => "leader",
        sort => sort.label(),
    }
}

/// A node's line.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Whose.
    pub node: NodeId,
    /// Its name, short.
    pub name: String,
    /// Its height in the picture.
    pub y: f64,
}

/// A moment on the axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where.
    pub x: f64,
    /// What it says.
    pub label: String,
}

/// Words on an arrow or above a mark.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The middle of the text's base line, or its beginning.
    pub x: f64,
    /// Its height.
    pub y: f64,
    /// Cosine and sine of its slope.
    pub slope: (f64, f64),
    /// It begins at `x`, and is not centred there.
    pub at_start: bool,
    /// What it says.
    pub text: String,
    /// How it is painted: as the arrow, or the mark.
    pub paint: Paint,
    /// Of which entry.
    pub seq: u64,
}

/// A moment of the world as a whole, with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Banner {
    /// Where.
    pub x: f64,
    /// A few words; empty where there is no room.
    pub label: String,
    /// Its entry.
    pub seq: u64,
}

/// What can be hit: a line, or a point when both its ends are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Its entry.
    pub seq: u64,
    /// One end.
    pub from: (f64, f64),
    /// The other.
    pub to: (f64, f64),
}

/// A window of the diagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Width, in pixels.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Where the lines begin and end.
    pub left: f64,
    /// See there.
    pub right: f64,
    /// Below the axis.
    pub top: f64,
    /// Which part of the time it is.
    pub window: Window,
    /// A line for each node.
    pub rows: Vec<Row>,
    /// The axis.
    pub ticks: Vec<Tick>,
    /// Everything drawn, in order: whether it is dimmed, how it is painted, its path.
    pub paths: Vec<(bool, Paint, String)>,
    /// Words that have room.
    pub labels: Vec<Label>,
    /// Moments of the world as a whole.
    pub banners: Vec<Banner>,
    /// What can be hit.
    pub spots: Vec<Spot>,
    /// How many frames are in it.
    pub frames: u32,
    /// They are too many: only their number is drawn, and what went wrong.
    pub dense: bool,
    /// How many marks are in it, drawn or lying below others.
    pub marks: u32,
}

impl Picture {
    /// Where a moment is; may be outside.
    pub fn x(&self, time: SimTime) -> f64 {
        self.left + self.window.place(time) * (self.right - self.left)
    }

    /// The moment there.
    pub fn time(&self, x: f64) -> SimTime {
        self.window.time((x - self.left) / (self.right - self.left).max(1.0))
    }

    /// What is nearest there, if anything is near; marks before arrows.
    pub fn hit(&self, x: f64, y: f64) -> Option<u64> {
        let mut best: Option<(f64, u64)> = None;
        for spot in &self.spots {
            let is_point = spot.from == spot.to;
            let reach = if is_point { 8.0 } else { 6.0 };
            let far = distance(spot, x, y);
            let rank = if is_point { far - 3.0 } else { far };
            if far <= reach && best.is_none_or(|(least, _)| rank < least) {
                best = Some((rank, spot.seq));
            }
        }
        best.map(|(_, seq)| seq)
    }

    /// The lines and points of one entry.
    pub fn spots_of(&self, seq: u64) -> impl Iterator<Item = &Spot> {
        self.spots.iter().filter(move |spot| spot.seq == seq)
    }

    /// Nothing happened there, as far as the filter lets see.
    pub fn is_empty(&self) -> bool {
        self.frames == 0 && self.marks == 0 && self.banners.is_empty()
    }
}

fn distance(spot: &Spot, x: f64, y: f64) -> f64 {
    let (dx, dy) = (spot.to.0 - spot.from.0, spot.to.1 - spot.from.1);
    let long = dx * dx + dy * dy;
    let t = if long > 0.0 { ((x - spot.from.0) * dx + (y - spot.from.1) * dy) / long } else { 0.0 };
    let t = t.clamp(0.0, 1.0);
    let (px, py) = (spot.from.0 + t * dx - x, spot.from.1 + t * dy - y);
    (px * px + py * py).sqrt()
}

/// Height of the axis and of the world's own words below it.
const TOP: f64 = 40.0;
const BOTTOM: f64 = 10.0;
/// More frames than this part of the width are not drawn each.
const DENSE: f64 = 0.4;

/// Lays out a window of the index. `branch` is the one that the index was brought up to date with.
pub fn picture(
    index: &SpaceIndex,
    branch: &Branch,
    names: &Names,
    filter: &Filter,
    window: Window,
    canvas: Canvas,
    causes: Option<&Causes>,
) -> Picture {
    let shown: Vec<_> = index.nodes.iter().filter(|node| !filter.nodes.contains(&node.node)).collect();
    let pitch = ((canvas.height - TOP - BOTTOM) / shown.len().max(1) as f64).clamp(34.0, 110.0);
    let left = if canvas.is_narrow() { 86.0 } else { 124.0 };
    let rows = shown.iter().enumerate().map(|(row, node)| Row {
        node: node.node,
        name: names.node_short(node.node),
        y: TOP + (row as f64 + 0.5) * pitch,
    });
    let mut picture = Picture {
        width: canvas.width,
        height: (TOP + BOTTOM + pitch * shown.len() as f64).max(canvas.height),
        left,
        right: (canvas.width - 10.0).max(left + 50.0),
        top: TOP,
        window,
        rows: rows.collect(),
        ticks: Vec::new(),
        paths: Vec::new(),
        labels: Vec::new(),
        banners: Vec::new(),
        spots: Vec::new(),
        frames: 0,
        dense: false,
        marks: 0,
    };
    picture.ticks = ticks(&picture, if canvas.is_narrow() { 92.0 } else { 118.0 });
    let mut sketch = Sketch { paths: Map::new(), causes, heights: heights(&picture.rows), pitch };
    for (row, node) in shown.iter().enumerate() {
        sketch.life(&picture, picture.rows[row].y, &node.lives, index.end);
    }
    let arrows = arrows::visible(index, filter, &sketch, window);
    picture.frames = arrows.len() as u32;
    picture.dense = arrows.len() as f64 > (picture.right - picture.left) * DENSE;
    let mut drawn: Vec<Drawn> = Vec::new();
    if picture.dense {
        sketch.bars(&picture, &arrows);
    }
    for arrow in arrows {
        let lit = causes.is_some_and(|causes| causes.is_lit(arrow.seq) || causes.is_lit(arrow.end_seq));
        if !picture.dense || arrows::is_telling(arrow) || lit {
            drawn.push(sketch.arrow(&mut picture, index, arrow, lit));
        }
    }
    let points = sketch.points(&mut picture, index, filter);
    sketch.banners(&mut picture, index, branch, names);
    picture.paths = sketch.paths.into_iter().map(|((lit, paint), d)| (!lit, paint, d)).collect();
    labels::place(&mut picture, branch, names, &drawn, &points, causes);
    picture
}

/// For every node id the height of its line; not a number where there is none.
fn heights(rows: &[Row]) -> Vec<f64> {
    let last = rows.iter().map(|row| row.node.0).max().unwrap_or(0);
    // Ids are small by the world's own rule; whoever has a larger one has no line.
    let mut heights = vec![f64::NAN; (last as usize).min(100_000) + 1];
    for row in rows {
        if let Some(height) = heights.get_mut(row.node.0 as usize) {
            *height = row.y;
        }
    }
    heights
}
