//! Noise: every machine, at every moment, with whatever may come.

use bytes::Bytes;
use terrarium::base::{CloseReason, ConnId, Input, NodeId, Rng, SimTime};
use terrarium::zookeeper::ZooKeeperTimer;

use crate::specimen::{AnyTimer, Heard, Specimen, Stimulus, specimens, specimens_on_zookeeper};

/// Numbers that are rarely thought of.
const EXTREMES: [i64; 12] = [
    0,
    -1,
    1,
    -2,
    i64::MAX,
    i64::MIN,
    i64::MAX - 1,
    i32::MAX as i64,
    i32::MIN as i64,
    0x7fff_ffff_7fff_ffff,
    i16::MAX as i64,
    -3,
];

/// The bytes with some of them changed, cut off, repeated, or replaced by extreme numbers.
pub(crate) fn damage(good: &Bytes, rng: &mut Rng) -> Bytes {
    let mut bytes = good.to_vec();
    for _ in 0..=rng.below(3) {
        let at = rng.below(bytes.len() as u64 + 1) as usize;
        let extreme = EXTREMES[rng.below(EXTREMES.len() as u64) as usize];
        let put = |bytes: &mut Vec<u8>, number: &[u8]| {
            for (index, byte) in number.iter().enumerate() {
                if let Some(place) = bytes.get_mut(at + index) {
                    *place = *byte;
                }
            }
        };
        match rng.below(8) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at..),
            2 => bytes.splice(at..at, [0x7f, 0xff, 0xff, 0xff]).for_each(drop),
            3 => put(&mut bytes, &[rng.below(256) as u8]),
            4 => put(&mut bytes, &(extreme as i16).to_be_bytes()),
            5 => put(&mut bytes, &(extreme as i32).to_be_bytes()),
            _ => put(&mut bytes, &extreme.to_be_bytes()),
        }
    }
    Bytes::from(bytes)
}

fn pick<'a, T>(all: &'a [T], rng: &mut Rng) -> Option<&'a T> {
    all.get(rng.below(all.len() as u64) as usize)
}

/// A frame for this machine: mostly one that it knows, mostly damaged.
fn some_frame(specimen: &Specimen, rng: &mut Rng) -> Heard {
    let known = if rng.chance(3, 4) { &specimen.next } else { &specimen.past };
    let mut heard = pick(known, rng).cloned().unwrap_or_else(|| Heard {
        conn: ConnId(rng.next_u64()),
        from: NodeId(99),
        bytes: Bytes::from(rng.next_u64().to_be_bytes().to_vec()),
    });
    match rng.below(10) {
        0 => heard.conn = ConnId(rng.next_u64()),
        1 => heard.conn = pick(&specimen.opened, rng).copied().unwrap_or(heard.conn),
        2 => {
            let size = rng.below(40);
            heard.bytes = (0..size).map(|_| rng.below(256) as u8).collect();
        }
        _ => {}
    }
    if rng.chance(4, 5) {
        heard.bytes = damage(&heard.bytes, rng);
    }
    heard
}

/// One input of any kind. Most are frames.
fn disturb(specimen: &mut Specimen, rng: &mut Rng) {
    match rng.below(20) {
        0 => {
            let conn = pick(&specimen.past, rng).map_or(ConnId(5), |heard| heard.conn);
            let reasons =
                [CloseReason::UnknownHost, CloseReason::Refused, CloseReason::ByPeer, CloseReason::Reset];
            let reason = *pick(&reasons, rng).unwrap_or(&CloseReason::Reset);
            specimen.step(Stimulus::Common(Input::Closed { conn, reason }));
        }
        1 => {
            let (file, position) = (rng.below(12), rng.next_u64() >> rng.below(64));
            specimen.step(Stimulus::Common(Input::Flushed { file, position }));
        }
        2..=4 => {
            if let Some(timer) = pick(&specimen.timers, rng).cloned() {
                specimen.step(Stimulus::Timer(timer));
            }
        }
        5 => specimen.step(Stimulus::Timer(senseless_timer(rng))),
        6 => specimen.now = SimTime(specimen.now.0 + (rng.next_u64() >> (24 + rng.below(30)))),
        7 => {
            // Answers on connections that the machine has opened: a handshake, perhaps.
            if let (Some(conn), Some(heard)) =
                (specimen.opened.last().copied(), pick(&specimen.past, rng).cloned())
            {
                specimen.frame(conn, heard.from, heard.bytes);
            }
        }
        _ => {
            let Heard { conn, from, bytes } = some_frame(specimen, rng);
            specimen.frame(conn, from, bytes);
        }
    }
}

fn senseless_timer(rng: &mut Rng) -> AnyTimer {
    use terrarium::broker::BrokerTimer;
    use terrarium::client::ProducerTimer;
    use terrarium::controller::ControllerTimer;
    let timers = [
        AnyTimer::Broker(BrokerTimer::Produce(rng.next_u64())),
        AnyTimer::Broker(BrokerTimer::Fetch(rng.below(500))),
        AnyTimer::Broker(BrokerTimer::FetcherRetry(rng.below(6) as i32 - 1)),
        AnyTimer::Broker(BrokerTimer::Heartbeat),
        AnyTimer::Broker(BrokerTimer::PeerTimeout),
        AnyTimer::Broker(BrokerTimer::Retention),
        AnyTimer::Broker(BrokerTimer::IsrCheck),
        AnyTimer::Broker(BrokerTimer::ControllerRetry),
        AnyTimer::Controller(ControllerTimer::Session(rng.below(6) as i32 - 1)),
        AnyTimer::Controller(ControllerTimer::Fetch(rng.below(500))),
        AnyTimer::Controller(ControllerTimer::Idle),
        AnyTimer::Producer(ProducerTimer::Sender),
        AnyTimer::Producer(ProducerTimer::Workload),
        AnyTimer::ZooKeeper(ZooKeeperTimer::Serve),
        AnyTimer::ZooKeeper(ZooKeeperTimer::Tick),
    ];
    let index = rng.below(timers.len() as u64) as usize;
    timers.into_iter().nth(index).unwrap_or(AnyTimer::Producer(ProducerTimer::Sender))
}

/// Every node of a world at every moment, `rounds` times disturbed so many times.
fn check(specimens: Vec<Specimen>, rounds: u64, disturbances: u64) {
    for specimen in specimens {
        for round in 0..rounds {
            let mut rng = Rng::stream(round, &specimen.name);
            let mut victim = specimen.clone();
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                (0..disturbances).for_each(|_| disturb(&mut victim, &mut rng));
            }));
            assert!(result.is_ok(), "{} fell in round {round}", specimen.name);
        }
    }
}

#[test]
fn nothing_that_comes_makes_a_machine_fall() {
    check(specimens(&[900, 1_700, 2_600, 4_700, 9_200, 14_000]), 12, 250);
    check(specimens_on_zookeeper(&[900, 2_600, 4_700, 14_000]), 12, 250);
}
