//! The stage in SVG. What does not change is not drawn again: parts compare their data.

use std::sync::Arc;

use yew::prelude::*;

use crate::client::producer::BatchState;
use crate::view::stage::{BrokersCard, Dot, GroupCard, Line, Mood, ProducerCard, Scene, Server, Tone};
use crate::view::{members, px};

use super::lane::LaneView;
use super::target::Target;

/// The whole drawing.
#[derive(PartialEq, Properties)]
pub(super) struct StageProps {
    pub(super) scene: Scene,
    pub(super) selected: Option<AttrValue>,
}

/// A class for how something is.
pub(super) fn mood(mood: Mood) -> &'static str {
    match mood {
        Mood::Well => "well",
        Mood::Uneasy => "uneasy",
        Mood::Gone => "gone",
    }
}

#[component]
pub(super) fn Stage(props: &StageProps) -> Html {
    let scene = &props.scene;
    let height = scene.height.ceil();
    html! {
        <svg class="stage" width={px(scene.width)} height={px(height)}
            role="group" aria-label="Stage: partitions, producers, groups and brokers">
            <Lines lines={scene.lines.clone()} />
            { for scene.lanes.iter().map(|lane| {
                let selected = selected_offset(props.selected.as_deref(), &lane.at);
                html! { <LaneView key={lane.at.to_string()} lane={Arc::clone(lane)} {selected} /> }
            }) }
            if let Some(why) = scene.empty {
                <text class="s" x={px(scene.width / 2.0)} y="90" text-anchor="middle">{ why }</text>
            }
            { for scene.producers.iter().map(|card| html! {
                <Producer key={card.facts.name.clone()} card={Arc::clone(card)} />
            }) }
            { for scene.groups.iter().map(|card| html! {
                <Group key={card.facts.id.to_string()} card={Arc::clone(card)} />
            }) }
            <Brokers card={Arc::clone(&scene.brokers)} narrow={scene.narrow} />
            <Flights dots={scene.dots.clone()} />
        </svg>
    }
}

/// Broker and offset of the selected record, if it is in this partition.
fn selected_offset(selected: Option<&str>, at: &crate::protocol::TopicPartition) -> Option<(i32, i64)> {
    match Target::read(selected?)? {
        Target::Record(broker, of, offset) if of == *at => Some((broker, offset)),
        _ => None,
    }
}

#[derive(PartialEq, Properties)]
struct LinesProps {
    lines: Vec<Line>,
}

#[component]
fn Lines(props: &LinesProps) -> Html {
    html! {
        <g class="lines" aria-hidden="true">
            { for props.lines.iter().map(|line| html! {
                <path class={format!("line {}", members::class(line.colour))} d={line.curve.path()} />
            }) }
        </g>
    }
}

#[derive(PartialEq, Properties)]
struct ProducerProps {
    card: Arc<ProducerCard>,
}

fn cut(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    name.chars().take(letters - 1).chain(['…']).collect()
}

#[component]
fn Producer(props: &ProducerProps) -> Html {
    let ProducerCard { x, y, w, h, facts, lit } = &*props.card;
    let (x, y, w, h) = (*x, *y, *w, *h);
    let state = facts.state.clone().unwrap_or_else(|| facts.acks.to_owned());
    let name = format!("producer {}, {state}", facts.name);
    let target = Target::Node(facts.node).to_string();
    let soft = if facts.mood == Mood::Well { "s" } else { "s warn" };
    html! {
        <g class={classes!("card", "pick", lit.then_some("lit"), mood(facts.mood))} role="button" tabindex="0"
            aria-label={name} data-pick={target}>
            <rect class="box" x={px(x)} y={px(y)} width={px(w)} height={px(h)} rx="10" />
            <text class="t" x={px(x + 12.0)} y={px(y + 20.0)}>{ cut(&facts.name, 14) }</text>
            <text class={soft} x={px(x + 12.0)} y={px(y + 36.0)}>{ state }</text>
            { for facts.batches.iter().enumerate().map(|(row, (at, state, keys, count))| {
                let top = y + 44.0 + row as f64 * 21.0;
                let class = match state {
                    BatchState::Filling => "batch filling",
                    BatchState::Closed => "batch",
                    BatchState::InFlight => "batch flying",
                    BatchState::Retrying => "batch retrying",
                };
                let words = match state {
                    BatchState::Filling => "filling",
                    BatchState::Closed => "ready",
                    BatchState::InFlight => "in flight",
                    BatchState::Retrying => "retrying",
                };
                let shown = keys.len();
                // Behind the partition's number, however long that is.
                let after = x + 17.0 + at.partition.to_string().len() as f64 * 7.0;
                html! {
                    <g>
                        <title>{ format!("batch for {at}: {count} records, {words}") }</title>
                        <rect {class} x={px(x + 8.0)} y={px(top)} width={px(w - 16.0)} height="18" rx="5" />
                        <text class="s tiny" x={px(x + 14.0)} y={px(top + 13.0)}>{ at.partition }</text>
                        { for keys.iter().enumerate().map(|(n, key)| html! {
                            <rect class={format!("k{}", key.colour)} x={px(after + n as f64 * 13.0)}
                                y={px(top + 4.0)} width="10" height="10" rx="2" />
                        }) }
                        if (*count as usize) > shown {
                            <text class="s tiny" x={px(after + 2.0 + shown as f64 * 13.0)} y={px(top + 13.0)}>
                                { format!("+{}", *count as usize - shown) }
                            </text>
                        }
                    </g>
                }
            }) }
            if facts.more > 0 {
                <text class="s tiny" x={px(x + w - 10.0)} y={px(y + 36.0)} text-anchor="end">
                    { format!("+{}", facts.more) }<title>{ "more batches" }</title>
                </text>
            }
            if facts.batches.is_empty() && facts.mood == Mood::Well {
                <text class="s faint" x={px(x + 12.0)} y={px(y + 58.0)}>{ "nothing waits" }</text>
            }
        </g>
    }
}

