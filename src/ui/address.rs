//! What the page's address asks for.

use crate::scenario::{Files, Link, Linked, OPENING, gallery, theatre_fragment};

use super::dialogs::Dialog;
use super::session::Session;
use super::{Tab, dom};

/// The run that the address asks for, or the first scenario; and why it is not the former.
pub(super) fn first_session() -> (Session, Option<String>) {
    let fragment = dom::fragment();
    let mut trouble = None;
    if fragment == FAILOVER
        && let Ok(session) = Session::open(Linked::Gallery(ON_ZOOKEEPER.to_owned()), Files::new(), None)
    {
        return (session, None);
    }
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

/// The run behind an address's `#`, or behind a view's name there: a link, or the id of a scenario of the gallery.
#[inline(never)]
fn linked_session(fragment: &str) -> Result<Option<Session>, String> {
    let (in_view, linked) = match view_of(fragment) {
        Some((_, "")) => return Ok(None),
        Some((_, linked)) => (true, linked),
        None => (false, fragment),
    };
    if gallery(linked).is_some() || (in_view && !linked.starts_with("1-")) {
        let linked = Linked::Gallery(linked.to_owned());
        return Session::open(linked, Files::new(), None).map(Some);
    }
    let link = Link::decode(linked).map_err(|error| error.to_string())?;
    Session::open(link.scenario.clone(), Files::new(), Some(&link)).map(Some)
}

/// What an address calls the measuring of fail-over.
pub(super) const FAILOVER: &str = "failover";
/// What is behind it then.
const ON_ZOOKEEPER: &str = "zookeeper-controller-dies";

/// What the address wants to lie over the page.
pub(super) fn first_dialog() -> Option<Dialog> {
    (dom::fragment() == FAILOVER).then_some(Dialog::Failover)
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
