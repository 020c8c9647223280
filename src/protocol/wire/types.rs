//! The primitive types, arrays and optional values.

use bytes::Bytes;

use super::{Reader, Uuid, Wire, WireFault, Writer};

/// An array preallocates at most so many bytes, whatever its length says.
const MAX_PREALLOCATION_BYTES: usize = 64 * 1024;

/// At most so many characters of a string are shown.
const MAX_SHOWN_CHARS: usize = 40;

macro_rules! numbers {
    ($($ty:ty),*) => {$(
        impl Wire for $ty {
            fn get(r: &mut Reader) -> Self {
                Self::from_be_bytes(r.array())
            }

            fn put(&self, w: &mut Writer) {
                w.raw(&self.to_be_bytes());
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

numbers!(i8, i16, u16, i32, i64);

impl Wire for bool {
    fn get(r: &mut Reader) -> Self {
        i8::get(r) != 0
    }

    fn put(&self, w: &mut Writer) {
        i8::from(*self).put(w);
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Wire for Uuid {
    fn get(r: &mut Reader) -> Self {
        Uuid(r.array())
    }

    fn put(&self, w: &mut Writer) {
        w.raw(&self.0);
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Wire for String {
    fn get(r: &mut Reader) -> Self {
        required(r)
    }

    fn put(&self, w: &mut Writer) {
        Self::put_nullable(Some(self), w);
    }

    fn get_nullable(r: &mut Reader) -> Option<Self> {
        let length = r.length(|r| i16::get(r).into())?;
        let text = std::str::from_utf8(&r.slice(length)).map(str::to_owned);
        if text.is_err() {
            r.fail(WireFault::NotUtf8);
        }
        text.ok()
    }

    fn put_nullable(value: Option<&Self>, w: &mut Writer) {
        // Compact or not, Kafka's strings are at most 32,767 bytes long.
        if value.is_some_and(|text| text.len() > i16::MAX as usize) {
            return w.fail(WireFault::TooLong);
        }
        w.length(value.map(String::len), |w, length| i16::try_from(length).map(|n| n.put(w)).is_ok());
        w.raw(value.map_or(&[], |text| text.as_bytes()));
    }

    fn show(&self) -> String {
        match self.char_indices().nth(MAX_SHOWN_CHARS) {
            None => format!("{self:?}"),
            Some((end, _)) => format!("{:?}…", &self[..end]),
        }
    }
}

/// Bytes and records: both are a length and that many bytes.
impl Wire for Bytes {
    fn get(r: &mut Reader) -> Self {
        required(r)
    }

    fn put(&self, w: &mut Writer) {
        Self::put_nullable(Some(self), w);
    }

    fn get_nullable(r: &mut Reader) -> Option<Self> {
        let length = r.length(i32::get)?;
        Some(r.slice(length))
    }

    fn put_nullable(value: Option<&Self>, w: &mut Writer) {
        w.length(value.map(Bytes::len), put_i32);
        w.raw(value.map_or(&[], |bytes| bytes));
    }

    fn show(&self) -> String {
        format!("{} bytes", self.len())
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn get(r: &mut Reader) -> Self {
        required(r)
    }

    fn put(&self, w: &mut Writer) {
        Self::put_nullable(Some(self), w);
    }

    fn get_nullable(r: &mut Reader) -> Option<Self> {
        let length = r.length(i32::get)?;
        let room = MAX_PREALLOCATION_BYTES / size_of::<T>().max(1);
        let mut elements = Vec::with_capacity(length.min(room));
        for index in 0..length {
            if r.has_failed() {
                break;
            }
            elements.push(r.element(index));
        }
        Some(elements)
    }

    fn put_nullable(value: Option<&Self>, w: &mut Writer) {
        w.length(value.map(Vec::len), put_i32);
        for element in value.into_iter().flatten() {
            element.put(w);
        }
    }

    fn show(&self) -> String {
        format!("{} elements", self.len())
    }
}

impl<T: Wire> Wire for Option<T> {
    fn get(r: &mut Reader) -> Self {
        if r.is_nullable() { T::get_nullable(r) } else { Some(T::get(r)) }
    }

    fn put(&self, w: &mut Writer) {
        match self {
            _ if w.is_nullable() => T::put_nullable(self.as_ref(), w),
            Some(value) => value.put(w),
            None => w.fail(WireFault::NotInVersion(w.version())),
        }
    }

    fn unset() -> Self {
        Some(T::unset())
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "null".to_owned(), T::show)
    }
}

fn required<T: Wire>(r: &mut Reader) -> T {
    let value = T::get_nullable(r);
    if value.is_none() && !r.is_imagining() {
        r.fail(WireFault::BadLength);
    }
    value.unwrap_or_default()
}

fn put_i32(w: &mut Writer, length: i32) -> bool {
    length.put(w);
    true
}