#[derive(PartialEq, Properties)]
struct GroupProps {
    card: Arc<GroupCard>,
}

#[component]
fn Group(props: &GroupProps) -> Html {
    let GroupCard { x, y, w, h, facts, lit } = &*props.card;
    let (x, y, w, h) = (*x, *y, *w, *h);
    let title = if facts.id.is_empty() { "consumers".to_owned() } else { facts.id.to_string() };
    let shown = cut(&title, 13);
    let target = Target::Group(facts.id.to_string()).to_string();
    html! {
        <g class={classes!("card", mood(facts.mood))}>
            <rect class="box" x={px(x)} y={px(y)} width={px(w)} height={px(h)} rx="10" />
            <g class="pick" role="button" tabindex="0" data-pick={target.clone()}
                aria-label={format!("group {title}, {}", facts.state)}>
                <rect class="hit" x={px(x + 4.0)} y={px(y + 4.0)} width={px(w - 8.0)} height="24" rx="6" />
                <text class="t" x={px(x + 12.0)} y={px(y + 20.0)}>{ &shown }</text>
                <text class={if facts.mood == Mood::Well { "s" } else { "s warn" }} x={px(x + w - 12.0)}
                    y={px(y + 20.0)} text-anchor="end">{ short_state(&facts.state, &shown, w) }</text>
            </g>
            { for facts.members.iter().enumerate().map(|(index, member)| {
                let top = y + GroupCard::HEAD + index as f64 * GroupCard::ROW;
                let class = classes!(
                    "member", "pick", members::class(member.colour), mood(member.mood),
                    lit.contains(&member.node.0).then_some("lit"),
                );
                let (left, wide) = (x + 12.0, w - 24.0);
                html! {
                    <g key={member.name.clone()} {class} role="button" tabindex="0"
                        data-pick={Target::Node(member.node).to_string()}
                        aria-label={format!("{}, {}", member.name, member.words)}>
                        <rect class="wash" x={px(left)} y={px(top)} width={px(wide)} height="24" rx="6" />
                        <rect class="flag" x={px(left)} y={px(top)} width="5" height="24" rx="2" />
                        <text x={px(left + 13.0)} y={px(top + 16.0)}>{ cut(&member.name, 13) }</text>
                        <text class="s" x={px(left + wide - 6.0)} y={px(top + 16.0)}
                            text-anchor="end">{ short_words(&member.words, w) }</text>
                    </g>
                }
            }) }
            if !facts.id.is_empty() {
                <g class="pick add" role="button" tabindex="0" data-do={format!("add/{}", facts.id)}
                    aria-label={format!("Add a consumer to {}", facts.id)}>
                    <rect class="hit" x={px(x + 8.0)} y={px(y + h - 24.0)} width="118" height="20" rx="6" />
                    <text class="s" x={px(x + 14.0)} y={px(y + h - 10.0)}>{ "+ add a consumer" }</text>
                </g>
            }
        </g>
    }
}

/// Where there is little room, only the numbers.
fn short_words(words: &str, room: f64) -> String {
    if room >= 190.0 {
        return words.to_owned();
    }
    words.trim_start_matches("partitions ").replace("partition ", "p ")
}

/// A group's state in the words that fit beside its title in a card of this width.
fn short_state(state: &str, title: &str, width: f64) -> String {
    const MARGINS: f64 = 36.0;
    const CHAR_OF_TITLE: f64 = 7.8;
    const CHAR_OF_STATE: f64 = 6.8;
    let long = state.replace("PreparingRebalance", "Rebalancing").replace("CompletingRebalance", "Assigning");
    let taken = MARGINS + title.chars().count() as f64 * CHAR_OF_TITLE;
    if taken + long.chars().count() as f64 * CHAR_OF_STATE <= width {
        return long;
    }
    long.split(" · ").next().unwrap_or_default().to_owned()
}

