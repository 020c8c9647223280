//! A schema as data: which fields a struct has, of which types, and in which versions. The
//! codec's loops read it, so that a message costs a table instead of code of its own.

use std::marker::PhantomData;

/// What a struct looks like on the wire.
#[derive(Debug)]
pub struct Schema {
    /// Its fields, in the order of their bytes; the tagged ones in the order of their tags.
    pub fields: &'static [Field],
}

/// The type of a value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A byte: zero is false.
    Bool,
    /// A byte.
    I8,
    /// Two bytes.
    I16,
    /// Two bytes without a sign.
    U16,
    /// Four bytes.
    I32,
    /// Eight bytes.
    I64,
    /// Eight bytes: a [`Float64`](super::Float64).
    F64,
    /// Two bytes: an [`ErrorCode`](crate::protocol::ErrorCode).
    Error,
    /// Sixteen bytes: a [`Uuid`](super::Uuid).
    Uuid,
    /// A length and so many bytes of UTF-8.
    Text,
    /// A length and so many bytes. Records are the same.
    Bytes,
    /// A length and so many values.
    Array(&'static Kind),
    /// A value or null, in versions that have a null for it.
    Nullable(&'static Kind),
    /// Fields.
    Struct(&'static Schema),
}

impl Kind {
    /// Whether a length stands in front, which can also say null.
    pub(super) const fn has_length(self) -> bool {
        matches!(self, Kind::Text | Kind::Bytes | Kind::Array(_))
    }
}

/// What a field holds when nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Zero, false or empty, and not null; for a struct, what its fields say.
    Unset,
    /// Null.
    Null,
    /// This number; 1 is true.
    Number(i64),
}

/// Defaults of a type, as declarations give them.
#[derive(Debug)]
pub struct Given<T>(PhantomData<T>);

macro_rules! given {
    ($($number:ty)*) => {$(
        impl Given<$number> {
            /// The same as data.
            pub const fn preset(default: $number) -> Preset {
                Preset::Number(default as i64)
            }
        }
    )*};
}

given!(bool i8 i16 u16 i32 i64);

impl<T> Given<Option<T>> {
    /// The same as data.
    pub const fn preset(default: Option<T>) -> Preset {
        assert!(default.is_none(), "a schema's default can be null, but not another optional value");
        // Nothing to drop, which the compiler cannot know here.
        std::mem::forget(default);
        Preset::Null
    }
}

/// A field of a schema: of which type, in which versions it is, and how.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The schema's name in snake case.
    pub name: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// Its default.
    pub preset: Preset,
    /// If it is a tagged field, its tag.
    pub tag: Option<u32>,
    first: i16,
    last: i16,
    first_nullable: i16,
    ignorable: bool,
}

impl Field {
    /// A field that every version has.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Field {
            name,
            kind,
            preset: Preset::Unset,
            tag: None,
            first: i16::MIN,
            last: i16::MAX,
            first_nullable: i16::MIN,
            ignorable: false,
        }
    }

    /// With this default.
    pub const fn preset(mut self, preset: Preset) -> Self {
        self.preset = preset;
        self
    }

    /// Only versions `first..=last` have it.
    pub const fn versions(mut self, first: i16, last: i16) -> Self {
        self.first = first;
        self.last = last;
        self
    }

    /// Although optional, it can be null only from version `first` on.
    pub const fn nullable(mut self, first: i16) -> Self {
        self.first_nullable = first;
        self
    }

    /// It is a tagged field.
    pub const fn tagged(mut self, tag: u32) -> Self {
        self.tag = Some(tag);
        self
    }

    /// A version that cannot carry it drops it silently.
    pub const fn ignorable(mut self) -> Self {
        self.ignorable = true;
        self
    }

    /// Whether the version has this field.
    pub const fn is_in(&self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }

    /// Whether the field, if its type is optional, can be null in the version.
    pub const fn is_nullable_in(&self, version: i16) -> bool {
        self.first_nullable <= version
    }

    /// Whether its value may be dropped where the version has no such field.
    pub const fn is_ignorable(&self) -> bool {
        self.ignorable
    }
}
