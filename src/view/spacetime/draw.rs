//! Paths: lines, heads, marks, bars, the axis.

use std::fmt::Write;

use crate::base::{Map, NodeId, SimTime};
use crate::sim::Branch;
use crate::view::Px;
use crate::view::words::{Names, title};

use super::{Arrow, Banner, Causes, Filter, Flow, Life, Paint, Picture, Point, Sort, SpaceIndex, Spot, Tick};

/// Width of a bar, in pixels.
const BAR: f64 = 4.0;
/// Marks of a sort are no closer than this.
const APART: f64 = 3.0;
/// The world's own words need so much room.
const BANNER_ROOM: f64 = 150.0;
/// So many moments of the world are named or drawn.
const BANNERS_MAX: usize = 200;

/// A picture being drawn.
pub(super) struct Sketch<'a> {
    pub(super) paths: Map<(bool, Paint), String>,
    pub(super) causes: Option<&'a Causes>,
    pub(super) heights: Vec<f64>,
    pub(super) pitch: f64,
}

/// A path to go on with.
pub(super) struct Pen<'a>(&'a mut String);

impl Pen<'_> {
    pub(super) fn line(self, from: (f64, f64), to: (f64, f64)) {
        let _ = write!(self.0, "M{},{}L{},{}", Px(from.0), Px(from.1), Px(to.0), Px(to.1));
    }

    pub(super) fn head(self, from: (f64, f64), tip: (f64, f64), open: bool) {
        let (dx, dy) = (tip.0 - from.0, tip.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt().max(0.001);
        let (ux, uy) = (dx / length, dy / length);
        let (long, wide) = (8.0, 3.2);
        let (bx, by) = (tip.0 - ux * long, tip.1 - uy * long);
        let _ = write!(
            self.0,
            "M{},{}L{},{}L{},{}{}",
            Px(bx - uy * wide),
            Px(by + ux * wide),
            Px(tip.0),
            Px(tip.1),
            Px(bx + uy * wide),
            Px(by - ux * wide),
            if open { "" } else { "z" }
        );
    }

    pub(super) fn cross(self, at: (f64, f64), r: f64) {
        let d = 2.0 * r;
        let _ = write!(
            self.0,
            "M{0},{1}l{2},{2}M{0},{3}l{2},-{2}",
            Px(at.0 - r),
            Px(at.1 - r),
            Px(d),
            Px(at.1 + r)
        );
    }

    pub(super) fn disc(self, at: (f64, f64), r: f64) {
        let _ = write!(
            self.0,
            "M{},{}a{2},{2},0,1,0,{3},0a{2},{2},0,1,0-{3},0",
            Px(at.0 - r),
            Px(at.1),
            Px(r),
            Px(2.0 * r)
        );
    }

    /// Every sort has a shape of its own.
    fn mark(self, sort: Sort, (x, y): (f64, f64)) {
        match sort {
            Sort::Timer => {
                let _ = write!(self.0, "M{},{}v6", Px(x), Px(y - 3.0));
            }
            Sort::Request => self.disc((x, y), 2.5),
            Sort::Client => self.disc((x, y), 3.0),
            Sort::Group => self.disc((x, y), 4.2),
            Sort::Log => {
                let _ = write!(self.0, "M{},{}h6v6h-6z", Px(x - 3.0), Px(y - 3.0));
            }
            Sort::Controller => {
                let _ = write!(self.0, "M{},{}l5,5-5,5-5-5z", Px(x), Px(y - 5.0));
            }
            Sort::Fault => {
                let _ = write!(self.0, "M{},{}l5.5,10h-11z", Px(x), Px(y - 6.0));
            }
        }
    }
}

