//! Places for everything that [`Facts`] know.

use std::sync::Arc;

use crate::base::{Map, NodeId};
use crate::protocol::TopicPartition;
use crate::sim::{CONTROLLER, World};
use crate::trace::{Entry, Event, Role};

use super::facts::{Facts, health_words};
use super::{
    BrokersCard, Curve, Density, GroupCard, GroupRow, Lane, Line, LinkWord, Look, Mood, ProducerCard, Scene,
    Stager, Tape, flights,
};

/// Below this there is no room for columns.
const NARROW: f64 = 720.0;
/// Free space around.
const EDGE: f64 = 14.0;
/// A tape shows so many free places after its last record.
const AHEAD: i64 = 3;

/// Where columns are.
pub(super) struct Columns {
    pub(super) narrow: bool,
    producers: (f64, f64),
    circle_x: f64,
    tape_x: f64,
    tape_w: f64,
    right: (f64, f64),
    roles: bool,
}

impl Columns {
    fn of(width: f64) -> Columns {
        if width < NARROW {
            return Columns {
                narrow: true,
                producers: (EDGE, width - 2.0 * EDGE),
                circle_x: EDGE + 11.0,
                tape_x: EDGE + 30.0,
                tape_w: width - 2.0 * EDGE - 30.0 - 42.0,
                right: (EDGE, width - 2.0 * EDGE),
                roles: false,
            };
        }
        let roomy = width >= 900.0;
        let (producer_w, right_w) = if roomy { (118.0, 200.0) } else { (104.0, 176.0) };
        let circle_x = EDGE + producer_w + if roomy { 46.0 } else { 38.0 };
        let tape_x = circle_x + if roomy { 82.0 } else { 20.0 };
        let right_x = width - EDGE - right_w;
        Columns {
            narrow: false,
            producers: (EDGE, producer_w),
            circle_x,
            tape_x,
            tape_w: right_x - 68.0 - tape_x,
            right: (right_x, right_w),
            roles: roomy,
        }
    }
}

/// How high the parts of a lane are.
struct Measures {
    density: Density,
    cell: f64,
    tape_h: f64,
    gap: f64,
    head: f64,
    group_h: f64,
    foot: f64,
}

impl Measures {
    fn of(density: Density) -> Measures {
        match density {
            Density::Full => Measures {
                density,
                cell: 30.0,
                tape_h: 26.0,
                gap: 6.0,
                head: 40.0,
                group_h: 18.0,
                foot: 34.0,
            },
            Density::Medium => Measures {
                density,
                cell: 19.0,
                tape_h: 15.0,
                gap: 3.0,
                head: 34.0,
                group_h: 13.0,
                foot: 22.0,
            },
            Density::Compact => {
                Measures { density, cell: 8.0, tape_h: 5.0, gap: 1.0, head: 8.0, group_h: 0.0, foot: 6.0 }
            }
        }
    }

    fn lane(&self, replicas: usize, groups: usize) -> f64 {
        let tapes = replicas as f64 * (self.tape_h + self.gap);
        let groups = if groups == 0 { 0.0 } else { groups as f64 * self.group_h + 6.0 };
        (self.head + tapes + groups + self.foot).max(24.0)
    }

    /// The most generous that asks for no unreasonable scrolling.
    fn fitting(facts: &Facts, groups: usize, height: f64) -> Measures {
        let total = |measures: &Measures| -> f64 {
            facts.partitions.values().map(|p| measures.lane(p.replicas.len(), groups)).sum()
        };
        let full = Measures::of(Density::Full);
        let medium = Measures::of(Density::Medium);
        if total(&full) <= 1.7 * height.max(420.0) {
            full
        } else if total(&medium) <= 2.4 * height.max(420.0) {
            medium
        } else {
            Measures::of(Density::Compact)
        }
    }
}

/// What a step was about.
struct Lit {
    nodes: Vec<NodeId>,
    ranges: Map<(TopicPartition, NodeId), (i64, i64)>,
}

