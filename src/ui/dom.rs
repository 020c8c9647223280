//! The few words spoken to the browser.

use gloo::utils::{document, document_element, window};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// Milliseconds on the reader's clock.
pub(super) fn clock() -> f64 {
    js_sys::Date::now()
}

/// The element with this id.
pub(super) fn by_id(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// The nearest element around `from` with an attribute, and its value.
pub(super) fn around(from: Option<web_sys::EventTarget>, attribute: &str) -> Option<(Element, String)> {
    let element: Element = from?.dyn_into().ok()?;
    let found = element.closest(&format!("[{attribute}]")).ok()??;
    let value = found.get_attribute(attribute)?;
    Some((found, value))
}

/// What is behind the address's `#`.
pub(super) fn fragment() -> String {
    window().location().hash().unwrap_or_default().trim_start_matches('#').to_owned()
}

/// Puts text behind the address's `#` and gives the whole address.
pub(super) fn set_fragment(text: &str) -> String {
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&format!("#{text}")));
    }
    window().location().href().unwrap_or_default()
}

/// Copies text.
pub(super) fn copy(text: &str) {
    let promise = window().navigator().clipboard().write_text(text);
    wasm_bindgen_futures::spawn_local(async move {
        let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
    });
}

/// Hands a file to the reader.
pub(super) fn save(name: &str, kind: &str, text: &str) {
    super::rest::save_file(name, kind, text);
}

/// Whether somebody is typing there.
pub(super) fn is_typing(target: Option<web_sys::EventTarget>) -> bool {
    let Some(element) = target.and_then(|target| target.dyn_into::<Element>().ok()) else { return false };
    let name = element.tag_name();
    let is_range = element.get_attribute("type").is_some_and(|kind| kind == "range");
    (name == "INPUT" && !is_range) || name == "TEXTAREA" || name == "SELECT"
}

const THEME: &str = "terrarium-theme";

/// Auto, light or dark, as remembered.
pub(super) fn theme() -> String {
    use gloo::storage::Storage;
    gloo::storage::LocalStorage::get(THEME).unwrap_or_else(|_| "auto".to_owned())
}

/// Sets and remembers it.
pub(super) fn set_theme(theme: &str) {
    use gloo::storage::Storage;
    let _ = document_element().set_attribute("data-theme", theme);
    let _ = gloo::storage::LocalStorage::set(THEME, theme);
}
