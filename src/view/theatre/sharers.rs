//! Members who hold a partition at the same time: in share groups that is the rule.

use super::letter;

/// Some of a group's members, of whom there are at most 200.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sharers([u64; 4]);

impl Sharers {
    /// One more.
    pub fn insert(&mut self, who: u8) {
        self.0[usize::from(who / 64)] |= 1 << (who % 64);
    }

    /// Whether a member is among them.
    pub fn contains(self, who: u8) -> bool {
        self.0[usize::from(who / 64)] & (1 << (who % 64)) != 0
    }

    /// How many they are.
    pub fn count(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Who they are, in order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |who| self.contains(*who))
    }

    /// Their letters: `A, B and C`.
    pub fn words(self) -> String {
        let letters: Vec<String> = self.iter().map(letter).collect();
        match letters.split_last() {
            None => "nobody".to_owned(),
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        }
    }
}

impl FromIterator<u8> for Sharers {
    fn from_iter<I: IntoIterator<Item = u8>>(members: I) -> Self {
        let mut all = Sharers::default();
        members.into_iter().for_each(|who| all.insert(who));
        all
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn members_are_told_in_order() {
        let some: Sharers = [130, 2, 0].into_iter().collect();
        assert_eq!((some.count(), some.words()), (3, "A, C and A6".to_owned()));
        assert_eq!(some.iter().collect::<Vec<_>>(), [0, 2, 130]);
        assert!(some.contains(2) && !some.contains(3));
        assert_eq!(Sharers::default().words(), "nobody");
    }
}
