//! Words on arrows and above marks, where there is room: nothing is written over anything else.

use crate::sim::Branch;
use crate::trace::Event;
use crate::view::words::{Names, frame_label, title};

use super::arrows::Drawn;
use super::{Causes, Flow, Label, Paint, Picture, Point, Sort};

/// More words than this nobody reads.
const LABELS_MAX: usize = 90;
/// So many are tried: frames have to be opened for what they say.
const TRIES_MAX: usize = 220;
/// A letter is about so wide, in pixels.
const LETTER: f64 = 5.9;
/// Half a line's height, in pixels.
const HALF: f64 = 6.0;
/// Words need at least so much.
const WORD_MIN: f64 = 34.0;

/// More frames than this, and answers to the cluster's own requests and what clients do stay
/// without words.
const CROWD: u32 = 24;

/// What was written already, and the heights of the nodes' lines.
struct Written(Vec<(f64, f64, f64, f64)>, Vec<f64>);

impl Written {
    /// No line runs through words there.
    fn is_between_lines(&self, y: f64) -> bool {
        self.1.iter().all(|line| (line - y).abs() >= HALF + 1.0)
    }

    fn is_free(&self, x1: f64, y1: f64, x2: f64, y2: f64) -> bool {
        self.0.iter().all(|(a1, b1, a2, b2)| x2 <= *a1 || x1 >= *a2 || y2 <= *b1 || y1 >= *b2)
    }
}

