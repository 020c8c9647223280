//! What there is to see of ZooKeeper: its tree, its sessions and its watches.

use std::sync::Arc;

use crate::base::{NodeId, SimTime};
use crate::sim::{Health, Machine, World};
use crate::zookeeper::{Watch, ZNode, ZooKeeper};

/// So many znodes are listed.
const ZNODES: usize = 80;
/// Of a znode's data, so many letters.
const DATA: usize = 160;

/// The server in a few facts, each with its name.
#[inline(never)]
pub fn facts(world: &World) -> Vec<(&'static str, String)> {
    let Some((_, server)) = world.zookeeper() else { return Vec::new() };
    let tree = server.tree();
    vec![
        ("controller", controller(world).unwrap_or_else(|| "none".to_owned())),
        ("sessions", server.sessions().count().to_string()),
        ("znodes", tree.iter().count().to_string()),
        ("watches", server.watches().map(|(_, _, count)| u64::from(count)).sum::<u64>().to_string()),
    ]
}

fn controller(world: &World) -> Option<String> {
    let (node, hosted) = world.controller_on_zookeeper()?;
    Some(format!("broker {node}, epoch {}", hosted.epoch()))
}

/// ZooKeeper in the place of the metadata log.
#[derive(Clone, Debug, PartialEq)]
pub struct Registry {
    /// Its node.
    pub node: NodeId,
    /// How it is, in words.
    pub state: &'static str,
    /// Its process is dead.
    pub gone: bool,
    /// Who the controller is: `broker 2, epoch 1`.
    pub controller: Option<String>,
    /// How many znodes there are, and the last transaction.
    pub counts: (u32, i64),
    /// Who has a session.
    pub sessions: Vec<SessionView>,
    /// Znodes that hold something, or belong to a session, by path.
    pub znodes: Vec<ZNodeView>,
    /// How many of these are not listed.
    pub more: u32,
    /// What is watched: the path, for what, by how many.
    pub watches: Vec<(String, &'static str, u32)>,
}

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionView {
    /// Its id, as ZooKeeper writes it.
    pub id: String,
    /// Whose: `broker 1`, as its znode in /brokers/ids says.
    pub client: String,
    /// Somebody is connected with it.
    pub connected: bool,
    /// Milliseconds until it is over, should nothing be heard from there.
    pub left_ms: u64,
}

/// A znode.
#[derive(Clone, Debug, PartialEq)]
pub struct ZNodeView {
    /// Its path.
    pub path: String,
    /// What it holds.
    pub data: String,
    /// How often that was changed.
    pub version: i32,
    /// With whose session it goes.
    pub owner: Option<String>,
}

/// What ZooKeeper knows, without internal topics unless they are asked for; `None` in a world without it.
#[inline(never)]
pub fn registry(world: &World, internal: bool) -> Option<Registry> {
    let (slot, server) = world.zookeeper()?;
    let (node, _) = world.nodes().find(|(_, slot)| matches!(slot.machine, Machine::ZooKeeper(_)))?;
    let (state, gone) = match slot.health {
        Health::Up => ("up", false),
        Health::Waiting => ("not started", false),
        Health::Paused => ("paused", false),
        Health::Killed => ("down", true),
        Health::PoweredOff => ("no power", true),
    };
    let tree = server.tree();
    let shown = |path: &str| internal || !path.contains("/__");
    let telling = |node: &ZNode| !node.data.is_empty() || node.stat().ephemeral_owner != 0;
    let mut znodes: Vec<ZNodeView> = Vec::new();
    let mut more = 0;
    for (path, node) in tree.iter().filter(|(path, node)| shown(path) && telling(node)) {
        if znodes.len() >= ZNODES {
            more += 1;
        } else {
            znodes.push(znode(server, path, node));
        }
    }
    let now = world.now();
    let session = |(id, expires, client): (i64, SimTime, Option<NodeId>)| SessionView {
        id: format!("{id:#x}"),
        client: client_of(server, id),
        connected: client.is_some(),
        left_ms: expires.since(now) / 1_000,
    };
    let watch = |(path, watch, count): (&str, Watch, u32)| {
        let what = match watch {
            Watch::Data => "data",
            Watch::Children => "children",
        };
        (path.to_owned(), what, count)
    };
    Some(Registry {
        node,
        state,
        gone,
        controller: controller(world),
        counts: (tree.iter().count() as u32, tree.zxid()),
        sessions: server.sessions().map(session).collect(),
        znodes,
        more,
        watches: server.watches().map(watch).collect(),
    })
}

fn znode(server: &ZooKeeper, path: &Arc<str>, node: &ZNode) -> ZNodeView {
    let stat = node.stat();
    let data = String::from_utf8_lossy(&node.data);
    let mut shown: String = data.chars().take(DATA).collect();
    if shown.len() < data.len() {
        shown.push('…');
    }
    let owner = (stat.ephemeral_owner != 0).then(|| client_of(server, stat.ephemeral_owner));
    ZNodeView { path: path.to_string(), data: shown, version: stat.version, owner }
}

/// Whose session that is: the broker that has registered itself with it.
fn client_of(server: &ZooKeeper, session: i64) -> String {
    let mut all = server.tree().iter();
    let id = all.find_map(|(path, node)| {
        let id = path.strip_prefix("/brokers/ids/")?;
        (node.stat().ephemeral_owner == session).then(|| id.to_owned())
    });
    id.map_or_else(|| format!("session {session:#x}"), |id| format!("broker {id}"))
}
