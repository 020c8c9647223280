//! Requests in flight: what they are about and where they are.

use std::sync::Arc;

use crate::base::{FrameKind, Map, NodeId, Rope};
use crate::protocol::messages::fetch::{FetchRequest, FetchResponse};
use crate::protocol::messages::produce::{ProduceRequest, ProduceResponse};
use crate::protocol::{
    ApiKey, ErrorCode, Message, TopicPartition, Uuid, decode_request_header, decode_response,
};
use crate::sim::{Flight, World};
use crate::storage::batches;
use crate::zookeeper::{op_name, speaks_zookeeper};

use super::facts::Facts;
use super::layout::{is_server, member_place, round_the_left, sideways, tape_end};
use super::{Curve, Density, Dot, Lane, Scene, Stager, Tone};

/// A request about more partitions than this is drawn between the brokers' circles.
const MAX_LANES: usize = 3;
/// More words than this would hide one another.
const MAX_WORDS: usize = 7;
/// More dots than this nobody tells apart.
const MAX_DOTS: usize = 120;

/// What a frame is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FlightInfo {
    word: Arc<str>,
    partitions: Vec<TopicPartition>,
    kind: Kind,
    failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Produce,
    Fetch,
    Control,
}

/// What is in flight, each with its place now.
pub(super) fn dots(stager: &mut Stager, world: &World, facts: &Facts, scene: &Scene) -> Vec<Dot> {
    let flights = world.flights();
    let known = std::mem::take(&mut stager.flights);
    let mut dots = Vec::new();
    let mut labels: Vec<(f64, f64, f64)> = Vec::new();
    for flight in flights.iter().take(MAX_DOTS) {
        let info =
            known.get(&flight.entry).cloned().unwrap_or_else(|| Arc::new(info(flight, &facts.topic_names)));
        stager.flights.insert(flight.entry, Arc::clone(&info));
        let tone = tone(&info, flight, world, facts);
        let t = progress(flight, world);
        for (index, curve) in curves(flight, &info, world, facts, scene).into_iter().enumerate() {
            let (x, y) = curve.at(t);
            let wanted = index == 0 && info.kind != Kind::Control && labels.len() < MAX_WORDS;
            let label = if wanted { label(&info.word, tone, (x, y), scene, &mut labels) } else { None };
            let name =
                format!("{} from {} to {}", info.word, name(world, flight.from), name(world, flight.to));
            let held = flight.arrives.is_none();
            let word = Arc::clone(&info.word);
            dots.push(Dot { entry: flight.entry, curve, x, y, tone, word, label, name, held });
        }
    }
    dots
}

/// Where the words of a dot have room: above it, or left of it beside the brokers' circles. Not over others.
fn label(
    word: &str,
    tone: Tone,
    (x, y): (f64, f64),
    scene: &Scene,
    taken: &mut Vec<(f64, f64, f64)>,
) -> Option<(f64, f64)> {
    if scene.density == Density::Compact {
        return None;
    }
    let half = word.chars().count() as f64 * 3.2 + 4.0;
    let (x, y) = match tone {
        // On a phone there is nothing but the edge left of the circles.
        Tone::Replicate if scene.narrow => return None,
        Tone::Replicate => (x - 5.0 - half, y + 4.0),
        _ => (x, y - 9.0),
    };
    // Words stay on the stage.
    let x = x.max(half).min(scene.width - half);
    let hides = |(at, line, wide): &(f64, f64, f64)| (at - x).abs() < wide + half && (line - y).abs() < 13.0;
    if taken.iter().any(hides) {
        return None;
    }
    taken.push((x, y, half));
    Some((x, y))
}

fn name(world: &World, node: NodeId) -> &str {
    world.node(node).map_or("nobody", |slot| &slot.name)
}

fn progress(flight: &Flight, world: &World) -> f64 {
    let Some(arrives) = flight.arrives else { return 0.5 };
    let whole = arrives.since(flight.sent).max(1) as f64;
    (world.now().since(flight.sent) as f64 / whole).clamp(0.0, 1.0)
}

fn tone(info: &FlightInfo, flight: &Flight, world: &World, facts: &Facts) -> Tone {
    if info.failed {
        return Tone::Error;
    }
    let client = if flight.frame.info.kind == FrameKind::Request { flight.from } else { flight.to };
    match info.kind {
        Kind::Produce => Tone::Produce,
        Kind::Control => Tone::Control,
        Kind::Fetch => match facts.member(client) {
            Some(member) => Tone::Consume(member.colour),
            None if world.node(client).is_some_and(|slot| slot.machine.broker().is_some()) => Tone::Replicate,
            None => Tone::Control,
        },
    }
}

