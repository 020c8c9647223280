//! One world: who it is, its strip, its score.

use std::rc::Rc;

use yew::prelude::*;

use crate::base::SimTime;
use crate::view::theatre::{Chart, Fill, Label, Panel, Row};
use crate::view::{Px, members, px};

use super::Msg;

/// Left of a chart, for the lanes' names.
const NAMES: f64 = 44.0;
/// Above it.
const TOP: f64 = 6.0;

/// So many letters are drawn anew at once.
const HANDFUL: usize = 8;

/// A chart, compared by whether it is the same one.
#[derive(Clone)]
pub(super) struct ChartRef(pub(super) Rc<Chart>);

impl PartialEq for ChartRef {
    fn eq(&self, other: &ChartRef) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(PartialEq, Properties)]
pub(super) struct WorldProps {
    pub(super) number: usize,
    pub(super) title: AttrValue,
    pub(super) idea: &'static str,
    pub(super) chart: ChartRef,
    pub(super) panel: Rc<Panel>,
    pub(super) score: Vec<Row>,
    /// Nothing, where elections are not of interest.
    pub(super) elections: Vec<Row>,
    /// Where the present is, in pixels.
    pub(super) now: f64,
    /// Where the end of what was played is.
    pub(super) known: f64,
    /// When something of the script happens.
    pub(super) cues: Rc<Vec<(SimTime, String)>>,
    pub(super) focused: bool,
    pub(super) send: Callback<Msg>,
}

/// A world; its parts are drawn anew only if they change.
#[component]
pub(super) fn World(props: &WorldProps) -> Html {
    let number = props.number;
    let focus = props.send.reform(move |_: MouseEvent| Msg::Focus(number));
    let chart = &props.chart;
    html! {
        <section class={classes!("world", props.focused.then_some("focused"))} aria-label={&props.title} onclick={focus}>
            <Who {number} title={&props.title} idea={props.idea} panel={&props.panel} focused={props.focused} />
            <div class="chart">
                <Strip title={&props.title} chart={chart.clone()} panel={&props.panel} />
                <svg class="over" width={px(chart.0.frame.width + NAMES + 8.0)} height={px(chart.0.height + TOP + 6.0)} aria-hidden="true">
                    <g transform={format!("translate({},{})", Px(NAMES), Px(TOP))}>
                        { unplayed(props) }
                        <Cues chart={chart.clone()} cues={&props.cues} />
                        { present(props) }
                    </g>
                </svg>
            </div>
            <div class="scores">
                { score("score", "Score so far", &props.score) }
                if !props.elections.is_empty() { { score("score elections", "Elections so far", &props.elections) } }
            </div>
        </section>
    }
}

fn score(class: &'static str, label: &'static str, rows: &[Row]) -> Html {
    html! {
        <dl {class} aria-label={label}>
            { for rows.iter().map(|(name, value, meaning)| html! {
                <><dt title={*meaning}>{ *name }</dt><dd>{ value }</dd></>
            }) }
        </dl>
    }
}

#[derive(PartialEq, Properties)]
struct StripProps {
    title: AttrValue,
    chart: ChartRef,
    panel: Rc<Panel>,
}

/// Who reads what, over time. What moves with the present lies over it in a drawing of its own, so
/// that this one need not be painted anew.
#[component]
fn Strip(props: &StripProps) -> Html {
    let chart = &props.chart;
    html! {
        <svg style={format!("--letter:{}px", Px(chart.0.letter_px()))} width={px(chart.0.frame.width + NAMES + 8.0)}
            height={px(chart.0.height + TOP + 6.0)} role="img" aria-label={summary(&props.title, &props.panel)}>
            <g transform={format!("translate({},{})", Px(NAMES), Px(TOP))}><Lanes chart={chart.clone()} /></g>
        </svg>
    }
}

#[derive(PartialEq, Properties)]
struct WhoProps {
    number: usize,
    title: AttrValue,
    idea: &'static str,
    panel: Rc<Panel>,
    focused: bool,
}

/// The protocol, the group's state, its members.
#[component]
fn Who(props: &WhoProps) -> Html {
    let panel = &props.panel;
    let state = panel.states.iter().find(|(_, lit)| *lit).map_or("no coordinator", |(name, _)| name);
    html! {
        <div class="who">
            <h2><button class="plain" aria-pressed={props.focused.to_string()} title={format!("Details ({})", props.number + 1)}>{ &props.title }</button></h2>
            <p class="idea" title={props.idea}>{ props.idea }</p>
            <p class="states" role="group" aria-label={format!("Group state: {state}")}>
                { for panel.states.iter().map(|(name, lit)| html! { <span class={state_class(name, *lit)} title={*name}>{ short(name) }</span> }) }
                if panel.coordinator.is_none() { <span class="on">{ "no coordinator" }</span> }
            </p>
            <p class="members">
                { for panel.members.iter().map(|member| html! {
                    <span class={classes!("pin", members::class(member.colour), (!member.runs).then_some("out"), (!member.is_well && member.runs).then_some("busy"))}
                        title={format!("{}: {}", member.name, member.status)}>{ &member.letter }</span>
                }) }
                <span class="faint" title={if panel.is_epoch { "Group epoch" } else { "Generation" }}>{ generation(panel) }</span>
            </p>
        </div>
    }
}

