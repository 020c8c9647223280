//! The page: Yew components, DOM, local storage.
//!
//! Must not know Kafka's rules, nor change a world except by a command.

mod actions;
mod address;
mod app;
mod brokers;
mod dialogs;
mod dom;
mod failover;
mod gallery;
mod inspector;
mod keys;
mod lane;
mod menu;
mod metrics;
mod rest;
mod session;
mod spacetime;
mod stage;
mod target;
mod theatre;
mod transport;

use crate::base::SimTime;
use crate::view::words::StepKind;

/// Puts the page into the document.
pub fn mount() {
    rest::prepare(!dom::fragment().is_empty());
    yew::Renderer::<app::App>::new().render();
}

/// What can happen on the page.
pub(crate) enum Msg {
    Frame(f64),
    PlayPause,
    Step,
    StepBack,
    Next,
    Kind(StepKind),
    Fork,
    Undo,
    Reset,
    Speed(usize),
    Faster(i32),
    GoTo(SimTime),
    Jump(i64),
    Home,
    End,
    Switch(usize),
    Pick(String, (f64, f64)),
    Chosen(menu::Chosen),
    Tab(Tab),
    Dialog(Option<dialogs::Dialog>),
    /// What this scenario is about.
    About,
    Load(dialogs::Load),
    Theme,
    Internal,
    Back(i64),
    Sheet,
    Look,
    Unselect,
    /// Into the rebalance theatre, to what is behind that word in the address; or out of it.
    Theatre(Option<String>),
    /// Something about the space–time diagram.
    Space(spacetime::Msg),
    Quiet(u32),
    Share,
}

/// Which way the cluster is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Partitions,
    Brokers,
    SpaceTime,
    Metrics,
}

/// `00:04.212`.
pub(crate) fn seconds_of(time: SimTime) -> String {
    let ms = time.as_ms();
    format!("{:02}:{:02}.{:03}", ms / 60_000, ms / 1_000 % 60, ms % 1_000)
}
