//! The cluster by broker: who hosts and leads what.

use yew::prelude::*;

use crate::sim::{Health, World};

use super::target::Target;

/// A broker's card as data.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BrokerRows {
    target: String,
    title: String,
    state: &'static str,
    gone: bool,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    target: String,
    name: String,
    role: &'static str,
    leads: bool,
    epoch: i32,
    end: i64,
    high_watermark: i64,
    flushed: i64,
}

/// Every broker of a world.
pub(super) fn rows(world: &World, internal: bool) -> Vec<BrokerRows> {
    let mut all = Vec::new();
    for (node, slot, broker) in world.brokers() {
        let rows = broker
            .partitions()
            .filter(|partition| internal || !partition.at.topic.starts_with("__"))
            .map(|partition| {
                let in_sync = partition.registration.isr.contains(&broker.id());
                let role = match (partition.is_leader(), in_sync) {
                    (true, _) => "leader",
                    (_, true) => "in sync",
                    _ => "out of sync",
                };
                Row {
                    target: Target::Partition(partition.at.clone()).to_string(),
                    name: format!("{} {}", partition.at.topic, partition.at.partition),
                    role,
                    leads: partition.is_leader(),
                    epoch: partition.registration.leader_epoch,
                    end: partition.log.log_end_offset(),
                    high_watermark: partition.log.high_watermark(),
                    flushed: partition.log.flushed_offset(),
                }
            });
        let state = match slot.health {
            Health::Up if broker.is_fenced() => "up · fenced",
            Health::Up => "up",
            Health::Waiting => "not started",
            Health::Paused => "paused",
            Health::Killed => "down",
            Health::PoweredOff => "no power",
        };
        all.push(BrokerRows {
            target: Target::Node(node).to_string(),
            title: format!("Broker {}", broker.id()),
            state,
            gone: matches!(slot.health, Health::Killed | Health::PoweredOff),
            rows: rows.collect(),
        });
    }
    all
}

#[derive(PartialEq, Properties)]
pub(super) struct BrokersProps {
    pub(super) brokers: Vec<BrokerRows>,
}

#[component]
pub(super) fn BrokersView(props: &BrokersProps) -> Html {
    html! {
        <div class="by-broker">
            { for props.brokers.iter().map(|broker| html! {
                <section class={classes!("sheet", broker.gone.then_some("gone"))} key={broker.title.clone()}>
                    <h2><button data-pick={broker.target.clone()} aria-label={format!("{}, {}", broker.title, broker.state)}>
                        { &broker.title }<small class={if broker.state == "up" { "" } else { "warn" }}>{ broker.state }</small>
                    </button></h2>
                    <table>
                        <thead><tr>
                            <th>{ "replica" }</th><th>{ "role" }</th><th title="leader epoch">{ "epoch" }</th>
                            <th title="high watermark">{ "HW" }</th><th title="log end offset">{ "LEO" }</th>
                            <th title="durable on the disk up to this offset">{ "flushed" }</th>
                        </tr></thead>
                        <tbody>{ for broker.rows.iter().map(|row| html! { <ReplicaRow key={row.name.clone()} row={row.clone()} /> }) }</tbody>
                    </table>
                </section>
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct RowProps {
    row: Row,
}

#[component]
fn ReplicaRow(props: &RowProps) -> Html {
    let row = &props.row;
    html! {
        <tr class={classes!(row.leads.then_some("leads"))}>
            <td><button data-pick={row.target.clone()}>{ &row.name }</button></td>
            <td class={classes!((row.role == "out of sync").then_some("warn"))}>{ row.role }</td>
            <td>{ row.epoch }</td><td>{ row.high_watermark }</td><td>{ row.end }</td>
            <td class={classes!((row.flushed < row.end).then_some("faint"))}>{ row.flushed }</td>
        </tr>
    }
}
