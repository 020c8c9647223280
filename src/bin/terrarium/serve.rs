//! `terrarium serve`: what the command line says becomes a world with a TCP door.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use terrarium::edge::tcp::{self, ServeOptions};
use terrarium::scenario::{Scenario, Setting};

use crate::cli::{BROKEN, Failure, Outcome, build, parse};

/// The world of which nothing was said: no topics, no clients, nodes next to one another, and what
/// tests would only wait for is short. A follower whose fetch waits asks for a new partition only
/// with its next one; that is how long the first write with acks=all may take.
const EMPTY: &str = r#"{
    "title": "serve",
    "cluster": {
        "configs": {
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 100,
            "replica.fetch.wait.max.ms": 50
        }
    },
    "network": {"latency_ms": 0.05, "jitter_ms": 0.02, "bytes_per_ms": 12500000}
}"#;
/// By so much, about, a world is older than its door.
const WARM_UP_MS: i64 = 100;
const IDLE_RECORDS: &str = "metadata.max.idle.interval.ms";
const OFFSETS_REPLICAS: &str = "offsets.topic.replication.factor";
const OFFSETS_SEGMENT: &str = "offsets.topic.segment.bytes";
/// Only what is sealed is compacted: Kafka's 100 MB for each of fifty partitions are much for a memory.
const OFFSETS_SEGMENT_BYTES: i64 = 4 << 20;
const QUEUED_BYTES: &str = "queued.max.request.bytes";
/// Kafka has no limit; here everything is in memory anyway.
const QUEUED_BYTES_MAX: i64 = 1 << 30;

/// A Kafka cluster for programs outside, over TCP: real Kafka, whose time and faults are yours.
///
/// Broker 1 listens where --listen says, broker 2 one port further, and so on; each advertises
/// itself as such. Without a scenario there are no topics and no simulated clients, and all
/// configs are Kafka's defaults, but for three that tests would only wait for: groups begin at
/// once, sessions may be short, and new partitions are followed soon; and for two that bound the
/// memory: no more than 1 GiB of requests may be on their way in (queued.max.request.bytes), and
/// groups' offsets are compacted by 4 MiB (offsets.topic.segment.bytes). Topics are created when
/// somebody asks for them. Everything is in memory, and gone at the end. Ctrl-C ends it.
///
/// Ends with 1 when a promise was broken in a recorded session, and with 2 when something is
/// wrong with what was given: a port that is in use, for example.
#[derive(Args)]
pub(crate) struct Serve {
    /// How many brokers: the scenario's, or 3.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    brokers: Option<u32>,
    /// The controllers are in the first brokers' processes, as with process.roles=broker,controller.
    #[arg(long)]
    combined: bool,
    /// The first broker's id, 0 or 1, from which the others count on: the scenario's, or 1.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(0..=1))]
    first_broker_id: Option<u32>,
    /// Where the first broker listens. Port 0 takes any free ports.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092", value_parser = place)]
    listen: Place,
    /// The host by which brokers tell clients to reach them: what --listen says, or localhost when
    /// that is 0.0.0.0 or [::].
    #[arg(long, value_name = "HOST", value_parser = host)]
    advertise: Option<String>,
    /// A scenario file, or the id of one of the gallery: its cluster, topics, clients and script.
    #[arg(long, value_name = "FILE")]
    scenario: Option<String>,
    /// The source of all randomness, in place of the scenario's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How fast the world's time goes; 1 is as fast as the wall clock.
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// A small JSON interface over HTTP that shows the world and breaks things in it; GET / says
    /// how. Anybody who reaches it may use it.
    #[arg(long, value_name = "HOST:PORT", value_parser = place, num_args = 0..=1, default_missing_value = "127.0.0.1:9644")]
    control: Option<Place>,
    /// Writes all that comes in to this file, to be replayed by terrarium run and by the page.
    /// Remembers more and is slower.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Host and port.
#[derive(Clone)]
struct Place {
    host: String,
    port: u16,
}

pub(crate) fn serve(wanted: &Serve) -> Outcome {
    let mut scenario = scenario(wanted)?;
    // Whoever asks for too much hears it before ports are taken.
    build(&wanted.name(), &scenario, wanted.seed)?;
    let busy = |(place, error): (String, io::Error)| Failure::Input(refused(&place, &error));
    let Place { host, port } = &wanted.listen;
    let brokers = tcp::bind(host, *port, scenario.cluster.brokers).map_err(busy)?;
    let control = match &wanted.control {
        Some(at) => tcp::bind(&at.host, at.port, 1).map_err(busy)?.pop(),
        None => None,
    };
    let mut addresses = Vec::new();
    for listener in &brokers {
        addresses.push(listener.local_addr().map_err(Failure::Output)?);
    }
    let reached = wanted.advertise.clone().unwrap_or_else(|| advertised_host(host, addresses[0].ip()));
    scenario.cluster.advertised = addresses.iter().map(|address| written(&reached, address.port())).collect();
    let setup = build(&wanted.name(), &scenario, wanted.seed)?;
    let record = match &wanted.record {
        Some(path) => Some((path.clone(), first_line(scenario.clone(), wanted, path)?)),
        None => None,
    };
    warn(&addresses, wanted.advertise.is_some(), control.as_ref());
    let told = Told { scenario: &scenario, control: control.as_ref().and_then(|it| it.local_addr().ok()) };
    let ready = told.text();
    let options = ServeOptions { brokers, control, speed: wanted.speed, record };
    let served = tcp::serve(Arc::new(setup), options, || say(&ready));
    let served = served.map_err(|error| Failure::Input(error.to_string()))?;
    if let (Some(digest), Some(path)) = (served.digest, &wanted.record) {
        say(&format!("recorded in {}: digest {digest}\n", path.display()));
    }
    for violation in &served.violations {
        say(&format!("broken: {}: {}\n", violation.invariant, violation.detail));
    }
    let kept = served.violations.iter().all(|violation| violation.expected);
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}

impl Serve {
    fn name(&self) -> String {
        self.scenario.clone().unwrap_or_else(|| "serve".to_owned())
    }
}

/// What is said as soon as the brokers answer.
struct Told<'a> {
    scenario: &'a Scenario,
    control: Option<SocketAddr>,
}

