//! The menu that opens on a thing: what can be done to it.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use yew::prelude::*;

use crate::sim::Command;
use crate::view::Px;
use crate::view::actions::{Field, Item};

/// A menu.
#[derive(Clone)]
pub(super) struct Menu {
    pub(super) title: String,
    pub(super) facts: Vec<(String, String)>,
    pub(super) items: Vec<Item>,
    /// Whoever keeps the metadata leads to the measuring of fail-over.
    pub(super) measures: bool,
    /// Where, from the window's upper left corner.
    pub(super) at: (f64, f64),
}

impl PartialEq for Menu {
    fn eq(&self, other: &Menu) -> bool {
        self.at == other.at && self.title == other.title && self.items.len() == other.items.len()
    }
}

/// What came of a menu.
pub(crate) enum Chosen {
    Command(Command),
    Trouble(String),
    Nothing,
}

#[derive(PartialEq, Properties)]
pub(super) struct MenuProps {
    pub(super) menu: Menu,
    pub(super) chosen: Callback<Chosen>,
}

#[component]
pub(super) fn MenuView(props: &MenuProps) -> Html {
    // Which item is open, which of its own, and so on.
    let open = use_state(Vec::<usize>::new);
    let list = use_node_ref();
    {
        let (list, open) = (list.clone(), (*open).clone());
        let title = props.menu.title.clone();
        use_effect_with((title, open), move |_| {
            let first = list.cast::<web_sys::Element>().and_then(|list| {
                list.query_selector("form input, form select, button:not(.up)").ok().flatten()
            });
            if let Some(first) = first.and_then(|first| first.dyn_into::<web_sys::HtmlElement>().ok()) {
                let _ = first.focus();
            }
        });
    }
    let onkeydown = {
        let (list, chosen, open) = (list.clone(), props.chosen.clone(), open.clone());
        Callback::from(move |event: KeyboardEvent| match event.key().as_str() {
            "Escape" => {
                event.stop_propagation();
                event.prevent_default();
                if !up(&open) {
                    chosen.emit(Chosen::Nothing);
                }
            }
            "ArrowLeft" if !is_field(&event) => {
                event.stop_propagation();
                up(&open);
            }
            "ArrowDown" | "ArrowUp" if event.target_dyn_into::<web_sys::HtmlSelectElement>().is_some() => {
                event.stop_propagation();
            }
            key @ ("ArrowDown" | "ArrowUp") => {
                event.prevent_default();
                event.stop_propagation();
                move_focus(&list, if key == "ArrowDown" { 1 } else { -1 });
            }
            _ => event.stop_propagation(),
        })
    };
    let (x, y) = props.menu.at;
    let style = format!("--x:{}px;--y:{}px", Px(x), Px(y));
    let away = {
        let chosen = props.chosen.clone();
        Callback::from(move |_: PointerEvent| chosen.emit(Chosen::Nothing))
    };
    let (items, titles) = opened(&props.menu.items, &open);
    let form = titles.last().copied().filter(|item| matches!(item, Item::Form(..)));
    let back = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| {
            up(&open);
        })
    };
    html! { <>
        <div class="veil" onpointerdown={away} />
        <div class="menu" role={if form.is_some() { "dialog" } else { "menu" }} aria-label={props.menu.title.clone()}
            ref={list} {style} {onkeydown}>
            <h2>{ &props.menu.title }</h2>
            if !props.menu.facts.is_empty() && open.is_empty() {
                <dl class="facts">
                    { for props.menu.facts.iter().map(|(name, value)| html! { <><dt>{ name }</dt><dd>{ value }</dd></> }) }
                </dl>
            }
            if let Some(Item::More(title, _) | Item::Form(title, ..)) = titles.last() {
                <button class="up" aria-label={format!("Back from {title}")} onclick={back}>{ format!("‹ {title}") }</button>
            }
            { match form {
                Some(item) => typing(props, item),
                None => html! { <>{ for items.iter().enumerate().map(|(index, item)| entry(props, index, item, open.clone())) }</> },
            } }
            if props.menu.measures && open.is_empty() {
                <button role="menuitem" data-do="open/failover">{ "How long fail-over takes …" }</button>
            }
        </div>
    </> }
}

