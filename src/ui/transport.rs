//! The bar at the foot: play, step, speed, the timeline, the status line.

use yew::prelude::*;

use crate::base::SimTime;
use crate::sim::Run;
use crate::view::timeline::{FaultMark, Timeline, TimelineIndex};
use crate::view::words::{Category, Names, StepKind};
use crate::view::{Px, px};

use super::session::SPEEDS;
use super::{Msg, seconds_of};

/// The timeline's buckets; also its width in its own units.
const BUCKETS: u32 = 480;
const ROWS: [Category; 4] = [Category::Requests, Category::Log, Category::Groups, Category::Faults];
const ROW: f64 = 15.0;

#[derive(PartialEq, Properties)]
pub(super) struct ControlsProps {
    pub(super) playing: bool,
    pub(super) can_undo: bool,
    pub(super) at_start: bool,
    pub(super) speed: usize,
    pub(super) kind: StepKind,
    pub(super) branches: Vec<String>,
    pub(super) current: usize,
    pub(super) send: Callback<Msg>,
}

#[component]
pub(super) fn Controls(props: &ControlsProps) -> Html {
    let on = |msg: fn() -> Msg| {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(msg()))
    };
    let (play, sign) = if props.playing { ("Pause", "❚❚") } else { ("Play", "▶") };
    let speed = {
        let send = props.send.clone();
        Callback::from(move |event: InputEvent| {
            let input: web_sys::HtmlInputElement = event.target_unchecked_into();
            send.emit(Msg::Speed(input.value().parse().unwrap_or(8)));
        })
    };
    let kind = {
        let send = props.send.clone();
        Callback::from(move |event: Event| {
            let select: web_sys::HtmlSelectElement = event.target_unchecked_into();
            if let Some(kind) = StepKind::named(&select.value()) {
                send.emit(Msg::Kind(kind));
            }
        })
    };
    let branch = {
        let send = props.send.clone();
        Callback::from(move |event: Event| {
            let select: web_sys::HtmlSelectElement = event.target_unchecked_into();
            send.emit(Msg::Switch(select.value().parse().unwrap_or(0)));
        })
    };
    let (_, words) = SPEEDS[props.speed.min(SPEEDS.len() - 1)];
    html! {
        <div class="controls">
            <div class="keys">
                <button class="btn" onclick={on(|| Msg::StepBack)} disabled={props.at_start} aria-label="Step back" title="Step back (←)">{ "◂❙" }</button>
                <button class="btn go" onclick={on(|| Msg::PlayPause)} aria-label={play} title={format!("{play} (Space)")}>{ sign }</button>
                <button class="btn" onclick={on(|| Msg::Step)} aria-label="Step" title="Step (→)">{ "❙▸" }</button>
                <span class="next">
                    <button class="btn" onclick={on(|| Msg::Next)} title="To the next event of this kind (N)">{ "to next" }</button>
                    <select aria-label="Kind of event" onchange={kind}>
                        { for StepKind::ALL.iter().map(|kind| html! {
                            <option value={kind.name()} selected={*kind == props.kind}>{ kind.label() }</option>
                        }) }
                    </select>
                </span>
            </div>
            <div class="keys minor">
                <button class="btn" onclick={on(|| Msg::Fork)} title="Begin another branch here (F)">{ "Fork" }</button>
                <button class="btn" onclick={on(|| Msg::Undo)} disabled={!props.can_undo} title="Step back over the last command (U)">{ "Undo" }</button>
                <button class="btn" onclick={on(|| Msg::Reset)} title="From the beginning">{ "Reset" }</button>
                <label class="speed" title="Speed (+ and −)">
                    <input type="range" min="0" max={(SPEEDS.len() - 1).to_string()} step="1" value={props.speed.to_string()}
                        aria-label="Speed" aria-valuetext={words} oninput={speed} />
                    <output>{ words }</output>
                </label>
                if props.branches.len() > 1 {
                    <select class="branches" aria-label="Branch" onchange={branch}>
                        { for props.branches.iter().enumerate().map(|(index, name)| html! {
                            <option value={index.to_string()} selected={index == props.current}>{ name }</option>
                        }) }
                    </select>
                }
            </div>
        </div>
    }
}

/// The strip as data: what is drawn, and the range of time that it covers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Strip {
    pub(super) timeline: Timeline,
    pub(super) horizon: SimTime,
    pub(super) known: SimTime,
    pub(super) commands: Vec<SimTime>,
}

