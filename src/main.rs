//! Mounts the page.

#[cfg(target_arch = "wasm32")]
fn main() {
    yew::Renderer::<Page>::new().render();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("This program is the page: see it with `make serve`. The command line is `terrarium`.");
}

#[cfg(target_arch = "wasm32")]
#[yew::component]
fn Page() -> yew::Html {
    yew::html! { <main><h1>{ "Terrarium" }</h1></main> }
}