/// The ways to draw it: one for each partition that it is about, or one between the actors.
fn curves(flight: &Flight, info: &FlightInfo, world: &World, facts: &Facts, scene: &Scene) -> Vec<Curve> {
    let is_request = flight.frame.info.kind == FrameKind::Request;
    let (client, server) = if is_request { (flight.from, flight.to) } else { (flight.to, flight.from) };
    let few = !info.partitions.is_empty() && info.partitions.len() <= MAX_LANES;
    let mut ways = Vec::new();
    if few {
        for at in &info.partitions {
            let Some(lane) = scene.lanes.iter().find(|lane| lane.at == *at) else { continue };
            ways.extend(in_lane(lane, client, server, facts, scene));
        }
    }
    if ways.is_empty() {
        ways.extend(between_actors(client, server, world, facts, scene));
    }
    if is_request { ways } else { ways.into_iter().map(reversed).collect() }
}

fn reversed(curve: Curve) -> Curve {
    let [a, b, c, d] = curve.0;
    Curve([d, c, b, a])
}

fn in_lane(lane: &Lane, client: NodeId, server: NodeId, facts: &Facts, scene: &Scene) -> Option<Curve> {
    let circle = |node: NodeId| {
        let tape = lane.tapes.iter().find(|tape| tape.broker.unsigned_abs() == node.0)?;
        Some((lane.circle_x, tape.y + lane.tape_h / 2.0))
    };
    let to = circle(server)?;
    if let Some(from) = circle(client) {
        return Some(round_the_left(from, to));
    }
    if facts.member(client).is_some() {
        let from = member_place(&scene.groups, client, scene.narrow)?;
        let (x, _) = tape_end(lane);
        return Some(sideways(from, (x, to.1)));
    }
    let card = scene.producers.iter().find(|card| card.facts.node == client)?;
    let from = if scene.narrow { (card.x + 16.0, card.y + card.h) } else { (card.x + card.w, card.y + 26.0) };
    Some(sideways(from, (to.0 - 11.0, to.1)))
}

fn between_actors(
    client: NodeId,
    server: NodeId,
    world: &World,
    facts: &Facts,
    scene: &Scene,
) -> Option<Curve> {
    let circle = |node: NodeId| {
        scene.brokers.brokers.iter().find(|(_, _, broker)| broker.node == node).map(|(x, y, _)| (*x, *y))
    };
    let to = circle(server)?;
    if is_server(client, facts) {
        let from = circle(client)?;
        return Some(if scene.narrow { over_the_top(from, to) } else { round_the_left(from, to) });
    }
    if facts.member(client).is_some() {
        let from = member_place(&scene.groups, client, scene.narrow)?;
        return Some(if scene.narrow {
            sideways(from, to)
        } else {
            round_the_left((from.0 + 8.0, from.1), to)
        });
    }
    let card = scene.producers.iter().find(|card| card.facts.node == client);
    let from = match card {
        Some(card) if scene.narrow => (card.x + card.w / 2.0, card.y),
        Some(card) => (card.x + card.w / 2.0, card.y + card.h),
        // Whoever has no place, such as the admin client, speaks from beside the brokers.
        None if world.node(client).is_some() => (to.0 + 70.0, to.1),
        None => return None,
    };
    if !scene.narrow && card.is_some() {
        // Below the lanes, so that the dot does not run over records.
        let low = (scene.brokers.y + scene.brokers.h).max(from.1 + 60.0);
        return Some(Curve([from, (from.0, low), (to.0 - 160.0, low), (to.0 - 8.0, to.1)]));
    }
    Some(sideways(from, to))
}

fn over_the_top(from: (f64, f64), to: (f64, f64)) -> Curve {
    Curve([from, (from.0, from.1 - 16.0), (to.0, to.1 - 16.0), to])
}

fn info(flight: &Flight, names: &Map<Uuid, Arc<str>>) -> FlightInfo {
    let frame = &flight.frame;
    let api = ApiKey::try_from(frame.info.api_key).ok();
    let is_request = frame.info.kind == FrameKind::Request;
    let told = match api {
        Some(ApiKey::Produce) if is_request => produce_request(flight, names),
        Some(ApiKey::Produce) => produce_response(flight, names),
        Some(ApiKey::Fetch) if is_request => fetch_request(flight, names),
        Some(ApiKey::Fetch) => fetch_response(flight, names),
        _ => None,
    };
    told.unwrap_or_else(|| {
        let key = frame.info.api_key;
        let name = if speaks_zookeeper(key) { op_name(key) } else { api.map_or("?", ApiKey::name) };
        let word = if is_request { name.to_owned() } else { format!("{name} answer") };
        FlightInfo { word: word.into(), partitions: Vec::new(), kind: Kind::Control, failed: false }
    })
}

