//! The rebalance theatre: one script of events in several worlds, one clock.

mod aside;
mod chrome;
mod drawn;
mod export;
mod foot;
mod panel;
mod script;
mod show;

use std::rc::Rc;

use gloo::events::EventListener;
use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use gloo::utils::{document, window};
use wasm_bindgen::JsCast;
use yew::prelude::*;

use crate::base::SimTime;
use crate::scenario::{Linked, Protocol, Scenario, TheatreLink, WORLDS_MAX};
use crate::sim::Command;
use crate::view::theatre::{Frame, StepBy};

use self::aside::Details;
use self::drawn::Drawn;
use self::foot::{Foot, Zoom};
use self::panel::World;
use self::script::{Script, Told};
use self::show::{FIRST, Guess, Show};
use super::dialogs::{Load, of_file, read};
use super::dom;
use super::session::SPEEDS;

/// What took longer than this to find is drawn with the next frame, in milliseconds.
const DRAW_AT_ONCE_MS: f64 = 3.0;
/// While something is looked for, only so many frames are drawn.
const SEARCH_SHOWN_EVERY: u32 = 6;
/// What is said for a while stays so long, in milliseconds.
const TOAST_MS: u32 = 6_000;

/// What can happen in the theatre.
pub(super) enum Msg {
    Frame(f64),
    Measure,
    PlayPause,
    Step,
    StepBack,
    By(StepBy),
    NextBy,
    GoTo(SimTime),
    Jump(i64),
    Home,
    End,
    Faster(i32),
    Speed(usize),
    Zoom(i32),
    Focus(usize),
    Act(Command),
    Remove(usize),
    Protocol(usize),
    Guess(Box<Guess>),
    NextQuestion,
    Open(String),
    Load(Load),
    Over(Over),
    Sheet,
    Share,
    Save(Export),
    Theme,
    Escape,
    Close,
    Quiet(u32),
}

/// What lies over the theatre.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Over {
    #[default]
    Nothing,
    Event,
    Protocols,
    Export,
    Gallery,
    Help,
    Link(String),
    Trouble(String),
}

/// What can be taken along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Export {
    StripSvg,
    StripPng,
    SequenceSvg,
    SequencePng,
    Mermaid,
    Scenario,
}

#[derive(PartialEq, Properties)]
pub(super) struct Props {
    /// What is behind `theatre` in the address.
    pub(super) fragment: String,
    /// The scenario on the stage, if it has a group.
    pub(super) stage: Option<Linked>,
    /// Back to the stage.
    pub(super) close: Callback<()>,
    /// Another theme.
    pub(super) theme: Callback<()>,
}

/// The theatre.
pub(super) struct Theatre {
    show: Show,
    playing: bool,
    speed: usize,
    by: StepBy,
    zoom: Zoom,
    focus: usize,
    over: Over,
    sheet: bool,
    guess: Option<Guess>,
    toast: Option<(u32, String)>,
    toasts: u32,
    /// Width of a chart and height of a panel's chart, in pixels.
    size: (f64, f64),
    drawn: Drawn,
    frame: Option<AnimationFrame>,
    last_frame: f64,
    /// The next steps are not yet prepared.
    cold: bool,
    /// The same callback at all times, so that what has it among its properties has not changed.
    send: Callback<Msg>,
    /// Frames of a search since the last one that was drawn.
    unseen: u32,
    _listeners: Vec<EventListener>,
}

impl Component for Theatre {
    type Message = Msg;
    type Properties = Props;

    fn create(ctx: &Context<Theatre>) -> Theatre {
        let (show, trouble) = first_show(ctx.props());
        let mut theatre = Theatre {
            speed: speed_of(&show.scenario),
            show,
            playing: false,
            by: StepBy::State,
            zoom: Zoom::default(),
            focus: 0,
            over: trouble.map_or(Over::Nothing, Over::Trouble),
            sheet: false,
            guess: None,
            toast: None,
            toasts: 0,
            size: (600.0, 120.0),
            drawn: Drawn::default(),
            frame: None,
            last_frame: 0.0,
            cold: false,
            send: ctx.link().callback(|msg| msg),
            unseen: 0,
            _listeners: listeners(ctx),
        };
        theatre.ask_for_frame(ctx);
        theatre
    }

