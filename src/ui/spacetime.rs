//! The space–time diagram on the page: which window of it, what is left out, whose story is lit.

mod bar;
mod compare;
mod diagram;
mod export;

use std::rc::Rc;

use yew::prelude::*;

use crate::base::{NodeId, SimTime};
use crate::protocol::TopicPartition;
use crate::view::spacetime::{
    Canvas, Causes, Filter, Flow, Lit, Picture, Role, Sort, SpaceIndex, Window, picture,
};
use crate::view::words::{Names, subtitle, title};

use self::bar::{Bar, Legend};
use self::compare::Other;
use self::diagram::Diagram;
use super::dom;
use super::session::Session;
use super::target::Target;

/// So many frames are in the window at first.
const FRAMES_AT_FIRST: usize = 36;
/// Where the present stands while the world plays.
const PRESENT: f64 = 0.78;

/// What can happen to the diagram.
pub(crate) enum Msg {
    /// At a place from 0 to 1, by a factor.
    Zoom(f64, f64),
    /// By a factor, at the present if it can be seen.
    Nearer(f64),
    /// By a part of the width.
    Pan(f64),
    Whole,
    Present,
    Select(Option<u64>),
    Hover(Option<u64>),
    /// Lights the story of what is selected, or another part of it; or no longer.
    Story(Option<Lit>),
    NextStory,
    Flow(Flow),
    Sort(Sort),
    Node(NodeId),
    Api(Option<i16>),
    Partition(Option<TopicPartition>),
    Everything,
    /// Another branch below this one; or no longer.
    Compare(Option<usize>),
    Over(Over),
    Measure,
    Save(Export),
}

/// What lies over the diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Over {
    #[default]
    Nothing,
    Filter,
    Export,
}

/// What can be taken along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Export {
    Svg,
    Png,
    Mermaid,
    Perfetto,
}

/// A picture that is compared by what it is, not by what is in it.
#[derive(Clone)]
pub(super) struct PictureRef(Rc<Picture>);

impl PictureRef {
    fn new(picture: Picture) -> PictureRef {
        PictureRef(Rc::new(picture))
    }
}

impl PartialEq for PictureRef {
    fn eq(&self, other: &PictureRef) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// The diagram.
pub(super) struct Space {
    index: SpaceIndex,
    window: Option<Window>,
    /// The window goes with the present.
    follows: bool,
    /// What is left out; of nodes, those that are not as they are at first.
    filter: Filter,
    lit: Lit,
    /// Whose story is lit.
    story: Option<u64>,
    /// The inspector would cover the diagram: what is selected is told beside it.
    small: bool,
    /// Whatever is selected next, its story is lit, too.
    keeps: bool,
    hover: Option<u64>,
    over: Over,
    now: SimTime,
    causes: Option<((u64, Lit, u64), Causes)>,
    picture: Option<PictureRef>,
    other: Option<Other>,
}

impl Default for Space {
    fn default() -> Space {
        Space {
            index: SpaceIndex::default(),
            window: None,
            follows: true,
            filter: Filter::default(),
            lit: Lit::Both,
            story: None,
            small: false,
            keeps: false,
            hover: None,
            over: Over::Nothing,
            now: SimTime::ZERO,
            causes: None,
            picture: None,
            other: None,
        }
    }
}

impl Space {
    /// Does what is asked. False when nothing has changed.
    #[inline(never)]
    pub(super) fn obey(&mut self, msg: Msg, session: &mut Session) -> bool {
        let end = self.index.end();
        match msg {
            Msg::Zoom(place, factor) => {
                // What one looks at while it plays is the present.
                let place = if session.playing && self.follows { PRESENT } else { place };
                self.window = self.window.map(|window| window.zoomed(place, factor, end));
            }
            Msg::Nearer(factor) => {
                let present = self.window.map(|window| window.place(self.now));
                let place = present.filter(|place| (0.0..=1.0).contains(place)).unwrap_or(0.5);
                return self.obey(Msg::Zoom(place, factor), session);
            }
            Msg::Pan(part) => {
                self.follows = false;
                self.window = self.window.map(|window| window.panned(part, end));
            }
            Msg::Whole => {
                self.follows = false;
                self.window = Some(Window::whole(end));
            }
            Msg::Present => {
                self.follows = true;
                self.window =
                    self.window.map(|window| Window::around(session.now(), PRESENT, window.span_us));
            }
            Msg::Select(seq) => {
                session.playing = false;
                session.selected = seq.map(Target::Entry);
                self.story = seq;
                self.keeps &= seq.is_some();
            }
            Msg::Hover(seq) if self.hover == seq => return false,
            Msg::Hover(seq) => self.hover = seq,
            Msg::Story(lit) => {
                self.keeps = lit.is_some();
                self.story = lit.and(selected(session));
                self.lit = lit.unwrap_or(Lit::Both);
            }
            Msg::NextStory => {
                let next = match (self.story, self.lit) {
                    (None, _) => Some(Lit::Both),
                    (_, Lit::Both) => Some(Lit::Past),
                    (_, Lit::Past) => Some(Lit::Future),
                    (_, Lit::Future) => None,
                };
                return self.obey(Msg::Story(next), session);
            }
            Msg::Over(over) => self.over = if self.over == over { Over::Nothing } else { over },
            Msg::Save(what) => {
                self.over = Over::Nothing;
                self.save(what, session);
            }
            Msg::Compare(branch) => {
                self.other = branch.map(|branch| Other::new(branch, &session.run));
                if let Some(branch) = branch.and_then(|branch| session.run.branches().get(branch)) {
                    // Where they part is what one wants to see.
                    let forked = branch.forked_after.max(session.run.branch().forked_after);
                    let parted = session.run.branch().step_info(forked).map_or(SimTime::ZERO, |(at, _)| at);
                    self.window = self.window.map(|window| Window::around(parted, 0.25, window.span_us));
                    session.playing = false;
                    session.selected = None;
                }
            }
            Msg::Measure => {}
            filter => self.sift(filter),
        }
        true
    }

