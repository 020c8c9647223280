//! The `wire!` macro: schemas of messages as Rust declarations.

/// Declares messages and the structs inside them.
///
/// ```text
/// wire! {
///     /// What it is for.
///     Name(key, first..=last, first flexible version) {
///         field: Type [how] = default,
///     }
///     StructInside { field: Type }
/// }
/// ```
///
/// `[how]` lists, where it applies: the versions that have the field (`3..`, `..=5`, `3..=5`;
/// else all), `null 3..` if an optional type can be null only from some version on, `tag 0`,
/// and `ignorable`. Without `= default` a field's default is zero, false or empty, and as in
/// Kafka's schemas that holds for optional ones, too: null must be asked for with `= None`.
macro_rules! wire {
    ($(
        $(#[$meta:meta])*
        $name:ident $(($key:expr, $first:literal ..= $last:literal, $flexible:expr))? {
            $($field:ident : $ty:ty $([$($how:tt)*])? $(= $default:expr)?),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[doc = concat!("\n\nKafka's schema `", stringify!($name), "`.")]
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $(
                #[doc = concat!(
                    "As in Kafka's schema.",
                    $(" `[", stringify!($($how)*), "]`",)?
                    $(" Default: `", stringify!($default), "`.",)?
                )]
                pub $field: $ty,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $($field: $crate::protocol::wire::wire!(@default $ty $(, $default)?)),* }
            }
        }

        const _: () = {
            #[allow(unused_imports)] // By a struct without fields.
            use $crate::protocol::wire::{Fields, Kind, Mut, Ref, Schema, Wire, no_such_field, wire};

            impl Wire for $name {
                const KIND: Kind = Kind::Struct(&Schema {
                    fields: &[$(wire!(
                        @how wire!(@new $field $ty $(, $default)?); $($($how)*)?
                    )),*],
                });

                fn view(&self) -> Ref<'_> {
                    Ref::Struct(self)
                }

                fn view_mut(&mut self) -> Mut<'_> {
                    Mut::Struct(self)
                }
            }

            /// The fields by their numbers.
            #[allow(dead_code, non_camel_case_types)]
            enum At {
                $($field),*
            }

            impl Fields for $name {
                fn field(&self, index: usize) -> Ref<'_> {
                    $(if index == At::$field as usize {
                        return self.$field.view();
                    })*
                    no_such_field(index)
                }

                fn field_mut(&mut self, index: usize) -> Mut<'_> {
                    $(if index == At::$field as usize {
                        return self.$field.view_mut();
                    })*
                    no_such_field(index)
                }
            }
        };

        $(impl $crate::protocol::wire::Message for $name {
            const KEY: i16 = $key;
            const NAME: &'static str = stringify!($name);
            const VERSIONS: std::ops::RangeInclusive<i16> = $first..=$last;
            const FLEXIBLE: i16 = $flexible;
        })?
    )*};

    (@default $ty:ty) => { <$ty as $crate::protocol::wire::Wire>::unset() };
    (@default $ty:ty, $default:expr) => { $default };

    (@new $field:ident $ty:ty) => {
        $crate::protocol::wire::Field::new(
            stringify!($field),
            <$ty as $crate::protocol::wire::Wire>::KIND,
        )
    };
    (@new $field:ident $ty:ty, $default:expr) => {
        $crate::protocol::wire::wire!(@new $field $ty)
            .preset($crate::protocol::wire::Given::<$ty>::preset($default))
    };
    (@how $spec:expr;) => { $spec };
    (@how $spec:expr; ignorable $(, $($how:tt)*)?) => {
        $crate::protocol::wire::wire!(@how $spec.ignorable(); $($($how)*)?)
    };
    (@how $spec:expr; tag $tag:literal $(, $($how:tt)*)?) => {
        $crate::protocol::wire::wire!(@how $spec.tagged($tag); $($($how)*)?)
    };
    (@how $spec:expr; null $first:literal .. $(, $($how:tt)*)?) => {
        $crate::protocol::wire::wire!(@how $spec.nullable($first); $($($how)*)?)
    };
    (@how $spec:expr; $first:literal ..= $last:literal $(, $($how:tt)*)?) => {
        $crate::protocol::wire::wire!(@how $spec.versions($first, $last); $($($how)*)?)
    };
    (@how $spec:expr; $first:literal .. $(, $($how:tt)*)?) => {
        $crate::protocol::wire::wire!(@how $spec.versions($first, i16::MAX); $($($how)*)?)
    };
    (@how $spec:expr; ..= $last:literal $(, $($how:tt)*)?) => {
        $crate::protocol::wire::wire!(@how $spec.versions(i16::MIN, $last); $($($how)*)?)
    };
}

pub(crate) use wire;
