//! One world: who it is, its strip, its score.

use std::rc::Rc;

use yew::prelude::*;

use crate::base::SimTime;
use crate::view::theatre::{Chart, Fill, Panel};
use crate::view::{Px, px};

use super::Msg;

/// Left of a chart, for the lanes' names.
const NAMES: f64 = 44.0;
/// Above it.
const TOP: f64 = 6.0;

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
    pub(super) title: String,
    pub(super) idea: &'static str,
    pub(super) chart: ChartRef,
    pub(super) panel: Panel,
    pub(super) score: Vec<(&'static str, String, &'static str)>,
    /// Where the present is, in pixels.
    pub(super) now: f64,
    /// Where the end of what was played is.
    pub(super) known: f64,
    /// When something of the script happens.
    pub(super) cues: Vec<SimTime>,
    pub(super) focused: bool,
    pub(super) send: Callback<Msg>,
}

#[component]
pub(super) fn World(props: &WorldProps) -> Html {
    let number = props.number;
    let focus = props.send.reform(move |_: MouseEvent| Msg::Focus(number));
    let state = props.panel.states.iter().find(|(_, lit)| *lit).map_or("no coordinator", |(name, _)| name);
    html! {
        <section class={classes!("world", props.focused.then_some("focused"))} aria-label={props.title.clone()} onclick={focus}>
            <div class="who">
                <h2><button class="plain" aria-pressed={props.focused.to_string()} title={format!("Details ({})", number + 1)}>{ &props.title }</button></h2>
                <p class="idea" title={props.idea}>{ props.idea }</p>
                <p class="states" role="group" aria-label={format!("Group state: {state}")}>
                    { for props.panel.states.iter().map(|(name, lit)| html! { <span class={state_class(name, *lit)} title={*name}>{ short(name) }</span> }) }
                    if props.panel.coordinator.is_none() { <span class="on">{ "no coordinator" }</span> }
                </p>
                <p class="members">
                    { for props.panel.members.iter().map(|member| html! {
                        <span class={classes!("pin", format!("m{}", member.colour), (!member.runs).then_some("out"), (!member.is_well && member.runs).then_some("busy"))}
                            title={format!("{}: {}", member.name, member.status)}>{ &member.letter }</span>
                    }) }
                    <span class="faint" title={if props.panel.is_epoch { "Group epoch" } else { "Generation" }}>{ generation(&props.panel) }</span>
                </p>
            </div>
            <div class="chart">{ strip(props) }</div>
            <dl class="score" aria-label="Score so far">
                { for props.score.iter().map(|(name, value, meaning)| html! {
                    <><dt title={*meaning}>{ *name }</dt><dd>{ value }</dd></>
                }) }
            </dl>
        </section>
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

fn strip(props: &WorldProps) -> Html {
    let chart = &props.chart.0;
    let (width, height) = (chart.frame.width, chart.height);
    let (now, known) = (props.now.min(width), props.known.min(width));
    let shown = |at: &&SimTime| chart.frame.from <= **at && **at <= chart.frame.to;
    let cues: String = props
        .cues
        .iter()
        .filter(shown)
        .map(|at| format!("M{},-3V{}", Px(chart.frame.x(*at)), Px(height + 1.0)))
        .collect();
    let label = summary(props);
    html! {
        <svg style={format!("--letter:{}px", Px(chart.letter_px()))} width={px(width + NAMES + 8.0)} height={px(height + TOP + 6.0)} role="img" aria-label={label}>
            <g transform={format!("translate({},{})", Px(NAMES), Px(TOP))}>
                <Lanes chart={props.chart.clone()} />
                if known < width {
                    <rect class="unknown" x={px(known)} y="-4" width={px(width - known + 2.0)} height={px(height + 6.0)} />
                }
                if now < known {
                    <rect class="pale" x={px(now)} y="-4" width={px(known - now)} height={px(height + 6.0)} />
                }
                <path class="cues" d={cues} />
                <path class="present" d={format!("M{},-5V{}", Px(now), Px(height + 2.0))} />
                if width - now > 90.0 && known - now > 60.0 {
                    <text class="hint" x={px(now + 7.0)} y="9">{ "not yet played" }</text>
                }
            </g>
        </svg>
    }
}

/// The strip in words.
fn summary(props: &WorldProps) -> String {
    let mut text = props.title.clone();
    for member in &props.panel.members {
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
            _ => html! { <path class={fill.class()} d={d.clone()} /> },
        }) }
        { for chart.labels.iter().map(|label| html! {
            <text class={classes!("letter", label.stalled.then_some("weak"))} x={px(label.x)} y={px(label.y)}>{ &label.text }</text>
        }) }
    </> }
}