    fn sift(&mut self, msg: Msg) {
        let filter = &mut self.filter;
        match msg {
            Msg::Flow(flow) => {
                let _ = filter.flows.remove(&flow) || filter.flows.insert(flow);
            }
            Msg::Sort(sort) => {
                let _ = filter.sorts.remove(&sort) || filter.sorts.insert(sort);
            }
            Msg::Node(node) => {
                let _ = filter.nodes.remove(&node) || filter.nodes.insert(node);
            }
            Msg::Api(api) => filter.api = api,
            Msg::Partition(at) => filter.partition = at,
            _ => *filter = Filter::default(),
        }
    }

    /// Draws anew, `around` being the size of what is around the diagram, which is `small` where the
    /// inspector would cover it.
    #[inline(never)]
    pub(super) fn draw(&mut self, session: &Session, around: (f64, f64), small: bool) {
        self.small = small;
        let branch = session.run.branch();
        let names = Names::of(session.run.world());
        self.index.update(branch);
        self.index.choose(branch, &names, self.filter.partition.as_ref());
        let now = session.now();
        let window = self.window.unwrap_or_else(|| self.first_window(now, around.0));
        let window = if session.playing && self.follows {
            Window::around(now, PRESENT, window.span_us)
        } else if now != self.now {
            self.follows = true;
            window.with(now, PRESENT)
        } else {
            window
        };
        self.window = Some(window);
        self.now = now;
        let chosen = selected(session);
        if self.story != chosen {
            self.story = chosen.filter(|_| self.keeps && !session.playing);
        }
        let key = self.story.map(|seq| (seq, self.lit, self.index.entries()));
        if self.causes.as_ref().map(|(key, _)| *key) != key {
            self.causes = key.map(|key| (key, Causes::of(&self.index, key.0, key.1)));
        }
        let plot = dom::by_id("plot");
        let (width, height) = plot.map_or((around.0, around.1 - 84.0), |plot| {
            (f64::from(plot.client_width()), f64::from(plot.client_height()))
        });
        let canvas = Canvas { width: width.max(240.0), height: (height - 2.0).max(120.0) };
        let causes = self.causes.as_ref().map(|(_, causes)| causes);
        let drawn = picture(&self.index, branch, &names, &self.sifted(), window, canvas, causes);
        if self.picture.as_ref().is_none_or(|before| *before.0 != drawn) {
            self.picture = Some(PictureRef::new(drawn));
        }
        let (filter, run) = (self.sifted(), &session.run);
        self.other =
            self.other.take().filter(|other| other.branch < run.branches().len() && run.branches().len() > 1);
        if let Some(other) = &mut self.other {
            other.draw(run, &filter, window, canvas, !session.playing);
        }
    }

