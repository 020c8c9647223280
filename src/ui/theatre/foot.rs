//! The bar at the foot: play, step by a kind, speed, the script on the clock.

use std::rc::Rc;

use yew::prelude::*;

use crate::base::SimTime;
use crate::ui::seconds_of;
use crate::view::Px;
use crate::view::theatre::StepBy;

use super::super::session::SPEEDS;
use super::Msg;

/// How much time the strips show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Zoom(usize);

/// Spans to choose from, in microseconds; 0 is all.
const SPANS: [(u64, &str); 6] = [
    (0, "all"),
    (30_000_000, "30 s"),
    (10_000_000, "10 s"),
    (3_000_000, "3 s"),
    (1_000_000, "1 s"),
    (200_000, "200 ms"),
];

impl Zoom {
    /// Closer, or further away.
    pub(super) fn by(self, by: i32) -> Zoom {
        Zoom((self.0 as i32 + by).clamp(0, SPANS.len() as i32 - 1) as usize)
    }

    fn label(self) -> &'static str {
        SPANS[self.0].1
    }

    /// What is shown of a run that is opened at `opens` and is known, or wanted, until `end`. Pages
    /// are turned by three quarters of a span, so that time passing seldom draws anything anew.
    pub(super) fn span(self, opens: SimTime, end: SimTime, now: SimTime) -> (SimTime, SimTime) {
        let (span, _) = SPANS[self.0];
        if span == 0 {
            let from = SimTime(opens.0.saturating_sub(500_000)).min(now);
            // Beyond the script's end, more is shown in large steps.
            let extra = end.0.div_ceil(10_000_000) * 10_000_000;
            let to = if end.since(opens) < 10_000_000 { end } else { SimTime(extra).min(end + 2_000_000) };
            return (from, to.max(from + 1_000_000));
        }
        let turn = span / 4 * 3;
        let page = now.0.saturating_sub(span / 8) / turn;
        (SimTime(page * turn), SimTime(page * turn + span))
    }
}

#[derive(PartialEq, Properties)]
pub(super) struct FootProps {
    pub(super) playing: bool,
    pub(super) busy: bool,
    pub(super) by: StepBy,
    pub(super) speed: usize,
    pub(super) zoom: Zoom,
    pub(super) now: SimTime,
    pub(super) known: SimTime,
    /// The left end of the clock.
    pub(super) begin: SimTime,
    pub(super) end: SimTime,
    pub(super) cues: Rc<Vec<(SimTime, String)>>,
    pub(super) send: Callback<Msg>,
}

#[component]
pub(super) fn Foot(props: &FootProps) -> Html {
    html! {
        <footer class="foot">
            <Keys playing={props.playing} by={props.by} speed={props.speed} zoom={props.zoom} send={&props.send} />
            <b class="time">{ seconds_of(props.now) }</b>
            { clock(props) }
        </footer>
    }
}

#[derive(PartialEq, Properties)]
struct KeysProps {
    playing: bool,
    by: StepBy,
    speed: usize,
    zoom: Zoom,
    send: Callback<Msg>,
}

