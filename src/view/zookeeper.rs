//! What there is to see of ZooKeeper: its tree and sessions in a few words, and how long fail-over takes.

use std::sync::Arc;

use crate::sim::{Dies, Failover, Question, World, failover};

/// The server in a few facts, each with its name.
#[inline(never)]
pub fn facts(world: &World) -> Vec<(&'static str, String)> {
    let Some((_, server)) = world.zookeeper() else { return Vec::new() };
    let tree = server.tree();
    let owned = tree.iter().filter(|(_, node)| node.stat().ephemeral_owner != 0);
    let ephemeral: Vec<&str> = owned.map(|(path, _)| &**path).collect();
    let controller = match world.controller_on_zookeeper() {
        Some((node, hosted)) => format!("broker {node}, epoch {}", hosted.epoch()),
        None => "none".to_owned(),
    };
    vec![
        ("controller", controller),
        ("sessions", server.sessions().count().to_string()),
        ("znodes", tree.iter().count().to_string()),
        ("ephemeral", ephemeral.join(", ")),
        ("watches", server.watches().map(|(_, _, count)| u64::from(count)).sum::<u64>().to_string()),
        ("last zxid", tree.zxid().to_string()),
    ]
}

/// A line of the table: so many partitions, who died, and the milliseconds on ZooKeeper and with KRaft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailoverRow {
    /// How many partitions.
    pub partitions: u32,
    /// Who died.
    pub dies: Dies,
    /// On ZooKeeper.
    pub zookeeper: Failover,
    /// With KRaft.
    pub kraft: Failover,
}

/// Measures a line of the table: two worlds are really played, which takes its time with many partitions.
#[inline(never)]
pub fn failover_row(partitions: u32, dies: Dies) -> Option<FailoverRow> {
    let ask = |zookeeper| failover(&Question { zookeeper, brokers: 3, partitions, dies });
    let (zookeeper, kraft) = (ask(Some(Arc::default()))?, ask(None)?);
    Some(FailoverRow { partitions, dies, zookeeper, kraft })
}
