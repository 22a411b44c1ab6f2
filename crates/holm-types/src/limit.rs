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

/// A maximum with the value that holds on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitInForce {
    /// The row of the table.
    pub limit: Limit,
    /// What holds, in the row's unit.
    pub value: u64,
    /// Whether `[limits]` of the configuration may say otherwise.
    pub is_settable: bool,
}

impl LimitInForce {
    /// Every row of a table whose values are part of the program.
    pub fn fixed(table: &[Limit]) -> impl Iterator<Item = Self> + '_ {
        table.iter().map(|limit| Self {
            limit: *limit,
            value: limit.default,
            is_settable: false,
        })
    }
}

/// A value that a limit is kept as.
pub trait LimitValue: Sized {
    /// From the number of the configuration, in the limit's unit (milliseconds for a [`Duration`]).
    /// `None` when this machine cannot count so far.
    fn from_number(number: u64) -> Option<Self>;

    /// The number of the configuration, in the limit's unit.
    fn to_number(&self) -> u64;
}

impl LimitValue for u64 {
    fn from_number(number: u64) -> Option<Self> {
        Some(number)
    }

    fn to_number(&self) -> u64 {
        *self
    }
}

impl LimitValue for u32 {
    fn from_number(number: u64) -> Option<Self> {
        Self::try_from(number).ok()
    }

    fn to_number(&self) -> u64 {
        u64::from(*self)
    }
}

impl LimitValue for usize {
    fn from_number(number: u64) -> Option<Self> {
        Self::try_from(number).ok()
    }

    fn to_number(&self) -> u64 {
        u64::try_from(*self).unwrap_or(u64::MAX)
    }
}

impl LimitValue for Duration {
    fn from_number(number: u64) -> Option<Self> {
        Some(Self::from_millis(number))
    }

    fn to_number(&self) -> u64 {
        u64::try_from(self.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Gives a room's struct of limits methods that set and read one by its name, for the configuration and
/// for the list of what holds.
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

            /// What holds for a maximum of this name without the room, in the unit of the table.
            /// `None` when there is none of this name that can be set.
            pub fn get(&self, name: &str) -> Option<u64> {
                $(if name == stringify!($field) {
                    return Some($crate::LimitValue::to_number(&self.$field));
                })*
                None
            }

            /// Every row of the room's table with what holds for it here.
            pub fn in_force<'t>(
                &'t self,
                table: &'t [$crate::Limit],
            ) -> impl Iterator<Item = $crate::LimitInForce> + 't {
                table.iter().map(|limit| {
                    let name = limit.name.split_once('.').map_or(limit.name, |(_, name)| name);
                    let value = self.get(name);
                    $crate::LimitInForce {
                        limit: *limit,
                        value: value.unwrap_or(limit.default),
                        is_settable: value.is_some(),
                    }
                })
            }
        }
    };
}
