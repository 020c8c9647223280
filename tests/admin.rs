//! Admin requests on real brokers and a real controller, as a client sees them: byte for byte what goes
//! over the wire, with a network and disks that take no time.

#[path = "admin/cluster.rs"]
mod cluster;
#[path = "admin/configs.rs"]
mod configs;
#[path = "admin/elections.rs"]
mod elections;
#[path = "admin/eligible.rs"]
mod eligible;
#[path = "admin/metadata.rs"]
mod metadata;
#[path = "admin/moves.rs"]
mod moves;
#[path = "admin/quotas.rs"]
mod quotas;
#[path = "admin/shares.rs"]
mod shares;
#[path = "admin/topics.rs"]
mod topics;
