//! Gallery, help, and the files that people bring.

use std::rc::Rc;

use bytes::Bytes;
use yew::prelude::*;

use super::failover::{FailoverView, Kept};
use super::gallery::Gallery;
use super::keys;

/// What lies over the page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Dialog {
    Gallery,
    Help,
    Failover,
    About(Box<About>),
    Share(String),
    Trouble(String),
}

/// What is to be said about a scenario.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct About {
    pub(super) title: String,
    pub(super) description: String,
    /// It compares worlds, side by side in the theatre.
    pub(super) compares: bool,
    /// It is on ZooKeeper, or might be.
    pub(super) zookeeper: bool,
}

/// What to play.
pub(crate) enum Load {
    Gallery(String),
    File(String, Bytes),
}

#[derive(Properties)]
pub(super) struct DialogProps {
    pub(super) dialog: Dialog,
    pub(super) close: Callback<()>,
    pub(super) load: Callback<Load>,
    pub(super) kept: Kept,
}

impl PartialEq for DialogProps {
    fn eq(&self, other: &DialogProps) -> bool {
        self.dialog == other.dialog
    }
}

#[component]
pub(super) fn DialogView(props: &DialogProps) -> Html {
    let (title, body): (AttrValue, Html) = match &props.dialog {
        Dialog::About(about) => (about.title.clone().into(), self::about(about)),
        Dialog::Gallery => ("Scenarios".into(), html! { <Scenarios load={props.load.clone()} /> }),
        Dialog::Help => ("Help".into(), help()),
        Dialog::Failover => {
            ("How long fail-over takes".into(), html! { <FailoverView kept={Rc::clone(&props.kept)} /> })
        }
        Dialog::Share(link) => ("Share".into(), share(link)),
        Dialog::Trouble(text) => ("This cannot be opened".into(), html! { <p class="trouble">{ text }</p> }),
    };
    html! { <Modal {title} close={props.close.clone()}>{ body }</Modal> }
}

#[derive(PartialEq, Properties)]
pub(super) struct ModalProps {
    pub(super) title: AttrValue,
    pub(super) close: Callback<()>,
    pub(super) children: Html,
}

/// A dialog over everything, until it is closed.
#[component]
pub(super) fn Modal(props: &ModalProps) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            if let Some(dialog) = node.cast::<web_sys::HtmlDialogElement>() {
                let _ = dialog.show_modal();
            }
        });
    }
    let close = props.close.reform(|_: MouseEvent| ());
    let onclose = props.close.reform(|_: Event| ());
    let title = &props.title;
    html! {
        <dialog ref={node} {onclose} aria-label={title.clone()}>
            <header><h2>{ title }</h2><button class="close" onclick={close} aria-label="Close">{ "×" }</button></header>
            { props.children.clone() }
        </dialog>
    }
}

#[derive(PartialEq, Properties)]
struct ScenariosProps {
    load: Callback<Load>,
}

#[component]
fn Scenarios(props: &ScenariosProps) -> Html {
    let onchange = {
        let load = props.load.clone();
        Callback::from(move |event: Event| {
            let input: web_sys::HtmlInputElement = event.target_unchecked_into();
            if let Some(file) = input.files().and_then(|files| files.get(0)) {
                read(file, load.clone());
            }
        })
    };
    html! { <>
        <Gallery choose={props.load.reform(Load::Gallery)} />
        <p class="tip">
            <label class="btn file">{ "Open a file" }<input type="file" accept=".json,.ndjson,.jsonl,.csv" {onchange} /></label>
            { " or drop one on the page: a scenario (JSON), or data (NDJSON, CSV) for its producers." }
        </p>
    </> }
}

/// What is wrong with a scenario that was not in a link but in a file.
#[inline(never)]
pub(super) fn of_file(name: Option<&str>, trouble: String) -> String {
    match (name, trouble.strip_prefix("the link's scenario cannot be used: ")) {
        (Some(name), Some(problem)) => format!("{name}: {problem}"),
        (Some(name), None) => format!("{name}: {trouble}"),
        (None, _) => trouble,
    }
}

/// Reads a file that somebody brought.
pub(super) fn read(file: web_sys::File, load: Callback<Load>) {
    wasm_bindgen_futures::spawn_local(async move {
        if let Ok(buffer) = wasm_bindgen_futures::JsFuture::from(file.array_buffer()).await {
            let bytes = js_sys::Uint8Array::new(&buffer).to_vec();
            load.emit(Load::File(file.name(), Bytes::from(bytes)));
        }
    });
}

#[inline(never)]
fn about(about: &About) -> Html {
    html! { <>
        <p class="about">{ &about.description }</p>
        <p class="doings">
            if about.compares {
                <button class="btn" data-do="open/theatre">{ "See the worlds side by side" }</button>
            }
            if about.zookeeper {
                <button class="btn" data-do="open/failover">{ "How long fail-over takes" }</button>
            }
        </p>
    </> }
}

fn share(link: &str) -> Html {
    html! { <>
        <p>{ "This link holds the scenario, its seed, everything you did and where you stand. It was copied." }</p>
        <input class="linktext" readonly=true value={link.to_owned()} aria-label="Link" />
    </> }
}

fn help() -> Html {
    html! { <>
        <p>{ "Terrarium is a cluster of Apache Kafka that lives inside this page: real record batches, real requests. Only time, network and disks are yours. Click anything to look into it or to break it; step back to undo it." }</p>
        <dl class="shortcuts">
            { for keys::WORDS.iter().map(|(key, words)| html! { <><dt><kbd>{ *key }</kbd></dt><dd>{ *words }</dd></> }) }
        </dl>
        <h3>{ "Reading the stage" }</h3>
        <ul class="legend">
            <li>{ "Each lane is a partition, each tape a replica; the filled circle is the leader." }</li>
            <li>{ "A cell is a record, coloured and lettered by key (by value where a topic has one key), below its offset." }</li>
            <li>{ "Left of the vertical line, the high watermark, records are committed." }</li>
            <li>{ "▼ is a group's committed offset, ▽ where it reads; the shade up to the high watermark is its lag." }</li>
        </ul>
    </> }
}
