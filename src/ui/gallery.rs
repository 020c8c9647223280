//! The scenarios that come with the page, in chapters.

use wasm_bindgen::JsCast;
use yew::prelude::*;

use crate::scenario::{CHAPTERS, Chapter, Scenario};

use super::dom;

#[derive(PartialEq, Properties)]
pub(super) struct Props {
    /// Only those with a group, for the theatre; chapters with worlds to compare come first there.
    #[prop_or_default]
    pub(super) groups: bool,
    /// Which one somebody wants.
    pub(super) choose: Callback<String>,
}

struct Card {
    id: &'static str,
    title: AttrValue,
    description: AttrValue,
    /// Title and description in small letters, to be searched.
    text: String,
    compares: bool,
}

/// Chapters, each with its cards; what is typed leaves those that have all its words.
#[component]
pub(super) fn Gallery(props: &Props) -> Html {
    let groups = props.groups;
    let chapters = use_memo(groups, |groups| chapters(*groups));
    let wanted = use_state(String::new);
    let oninput = {
        let wanted = wanted.clone();
        Callback::from(move |event: InputEvent| {
            let input: web_sys::HtmlInputElement = event.target_unchecked_into();
            wanted.set(input.value());
        })
    };
    let words = wanted.to_ascii_lowercase();
    let fits = |card: &&Card| words.split_whitespace().all(|word| card.text.contains(word));
    let found: Vec<(usize, Vec<&Card>)> = chapters
        .iter()
        .map(|(number, cards)| (*number, cards.iter().filter(fits).collect::<Vec<_>>()))
        .filter(|(_, cards)| !cards.is_empty())
        .collect();
    html! { <>
        <div class="finder">
            <input type="search" placeholder="Find: leader, acks, rebalance …" aria-label="Find a scenario"
                value={(*wanted).clone()} {oninput} />
            <nav class="chapters" aria-label="Chapters">
                { for found.iter().map(|(number, _)| jump(*number, !groups)) }
            </nav>
        </div>
        // A list of its own: else the field above is made anew when their number changes, and loses the focus.
        <>{ for found.iter().map(|(number, cards)| section(*number, !groups, cards, &props.choose)) }</>
        if found.is_empty() {
            <p class="faint">{ "No scenario has all these words." }</p>
        }
    </> }
}

/// Each chapter's number from 0, and its cards.
#[inline(never)]
fn chapters(groups: bool) -> Vec<(usize, Vec<Card>)> {
    let card = |(id, text): (&'static str, &'static str)| {
        let scenario = Scenario::parse(text).ok()?;
        if groups && scenario.theatre_group().is_none() {
            return None;
        }
        let text = format!("{} {}", scenario.title, scenario.description).to_ascii_lowercase();
        let compares = groups && !scenario.compare.is_empty();
        Some(Card {
            id,
            title: scenario.title.into(),
            description: scenario.description.into(),
            text,
            compares,
        })
    };
    let cards = |(number, chapter): (usize, &Chapter)| (number, chapter.files().filter_map(card).collect());
    let mut all: Vec<(usize, Vec<Card>)> = CHAPTERS.iter().enumerate().map(cards).collect();
    all.sort_by_key(|(_, cards)| groups && !cards.iter().any(|card| card.compares));
    all
}

fn heading(number: usize) -> String {
    format!("chapter-{}", number + 1)
}

fn jump(number: usize, counts: bool) -> Html {
    let onclick = Callback::from(move |_: MouseEvent| {
        let heading = dom::by_id(&heading(number)).and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok());
        if let Some(heading) = heading {
            heading.scroll_into_view();
            let _ = heading.focus();
        }
    });
    let title = CHAPTERS[number].title;
    html! { <button {onclick}>if counts { <i>{ number + 1 }</i> }{ title }</button> }
}

fn section(number: usize, counts: bool, cards: &[&Card], choose: &Callback<String>) -> Html {
    let chapter = CHAPTERS[number];
    html! {
        <section key={number} class="chapter">
            <h3 id={heading(number)} tabindex="-1">if counts { <i>{ number + 1 }</i> }{ chapter.title }</h3>
            <p>{ chapter.about }</p>
            <div class="gallery">{ for cards.iter().map(|card| shown(card, choose)) }</div>
        </section>
    }
}

fn shown(card: &Card, choose: &Callback<String>) -> Html {
    let id = card.id;
    let onclick = choose.reform(move |_: MouseEvent| id.to_owned());
    html! {
        <button key={id} {onclick} aria-label={card.title.clone()}>
            <b>{ &card.title }</b>
            <span>{ &card.description }</span>
            if card.compares {
                <em>{ "compares protocols" }</em>
            }
        </button>
    }
}
