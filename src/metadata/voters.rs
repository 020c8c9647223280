//! Who votes in the controllers' quorum: `controller.quorum.voters`, the same at every node.
//!
//! Source: KIP-595; a set that does not change is `kraft.version` 0 (KIP-853).

use std::sync::Arc;

/// The port of a controller's listener.
pub const CONTROLLER_PORT: u16 = 9093;
/// Node id of a controller that is alone; several count on from it.
pub const CONTROLLER_ID: i32 = 3_000;

/// A voter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// Node id.
    pub id: i32,
    /// Host name; also the node's name in the world.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// All voters, by rising id. There is always one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voters(Arc<[Voter]>);

impl Voters {
    /// So many controllers: one is `controller`, several are `controller-1` and so on.
    pub fn of(count: u32) -> Voters {
        let voter = |id: i32, host: String| Voter { id, host, port: CONTROLLER_PORT };
        if count <= 1 {
            return Voters(Arc::new([voter(CONTROLLER_ID, "controller".into())]));
        }
        let count = i32::try_from(count).unwrap_or(i32::MAX - CONTROLLER_ID);
        Voters((1..=count).map(|n| voter(CONTROLLER_ID + n, format!("controller-{n}"))).collect())
    }

    /// So many of the brokers, counted from the first, whose processes are controllers, too
    /// (`process.roles=broker,controller`).
    pub fn combined(first_broker_id: u32, count: u32) -> Voters {
        let last = first_broker_id.saturating_add(count.max(1));
        let ids = (first_broker_id..last).filter_map(|id| i32::try_from(id).ok());
        Voters(ids.map(|id| Voter { id, host: format!("broker-{id}"), port: CONTROLLER_PORT }).collect())
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Voter> {
        self.0.iter()
    }

    /// The voter with this id.
    pub fn get(&self, id: i32) -> Option<&Voter> {
        self.iter().find(|voter| voter.id == id)
    }

    /// The only one, if there is only one: its own majority.
    pub fn alone(&self) -> Option<&Voter> {
        if let [only] = &*self.0 { Some(only) } else { None }
    }

    /// How many are more than half.
    pub fn majority(&self) -> usize {
        self.0.len() / 2 + 1
    }
}

impl Default for Voters {
    /// A quorum of one.
    fn default() -> Voters {
        Voters::of(1)
    }
}
