//! The world that is looked into: its members, what moves, and why.

use std::rc::Rc;

use yew::prelude::*;

use crate::view::members;
use crate::view::theatre::{Cell, Matrix, MemberView, MoveRow, Panel, Wire, letter};

#[derive(PartialEq, Properties)]
pub(super) struct DetailsProps {
    pub(super) title: AttrValue,
    pub(super) panel: Rc<Panel>,
    pub(super) matrix: Rc<Matrix>,
    /// What was stepped to.
    pub(super) told: Option<String>,
    pub(super) names: Rc<Vec<String>>,
}

#[component]
pub(super) fn Details(props: &DetailsProps) -> Html {
    let coordinator = match props.panel.coordinator {
        Some(broker) => format!("broker {broker} coordinates"),
        None => "nobody coordinates".to_owned(),
    };
    html! { <>
        <h2>{ &props.title }</h2>
        <p class="tip">{ coordinator }</p>
        if let Some(told) = &props.told { <h3>{ "In words" }</h3><p>{ told }</p> }
        <h3>{ "What each member believes" }</h3>
        <ul class="believers">{ for props.panel.members.iter().map(|member| believer(member, props.panel.is_epoch, &props.names)) }</ul>
        <h3>{ if props.matrix.settled { "The last round" } else { "This round" } }</h3>
        <Moves matrix={&props.matrix} />
    </> }
}

fn believer(member: &MemberView, is_epoch: bool, names: &[String]) -> Html {
    let counter = if is_epoch { "member epoch" } else { "generation" };
    let name = names.get(usize::from(member.member)).cloned().unwrap_or_default();
    let rest = name.strip_prefix(&member.letter).unwrap_or("").to_owned();
    let class = classes!(
        "believer",
        members::class(member.colour),
        (!member.runs).then_some("out"),
        (member.runs && !member.is_well).then_some("busy")
    );
    html! {
        <li {class}>
            <span class="badge">{ &member.letter }</span>
            <span class="what">
                <b>{ &member.status }</b>{ rest }
                if member.generation >= 0 { <span class="faint">{ format!(" · {counter} {}", member.generation) }</span> }
                if member.leads { <span class="faint">{ " · leader" }</span> }
                <small>{ if member.owns.is_empty() { "owns nothing".to_owned() } else { member.owns.join(" ") } }</small>
            </span>
            { wire(member.wire.as_ref()) }
        </li>
    }
}

/// The way between a member and the coordinator, and what is on it.
fn wire(wire: Option<&Wire>) -> Html {
    let Some(wire) = wire else { return html! { <span class="wire" aria-hidden="true"></span> } };
    let along = if wire.outward { wire.permille } else { 1_000 - wire.permille };
    let title = match (wire.waits, wire.outward) {
        (true, _) => format!("{} waits at the coordinator", wire.word),
        (false, true) => format!("{} to the coordinator", wire.word),
        (false, false) => format!("{} answered", wire.word),
    };
    html! {
        <span class={classes!("wire", wire.waits.then_some("waits"))} title={title.clone()} role="img" aria-label={title}>
            <i style={format!("left:{}%", along / 10)}>{ if wire.outward { "▸" } else { "◂" } }</i>
            <small>{ wire.word }</small>
        </span>
    }
}

#[derive(PartialEq, Properties)]
struct MovesProps {
    matrix: Rc<Matrix>,
}

#[component]
fn Moves(props: &MovesProps) -> Html {
    let matrix = &props.matrix;
    let (stays, moves) = matrix.counts();
    html! { <>
        <p class="tip">{ match moves {
            0 => "everything stays".to_owned(),
            1 => format!("{stays} stay, 1 does not"),
            _ => format!("{stays} stay, {moves} do not"),
        } }</p>
        <table class="matrix">
            <thead><tr><th>{ "" }</th>{ for matrix.members.iter().zip(&matrix.colours).map(|(who, colour)| html! { <th class={members::class(*colour)}>{ letter(*who) }</th> }) }</tr></thead>
            <tbody>{ for matrix.rows.iter().map(|row| html! { <Row row={row.clone()} colours={matrix.colours.clone()} /> }) }</tbody>
        </table>
        <ul class="whys">{ for matrix.rows.iter().filter_map(|row| row.why.as_ref()).map(|why| html! { <li>{ why }</li> }) }</ul>
    </> }
}

#[derive(PartialEq, Properties)]
struct RowProps {
    row: MoveRow,
    colours: Vec<u8>,
}

#[component]
fn Row(props: &RowProps) -> Html {
    let row = &props.row;
    html! {
        <tr><th scope="row">{ &row.lane }</th>
            { for row.cells.iter().zip(&props.colours).map(|(cell, colour)| {
                let (class, sign, words) = match cell {
                    Cell::Nothing => ("", "", ""),
                    Cell::Stays => ("stays", "●", "keeps it"),
                    Cell::Gets => ("gets", "+", "gets it"),
                    Cell::Gave => ("gave", "−", "gave it up"),
                };
                html! { <td class={classes!(class, members::class(*colour))} title={words}><span>{ sign }</span></td> }
            }) }
        </tr>
    }
}
