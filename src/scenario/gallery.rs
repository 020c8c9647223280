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