impl Sketch<'_> {
    /// The height of a node's line.
    pub(super) fn height(&self, node: NodeId) -> Option<f64> {
        self.heights.get(node.0 as usize).copied().filter(|y| !y.is_nan())
    }

    pub(super) fn path(&mut self, lit: bool, paint: Paint) -> Pen<'_> {
        Pen(self.paths.entry((lit, paint)).or_default())
    }

    /// A node's line, up to the end of what was played.
    pub(super) fn life(&mut self, picture: &Picture, y: f64, lives: &[(SimTime, Life)], end: SimTime) {
        let begin = [(SimTime::ZERO, Life::Waiting)];
        let changes: Vec<_> = begin.iter().chain(lives).collect();
        for (number, (since, life)) in changes.iter().enumerate() {
            let until = changes.get(number + 1).map_or(end, |(next, _)| *next);
            let from = picture.x(*since).max(picture.left);
            let to = picture.x(until).min(picture.right);
            if to > from {
                self.path(true, Paint::Life(*life)).line((from, y), (to, y));
            }
        }
    }

    /// How many frames leave and arrive at each node, in bars on its line.
    pub(super) fn bars(&mut self, picture: &Picture, arrows: &[&Arrow]) {
        let wide = picture.right - picture.left;
        let buckets = (wide / BAR) as usize + 1;
        let kinds = Flow::ALL.len();
        let row_of = |node: NodeId| picture.rows.iter().position(|row| row.node == node);
        let rows: Vec<usize> =
            (0..self.heights.len()).map(|id| row_of(NodeId(id as u32)).unwrap_or(usize::MAX)).collect();
        let mut counts = vec![0_u32; picture.rows.len() * buckets * kinds];
        let (from, to) = picture.window.ends();
        for arrow in arrows {
            for (node, time) in [(arrow.from, arrow.sent), (arrow.to, arrow.ended)] {
                let row = rows.get(node.0 as usize).copied().unwrap_or(usize::MAX);
                if time < from || time > to || row == usize::MAX {
                    continue;
                }
                let bucket = ((picture.x(time) - picture.left) / BAR).max(0.0) as usize;
                let place = (row * buckets + bucket.min(buckets - 1)) * kinds + arrow.flow as usize;
                counts[place] = counts[place].saturating_add(1);
            }
        }
        let most = counts.chunks(kinds).map(|bucket| bucket.iter().sum::<u32>()).max().unwrap_or(0).max(1);
        let scale = (self.pitch * 0.8 - 4.0) / f64::from(most);
        for (place, bucket) in counts.chunks(kinds).enumerate() {
            let Some(row) = picture.rows.get(place / buckets) else { continue };
            let x = picture.left + (place % buckets) as f64 * BAR;
            let mut y = row.y - 2.0;
            for (flow, count) in Flow::ALL.iter().zip(bucket).filter(|(_, count)| **count > 0) {
                let tall = (f64::from(*count) * scale).max(0.6);
                y -= tall;
                let pen = self.path(self.causes.is_none(), Paint::Bar(*flow));
                let _ = write!(pen.0, "M{},{}h3v{}h-3z", Px(x), Px(y), Px(tall));
            }
        }
    }

    /// What happened at nodes; of many in one place, the first. Returns what was drawn.
    pub(super) fn points<'i>(
        &mut self,
        picture: &mut Picture,
        index: &'i SpaceIndex,
        filter: &Filter,
    ) -> Vec<(&'i Point, f64, f64)> {
        let (from, to) = picture.window.ends();
        let all = &index.points;
        let first = all.partition_point(|point| point.time < from);
        let chosen = index.chosen.as_ref().filter(|_| filter.partition.is_some());
        let mut last: Map<(NodeId, Sort), f64> = Map::new();
        let mut drawn = Vec::new();
        for (place, point) in all.iter().enumerate().skip(first) {
            if point.time > to {
                break;
            }
            let Some(y) = self.height(point.node) else { continue };
            let is_left_out = filter.sorts.contains(&point.sort)
                || chosen.is_some_and(|chosen| !chosen.points.get(place).copied().unwrap_or(false));
            if is_left_out {
                continue;
            }
            picture.marks += 1;
            let lit = self.causes.is_none_or(|causes| causes.is_lit(point.seq));
            let minor = matches!(point.sort, Sort::Timer | Sort::Request | Sort::Client);
            if picture.dense && minor && (!lit || self.causes.is_none()) {
                continue;
            }
            let x = picture.x(point.time);
            let before = last.insert((point.node, point.sort), x);
            let stands_out = lit && self.causes.is_some();
            if before.is_some_and(|before| x - before < APART) && !stands_out {
                last.insert((point.node, point.sort), before.unwrap_or(x));
                continue;
            }
            self.path(lit, Paint::Point(point.sort)).mark(point.sort, (x, y));
            picture.spots.push(Spot { seq: point.seq, from: (x, y), to: (x, y) });
            drawn.push((point, x, y));
        }
        drawn
    }

    /// Moments of the world as a whole.
    pub(super) fn banners(
        &mut self,
        picture: &mut Picture,
        index: &SpaceIndex,
        branch: &Branch,
        names: &Names,
    ) {
        let (from, to) = picture.window.ends();
        let first = index.banners.partition_point(|(time, _)| *time < from);
        let mut free = picture.left - BANNER_ROOM;
        let seen = index.banners.iter().skip(first).take_while(|(time, _)| *time <= to);
        for (time, seq) in seen.take(BANNERS_MAX) {
            let x = picture.x(*time);
            let lit = self.causes.is_none_or(|causes| causes.is_lit(*seq));
            let bottom = picture.height - 6.0;
            self.path(lit, Paint::Banner).line((x, picture.top - 8.0), (x, bottom));
            picture.spots.push(Spot { seq: *seq, from: (x, picture.top - 12.0), to: (x, bottom) });
            let has_room = x - free >= BANNER_ROOM;
            let entry = branch.entry(*seq).filter(|_| has_room);
            free = if has_room { x } else { free };
            let label = entry.map(|entry| title(entry, names)).unwrap_or_default();
            picture.banners.push(Banner { x, label, seq: *seq });
        }
    }
}

