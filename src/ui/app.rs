//! The page as a whole: what happens to it, and its frame.

mod over;

use std::rc::Rc;

use gloo::events::EventListener;
use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use gloo::utils::{document, window};
use wasm_bindgen::JsCast;
use yew::prelude::*;

use crate::base::SimTime;
use crate::scenario::theatre_fragment;
use crate::sim::Command;
use crate::view::actions::flight_faults;
use crate::view::brokers::by_broker;
use crate::view::inspector::{inspect, inspect_batch};
use crate::view::stage::{Look, Scene};
use crate::view::words::{Names, StepKind, title};

use super::address::{first_dialog, first_session, first_tab};
use super::brokers::BrokersView;
use super::dialogs::{Dialog, DialogView, read};
use super::failover;
use super::inspector::{Inspector, Shown};
use super::menu::{Chosen, Menu, MenuView};
use super::metrics::Metrics;
use super::session::{SPEEDS, Session};
use super::spacetime::Space;
use super::stage::Stage;
use super::target::Target;
use super::theatre::Theatre;
use super::transport::{Controls, Strip, TimelineView};
use super::{Msg, Tab, actions, dom, keys, seconds_of};

/// So many entries are listed when nothing is selected.
const LOG: u64 = 40;
/// The strip is drawn anew at most so often while playing, in milliseconds.
const STRIP_EVERY: f64 = 120.0;

