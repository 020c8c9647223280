//! One partition: its tapes, high watermark and groups.

use std::fmt::Write;
use std::sync::Arc;

use yew::prelude::*;

use crate::protocol::TopicPartition;
use crate::view::stage::{Cell, CellKind, Density, Lane, Tape};
use crate::view::{Px, members, px};

use super::stage::mood;
use super::target::Target;

/// Offsets count from a multiple of this: drawing cannot tell apart pixels beyond 16 million.
const PAGE: i64 = 1 << 16;

#[derive(PartialEq, Properties)]
pub(super) struct LaneProps {
    pub(super) lane: Arc<Lane>,
    /// Broker and offset of the selected record.
    pub(super) selected: Option<(i32, i64)>,
}

#[component]
pub(super) fn LaneView(props: &LaneProps) -> Html {
    let lane = &*props.lane;
    // Sliding takes a moment: what runs faster than that would never be where it belongs.
    let pace = use_mut_ref(|| (lane.start, super::dom::clock(), false));
    let fast = {
        let (start, then, was) = *pace.borrow();
        let now = super::dom::clock();
        if start != lane.start {
            let moved = (lane.start - start).unsigned_abs() as f64;
            *pace.borrow_mut() = (lane.start, now, moved * 250.0 > 3.0 * (now - then).max(1.0));
        }
        if start == lane.start { was } else { pace.borrow().2 }
    };
    let compact = lane.density == Density::Compact;
    let clip = format!("clip-{}-{}", lane.at.topic, lane.at.partition);
    let first = lane.tapes.first().map_or(lane.y, |tape| tape.y);
    html! {
        <g class={classes!("lane", fast.then_some("fast"), compact.then_some("compact"), (lane.density == Density::Medium).then_some("medium"))}>
            <clipPath id={clip.clone()}>
                <rect x={px(lane.x)} y={px(first - 24.0)} width={px(lane.w)}
                    height={px(lane.bottom - first + 26.0)} />
            </clipPath>
            { title(lane, compact) }
            if !compact {
                <g clip-path={format!("url(#{clip})")} aria-hidden="true">{ offsets(lane, first - 8.0) }</g>
            }
            { for lane.tapes.iter().map(|tape| {
                let selected = props.selected.filter(|(broker, _)| *broker == tape.broker).map(|(_, offset)| offset);
                html! { <TapeView key={tape.broker} tape={tape.clone()} lane={Arc::clone(&props.lane)} clip={clip.clone()} {selected} /> }
            }) }
            { watermark(lane, first) }
            { for lane.groups.iter().map(|row| group(lane, row, compact)) }
        </g>
    }
}

fn title(lane: &Lane, compact: bool) -> Html {
    let name = format!("{} {}", lane.at.topic, lane.at.partition);
    let label = format!("{} partition {}, {}", lane.at.topic, lane.at.partition, lane.subtitle);
    let target = Target::Partition(lane.at.clone()).to_string();
    if compact {
        let y = lane.tapes.first().map_or(lane.y, |tape| tape.y) + 10.0;
        return html! {
            <g class="pick name" role="button" tabindex="0" aria-label={label} data-pick={target}>
                if lane.at.partition == 0 {
                    <text class="t" x={px(lane.circle_x - 8.0)} y={px(y - 18.0)}>{ &*lane.at.topic }</text>
                }
                <rect class="hit" x={px(lane.circle_x + 12.0)} y={px(y - 12.0)} width="30" height="18" rx="5" />
                <text class={if lane.warn { "s warn" } else { "s" }} x={px(if lane.roles { lane.x - 8.0 } else { lane.x - 3.0 })} y={px(y)}
                    text-anchor="end">{ lane.at.partition }</text>
                <title>{ format!("{name}: {}", lane.subtitle) }</title>
            </g>
        };
    }
    let x = lane.circle_x - 10.0;
    let y = lane.y + if lane.density == Density::Full { 16.0 } else { 12.0 };
    html! {
        <g class="pick name" role="button" tabindex="0" aria-label={label} data-pick={target}>
            <rect class="hit" x={px(x - 5.0)} y={px(y - 14.0)} width={px(lane.w * 0.9)} height="19" rx="5" />
            <text x={px(x)} y={px(y)}>
                <tspan class="t">{ name }</tspan>
                <tspan class={if lane.warn { "s warn" } else { "s" }} dx="10">{ &lane.subtitle }</tspan>
            </text>
        </g>
    }
}

fn page(lane: &Lane) -> i64 {
    lane.start - lane.start % PAGE
}

/// Moves what is drawn by offset to where the window is.
fn shift(lane: &Lane) -> String {
    let dx = lane.x - (lane.start - page(lane)) as f64 * lane.cell;
    format!("transform:translate({}px,0)", Px(dx))
}