impl Told<'_> {
    fn text(&self) -> String {
        let cluster = &self.scenario.cluster;
        let mut text = format!("bootstrap.servers={}\n", cluster.advertised.join(","));
        if let Some(address) = self.control {
            text += &format!("control: http://{address}/\n");
        }
        text + "Ctrl-C ends it.\n"
    }
}

/// The scenario that is wanted, with as many brokers as are wanted.
fn scenario(wanted: &Serve) -> Result<Scenario, Failure> {
    let mut scenario = match &wanted.scenario {
        Some(name) => parse(name)?,
        None => Scenario::parse(EMPTY).map_err(|error| Failure::Input(error.to_string()))?,
    };
    if !scenario.session.is_empty() {
        let message = "is a recording: terrarium run replays it, and serve wants a scenario";
        return Err(Failure::Input(format!("{}: {message}", wanted.name())));
    }
    if let Some(brokers) = wanted.brokers {
        scenario.cluster.brokers = brokers;
    }
    scenario.cluster.combined |= wanted.combined;
    if let Some(id) = wanted.first_broker_id {
        scenario.cluster.first_broker_id = id;
    }
    scenario.epoch_ms = scenario.epoch_ms.or_else(now_ms);
    // Kafka's default is 3, with which a smaller cluster has no groups.
    let configs = &mut scenario.cluster.configs.0;
    if scenario.cluster.brokers < 3 && !configs.contains_key(OFFSETS_REPLICAS) {
        let replicas = Setting::Number(scenario.cluster.brokers.into());
        configs.insert(OFFSETS_REPLICAS.to_owned(), replicas);
    }
    configs.entry(OFFSETS_SEGMENT.to_owned()).or_insert(Setting::Number(OFFSETS_SEGMENT_BYTES));
    configs.entry(QUEUED_BYTES.to_owned()).or_insert(Setting::Number(QUEUED_BYTES_MAX));
    // The metadata log is never cut here, and two records a second would fill it in the end.
    if !configs.contains_key(IDLE_RECORDS) {
        configs.insert(IDLE_RECORDS.to_owned(), Setting::Number(0));
    }
    Ok(scenario)
}

