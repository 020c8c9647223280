//! The script as chips, what one can make happen, and the question before the next event.

use std::rc::Rc;

use yew::prelude::*;

use crate::base::SimTime;
use crate::sim::{Command, Health, Machine};

use super::show::{Cue, Guess, Show};
use super::{Msg, Over};

/// What the bar shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    /// So many events of the script have happened.
    pub(super) past: usize,
    pub(super) cues: Rc<Vec<Cue>>,
    /// The next event, a partition, and who may have it then.
    pub(super) question: Option<(Cue, String, Vec<String>)>,
    pub(super) guess: Option<Guess>,
    /// Each world and who has the partition there.
    pub(super) outcome: Option<Vec<(String, String)>>,
    /// What can be made to happen now.
    pub(super) actions: Vec<(String, Command)>,
}

#[derive(PartialEq, Properties)]
pub(super) struct ScriptProps {
    pub(super) show: Told,
    pub(super) over: Over,
    pub(super) send: Callback<Msg>,
}

#[component]
pub(super) fn Script(props: &ScriptProps) -> Html {
    let told = &props.show;
    let send = &props.send;
    let open = props.over == Over::Event;
    html! {
        <div class="script" role="region" aria-label="Script">
            <span class="faint word">{ "Script" }</span>
            <div class="chips">
                { for (1..).zip(told.cues.iter()).map(|(number, cue)| chip(cue, number == told.past, number <= told.past, send)) }
                <span class="drop">
                    <button class="chip add" aria-expanded={open.to_string()} title="Make something happen now (E)"
                        onclick={send.reform(|_: MouseEvent| Msg::Over(Over::Event))}>{ "+ event" }</button>
                    if open {
                        <div class="menu under" role="group" aria-label="Make something happen now">
                            { for told.actions.iter().map(|(label, command)| {
                                let command = command.clone();
                                html! { <button onclick={send.reform(move |_: MouseEvent| Msg::Act(command.clone()))}>{ label }</button> }
                            }) }
                        </div>
                    }
                </span>
            </div>
            { predict(told, send) }
        </div>
    }
}

fn chip(cue: &Cue, on: bool, past: bool, send: &Callback<Msg>) -> Html {
    let (at, index) = (cue.at, cue.index);
    let go = send.reform(move |_: MouseEvent| Msg::GoTo(at));
    let remove = send.reform(move |_: MouseEvent| Msg::Remove(index));
    let class = classes!("chip", on.then_some("on"), past.then_some("past"));
    html! {
        <span {class}>
            <button class="plain" onclick={go} title="Go there">{ format!("{} · {}", seconds(at), cue.label) }</button>
            <button class="plain cross" onclick={remove} aria-label={format!("Without “{}”", cue.label)} title="Play without it">{ "×" }</button>
        </span>
    }
}

/// `8 s`, `8.2 s`.
fn seconds(at: SimTime) -> String {
    let tenths = at.as_ms() / 100;
    if tenths.is_multiple_of(10) {
        format!("{} s", tenths / 10)
    } else {
        format!("{}.{} s", tenths / 10, tenths % 10)
    }
}

fn predict(told: &Told, send: &Callback<Msg>) -> Html {
    // What comes of it is shown until something else happens.
    let latest = told.past.checked_sub(1).and_then(|index| told.cues.get(index)).map(|cue| cue.at);
    if let Some(guess) = told.guess.as_ref().filter(|guess| latest == Some(guess.cue.at)) {
        return revealed(told, guess, send);
    }
    let Some((cue, lane, names)) = &told.question else { return Html::default() };
    let chosen = told.guess.as_ref().filter(|guess| guess.cue.at == cue.at).map(|guess| &guess.name);
    html! {
        <div class="predict" role="group" aria-label="Predict">
            <span class="faint">{ format!("Predict: who will own {lane} after {}?", cue.label) }</span>
            { for names.iter().map(|name| {
                let guess = Guess { cue: cue.clone(), lane: lane.clone(), name: name.clone() };
                let on = chosen == Some(name);
                html! {
                    <button class={classes!("btn", "small", on.then_some("go"))} aria-pressed={on.to_string()}
                        onclick={send.reform(move |_: MouseEvent| Msg::Guess(Box::new(guess.clone())))}>{ name }</button>
                }
            }) }
        </div>
    }
}

fn revealed(told: &Told, guess: &Guess, send: &Callback<Msg>) -> Html {
    let Some(outcome) = &told.outcome else {
        return html! { <div class="predict"><span class="faint">{ format!("You said {} for {}: wait and see …", guess.name, guess.lane) }</span></div> };
    };
    html! {
        <div class="predict" role="status">
            <span class="faint">{ format!("{}, you said {}:", guess.lane, guess.name) }</span>
            { for outcome.iter().map(|(world, owner)| {
                let right = *owner == guess.name;
                let sign = if right { "✓" } else { "✗" };
                html! { <span class={if right { "told right" } else { "told wrong" }} title={world.clone()}>{ format!("{sign} {owner} · {world}") }</span> }
            }) }
            <button class="btn small" onclick={send.reform(|_: MouseEvent| Msg::NextQuestion)}>{ "next question" }</button>
        </div>
    }
}

/// What can be made to happen, as the first world stands.
pub(super) fn actions(show: &Show) -> Vec<(String, Command)> {
    let (Some(fold), Some(run)) = (show.folds().first(), show.runs().first()) else { return Vec::new() };
    let world = run.world();
    let panel = crate::view::theatre::panel(fold, world);
    let mut found = Vec::new();
    if show.scenario.groups.iter().any(|group| group.id == fold.group()) {
        let name = next_name(|name| world.find(name).is_some());
        found.push((
            format!("{name} joins"),
            Command::AddConsumer { group: fold.group().to_owned(), name: Some(name) },
        ));
    }
    for member in &panel.members {
        let node = member.name.clone();
        let Some(slot) = fold.node(member.member).and_then(|id| world.node(id)) else { continue };
        let Machine::Consumer(consumer) = &slot.machine else { continue };
        if member.runs {
            let on = !consumer.is_stuck();
            let stuck = Command::SetStuck { consumer: node.clone(), on };
            found.push((
                format!("{node} leaves"),
                Command::Stop { node: node.clone(), membership: Default::default() },
            ));
            found.push((format!("{node} crashes"), Command::Kill { node: node.clone() }));
            found.push((format!("{node} {}", if on { "hangs" } else { "goes on" }), stuck));
        } else if slot.health != Health::Waiting {
            found.push((format!("{node} returns"), Command::Restart { node }));
        }
    }
    if let Some((at, _)) = fold.lanes().iter().next_back() {
        let more = fold.lanes().keys().filter(|other| other.topic == at.topic).count() as i32 + 2;
        let add = Command::AddPartitions { topic: at.topic.to_string(), partitions: more };
        found.push((format!("{} gets two partitions more", at.topic), add));
    }
    for (id, slot, _) in world.brokers() {
        let node = slot.name.clone();
        match slot.health {
            Health::Up if panel.coordinator == i32::try_from(id.0).ok() => {
                found.push((format!("The coordinator, {node}, dies"), Command::Kill { node }));
            }
            Health::Killed | Health::PoweredOff => {
                found.push((format!("{node} returns"), Command::Restart { node }))
            }
            _ => {}
        }
    }
    found
}

/// The first free letter.
fn next_name(taken: impl Fn(&str) -> bool) -> String {
    let letters = (0..=u8::MAX).map(crate::view::theatre::letter);
    letters.into_iter().find(|name| !taken(name)).unwrap_or_default()
}
