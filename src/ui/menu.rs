//! The menu that opens on a thing: what can be done to it.

use std::rc::Rc;

use yew::prelude::*;

use crate::sim::Command;
use crate::view::Px;

/// Makes a command of what was typed.
pub(super) type Maker = Rc<dyn Fn(&[String]) -> Result<Command, String>>;

/// Something that can be done.
#[derive(Clone)]
pub(super) enum Item {
    /// At once.
    Do(String, Command),
    /// After typing: title, fields (label, value), the button's word, and what becomes of it.
    Form(String, Vec<(&'static str, String)>, &'static str, Maker),
}

/// A menu.
#[derive(Clone)]
pub(super) struct Menu {
    pub(super) title: String,
    pub(super) facts: Vec<(String, String)>,
    pub(super) items: Vec<Item>,
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
    let open = use_state(|| None::<usize>);
    let list = use_node_ref();
    {
        let (list, open) = (list.clone(), *open);
        let title = props.menu.title.clone();
        use_effect_with((title, open), move |_| {
            let first = list
                .cast::<web_sys::Element>()
                .and_then(|list| list.query_selector("form input, button").ok().flatten());
            if let Some(first) =
                first.and_then(|first| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(first).ok())
            {
                let _ = first.focus();
            }
        });
    }
    let onkeydown = {
        let (list, chosen) = (list.clone(), props.chosen.clone());
        Callback::from(move |event: KeyboardEvent| match event.key().as_str() {
            "Escape" => {
                event.stop_propagation();
                chosen.emit(Chosen::Nothing);
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
    html! { <>
        <div class="veil" onpointerdown={away} />
        <div class="menu" role={if open.is_some() { "dialog" } else { "menu" }} aria-label={props.menu.title.clone()}
            ref={list} {style} {onkeydown}>
            <h2>{ &props.menu.title }</h2>
            if !props.menu.facts.is_empty() {
                <dl class="facts">
                    { for props.menu.facts.iter().map(|(name, value)| html! { <><dt>{ name }</dt><dd>{ value }</dd></> }) }
                </dl>
            }
            { match *open {
                Some(index) => form(props, index),
                None => html! { <>{ for props.menu.items.iter().enumerate().map(|(index, item)| entry(props, index, item, open.clone())) }</> },
            } }
        </div>
    </> }
}

fn move_focus(list: &NodeRef, by: i32) {
    let Some(list) = list.cast::<web_sys::Element>() else { return };
    let Ok(buttons) = list.query_selector_all("button, input") else { return };
    let focused = gloo::utils::document().active_element();
    let at = (0..buttons.length())
        .find(|index| buttons.item(*index).as_deref() == focused.as_deref().map(AsRef::as_ref));
    let count = buttons.length() as i32;
    if count == 0 {
        return;
    }
    let next = at.map_or(0, |at| (at as i32 + by).rem_euclid(count));
    let button = buttons.item(next as u32);
    if let Some(button) =
        button.and_then(|node| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(node).ok())
    {
        let _ = button.focus();
    }
}

fn entry(props: &MenuProps, index: usize, item: &Item, open: UseStateHandle<Option<usize>>) -> Html {
    let (name, onclick) = match item {
        Item::Do(name, command) => {
            let (chosen, command) = (props.chosen.clone(), command.clone());
            (name.clone(), Callback::from(move |_: MouseEvent| chosen.emit(Chosen::Command(command.clone()))))
        }
        Item::Form(name, ..) => {
            (format!("{name} …"), Callback::from(move |_: MouseEvent| open.set(Some(index))))
        }
    };
    html! { <button key={index} role="menuitem" {onclick}>{ name }</button> }
}

fn form(props: &MenuProps, index: usize) -> Html {
    let Some(Item::Form(title, fields, word, make)) = props.menu.items.get(index) else { return html! {} };
    let (chosen, make, count) = (props.chosen.clone(), Rc::clone(make), fields.len());
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        let form: web_sys::Element = event.target_unchecked_into();
        let values: Vec<String> = (0..count)
            .map(|index| {
                let input = form.query_selector(&format!("[name='f{index}']")).ok().flatten();
                input
                    .and_then(|input| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlInputElement>(input).ok())
                    .map(|input| input.value())
                    .unwrap_or_default()
            })
            .collect();
        match make(&values) {
            Ok(command) => chosen.emit(Chosen::Command(command)),
            Err(trouble) => chosen.emit(Chosen::Trouble(trouble)),
        }
    });
    html! {
        <form {onsubmit}>
            <h3>{ title }</h3>
            { for fields.iter().enumerate().map(|(index, (label, value))| html! {
                <label>{ *label }<input name={format!("f{index}")} value={value.clone()} autocomplete="off" /></label>
            }) }
            <button class="btn go" type="submit">{ *word }</button>
        </form>
    }
}