/// What the world's clocks are to show at its beginning, so that they go with everybody's: brokers
/// refuse records from their future.
#[allow(clippy::disallowed_types, reason = "the world's clocks are set by the wall's, once")]
fn now_ms() -> Option<i64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(now.as_millis()).ok().map(|ms| ms - WARM_UP_MS)
}

/// What a recording begins with: the scenario as it was played, in one line.
fn first_line(mut scenario: Scenario, wanted: &Serve, recording: &Path) -> Result<String, Failure> {
    scenario.seed = wanted.seed.unwrap_or(scenario.seed);
    if let Some(name) = &wanted.scenario {
        // The recording is somewhere else than the scenario's data, which may be taken along with it.
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        let beside = recording.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = fs::canonicalize(beside).ok();
        for data in scenario.producers.iter_mut().filter_map(|producer| producer.data.as_mut()) {
            let whole = fs::canonicalize(folder.join(&data.file)).ok();
            let short = beside.as_deref().zip(whole.as_deref()).and_then(|(from, to)| relative(from, to));
            if let Some(path) = short.or(whole).as_deref().and_then(Path::to_str) {
                data.file = path.to_owned();
            }
        }
    }
    serde_json::to_string(&scenario).map_err(|error| Failure::Input(error.to_string()))
}

/// The way from a folder to a file, both whole paths; `None` where there is none, as between drives.
fn relative(from: &Path, to: &Path) -> Option<PathBuf> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| Component::ParentDir);
    (common > 0).then(|| up.chain(to[common..].iter().copied()).collect())
}

/// The host that brokers advertise: the one that was given, unless it stands for all.
fn advertised_host(host: &str, bound: IpAddr) -> String {
    if bound.is_unspecified() { "localhost".to_owned() } else { host.to_owned() }
}

fn warn(brokers: &[SocketAddr], is_advertised: bool, control: Option<&TcpListener>) {
    let control = control.and_then(|listener| listener.local_addr().ok());
    let mut text = String::new();
    if let Some(address) = brokers.iter().find(|address| !address.ip().is_loopback()) {
        text +=
            &format!("warning: {} is reached from other machines, and there is no security\n", address.ip());
        if address.ip().is_unspecified() && !is_advertised {
            text +=
                "warning: brokers advertise localhost: --advertise HOST is for clients on other machines\n";
        }
    }
    if let Some(address) = control.filter(|address| !address.ip().is_loopback()) {
        text += &format!("warning: anybody who reaches {address} can break this cluster\n");
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

fn refused(place: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => format!("{place} is in use already"),
        _ => format!("cannot listen on {place}: {error}"),
    }
}

/// Whoever has closed the other end of standard output still has a cluster.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn written(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// `127.0.0.1:9092`, `[::1]:9092`, `localhost:0`.
fn place(text: &str) -> Result<Place, String> {
    let expected = || "expected host:port, as 127.0.0.1:9092".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let port = port.parse().map_err(|_| expected())?;
    match bare.unwrap_or(host) {
        "" => Err(expected()),
        host if bare.is_none() && host.contains(':') => Err(format!("write [{host}]:{port}")),
        host => Ok(Place { host: host.to_owned(), port }),
    }
}

/// A name or an address without a port.
fn host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(text);
    let is_name = !bare.contains(|c: char| c.is_whitespace() || matches!(c, ',' | '/' | '[' | ']'));
    let is_address = bare.parse::<std::net::Ipv6Addr>().is_ok();
    match !bare.is_empty() && is_name && (is_address || !bare.contains(':')) {
        true => Ok(bare.to_owned()),
        false => Err("expected a name or an address without a port".to_owned()),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "expected a number, as 1 or 0.5".to_owned())?;
    match (0.001..=1000.0).contains(&speed) {
        true => Ok(speed),
        false => Err("expected a speed from 0.001 to 1000".to_owned()),
    }
}