impl Lit {
    fn of(entries: &[&Entry]) -> Lit {
        let mut lit = Lit { nodes: Vec::new(), ranges: Map::new() };
        for entry in entries {
            if !lit.nodes.contains(&entry.node) {
                lit.nodes.push(entry.node);
            }
            match &entry.event {
                Event::RecordsAppended { at, offsets, .. }
                | Event::HighWatermarkAdvanced { at, offsets, role: Role::Leader } => {
                    lit.ranges.insert((at.clone(), entry.node), (offsets.from, offsets.to));
                }
                Event::LogTruncated { at, offsets, .. } => {
                    lit.ranges.insert((at.clone(), entry.node), (offsets.from, offsets.to));
                }
                _ => {}
            }
        }
        lit
    }
}

/// The world as it stands.
pub(super) fn scene(stager: &mut Stager, world: &World, look: &Look, lit: &[&Entry]) -> Scene {
    let facts = Facts::of(world, &mut stager.keys, look.internal);
    let columns = Columns::of(look.width.max(320.0));
    let lit = Lit::of(lit);
    let readers = readers(&facts);
    let measures = Measures::fitting(&facts, readers, look.height);

    let mut y = EDGE;
    let mut brokers = None;
    if columns.narrow {
        let card = brokers_row(world, &facts, &columns, y, &lit);
        y += card.h + 10.0;
        brokers = Some(card);
    }
    let (producers, below) = place_producers(&facts, &columns, y, &lit);
    if columns.narrow {
        y = below;
    } else {
        y = 8.0;
    }
    let Lanes { lanes, end: lanes_end, count, wanted_y } =
        place_lanes(stager, world, &facts, &columns, &measures, look, y, &lit);
    let right_y = if columns.narrow { lanes_end + 6.0 } else { 30.0 };
    let (groups, groups_end) = place_groups(&facts, &columns, right_y, &lit);
    let (brokers, mut end) = match brokers {
        Some(card) => (card, groups_end),
        None => {
            let card = brokers_card(world, &facts, &columns, groups_end + 6.0, &lit);
            let end = card.y + card.h;
            (card, end)
        }
    };
    end = end.max(lanes_end).max(below) + EDGE;

    let empty = if count > 0 {
        None
    } else if facts.partitions.is_empty() {
        Some("No topic yet: the brokers are still starting.")
    } else {
        None
    };
    let lines = lines(&facts, &lanes, &groups, &columns);
    let mut scene = Scene {
        width: look.width.max(320.0),
        height: end,
        narrow: columns.narrow,
        density: measures.density,
        producers,
        lanes,
        lane_count: count,
        wanted_y,
        empty,
        groups,
        brokers: Arc::new(brokers),
        lines,
        dots: Vec::new(),
    };
    scene.dots = flights::dots(stager, world, &facts, &scene);
    scene
}

/// How many rows for groups a lane needs at most.
fn readers(facts: &Facts) -> usize {
    let reads = |at: &TopicPartition| facts.groups.iter().filter(|group| reads(group, at)).count();
    facts.partitions.keys().map(reads).max().unwrap_or(0)
}

fn reads(group: &super::GroupFacts, at: &TopicPartition) -> bool {
    group.committed.contains_key(at) || group.members.iter().any(|member| member.owned.contains_key(at))
}

fn place_producers(facts: &Facts, columns: &Columns, mut y: f64, lit: &Lit) -> (Vec<Arc<ProducerCard>>, f64) {
    let mut cards = Vec::new();
    let (x, w) = columns.producers;
    let h = 92.0;
    let mut place = |x: f64, y: f64, w: f64, facts: &super::ProducerFacts| {
        let lit = lit.nodes.contains(&facts.node);
        cards.push(Arc::new(ProducerCard { x, y, w, h, facts: facts.clone(), lit }));
    };
    if !columns.narrow {
        y += 34.0;
        for producer in &facts.producers {
            place(x, y, w, producer);
            y += h + 12.0;
        }
        return (cards, y);
    }
    let across = facts.producers.len().clamp(1, 2);
    let each = (w - 10.0 * (across - 1) as f64) / across as f64;
    for (index, producer) in facts.producers.iter().enumerate() {
        let (row, column) = (index / across, index % across);
        place(x + column as f64 * (each + 10.0), y + row as f64 * (h + 10.0), each, producer);
    }
    let rows = facts.producers.len().div_ceil(across);
    (cards, y + rows as f64 * (h + 10.0))
}

