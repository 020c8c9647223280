//! Another branch below this one, and where the two part.

use yew::prelude::*;

use crate::base::SimTime;
use crate::sim::Run;
use crate::ui::seconds_of;
use crate::ui::target::Target;
use crate::view::compare::{Comparison, Only, PartitionDiff, SHOWN_MAX, Side, compare};
use crate::view::spacetime::{SpaceIndex, Window, picture};
use crate::view::words::Names;

use super::{Canvas, Filter, PictureRef};

/// The other branch.
pub(super) struct Other {
    pub(super) branch: usize,
    /// The branch that it is compared with.
    with: usize,
    index: SpaceIndex,
    pub(super) picture: Option<PictureRef>,
    pub(super) now: SimTime,
    /// How far both were played when they were compared.
    key: (usize, usize, usize, usize),
    comparison: Option<Comparison>,
}

impl Other {
    pub(super) fn new(branch: usize, run: &Run) -> Other {
        Other {
            branch,
            with: run.current(),
            index: SpaceIndex::default(),
            picture: None,
            now: SimTime::ZERO,
            key: (0, 0, 0, 0),
            comparison: None,
        }
    }

    /// Draws it anew. Whoever goes over to the other branch sees the first one below.
    pub(super) fn draw(
        &mut self,
        run: &Run,
        filter: &Filter,
        window: Window,
        canvas: Canvas,
        is_still: bool,
    ) {
        if self.branch == run.current() {
            (self.branch, self.with) = (self.with, self.branch);
        }
        self.with = run.current();
        let Some(branch) = run.branches().get(self.branch) else { return };
        let names = Names::of(branch.world());
        self.index.update(branch);
        self.index.choose(branch, &names, filter.partition.as_ref());
        self.now = branch.world().now();
        let drawn = picture(&self.index, branch, &names, filter, window, canvas, None);
        if self.picture.as_ref().is_none_or(|before| *before.0 != drawn) {
            self.picture = Some(PictureRef::new(drawn));
        }
        let key = (self.with, self.branch, run.branch().trace().len(), branch.trace().len());
        if is_still && (key != self.key || self.comparison.is_none()) {
            self.key = key;
            self.comparison = compare(run, self.with, self.branch, None);
        }
    }

    pub(super) fn parted(&self) -> Option<SimTime> {
        self.comparison.as_ref().and_then(|comparison| comparison.parted)
    }

    /// What came of it, in words and numbers.
    pub(super) fn told(&self) -> Html {
        let Some(comparison) = &self.comparison else { return Html::default() };
        let [one, other] = &comparison.sides;
        let Some(parted) = comparison.parted else {
            let (one, other) = (&one.name, &other.name);
            let same = format!(
                "{one} and {other} are the same, as far as both were played: {} events.",
                comparison.common
            );
            return html! { <>
                <h2>{ "Two branches" }</h2>
                <p class="tip">{ same }</p>
                <p class="tip">{ "Do something else on one of them, and let it play." }</p>
            </> };
        };
        html! { <>
            <h2>{ format!("{} and {}", one.name, other.name) }</h2>
            <p class="tip">{ format!("The same for {} events, until {}.", comparison.common, seconds_of(parted)) }</p>
            <h3>{ "The first difference" }</h3>
            { first(one, true) }{ first(other, false) }
            if comparison.sides.iter().any(|side| !side.commands.is_empty()) {
                <h3>{ "What was done" }</h3>
                { for comparison.sides.iter().flat_map(|side| side.commands.iter().map(move |told| html! {
                    <p class="done"><small>{ format!("{} · {}", side.name, seconds_of(told.time)) }</small>{ &told.title }</p>
                })) }
            }
            <h3>{ format!("At {}", seconds_of(comparison.at)) }</h3>
            if comparison.facts.is_empty() {
                <p class="tip">{ "Brokers, partitions and groups stand the same." }</p>
            } else {
                <table class="sides">
                    <thead><tr><th /><th>{ &one.name }</th><th>{ &other.name }</th></tr></thead>
                    <tbody>{ for comparison.facts.iter().map(|(name, a, b)| html! {
                        <tr key={name.clone()}><td>{ name }</td><td>{ a }</td><td>{ b }</td></tr>
                    }) }</tbody>
                </table>
            }
            { for comparison.partitions.iter().map(|diff| records(diff, [&one.name, &other.name])) }
        </> }
    }
}

fn first(side: &Side, is_here: bool) -> Html {
    let Some(told) = &side.first else {
        return html! { <p class="done"><small>{ &side.name }</small>{ "was not played further" }</p> };
    };
    let place = format!("{} · event {} · {}", side.name, told.seq, seconds_of(told.time));
    html! {
        <p class="done">
            <small>{ place }</small>
            if is_here {
                <button class="plain" data-pick={Target::Entry(told.seq).to_string()}><b>{ &told.title }</b></button>
            } else {
                <b>{ &told.title }</b>
            }
            <span>{ &told.sentence }</span>
        </p>
    }
}

fn records(diff: &PartitionDiff, names: [&String; 2]) -> Html {
    html! { <>
        <h3>{ format!("{} {}, from offset {}", diff.at.topic, diff.at.partition, diff.from) }</h3>
        { for diff.only.iter().zip(names).filter(|(only, _)| only.count > 0).map(|(Only { count, shown }, name)| html! {
            <div class="only">
                <p>{ format!("{count} {} only in {name}", if *count == 1 { "record" } else { "records" }) }</p>
                <ol>{ for shown.iter().map(|(offset, key, value)| html! {
                    <li>{ format!("{offset} ") }<code>{ key }</code>{ " " }<code>{ value }</code></li>
                }) }</ol>
                if *count > SHOWN_MAX as u64 { <p class="tip">{ format!("and {} more", count - SHOWN_MAX as u64) }</p> }
            </div>
        }) }
    </> }
}