    fn rendered(&mut self, ctx: &Context<Theatre>, first: bool) {
        if first || self.drawn.take_moved() {
            ctx.link().send_message(Msg::Measure);
        }
    }

    fn update(&mut self, ctx: &Context<Theatre>, msg: Msg) -> bool {
        let begun = dom::clock();
        let in_frame = matches!(msg, Msg::Frame(_));
        let redraw = self.obey(ctx, msg);
        if redraw {
            self.drawn.want(&self.show);
        }
        let moves = self.playing || self.show.is_under_way();
        if !moves {
            self.last_frame = 0.0;
        }
        // A frame that both looks for something and draws it would come too late.
        let is_late = !self.playing && dom::clock() - begun > DRAW_AT_ONCE_MS;
        let draws = self.drawn.is_wanting() && (redraw || in_frame) && !is_late;
        if draws {
            self.draw();
        }
        // While nothing moves, the frames after what was drawn prepare for the next steps.
        if moves || draws || self.drawn.is_wanting() || std::mem::take(&mut self.cold) {
            self.ask_for_frame(ctx);
        }
        draws
    }

    fn view(&self, ctx: &Context<Theatre>) -> Html {
        let link = ctx.link();
        let send = &self.send;
        let worlds = self.drawn.worlds.iter().zip(&self.show.protocols);
        let now = self.show.now();
        let end = self.show.end();
        let ondragover = Callback::from(|event: DragEvent| event.prevent_default());
        let load = link.callback(Msg::Load);
        let ondrop = Callback::from(move |event: DragEvent| {
            event.prevent_default();
            let files = event.data_transfer().and_then(|transfer| transfer.files());
            if let Some(file) = files.and_then(|files| files.get(0)) {
                read(file, load.clone());
            }
        });
        html! {
            <div id="theatre" class={classes!("page", "theatre", self.sheet.then_some("sheet-open"))} {ondragover} {ondrop}>
                { self.header() }
                <Script show={self.told()} over={self.over.clone()} {send} />
                <main id="main" class={classes!("worlds", format!("n{}", self.drawn.worlds.len()), self.drawn.elects.then_some("elects"))}
                    data-playing={self.playing.to_string()} data-whole={(!self.drawn.is_wanting()).to_string()}>
                    { hatches() }
                    { for worlds.enumerate().map(|(number, (shown, protocol))| html! {
                        <World {number} title={&shown.title} idea={protocol.idea()} chart={shown.chart.1.clone()}
                            panel={Rc::clone(&shown.calm)} now={shown.now} known={shown.known}
                            score={shown.score.clone()} elections={shown.elections.clone()}
                            cues={Rc::clone(&self.drawn.marks)} focused={self.focus == number} {send} />
                    }) }
                </main>
                <aside aria-label="Details">{ self.details() }</aside>
                <Foot playing={self.playing} busy={self.show.is_under_way()} by={self.by} speed={self.speed} zoom={self.zoom}
                    now={now} known={self.show.known()} begin={self.show.opens()} end={end} cues={Rc::clone(&self.drawn.marks)} {send} />
                <p class="narration" aria-live="polite">{ self.spoken() }</p>
                { self.over(ctx) }
                if let Some((_, text)) = &self.toast {
                    <p class="toast" role="alert">{ text }</p>
                }
            </div>
        }
    }
}

/// What the address asks for, or the scenario on the stage, or the first; and why not the former.
fn first_show(props: &Props) -> (Show, Option<String>) {
    let asked = TheatreLink::decode(&props.fragment).map_err(|error| error.to_string());
    let wanted = match asked {
        Ok(Some(link)) => Some(Show::open(&link)),
        Ok(None) => props
            .stage
            .clone()
            .map(|linked| Show::open(&TheatreLink { scenario: linked, ..TheatreLink::of(FIRST) })),
        Err(trouble) => Some(Err(trouble)),
    };
    let trouble = match wanted {
        Some(Ok(show)) => return (show, None),
        // A stage without a group is no trouble.
        Some(Err(trouble)) if !props.fragment.is_empty() => Some(trouble),
        _ => None,
    };
    match Show::open(&TheatreLink::of(FIRST)) {
        Ok(show) => (show, trouble),
        Err(error) => panic!("the gallery's own scenario is refused: {error}"),
    }
}