struct Lanes {
    lanes: Vec<Arc<Lane>>,
    end: f64,
    count: u32,
    wanted_y: Option<f64>,
}

fn place_lanes(
    stager: &mut Stager,
    world: &World,
    facts: &Facts,
    columns: &Columns,
    measures: &Measures,
    look: &Look,
    mut y: f64,
    lit: &Lit,
) -> Lanes {
    let mut lanes = Vec::new();
    let mut wanted_y = None;
    let is_wanted = |at: &TopicPartition| {
        let wanted = look.wanted.as_ref();
        wanted.is_some_and(|(topic, partition)| {
            *topic == *at.topic && partition.is_none_or(|p| p == at.partition)
        })
    };
    let mut last_topic: Option<&Arc<str>> = None;
    for (at, registration) in &facts.partitions {
        if measures.density == Density::Compact && last_topic != Some(&at.topic) {
            y += 20.0;
            last_topic = Some(&at.topic);
        }
        if wanted_y.is_none() && is_wanted(at) {
            wanted_y = Some(y);
        }
        let readers = facts.groups.iter().filter(|group| reads(group, at)).count();
        let h = measures.lane(registration.replicas.len(), readers);
        let seen = y + h >= look.scroll - 200.0 && y <= look.scroll + look.height.max(200.0) + 200.0;
        if seen {
            let place = Place { columns, measures, y, h };
            lanes.push(Arc::new(lane(stager, world, facts, at, &place, look, lit)));
        }
        y += h;
    }
    Lanes { lanes, end: y, count: facts.partitions.len() as u32, wanted_y }
}

struct Place<'a> {
    columns: &'a Columns,
    measures: &'a Measures,
    y: f64,
    h: f64,
}

fn lane(
    stager: &mut Stager,
    world: &World,
    facts: &Facts,
    at: &TopicPartition,
    place: &Place<'_>,
    look: &Look,
    lit: &Lit,
) -> Lane {
    let Place { columns, measures, y, h } = *place;
    let Some(registration) = facts.partitions.get(at) else {
        unreachable!("lanes are made of the partitions there are");
    };
    let replica = |id: i32| {
        let slot = world.node(NodeId(id.unsigned_abs()))?;
        Some((slot, slot.machine.broker()?.partition(at)?))
    };
    let mut order = registration.replicas.clone();
    order.sort_by_key(|id| *id != registration.leader);
    let end =
        order.iter().filter_map(|id| replica(*id)).map(|(_, p)| p.log.log_end_offset()).max().unwrap_or(0);
    let first =
        order.iter().filter_map(|id| replica(*id)).map(|(_, p)| p.log.log_start_offset()).min().unwrap_or(0);
    let columns_there = ((columns.tape_w / measures.cell) as i64).max(4);
    let follow = (end + AHEAD - columns_there).max(0);
    let start = (follow - look.back).max(first.min(follow)).max(0);

    let mut tapes = Vec::new();
    for (index, id) in order.iter().enumerate() {
        let slot = world.node(NodeId(id.unsigned_abs()));
        let leads = *id == registration.leader;
        let in_sync = registration.isr.contains(id);
        let (role, mood) = match slot.and_then(health_words) {
            Some((words, mood)) => (words, mood),
            None if leads => ("leader", Mood::Well),
            None if in_sync => ("in sync", Mood::Well),
            None => ("out of sync", Mood::Uneasy),
        };
        let log = replica(*id).map(|(_, partition)| &partition.log);
        tapes.push(Tape {
            broker: *id,
            y: y + measures.head + index as f64 * (measures.tape_h + measures.gap),
            leads,
            role,
            mood,
            first: log.map_or(0, |log| log.log_start_offset()),
            end: log.map_or(0, |log| log.log_end_offset()),
            cells: stager.cells(world, at, *id, start, columns_there),
            lit: lit.ranges.get(&(at.clone(), NodeId(id.unsigned_abs()))).copied(),
        });
    }
    let bottom = y + measures.head + tapes.len() as f64 * (measures.tape_h + measures.gap) - measures.gap;
    let high_watermark = replica(registration.leader)
        .or_else(|| order.first().and_then(|id| replica(*id)))
        .map(|(_, partition)| partition.log.high_watermark());

    let mut groups = Vec::new();
    for group in facts.groups.iter().filter(|group| reads(group, at)) {
        let owner = group.members.iter().find(|member| member.owned.contains_key(at));
        let committed = group.committed.get(at).copied();
        let index = groups.len() as f64;
        groups.push(GroupRow {
            group: Arc::clone(&group.id),
            y: bottom
                + measures.group_h.mul_add(index, measures.group_h)
                + if measures.group_h > 0.0 { 6.0 } else { 0.0 },
            colour: owner.map(|member| member.colour),
            committed,
            position: owner.and_then(|member| member.owned.get(at).copied().flatten()),
            lag: (high_watermark.unwrap_or(0) - committed.unwrap_or(first)).max(0),
        });
    }
    let (subtitle, warn) = subtitle(world, at, registration);
    Lane {
        at: at.clone(),
        y,
        h,
        x: columns.tape_x,
        circle_x: columns.circle_x,
        w: columns_there as f64 * measures.cell,
        cell: measures.cell,
        tape_h: measures.tape_h,
        start,
        columns: columns_there,
        roles: columns.roles,
        density: measures.density,
        subtitle,
        warn,
        tapes,
        high_watermark,
        groups,
        bottom,
    }
}

