//! Above the diagram: zoom, whose story, what is left out, exports; below it: the legend.

use yew::prelude::*;

use crate::protocol::TopicPartition;
use crate::ui::session::Session;
use crate::view::spacetime::{Filter, Flow, Lit, Sort, SpaceIndex, span_words};
use crate::view::words::Names;

use super::{Export, Msg, Over, PictureRef, Space};

#[derive(PartialEq, Properties)]
pub(super) struct BarProps {
    pub(super) picture: PictureRef,
    /// Which part of a story is lit, if any.
    pub(super) lit: Option<Lit>,
    /// How many entries led to it, and how many it led to.
    pub(super) counts: Option<(u64, u64)>,
    pub(super) can_light: bool,
    pub(super) filtered: bool,
    /// The other branches, by number.
    pub(super) branches: Vec<(usize, String)>,
    pub(super) compared: Option<usize>,
    pub(super) over: Over,
    pub(super) send: Callback<Msg>,
    pub(super) children: Html,
}

#[component]
pub(super) fn Bar(props: &BarProps) -> Html {
    let on = |msg: fn() -> Msg| {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(msg()))
    };
    let part = |lit: Lit, name: &'static str, title: &'static str| {
        let is_on = props.lit == Some(lit);
        let send = props.send.clone();
        let onclick = Callback::from(move |_: MouseEvent| send.emit(Msg::Story((!is_on).then_some(lit))));
        html! {
            <button class={classes!(is_on.then_some("on"))} aria-pressed={is_on.to_string()} {onclick} {title}
                disabled={!props.can_light}>{ name }</button>
        }
    };
    let export = |what: Export, name: &'static str| {
        let send = props.send.clone();
        html! { <button role="menuitem" onclick={Callback::from(move |_: MouseEvent| send.emit(Msg::Save(what)))}>{ name }</button> }
    };
    let compare = {
        let send = props.send.clone();
        Callback::from(move |event: Event| {
            let select: web_sys::HtmlSelectElement = event.target_unchecked_into();
            send.emit(Msg::Compare(select.value().parse().ok()));
        })
    };
    let picture = &props.picture.0;
    let span = span_words(picture.window.span_us);
    let counted = match props.counts {
        Some((past, future)) if props.lit.is_some() => match props.lit {
            Some(Lit::Past) => format!("{past} events led to it"),
            Some(Lit::Future) => format!("it led to {future} events"),
            _ => format!("{past} events led to it, it led to {future}"),
        },
        _ if picture.dense => format!("{} frames: bars show how many, zoom in to see each", picture.frames),
        _ => match picture.frames {
            1 => "1 frame".to_owned(),
            frames => format!("{frames} frames"),
        },
    };
    html! {
        <div class="space-bar">
            <span class="zoomer" role="group" aria-label="Zoom">
                <button class="btn" onclick={on(|| Msg::Nearer(0.5))} aria-label="Zoom out" title="Zoom out (Shift Z, wheel)">
                    { "−" }
                </button>
                <output title="This much time is seen">{ span }</output>
                <button class="btn" onclick={on(|| Msg::Nearer(2.0))} aria-label="Zoom in" title="Zoom in (Z, wheel)">{ "+" }</button>
                <button class="btn" onclick={on(|| Msg::Whole)} title="All that was played (0)">{ "All" }</button>
                <button class="btn" onclick={on(|| Msg::Present)} title="To the present (9)">{ "Now" }</button>
            </span>
            <span class="tabs story" role="group" aria-label="Causes of what is selected">
                { part(Lit::Past, "Causes", "What led to the selected event (C)") }
                { part(Lit::Future, "Effects", "What the selected event led to (C)") }
                { part(Lit::Both, "Both", "Its causes and its effects (C)") }
            </span>
            <span class="counted">{ counted }</span>
            if !props.branches.is_empty() {
                <select class="compare" aria-label="Compare with another branch" onchange={compare}>
                    <option value="" selected={props.compared.is_none()}>{ "Compare with…" }</option>
                    { for props.branches.iter().map(|(number, name)| html! {
                        <option value={number.to_string()} selected={props.compared == Some(*number)}>{ name }</option>
                    }) }
                </select>
            }
            <span class="drop">
                <button class="btn" aria-expanded={(props.over == Over::Filter).to_string()} onclick={on(|| Msg::Over(Over::Filter))}>
                    { if props.filtered { "Filter ●" } else { "Filter" } }
                </button>
                { props.children.clone() }
            </span>
            <span class="drop">
                <button class="btn" aria-expanded={(props.over == Over::Export).to_string()} onclick={on(|| Msg::Over(Over::Export))}>
                    { "Export" }
                </button>
                if props.over == Over::Export {
                    <div class="menu under" role="menu" aria-label="Export">
                        { export(Export::Svg, "Diagram as SVG") }
                        { export(Export::Png, "Diagram as PNG") }
                        { export(Export::Mermaid, "Sequence for Mermaid") }
                        { export(Export::Perfetto, "Whole trace for Perfetto") }
                    </div>
                }
            </span>
        </div>
    }
}