fn speed_of(scenario: &Scenario) -> usize {
    let wanted = scenario.look.speed.unwrap_or(1.0);
    SPEEDS.iter().position(|(speed, _)| *speed >= wanted).unwrap_or(SPEEDS.len() - 1)
}

/// Patterns that all charts share.
fn hatches() -> Html {
    html! {
        <svg class="defs" width="0" height="0" aria-hidden="true"><defs>
            <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                <rect width="6" height="6" class="hatch-ground" /><path d="M1,0v6" class="hatch-line" />
            </pattern>
            <pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse">
                <circle cx="2.5" cy="2.5" r="1" class="dot-mark" />
            </pattern>
            <pattern id="still" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
                <path d="M1,0v5" class="hatch-line" />
            </pattern>
        </defs></svg>
    }
}

fn listeners(ctx: &Context<Theatre>) -> Vec<EventListener> {
    let resize = ctx.link().clone();
    let key = ctx.link().clone();
    let options = gloo::events::EventListenerOptions::enable_prevent_default();
    vec![
        EventListener::new(&window(), "resize", move |_| resize.send_message(Msg::Measure)),
        EventListener::new_with_options(&document(), "keydown", options, move |event| {
            let Some(event) = event.dyn_ref::<web_sys::KeyboardEvent>() else { return };
            if event.default_prevented() || dom::is_typing(event.target()) || super::app::is_open_dialog() {
                return;
            }
            let on_button =
                matches!(event.key().as_str(), " " | "Enter") && super::app::is_button(event.target());
            if let Some(message) = message(event).filter(|_| !on_button) {
                event.prevent_default();
                key.send_message(message);
            }
        }),
    ]
}

/// What a key does.
fn message(event: &web_sys::KeyboardEvent) -> Option<Msg> {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return None;
    }
    Some(match (event.key().as_str(), event.shift_key()) {
        (" ", _) => Msg::PlayPause,
        ("ArrowRight", false) | ("PageDown", _) => Msg::Step,
        ("ArrowLeft", false) | ("PageUp", _) => Msg::StepBack,
        ("ArrowRight", true) => Msg::Jump(1_000_000),
        ("ArrowLeft", true) => Msg::Jump(-1_000_000),
        ("Home", _) => Msg::Home,
        ("End", _) => Msg::End,
        ("k" | "K", _) => Msg::NextBy,
        ("+" | "=", _) => Msg::Faster(1),
        ("-", _) => Msg::Faster(-1),
        ("z", _) => Msg::Zoom(1),
        ("Z", _) => Msg::Zoom(-1),
        ("e" | "E", _) => Msg::Over(Over::Event),
        ("d" | "D", _) => Msg::Sheet,
        ("t" | "T", _) => Msg::Close,
        ("?", _) => Msg::Over(Over::Help),
        ("Escape", _) => Msg::Escape,
        (digit @ ("1" | "2" | "3" | "4"), _) => Msg::Focus(digit.parse::<usize>().ok()? - 1),
        _ => return None,
    })
}

impl Theatre {
    fn ask_for_frame(&mut self, ctx: &Context<Theatre>) {
        let link = ctx.link().clone();
        self.frame = Some(request_animation_frame(move |time| link.send_message(Msg::Frame(time))));
    }

    fn obey(&mut self, ctx: &Context<Theatre>, msg: Msg) -> bool {
        let outcome = match msg {
            Msg::Frame(time) => return self.next_frame(ctx, time),
            Msg::Measure => return self.measure(),
            Msg::PlayPause => {
                self.playing = !self.playing;
                Ok(())
            }
            Msg::Step => {
                self.playing = false;
                self.show.step(self.by, dom::clock)
            }
            Msg::StepBack => {
                self.playing = false;
                self.show.step_back(self.by);
                Ok(())
            }
            Msg::GoTo(time) => {
                self.show.go_to(time);
                Ok(())
            }
            Msg::Jump(us) => {
                let now = self.show.now();
                self.show.go_to(if us < 0 { now - us.unsigned_abs() } else { now + us.unsigned_abs() });
                Ok(())
            }
            Msg::Home => {
                self.playing = false;
                self.show.go_to(self.show.opens());
                Ok(())
            }
            Msg::End => {
                self.playing = false;
                self.show.go_to(self.show.known());
                Ok(())
            }
            Msg::Act(command) => {
                self.over = Over::Nothing;
                self.show.act(command)
            }
            Msg::Remove(index) => self.show.remove(index),
            Msg::Protocol(index) => self.toggle_protocol(index),
            Msg::Open(id) => self.open(&TheatreLink::of(&id)),
            Msg::Load(load) => {
                self.load(load);
                Ok(())
            }
            Msg::Share => self.share(),
            Msg::Save(export) => {
                self.over = Over::Nothing;
                self.save(export);
                Ok(())
            }
            other => return self.look(ctx, other),
        };
        if let Err(trouble) = outcome {
            self.say(ctx, trouble);
        }
        true
    }

