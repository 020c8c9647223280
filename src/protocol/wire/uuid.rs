//! Kafka's UUIDs, which people see as 22 characters of base64url.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A 128-bit id: of a topic, a log directory, an incarnation.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// All zeros: "none" wherever an id is optional.
    pub const ZERO: Uuid = Uuid([0; 16]);

    /// The id with these two halves.
    pub const fn from_halves(most: u64, least: u64) -> Self {
        Uuid(((most as u128) << 64 | least as u128).to_be_bytes())
    }

    /// Whether it is [`Uuid::ZERO`].
    pub const fn is_zero(self) -> bool {
        u128::from_be_bytes(self.0) == 0
    }
}

/// Base64url without padding, as Kafka's tools print it.
impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits = u128::from_be_bytes(self.0);
        let text: String = (0..22)
            .map(|i| {
                // 22 characters hold 132 bits: the last one ends in four zeros.
                let sextet = if i < 21 { bits >> (122 - 6 * i) } else { bits << 4 } & 63;
                char::from(ALPHABET[sextet as usize])
            })
            .collect();
        f.pad(&text)
    }
}

/// The same: sixteen numbers would tell nobody more.
impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
