//! How members of groups are told apart, the same in every picture: a hue, after six of them the
//! same hues with dots, and always a letter or a name.

use crate::base::NodeId;
use crate::sim::{Machine, World};

/// So many hues; people who see few colours can tell them apart by their lightness, too.
pub const HUES: u8 = 6;
/// So many members can be told apart without a letter; then all begins again.
pub const COLOURS: u8 = 2 * HUES;

/// The number of a consumer's colour, below [`COLOURS`]: consumers are counted in the order of
/// their nodes, over all groups.
pub fn colour(world: &World, node: NodeId) -> u8 {
    let consumers = world.nodes().filter(|(_, slot)| matches!(slot.machine, Machine::Consumer(_)));
    (consumers.take_while(|(id, _)| *id < node).count() % usize::from(COLOURS)) as u8
}

/// The CSS classes of a colour.
pub fn class(colour: u8) -> &'static str {
    const CLASSES: [&str; COLOURS as usize] = [
        "m0", "m1", "m2", "m3", "m4", "m5", "m0 dots", "m1 dots", "m2 dots", "m3 dots", "m4 dots", "m5 dots",
    ];
    CLASSES[usize::from(colour % COLOURS)]
}

/// Whether a colour is one with dots.
pub fn is_dotted(colour: u8) -> bool {
    colour % COLOURS >= HUES
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// As people with normal sight, without red, without green and without blue receptors see a
    /// colour: linear light, times a matrix of Machado, Oliveira and Fernandes (2009).
    const SIGHTS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ];

    #[allow(clippy::disallowed_methods, reason = "compared with room to spare")]
    fn linear(hex: &str) -> [f64; 3] {
        let hex: String = match hex.len() {
            4 => hex[1..].chars().flat_map(|c| [c, c]).collect(),
            _ => hex[1..].to_owned(),
        };
        [0, 2, 4].map(|at| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn times(matrix: [[f64; 3]; 3], [a, b, c]: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row[0] * a + row[1] * b + row[2] * c)
    }

    /// Oklab: equal distances look equally far.
    fn oklab(rgb: [f64; 3]) -> [f64; 3] {
        let lms = times(
            [
                [0.412_221, 0.536_332, 0.051_446],
                [0.211_903, 0.680_7, 0.107_397],
                [0.088_302, 0.281_719, 0.629_979],
            ],
            rgb.map(|channel| channel.clamp(0.0, 1.0)),
        );
        times(
            [
                [0.210_454, 0.793_618, -0.004_072],
                [1.977_998, -2.428_592, 0.450_594],
                [0.025_904, 0.782_772, -0.808_676],
            ],
            lms.map(f64::cbrt),
        )
    }

    fn luminance([r, g, b]: [f64; 3]) -> f64 {
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(linear(a)), luminance(linear(b)));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The light and the dark value of a variable of the page's.
    fn of_css(name: &str) -> [String; 2] {
        let css = concat!(include_str!("../../static/style.css"), include_str!("../../static/theatre.css"));
        let from = css.find(&format!("{name}: light-dark(")).expect("it is there") + name.len() + 13;
        let values = css[from..].split(')').next().expect("it ends");
        let mut values = values.split(',').map(|value| value.trim().to_owned());
        [values.next().expect("light"), values.next().expect("dark")]
    }

    #[test]
    fn hues_are_far_apart_for_every_sight_and_letters_on_them_can_be_read() {
        let hues: Vec<[String; 2]> = (0..HUES).map(|hue| of_css(&format!("--m{hue}"))).collect();
        for (mode, letters) in of_css("--on-member").iter().enumerate() {
            for (index, hue) in hues.iter().enumerate() {
                let found = contrast(&hue[mode], letters);
                assert!(found >= 4.5, "{letters} on {}: {found}", hue[mode]);
                for other in &hues[..index] {
                    for sight in SIGHTS {
                        let [a, b] = [&hue[mode], &other[mode]].map(|hex| oklab(times(sight, linear(hex))));
                        let far: f64 = (0..3).map(|at| (a[at] - b[at]) * (a[at] - b[at])).sum::<f64>().sqrt();
                        assert!(far > 0.09, "{} and {}: {far}", hue[mode], other[mode]);
                    }
                }
            }
        }
    }

    #[test]
    fn twelve_members_look_different() {
        let mut classes: Vec<&str> = (0..COLOURS).map(class).collect();
        classes.sort_unstable();
        classes.dedup();
        assert_eq!(classes.len(), 12);
    }
}