/// Moments at round times, no closer than `apart` pixels.
pub(super) fn ticks(picture: &Picture, apart: f64) -> Vec<Tick> {
    let us_per_px = picture.window.span_us / (picture.right - picture.left);
    let wanted = us_per_px * apart;
    let mut step = 1_u64;
    let mut factors = [2, 5, 10].iter().cycle();
    let mut decade = 1_u64;
    while (step as f64) < wanted && decade < u64::MAX / 100 {
        let factor = factors.next().copied().unwrap_or(10);
        step = decade * factor;
        if factor == 10 {
            decade *= 10;
        }
    }
    // Whole minutes, once seconds are too short.
    if step > 20_000_000 {
        step = step.div_ceil(60_000_000).max(1) * 60_000_000;
    }
    let (from, to) = picture.window.ends();
    let mut ticks = Vec::new();
    let mut at = from.0.div_ceil(step) * step;
    while at <= to.0 && ticks.len() < 64 {
        let x = picture.x(SimTime(at));
        ticks.push(Tick { x, label: moment(at, step, ticks.is_empty()) });
        at += step;
    }
    ticks
}

/// A moment as precisely as the distance to the next one asks for.
fn moment(us: u64, step: u64, is_first: bool) -> String {
    let clock = SimTime(us).to_string();
    if step.is_multiple_of(1_000_000) {
        return clock.trim_end_matches(".000").to_owned();
    }
    match us % 1_000 {
        0 => clock,
        rest if is_first => format!("{clock} {rest:03}"),
        rest => format!("+{rest} µs"),
    }
}

/// A length of time in words: `60 ms`, `1.5 s`, `250 µs`.
pub fn span_words(us: f64) -> String {
    let tenths = |whole: f64, unit: &str| {
        let value = (whole * 10.0 + 0.5) as u64;
        match (value / 10, value % 10) {
            (whole, 0) => format!("{whole} {unit}"),
            (whole, _) if whole >= 20 => format!("{whole} {unit}"),
            (whole, part) => format!("{whole}.{part} {unit}"),
        }
    };
    match us {
        ..1_000.0 => tenths(us, "µs"),
        ..1_000_000.0 => tenths(us / 1_000.0, "ms"),
        ..120_000_000.0 => tenths(us / 1_000_000.0, "s"),
        _ => tenths(us / 60_000_000.0, "min"),
    }
}
