//! What is round the worlds: the header, its menus, the dialogs.

use yew::prelude::*;

use super::super::dialogs::Modal;
use super::super::gallery::Gallery;
use super::{Export, Msg, Over, Theatre};
use crate::scenario::Protocol;

const KEYS: &[(&str, &str)] = &[
    ("Space", "play or pause"),
    ("→ / ←", "to the next or the last event of the kind chosen"),
    ("K", "another kind: request, state, member, round"),
    ("Shift → / Shift ←", "one second on or back"),
    ("Home / End", "the beginning, the end of what was played"),
    ("1 – 4", "look into this world"),
    ("E", "make something happen"),
    ("+ / −", "faster, slower"),
    ("Z / Shift Z", "closer, further away"),
    ("D", "details, on a narrow page"),
    ("T", "back to the stage"),
];

#[derive(PartialEq, Properties)]
pub(super) struct HeaderProps {
    pub(super) title: AttrValue,
    /// How many worlds there are.
    pub(super) count: usize,
    /// What can be compared, and what is: only while the menu is open.
    pub(super) choices: Vec<(String, bool)>,
    pub(super) over: Over,
    pub(super) sheet: bool,
    pub(super) send: Callback<Msg>,
}

/// What changes only when a menu is opened: a step draws none of it.
#[component]
pub(super) fn Header(props: &HeaderProps) -> Html {
    let send = &props.send;
    let count = ["no", "one", "two", "three", "four"][props.count.min(4)];
    let s = if props.count == 1 { "" } else { "s" };
    let over = |over: Over| send.reform(move |_: MouseEvent| Msg::Over(over.clone()));
    let on = |msg: fn() -> Msg| send.reform(move |_: MouseEvent| msg());
    let is_open = |menu: Over| props.over == menu;
    html! {
        <header class="top">
            <h1 class="logo"><span>{ "Rebalance" }</span></h1>
            <span class="scenario"><b>{ &props.title }</b><span>{ format!("one script, {count} protocol{s}, one clock") }</span></span>
            <button class="btn" onclick={over(Over::Gallery)}>{ "Scenarios" }</button>
            <span class="drop">
                <button class="btn" onclick={over(Over::Protocols)} aria-expanded={is_open(Over::Protocols).to_string()}>{ "Protocols" }</button>
                if is_open(Over::Protocols) {
                    <div class="menu under" role="group" aria-label="Protocols">
                        { for props.choices.iter().enumerate().map(|(index, (title, on))| html! {
                            <button role="checkbox" aria-checked={on.to_string()} onclick={send.reform(move |_: MouseEvent| Msg::Protocol(index))}>
                                <span class="tick" aria-hidden="true">{ if *on { "✓" } else { "" } }</span>{ title }
                            </button>
                        }) }
                    </div>
                }
            </span>
            <span class="drop">
                <button class="btn" onclick={over(Over::Export)} aria-expanded={is_open(Over::Export).to_string()}>{ "Export" }</button>
                if is_open(Over::Export) { { exports(send) } }
            </span>
            <button class="btn" onclick={on(|| Msg::Share)}>{ "Share this moment" }</button>
            <button class="btn icon" onclick={on(|| Msg::Theme)} aria-label="Theme" title="Theme">{ "◐" }</button>
            <button class="btn icon" onclick={over(Over::Help)} aria-label="Help" title="Help (?)">{ "?" }</button>
            <button class="btn details" onclick={on(|| Msg::Sheet)} aria-expanded={props.sheet.to_string()}>{ "Details" }</button>
            <button class="btn" onclick={on(|| Msg::Close)} title="Back to the stage (T)">{ "Stage" }</button>
        </header>
    }
}

fn exports(send: &Callback<Msg>) -> Html {
    let item = |export: Export, name: &'static str| {
        html! { <button onclick={send.reform(move |_: MouseEvent| Msg::Save(export))}>{ name }</button> }
    };
    html! {
        <div class="menu under" role="group" aria-label="Export">
            { item(Export::StripSvg, "Strips as SVG") }{ item(Export::StripPng, "Strips as PNG") }
            { item(Export::SequenceSvg, "Sequence as SVG") }{ item(Export::SequencePng, "Sequence as PNG") }
            { item(Export::Mermaid, "Sequence for Mermaid") }{ item(Export::Scenario, "Script as a scenario file") }
        </div>
    }
}

impl Theatre {
    pub(super) fn header(&self) -> Html {
        let is_open = self.over == Over::Protocols;
        let choice = |protocol: &Protocol| (protocol.title(), self.show.protocols.contains(protocol));
        let choices = if is_open { self.choices().iter().map(choice).collect() } else { Vec::new() };
        html! {
            <Header title={self.show.scenario.title.clone()} count={self.show.protocols.len()} {choices}
                over={self.over.clone()} sheet={self.sheet} send={&self.send} />
        }
    }

    /// What lies over everything.
    pub(super) fn over(&self, ctx: &Context<Theatre>) -> Html {
        let close = ctx.link().callback(|()| Msg::Escape);
        let (title, body) = match &self.over {
            Over::Gallery => ("Scenarios", self.gallery(ctx)),
            Over::Help => ("Help", help()),
            Over::Link(address) => (
                "Share this moment",
                html! { <>
                    <p>{ "This link opens exactly this moment: the scenario, all that you did, the protocols, the time. It was copied." }</p>
                    <input class="linktext" readonly=true value={address.clone()} aria-label="Link" />
                </> },
            ),
            Over::Trouble(text) => ("This cannot be opened", html! { <p class="trouble">{ text }</p> }),
            Over::Nothing | Over::Event | Over::Protocols | Over::Export => return Html::default(),
        };
        html! { <Modal {title} {close}>{ body }</Modal> }
    }

    fn gallery(&self, ctx: &Context<Theatre>) -> Html {
        html! { <>
            <Gallery groups=true choose={ctx.link().callback(Msg::Open)} />
            <p>{ "Or drop a scenario file of your own on the page." }</p>
        </> }
    }
}

fn help() -> Html {
    html! { <>
        <p>{ "The same happens to a consumer group in several worlds at once. They differ in one thing: the protocol by which the group shares its partitions. Each world is a whole cluster; what you see and count is what it did." }</p>
        <dl class="shortcuts">
            { for KEYS.iter().map(|(key, words)| html! { <><dt><kbd>{ *key }</kbd></dt><dd>{ *words }</dd></> }) }
        </dl>
        <h3>{ "Reading a strip" }</h3>
        <ul class="legend">
            <li>{ "Each row is a partition, time goes right; colour and letter say which member owns it. After six members the colours come again, with dots." }</li>
            <li>{ "Hatched: nobody reads it. Coloured and hatched: its owner hangs or stands still." }</li>
            <li>{ "A thin line below: another member still believes that the partition is its own." }</li>
            <li>{ "Right of the line nothing has happened yet; what was played before is shown pale." }</li>
        </ul>
    </> }
}
