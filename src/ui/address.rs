//! What the page's address asks for.

use crate::scenario::{Files, Link, Linked, OPENING, theatre_fragment};

use super::session::Session;
use super::{Tab, dom};

/// The run that the address asks for, or the first scenario; and why it is not the former.
pub(super) fn first_session() -> (Session, Option<String>) {
    let fragment = dom::fragment();
    let mut trouble = None;
    let is_view = matches!(fragment.as_str(), "" | "brokers" | "metrics");
    if !is_view && theatre_fragment(&fragment).is_none() {
        match linked_session(&fragment) {
            Ok(Some(session)) => return (session, None),
            Ok(None) => {}
            Err(error) => trouble = Some(error),
        }
    }
    match Session::open(Linked::Gallery(OPENING.to_owned()), Files::new(), None) {
        Ok(session) => (session, trouble),
        Err(error) => panic!("the gallery's own scenario is refused: {error}"),
    }
}

/// The run behind an address's `#`. Behind `spacetime`, that may be a scenario of the gallery, too.
#[inline(never)]
fn linked_session(fragment: &str) -> Result<Option<Session>, String> {
    let linked = match space_fragment(fragment) {
        Some("") => return Ok(None),
        Some(id) if !id.starts_with("1-") => {
            let linked = Linked::Gallery(id.to_owned());
            return Session::open(linked, Files::new(), None).map(Some);
        }
        Some(linked) => linked,
        None => fragment,
    };
    let link = Link::decode(linked).map_err(|error| error.to_string())?;
    Session::open(link.scenario.clone(), Files::new(), Some(&link)).map(Some)
}

pub(super) fn first_tab() -> Tab {
    let fragment = dom::fragment();
    match fragment.as_str() {
        "brokers" => return Tab::Brokers,
        "metrics" => return Tab::Metrics,
        _ => {}
    }
    let is_space = !fragment.is_empty() && space_fragment(&fragment).is_some();
    if is_space { Tab::SpaceTime } else { Tab::Partitions }
}

/// What is behind `spacetime` in an address that leads to the diagram.
#[inline(never)]
fn space_fragment(fragment: &str) -> Option<&str> {
    let rest = fragment.strip_prefix("spacetime")?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}
