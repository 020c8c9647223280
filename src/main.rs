//! Mounts the page.

#[cfg(target_arch = "wasm32")]
fn main() {
    terrarium::ui::mount();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("This program is the page: see it with `make serve`. The command line is `terrarium`.");
}
