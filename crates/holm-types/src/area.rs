//! EdgeOne's acceleration region of a project.

use std::fmt;
use std::str::FromStr;

/// Where a project's visitors are, in EdgeOne's words. Holm keeps and shows it, so that scripts and
/// settings move unchanged; a server of one's own answers everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Area {
    /// The Chinese mainland.
    Mainland,
    /// Everywhere but the Chinese mainland.
    Overseas,
    /// Everywhere.
    #[default]
    Global,
}

impl Area {
    /// Every area.
    pub const ALL: [Self; 3] = [Self::Mainland, Self::Overseas, Self::Global];

    /// The word used in the API, the database and the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mainland => "mainland",
            Self::Overseas => "overseas",
            Self::Global => "global",
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Area {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|area| area.as_str() == text)
            .ok_or(())
    }
}