#[derive(PartialEq, Properties)]
struct BrokersProps {
    card: Arc<BrokersCard>,
    narrow: bool,
}

#[component]
fn Brokers(props: &BrokersProps) -> Html {
    let BrokersCard { x, y, w, h, brokers, links, lit } = &*props.card;
    let box_class = if props.narrow { "none" } else { "dashed" };
    html! {
        <g class="brokers">
            <rect class={box_class} x={px(*x)} y={px(*y)} width={px(*w)} height={px(*h)} rx="10" />
            if !props.narrow {
                <text class="t" x={px(x + 14.0)} y={px(y + 21.0)}>{ "Brokers" }</text>
            }
            { for brokers.iter().map(|(cx, cy, broker)| {
                let label = match broker.what {
                    Server::Broker => format!("Broker {}, {}", broker.sign, broker.words),
                    Server::Controller => format!("Controller{}, {}", broker.sign.replace('C', " ").trim_end(), broker.words),
                    Server::ZooKeeper => broker.words.replace(" ·", ","),
                };
                let ring = classes!("ring", broker.controls.then_some("control"));
                let class = classes!("broker", "pick", mood(broker.mood), lit.contains(&broker.node.0).then_some("lit"));
                let (tx, ty, anchor) = if props.narrow { (*cx, cy + 25.0, "middle") } else { (cx + 19.0, cy + 4.0, "start") };
                let (hx, hy, hw, hh) = if props.narrow {
                    (cx - 36.0, cy - 15.0, 72.0, 46.0)
                } else {
                    (cx - 14.0, cy - 12.0, w - 24.0, 24.0)
                };
                html! {
                    <g {class} role="button" tabindex="0" aria-label={label} data-pick={Target::Node(broker.node).to_string()}>
                        <rect class="hit" x={px(hx)} y={px(hy)} width={px(hw)} height={px(hh)} rx="6" />
                        // No broker: not round.
                        if broker.what == Server::ZooKeeper {
                            <rect class={ring} x={px(cx - 8.5)} y={px(cy - 8.5)} width="17" height="17" rx="3" />
                        } else {
                            <circle class={ring} cx={px(*cx)} cy={px(*cy)} r="9" />
                        }
                        <text class="sign" x={px(*cx)} y={px(cy + 4.0)} text-anchor="middle">{ &broker.sign }</text>
                        <text class="s" x={px(tx)} y={px(ty)} text-anchor={anchor}>{ &broker.words }</text>
                    </g>
                }
            }) }
            { for links.iter().map(|link| html! {
                <g class="pick link" role="button" tabindex="0" aria-label={link.text.clone()}
                    data-pick={Target::Link(link.a.clone(), link.b.clone()).to_string()}>
                    <rect class="hit" x={px(x + 8.0)} y={px(link.y - 12.0)} width={px(w - 16.0)} height="17" rx="5" />
                    <text class="s warn" x={px(x + 17.0)} y={px(link.y)}>{ format!("⚠ {}", link.text) }</text>
                </g>
            }) }
        </g>
    }
}

#[derive(PartialEq, Properties)]
struct FlightsProps {
    dots: Vec<Dot>,
}

#[component]
fn Flights(props: &FlightsProps) -> Html {
    html! {
        <g class="flights">
            { for props.dots.iter().map(|dot| {
                let tone = match dot.tone {
                    Tone::Produce => "produce".to_owned(),
                    Tone::Replicate => "replicate".to_owned(),
                    Tone::Consume(colour) => members::class(colour).to_owned(),
                    Tone::Control => "control".to_owned(),
                    Tone::Error => "error".to_owned(),
                };
                let small = dot.tone == Tone::Control;
                let (x, y) = (dot.x, dot.y);
                html! {
                    <g class={classes!("flight", "pick", tone, dot.held.then_some("held"))} role="button" tabindex="-1"
                        aria-label={dot.name.clone()} data-pick={Target::Flight(dot.entry).to_string()}>
                        if !small || dot.held {
                            <path class="way" d={dot.curve.path()} />
                        }
                        <circle class="hit" cx={px(x)} cy={px(y)} r="11" />
                        <circle class="dot" cx={px(x)} cy={px(y)} r={if small { "3" } else { "5" }} />
                        if dot.held {
                            <text class="word" x={px(x)} y={px(y - 9.0)} text-anchor="middle">{ "held up" }</text>
                        } else if let Some((x, y)) = dot.label {
                            <text class="word" x={px(x)} y={px(y)} text-anchor="middle">{ &*dot.word }</text>
                        }
                        <title>{ &dot.name }</title>
                    </g>
                }
            }) }
        </g>
    }
}
