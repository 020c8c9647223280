//! The keyboard, and a presenter's remote.

use web_sys::KeyboardEvent;

use super::dialogs::Dialog;
use super::{Msg, Tab, spacetime};

/// What a key does; `None` when nothing.
pub(super) fn message(event: &KeyboardEvent) -> Option<Msg> {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return None;
    }
    Some(match (event.key().as_str(), event.shift_key()) {
        (" ", _) => Msg::PlayPause,
        ("ArrowRight", false) | ("PageDown", _) => Msg::Step,
        ("ArrowLeft", false) | ("PageUp", _) => Msg::StepBack,
        ("ArrowRight", true) => Msg::Jump(1_000_000),
        ("ArrowLeft", true) => Msg::Jump(-1_000_000),
        ("Home", _) => Msg::Home,
        ("End", _) => Msg::End,
        ("n" | "N", _) => Msg::Next,
        ("f" | "F", _) => Msg::Fork,
        ("u" | "U", _) => Msg::Undo,
        ("+" | "=", _) => Msg::Faster(1),
        ("-", _) => Msg::Faster(-1),
        ("s" | "S", _) => Msg::Tab(Tab::SpaceTime),
        ("b" | "B", _) => Msg::Tab(Tab::Brokers),
        ("m" | "M", _) => Msg::Tab(Tab::Metrics),
        ("p" | "P", _) => Msg::Tab(Tab::Partitions),
        ("z", _) => Msg::Space(spacetime::Msg::Nearer(2.0)),
        ("Z", _) => Msg::Space(spacetime::Msg::Nearer(0.5)),
        ("[", _) => Msg::Space(spacetime::Msg::Pan(-0.25)),
        ("]", _) => Msg::Space(spacetime::Msg::Pan(0.25)),
        ("0", _) => Msg::Space(spacetime::Msg::Whole),
        ("9", _) => Msg::Space(spacetime::Msg::Present),
        ("c" | "C", _) => Msg::Space(spacetime::Msg::NextStory),
        ("t" | "T", _) => Msg::Theatre(Some(String::new())),
        ("?", _) => Msg::Dialog(Some(Dialog::Help)),
        ("Escape", _) => Msg::Unselect,
        _ => return None,
    })
}

/// The same in words, for the help.
pub(super) const WORDS: &[(&str, &str)] = &[
    ("Space", "play or pause"),
    ("→ or Page Down", "one step"),
    ("← or Page Up", "one step back"),
    ("Shift → / Shift ←", "one second on or back"),
    ("Home / End", "the beginning, the end of what was played"),
    ("N", "to the next event of the kind chosen"),
    ("F", "begin another branch here"),
    ("U", "undo the last command"),
    ("+ / −", "faster, slower"),
    ("P / B / S / M", "partitions, brokers, the space–time diagram, metrics"),
    ("Z / Shift Z, [ / ]", "there: nearer, further; earlier, later"),
    ("0 / 9", "there: all that was played, the present"),
    ("C", "there: causes and effects of what is selected"),
    ("T", "the rebalance theatre"),
    ("Esc", "close what is open"),
    ("?", "this help"),
];
