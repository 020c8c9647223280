//! Who asked the coordinator what, and what it answered: a sequence diagram, as SVG and as
//! Mermaid's text.

use std::fmt::Write;

use crate::base::{FrameKind, NodeId, SimTime};
use crate::protocol::ApiKey;
use crate::sim::{Branch, World};
use crate::trace::Event;
use crate::view::Px;
use crate::view::words::{Names, frame_label};

use super::chart::escaped;
use super::fold::is_of_groups;
use super::{Fold, SvgColours, letter};

/// A diagram has at most so many lines.
const LINES_MAX: usize = 300;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// Between a member and the coordinator.
    Message { member: u8, reply: bool, text: String },
    /// The group's state, or what happened to a member.
    Note { member: Option<u8>, text: String },
}

/// A diagram of a part of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    members: Vec<(u8, u8, String)>,
    lines: Vec<(SimTime, Line)>,
}

/// What passed between the members and the coordinator from `from` to `to`; heartbeats that
/// brought nothing new are left out.
pub fn sequence(fold: &Fold, branch: &Branch, world: &World, from: SimTime, to: SimTime) -> Sequence {
    let names = Names::of(world);
    let mut lines = Vec::new();
    let mut members = Vec::new();
    let first = branch.step_at(from);
    let begin = branch.step_info(first).map_or(0, |(_, entries)| entries);
    for seq in begin + 1..=branch.trace().len() as u64 {
        let Some(entry) = branch.entry(seq) else { break };
        if entry.time > to || lines.len() >= LINES_MAX {
            break;
        }
        let line = match &entry.event {
            Event::Sent { to, frame, .. } if is_of_groups(frame.info.api_key) => {
                let reply = frame.info.kind == FrameKind::Response;
                let node: NodeId = if reply { *to } else { entry.node };
                let Some(member) = fold.member_of(node) else { continue };
                let label = frame_label(frame, &names);
                if is_idle(frame.info.api_key, reply, &label) {
                    continue;
                }
                Line::Message { member, reply, text: label }
            }
            Event::GroupStateChanged { group, to, generation, .. } if **group == *fold.group() => {
                Line::Note { member: None, text: format!("{to}, generation {generation}") }
            }
            event => {
                let Some(member) = fold.member_of(entry.node) else { continue };
                let Some(text) = of_member(fold, event) else { continue };
                Line::Note { member: Some(member), text }
            }
        };
        if let Line::Message { member, .. } | Line::Note { member: Some(member), .. } = line
            && !members.contains(&member)
        {
            members.push(member);
        }
        lines.push((entry.time, line));
    }
    members.sort_unstable();
    let named = |who: u8| (who, fold.colour(who), fold.name(who).to_owned());
    Sequence { members: members.into_iter().map(named).collect(), lines }
}

fn is_idle(api_key: i16, reply: bool, label: &str) -> bool {
    let routine = [ApiKey::Heartbeat, ApiKey::OffsetCommit, ApiKey::OffsetFetch, ApiKey::FindCoordinator];
    let is_routine = routine.iter().any(|api| api.code() == api_key);
    is_routine && (!reply || !label.chars().any(|c| c == '_'))
}

fn of_member(fold: &Fold, event: &Event) -> Option<String> {
    let list = |partitions: &[crate::protocol::TopicPartition]| {
        let names: Vec<String> = partitions.iter().map(|at| fold.lane_name(at)).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(" ") }
    };
    Some(match event {
        Event::NodeStarted => "starts".to_owned(),
        Event::NodeKilled => "crashes".to_owned(),
        Event::PartitionsAssigned { partitions, .. } => format!("owns {}", list(partitions)),
        Event::PartitionsRevoked { partitions, .. } => format!("gives up {}", list(partitions)),
        Event::PartitionsLost { partitions, .. } => format!("loses {}", list(partitions)),
        Event::Commanded { what } => match &**what {
            "hang" => "hangs".to_owned(),
            "go on" => "goes on".to_owned(),
            "stop" => "is told to stop".to_owned(),
            _ => return None,
        },
        _ => return None,
    })
}