fn named(topic: &str, id: &Uuid, names: &Map<Uuid, Arc<str>>) -> Arc<str> {
    if topic.is_empty() { names.get(id).cloned().unwrap_or_else(|| Arc::from("?")) } else { topic.into() }
}

fn produce_request(flight: &Flight, names: &Map<Uuid, Arc<str>>) -> Option<FlightInfo> {
    let (header, body) = decode_request_header(&flight.frame.bytes.whole()).ok()?;
    let request = ProduceRequest::decode(&body, header.api_version).ok()?;
    let mut partitions = Vec::new();
    let mut records = 0_i64;
    for topic in &request.topic_data {
        let name = named(&topic.name, &topic.topic_id, names);
        for partition in &topic.partition_data {
            partitions.push(TopicPartition::new(Arc::clone(&name), partition.index));
            records += count(partition.records.as_ref());
        }
    }
    let word = format!("Produce · {records}").into();
    Some(FlightInfo { word, partitions, kind: Kind::Produce, failed: false })
}

fn count(records: Option<&bytes::Bytes>) -> i64 {
    let Some(records) = records else { return 0 };
    batches(records).flatten().map(|batch| i64::from(batch.count())).sum()
}

fn produce_response(flight: &Flight, names: &Map<Uuid, Arc<str>>) -> Option<FlightInfo> {
    let (_, response) =
        decode_response::<ProduceResponse>(&flight.frame.bytes.whole(), flight.frame.info.api_version)
            .ok()?;
    let mut partitions = Vec::new();
    let mut error = ErrorCode::None;
    for topic in &response.responses {
        let name = named(&topic.name, &topic.topic_id, names);
        for partition in &topic.partition_responses {
            partitions.push(TopicPartition::new(Arc::clone(&name), partition.index));
            if partition.error_code != ErrorCode::None {
                error = partition.error_code;
            }
        }
    }
    let failed = error != ErrorCode::None;
    let word = if failed { Arc::from(error.name()) } else { Arc::from("acknowledged") };
    Some(FlightInfo { word, partitions, kind: Kind::Produce, failed })
}

fn fetch_request(flight: &Flight, names: &Map<Uuid, Arc<str>>) -> Option<FlightInfo> {
    let (header, body) = decode_request_header(&flight.frame.bytes.whole()).ok()?;
    let request = FetchRequest::decode(&body, header.api_version).ok()?;
    let mut partitions = Vec::new();
    let mut from = 0;
    for topic in &request.topics {
        let name = named(&topic.topic, &topic.topic_id, names);
        for partition in &topic.partitions {
            partitions.push(TopicPartition::new(Arc::clone(&name), partition.partition));
            from = partition.fetch_offset;
        }
    }
    let kind = fetch_kind(&partitions);
    let word = if partitions.len() == 1 && kind == Kind::Fetch {
        format!("Fetch from {from}").into()
    } else {
        Arc::from("Fetch")
    };
    Some(FlightInfo { word, partitions, kind, failed: false })
}

/// Copying the metadata log is housekeeping.
fn fetch_kind(partitions: &[TopicPartition]) -> Kind {
    let metadata = partitions.iter().any(|at| &*at.topic == crate::broker::METADATA_TOPIC);
    if metadata { Kind::Control } else { Kind::Fetch }
}

fn fetch_response(flight: &Flight, names: &Map<Uuid, Arc<str>>) -> Option<FlightInfo> {
    let (_, response) =
        decode_response::<FetchResponse>(&flight.frame.bytes.whole(), flight.frame.info.api_version).ok()?;
    let (mut with, mut all) = (Vec::new(), Vec::new());
    let mut records = 0;
    let mut error = response.error_code;
    for topic in &response.responses {
        let name = named(&topic.topic, &topic.topic_id, names);
        for partition in &topic.partitions {
            let at = TopicPartition::new(Arc::clone(&name), partition.partition_index);
            let here = count(partition.records.as_ref().map(Rope::whole).as_ref());
            records += here;
            if here > 0 {
                with.push(at.clone());
            }
            all.push(at);
            if partition.error_code != ErrorCode::None {
                error = partition.error_code;
            }
        }
    }
    let kind = fetch_kind(&all);
    let failed = error != ErrorCode::None;
    let word: Arc<str> = match records {
        _ if failed => Arc::from(error.name()),
        0 => Arc::from("nothing new"),
        1 => Arc::from("1 record"),
        n => format!("{n} records").into(),
    };
    let partitions = if with.is_empty() { all } else { with };
    Some(FlightInfo { word, partitions, kind, failed })
}