fn subtitle(
    world: &World,
    at: &TopicPartition,
    registration: &crate::metadata::PartitionRegistration,
) -> (String, bool) {
    let list = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(" ");
    let in_sync = list(&registration.isr);
    if registration.leader < 0 {
        let who = match (&registration.isr[..], &registration.elr[..]) {
            ([], []) => "nobody in sync".to_owned(),
            ([], elr) => format!("eligible {}", list(elr)),
            _ => format!("in sync {in_sync}"),
        };
        return (format!("no leader · {who}"), true);
    }
    let leader = world.brokers().find(|(_, _, broker)| broker.id() == registration.leader);
    let low = leader.is_some_and(|(_, _, broker)| {
        broker.partition(at).is_some_and(|p| p.is_leader() && p.is_under_min_isr())
    });
    let text = format!("leader epoch {} · in sync {in_sync}", registration.leader_epoch);
    if low { (format!("{text} · below min.insync.replicas"), true) } else { (text, false) }
}

fn place_groups(facts: &Facts, columns: &Columns, mut y: f64, lit: &Lit) -> (Vec<Arc<GroupCard>>, f64) {
    let (x, w) = columns.right;
    let mut cards = Vec::new();
    for group in &facts.groups {
        let add = if group.id.is_empty() { 8.0 } else { 26.0 };
        let h = GroupCard::HEAD + group.members.len() as f64 * GroupCard::ROW + add;
        let nodes = group.members.iter().map(|member| member.node);
        let lit = nodes.filter(|node| lit.nodes.contains(node)).map(|node| node.0).collect();
        cards.push(Arc::new(GroupCard { x, y, w, h, facts: group.clone(), lit }));
        y += h + 14.0;
    }
    (cards, y)
}

fn link_words(world: &World, y: f64) -> Vec<LinkWord> {
    let name = |id: NodeId| world.node(id).map_or_else(|| id.to_string(), |slot| slot.name.clone());
    let short = |name: &str| name.strip_prefix("broker-").unwrap_or(name).to_owned();
    world
        .disturbed_links()
        .take(6)
        .enumerate()
        .map(|(index, (a, b, link))| {
            let sender = |to: NodeId| if to == a { b } else { a };
            // One way only, or both.
            let (from, sign, to, what) = match (link.cut, link.cut_to, link.slow_to) {
                (false, Some(to), _) => (sender(to), '→', to, "cut".to_owned()),
                (false, None, Some((to, us))) => (sender(to), '→', to, format!("{} ms", us / 1_000)),
                (false, None, None) => (a, '–', b, format!("{} ms", link.latency_us / 1_000)),
                (true, ..) => (a, '–', b, "cut".to_owned()),
            };
            let text = format!("link {} {sign} {} {what}", short(&name(from)), short(&name(to)));
            let (a, b) = (name(a), name(b));
            LinkWord { a, b, text, y: y + index as f64 * 18.0 }
        })
        .collect()
}