fn offsets(lane: &Lane, y: f64) -> Html {
    let every = if lane.density == Density::Full { 1 } else { 5 };
    let from = page(lane);
    let shown = (lane.start..lane.start + lane.columns).filter(|offset| offset % every == 0);
    let big = lane.start + lane.columns >= 10_000;
    let shown = shown.filter(|offset| !big || offset % (every * 2) == 0);
    html! {
        <g class="sliding" key={from} style={shift(lane)}>
            { for shown.map(|offset| {
                let x = ((offset - from) as f64 + 0.5) * lane.cell;
                html! { <text key={offset} class="s tiny" x={px(x)} y={px(y)} text-anchor="middle">{ offset }</text> }
            }) }
        </g>
    }
}

fn watermark(lane: &Lane, first: f64) -> Html {
    let Some(at) = lane.high_watermark else { return html! {} };
    if at < lane.start || at > lane.start + lane.columns {
        return html! {};
    }
    let compact = lane.density == Density::Compact;
    let (x, above) = (lane.offset_x(at), if compact { 1.0 } else { 4.0 });
    let (top, bottom) = (first - above, lane.bottom + if compact { 1.0 } else { 8.0 });
    let close = x > lane.x + lane.w - 110.0;
    html! {
        <g class="hw" style={format!("transform:translate({}px,0)", Px(x))}>
            <line x1="0" x2="0" y1={px(top)} y2={px(bottom)} />
            if !compact {
                <text class="hw-word" x={if close { "-6" } else { "6" }} y={px(bottom + 3.0)}
                    text-anchor={if close { "end" } else { "start" }}>{ format!("high watermark {at}") }</text>
            }
        </g>
    }
}

fn group(lane: &Lane, row: &crate::view::stage::GroupRow, compact: bool) -> Html {
    let colour = row.colour.map_or("m-none", members::class);
    let mark = lane.high_watermark.unwrap_or(0);
    let from = row.committed.unwrap_or(row.position.unwrap_or(mark));
    let (left, right) = (lane.offset_x(from), lane.offset_x(mark));
    let y = row.y;
    let seen = |offset: &i64| *offset >= lane.start && *offset <= lane.start + lane.columns;
    let caret = |offset: i64, class: &'static str| {
        let x = lane.offset_x(offset);
        html! { <path {class} style={format!("transform:translate({}px,{}px)", Px(x), Px(y))} d="M0,5 l-6,-10 h12z" /> }
    };
    if compact {
        let x = row.committed.filter(seen).map(|offset| lane.offset_x(offset));
        return html! {
            <g class={classes!("carets", colour)} aria-hidden="true">
                if let Some(x) = x {
                    <path class="committed" style={format!("transform:translate({}px,{}px)", Px(x), Px(lane.bottom + 4.0))} d="M0,-3 l-3,5 h6z" />
                }
            </g>
        };
    }
    let committed = row.committed.map_or("none".to_owned(), |offset| offset.to_string());
    let title = format!("{}: committed {committed}, lag {}", row.group, row.lag);
    html! {
        <g class={classes!("carets", colour)}>
            <title>{ title }</title>
            if lane.roles {
                <text class="s" x={px(lane.x - 8.0)} y={px(y + 4.0)} text-anchor="end">{ &*row.group }</text>
            }
            <line class="rail" x1={px(lane.x)} x2={px(lane.x + lane.w)} y1={px(y)} y2={px(y)} />
            if right > left {
                <line class="lag" x1={px(left)} x2={px(right)} y1={px(y)} y2={px(y)} />
            }
            if let Some(offset) = row.position.filter(seen) { { caret(offset, "position") } }
            if let Some(offset) = row.committed.filter(seen) { { caret(offset, "committed") } }
            <text class="s" x={px(lane.x + lane.w + 7.0)} y={px(y + 4.0)}>{ format!("lag {}", row.lag) }</text>
        </g>
    }
}

#[derive(PartialEq, Properties)]
struct TapeProps {
    tape: Tape,
    lane: Arc<Lane>,
    clip: String,
    selected: Option<i64>,
}

#[component]
fn TapeView(props: &TapeProps) -> Html {
    let (tape, lane) = (&props.tape, &props.lane);
    let compact = lane.density == Density::Compact;
    let state = classes!("tape", mood(tape.mood), tape.leads.then_some("leads"));
    let place = format!("transform:translate(0,{}px)", Px(tape.y));
    let from = page(lane);
    let span = |a: i64, b: i64| {
        let (a, b) = (lane.offset_x(a), lane.offset_x(b));
        (a, (b - a).max(0.0))
    };
    html! {
        <g class={state} style={place}>
            { circle(tape, lane, compact) }
            <rect class="ghost" x={px(lane.x)} y="0" width={px(lane.w)} height={px(lane.tape_h)} rx={if compact { "1" } else { "4" }} />
            <g clip-path={format!("url(#{})", props.clip)} style={format!("transform:translate(0,{}px)", Px(-tape.y))}>
                <g class="sliding" key={from} style={shift(lane)}>
                    <Cells cells={Arc::clone(&tape.cells)} {from} cell={lane.cell} h={lane.tape_h} y={tape.y} density={lane.density}
                        broker={tape.broker} at={lane.at.clone()} leads={tape.leads} selected={props.selected} />
                </g>
            </g>
            if let Some((a, b)) = tape.lit {
                { {
                    let (x, w) = span(a, b.max(a + 1));
                    html! { <rect class="glow" x={px(x - 1.0)} y="-2" width={px(w + 2.0)} height={px(lane.tape_h + 4.0)} rx="5" /> }
                } }
            }
        </g>
    }
}