enum Thing<'a> {
    Arrow(&'a Drawn),
    Mark(&'a Point, f64, f64),
}

/// Writes what has room, the most telling first.
pub(super) fn place(
    picture: &mut Picture,
    branch: &Branch,
    names: &Names,
    drawn: &[Drawn],
    points: &[(&Point, f64, f64)],
    causes: Option<&Causes>,
) {
    let mut ranks: [Vec<Thing<'_>>; 4] = Default::default();
    for arrow in drawn.iter().filter(|arrow| arrow.lit) {
        let rank = match arrow.paint {
            _ if arrow.telling => 0,
            Paint::Line(Flow::Cluster, true) if causes.is_none() && picture.frames > CROWD => continue,
            Paint::Line(Flow::Cluster, _) => 2,
            _ => 1,
        };
        ranks[rank].push(Thing::Arrow(arrow));
    }
    for (point, x, y) in points {
        let rank = match point.sort {
            Sort::Fault => 0,
            Sort::Controller | Sort::Group => 1,
            Sort::Log => 2,
            Sort::Client if causes.is_none() && picture.frames > 4 * CROWD => continue,
            Sort::Client => 3,
            Sort::Timer | Sort::Request => continue,
        };
        if causes.is_none_or(|causes| causes.is_lit(point.seq)) {
            ranks[rank].push(Thing::Mark(point, *x, *y));
        }
    }
    let mut written = Written(Vec::new(), picture.rows.iter().map(|row| row.y).collect());
    for (_, x, y) in points.iter().filter(|(point, ..)| point.sort > Sort::Request) {
        written.0.push((x - 3.0, y - 3.0, x + 3.0, y + 3.0));
    }
    let mut tries = 0;
    for thing in ranks.iter().flatten() {
        if picture.labels.len() >= LABELS_MAX || tries >= TRIES_MAX {
            break;
        }
        match thing {
            Thing::Arrow(arrow) => {
                if !has_room(&written, arrow) {
                    continue;
                }
                tries += 1;
                let Some(Event::Sent { frame, .. }) = branch.entry(arrow.seq).map(|entry| &entry.event)
                else {
                    continue;
                };
                let text = frame_label(frame, names);
                on_arrow(picture, &mut written, arrow, text);
            }
            Thing::Mark(point, x, y) => {
                let half = WORD_MIN / 2.0;
                let is_free = |base: f64| written.is_free(x - half, base - 10.0, x + half, base + 2.0);
                if !is_free(y - 9.0) && !is_free(y + 15.0) {
                    continue;
                }
                tries += 1;
                let Some(entry) = branch.entry(point.seq) else { continue };
                above_mark(picture, &mut written, point, (*x, *y), title(entry, names));
            }
        }
    }
}

fn wide(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER
}

fn has_room(written: &Written, arrow: &Drawn) -> bool {
    let (dx, dy) = (arrow.to.0 - arrow.from.0, arrow.to.1 - arrow.from.1);
    let is_there = |part: f64| {
        let (x, y) = (arrow.from.0 + dx * part, arrow.from.1 + dy * part);
        written.is_between_lines(y) && written.is_free(x + 4.0, y - HALF, x + WORD_MIN, y + HALF)
    };
    dx > WORD_MIN || dx * dx + dy * dy > 20.0 * 20.0 && [0.5, 0.3, 0.7].into_iter().any(is_there)
}

/// Along the arrow if it is flat enough and long enough, else beside its middle.
fn on_arrow(picture: &mut Picture, written: &mut Written, arrow: &Drawn, text: String) {
    let (dx, dy) = (arrow.to.0 - arrow.from.0, arrow.to.1 - arrow.from.1);
    let length = (dx * dx + dy * dy).sqrt();
    if length < 1.0 {
        return;
    }
    let (cos, sin) = (dx / length, dy / length);
    let wide = wide(&text);
    let label = |x, y, slope, at_start, text| Label {
        x,
        y,
        slope,
        at_start,
        text,
        paint: arrow.paint,
        seq: arrow.seq,
    };
    if cos > 0.55 && length > wide + 26.0 {
        for part in [0.5, 0.36, 0.64] {
            let (x, y) = (arrow.from.0 + dx * part, arrow.from.1 + dy * part);
            // A little above the line, square to it.
            let (x, y) = (x + sin * 4.0, y - cos * 4.0);
            let boxes = boxes((x, y), (cos, sin), wide);
            if boxes.iter().all(|(x1, y1, x2, y2)| written.is_free(*x1, *y1, *x2, *y2)) {
                written.0.extend(boxes);
                picture.labels.push(label(x, y, (cos, sin), false, text));
                return;
            }
        }
    }
    for part in [0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78] {
        let (x, y) = (arrow.from.0 + dx * part, arrow.from.1 + dy * part);
        if !written.is_between_lines(y) {
            continue;
        }
        let (x1, y1, x2, y2) = (x + 5.0, y - HALF, x + 5.0 + wide, y + HALF);
        if x2 < picture.right && written.is_free(x1, y1, x2 + 3.0, y2) {
            written.0.push((x1 - 4.0, y1, x2 + 3.0, y2));
            picture.labels.push(label(x1, y + 3.6, (1.0, 0.0), true, text));
            return;
        }
    }
}

/// A sloping text as a row of boxes.
fn boxes((x, y): (f64, f64), (cos, sin): (f64, f64), wide: f64) -> Vec<(f64, f64, f64, f64)> {
    let count = (wide / 12.0).max(1.0) as u32 + 1;
    let each = wide / f64::from(count);
    (0..count)
        .map(|number| {
            let along = (f64::from(number) + 0.5) * each - wide / 2.0;
            let (cx, cy) = (x + cos * along, y + sin * along - 4.0);
            (cx - each / 2.0 - 1.0, cy - HALF, cx + each / 2.0 + 1.0, cy + HALF)
        })
        .collect()
}

fn above_mark(picture: &mut Picture, written: &mut Written, point: &Point, (x, y): (f64, f64), text: String) {
    let wide = wide(&text);
    let centre =
        x.clamp(picture.left + wide / 2.0, (picture.right - wide / 2.0).max(picture.left + wide / 2.0));
    // Bars stand on the line.
    let bases = if picture.dense { [y + 15.0, y - 9.0] } else { [y - 9.0, y + 15.0] };
    for base in bases {
        let (x1, y1, x2, y2) = (centre - wide / 2.0, base - 10.0, centre + wide / 2.0, base + 2.0);
        if written.is_free(x1 - 3.0, y1, x2 + 3.0, y2) {
            written.0.push((x1, y1, x2, y2));
            picture.labels.push(Label {
                x: centre,
                y: base,
                slope: (1.0, 0.0),
                at_start: false,
                text,
                paint: Paint::Point(point.sort),
                seq: point.seq,
            });
            return;
        }
    }
}
