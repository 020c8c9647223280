//! What the selected thing is: words, causes, facts, bytes; without one, what happened last.

use yew::prelude::*;

use crate::view::actions::flight_faults;
use crate::view::inspector::{BatchView, FieldView, Inspection, PartView, hex_rows};

use super::seconds_of;
use super::target::Target;

/// No more bytes than this are shown.
const BYTES_MAX: usize = 2_048;
/// No more fields than this are listed.
const FIELDS_MAX: usize = 200;

/// What the inspector shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    /// A trace entry.
    Entry(Box<Inspection>, bool),
    /// A record's batch.
    Batch(Box<BatchView>),
    /// The last entries: number, time, headline.
    Log(Vec<(u64, crate::base::SimTime, String)>),
}

#[derive(PartialEq, Properties)]
pub(super) struct InspectorProps {
    pub(super) shown: Shown,
}

#[component]
pub(super) fn Inspector(props: &InspectorProps) -> Html {
    match &props.shown {
        Shown::Entry(inspection, in_flight) => entry(inspection, *in_flight),
        Shown::Batch(batch) => html! { <BatchPart batch={(**batch).clone()} /> },
        Shown::Log(entries) => html! { <>
            <h2>{ "What happens" }</h2>
            <p class="tip">{ "Click anything: a record, a request on its way, a broker, a consumer." }</p>
            <ol class="log">
                { for entries.iter().map(|(seq, time, title)| html! {
                    <li key={*seq}>
                        <button data-pick={Target::Entry(*seq).to_string()}>
                            <span>{ title }</span><small>{ seconds_of(*time) }</small>
                        </button>
                    </li>
                }) }
            </ol>
        </> },
    }
}

fn close() -> Html {
    html! { <button class="close" data-do="unselect" aria-label="Close" title="Close (Esc)">{ "×" }</button> }
}

#[inline(never)]
fn entry(inspection: &Inspection, in_flight: bool) -> Html {
    html! { <>
        { close() }
        <h2>{ &inspection.title }</h2>
        <p class="tip">{ &inspection.subtitle }</p>
        if in_flight {
            <p class="doings">
                { for flight_faults(inspection.seq).iter().zip(["drop", "delay", "twice"]).map(|((word, _), what)| {
                    let class = classes!("btn", (what == "drop").then_some("danger"));
                    html! { <button {class} data-do={format!("{what}/{}", inspection.seq)}>{ word }</button> }
                }) }
            </p>
        }
        <h3>{ "In words" }</h3>
        <p class="words">{ &inspection.sentence }</p>
        if !inspection.why.steps.is_empty() {
            <h3>{ "Why?" }</h3>
            <ol class="why">
                { for inspection.why.steps.iter().map(|step| html! {
                    <li key={step.seq}>
                        <button data-pick={Target::Entry(step.seq).to_string()} title={step.sentence.clone()}>
                            { &step.title }<small>{ format!("event {} · {}", step.seq, seconds_of(step.time)) }</small>
                        </button>
                    </li>
                }) }
            </ol>
        }
        if !inspection.leads_to.is_empty() {
            <h3>{ "And so" }</h3>
            <ol class="why so">
                { for inspection.leads_to.iter().take(6).map(|(seq, title)| html! {
                    <li key={*seq}><button data-pick={Target::Entry(*seq).to_string()}>{ title }</button></li>
                }) }
            </ol>
        }
        if !inspection.facts.is_empty() {
            <h3>{ "Facts" }</h3>
            { facts(&inspection.facts) }
        }
        if let Some(frame) = &inspection.frame {
            <h3>{ format!("{} · {} bytes", frame.name, frame.size_bytes) }</h3>
            <p class="tip">{ format!("{} → {}", frame.from, frame.to) }</p>
            { fields(&frame.fields) }
            if let Some(error) = &frame.error { <p class="warn">{ error }</p> }
            { bytes(&frame.bytes, &frame.fields) }
        }
    </> }
}

#[derive(PartialEq, Properties)]
struct BatchProps {
    batch: BatchView,
}

#[component]
fn BatchPart(props: &BatchProps) -> Html {
    let batch = &props.batch;
    let record = batch.selected.and_then(|index| batch.records.get(index as usize));
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
    html! { <>
        { close() }
        if let Some(record) = record {
            <h2>{ format!("Record {}", record.offset) }</h2>
            <p class="tip">{ &record.timestamp }</p>
            <dl class="facts wide">
                <dt>{ "key" }</dt><dd><code>{ text(&record.key) }</code></dd>
                <dt>{ "value" }</dt><dd><code>{ text(&record.value) }</code></dd>
                { for record.headers.iter().map(|(name, value)| html! { <>
                    <dt>{ format!("header {name}") }</dt><dd><code>{ text(value) }</code></dd>
                </> }) }
            </dl>
            { for batch.opened.iter().map(opened) }
        }
        <h3>{ "Its batch" }</h3>
        <p class="tip">{ &batch.title }</p>
        { facts(&batch.facts) }
        if batch.records.len() > 1 {
            <h3>{ format!("{} records", batch.records.len()) }</h3>
            <ol class="records">
                { for batch.records.iter().take(50).map(|record| html! {
                    <li>{ format!("{} ", record.offset) }<code>{ text(&record.key) }</code>{ " " }<code>{ text(&record.value) }</code></li>
                }) }
            </ol>
        }
        if let Some(error) = &batch.error { <p class="warn">{ error }</p> }
        { bytes(&batch.bytes, &batch.fields) }
    </> }
}

/// A key or value that has a schema.
#[inline(never)]
fn opened(part: &PartView) -> Html {
    html! { <>
        { fields(&part.fields) }
        if let Some(error) = &part.error { <p class="warn">{ error }</p> }
    </> }
}

fn facts(facts: &[(String, String)]) -> Html {
    html! {
        <dl class="facts">
            { for facts.iter().map(|(name, value)| html! { <><dt>{ name }</dt><dd>{ value }</dd></> }) }
        </dl>
    }
}

fn fields(fields: &[FieldView]) -> Html {
    html! {
        <details open={fields.len() < 40}>
            <summary>{ format!("{} fields", fields.len()) }</summary>
            <dl class="facts fields">
                { for fields.iter().take(FIELDS_MAX).map(|field| html! { <>
                    <dt style={format!("padding-left:{}px", u32::from(field.depth) * 9)}>{ &field.name }</dt>
                    <dd>{ &field.value }</dd>
                </> }) }
            </dl>
        </details>
    }
}

fn bytes(bytes: &[u8], fields: &[FieldView]) -> Html {
    let shown = &bytes[..bytes.len().min(BYTES_MAX)];
    let rows = hex_rows(shown, fields);
    html! { <>
        <h3>{ "Bytes" }</h3>
        <code class="hex">
            { for rows.iter().map(|row| html! {
                <div>
                    <span class="at">{ format!("{:04x}", row.offset) }</span>
                    { for row.runs.iter().map(|run| {
                        let field = run.field.and_then(|index| fields.get(index as usize));
                        let title = field.map(|field| format!("{}: {}", field.name, field.value));
                        html! { <i class={format!("c{}", run.colour)} {title}>{ &run.hex }</i> }
                    }) }
                </div>
            }) }
        </code>
        if bytes.len() > shown.len() {
            <p class="tip">{ format!("and {} bytes more", bytes.len() - shown.len()) }</p>
        }
    </> }
}