    /// What changes only how it is looked at.
    fn look(&mut self, ctx: &Context<Theatre>, msg: Msg) -> bool {
        match msg {
            Msg::By(by) => self.by = by,
            Msg::NextBy => {
                let place = StepBy::ALL.iter().position(|by| *by == self.by).unwrap_or(0);
                self.by = StepBy::ALL[(place + 1) % StepBy::ALL.len()];
            }
            Msg::Faster(by) => {
                let speed = self.speed as i32 + by;
                self.speed = speed.clamp(0, SPEEDS.len() as i32 - 1) as usize;
            }
            Msg::Speed(speed) => self.speed = speed.min(SPEEDS.len() - 1),
            Msg::Zoom(by) => self.zoom = self.zoom.by(by),
            Msg::Focus(world) => self.focus = world.min(self.show.folds().len().saturating_sub(1)),
            Msg::Guess(guess) => self.guess = Some(*guess),
            Msg::NextQuestion => self.guess = None,
            Msg::Over(over) => self.over = if self.over == over { Over::Nothing } else { over },
            Msg::Sheet => self.sheet = !self.sheet,
            Msg::Theme => ctx.props().theme.emit(()),
            Msg::Escape => {
                self.sheet = false;
                self.over = Over::Nothing;
            }
            Msg::Close => {
                dom::set_fragment("");
                ctx.props().close.emit(());
            }
            Msg::Quiet(number) if self.toast.as_ref().is_some_and(|(shown, _)| *shown == number) => {
                self.toast = None
            }
            _ => return false,
        }
        true
    }

    fn next_frame(&mut self, ctx: &Context<Theatre>, time: f64) -> bool {
        // What the picture lacks is drawn first, and nothing is looked for meanwhile.
        if !self.playing && self.drawn.is_wanting() {
            return false;
        }
        if self.show.is_under_way() {
            if let Err(trouble) = self.show.go_on(dom::clock) {
                self.say(ctx, trouble);
            }
            self.unseen += 1;
            if self.show.is_under_way() && self.unseen < SEARCH_SHOWN_EVERY {
                return false;
            }
            self.unseen = 0;
            return true;
        }
        if !self.playing {
            self.cold = self.show.warm(self.by, dom::clock);
            return false;
        }
        let elapsed = if self.last_frame > 0.0 { time - self.last_frame } else { 16.0 };
        self.last_frame = time;
        self.playing = self.show.play(elapsed, self.speed, dom::clock);
        true
    }

    fn measure(&mut self) -> bool {
        let Some(main) = dom::by_id("main") else { return false };
        let chart = document().query_selector(".world .chart").ok().flatten();
        let width = chart.map_or(600.0, |chart| f64::from(chart.client_width()));
        let worlds = self.show.folds().len().max(1) as f64;
        let height = f64::from(main.client_height());
        let size = ((width - 62.0).max(120.0), ((height - 14.0 - 10.0 * worlds) / worlds - 17.0).max(60.0));
        let changed = size != self.size;
        self.size = size;
        changed
    }

    /// The part of the time that is shown.
    fn frame_shown(&self) -> Frame {
        let lanes = self.show.folds().iter().map(|fold| fold.lanes().len()).max().unwrap_or(1).max(1);
        let least = if self.size.1 > 90.0 { 9.0 } else { 8.0 };
        let pitch = (self.size.1 / lanes as f64).clamp(least, 30.0);
        let (from, to) = self.zoom.span(self.show.opens(), self.show.end(), self.show.now());
        Frame { from, to, width: self.size.0, pitch }
    }

