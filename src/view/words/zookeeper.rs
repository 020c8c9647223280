//! Sentences about ZooKeeper and the controllers that brokers hosted.

use super::Names;
use super::phrases::{count, duration_ms, quoted};
use crate::trace::Event;

#[inline(never)]
pub(super) fn sentence(event: &Event, who: &str, names: &Names) -> Option<String> {
    Some(match event {
        Event::SessionOpened { client, timeout_ms, .. } => format!(
            "{who} opened a session for {}: it lasts as long as {} is not silent for {}.",
            names.node(*client),
            names.node(*client),
            duration_ms(i64::from(*timeout_ms))
        ),
        Event::SessionExpired { session } => format!(
            "{who} has not heard of session {session:#x} for its timeout: it is over, and its ephemeral nodes go."
        ),
        Event::ZNodeChanged { path, change, .. } => {
            let path = quoted(path);
            match *change {
                "NodeCreated" => format!("{who} has a new znode {path}."),
                "NodeDeleted" => format!("{who} deleted the znode {path}."),
                _ => format!("{who} has other data in the znode {path}."),
            }
        }
        Event::WatchFired { path, change, client } => format!(
            "{who} told {} what it watched for: {change} at {}. A watch tells once.",
            names.node(*client),
            quoted(path)
        ),
        Event::ControllerClaimed { epoch } => format!(
            "{who} was the first to create /controller: it is the controller of epoch {epoch}, and reads the whole \
             cluster from ZooKeeper before it decides anything."
        ),
        Event::ControllerLoaded { epoch, brokers, topics, partitions } => format!(
            "{who} has read {}, {} and the state of {}, each from a znode of its own: as the controller of epoch \
             {epoch} it decides from now on.",
            count(*brokers, "broker"),
            count(*topics, "topic"),
            count(*partitions, "partition")
        ),
        _ => return None,
    })
}

#[inline(never)]
pub(super) fn title(event: &Event) -> Option<String> {
    Some(match event {
        Event::SessionOpened { .. } => "Session opened".to_owned(),
        Event::SessionExpired { .. } => "Session over".to_owned(),
        Event::ZNodeChanged { path, change, .. } => match *change {
            "NodeCreated" => format!("{} created", quoted(path)),
            "NodeDeleted" => format!("{} deleted", quoted(path)),
            _ => format!("{} changed", quoted(path)),
        },
        Event::WatchFired { path, .. } => format!("Watch of {} fired", quoted(path)),
        Event::ControllerClaimed { epoch } => format!("Controller, epoch {epoch}"),
        Event::ControllerLoaded { partitions, .. } => {
            format!("State of {} read", count(*partitions, "partition"))
        }
        _ => return None,
    })
}
