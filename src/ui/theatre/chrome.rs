//! What is round the worlds: the header, its menus, the dialogs.

use yew::prelude::*;

use super::super::dialogs::Modal;
use super::super::gallery::Gallery;
use super::{Export, Msg, Over, Theatre};

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

impl Theatre {
    pub(super) fn header(&self, ctx: &Context<Theatre>) -> Html {
        let link = ctx.link();
        let count = ["no", "one", "two", "three", "four"][self.show.protocols.len().min(4)];
        let s = if self.show.protocols.len() == 1 { "" } else { "s" };
        let over = |over: Over| link.callback(move |_: MouseEvent| Msg::Over(over.clone()));
        html! {
            <header class="top">
                <h1 class="logo"><span>{ "Rebalance" }</span></h1>
                <span class="scenario"><b>{ &self.show.scenario.title }</b><span>{ format!("one script, {count} protocol{s}, one clock") }</span></span>
                <button class="btn" onclick={over(Over::Gallery)}>{ "Scenarios" }</button>
                <span class="drop">
                    <button class="btn" onclick={over(Over::Protocols)} aria-expanded={(self.over == Over::Protocols).to_string()}>{ "Protocols" }</button>
                    if self.over == Over::Protocols {
                        <div class="menu under" role="group" aria-label="Protocols">
                            { for self.choices().iter().enumerate().map(|(index, protocol)| {
                                let on = self.show.protocols.contains(protocol);
                                html! {
                                    <button role="checkbox" aria-checked={on.to_string()} onclick={link.callback(move |_| Msg::Protocol(index))}>
                                        <span class="tick" aria-hidden="true">{ if on { "✓" } else { "" } }</span>{ protocol.title() }
                                    </button>
                                }
                            }) }
                        </div>
                    }
                </span>
                <span class="drop">
                    <button class="btn" onclick={over(Over::Export)} aria-expanded={(self.over == Over::Export).to_string()}>{ "Export" }</button>
                    if self.over == Over::Export { { self.exports(ctx) } }
                </span>
                <button class="btn" onclick={link.callback(|_| Msg::Share)}>{ "Share this moment" }</button>
                <button class="btn icon" onclick={link.callback(|_| Msg::Theme)} aria-label="Theme" title="Theme">{ "◐" }</button>
                <button class="btn icon" onclick={over(Over::Help)} aria-label="Help" title="Help (?)">{ "?" }</button>
                <button class="btn details" onclick={link.callback(|_| Msg::Sheet)} aria-expanded={self.sheet.to_string()}>{ "Details" }</button>
                <button class="btn" onclick={link.callback(|_| Msg::Close)} title="Back to the stage (T)">{ "Stage" }</button>
            </header>
        }
    }

    fn exports(&self, ctx: &Context<Theatre>) -> Html {
        let item = |export: Export, name: &'static str| {
            html! { <button onclick={ctx.link().callback(move |_| Msg::Save(export))}>{ name }</button> }
        };
        html! {
            <div class="menu under" role="group" aria-label="Export">
                { item(Export::StripSvg, "Strips as SVG") }{ item(Export::StripPng, "Strips as PNG") }
                { item(Export::SequenceSvg, "Sequence as SVG") }{ item(Export::SequencePng, "Sequence as PNG") }
                { item(Export::Mermaid, "Sequence for Mermaid") }{ item(Export::Scenario, "Script as a scenario file") }
            </div>
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
