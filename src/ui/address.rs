//! What the page's address asks for.

use crate::scenario::{Files, Link, Linked, OPENING, theatre_fragment};

use super::session::Session;
use super::{Tab, dom};

/// The run that the address asks for, or the first scenario; and why it is not the former.
pub(super) fn first_session() -> (Session, Option<String>) {
    let fragment = dom::fragment();
    let mut trouble = None;
    let is_view = view_of(&fragment).is_some_and(|(_, rest)| rest.is_empty());
    if !is_view && !fragment.is_empty() && theatre_fragment(&fragment).is_none() {
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

/// The run behind an address's `#`. Behind a view's name, that may be a scenario of the gallery, too.
#[inline(never)]
fn linked_session(fragment: &str) -> Result<Option<Session>, String> {
    let linked = match view_of(fragment).map(|(_, rest)| rest) {
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
    view_of(&dom::fragment()).map_or(Tab::Partitions, |(tab, _)| tab)
}

/// What an address calls the views that have names in it.
const NAMES: [(Tab, &str); 3] =
    [(Tab::SpaceTime, "spacetime"), (Tab::Brokers, "brokers"), (Tab::Metrics, "metrics")];

/// The view that an address leads to by its name, and what is behind that.
fn view_of(fragment: &str) -> Option<(Tab, &str)> {
    NAMES.iter().find_map(|(tab, name)| {
        let rest = fragment.strip_prefix(name)?;
        let rest = if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') };
        rest.map(|rest| (*tab, rest))
    })
}

/// A link that leads back to this view.
pub(super) fn in_view(tab: Tab, link: String) -> String {
    match NAMES.iter().find(|(named, _)| *named == tab) {
        Some((_, name)) => format!("{name}/{link}"),
        None => link,
    }
}