/// The page.
pub(super) struct App {
    session: Session,
    scene: Option<Scene>,
    look: Look,
    tab: Tab,
    kind: StepKind,
    menu: Option<Menu>,
    dialog: Option<Dialog>,
    toast: Option<(u32, String)>,
    toasts: u32,
    sheet: bool,
    theme: String,
    frame: Option<AnimationFrame>,
    last_frame: f64,
    strip: Strip,
    strip_at: f64,
    /// Where the page is to be scrolled when it has been drawn.
    scroll_to: Option<f64>,
    /// The space–time diagram, once it was opened.
    space: Option<Box<Space>>,
    /// The metrics, once they were looked at.
    metrics: Option<Box<Metrics>>,
    /// What was measured about fail-over.
    failover: failover::Kept,
    /// The theatre is open, at what is behind that word in the address.
    theatre: Option<String>,
    _listeners: Vec<EventListener>,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<App>) -> App {
        let (mut session, trouble) = first_session();
        let theme = dom::theme();
        dom::set_theme(&theme);
        let moves = !window()
            .match_media("(prefers-reduced-motion: reduce)")
            .ok()
            .flatten()
            .is_some_and(|query| query.matches());
        session.playing = moves && trouble.is_none() && dom::fragment().is_empty();
        let strip = Strip::of(&session.run, &mut session.index);
        let mut app = App {
            look: Look { width: 960.0, height: 560.0, wanted: session.wanted(), ..Look::default() },
            session,
            scene: None,
            tab: first_tab(),
            kind: StepKind::RecordAppended,
            menu: None,
            dialog: trouble.map(Dialog::Trouble).or_else(first_dialog),
            toast: None,
            toasts: 0,
            sheet: false,
            theme,
            frame: None,
            last_frame: 0.0,
            strip,
            strip_at: 0.0,
            scroll_to: None,
            space: None,
            metrics: None,
            failover: Default::default(),
            theatre: theatre_fragment(&dom::fragment()).map(str::to_owned),
            _listeners: listeners(ctx),
        };
        app.ask_for_frame(ctx);
        app
    }

    fn rendered(&mut self, ctx: &Context<App>, first: bool) {
        if first {
            ctx.link().send_message(Msg::Look);
        }
        if let Some(y) = self.scroll_to.take()
            && let Some(main) = dom::by_id("main")
        {
            main.set_scroll_top(y as i32);
        }
    }

    fn update(&mut self, ctx: &Context<App>, msg: Msg) -> bool {
        let playing = self.session.playing;
        let redraw = self.obey(ctx, msg);
        if self.session.playing && !playing {
            self.last_frame = 0.0;
        }
        if self.session.playing {
            self.ask_for_frame(ctx);
        }
        if redraw && self.tab == Tab::Partitions {
            let scene = self.session.scene(&self.look);
            // What the scenario wants to be looked at first is scrolled to, if it is further down.
            if let Some(y) = scene.wanted_y {
                self.look.wanted = None;
                self.scroll_to = Some(if y + 200.0 > self.look.height { y - 20.0 } else { 0.0 });
            }
            self.scene = Some(scene);
        }
        if redraw && self.tab == Tab::SpaceTime {
            self.draw_space();
        }
        let now = dom::clock();
        if redraw && (!self.session.playing || now - self.strip_at > STRIP_EVERY) {
            self.strip = Strip::of(&self.session.run, &mut self.session.index);
            self.strip_at = now;
        }
        if redraw && self.tab == Tab::Metrics {
            self.draw_metrics(now);
        }
        redraw
    }

    fn view(&self, ctx: &Context<App>) -> Html {
        if let Some(fragment) = &self.theatre {
            return self.in_theatre(ctx, fragment);
        }
        let (scene, shown) = (self.scene.clone(), self.shown());
        let link = ctx.link();
        let run = &self.session.run;
        let onclick = link.batch_callback(|event: MouseEvent| picked(event.target(), at(&event)));
        let onkeydown = link.batch_callback(|event: KeyboardEvent| enter(&event));
        let ondragover = Callback::from(|event: DragEvent| event.prevent_default());
        let load = link.callback(Msg::Load);
        let ondrop = Callback::from(move |event: DragEvent| {
            event.prevent_default();
            let files = event.data_transfer().and_then(|transfer| transfer.files());
            if let Some(file) = files.and_then(|files| files.get(0)) {
                read(file, load.clone());
            }
        });
        let selected = self.session.selected.as_ref().map(|target| AttrValue::from(target.to_string()));
        let onscroll = link.callback(|_: Event| Msg::Look);
        html! {
            <div class={classes!("page", self.sheet.then_some("sheet-open"))} {onclick} {onkeydown} {ondragover} {ondrop}>
                { self.header(ctx) }
                <main id="main" {onscroll} data-playing={self.session.playing.to_string()}>
                    if self.tab == Tab::Partitions {
                        { self.corner(ctx) }
                        if let Some(scene) = scene { <Stage {scene} {selected} /> }
                    } else if self.tab == Tab::SpaceTime {
                        { self.in_space(ctx) }
                    } else if self.tab == Tab::Metrics {
                        { self.in_metrics(ctx) }
                    } else {
                        { self.by_broker(ctx) }
                    }
                </main>
                <aside aria-label="Inspector">
                    if self.tab == Tab::SpaceTime { { self.beside(shown) } } else { <Inspector {shown} /> }
                </aside>
                <footer>
                    <Controls playing={self.session.playing} can_undo={self.session.can_undo()} at_start={run.world().steps() == 0}
                        speed={self.session.speed} kind={self.kind} current={run.current()}
                        branches={run.branches().iter().map(|branch| branch.name.clone()).collect::<Vec<_>>()}
                        send={link.callback(|msg| msg)} />
                    <TimelineView strip={self.strip.clone()} now={self.session.now()} send={link.callback(|msg| msg)} />
                    <p class="status">
                        <b class="time">{ seconds_of(self.session.now()) }</b>
                        <span>{ format!("step {} · event {}", run.world().steps(), run.world().entries()) }</span>
                        <span>{ format!("seed {}", run.world().setup().seed) }</span>
                        <span class="digest" title="Same seed and same commands: the same digest">{ format!("{:016x}", run.world().digest().value()) }</span>
                    </p>
                </footer>
                <p class="narration" aria-live="polite">{ self.session.narration() }</p>
                if let Some(menu) = &self.menu {
                    <MenuView menu={menu.clone()} chosen={link.callback(Msg::Chosen)} />
                }
                if let Some(dialog) = &self.dialog {
                    <DialogView dialog={dialog.clone()} kept={Rc::clone(&self.failover)} close={link.callback(|()| Msg::Dialog(None))} load={link.callback(Msg::Load)} />
                }
                if let Some((_, text)) = &self.toast {
                    <p class="toast" role="alert">{ text }</p>
                }
            </div>
        }
    }
}