    /// What is beside the diagram while nothing is selected: how two branches differ.
    #[inline(never)]
    pub(super) fn beside(&self, session: &Session) -> Option<Html> {
        let other = self.other.as_ref().filter(|_| session.selected.is_none())?;
        Some(other.told())
    }

    /// The filter as it is meant: the admin client, which is seldom of interest, is left out at
    /// first.
    fn sifted(&self) -> Filter {
        let mut filter = self.filter.clone();
        for node in self.index.nodes().iter().filter(|node| node.role == Role::Admin) {
            let _ = filter.nodes.remove(&node.node) || filter.nodes.insert(node.node);
        }
        filter
    }

    /// As long as some frames took until now.
    fn first_window(&self, now: SimTime, width: f64) -> Window {
        let frames = if width < 560.0 { FRAMES_AT_FIRST / 2 } else { FRAMES_AT_FIRST };
        let arrows = self.index.arrows();
        let until = arrows.partition_point(|arrow| arrow.sent <= now);
        let first = until.checked_sub(frames).and_then(|first| arrows.get(first));
        let span = first.map_or(1_000_000, |first| now.since(first.sent)).clamp(8_000, 1_000_000);
        Window::around(now, PRESENT, span as f64 / PRESENT)
    }

    /// What is on the screen.
    #[inline(never)]
    pub(super) fn view(&self, session: &Session, send: &Callback<super::Msg>) -> Html {
        let Some(picture) = &self.picture else { return Html::default() };
        let branch = session.run.branch();
        let names = Names::of(session.run.world());
        let said = |seq: u64| {
            let entry = branch.entry(seq)?;
            Some((seq, title(entry, &names), subtitle(entry, &names)))
        };
        let look = send.reform(super::Msg::Space);
        let lives =
            self.index.nodes().iter().map(|node| (node.node, node.life_at(self.now))).collect::<Vec<_>>();
        let chosen = selected(session);
        let hover = self.hover.filter(|seq| chosen != Some(*seq)).or(chosen.filter(|_| self.small));
        let run = &session.run;
        let branches =
            || run.branches().iter().enumerate().map(|(number, branch)| (number, branch.name.clone()));
        let others = branches().filter(|(number, _)| *number != run.current()).collect::<Vec<_>>();
        let name = |branch: usize| {
            let name = branches().find(|(number, _)| *number == branch && self.other.is_some());
            name.map(|(_, name)| name).unwrap_or_default()
        };
        let counts = self.causes.as_ref().map(|(_, causes)| causes.counts());
        html! {
            <div class={classes!("spacetime", self.other.is_some().then_some("two"))}>
                <Bar picture={picture.clone()} lit={self.story.map(|_| self.lit)} {counts} can_light={selected(session).is_some()}
                    filtered={!self.filter.is_empty()} over={self.over} branches={others}
                    compared={self.other.as_ref().map(|other| other.branch)} send={look.clone()}>
                    if self.over == Over::Filter { { self.filters(session, &look) } }
                </Bar>
                <Diagram picture={picture.clone()} now={self.now} {lives} selected={selected(session)} name={name(run.current())}
                    hover={hover.and_then(said)}
                    filtered={!self.filter.is_empty()} parted={self.other.as_ref().and_then(Other::parted)}
                    send={send.clone()} />
                if let Some((other, picture)) = self.other.as_ref().and_then(|other| Some((other, other.picture.clone()?))) {
                    <Diagram {picture} now={other.now} lives={Vec::new()} selected={None} name={name(other.branch)} hover={None}
                        filtered={false} parted={other.parted()} branch={Some(other.branch)} send={send.clone()} />
                }
                <Legend filter={self.filter.clone()} send={look} />
            </div>
        }
    }
}

/// The entry that is selected.
fn selected(session: &Session) -> Option<u64> {
    match &session.selected {
        Some(Target::Entry(seq) | Target::Flight(seq)) => Some(*seq),
        _ => None,
    }
}
