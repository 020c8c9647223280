//! What a schema says about one field, besides its type.

/// A field of a schema: in which versions it is, and how.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The schema's name in snake case.
    pub name: &'static str,
    /// If it is a tagged field, its tag.
    pub tag: Option<u32>,
    first: i16,
    last: i16,
    first_nullable: i16,
    ignorable: bool,
}

impl Field {
    /// A field that every version has.
    pub const fn new(name: &'static str) -> Self {
        Field { name, tag: None, first: i16::MIN, last: i16::MAX, first_nullable: i16::MIN, ignorable: false }
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
