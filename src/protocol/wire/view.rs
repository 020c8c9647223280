//! Values of any type as the codec's loops see them. A struct gives no more than access to its
//! fields, so that there is one loop for all of them.

use bytes::Bytes;

use super::{Float64, Kind, Preset, Uuid, Wire};
use crate::base::Rope;
use crate::protocol::ErrorCode;

/// A value to be written.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, missing_docs)] // The same as the kinds of a schema.
pub enum Ref<'a> {
    Bool(&'a bool),
    I8(&'a i8),
    I16(&'a i16),
    U16(&'a u16),
    I32(&'a i32),
    I64(&'a i64),
    F64(&'a Float64),
    Error(&'a ErrorCode),
    Uuid(&'a Uuid),
    Text(&'a String),
    Bytes(&'a Bytes),
    Rope(&'a Rope),
    Array(&'a dyn Elements),
    Nullable(&'a dyn Nullable),
    Struct(&'a dyn Fields),
}

/// A place for a value that is read.
#[allow(missing_debug_implementations, missing_docs)] // The same as the kinds of a schema.
pub enum Mut<'a> {
    Bool(&'a mut bool),
    I8(&'a mut i8),
    I16(&'a mut i16),
    U16(&'a mut u16),
    I32(&'a mut i32),
    I64(&'a mut i64),
    F64(&'a mut Float64),
    Error(&'a mut ErrorCode),
    Uuid(&'a mut Uuid),
    Text(&'a mut String),
    Bytes(&'a mut Bytes),
    Rope(&'a mut Rope),
    Array(&'a mut dyn Elements),
    Nullable(&'a mut dyn Nullable),
    Struct(&'a mut dyn Fields),
}

/// The fields of a struct, numbered as in its schema.
pub trait Fields {
    /// To write it.
    fn field(&self, index: usize) -> Ref<'_>;

    /// To read into it.
    fn field_mut(&mut self, index: usize) -> Mut<'_>;
}

/// The elements of an array.
pub trait Elements {
    /// How many there are.
    fn count(&self) -> usize;

    /// One of them, if there are so many.
    fn element(&self, index: usize) -> Option<Ref<'_>>;

    /// Forgets all of them.
    fn empty(&mut self);

    /// Adds one, to read into.
    fn add(&mut self) -> Mut<'_>;
}

/// A value that may be null.
pub trait Nullable {
    /// The value, unless it is null.
    fn value(&self) -> Option<Ref<'_>>;

    /// Makes it null.
    fn nullify(&mut self);

    /// Makes it some value, to read into.
    fn fill(&mut self) -> Mut<'_>;
}

impl<T: Wire> Elements for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn element(&self, index: usize) -> Option<Ref<'_>> {
        self.get(index).map(T::view)
    }

    fn empty(&mut self) {
        self.clear();
    }

    fn add(&mut self) -> Mut<'_> {
        self.push_mut(T::default()).view_mut()
    }
}

impl<T: Wire> Nullable for Option<T> {
    fn value(&self) -> Option<Ref<'_>> {
        self.as_ref().map(T::view)
    }

    fn nullify(&mut self) {
        *self = None;
    }

    fn fill(&mut self) -> Mut<'_> {
        self.insert(T::default()).view_mut()
    }
}

impl Ref<'_> {
    /// The number, if it is one of the numeric types.
    pub(super) fn number(self) -> Option<i64> {
        Some(match self {
            Ref::Bool(value) => i64::from(*value),
            Ref::I8(value) => i64::from(*value),
            Ref::I16(value) => i64::from(*value),
            Ref::U16(value) => i64::from(*value),
            Ref::I32(value) => i64::from(*value),
            Ref::I64(value) => *value,
            Ref::F64(value) => value.bits(),
            Ref::Error(value) => i64::from(value.code()),
            _ => return None,
        })
    }

    /// Whether it is the default of a field of this kind that is declared so.
    pub(super) fn is(self, kind: Kind, preset: Preset) -> bool {
        match (self, preset) {
            (Ref::Uuid(uuid), _) => uuid.is_zero(),
            (Ref::Text(text), _) => text.is_empty(),
            (Ref::Bytes(bytes), _) => bytes.is_empty(),
            (Ref::Rope(rope), _) => rope.is_empty(),
            (Ref::Array(elements), _) => elements.count() == 0,
            (Ref::Nullable(nullable), Preset::Null) => nullable.value().is_none(),
            (Ref::Nullable(nullable), _) => match (nullable.value(), kind) {
                (Some(value), Kind::Nullable(inner)) => value.is(*inner, Preset::Unset),
                _ => false,
            },
            (Ref::Struct(fields), _) => {
                let Kind::Struct(schema) = kind else { return false };
                let is_preset =
                    |(index, field): (usize, &super::Field)| fields.field(index).is(field.kind, field.preset);
                schema.fields.iter().enumerate().all(is_preset)
            }
            (number, Preset::Number(preset)) => number.number() == Some(preset),
            (number, _) => number.number() == Some(0),
        }
    }
}

impl<'a> Mut<'a> {
    /// Stores a number, if this is one of the numeric types, of which it has the range.
    pub(super) fn set_number(self, number: i64) {
        match self {
            Mut::Bool(value) => *value = number != 0,
            Mut::I8(value) => *value = number as i8,
            Mut::I16(value) => *value = number as i16,
            Mut::U16(value) => *value = number as u16,
            Mut::I32(value) => *value = number as i32,
            Mut::I64(value) => *value = number,
            Mut::F64(value) => *value = Float64::from_bits(number),
            Mut::Error(value) => *value = ErrorCode::from_code(number as i16),
            _ => {}
        }
    }

    /// Stores the default of a field of this kind that is declared so.
    pub(super) fn reset(self, kind: Kind, preset: Preset) {
        match self {
            Mut::Uuid(uuid) => *uuid = Uuid::ZERO,
            Mut::Text(text) => text.clear(),
            Mut::Bytes(bytes) => bytes.clear(),
            Mut::Rope(rope) => *rope = Rope::default(),
            Mut::Array(elements) => elements.empty(),
            Mut::Nullable(nullable) if preset == Preset::Null => nullable.nullify(),
            Mut::Nullable(nullable) => {
                nullable.fill();
            }
            Mut::Struct(fields) => {
                let Kind::Struct(schema) = kind else { return };
                for (index, field) in schema.fields.iter().enumerate() {
                    fields.field_mut(index).reset(field.kind, field.preset);
                }
            }
            number => number.set_number(if let Preset::Number(number) = preset { number } else { 0 }),
        }
    }

    /// The place inside one that may be null, which it no longer is.
    pub(super) fn filled(self) -> Mut<'a> {
        if let Mut::Nullable(nullable) = self { nullable.fill() } else { self }
    }
}