fn listeners(ctx: &Context<App>) -> Vec<EventListener> {
    let resize = ctx.link().clone();
    let key = ctx.link().clone();
    let options = gloo::events::EventListenerOptions::enable_prevent_default();
    vec![
        EventListener::new(&window(), "resize", move |_| resize.send_message(Msg::Look)),
        EventListener::new_with_options(&document(), "keydown", options, move |event| {
            let Some(event) = event.dyn_ref::<web_sys::KeyboardEvent>() else { return };
            let elsewhere = is_open_dialog() || dom::by_id("theatre").is_some();
            if event.default_prevented() || dom::is_typing(event.target()) || elsewhere {
                return;
            }
            // A focused button takes Space for itself.
            let on_button = event.key() == " " && dom::around(event.target(), "role").is_some();
            let on_button = on_button || (event.key() == " " && is_button(event.target()));
            if let Some(message) = keys::message(event).filter(|_| !on_button) {
                event.prevent_default();
                key.send_message(message);
            }
        }),
    ]
}

pub(super) fn is_button(target: Option<web_sys::EventTarget>) -> bool {
    target
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|element| element.tag_name() == "BUTTON" || element.tag_name() == "SUMMARY")
}

pub(super) fn is_open_dialog() -> bool {
    document().query_selector("dialog[open]").ok().flatten().is_some()
}

fn at(event: &MouseEvent) -> (f64, f64) {
    (f64::from(event.client_x()), f64::from(event.client_y()))
}

/// A click on something that has a name.
fn picked(target: Option<web_sys::EventTarget>, at: (f64, f64)) -> Option<Msg> {
    if let Some((_, pick)) = dom::around(target.clone(), "data-pick") {
        return Some(Msg::Pick(pick, at));
    }
    let (_, what) = dom::around(target, "data-do")?;
    match what.split_once('/') {
        Some(("open", "theatre")) => Some(Msg::Theatre(Some(String::new()))),
        Some(("open", _)) => Some(Msg::Dialog(Some(Dialog::Failover))),
        Some(("add", group)) => {
            Some(Msg::Chosen(Chosen::Command(Command::AddConsumer { group: group.to_owned(), name: None })))
        }
        Some((what @ ("drop" | "delay" | "twice"), sent)) => {
            let [drop, delay, twice] = flight_faults(sent.parse().ok()?).map(|(_, command)| command);
            Some(Msg::Chosen(Chosen::Command(match what {
                "drop" => drop,
                "delay" => delay,
                _ => twice,
            })))
        }
        _ => Some(Msg::Unselect),
    }
}

/// Enter and Space on what is drawn do what a click does.
fn enter(event: &KeyboardEvent) -> Option<Msg> {
    if !matches!(event.key().as_str(), "Enter" | " ") || is_button(event.target()) {
        return None;
    }
    let (element, _) =
        dom::around(event.target(), "data-pick").or_else(|| dom::around(event.target(), "data-do"))?;
    event.prevent_default();
    let place = element.get_bounding_client_rect();
    picked(event.target(), (place.left() + place.width() / 2.0, place.bottom()))
}

impl App {
    #[inline(never)]
    fn in_theatre(&self, ctx: &Context<App>, fragment: &str) -> Html {
        let link = ctx.link();
        let scenario = &self.session.scenario;
        // Where nothing happens, nothing is rebalanced.
        let tells = scenario.theatre_group().is_some()
            && !(scenario.script.is_empty() && scenario.compare.is_empty());
        let stage = tells.then(|| self.session.linked.clone());
        let (close, theme) = (link.callback(|()| Msg::Theatre(None)), link.callback(|()| Msg::Theme));
        html! { <Theatre fragment={fragment.to_owned()} {stage} {close} {theme} /> }
    }

    #[inline(never)]
    fn in_space(&self, ctx: &Context<App>) -> Html {
        let send = ctx.link().callback(|msg| msg);
        self.space.as_ref().map(|space| space.view(&self.session, &send)).unwrap_or_default()
    }

    #[inline(never)]
    fn in_metrics(&self, ctx: &Context<App>) -> Html {
        let (now, send) = (self.session.now(), ctx.link().callback(|msg| msg));
        let metrics = self.metrics.as_ref();
        metrics.map(|metrics| metrics.view(now, self.strip.horizon, &send)).unwrap_or_default()
    }

    #[inline(never)]
    fn draw_metrics(&mut self, clock: f64) {
        self.metrics.get_or_insert_default().draw(&self.session, self.strip.horizon, clock);
    }