impl Strip {
    pub(super) fn of(run: &Run, index: &mut TimelineIndex) -> Strip {
        let branch = run.branch();
        index.update(branch);
        let known =
            branch.step_info(branch.head()).map_or(SimTime::ZERO, |(at, _)| at).max(run.world().now());
        let horizon = horizon(known);
        let names = Names::of(run.world());
        let timeline = index.timeline(branch, &names, SimTime::ZERO, horizon, BUCKETS);
        let commands = branch.journal().map(|journaled| journaled.at).collect();
        Strip { timeline, horizon, known, commands }
    }
}

/// A round time with some future in it, so that the strip seldom changes its scale.
fn horizon(known: SimTime) -> SimTime {
    let wanted = known.0 / 5 * 6;
    let mut at = 10_000_000_u64;
    while at < wanted {
        at = if (at / 10_000_000).is_power_of_two() {
            at.saturating_mul(3) / 2
        } else {
            at.saturating_mul(4) / 3
        };
    }
    SimTime(at)
}

#[derive(PartialEq, Properties)]
pub(super) struct TimelineProps {
    pub(super) strip: Strip,
    pub(super) now: SimTime,
    pub(super) send: Callback<Msg>,
}

#[component]
pub(super) fn TimelineView(props: &TimelineProps) -> Html {
    let horizon = props.strip.horizon.0.max(1) as f64;
    let width = f64::from(BUCKETS);
    let x = |time: SimTime| time.0 as f64 / horizon * width;
    let scrub = {
        let send = props.send.clone();
        Callback::from(move |event: InputEvent| {
            let input: web_sys::HtmlInputElement = event.target_unchecked_into();
            // Saturates, and what is no number is 0.
            send.emit(Msg::GoTo(SimTime((input.value_as_number() * 1_000.0) as u64)));
        })
    };
    let height = ROW * ROWS.len() as f64;
    let percent = |time: SimTime| format!("{}%", Px(time.0 as f64 / horizon * 100.0));
    html! {
        <div class="timeline">
            <div class="rows" aria-hidden="true">
                { for ROWS.iter().map(|row| html! { <span>{ row.label() }</span> }) }
            </div>
            <div class="strip">
                <Marks timeline={props.strip.timeline.clone()} />
                <svg class="now" viewBox={format!("0 0 {} {}", Px(width), Px(height))} preserveAspectRatio="none" aria-hidden="true">
                    <rect class="future" x={px(x(props.strip.known.max(props.now)))} y="0"
                        width={px((width - x(props.strip.known.max(props.now))).max(0.0))} height={px(height)} />
                    <rect class="ahead" x={px(x(props.now))} y="0"
                        width={px((x(props.strip.known) - x(props.now)).max(0.0))} height={px(height)} />
                </svg>
                { for named_faults(&props.strip).into_iter().map(|fault| html! {
                    <span class="fault" style={format!("left:{}", percent(fault.time))}>{ &fault.label }</span>
                }) }
                <span class="cursor" style={format!("left:{}", percent(props.now))} aria-hidden="true" />
                <input class="scrub" type="range" min="0" max={(props.strip.horizon.0 / 1_000).to_string()} step="1"
                    value={(props.now.0 / 1_000).to_string()} aria-label="Time" aria-valuetext={seconds_of(props.now)} oninput={scrub} />
            </div>
        </div>
    }
}

/// The latest faults that have room for their names. What was lost on the way follows from them.
fn named_faults(strip: &Strip) -> Vec<&FaultMark> {
    let mut named: Vec<&FaultMark> = Vec::new();
    for fault in strip.timeline.faults.iter().rev().filter(|fault| !fault.label.ends_with(" lost")) {
        if named.len() < 4 && named.last().is_none_or(|last| last.x >= fault.x + BUCKETS / 6) {
            named.push(fault);
        }
    }
    named
}

#[derive(PartialEq, Properties)]
struct MarksProps {
    timeline: Timeline,
}

#[component]
fn Marks(props: &MarksProps) -> Html {
    let (width, height) = (f64::from(BUCKETS), ROW * ROWS.len() as f64);
    html! {
        <svg class="marks" viewBox={format!("0 0 {} {}", Px(width), Px(height))} preserveAspectRatio="none" aria-hidden="true">
            { for ROWS.iter().enumerate().map(|(index, category)| {
                let top = index as f64 * ROW;
                let marks = props.timeline.rows.iter().find(|row| row.category == *category);
                let mut d = String::new();
                for mark in marks.into_iter().flat_map(|row| &row.marks) {
                    d += &format!("M{}.5,{}v9", mark.x, Px(top + 3.0));
                }
                html! { <>
                    <path class="rail" d={format!("M0,{}H{}", Px(top + 7.5), Px(width))} />
                    <path class={category.label()} {d} />
                </> }
            }) }
        </svg>
    }
}