impl Space {
    /// What can be left out.
    pub(super) fn filters(&self, session: &Session, send: &Callback<Msg>) -> Html {
        let names = Names::of(session.run.world());
        let api = {
            let send = send.clone();
            Callback::from(move |event: Event| {
                let select: web_sys::HtmlSelectElement = event.target_unchecked_into();
                send.emit(Msg::Api(select.value().parse().ok()));
            })
        };
        let partition = {
            let send = send.clone();
            Callback::from(move |event: Event| {
                let select: web_sys::HtmlSelectElement = event.target_unchecked_into();
                let value = select.value();
                let at = value.split_once('/');
                let at =
                    at.and_then(|(number, topic)| Some(TopicPartition::new(topic, number.parse().ok()?)));
                send.emit(Msg::Partition(at));
            })
        };
        let clear = send.reform(|_: MouseEvent| Msg::Everything);
        let partitions = SpaceIndex::partitions(session.run.world());
        let sifted = self.sifted();
        html! {
            <div class="menu under filters" role="group" aria-label="Filter">
                <h3>{ "Nodes" }</h3>
                <div class="checks">
                    { for self.index.nodes().iter().map(|node| {
                        let (id, on) = (node.node, !sifted.nodes.contains(&node.node));
                        let onchange = send.reform(move |_: Event| Msg::Node(id));
                        html! { <label key={id.0}><input type="checkbox" checked={on} {onchange} />{ names.node_short(id) }</label> }
                    }) }
                </div>
                <label>{ "Requests" }
                    <select aria-label="Requests" onchange={api}>
                        <option value="" selected={self.filter.api.is_none()}>{ "of every kind" }</option>
                        { for self.index.apis().into_iter().map(|(key, name, count)| html! {
                            <option value={key.to_string()} selected={self.filter.api == Some(key)}>
                                { format!("{name} ({count})") }
                            </option>
                        }) }
                    </select>
                </label>
                <label>{ "Partition" }
                    <select aria-label="Partition" onchange={partition}>
                        <option value="" selected={self.filter.partition.is_none()}>{ "any" }</option>
                        { for partitions.into_iter().map(|at| html! {
                            <option value={format!("{}/{}", at.partition, at.topic)}
                                selected={self.filter.partition.as_ref() == Some(&at)}>
                                { format!("{} {}", at.topic, at.partition) }
                            </option>
                        }) }
                    </select>
                </label>
                <button class="btn" onclick={clear} disabled={self.filter.is_empty()}>{ "Show everything" }</button>
            </div>
        }
    }
}

#[derive(PartialEq, Properties)]
pub(super) struct LegendProps {
    pub(super) filter: Filter,
    pub(super) send: Callback<Msg>,
}

/// What the signs mean; each is a switch.
#[component]
pub(super) fn Legend(props: &LegendProps) -> Html {
    let sign = |d: &'static str, class: String| {
        html! { <svg width="22" height="14" viewBox="0 0 22 14" aria-hidden="true"><path class={class} {d} /></svg> }
    };
    html! {
        <div class="space-legend" role="group" aria-label="Legend">
            { for Flow::ALL.into_iter().map(|flow| {
                let on = !props.filter.flows.contains(&flow);
                let onclick = props.send.reform(move |_: MouseEvent| Msg::Flow(flow));
                html! {
                    <button key={flow.label()} class={classes!("key", (!on).then_some("off"))} aria-pressed={on.to_string()} {onclick}>
                        { sign("M1,7H14M14,3.6L21,7L14,10.4z", format!("solid f-{}", flow.label())) }{ flow.label() }
                    </button>
                }
            }) }
            <span class="key">{ sign("M1,7H20M15,3.6L20,7L15,10.4", "ray reply f-cluster".to_owned()) }{ "answer" }</span>
            <span class="key">{ sign("M6,3l8,8M6,11l8-8", "lost".to_owned()) }{ "lost" }</span>
            <span class="key">{ sign("M1,7H21", "ray waits f-cluster".to_owned()) }{ "held back" }</span>
            <i class="gap" />
            { for Sort::ALL.into_iter().rev().map(|sort| {
                let on = !props.filter.sorts.contains(&sort);
                let onclick = props.send.reform(move |_: MouseEvent| Msg::Sort(sort));
                let d = match sort {
                    Sort::Timer => "M11,3v8",
                    Sort::Request => "M8.5,7a2.5,2.5,0,1,0,5,0a2.5,2.5,0,1,0-5,0",
                    Sort::Client => "M8,7a3,3,0,1,0,6,0a3,3,0,1,0-6,0",
                    Sort::Group => "M7,7a4,4,0,1,0,8,0a4,4,0,1,0-8,0",
                    Sort::Log => "M8,4h6v6h-6z",
                    Sort::Controller => "M11,2l5,5-5,5-5-5z",
                    Sort::Fault => "M11,2l5.5,10h-11z",
                };
                let class = match sort {
                    Sort::Controller => "mark s-leader".to_owned(),
                    sort => format!("mark s-{}", sort.label()),
                };
                html! {
                    <button key={sort.label()} class={classes!("key", (!on).then_some("off"))} aria-pressed={on.to_string()} {onclick}>
                        { sign(d, class) }{ sort.label() }
                    </button>
                }
            }) }
        </div>
    }
}