    #[inline(never)]
    fn by_broker(&self, ctx: &Context<App>) -> Html {
        let internal = self.look.internal;
        let view = by_broker(self.session.run.world(), internal);
        let toggle = ctx.link().callback(|_: MouseEvent| Msg::Internal);
        html! { <BrokersView {view} {internal} {toggle} /> }
    }

    /// While nothing is selected, the diagram may have something to say.
    #[inline(never)]
    fn beside(&self, shown: Shown) -> Html {
        let said = self.space.as_ref().and_then(|space| space.beside(&self.session));
        said.unwrap_or_else(|| html! { <Inspector {shown} /> })
    }

    #[inline(never)]
    fn draw_space(&mut self) {
        let small = self.is_small();
        let space = self.space.get_or_insert_default();
        space.draw(&self.session, (self.look.width, self.look.height), small);
    }

    /// The inspector lies over the rest, as the style has it.
    #[inline(never)]
    fn is_small(&self) -> bool {
        self.window_width() < 900.0 || self.window_height() <= 520.0
    }

    #[inline(never)]
    fn obey_space(&mut self, msg: super::spacetime::Msg) -> bool {
        let small = self.is_small();
        let Some(space) = self.space.as_mut().filter(|_| self.tab == Tab::SpaceTime) else { return false };
        if let super::spacetime::Msg::Select(chosen) = msg {
            // Where the inspector would cover the diagram, it opens at the second touch.
            let again = chosen.map(Target::Entry) == self.session.selected;
            self.sheet = chosen.is_some() && (!small || again);
        }
        space.obey(msg, &mut self.session)
    }

    fn ask_for_frame(&mut self, ctx: &Context<App>) {
        let link = ctx.link().clone();
        self.frame = Some(request_animation_frame(move |time| link.send_message(Msg::Frame(time))));
    }

    fn obey(&mut self, ctx: &Context<App>, msg: Msg) -> bool {
        match msg {
            Msg::Frame(time) => {
                if !self.session.playing {
                    return false;
                }
                let elapsed = if self.last_frame > 0.0 { time - self.last_frame } else { 16.0 };
                self.last_frame = time;
                self.session.play(elapsed, dom::clock);
                true
            }
            Msg::Look => self.measure(),
            asked => self.obey_reader(ctx, asked),
        }
    }

    /// Whatever does not happen by itself.
    #[inline(never)]
    fn obey_reader(&mut self, ctx: &Context<App>, msg: Msg) -> bool {
        match msg {
            Msg::Frame(_) | Msg::Look => return false,
            Msg::PlayPause => self.session.playing = !self.session.playing,
            Msg::Step => self.session.step(),
            Msg::StepBack => self.session.step_back(),
            Msg::Next => {
                if let Err(trouble) = self.session.next_of(self.kind) {
                    self.say(ctx, trouble);
                }
            }
            Msg::Kind(kind) => self.kind = kind,
            Msg::Fork => {
                self.session.fork();
                let name = self.session.run.branch().name.clone();
                self.say(ctx, format!("Now on {name}; the other course stays."));
            }
            Msg::Undo => {
                if let Err(trouble) = self.session.undo() {
                    self.say(ctx, trouble);
                }
            }
            Msg::Reset => {
                if let Err(trouble) = self.session.reset() {
                    self.say(ctx, trouble);
                }
            }
            Msg::Speed(speed) => self.session.speed = speed.min(SPEEDS.len() - 1),
            Msg::Faster(by) => {
                let speed = self.session.speed as i32 + by;
                self.session.speed = speed.clamp(0, SPEEDS.len() as i32 - 1) as usize;
            }
            Msg::GoTo(time) => self.session.go_to_time(time),
            Msg::Jump(us) => {
                let now = self.session.now();
                let to = if us < 0 { now - us.unsigned_abs() } else { now + us.unsigned_abs() };
                self.session.go_to_time(to);
            }
            Msg::Home => self.session.go_to_time(SimTime::ZERO),
            Msg::End => self.session.go_to_end(),
            Msg::Switch(branch) => self.session.switch(branch),
            Msg::Pick(pick, at) => return self.pick(&pick, at),
            Msg::Chosen(chosen) => self.choose(ctx, chosen),
            Msg::Tab(tab) => self.tab = tab,
            Msg::Space(msg) => return self.obey_space(msg),
            Msg::Dialog(dialog) => self.open(dialog),
            Msg::About => self.open(Some(Dialog::About(Box::new(self.about())))),
            Msg::Load(load) => self.load(ctx, load),
            Msg::Theme => {
                let next = match self.theme.as_str() {
                    "auto" => "light",
                    "light" => "dark",
                    _ => "auto",
                };
                self.theme = next.to_owned();
                dom::set_theme(next);
            }
            Msg::Internal => self.look.internal = !self.look.internal,
            Msg::Back(by) => self.look.back = if by == 0 { 0 } else { (self.look.back + by).max(0) },
            Msg::Sheet => self.sheet = !self.sheet,
            Msg::Unselect => {
                self.menu = None;
                self.sheet = false;
                self.session.selected = None;
            }
            Msg::Quiet(number) => {
                if self.toast.as_ref().is_none_or(|(shown, _)| *shown != number) {
                    return false;
                }
                self.toast = None;
            }
            Msg::Share => self.share(ctx),
            Msg::Theatre(place) => {
                self.session.playing = false;
                self.dialog = None;
                if place.is_some() {
                    dom::set_fragment("theatre");
                }
                self.theatre = place;
            }
        }
        true
    }

