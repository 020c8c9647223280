//! How a group's partitions are handed out to its members: pure functions, with the results of
//! Kafka's own. In the classic protocol the group's leader decides, a client
//! ([`AssignorKind`]); in the consumer protocol the group coordinator ([`ServerAssignor`]).
//!
//! Must not know who asks or what the group did before, beyond what members say that they own.
//! Rules: the Javadoc of `RangeAssignor`, `RoundRobinAssignor`, `StickyAssignor` (KIP-54) and
//! `CooperativeStickyAssignor` (KIP-429); static members, KIP-345; racks, KIP-881; the server's,
//! KIP-848; the one of share groups, KIP-932.

mod explain;
mod group;
mod question;
mod rack;
mod range;
mod round_robin;
mod server;
mod simple;
mod sticky;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::explain::{Change, Explanation, Got, Lost, explain};
pub use self::question::{QUESTION_MAX_PARTITIONS, Question, QuestionError, to_json};
pub use self::server::ServerAssignor;
pub use self::simple::{SIMPLE, assign_shared};
use crate::base::{Map, Set, sort_by};
use crate::protocol::TopicPartition;
use group::Group;

/// An assignor of the classic protocol, by the name that travels in JoinGroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub enum AssignorKind {
    /// Topic by topic, a contiguous range for each member; topics with equally many
    /// partitions and the same members end up co-partitioned.
    #[default]
    Range,
    /// All partitions of all topics dealt out like cards.
    RoundRobin,
    /// As even as can be, and then with as few moves as can be. Members still give up all that
    /// they own before a rebalance.
    Sticky,
    /// The same, but members keep what they own: what moves is revoked in one rebalance and
    /// handed out in the next.
    #[serde(rename = "cooperative-sticky")]
    CooperativeSticky,
}

/// An assignor of either protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assignor {
    /// A client's, in the classic protocol.
    Classic(AssignorKind),
    /// The server's, in the consumer protocol.
    Consumer(ServerAssignor),
}

/// A name that no assignor has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAssignor(pub String);

/// A topic as far as assignors look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topic {
    /// How many partitions it has; less than one is none.
    pub partitions: i32,
    /// By partition, the racks of its replicas; empty, also as a whole, if they are not known.
    pub racks: Vec<Vec<Arc<str>>>,
}

/// The topics of a cluster by name.
pub type Topics = Map<Arc<str>, Topic>;

/// A member as its subscription describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id that the coordinator gave it.
    pub member_id: Arc<str>,
    /// Its `group.instance.id`, when it is a static member.
    pub group_instance_id: Option<Arc<str>>,
    /// Its `client.rack`; one that is empty is none.
    pub rack: Option<Arc<str>>,
    /// What it subscribes to.
    pub topics: Set<Arc<str>>,
    /// What it says that it owns: of the cooperative protocol's subscription the owned
    /// partitions, of the sticky assignor's user data the previous assignment, of the server's
    /// members the present target assignment.
    pub owned: Vec<TopicPartition>,
    /// The generation in which it came to own that; -1 if it does not know one. The sticky
    /// assignors believe the newest.
    pub generation: i32,
}

/// What each member gets; every member is in it, perhaps with nothing.
pub type Assignment = Map<Arc<str>, Vec<TopicPartition>>;

impl AssignorKind {
    /// All of them.
    pub const ALL: [AssignorKind; 4] = [
        AssignorKind::Range,
        AssignorKind::RoundRobin,
        AssignorKind::Sticky,
        AssignorKind::CooperativeSticky,
    ];