fn circle(tape: &Tape, lane: &Lane, compact: bool) -> Html {
    let middle = lane.tape_h / 2.0;
    if compact {
        let class = if tape.leads { "pip leads" } else { "pip" };
        return html! {
            <rect {class} x={px(if lane.roles { lane.circle_x - 6.0 } else { lane.circle_x - 11.0 })} y="0" width={if lane.roles { "12" } else { "7" }} height={px(lane.tape_h)} rx="1">
                <title>{ format!("broker {}: {}", tape.broker, tape.role) }</title>
            </rect>
        };
    }
    let radius = if lane.density == Density::Full { 10.0 } else { 7.5 };
    let target = Target::Node(crate::base::NodeId(tape.broker.unsigned_abs())).to_string();
    html! {
        <g class="pick replica" role="button" tabindex="-1" data-pick={target}
            aria-label={format!("Replica of {} {} on broker {}: {}, ends at {}", lane.at.topic, lane.at.partition, tape.broker, tape.role, tape.end)}>
            <circle class="ring" cx={px(lane.circle_x)} cy={px(middle)} r={px(radius)} />
            <text class="sign" x={px(lane.circle_x)} y={px(middle + 4.0)} text-anchor="middle">{ tape.broker }</text>
            if lane.roles {
                <text class="s role" x={px(lane.circle_x + 17.0)} y={px(middle + 4.0)}>{ tape.role }</text>
            }
        </g>
    }
}

#[derive(PartialEq, Properties)]
struct CellsProps {
    cells: Arc<[Cell]>,
    from: i64,
    cell: f64,
    h: f64,
    y: f64,
    density: Density,
    broker: i32,
    at: TopicPartition,
    leads: bool,
    selected: Option<i64>,
}

#[component]
fn Cells(props: &CellsProps) -> Html {
    if props.density == Density::Compact {
        return thin(props);
    }
    let gap = if props.density == Density::Full { 1.5 } else { 1.0 };
    let (w, h) = (props.cell - 2.0 * gap, props.h - 2.0 * gap);
    let y = props.y + gap;
    html! {
        { for props.cells.iter().map(|cell| {
            let x = (cell.offset - props.from) as f64 * props.cell + gap;
            let kind = match cell.kind {
                CellKind::Record => "",
                CellKind::Tombstone => "tombstone",
                CellKind::Control => "control",
            };
            let key = format!("k{}", cell.key.colour);
            let class = classes!("cell", "pick", key, kind, (props.selected == Some(cell.offset)).then_some("selected"));
            let target = Target::Record(props.broker, props.at.clone(), cell.offset).to_string();
            let label = format!("record {} of {} {} on broker {}, key {}", cell.offset, props.at.topic, props.at.partition, props.broker, cell.key.letters);
            html! {
                <g key={cell.offset} {class} role="button" tabindex={if props.leads { "0" } else { "-1" }} aria-label={label} data-pick={target}>
                    <rect x={px(x)} y={px(y)} width={px(w)} height={px(h)} rx={if gap > 1.0 { "3.5" } else { "2" }} />
                    <text x={px(x + w / 2.0)} y={px(y + h / 2.0 + 4.0)} text-anchor="middle">{ &*cell.key.letters }</text>
                </g>
            }
        }) }
    }
}

/// One path for each colour: cheap, however many records there are.
fn thin(props: &CellsProps) -> Html {
    let mut paths: [String; 8] = Default::default();
    let (w, h) = (Px(props.cell - 1.0), props.h);
    for cell in props.cells.iter() {
        let x = (cell.offset - props.from) as f64 * props.cell;
        if let Some(path) = paths.get_mut(usize::from(cell.key.colour)) {
            // Writing to a string does not fail.
            let _ = write!(path, "M{},{}h{w}v{}h-{w}z", Px(x), Px(props.y), Px(h));
        }
    }
    html! {
        { for paths.into_iter().enumerate().filter(|(_, path)| !path.is_empty()).map(|(colour, d)| html! {
            <path class={format!("k{colour}")} {d} />
        }) }
    }
}
