//! The types of Rust that lie on the wire.

use bytes::Bytes;

use super::view::{Mut, Ref};
use super::{Kind, Uuid, Wire};
use crate::base::Rope;
use crate::protocol::ErrorCode;

macro_rules! values {
    ($($ty:ty = $kind:ident),*) => {$(
        impl Wire for $ty {
            const KIND: Kind = Kind::$kind;

            fn view(&self) -> Ref<'_> {
                Ref::$kind(self)
            }

            fn view_mut(&mut self) -> Mut<'_> {
                Mut::$kind(self)
            }
        }
    )*};
}

values! {
    bool = Bool, i8 = I8, i16 = I16, u16 = U16, i32 = I32, i64 = I64,
    ErrorCode = Error, Uuid = Uuid, String = Text, Bytes = Bytes
}

/// Bytes that may stay where they lie: records.
impl Wire for Rope {
    const KIND: Kind = Kind::Bytes;

    fn view(&self) -> Ref<'_> {
        Ref::Rope(self)
    }

    fn view_mut(&mut self) -> Mut<'_> {
        Mut::Rope(self)
    }
}

impl<T: Wire> Wire for Vec<T> {
    const KIND: Kind = Kind::Array(&T::KIND);

    fn view(&self) -> Ref<'_> {
        Ref::Array(self)
    }

    fn view_mut(&mut self) -> Mut<'_> {
        Mut::Array(self)
    }
}

impl<T: Wire> Wire for Option<T> {
    const KIND: Kind = Kind::Nullable(&T::KIND);

    fn view(&self) -> Ref<'_> {
        Ref::Nullable(self)
    }

    fn view_mut(&mut self) -> Mut<'_> {
        Mut::Nullable(self)
    }

    fn unset() -> Self {
        Some(T::unset())
    }
}
