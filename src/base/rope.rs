//! Bytes in pieces: a frame that carries what a log holds without a copy of it.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

/// Bytes that lie in one or several places. What it says does not depend on how it is cut. Cheap
/// to clone.
#[derive(Clone, Default)]
pub struct Rope(Pieces);

#[derive(Clone)]
enum Pieces {
    One(Bytes),
    Several(Arc<[Bytes]>),
}

impl Default for Pieces {
    fn default() -> Self {
        Pieces::One(Bytes::new())
    }
}

impl Rope {
    /// Its pieces, in order.
    pub fn pieces(&self) -> &[Bytes] {
        match &self.0 {
            Pieces::One(only) => std::slice::from_ref(only),
            Pieces::Several(pieces) => pieces,
        }
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.pieces().iter().map(Bytes::len).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.pieces().iter().all(Bytes::is_empty)
    }

    /// All of it in one place: a copy, unless it is in one already.
    pub fn whole(&self) -> Bytes {
        match &self.0 {
            Pieces::One(only) => only.clone(),
            Pieces::Several(pieces) => {
                let mut whole = BytesMut::with_capacity(self.len());
                pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
                whole.freeze()
            }
        }
    }
}

impl From<Bytes> for Rope {
    fn from(bytes: Bytes) -> Self {
        Rope(Pieces::One(bytes))
    }
}

impl FromIterator<Bytes> for Rope {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let mut pieces: Vec<Bytes> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        match pieces.len() {
            0 | 1 => Rope::from(pieces.pop().unwrap_or_default()),
            _ => Rope(Pieces::Several(pieces.into())),
        }
    }
}

/// The same bytes, however they are cut.
impl PartialEq for Rope {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Pieces::Several(ours), Pieces::Several(theirs)) if Arc::ptr_eq(ours, theirs) => true,
            _ => self.len() == other.len() && self.whole() == other.whole(),
        }
    }
}

impl Eq for Rope {}

impl fmt::Debug for Rope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn rope(pieces: &[&'static str]) -> Rope {
        pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect()
    }

    #[test]
    fn what_it_says_does_not_depend_on_how_it_is_cut() {
        let whole = rope(&["records"]);
        assert_eq!(rope(&["rec", "", "ords"]), whole);
        assert_eq!(rope(&["rec", "ords"]).whole(), "records");
        assert_eq!(rope(&["rec", "ords"]).len(), 7);
        assert_ne!(rope(&["rec", "orts"]), whole);
        assert_ne!(rope(&["rec"]), whole);
        assert!(rope(&["", ""]).is_empty() && !whole.is_empty());
        assert_eq!(rope(&["", ""]), Rope::default());
    }

    #[test]
    fn one_piece_is_shared_and_not_copied() {
        let bytes = Bytes::from(vec![1; 100]);
        let rope: Rope = [Bytes::new(), bytes.clone()].into_iter().collect();
        assert_eq!((rope.pieces().len(), rope.whole().as_ptr()), (1, bytes.as_ptr()));
    }
}