/// What does not change while time passes.
#[component]
fn Keys(props: &KeysProps) -> Html {
    let send = &props.send;
    let on = |msg: fn() -> Msg| send.reform(move |_: MouseEvent| msg());
    let (play, sign) = if props.playing { ("Pause", "❚❚") } else { ("Play", "▶") };
    let (_, speed) = SPEEDS[props.speed.min(SPEEDS.len() - 1)];
    let set_speed = send.reform(|event: InputEvent| {
        let input: web_sys::HtmlInputElement = event.target_unchecked_into();
        Msg::Speed(input.value().parse().unwrap_or(10))
    });
    html! { <>
        <div class="keys">
            <button class="btn" onclick={on(|| Msg::StepBack)} aria-label="Step back" title="Step back (←)">{ "◂❙" }</button>
            <button class="btn go" onclick={on(|| Msg::PlayPause)} aria-label={play} title={format!("{play} (Space)")}>{ sign }</button>
            <button class="btn" onclick={on(|| Msg::Step)} aria-label="Step" title="Step (→)">{ "❙▸" }</button>
            <span class="tabs kinds" role="radiogroup" aria-label="Step by (K)">
                { for StepBy::ALL.into_iter().map(|by| {
                    let on = by == props.by;
                    html! {
                        <button role="radio" aria-checked={on.to_string()} class={classes!(on.then_some("on"))}
                            onclick={send.reform(move |_: MouseEvent| Msg::By(by))}>{ by.label() }</button>
                    }
                }) }
            </span>
        </div>
        <div class="keys settings">
            <label class="speed" title="Speed (+ and −)">
                <input type="range" min="0" max={(SPEEDS.len() - 1).to_string()} step="1" value={props.speed.to_string()}
                    aria-label="Speed" aria-valuetext={speed} oninput={set_speed} />
                <output>{ speed }</output>
            </label>
            <span class="zoom" role="group" aria-label="Time shown">
                <button class="btn small" onclick={on(|| Msg::Zoom(-1))} aria-label="Further away" title="Further away (Shift Z)">{ "−" }</button>
                <output>{ props.zoom.label() }</output>
                <button class="btn small" onclick={on(|| Msg::Zoom(1))} aria-label="Closer" title="Closer (Z)">{ "+" }</button>
            </span>
        </div>
    </> }
}

fn clock(props: &FootProps) -> Html {
    let begin = props.begin.min(props.now);
    let end = props.end.max(props.now).max(begin + 1);
    let span = end.since(begin) as f64;
    let percent = |time: SimTime| format!("{}%", Px((time.since(begin) as f64 / span * 100.0).min(100.0)));
    let scrub = props.send.reform(|event: InputEvent| {
        let input: web_sys::HtmlInputElement = event.target_unchecked_into();
        // Saturates, and what is no number is 0.
        Msg::GoTo(SimTime((input.value_as_number() * 1_000.0) as u64))
    });
    html! {
        <div class={classes!("clock", props.busy.then_some("busy"))}>
            <span class="rail-line" /><span class="rail-known" style={format!("width:{}", percent(props.known))} />
            <span class="rail-past" style={format!("width:{}", percent(props.now))} />
            { for props.cues.iter().filter(|(at, _)| *at <= end).map(|(at, _)| {
                let past = *at <= props.now;
                html! { <span class={classes!("cue-dot", past.then_some("past"))} style={format!("left:{}", percent(*at))} /> }
            }) }
            { for named(props, begin, end).into_iter().map(|(at, label)| html! { <span class={name_class(at.since(begin), end.since(begin))} style={format!("left:{}", percent(at))}>{ label }</span> }) }
            <span class="knob" style={format!("left:{}", percent(props.now))} />
            <input class="scrub" type="range" min={begin.as_ms().to_string()} max={(end.as_ms() + 1).to_string()} step="1" value={props.now.as_ms().to_string()}
                aria-label="Time" aria-valuetext={seconds_of(props.now)} oninput={scrub} />
        </div>
    }
}

/// Names at the ends of the clock stay within it.
fn name_class(at: u64, span: u64) -> &'static str {
    match at * 10 / span.max(1) {
        0 => "cue-name first",
        9.. => "cue-name last",
        _ => "cue-name",
    }
}

/// The cues that have room for their names.
fn named(props: &FootProps, begin: SimTime, end: SimTime) -> Vec<(SimTime, String)> {
    let room = end.since(begin) / 8;
    let mut named: Vec<(SimTime, String)> = Vec::new();
    for (at, label) in props.cues.iter() {
        let free = named.last().is_none_or(|(last, _)| at.since(*last) > room);
        if free && begin <= *at && *at < end {
            named.push((*at, label.clone()));
        }
    }
    named
}