    fn measure(&mut self) -> bool {
        let Some(main) = dom::by_id("main") else { return false };
        let before = self.look.clone();
        self.look.width = f64::from(main.client_width());
        self.look.height = f64::from(main.client_height());
        self.look.scroll = f64::from(main.scroll_top());
        before != self.look
    }

    fn say(&mut self, ctx: &Context<App>, text: String) {
        self.toasts += 1;
        let number = self.toasts;
        self.toast = Some((number, text));
        let link = ctx.link().clone();
        Timeout::new(6_000, move || link.send_message(Msg::Quiet(number))).forget();
    }

    fn pick(&mut self, pick: &str, at: (f64, f64)) -> bool {
        let Some(target) = Target::read(pick) else { return false };
        match &target {
            Target::Entry(seq) => self.session.jump(*seq),
            Target::Record(..) | Target::Flight(_) => {
                if matches!(target, Target::Flight(_)) {
                    self.session.playing = false;
                }
                self.session.selected = Some(target);
                self.sheet = true;
            }
            _ => {
                // Near the lower right corner it opens the other way.
                let (w, h) = (self.window_width(), self.window_height());
                let at = (at.0.min(w - 250.0).max(8.0), at.1.min(h - 320.0).max(8.0));
                self.menu = actions::menu(self.session.run.world(), &target, at);
            }
        }
        true
    }

    fn window_width(&self) -> f64 {
        window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(1280.0)
    }

    fn window_height(&self) -> f64 {
        window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(720.0)
    }

    fn choose(&mut self, ctx: &Context<App>, chosen: Chosen) {
        match chosen {
            Chosen::Nothing => self.menu = None,
            Chosen::Trouble(trouble) => self.say(ctx, trouble),
            Chosen::Command(command) => {
                self.menu = None;
                if let Err(trouble) = self.session.command(&command) {
                    self.say(ctx, trouble);
                }
            }
        }
    }

    fn shown(&self) -> Shown {
        let run = &self.session.run;
        match &self.session.selected {
            Some(Target::Entry(seq)) => inspect(run, *seq).map(|found| Shown::Entry(Box::new(found), false)),
            Some(Target::Flight(seq)) => {
                let flying = run.world().flights().iter().any(|flight| flight.entry == *seq);
                inspect(run, *seq).map(|found| Shown::Entry(Box::new(found), flying))
            }
            Some(Target::Record(broker, at, offset)) => {
                inspect_batch(run.world(), *broker, at, *offset).map(|batch| Shown::Batch(Box::new(batch)))
            }
            _ => None,
        }
        .unwrap_or_else(|| self.log())
    }

    /// The latest entries that say something.
    fn log(&self) -> Shown {
        let run = &self.session.run;
        let names = Names::of(run.world());
        let branch = run.branch();
        let last = run.world().entries();
        let telling =
            (last.saturating_sub(400)..=last).rev().filter_map(|seq| branch.entry(seq)).filter(|entry| {
                use crate::trace::Event::{
                    ConnectionClosed, ConnectionOpened, FetchWaits, Lost, Received, Sent, TimerFired,
                };
                !matches!(
                    entry.event,
                    TimerFired { .. }
                        | ConnectionOpened { .. }
                        | ConnectionClosed { .. }
                        | FetchWaits { .. }
                        | Received { .. }
                        | Sent { .. }
                        | Lost { .. }
                )
            });
        Shown::Log(
            telling.take(LOG as usize).map(|entry| (entry.seq, entry.time, title(entry, &names))).collect(),
        )
    }

