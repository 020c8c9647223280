//! The cluster by broker: who hosts and leads what, and the controllers' quorum with its log.

use yew::prelude::*;

use crate::view::brokers::{
    BrokerView, ByBroker, QuorumView, ReplicaView, TapeView, bytes_words, metadata_log,
};

use crate::view::failover::time_words;
use crate::view::zookeeper::{Registry, SessionView, ZNodeView};

use super::target::Target;

#[derive(PartialEq, Properties)]
pub(super) struct BrokersProps {
    pub(super) view: ByBroker,
    pub(super) internal: bool,
    pub(super) toggle: Callback<MouseEvent>,
}

#[component]
pub(super) fn BrokersView(props: &BrokersProps) -> Html {
    let ByBroker { racks, quorum, registry } = &props.view;
    html! {
        <div class="operations">
            { for racks.iter().map(|rack| html! { <section key={rack.name.clone().unwrap_or_default()}>
                if let Some(name) = &rack.name { <h2 class="rack">{ format!("Rack {name}") }</h2> }
                <div class="by-broker">
                    { for rack.brokers.iter().map(|broker| html! { <Broker key={broker.title.clone()} broker={broker.clone()} /> }) }
                </div>
            </section> }) }
            <p class="switch">
                <button class="btn small" aria-pressed={props.internal.to_string()} onclick={props.toggle.clone()}>
                    { if props.internal { "hide internal topics" } else { "internal topics" } }
                </button>
            </p>
            if let Some(registry) = registry {
                <ZooKeeper registry={registry.clone()} />
            } else {
                <Quorum quorum={quorum.clone()} />
            }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct BrokerProps {
    broker: BrokerView,
}

#[component]
fn Broker(props: &BrokerProps) -> Html {
    let broker = &props.broker;
    let [leads, follows, out] = broker.roles;
    let clean = 100 - (broker.dirty_bytes * 100).checked_div(broker.disk_bytes).unwrap_or(0);
    html! {
        <section class={classes!("sheet", broker.gone.then_some("gone"))}>
            <h2><button data-pick={Target::Node(broker.node).to_string()} aria-label={format!("{}, {}", broker.title, broker.state)}>
                { &broker.title }<small class={if broker.state == "up" { "" } else { "warn" }}>{ &broker.state }</small>
            </button></h2>
            <dl class="facts">
                if !broker.gone {
                    <dt>{ "leads" }</dt><dd>{ leads }</dd>
                    <dt>{ "follows" }</dt>
                    <dd>{ follows }if out > 0 { <span class="warn">{ format!(" · {out} out of sync") }</span> }</dd>
                }
                <dt>{ "on disk" }</dt><dd>{ bytes_words(broker.disk_bytes) }</dd>
                <dt>{ "only in the page cache" }</dt><dd>{ bytes_words(broker.dirty_bytes) }</dd>
                if let Some((offset, behind)) = broker.metadata {
                    <dt>{ "metadata offset" }</dt>
                    <dd>{ offset }if behind > 0 { <span class="warn">{ format!(" · {behind} behind") }</span> }</dd>
                }
                { for broker.broken.iter().map(|(name, value)| html! { <><dt>{ name }</dt><dd class="warn">{ value }</dd></> }) }
            </dl>
            <div class="disk" role="img" aria-label={format!("{clean} % of its bytes are flushed")}>
                <i style={format!("width:{clean}%")} />
            </div>
            <table>
                <thead><tr>
                    <th>{ "replica" }</th><th>{ "role" }</th><th title="leader epoch">{ "epoch" }</th>
                    <th title="high watermark">{ "HW" }</th><th title="log end offset">{ "LEO" }</th>
                    <th title="records that the leader has and it has not">{ "behind" }</th>
                    <th title="written, but not yet flushed to the disk">{ "dirty" }</th>
                </tr></thead>
                <tbody>{ for broker.replicas.iter().map(|row| html! { <Replica key={row.at.to_string()} row={row.clone()} /> }) }</tbody>
            </table>
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct ReplicaProps {
    row: ReplicaView,
}

#[component]
fn Replica(props: &ReplicaProps) -> Html {
    let row = &props.row;
    let target = Target::Partition(row.at.clone()).to_string();
    html! {
        <tr class={classes!(row.leads.then_some("leads"))}>
            <td><button data-pick={target}>{ format!("{} {}", row.at.topic, row.at.partition) }</button></td>
            <td class={classes!((row.role == "out of sync").then_some("warn"))}>{ row.role }</td>
            <td>{ row.epoch }</td><td>{ row.high_watermark }</td><td>{ row.log_end }</td>
            <td class={classes!((row.behind > 0).then_some("warn"))}>{ row.behind }</td>
            <td class={classes!((row.dirty_bytes == 0).then_some("faint"))}>{ bytes_words(row.dirty_bytes) }</td>
        </tr>
    }
}

#[derive(PartialEq, Properties)]
struct QuorumProps {
    quorum: QuorumView,
}

#[component]
fn Quorum(props: &QuorumProps) -> Html {
    let quorum = &props.quorum;
    let leader = match &quorum.leader {
        Some(name) => format!("{name} leads"),
        None => "nobody leads".to_owned(),
    };
    html! {
        <section class="sheet quorum" aria-label="Metadata log">
            <h2>{ "Metadata log" }<small class={if quorum.leader.is_some() { "" } else { "warn" }}>{ leader }</small></h2>
            <p class="tip">{ format!("epoch {} · log end {} · high watermark {}", quorum.epoch, quorum.log_end, quorum.high_watermark) }</p>
            <div class="tapes">
                { for quorum.tapes.iter().map(|tape| tape_row(quorum, tape)) }
            </div>
            <p class="tip legend-line"><i class="sign full" />{ "in its log " }<i class="sign image" />{ "in its image " }<i class="sign mark" />{ "high watermark" }</p>
            <h3>{ "Latest records" }</h3>
            <ol class="latest">
                { for quorum.records.iter().map(|record| {
                    let target = quorum.reader.map(|node| Target::Record(node.0 as i32, metadata_log(), record.offset).to_string());
                    html! {
                        <li key={record.offset}><button data-pick={target}>
                            <span class="offset">{ record.offset }</span>
                            <b>{ &record.name }</b>
                            <span class="words">{ &record.words }</span>
                            if !record.committed { <em class="warn">{ "not committed" }</em> }
                        </button></li>
                    }
                }) }
            </ol>
            <p class="tip">{ "NoOpRecords, which only move the log on, are left out." }</p>
        </section>
    }
}

/// How far somebody has come, as a bar; what it acts by is the stronger part.
fn tape_row(quorum: &QuorumView, tape: &TapeView) -> Html {
    let longest = quorum.tapes.iter().map(|tape| tape.log_end).max().unwrap_or(0);
    let span = (longest - quorum.from).max(1);
    let percent = |offset: i64| (offset - quorum.from).clamp(0, span) * 100 / span;
    let lag = if tape.behind > 0 { format!("{} behind", tape.behind) } else { String::new() };
    let said = format!("{}, {}, log end {}, image {} {lag}", tape.name, tape.state, tape.log_end, tape.image);
    html! {
        <div class={classes!("tape-row", tape.gone.then_some("gone"), tape.leads.then_some("leads"))} key={tape.name.clone()}>
            <button data-pick={Target::Node(tape.node).to_string()} aria-label={said}>{ &tape.name }</button>
            <small>{ &tape.state }</small>
            <div class="bar" aria-hidden="true">
                <i class="full" style={format!("width:{}%", percent(tape.log_end))} />
                <i class="image" style={format!("width:{}%", percent(tape.image))} />
                <i class="mark" style={format!("left:{}%", percent(tape.high_watermark))} />
            </div>
            <span class="end">{ tape.log_end }</span>
            <span class="lag warn">{ lag }</span>
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct ZooKeeperProps {
    registry: Registry,
}

/// What stands in the place of the metadata log on ZooKeeper.
#[component]
fn ZooKeeper(props: &ZooKeeperProps) -> Html {
    let registry = &props.registry;
    let leads = match &registry.controller {
        Some(controller) => format!("the controller is {controller}"),
        None => "there is no controller".to_owned(),
    };
    let (znodes, zxid) = registry.counts;
    html! {
        <section class={classes!("sheet", "zookeeper", registry.gone.then_some("gone"))} aria-label="ZooKeeper">
            <h2><button data-pick={Target::Node(registry.node).to_string()} aria-label={format!("ZooKeeper, {}", registry.state)}>
                { "ZooKeeper" }<small class={if registry.state == "up" { "" } else { "warn" }}>{ registry.state }</small>
            </button><small class={if registry.controller.is_some() { "" } else { "warn" }}>{ leads }</small></h2>
            <p class="tip">{ format!("{znodes} znodes · last transaction {zxid} ") }
                <button class="btn small" data-do="open/failover">{ "How long fail-over takes" }</button></p>
            <div class="beside">
                <div>
                    <h3>{ "Sessions" }</h3>
                    <ul class="listed">{ for registry.sessions.iter().map(session) }</ul>
                </div>
                <div>
                    <h3>{ "Watches" }</h3>
                    <ul class="listed">{ for registry.watches.iter().map(|(path, what, count)| html! {
                        <li class="watch" key={format!("{what} {path}")}><code>{ path }</code><span>{ *what }</span><span>{ format!("{count} ×") }</span></li>
                    }) }</ul>
                </div>
            </div>
            <h3>{ "Znodes that hold something" }</h3>
            <ul class="listed znodes">{ for registry.znodes.iter().map(one_znode) }</ul>
            if registry.more > 0 {
                <p class="tip">{ format!("and {} more", registry.more) }</p>
            }
        </section>
    }
}

fn session(session: &SessionView) -> Html {
    let left = format!("over in {}", time_words(session.left_ms));
    html! {
        <li key={session.id.clone()}>
            <b>{ &session.client }</b>
            <code>{ &session.id }</code>
            <span class={classes!((!session.connected).then_some("warn"))}>
                { if session.connected { left } else { format!("nobody there · {left}") } }
            </span>
        </li>
    }
}

fn one_znode(znode: &ZNodeView) -> Html {
    html! {
        <li key={znode.path.clone()}>
            <code class="path">{ &znode.path }</code>
            <code class="data" title={znode.data.clone()}>{ &znode.data }</code>
            if let Some(owner) = &znode.owner {
                <em title="Ephemeral: it goes with the session that created it">{ format!("goes with {owner}") }</em>
            } else if znode.version > 0 {
                <em title="How often its data was changed">{ format!("v{}", znode.version) }</em>
            }
        </li>
    }
}