fn brokers_card(world: &World, facts: &Facts, columns: &Columns, y: f64, lit: &Lit) -> BrokersCard {
    let (x, w) = columns.right;
    let mut row = y + 42.0;
    let mut brokers = Vec::new();
    for broker in &facts.brokers {
        brokers.push((x + 26.0, row, broker.clone()));
        row += 25.0;
    }
    let links = link_words(world, row + 4.0);
    let h = row - y - 8.0 + links.len() as f64 * 18.0 + if links.is_empty() { 0.0 } else { 4.0 };
    let lit = lit.nodes.iter().map(|node| node.0).collect();
    BrokersCard { x, y, w, h, brokers, links, lit }
}

/// The same on a phone: a row of circles.
fn brokers_row(world: &World, facts: &Facts, columns: &Columns, y: f64, lit: &Lit) -> BrokersCard {
    let (x, w) = columns.right;
    let each = w / facts.brokers.len().max(1) as f64;
    let brokers = facts
        .brokers
        .iter()
        .enumerate()
        .map(|(index, broker)| (x + (index as f64 + 0.5) * each, y + 18.0, broker.clone()))
        .collect();
    let links = link_words(world, y + 58.0);
    let h = 48.0 + links.len() as f64 * 18.0;
    let lit = lit.nodes.iter().map(|node| node.0).collect();
    BrokersCard { x, y, w, h, brokers, links, lit }
}

fn lines(facts: &Facts, lanes: &[Arc<Lane>], groups: &[Arc<GroupCard>], columns: &Columns) -> Vec<Line> {
    if columns.narrow {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for lane in lanes {
        for group in &facts.groups {
            for member in group.members.iter().filter(|member| member.owned.contains_key(&lane.at)) {
                let Some(to) = member_place(groups, member.node, false) else { continue };
                lines.push(Line { curve: sideways(tape_end(lane), to), colour: member.colour });
            }
        }
    }
    lines
}

/// Where lines leave a lane towards its readers.
pub(super) fn tape_end(lane: &Lane) -> (f64, f64) {
    let y = lane.tapes.first().map_or(lane.y, |tape| tape.y + lane.tape_h / 2.0);
    (lane.x + lane.w + 5.0, y)
}

/// Where lines arrive at a member; on a phone from above.
pub(super) fn member_place(groups: &[Arc<GroupCard>], node: NodeId, narrow: bool) -> Option<(f64, f64)> {
    groups.iter().find_map(|card| {
        let index = card.facts.members.iter().position(|member| member.node == node)?;
        let y = card.y + GroupCard::HEAD + index as f64 * GroupCard::ROW + 12.0;
        Some((if narrow { card.x + 14.0 } else { card.x - 2.0 }, y))
    })
}

/// A curve that leaves and arrives horizontally.
pub(super) fn sideways(from: (f64, f64), to: (f64, f64)) -> Curve {
    let middle = (to.0 - from.0) * 0.5;
    Curve([from, (from.0 + middle, from.1), (to.0 - middle, to.1), to])
}

/// A curve between two circles above one another, round the left.
pub(super) fn round_the_left(from: (f64, f64), to: (f64, f64)) -> Curve {
    // On a phone, no further than to the edge.
    let room = (from.0.min(to.0) - 8.0) * 4.0 / 3.0 - 6.0;
    let bulge = (16.0 + (to.1 - from.1).abs() * 0.16).min(room.max(4.0));
    let start = (from.0 - 8.0, from.1);
    let end = (to.0 - 8.0, to.1);
    Curve([start, (start.0 - bulge, start.1), (end.0 - bulge, end.1), end])
}

/// The controller, for whoever asks where it is.
pub(super) fn is_server(node: NodeId, facts: &Facts) -> bool {
    node == CONTROLLER || facts.brokers.iter().any(|broker| broker.node == node)
}
