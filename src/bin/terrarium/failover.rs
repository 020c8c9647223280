//! `terrarium failover`: how long a cluster takes until everything is led again, on ZooKeeper and with KRaft.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use terrarium::sim::{Dies, Failover as Found, Question, failover as measure};
use terrarium::zookeeper::ZooKeeperConfig;

use crate::cli::{Failure, Form, Outcome, print};

/// Most partitions of one world.
const PARTITIONS_MAX: i64 = 10_000;

/// Says how long it takes until every partition is led again after a broker has died, or the controller and a
/// broker: on ZooKeeper, as until Kafka 3.9, and with KRaft.
///
/// For each number of partitions a cluster of each kind is really played, with Kafka's default timeouts, and
/// the milliseconds of its own time are printed from the death on: until the broker is missed, until another
/// controller has taken over, until every partition is led, until a record sent at the moment of the death is
/// acknowledged. Work is what lies between missed and led: it is what grows with the partitions on ZooKeeper.
#[derive(Args)]
pub(crate) struct Failover {
    /// How many partitions: several worlds, one after the other.
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "10,100,1000",
          value_parser = clap::value_parser!(i64).range(1..=PARTITIONS_MAX))]
    partitions: Vec<i64>,
    /// How many brokers.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=20))]
    brokers: u32,
    /// On ZooKeeper, how many requests of the controller may be under way at a time: 1 is as before Kafka 1.1.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    in_flight: u32,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    summary: Form,
}

pub(crate) fn failover(wanted: &Failover) -> Outcome {
    if wanted.summary == Form::Text {
        print(&format!(
            "{:10} {:>10} {:9} {:>9} {:>11} {:>9} {:>9} {:>9}\n",
            "dies", "partitions", "with", "missed", "controller", "led", "written", "work"
        ))?;
    }
    let config = ZooKeeperConfig { max_in_flight: wanted.in_flight, ..Default::default() };
    for (dies, word) in [(Dies::Broker, "broker"), (Dies::Controller, "controller")] {
        for partitions in &wanted.partitions {
            for (kind, zookeeper) in [("ZooKeeper", Some(Arc::new(config.clone()))), ("KRaft", None)] {
                let partitions = u32::try_from(*partitions).unwrap_or(u32::MAX);
                let question = Question { zookeeper, brokers: wanted.brokers, partitions, dies };
                let Some(found) = measure(&question) else {
                    return Err(Failure::Input(format!(
                        "a cluster with {partitions} partitions does not come up"
                    )));
                };
                print(&match wanted.summary {
                    Form::Text => line(word, partitions, kind, &found),
                    Form::Json => {
                        let found = serde_json::to_value(found).unwrap_or_default();
                        let it = serde_json::json!({
                            "dies": word, "partitions": partitions, "with": kind, "found": found
                        });
                        format!("{it}\n")
                    }
                })?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(dies: &str, partitions: u32, kind: &str, found: &Found) -> String {
    let ms = |time: Option<u64>| time.map_or("-".to_owned(), |time| format!("{time} ms"));
    format!(
        "{dies:10} {partitions:>10} {kind:9} {:>9} {:>11} {:>9} {:>9} {:>9}\n",
        ms(found.missed_ms),
        ms(found.controller_ms),
        ms(found.led_ms),
        ms(found.written_ms),
        ms(found.work_ms())
    )
}