    /// Draws what has changed.
    fn draw(&mut self) {
        if self.drawn.worlds.len() != self.show.folds().len() {
            self.measure();
        }
        let frame = self.frame_shown();
        self.drawn.draw(&self.show, frame, self.focus, self.playing);
    }

    fn toggle_protocol(&mut self, index: usize) -> Result<(), String> {
        let Some(wanted) = self.choices().get(index).cloned() else { return Ok(()) };
        let mut protocols = self.show.protocols.clone();
        match protocols.iter().position(|known| *known == wanted) {
            Some(_) if protocols.len() == 1 => return Err("One world there must be.".into()),
            Some(at) => drop(protocols.remove(at)),
            None if protocols.len() >= WORLDS_MAX => {
                return Err(format!("At most {WORLDS_MAX} worlds fit: take one away first."));
            }
            None => protocols.push(wanted),
        }
        self.show.compare(protocols)?;
        self.focus = self.focus.min(self.show.folds().len() - 1);
        Ok(())
    }

    /// Protocols that can be compared: those that are, and all others.
    fn choices(&self) -> Vec<Protocol> {
        let mut all = self.show.protocols.clone();
        all.extend(Protocol::all().into_iter().filter(|protocol| !self.show.protocols.contains(protocol)));
        all
    }

    fn open(&mut self, link: &TheatreLink) -> Result<(), String> {
        self.show = Show::open(link)?;
        self.speed = speed_of(&self.show.scenario);
        self.playing = false;
        self.guess = None;
        self.focus = 0;
        self.over = Over::Nothing;
        self.drawn = Drawn::default();
        // A file's text is no address to look at; a link to it is made when somebody asks for one.
        let text = if matches!(link.scenario, Linked::Gallery(_)) { link.encode().ok() } else { None };
        dom::set_fragment(text.as_deref().unwrap_or("theatre"));
        Ok(())
    }

    /// What was dropped on the page.
    fn load(&mut self, load: Load) {
        let (name, linked) = match load {
            Load::Gallery(id) => (None, Linked::Gallery(id)),
            Load::File(name, bytes) => {
                (Some(name), Linked::Text(String::from_utf8_lossy(&bytes).into_owned()))
            }
        };
        if let Err(trouble) = self.open(&TheatreLink { scenario: linked, ..TheatreLink::of(FIRST) }) {
            self.over = Over::Trouble(of_file(name.as_deref(), trouble));
        }
    }

    fn share(&mut self) -> Result<(), String> {
        self.playing = false;
        let text = self.show.link().encode().map_err(|error| error.to_string())?;
        let address = dom::set_fragment(&text);
        dom::copy(&address);
        self.over = Over::Link(address);
        Ok(())
    }

    fn say(&mut self, ctx: &Context<Theatre>, text: String) {
        self.toasts += 1;
        let number = self.toasts;
        self.toast = Some((number, text));
        let link = ctx.link().clone();
        Timeout::new(TOAST_MS, move || link.send_message(Msg::Quiet(number))).forget();
    }

    fn told(&self) -> Told {
        let members = self.drawn.worlds.first().map_or(&[][..], |shown| &shown.calm.members);
        let question = self.show.question(members);
        let cues = Rc::clone(&self.show.cues);
        let outcome = self.guess.as_ref().and_then(|guess| self.show.outcome(guess));
        let actions = if self.over == Over::Event { script::actions(&self.show) } else { Vec::new() };
        Told {
            past: cues.iter().filter(|cue| cue.at <= self.show.now()).count(),
            cues,
            question,
            guess: self.guess.clone(),
            outcome,
            actions,
        }
    }

    fn details(&self) -> Html {
        let focus = self.focus.min(self.show.folds().len().saturating_sub(1));
        let (Some(shown), Some((_, _, matrix))) = (self.drawn.worlds.get(focus), &self.drawn.matrix) else {
            return Html::default();
        };
        html! {
            <Details title={&shown.title} panel={Rc::clone(&self.drawn.full)} matrix={Rc::clone(matrix)}
                told={self.drawn.told.clone()} names={Rc::clone(&self.drawn.names)} />
        }
    }

    fn spoken(&self) -> String {
        match self.show.play.narration() {
            Some((world, text)) if !self.playing => format!("{}: {text}", self.show.protocols[world].title()),
            _ => String::new(),
        }
    }
}
