//! The server's maxima on the wire.

use holm_types::LimitInForce;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every maximum of the server, room by room.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LimitList {
    /// In the order of `docs/reference/limits.md`.
    pub data: Vec<LimitView>,
}

/// One maximum.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LimitView {
    /// Its name, as errors name it, for example `control.files_max`.
    pub name: String,
    /// What holds now.
    pub value: u64,
    /// What holds when nobody says otherwise.
    pub default: u64,
    /// What it counts: `bytes`, `ms` or `count`.
    pub unit: String,
    /// The key in `[limits]` of the server's configuration. Null: it is part of the program.
    pub setting: Option<String>,
    /// What happens when it is reached.
    pub at_max: String,
}

impl From<LimitInForce> for LimitView {
    fn from(row: LimitInForce) -> Self {
        Self {
            name: row.limit.name.to_owned(),
            value: row.value,
            default: row.limit.default,
            unit: row.limit.unit.as_str().to_owned(),
            setting: row.is_settable.then(|| row.limit.name.to_owned()),
            at_max: row.limit.at_max.to_owned(),
        }
    }
}
