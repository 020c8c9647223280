//! A number with a fraction, as quotas have.

use std::fmt;

use super::view::{Mut, Ref};
use super::{Kind, Wire};

/// A `float64` of the protocol. Kept as its bits, so that what is read is what is written, and equal is equal.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Float64(u64);

impl Float64 {
    /// The number.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// As it lies on the wire.
    pub(in crate::protocol::wire) fn bits(self) -> i64 {
        self.0 as i64
    }

    pub(in crate::protocol::wire) fn from_bits(bits: i64) -> Float64 {
        Float64(bits as u64)
    }
}

impl From<f64> for Float64 {
    fn from(number: f64) -> Float64 {
        Float64(number.to_bits())
    }
}

impl fmt::Debug for Float64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Code that writes any fraction is too much for the page.
        if cfg!(target_arch = "wasm32") {
            fmt::Display::fmt(self, f)
        } else {
            fmt::Debug::fmt(&self.get(), f)
        }
    }
}

/// In thousandths, which is enough for a quota: code that writes any fraction is large.
impl fmt::Display for Float64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.get();
        let whole = number as i64;
        let thousandths = ((number - whole as f64) * 1_000.0) as i64;
        match thousandths.unsigned_abs() {
            0 => write!(f, "{whole}"),
            part => {
                let sign = if number < 0.0 && whole == 0 { "-" } else { "" };
                write!(f, "{sign}{whole}.{part:03}")
            }
        }
    }
}

impl Wire for Float64 {
    const KIND: Kind = Kind::F64;

    fn view(&self) -> Ref<'_> {
        Ref::F64(self)
    }

    fn view_mut(&mut self) -> Mut<'_> {
        Mut::F64(self)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn it_is_shown_in_thousandths() {
        let shown = [0.0, 1.0, 2.5, -0.25, -7.125, 1e9].map(|number| Float64::from(number).to_string());
        assert_eq!(shown, ["0", "1", "2.500", "-0.250", "-7.125", "1000000000"]);
    }
}
