//! The rest of the program, which a first look does not need: `tests/tools/split.sh` cuts it off
//! the built page, `rest.js` fetches it.
//!
//! Functions are moved whole. What a first look does not run, but is called by what it does, is
//! marked `#[inline(never)]` all over the program where it is large: else it would be in the
//! first part as a piece of its caller.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Says what the rest can share.
    #[wasm_bindgen(js_namespace = terrarium)]
    fn expect_rest(first: JsValue);

    /// Brings the rest, now. The stubs call it that stand in the first part for what is in the rest.
    #[wasm_bindgen(js_namespace = terrarium)]
    fn load_rest();

    /// Saves a file; a drawing becomes a picture when its name ends so.
    #[wasm_bindgen(js_namespace = terrarium, js_name = save)]
    pub(super) fn save_file(name: &str, kind: &str, text: &str);
}

/// Makes ready to fetch the rest: at once when the page was opened by a link, which it takes the
/// rest to read.
pub(super) fn prepare(linked: bool) {
    expect_rest(wasm_bindgen::exports());
    if linked {
        load_rest();
    }
}
