//! What was drawn last, and what the picture still lacks: a frame draws only so much.
//!
//! A frame that draws four strips and the details at once comes too late, so it draws a few parts
//! and leaves the rest to the next. What has not changed since it was drawn is handed on as it is,
//! and costs nothing.

use std::rc::Rc;

use yew::prelude::*;

use crate::base::SimTime;
use crate::scenario::Protocol;
use crate::sim::World;
use crate::view::theatre::{Chart, Fold, Frame, Matrix, MatrixKey, Panel, Row, matrix, matrix_key, panel};

use super::panel::ChartRef;
use super::show::Show;

/// So much a frame draws that somebody waits for, and so much one of many while it plays: by what
/// costs most, the strips that have changed and the details.
const LOAD: u32 = 4;
const LOAD_PLAYING: u32 = 6;
const HEAVY: u32 = 2;
const LIGHT: u32 = 1;

/// One world as it was drawn.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) title: AttrValue,
    /// The version of the fold that it was made of, too.
    pub(super) chart: (u64, ChartRef),
    /// The world as it stands, without what is under way.
    pub(super) calm: Rc<Panel>,
    pub(super) score: Vec<Row>,
    /// The score of its cluster's elections, where they are of interest.
    pub(super) elections: Vec<Row>,
    /// Where the present is, in pixels, and the end of what was played.
    pub(super) now: f64,
    pub(super) known: f64,
}

/// What was drawn last.
#[derive(Default)]
pub(super) struct Drawn {
    pub(super) worlds: Vec<Shown>,
    /// The parts that may have changed since, in the order in which they are drawn: worlds, and the
    /// details as the one behind them.
    left: Vec<usize>,
    /// Whether there is a score of elections, and whether what is beside the strips has another width for it.
    pub(super) elects: bool,
    moved: bool,
    /// The world that is looked into.
    pub(super) full: Rc<Panel>,
    pub(super) matrix: Option<(usize, MatrixKey, Rc<Matrix>)>,
    /// What was stepped to in it, in words.
    pub(super) told: Option<String>,
    pub(super) names: Rc<Vec<String>>,
    pub(super) marks: Rc<Vec<(SimTime, String)>>,
}

impl Drawn {
    /// Something has changed; what was left over before comes first.
    pub(super) fn want(&mut self, show: &Show) {
        for part in 0..=show.folds().len() {
            if !self.left.contains(&part) {
                self.left.push(part);
            }
        }
    }

    /// Whether the picture lacks something.
    pub(super) fn is_wanting(&self) -> bool {
        !self.left.is_empty()
    }

    /// Whether the strips may have another width since they were measured.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Draws as much as a frame may; everything, if there is no picture yet.
    pub(super) fn draw(&mut self, show: &Show, frame: Frame, focus: usize, playing: bool) {
        let worlds = show.folds().len();
        let most = match (playing, self.worlds.len() == worlds) {
            (_, false) => u32::MAX,
            (true, _) => LOAD_PLAYING,
            (false, _) => LOAD,
        };
        if self.worlds.len() != worlds {
            self.worlds.clear();
            self.left = (0..=worlds).collect();
        }
        if self.elects != show.elects {
            (self.elects, self.moved) = (show.elects, true);
        }
        let mut load = 0;
        while let Some(&part) = self.left.first() {
            load += self.weight(part, show, frame);
            if load > most {
                break;
            }
            self.left.remove(0);
            match show.play.stand().nth(part) {
                Some((fold, world)) => self.draw_world(part, (fold, world), show, frame),
                None => self.draw_details(focus.min(worlds.saturating_sub(1)), show),
            }
        }
        let marks = show.cues.iter().map(|cue| (cue.at, cue.label.clone())).collect();
        keep(&mut self.marks, marks);
    }

    fn weight(&self, part: usize, show: &Show, frame: Frame) -> u32 {
        match show.folds().get(part) {
            Some(fold) if self.worlds.get(part).is_some_and(|shown| shown.is_fresh(fold, frame)) => LIGHT,
            _ => HEAVY,
        }
    }

    fn draw_world(&mut self, number: usize, of: (&Fold, &World), show: &Show, frame: Frame) {
        let (fold, world) = of;
        let now = show.now();
        let title = show.protocols.get(number).map_or_else(String::new, Protocol::title);
        let calm = panel(fold, world).calm();
        let score = fold.score(world.entries(), now).rows(now);
        let elections = match show.elects {
            true => fold.election_score(world.entries(), now).rows(),
            false => Vec::new(),
        };
        let chart = match self.worlds.get(number) {
            Some(shown) if shown.is_fresh(fold, frame) => shown.chart.clone(),
            _ => (fold.version(), ChartRef(Chart::of(fold, frame, frame.to).into())),
        };
        let calm = match self.worlds.get(number) {
            Some(shown) if *shown.calm == calm => Rc::clone(&shown.calm),
            _ => Rc::new(calm),
        };
        let (now, known) = (frame.x(now), frame.x(show.known()));
        let shown = Shown { title: title.into(), chart, calm, score, elections, now, known };
        match self.worlds.get_mut(number) {
            Some(place) => *place = shown,
            None => self.worlds.push(shown),
        }
    }

    /// The world that is looked into.
    fn draw_details(&mut self, focus: usize, show: &Show) {
        let Some((fold, world)) = show.play.stand().nth(focus) else { return };
        let key = matrix_key(fold, world);
        if self.matrix.as_ref().is_none_or(|(of, known, _)| (*of, known) != (focus, &key)) {
            self.matrix = Some((focus, key, Rc::new(matrix(fold, world))));
        }
        let names = (0..fold.member_count()).map(|member| show.full_name(member)).collect();
        keep(&mut self.names, names);
        keep(&mut self.full, panel(fold, world));
        self.told = show.play.narration().filter(|(world, _)| *world == focus).map(|(_, text)| text);
    }
}

impl Shown {
    /// Whether its strip is that of the fold.
    fn is_fresh(&self, fold: &Fold, frame: Frame) -> bool {
        let (version, chart) = &self.chart;
        *version == fold.version() && chart.0.frame == frame
    }
}

/// Puts a value in its place, unless the same is there already.
fn keep<T: PartialEq>(place: &mut Rc<T>, value: T) {
    if **place != value {
        *place = Rc::new(value);
    }
}
