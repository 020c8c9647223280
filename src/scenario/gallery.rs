//! The scenarios that come with the program.

use crate::scenario::opening::{OPENING, opening};
use crate::scenario::{Scenario, ScenarioError};

macro_rules! gallery {
    ($($id:literal),* $(,)?) => {
        /// Every scenario of the gallery: its id and its file.
        pub const GALLERY: &[(&str, &str)] =
            &[$(($id, include_str!(concat!("../../static/scenarios/", $id, ".json")))),*];
    };
}

gallery![
    "hello",
    "rider-updates",
    "write-intensive",
    "write-intensive-unbatched",
    "leader-dies",
    "leader-dies-acks-1",
    "slow-follower",
    "group-of-three",
    "power-loss",
    "scale-out",
    "scale-in",
    "rolling-restart",
    "rolling-restart-static",
    "crash",
    "slow-handler",
    "deploy-doubles",
    "more-members",
    "unequal-subscriptions",
    "partitions-added",
    "coordinator-dies",
    "rebalance-storm",
    "migration",
    "controller-dies",
    "combined-mode",
    "queue-or-log",
    "two-of-three-die",
    "longer-log",
    "split-network",
    "zombie-leader",
    "rolling-upgrade",
    "disk-fills",
    "wrong-clock",
    "broker-added",
    "rack-lost",
    "power-loss-flushed",
    "truncation-before-kip-101",
    "unclean-election",
    "retries-reorder",
    "nearest-replica",
    "throttled-catch-up",
    "quota-delays",
    "zookeeper-broker-dies",
    "zookeeper-controller-dies",
    "zookeeper-or-kraft",
    "last-replica",
    "last-replica-before-kip-966",
];

/// A part of the gallery, for people who read it from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// What it is called.
    pub title: &'static str,
    /// What one learns in it, in a sentence.
    pub about: &'static str,
    /// Its scenarios, in order.
    pub scenarios: &'static [&'static str],
}

impl Chapter {
    /// Its scenarios with their files.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let text = |id: &'static str| GALLERY.iter().find(|(known, _)| *known == id).copied();
        self.scenarios.iter().copied().filter_map(text)
    }
}

const fn chapter(title: &'static str, about: &'static str, scenarios: &'static [&'static str]) -> Chapter {
    Chapter { title, about, scenarios }
}

/// The chapters, in order: each scenario of the gallery is in one of them.
pub const CHAPTERS: &[Chapter] = &[
    chapter(
        "First steps",
        "A topic, its partitions and their replicas; somebody who writes, and groups that read.",
        &["hello", "rider-updates"],
    ),
    chapter(
        "Batches, order, retries",
        "Why a producer waits a moment before it sends, and what sending again can do to the order.",
        &["write-intensive-unbatched", "write-intensive", "retries-reorder"],
    ),
    chapter(
        "Groups share the work",
        "Who reads which partition when members come and go, and by which protocol that is settled.",
        &[
            "group-of-three",
            "scale-out",
            "scale-in",
            "more-members",
            "unequal-subscriptions",
            "partitions-added",
        ],
    ),
    chapter(
        "Groups in trouble",
        "Crashes, slow handlers, deployments: how long partitions stand still, and what helps.",
        &[
            "crash",
            "slow-handler",
            "rolling-restart",
            "rolling-restart-static",
            "deploy-doubles",
            "rebalance-storm",
            "coordinator-dies",
            "migration",
        ],
    ),
    chapter(
        "Queues",
        "Share groups: members take records instead of partitions, and acknowledge each one.",
        &["queue-or-log"],
    ),
    chapter(
        "Replicas and leaders",
        "What survives when leaders die, and which settings decide it.",
        &[
            "leader-dies",
            "leader-dies-acks-1",
            "slow-follower",
            "longer-log",
            "two-of-three-die",
            "last-replica",
            "unclean-election",
        ],
    ),
    chapter(
        "Controllers and metadata",
        "Who decides who leads, and what happens when two believe that they do.",
        &["controller-dies", "combined-mode", "zombie-leader"],
    ),
    chapter(
        "Disks, power and clocks",
        "What is on a disk is not yet on its platters, and a clock may be wrong.",
        &["power-loss", "power-loss-flushed", "disk-fills", "wrong-clock"],
    ),
    chapter(
        "Networks and racks",
        "Links that are cut, racks that go dark, replicas that are nearer than the leader.",
        &["split-network", "rack-lost", "nearest-replica"],
    ),
    chapter(
        "Running a cluster",
        "Adding brokers, moving partitions, holding traffic back, upgrading while it works.",
        &["broker-added", "throttled-catch-up", "quota-delays", "rolling-upgrade"],
    ),
    chapter(
        "How Kafka used to be",
        "Rules of earlier versions, and why they were changed.",
        &[
            "truncation-before-kip-101",
            "last-replica-before-kip-966",
            "zookeeper-broker-dies",
            "zookeeper-controller-dies",
            "zookeeper-or-kraft",
        ],
    ),
];

/// The gallery's scenario with this id. It makes sense: a test checks them all, so that the page
/// need not.
///
/// # Errors
/// Never in a released version.
pub fn gallery(id: &str) -> Option<Result<Scenario, ScenarioError>> {
    if id == OPENING { Some(Ok(opening())) } else { read(id) }
}

#[inline(never)]
fn read(id: &str) -> Option<Result<Scenario, ScenarioError>> {
    GALLERY.iter().find(|(known, _)| *known == id).map(|(_, text)| Scenario::read(text))
}
