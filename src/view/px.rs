//! Lengths in drawings.

use std::fmt;

/// A length as a drawing wants it: to the hundredth. Not by the formatter of `f64`, which knows
/// every digit of every number and is much to load for that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Px(pub f64);

/// The text of a length.
pub fn px(length: f64) -> String {
    Px(length).to_string()
}

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Saturates; what is no number is drawn at 0.
        let hundredths = (self.0 * 100.0 + 0.5).floor() as i64;
        if hundredths < 0 {
            f.write_str("-")?;
        }
        let (whole, part) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
        match (part / 10, part % 10) {
            (0, 0) => write!(f, "{whole}"),
            (tenths, 0) => write!(f, "{whole}.{tenths}"),
            (tenths, hundredths) => write!(f, "{whole}.{tenths}{hundredths}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn lengths_are_told_to_the_hundredth() {
        for (length, text) in [
            (0.0, "0"),
            (-0.001, "0"),
            (12.0, "12"),
            (12.5, "12.5"),
            (-0.25, "-0.25"),
            (2.7149, "2.71"),
            (9.999, "10"),
            (-17.005, "-17"),
            (0.05, "0.05"),
            (f64::NAN, "0"),
            (1e300, "92233720368547758.07"),
        ] {
            assert_eq!(px(length), text);
        }
    }
}
