//! A script's commands in a few words, as they stand on the theatre's chips and its timeline.

use crate::client::consumer::GroupMembershipOperation;
use crate::sim::Command;

/// What happens: `C joins`.
pub fn cue(command: &Command) -> String {
    match command {
        Command::AddConsumer { name, group } => match name {
            Some(name) => format!("{name} joins"),
            None => format!("{group} gets a member"),
        },
        Command::Stop { node, membership: GroupMembershipOperation::RemainInGroup } => {
            format!("{node} ends, but stays a member")
        }
        Command::Stop { node, membership: GroupMembershipOperation::LeaveGroup } => {
            format!("{node} leaves for good")
        }
        Command::Stop { node, .. } => format!("{node} leaves"),
        Command::Kill { node } if is_server(node) => format!("{node} dies"),
        Command::Kill { node } => format!("{node} crashes"),
        Command::PowerLoss { node } => format!("{node} loses power"),
        Command::Restart { node } => format!("{node} returns"),
        Command::Pause { node } => format!("{node} stands still"),
        Command::Resume { node } => format!("{node} moves again"),
        Command::SetStuck { consumer, on: true } => format!("{consumer} hangs"),
        Command::SetStuck { consumer, on: false } => format!("{consumer} goes on"),
        Command::SetProcessMs { consumer, ms } => format!("{consumer}: {ms} ms a record"),
        Command::AddPartitions { topic, partitions } => format!("{topic}: {partitions} partitions"),
        Command::Cut { a, b } => format!("{a} – {b} cut"),
        Command::Heal { a, b } => format!("{a} – {b} mended"),
        Command::Slow { a, b, latency_ms } => format!("{a} – {b}: {latency_ms} ms"),
        Command::Reassign { topic, partition, .. } => format!("{topic}-{partition} moves"),
        Command::ElectLeaders { .. } => "elections".to_owned(),
        Command::CreateTopic { topic, .. } => format!("topic {topic}"),
        Command::SetConfig { name, .. } => name.clone(),
        Command::Send { producer, .. } => format!("{producer} sends"),
        Command::SetProducing { producer, on: true } => format!("{producer} produces"),
        Command::SetProducing { producer, on: false } => format!("{producer} stops"),
        Command::Subscribe { consumer, topic_regex: Some(regex), .. } => format!("{consumer} reads {regex}"),
        Command::Subscribe { consumer, topics, .. } if topics.is_empty() => {
            format!("{consumer} unsubscribes")
        }
        Command::Subscribe { consumer, topics, .. } => format!("{consumer} reads {}", topics.join(", ")),
        Command::SetPaused { consumer, on: true, .. } => format!("{consumer} pauses"),
        Command::SetPaused { consumer, on: false, .. } => format!("{consumer} resumes"),
        Command::SetListenerMs { consumer, .. } => format!("{consumer}'s listener"),
        Command::Reconfigure { consumer, .. } => format!("{consumer} reconfigured"),
        Command::Seek { consumer, .. } | Command::SeekToTime { consumer, .. } => format!("{consumer} seeks"),
        Command::Commit { consumer } => format!("{consumer} commits"),
        Command::Delay { .. } | Command::DelayNext { .. } => "a message is late".to_owned(),
        Command::Duplicate { .. } | Command::DuplicateNext { .. } => "a message comes twice".to_owned(),
        Command::CutOneWay { from, to } => format!("{from} → {to} cut"),
        Command::SlowOneWay { from, to, latency_ms } => format!("{from} → {to}: {latency_ms} ms"),
        Command::SlowDisk { node, .. } => format!("{node}'s disk"),
        Command::SetDiskFull { broker, on: true } => format!("{broker}'s disk full"),
        Command::SetDiskFull { broker, on: false } => format!("{broker} has room"),
        Command::CorruptByte { broker, .. } => format!("{broker}: a bad byte"),
        Command::SkewClock { node, .. } => format!("{node}'s clock"),
        Command::DeleteTopic { topic } => format!("{topic} deleted"),
        Command::Drop { .. } | Command::DropNext { .. } => "a message is lost".to_owned(),
        Command::Connect { client, .. } | Command::Bytes { client, .. } | Command::HangUp { client, .. } => {
            client.clone()
        }
    }
}

/// Whether a process of this name is the cluster's own.
pub fn is_server(node: &str) -> bool {
    node.starts_with("controller") || node.starts_with("broker-")
}
