//! Reading as a schema says: one loop for every message, whether the values are wanted or only
//! where they lie.

use super::Reader;
use crate::protocol::ErrorCode;
use crate::protocol::wire::span::camel_case;
use crate::protocol::wire::view::{Elements, Fields, Mut};
use crate::protocol::wire::{Field, Float64, Kind, Preset, Schema, Uuid, WireFault};

/// At most so many characters of a string are shown.
const MAX_SHOWN_CHARS: usize = 40;

impl Reader {
    /// Reads a value into `to`, if it is wanted.
    pub(in crate::protocol) fn value(&mut self, kind: Kind, to: Option<Mut<'_>>) {
        match (kind, to) {
            (Kind::Struct(schema), Some(Mut::Struct(fields))) => self.fields(schema, Some(fields)),
            (Kind::Struct(schema), _) => self.fields(schema, None),
            (Kind::Nullable(inner), to) if self.nullable => self.nullable_value(*inner, to),
            (Kind::Nullable(inner), to) => self.value(*inner, to.map(Mut::filled)),
            (Kind::Text | Kind::Bytes | Kind::Array(_), to) => match self.length(kind) {
                Some(length) => self.content(kind, length, to),
                None if self.imagination.is_some() => {}
                None => self.fail(WireFault::BadLength),
            },
            (Kind::Uuid, to) => {
                let uuid = Uuid(self.array());
                self.say(|| uuid.to_string());
                if let Some(Mut::Uuid(to)) = to {
                    *to = uuid;
                }
            }
            (_, to) => {
                let number = self.number(kind);
                if let Some(to) = to {
                    to.set_number(number);
                }
            }
        }
    }

    /// Reads the tagged fields at the end of a struct. Those that the schema or this version
    /// does not know are skipped.
    pub(super) fn tagged_fields(&mut self, known: &'static [Field], mut to: Option<&mut dyn Fields>) {
        if !self.flexible || self.has_failed() {
            return;
        }
        if self.imagination.is_some() {
            // No schema has more tags than that.
            return (0..16).for_each(|tag| {
                self.tagged(tag, known, &mut to);
            });
        }
        self.field = "_tagged_fields";
        let outer = self.open(|| "_tagged_fields".to_owned());
        let count = self.unsigned_varint();
        for _ in 0..count {
            let tag = self.unsigned_varint();
            let size = self.unsigned_varint() as usize;
            if size > self.remaining() {
                self.fail(WireFault::UnexpectedEnd);
            }
            if self.has_failed() {
                break;
            }
            let limit = std::mem::replace(&mut self.limit, self.position + size);
            if !self.tagged(tag, known, &mut to) {
                self.skip(format!("(tag {tag})"), size);
            }
            if self.remaining() > 0 {
                self.fail(WireFault::BadTag);
            }
            self.limit = limit;
            self.field = "_tagged_fields";
        }
        self.say(|| count.to_string());
        self.close(outer);
    }

    /// Reads a field that this version has.
    pub(super) fn named(&mut self, field: &'static Field, to: Option<Mut<'_>>) {
        self.field = field.name;
        self.nullable = field.is_nullable_in(self.version);
        let mark = self.open(|| camel_case(field.name));
        self.value(field.kind, to);
        self.close(mark);
    }

    fn fields(&mut self, schema: &'static Schema, mut to: Option<&mut dyn Fields>) {
        for (index, field) in schema.fields.iter().enumerate() {
            if self.comes_next(field) {
                self.named(field, to.as_mut().map(|to| to.field_mut(index)));
            }
        }
        self.tagged_fields(schema.fields, to);
    }

    /// Reads the tagged field with this tag, if this version has one, and says so.
    fn tagged(&mut self, tag: u32, known: &'static [Field], to: &mut Option<&mut dyn Fields>) -> bool {
        let is_it = |field: &Field| field.tag == Some(tag) && field.is_in(self.version);
        let Some((index, field)) = known.iter().enumerate().find(|(_, field)| is_it(field)) else {
            return false;
        };
        if let Some(to) = to {
            // The same tag may come twice; what the second one says holds, and no more.
            to.field_mut(index).reset(field.kind, Preset::Unset);
        }
        self.named(field, to.as_mut().map(|to| to.field_mut(index)));
        true
    }

    /// Reads what may be null: a length of −1, or, for structs, a negative byte in front.
    fn nullable_value(&mut self, inner: Kind, to: Option<Mut<'_>>) {
        let length = if inner.has_length() {
            self.length(inner)
        } else {
            (i8::from_be_bytes(self.array()) >= 0).then_some(0)
        };
        match (length, to) {
            (Some(length), to) if inner.has_length() => self.content(inner, length, to.map(Mut::filled)),
            (Some(_), to) => self.value(inner, to.map(Mut::filled)),
            (None, to) => {
                self.say(|| "null".to_owned());
                if let Some(Mut::Nullable(to)) = to {
                    to.nullify();
                }
            }
        }
    }

    /// Reads what is behind a length.
    fn content(&mut self, kind: Kind, length: usize, to: Option<Mut<'_>>) {
        match (kind, to) {
            (Kind::Array(element), Some(Mut::Array(to))) => self.elements(*element, length, Some(to)),
            (Kind::Array(element), _) => self.elements(*element, length, None),
            (Kind::Text, to) => {
                let bytes = self.slice(length);
                let Ok(text) = std::str::from_utf8(&bytes) else { return self.fail(WireFault::NotUtf8) };
                self.say(|| show_text(text));
                if let Some(Mut::Text(to)) = to {
                    text.clone_into(to);
                }
            }
            (_, to) => {
                let bytes = self.rope(length);
                self.say(|| format!("{length} bytes"));
                match to {
                    Some(Mut::Bytes(to)) => *to = bytes.whole(),
                    Some(Mut::Rope(to)) => *to = bytes,
                    _ => {}
                }
            }
        }
    }

    /// Reads elements. An array grows with what is read, whatever its length says.
    fn elements(&mut self, kind: Kind, length: usize, mut to: Option<&mut dyn Elements>) {
        if let Some(to) = &mut to {
            to.empty();
        }
        for index in 0..length {
            if self.has_failed() {
                break;
            }
            self.nullable = false;
            let mark = self.open(|| format!("[{index}]"));
            self.value(kind, to.as_mut().map(|to| to.add()));
            self.close(mark);
        }
        self.say(|| format!("{length} elements"));
    }

    fn number(&mut self, kind: Kind) -> i64 {
        let number = match kind {
            Kind::Bool | Kind::I8 => i8::from_be_bytes(self.array()).into(),
            Kind::U16 => u16::from_be_bytes(self.array()).into(),
            Kind::I32 => i32::from_be_bytes(self.array()).into(),
            Kind::I64 | Kind::F64 => i64::from_be_bytes(self.array()),
            _ => i16::from_be_bytes(self.array()).into(),
        };
        self.say(|| match kind {
            Kind::Bool => (number != 0).to_string(),
            Kind::Error => ErrorCode::from_code(number as i16).to_string(),
            Kind::F64 => Float64::from_bits(number).to_string(),
            _ => number.to_string(),
        });
        number
    }
}

fn show_text(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}
