//! How a maximum is written down.

use std::time::Duration;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
    /// Things.
    Count,
}

impl Unit {
    /// The word for tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Milliseconds => "ms",
            Self::Count => "count",
        }
    }
}

/// One maximum: its name, what it counts, its default, and what happens there.
///
/// Each room has one `limits.rs` with a table of these; `docs/reference/limits.md` is made from the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// `room.name_max`, as in the configuration.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// What holds when nobody says otherwise.
    pub default: u64,
    /// What happens when it is reached, as a sentence.
    pub at_max: &'static str,
}

/// A value that a limit is kept as.
pub trait LimitValue: Sized {
    /// From the number of the configuration, in the limit's unit (milliseconds for a [`Duration`]).
    /// `None` when this machine cannot count so far.
    fn from_number(number: u64) -> Option<Self>;
}

impl LimitValue for u64 {
    fn from_number(number: u64) -> Option<Self> {
        Some(number)
    }
}

impl LimitValue for u32 {
    fn from_number(number: u64) -> Option<Self> {
        Self::try_from(number).ok()
    }
}

impl LimitValue for usize {
    fn from_number(number: u64) -> Option<Self> {
        Self::try_from(number).ok()
    }
}

impl LimitValue for Duration {
    fn from_number(number: u64) -> Option<Self> {
        Some(Self::from_millis(number))
    }
}

/// Gives a room's struct of limits a method that sets one by its name, for the configuration.
/// Every field must be listed, or the compiler says which is missing.
#[macro_export]
macro_rules! settable_limits {
    ($limits:ident { $($field:ident),* $(,)? }) => {
        impl $limits {
            /// Sets one maximum by its name without the room, in the unit of the table.
            /// False when there is none of this name, or the number is beyond what this machine counts.
            pub fn set(&mut self, name: &str, number: u64) -> bool {
                // Names every field, so that a new one cannot be forgotten here.
                let Self { $($field: _),* } = self;
                $(if name == stringify!($field) {
                    let Some(value) = $crate::LimitValue::from_number(number) else { return false };
                    self.$field = value;
                    return true;
                })*
                false
            }
        }
    };
}