    /// The name in JoinGroup and in `partition.assignment.strategy`.
    pub fn protocol_name(self) -> &'static str {
        match self {
            AssignorKind::Range => "range",
            AssignorKind::RoundRobin => "roundrobin",
            AssignorKind::Sticky => "sticky",
            AssignorKind::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// The assignor of that name.
    pub fn from_protocol_name(name: &str) -> Option<AssignorKind> {
        AssignorKind::ALL.into_iter().find(|kind| kind.protocol_name() == name)
    }

    /// Whether members keep what they own while the group rebalances (KIP-429).
    pub fn is_cooperative(self) -> bool {
        self == AssignorKind::CooperativeSticky
    }

    /// Hands out every partition of every subscribed topic that the cluster has. Only what the
    /// cooperative assignor takes from one member to give it to another is nobody's before the
    /// next rebalance. A member listed twice counts once, with its last subscription.
    #[inline(never)]
    pub fn assign(self, topics: &Topics, members: &[Member]) -> Assignment {
        let group = Group::new(topics, members);
        let owned = match self {
            AssignorKind::Range => range::assign(&group, true),
            AssignorKind::RoundRobin => round_robin::assign(&group),
            AssignorKind::Sticky => sticky::assign(&group).owned,
            AssignorKind::CooperativeSticky => sticky::assign_cooperatively(&group),
        };
        group.name(&owned)
    }
}

impl Assignor {
    /// All of them.
    pub const ALL: [Assignor; 6] = [
        Assignor::Classic(AssignorKind::Range),
        Assignor::Classic(AssignorKind::RoundRobin),
        Assignor::Classic(AssignorKind::Sticky),
        Assignor::Classic(AssignorKind::CooperativeSticky),
        Assignor::Consumer(ServerAssignor::Uniform),
        Assignor::Consumer(ServerAssignor::Range),
    ];

    /// A name that no other has: Kafka's, but `server-range` for the server's range.
    pub fn name(self) -> &'static str {
        match self {
            Assignor::Classic(kind) => kind.protocol_name(),
            Assignor::Consumer(ServerAssignor::Uniform) => "uniform",
            Assignor::Consumer(ServerAssignor::Range) => "server-range",
        }
    }

    /// The assignor of that name.
    pub fn from_name(name: &str) -> Option<Assignor> {
        Assignor::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// Hands out partitions: see [`AssignorKind::assign`] and [`ServerAssignor::assign`].
    pub fn assign(self, topics: &Topics, members: &[Member]) -> Assignment {
        match self {
            Assignor::Classic(kind) => kind.assign(topics, members),
            Assignor::Consumer(assignor) => assignor.assign(topics, members),
        }
    }
}

impl FromStr for Assignor {
    type Err = UnknownAssignor;
    fn from_str(name: &str) -> Result<Self, UnknownAssignor> {
        Assignor::from_name(name).ok_or_else(|| UnknownAssignor(name.to_owned()))
    }
}

impl fmt::Display for UnknownAssignor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Assignor::ALL.map(Assignor::name).join(", ");
        write!(f, "there is no assignor {:?}; there are {names}", self.0)
    }
}

impl std::error::Error for UnknownAssignor {}

impl Topic {
    /// A topic with so many partitions on racks that are not known.
    pub fn new(partitions: i32) -> Topic {
        Topic { partitions, racks: Vec::new() }
    }
}

impl Member {
    /// A dynamic member without a rack that owns nothing.
    pub fn new(member_id: impl Into<Arc<str>>, topics: impl IntoIterator<Item = Arc<str>>) -> Member {
        Member {
            member_id: member_id.into(),
            group_instance_id: None,
            rack: None,
            topics: topics.into_iter().collect(),
            owned: Vec::new(),
            generation: -1,
        }
    }

    /// Static members come first, by instance id, so that a restart under a new member id
    /// gives a member the same partitions; the others by member id.
    fn order(&self, other: &Member) -> Ordering {
        match (&self.group_instance_id, &other.group_instance_id) {
            (Some(a), Some(b)) => java_order(a, b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => java_order(&self.member_id, &other.member_id),
        }
    }
}

/// Members in the order in which range and roundrobin serve them.
fn in_assignment_order(group: &Group<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..group.members.len()).collect();
    sort_by(&mut order, |a, b| group.members[*a].order(group.members[*b]));
    order
}

/// Java compares UTF-16 units, which is not the order of code points.
fn java_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

#[cfg(test)]
#[path = "assignor/assignor_test.rs"]
mod tests;