fn generation(panel: &Panel) -> String {
    let word = if panel.is_epoch { "epoch" } else { "gen" };
    if panel.generation < 0 { String::new() } else { format!("{word} {}", panel.generation) }
}

fn state_class(name: &str, lit: bool) -> &'static str {
    match (lit, name) {
        (false, _) => "",
        (true, "Stable") => "on well",
        (true, _) => "on",
    }
}

/// Chips are narrow.
fn short(state: &str) -> &str {
    state.strip_suffix("Rebalance").unwrap_or(state)
}

/// What covers the part that is not played, or was and lies ahead.
fn unplayed(props: &WorldProps) -> Html {
    let (width, height) = (props.chart.0.frame.width, props.chart.0.height);
    let (now, known) = (props.now.min(width), props.known.min(width));
    html! { <>
        if known < width {
            <rect class="unknown" x={px(known)} y="-4" width={px(width - known + 2.0)} height={px(height + 6.0)} />
        }
        if now < known {
            <rect class="pale" x={px(now)} y="-4" width={px(known - now)} height={px(height + 6.0)} />
        }
    </> }
}

fn present(props: &WorldProps) -> Html {
    let (width, height) = (props.chart.0.frame.width, props.chart.0.height);
    let (now, known) = (props.now.min(width), props.known.min(width));
    html! { <>
        <path class="present" d={format!("M{},-5V{}", Px(now), Px(height + 2.0))} />
        if width - now > 90.0 && known - now > 60.0 {
            <text class="hint" x={px(now + 7.0)} y="9">{ "not yet played" }</text>
        }
    </> }
}

#[derive(PartialEq, Properties)]
struct CuesProps {
    chart: ChartRef,
    cues: Rc<Vec<(SimTime, String)>>,
}

/// Where something of the script happens.
#[component]
fn Cues(props: &CuesProps) -> Html {
    let (frame, height) = (props.chart.0.frame, props.chart.0.height);
    let shown = props.cues.iter().filter(|(at, _)| frame.from <= *at && *at <= frame.to);
    let d: String = shown.map(|(at, _)| format!("M{},-3V{}", Px(frame.x(*at)), Px(height + 1.0))).collect();
    html! { <path class="cues" {d} /> }
}

/// The strip in words.
fn summary(title: &str, panel: &Panel) -> String {
    let mut text = title.to_owned();
    for member in &panel.members {
        let owns = if member.owns.is_empty() { "nothing".to_owned() } else { member.owns.join(", ") };
        text += &format!("; {} {}, owns {owns}", member.name, member.status);
    }
    text
}

#[derive(PartialEq, Properties)]
struct LanesProps {
    chart: ChartRef,
}

/// What changes only when somebody gets or loses a partition.
#[component]
fn Lanes(props: &LanesProps) -> Html {
    let chart = &props.chart.0;
    html! { <>
        { for chart.lanes.iter().map(|(name, y)| html! { <text class="lane" x="-9" y={px(y + 3.8)}>{ name }</text> }) }
        { for chart.fills.iter().map(|(fill, d)| match fill {
            Fill::Nobody => html! { <path class="nobody" fill="url(#hatch)" d={d.clone()} /> },
            Fill::Stalled(_) => html! { <><path class={fill.class()} d={d.clone()} /><path fill="url(#still)" d={d.clone()} /></> },
            _ if fill.is_dotted() => html! { <><path class={fill.class()} d={d.clone()} /><path fill="url(#dots)" d={d.clone()} /></> },
            _ => html! { <path class={fill.class()} d={d.clone()} /> },
        }) }
        { for letters(chart).map(|(key, labels)| html! { <Letters {key} labels={labels.to_vec()} /> }) }
    </> }
}

/// The letters of each lane in handfuls: what a lane's past has stays as it is.
fn letters(chart: &Chart) -> impl Iterator<Item = (u64, &[Label])> {
    let lane = |label: &Label| (label.y / chart.frame.pitch) as u64;
    let lanes = chart.labels.chunk_by(move |one, other| lane(one) == lane(other));
    lanes.flat_map(move |labels| {
        let first = labels.first().map_or(0, lane);
        (0..).zip(labels.chunks(HANDFUL)).map(move |(number, labels)| (first << 32 | number, labels))
    })
}

#[derive(PartialEq, Properties)]
struct LettersProps {
    labels: Vec<Label>,
}

#[component]
fn Letters(props: &LettersProps) -> Html {
    let letter = |label: &Label| {
        html! {
            <text class={classes!("letter", members::class(label.colour), label.stalled.then_some("weak"))} x={px(label.x)} y={px(label.y)}>{ &label.text }</text>
        }
    };
    html! { <>{ for props.labels.iter().map(letter) }</> }
}