    fn header(&self, ctx: &Context<App>) -> Html {
        let link = ctx.link();
        let cluster = &self.session.run.world().setup().cluster;
        let partitions: i32 = cluster.topics.iter().map(|topic| topic.partitions).sum();
        let title = &self.session.scenario.title;
        let replication = cluster.topics.iter().map(|topic| topic.replication_factor).max().unwrap_or(1);
        let facts =
            format!("{} brokers · {partitions} partitions · replication {replication}", cluster.brokers);
        let tab = |tab: Tab, name: &'static str| {
            let on = self.tab == tab;
            html! {
                <button role="tab" aria-selected={on.to_string()} class={classes!(on.then_some("on"))}
                    onclick={link.callback(move |_| Msg::Tab(tab))}>{ name }</button>
            }
        };
        let theme = match self.theme.as_str() {
            "light" => "☀",
            "dark" => "☾",
            _ => "◐",
        };
        html! {
            <header class="top">
                <h1 class="logo">
                    <svg width="18" height="20" viewBox="0 0 18 20" aria-hidden="true">
                        <path d="M4 1h10M5 1v3c0 2-3 3-3 7v5c0 2 1 3 3 3h8c2 0 3-1 3-3v-5c0-4-3-5-3-7V1" fill="none" stroke="currentColor" stroke-width="1.5" />
                        <rect x="5" y="12" width="3" height="4" class="k0" /><rect x="9" y="12" width="3" height="4" class="k1" />
                    </svg>
                    <span>{ "Terrarium" }</span>
                </h1>
                <span class="scenario"><button onclick={link.callback(|_| Msg::About)} aria-label={format!("About: {title}")} title="What this is about"><b>{ title }</b></button><span>{ facts }</span></span>
                <div class="tabs" role="tablist" aria-label="View">{ tab(Tab::Partitions, "Partitions") }{ tab(Tab::Brokers, "Brokers") }{ tab(Tab::SpaceTime, "Space–time") }{ tab(Tab::Metrics, "Metrics") }
                    <button onclick={link.callback(|_| Msg::Theatre(Some(String::new())))} title="The rebalance theatre (T)">{ "Rebalance" }</button>
                </div>
                <button class="btn" onclick={link.callback(|_| Msg::Dialog(Some(Dialog::Gallery)))}>{ "Scenarios" }</button>
                <button class="btn" onclick={link.callback(|_| Msg::Share)}>{ "Share" }</button>
                <button class="btn icon" onclick={link.callback(|_| Msg::Theme)} aria-label={format!("Theme: {}", self.theme)} title={format!("Theme: {}", self.theme)}>{ theme }</button>
                <button class="btn icon" onclick={link.callback(|_| Msg::Dialog(Some(Dialog::Help)))} aria-label="Help" title="Help (?)">{ "?" }</button>
                <button class="btn details" onclick={link.callback(|_| Msg::Sheet)} aria-expanded={self.sheet.to_string()}>{ "Details" }</button>
            </header>
        }
    }

    /// Small switches in the stage's corner.
    fn corner(&self, ctx: &Context<App>) -> Html {
        let link = ctx.link();
        let back = self.look.back;
        html! {
            <div class="corner">
                <button class="btn small" onclick={link.callback(|_| Msg::Back(8))} aria-label="Earlier records" title="Earlier records">{ "«" }</button>
                if back > 0 {
                    <button class="btn small" onclick={link.callback(|_| Msg::Back(-8))} aria-label="Later records" title="Later records">{ "»" }</button>
                    <button class="btn small" onclick={link.callback(|_| Msg::Back(0))}>{ "to the end" }</button>
                }
                <button class="btn small" aria-pressed={self.look.internal.to_string()} onclick={link.callback(|_| Msg::Internal)}>
                    { if self.look.internal { "hide internal topics" } else { "internal topics" } }
                </button>
            </div>
        }
    }
}