/// The items at the end of a path, and those on the way there.
fn opened<'a>(items: &'a [Item], path: &[usize]) -> (&'a [Item], Vec<&'a Item>) {
    let (mut here, mut way) = (items, Vec::new());
    for index in path {
        let Some(item) = here.get(*index) else { break };
        way.push(item);
        if let Item::More(_, inside) = item {
            here = inside;
        }
    }
    (here, way)
}

/// A level up; false at the top.
fn up(open: &UseStateHandle<Vec<usize>>) -> bool {
    let mut path = (**open).clone();
    let was_inside = path.pop().is_some();
    open.set(path);
    was_inside
}

fn is_field(event: &KeyboardEvent) -> bool {
    event.target_dyn_into::<web_sys::Element>().is_some_and(|it| it.tag_name() != "BUTTON")
}

fn move_focus(list: &NodeRef, by: i32) {
    let Some(list) = list.cast::<web_sys::Element>() else { return };
    let Ok(buttons) = list.query_selector_all("button, input, select") else { return };
    let focused = gloo::utils::document().active_element();
    let at = (0..buttons.length())
        .find(|index| buttons.item(*index).as_deref() == focused.as_deref().map(AsRef::as_ref));
    let count = buttons.length() as i32;
    if count == 0 {
        return;
    }
    let next = at.map_or(0, |at| (at as i32 + by).rem_euclid(count));
    let button = buttons.item(next as u32);
    if let Some(button) = button.and_then(|node| node.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = button.focus();
    }
}

fn entry(props: &MenuProps, index: usize, item: &Item, open: UseStateHandle<Vec<usize>>) -> Html {
    let (name, onclick) = match item {
        Item::Do(name, command) => {
            let (chosen, command) = (props.chosen.clone(), command.clone());
            (name.clone(), Callback::from(move |_: MouseEvent| chosen.emit(Chosen::Command(command.clone()))))
        }
        Item::Form(name, ..) | Item::More(name, _) => {
            let mut path = (*open).clone();
            path.push(index);
            let sign = if matches!(item, Item::More(..)) { "›" } else { "…" };
            (format!("{name} {sign}"), Callback::from(move |_: MouseEvent| open.set(path.clone())))
        }
    };
    let has_more = matches!(item, Item::More(..)).then_some("menu");
    html! { <button key={index} role="menuitem" aria-haspopup={has_more} {onclick}>{ name }</button> }
}

#[inline(never)]
fn typing(props: &MenuProps, item: &Item) -> Html {
    let Item::Form(_, fields, word, make) = item else { return html! {} };
    let (chosen, make, count) = (props.chosen.clone(), Rc::clone(make), fields.len());
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        let form: web_sys::Element = event.target_unchecked_into();
        let values: Vec<String> = (0..count).map(|index| value_of(&form, index)).collect();
        match make(&values) {
            Ok(command) => chosen.emit(Chosen::Command(command)),
            Err(trouble) => chosen.emit(Chosen::Trouble(trouble)),
        }
    });
    html! {
        <form {onsubmit}>
            { for fields.iter().enumerate().map(field) }
            <button class="btn go" type="submit">{ *word }</button>
        </form>
    }
}

fn value_of(form: &web_sys::Element, index: usize) -> String {
    let field = form.query_selector(&format!("[name='f{index}']")).ok().flatten();
    field
        .and_then(|field| match field.dyn_into::<web_sys::HtmlInputElement>() {
            Ok(input) => Some(input.value()),
            Err(other) => Some(other.dyn_into::<web_sys::HtmlSelectElement>().ok()?.value()),
        })
        .unwrap_or_default()
}

fn field((index, field): (usize, &Field)) -> Html {
    let name = format!("f{index}");
    let input = if field.choices.is_empty() {
        html! { <input {name} value={field.value.clone()} autocomplete="off" /> }
    } else {
        let option =
            |choice: &String| html! { <option selected={*choice == field.value}>{ choice }</option> };
        html! { <select {name}>{ for field.choices.iter().map(option) }</select> }
    };
    html! { <label>{ field.label }{ input }</label> }
}
