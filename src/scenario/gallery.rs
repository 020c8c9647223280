//! The scenarios that come with the program.

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
];

/// What the page opens with.
pub const OPENING: &str = "rider-updates";

/// The gallery's scenario with this id. It makes sense: a test checks them all, so that the page
/// need not.
///
/// # Errors
/// Never in a released version.
pub fn gallery(id: &str) -> Option<Result<Scenario, ScenarioError>> {
    // Of the page, the one that it opens with loads by itself: see `tests/tools/split`.
    let text =
        if id == OPENING { include_str!("../../static/scenarios/rider-updates.json") } else { text_of(id)? };
    Some(Scenario::read(text))
}

#[inline(never)]
fn text_of(id: &str) -> Option<&'static str> {
    GALLERY.iter().find(|(known, _)| *known == id).map(|(_, text)| *text)
}