impl Sequence {
    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Nothing passed.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// As text for Mermaid.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("sequenceDiagram\n");
        for (member, _, name) in &self.members {
            let _ = writeln!(text, "  participant {} as {}", letter(*member), plain(name));
        }
        text += "  participant coordinator\n";
        for (time, line) in &self.lines {
            let _ = match line {
                Line::Message { member, reply, text: what } => {
                    let member = letter(*member);
                    match reply {
                        false => writeln!(text, "  {member}->>coordinator: {}", plain(what)),
                        true => writeln!(text, "  coordinator-->>{member}: {}", plain(what)),
                    }
                }
                Line::Note { member: Some(member), text: what } => {
                    writeln!(text, "  Note over {}: {time} {}", letter(*member), plain(what))
                }
                Line::Note { member: None, text: what } => {
                    writeln!(text, "  Note over coordinator: {time} {}", plain(what))
                }
            };
        }
        text
    }

    /// As a drawing.
    pub fn svg(&self, title: &str, colours: &SvgColours) -> String {
        const LEFT: f64 = 90.0;
        const COLUMN: f64 = 170.0;
        const ROW: f64 = 24.0;
        const TOP: f64 = 84.0;
        let x = |index: usize| LEFT + COLUMN * (index as f64 + 0.5);
        let column = |member: u8| self.members.iter().position(|(known, ..)| *known == member).unwrap_or(0);
        let last = self.members.len();
        let (width, height) = (x(last) + COLUMN / 2.0 + 10.0, TOP + ROW * self.lines.len() as f64 + 20.0);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" \
             font-family=\"system-ui, sans-serif\" font-size=\"11\">\n<defs><marker id=\"tip\" refX=\"7\" refY=\"3.5\" \
             markerWidth=\"8\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0,0l8,3.5l-8,3.5z\" fill=\"{2}\"/></marker>\
             </defs>\n<rect width=\"100%\" height=\"100%\" fill=\"{3}\"/>\n<text x=\"20\" y=\"28\" font-size=\"15\" \
             font-weight=\"600\" fill=\"{4}\">{5}</text>\n",
            Px(width),
            Px(height),
            colours.soft,
            colours.paper,
            colours.ink,
            escaped(title)
        );
        let heads = self.members.iter().map(|(member, colour, name)| {
            let letter = letter(*member);
            (colours.of(*colour), head_text(&letter, name))
        });
        let heads = heads.chain([(colours.ink, "coordinator".to_owned())]);
        for (index, (colour, text)) in heads.enumerate() {
            let _ = writeln!(
                svg,
                "<path d=\"M{0},66V{1}\" stroke=\"{2}\" stroke-dasharray=\"3 4\"/><text x=\"{0}\" y=\"56\" \
                 text-anchor=\"middle\" font-weight=\"600\" fill=\"{3}\">{4}</text>",
                Px(x(index)),
                Px(height - 12.0),
                colours.soft,
                colour,
                escaped(&text)
            );
        }
        for (index, (time, line)) in self.lines.iter().enumerate() {
            let y = TOP + ROW * index as f64;
            let _ = write!(
                svg,
                "<text x=\"14\" y=\"{}\" fill=\"{}\" font-size=\"10\">{time}</text>",
                Px(y + 3.0),
                colours.soft
            );
            match line {
                Line::Message { member, reply, text } => {
                    let (member, coordinator) = (x(column(*member)), x(last));
                    let (from, to) = if *reply { (coordinator, member) } else { (member, coordinator) };
                    let dashes = if *reply { " stroke-dasharray=\"4 3\"" } else { "" };
                    let _ = writeln!(
                        svg,
                        "<path d=\"M{},{}H{}\" stroke=\"{}\" marker-end=\"url(#tip)\"{dashes}/><text x=\"{}\" y=\"{}\" \
                         text-anchor=\"middle\" fill=\"{}\" paint-order=\"stroke\" stroke=\"{}\" stroke-width=\"3\">{}</text>",
                        Px(from),
                        Px(y),
                        Px(to),
                        colours.soft,
                        Px((from + to) / 2.0),
                        Px(y - 4.0),
                        colours.ink,
                        colours.paper,
                        escaped(text)
                    );
                }
                Line::Note { member, text } => {
                    let at = x(member.map_or(last, column));
                    let _ = writeln!(
                        svg,
                        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-style=\"italic\" fill=\"{}\" paint-order=\"stroke\" \
                         stroke=\"{}\" stroke-width=\"4\">{}</text>",
                        Px(at),
                        Px(y + 3.0),
                        if member.is_some() { colours.ink } else { colours.warn },
                        colours.paper,
                        escaped(text)
                    );
                }
            }
        }
        svg += "</svg>\n";
        svg
    }
}

fn head_text(letter: &str, name: &str) -> String {
    if letter == name { name.to_owned() } else { format!("{letter} · {name}") }
}

/// On one line, without what Mermaid would take for its own.
pub(in crate::view) fn plain(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ';' | '#' | '\n' | '\r') { ',' } else { c }).collect()
}
