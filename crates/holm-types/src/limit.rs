//! How a maximum is written down.

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
