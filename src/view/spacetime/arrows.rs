//! The ways of frames: which are to be seen, and how each is drawn.

use crate::base::SimTime;

use super::draw::Sketch;
use super::index::LONG_US;
use super::{Arrow, End, Filter, Held, Paint, Picture, SpaceIndex, Spot, Window};

/// An arrow that was drawn: where words could stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drawn {
    pub(super) seq: u64,
    pub(super) paint: Paint,
    pub(super) lit: bool,
    /// It was lost, or had to wait.
    pub(super) telling: bool,
    /// The longest piece of it that is inside.
    pub(super) from: (f64, f64),
    pub(super) to: (f64, f64),
}

/// Lost frames and those that waited are drawn however many others there are.
pub(super) fn is_telling(arrow: &Arrow) -> bool {
    arrow.held.is_some() || matches!(arrow.end, End::Dropped | End::Refused)
}

/// What can be seen of the window, in the order of leaving.
pub(super) fn visible<'a>(
    index: &'a SpaceIndex,
    filter: &Filter,
    sketch: &Sketch<'_>,
    window: Window,
) -> Vec<&'a Arrow> {
    let (from, to) = window.ends();
    let all = &index.arrows;
    let first = all.partition_point(|arrow| arrow.sent + LONG_US < from);
    let chosen = index.chosen.as_ref().filter(|_| filter.partition.is_some());
    let is_seen = |place: usize| -> Option<&'a Arrow> {
        let arrow = all.get(place)?;
        let is_seen = arrow.ended >= from
            && filter.allows(arrow)
            && sketch.height(arrow.from).is_some()
            && sketch.height(arrow.to).is_some()
            && chosen.is_none_or(|chosen| chosen.arrows.get(place).copied().unwrap_or(false));
        is_seen.then_some(arrow)
    };
    let long = index.long.iter().map(|place| *place as usize).take_while(|place| *place < first);
    let mut seen: Vec<&Arrow> = long.filter_map(is_seen).collect();
    let last = all.partition_point(|arrow| arrow.sent <= to);
    seen.extend((first..last).filter_map(is_seen));
    seen
}

impl Sketch<'_> {
    /// Draws a frame's way.
    pub(super) fn arrow(
        &mut self,
        picture: &mut Picture,
        index: &SpaceIndex,
        arrow: &Arrow,
        lit: bool,
    ) -> Drawn {
        let lit = lit || self.causes.is_none();
        let line = Paint::Line(arrow.flow, arrow.reply);
        let (Some(y1), Some(y2)) = (self.height(arrow.from), self.height(arrow.to)) else {
            return Drawn {
                seq: arrow.seq,
                paint: line,
                lit,
                telling: false,
                from: (0.0, 0.0),
                to: (0.0, 0.0),
            };
        };
        let way = way(picture, index, arrow, y1, y2);
        let mut longest = ((0.0, 0.0), (0.0, 0.0));
        let mut length = -1.0;
        for (number, pair) in way.points.windows(2).enumerate() {
            let paint = if way.waits == Some(number) { Paint::Held(arrow.flow) } else { line };
            if let Some((from, to)) = clip(pair[0], pair[1], picture.left, picture.right) {
                self.path(lit, paint).line(from, to);
                picture.spots.push(Spot { seq: arrow.seq, from, to });
                let (dx, dy) = (to.0 - from.0, to.1 - from.1);
                if dx * dx + dy * dy > length {
                    (length, longest) = (dx * dx + dy * dy, (from, to));
                }
            }
        }
        if let [.., before, tip] = way.points.as_slice()
            && (picture.left - 1.0..=picture.right + 1.0).contains(&tip.0)
        {
            match arrow.end {
                End::Arrived => {
                    self.path(lit, Paint::Head(arrow.flow, arrow.reply)).head(*before, *tip, arrow.reply)
                }
                End::Dropped | End::Refused => self.path(lit, Paint::Lost).cross(*tip, 5.0),
                End::Flying => self.path(lit, Paint::Dot(arrow.flow)).disc(*tip, 3.0),
            }
        }
        Drawn { seq: arrow.seq, paint: line, lit, telling: is_telling(arrow), from: longest.0, to: longest.1 }
    }
}

/// A frame's way: its corners, and which piece of it is waiting.
struct Way {
    points: Vec<(f64, f64)>,
    waits: Option<usize>,
}

fn way(picture: &Picture, index: &SpaceIndex, arrow: &Arrow, y1: f64, y2: f64) -> Way {
    let usual = index.latency_us.max(1);
    let begin = (picture.x(arrow.sent), y1);
    let between = |part: f64| y1 + (y2 - y1) * part;
    let direct = |points: Vec<(f64, f64)>| Way { points, waits: None };
    let now = index.end.max(arrow.sent);
    let ended = arrow.ended.min(now);
    let waiting = |door: SimTime, at: f64| {
        // It goes on as it came: at the usual speed.
        let on = usual - (door.since(arrow.sent)).min(usual);
        let leaves = if arrow.end == End::Flying { ended } else { (ended - on).max(door) };
        let mut points = vec![begin, (picture.x(door), at), (picture.x(leaves), at)];
        if arrow.end != End::Flying {
            points.push((picture.x(ended), y2));
        }
        Way { points, waits: Some(1) }
    };
    match (arrow.end, arrow.held) {
        (End::Arrived | End::Refused | End::Flying, Some(Held::Link)) => {
            waiting((arrow.sent + usual / 2).min(ended), between(0.5))
        }
        (End::Arrived | End::Refused | End::Flying, Some(Held::Receiver)) => {
            let near = if y2 > y1 { y2 - 7.0 } else { y2 + 7.0 };
            waiting((arrow.sent + usual).min(ended), near)
        }
        (End::Arrived | End::Refused, None) => direct(vec![begin, (picture.x(ended), y2)]),
        (End::Dropped, _) => {
            let part = (ended.since(arrow.sent) as f64 / usual as f64).clamp(0.4, 0.85);
            let at = ended.max(arrow.sent + usual * 2 / 5);
            direct(vec![begin, (picture.x(at), between(part))])
        }
        (End::Flying, None) => {
            let part = (now.since(arrow.sent) as f64 / usual as f64).clamp(0.05, 0.92);
            let at = now.min(arrow.sent + usual);
            direct(vec![begin, (picture.x(at), between(part))])
        }
    }
}

/// What of a line lies between two heights of x.
fn clip(a: (f64, f64), b: (f64, f64), left: f64, right: f64) -> Option<((f64, f64), (f64, f64))> {
    let at = |x: f64| (x, a.1 + (b.1 - a.1) * ((x - a.0) / (b.0 - a.0)));
    if a.0 > right || b.0 < left {
        return None;
    }
    let from = if a.0 < left { at(left) } else { a };
    let to = if b.0 > right { at(right) } else { b };
    Some((from, to))
}
